"""A user's own data set: a CSV file with one header line and numbers below it.

The file is read at NumPy's speed; only where something is wrong with it, it is read again slowly,
to say where.
"""

import csv
import math
import os
import warnings
from pathlib import Path
from typing import NoReturn, TextIO

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.linear_regression import LinearRegression


def read_csv(path: str | os.PathLike[str], target: str) -> LinearRegression:
    r"""Return the regression of one column of a CSV file on all the others, as they are: no intercept, no scaling.

    Parameters
    ----------
    path : path
        A comma-separated file (UTF-8) with a header of distinct names; every other cell is a finite
        number.
    target : str
        The name of the column that holds the labels.

    Returns
    -------
    LinearRegression
        The finite-data problem.

    Raises
    ------
    ValueError
        If the file is no such table; the message names file, line, column and what to do.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "heights.csv"
    >>> _ = path.write_text("age,height\n1,75\n2,87\n")
    >>> read_csv(path, target="height").dimension
    1
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = _header(path, file, target)
            table = _table(path, file, names)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: not a UTF-8 text file ({error.reason} at byte {error.start})"
        ) from error
    column = names.index(target)
    y = table[:, column]
    if (y == y[0]).all():
        _refuse(
            path,
            f"the target {target!r} is constant ({y[0]:g} in all {len(y)} rows)",
            "choose one that varies",
        )
    return LinearRegression.from_data(np.delete(table, column, axis=1), y)


def _header(path: Path, file: TextIO, target: str) -> list[str]:
    names = [name.strip() for name in next(csv.reader(file), [])]
    if not names:
        _refuse(path, "the file is empty", "its first line must name the columns")
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        _refuse(
            path,
            f"line 1: the header names {sorted(repeated)[0]!r} twice",
            "give every column a name of its own",
        )
    if target not in names:
        listed = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
        _refuse(
            path, f"line 1: there is no column {target!r}", f"the target must be one of {listed}"
        )
    if len(names) == 1:
        _refuse(
            path,
            f"{target!r} is the only column",
            "add at least one feature column, separated by commas",
        )
    return names


def _table(path: Path, file: TextIO, names: list[str]) -> FloatArray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy only warns of a table without rows
            table = np.loadtxt(file, delimiter=",", quotechar='"', comments=None, ndmin=2)
    except (ValueError, UserWarning):
        table = None
    if table is None or table.shape[1] != len(names) or not np.isfinite(table).all():
        _explain(path, names)
    return table


def _explain(path: Path, names: list[str]) -> NoReturn:
    """Find the first cell that is no finite number."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        row: list[str] = []
        for row in filter(None, reader):
            if len(row) != len(names):
                _refuse(
                    path,
                    f"line {reader.line_num} has {len(row)} cells, the header {len(names)}",
                    "make them equal",
                )
            for name, cell in zip(names, row, strict=True):
                if not _is_finite(cell):
                    _refuse(
                        path,
                        f"line {reader.line_num}, column {name!r}: {_described(cell)}",
                        "fill it or drop the row",
                    )
    if not row:
        _refuse(path, "there are no rows below the header", "add at least two")
    _refuse(
        path,
        "not a table of numbers",
        "separate the columns by commas and use a point for decimals",
    )


def _is_finite(cell: str) -> bool:
    try:
        return math.isfinite(float(cell.replace("_", "?")))
    except ValueError:
        return False


def _described(cell: str) -> str:
    return f"{cell.strip()!r} is not a finite number" if cell.strip() else "the cell is empty"


def _refuse(path: Path, problem: str, remedy: str) -> NoReturn:
    raise ValueError(f"{path}: {problem}; {remedy}")
