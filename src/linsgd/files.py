"""Folders that can be written and files that are whole or not there."""

import os
import tempfile
from pathlib import Path


def make_writable(folder: str | os.PathLike[str]) -> Path:
    """Make a folder where it is missing; raises OSError if nothing can be written there."""
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path):
        return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside `path`, then rename it: a crash leaves the old file or none."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
        temporary.write(content)
        temporary.flush()
        os.fsync(temporary.fileno())
    os.replace(temporary.name, path)
