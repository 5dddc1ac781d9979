"""Folders that can be written and files that are whole or not there."""

import os
import tempfile
import uuid
from pathlib import Path


def make_writable(folder: str | os.PathLike[str]) -> Path:
    """Make a folder where it is missing; raises OSError if nothing can be written there."""
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path):
        return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside `path`, then rename it: a crash leaves the old file or none."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with open(beside, "xb") as temporary:  # with the permissions of any new file
        temporary.write(content)
        temporary.flush()
        os.fsync(temporary.fileno())
    os.replace(beside, path)
