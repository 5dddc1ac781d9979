r"""Rows of float64 behind one line of JSON: a file that only grows and is readable at any time.

    {"format": "linsgd phase space", "version": 1, "columns": [...], ...}\n
    row 0, row 1, ...          little-endian float64, as many as there are columns

Each write adds whole rows. After a crash the last row may be cut; it is left out when the file is
read.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from linsgd import domains
from linsgd.deep.record import PhaseSpaceRecord
from linsgd.domains import FloatArray

FORMAT = "linsgd phase space"
VERSION = 1
LONGEST_HEADER = 2**20  # bytes


def begin(path: Path, header: Mapping[str, Any]) -> None:
    """Begin a file; refuse one that exists."""
    if path.exists():
        domains.refuse("file", str(path), "a file that does not exist yet")
    line = json.dumps({"format": FORMAT, "version": VERSION, **header})
    with path.open("xb") as file:
        file.write(line.encode() + b"\n")


def append(path: Path, rows: FloatArray) -> None:
    """Add rows (n, columns)."""
    with path.open("ab") as file:
        file.write(rows.astype("<f8").tobytes())
        file.flush()
        os.fsync(file.fileno())


def read_record(file: str | os.PathLike[str]) -> PhaseSpaceRecord:
    """Read what a `PhaseSpaceRecorder` wrote, also of a run that was killed.

    Parameters
    ----------
    file : path
        The recorder's `file`.

    Returns
    -------
    PhaseSpaceRecord
        The rows that are whole.

    Raises
    ------
    ValueError
        If the file is not of this format.
    """
    with Path(file).open("rb") as opened:
        line = opened.readline(LONGEST_HEADER)
        content = opened.read()
    try:
        header = json.loads(line)
        known = header["format"] == FORMAT and header["version"] == VERSION
        columns = len(header["columns"])
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        domains.refuse("file", str(file), "a file written by PhaseSpaceRecorder")
    whole = len(content) // (8 * columns)
    rows = np.frombuffer(content, "<f8", whole * columns).reshape(whole, columns)
    return PhaseSpaceRecord.from_rows(header, rows.astype(np.float64))
