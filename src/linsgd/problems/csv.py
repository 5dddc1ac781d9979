"""Cells of a CSV file as people have it: its encoding, separator and decimal mark are recognised.

A file is UTF-8, or UTF-16 with a byte order mark, may be compressed by gzip, and separates its
columns by commas, semicolons, tabs or bars. A clean table of numbers is read at NumPy's speed; any
other is read cell by cell. A number that can be read in two ways is refused.
"""

import csv
import gzip
import io
import re
import warnings
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from linsgd.domains import FloatArray

if TYPE_CHECKING:
    from _csv import Reader

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
SAMPLE = 50  # lines that decide on the separator
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")  # 1,234 or 1.234: also a thousand and more
POINTED = re.compile(r"[+-]?\d*\.\d*(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A file's header and what is below it.

    Attributes
    ----------
    names : list of str
        Of the columns.
    rows : list of list of str
        Cells with a decimal point; empty if `numbers` is there.
    lines : list of int
        Where each row ends in the file.
    numbers : ndarray (N, columns) or None
        The values, if every cell is a finite number.
    """

    names: list[str]
    rows: list[list[str]]
    lines: list[int]
    numbers: FloatArray | None


def read_cells(path: Path, decimal: str | None = None) -> Cells:
    """Read a CSV file.

    Parameters
    ----------
    path : Path
        The file.
    decimal : {".", ","}, optional
        The decimal mark; by default recognised.

    Returns
    -------
    Cells
        Its cells.

    Raises
    ------
    ValueError
        If the file is no such table; the message names file, line, column and what to do.
    OSError
        If the file cannot be read.
    """
    text = _decoded(path)
    separator = _separator(text)
    names = _names(path, text, separator)
    if decimal != ",":
        numbers = _numbers(text, separator)
        ambiguous = separator == ";" and decimal is None
        if numbers is not None and numbers.shape[1] == len(names) and not ambiguous:
            return Cells(names, [], [], numbers)
    rows, lines = _rows(path, text, separator, names)
    mark = decimal or _decimal_mark(path, names, rows, lines, separator)
    if mark == ",":
        rows = [[_with_point(cell) for cell in row] for row in rows]
    return Cells(names, rows, lines, None)


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    try:
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            text = content.decode("utf-16")
        else:
            text = content.decode("utf-8-sig")
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        kind = "an Excel workbook or another zip file" if content[:2] == b"PK" else "no UTF-8 text"
        remedy = "save it as 'CSV UTF-8'"
        raise ValueError(f"{path}: the file is {kind}; {remedy}") from error
    if text.startswith("sep=") and "\n" in text:  # a line that Excel writes and reads
        text = text.partition("\n")[2]
    return text


def _records(text: str, separator: str) -> "Reader":
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator)


def _separator(text: str) -> str:
    """Return the separator that gives the most columns, as many in each of the first lines."""
    found, most = ",", (False, 1)
    for separator in SEPARATORS:
        try:
            sample = [row for row in islice(_records(text, separator), SAMPLE) if row]
        except csv.Error:
            continue
        columns = len(sample[0]) if sample else 0
        score = (all(len(row) == columns for row in sample), columns)
        if columns > 1 and score > most:
            found, most = separator, score
    return found


def _names(path: Path, text: str, separator: str) -> list[str]:
    try:
        names = [name.strip() for name in next(_records(text, separator), [])]
    except csv.Error as error:
        refuse(path, f"line 1: {error}", "save it as 'CSV UTF-8'")
    if not names:
        refuse(path, "the file is empty", "its first line must name the columns")
    repeated = {name for name in names if name and names.count(name) > 1}
    if repeated:
        refuse(
            path,
            f"line 1: the header names {min(repeated)!r} twice",
            "give every column a name of its own",
        )
    if "" in names or names[0] == "Unnamed: 0":
        _explain_unnamed(path, names.index("") + 1 if "" in names else 1, len(names))
    return names


def _explain_unnamed(path: Path, column: int, columns: int) -> NoReturn:
    if column == 1:
        remedy = "delete it (in pandas: to_csv(..., index=False)), or give it a name"
        refuse(path, "column 1 has no name, as the row index that pandas and R write", remedy)
    where = "the last column" if column == columns else f"column {column}"
    refuse(path, f"line 1: {where} has no name", "name it, or delete it with its separators")


def _numbers(text: str, separator: str) -> FloatArray | None:
    """Return the table below the header if it is one of finite numbers."""
    try:
        file = io.StringIO(text, newline="")
        next(csv.reader(file, delimiter=separator))
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy only warns of a table without rows
            table: FloatArray = np.loadtxt(
                file, delimiter=separator, quotechar='"', comments=None, ndmin=2
            )
    except (ValueError, UserWarning):
        return None
    return table if np.isfinite(table).all() else None


def _rows(
    path: Path, text: str, separator: str, names: list[str]
) -> tuple[list[list[str]], list[int]]:
    reader = _records(text, separator)
    rows, lines = [], []
    try:
        next(reader)
        for row in filter(None, reader):
            if len(row) != len(names):
                _explain_length(path, reader.line_num, row, names, separator)
            rows.append([cell.strip() for cell in row])
            lines.append(reader.line_num)
    except csv.Error as error:
        refuse(path, f"line {reader.line_num}: {error}", "mend that line")
    if not rows:
        refuse(path, "there are no rows below the header", "add at least two")
    return rows, lines


def _explain_length(
    path: Path, line: int, row: list[str], names: list[str], separator: str
) -> NoReturn:
    remedy = f"make them equal; columns are separated by {SEPARATORS[separator]}"
    if len(names) == 1:
        remedy = "name every column in the first line"
    elif len(row) == len(names) + 1 and not is_number(row[0].strip()):
        remedy = "write the file without row names (in R: row.names = FALSE), or name their column"
    elif separator == "," and len(row) > len(names):
        remedy = (
            "quote texts that hold commas, and write numbers with a decimal point "
            "and without thousands separators"
        )
    refuse(path, f"line {line} has {len(row)} cells, the header {len(names)}", remedy)


def _decimal_mark(
    path: Path, names: list[str], rows: list[list[str]], lines: list[int], separator: str
) -> str:
    """Return the decimal mark of a file, or refuse numbers that can be read in two ways."""
    if separator == ",":
        return "."
    commas = [(i, j) for i, row in enumerate(rows) for j, c in enumerate(row) if _has_comma(c)]
    points = [(i, j) for i, row in enumerate(rows) for j, c in enumerate(row) if _has_point(c)]
    marked = commas or (points if separator == ";" else [])
    if not marked:
        return "."
    i, j = marked[0]
    certain = any(not GROUPED.fullmatch(rows[r][c]) for r, c in marked)
    if commas and points:
        refuse(
            path,
            f"line {lines[i]}, column {names[j]!r}: {rows[i][j]!r} has a comma and "
            f"{rows[points[0][0]][points[0][1]]!r} a point",
            "write numbers with one decimal mark and without thousands separators",
        )
    if not certain:
        cell = rows[i][j]
        refuse(
            path,
            f"line {lines[i]}, column {names[j]!r}: {cell!r} can be {re.sub('[.,]', '', cell)} or "
            f"{cell.replace(',', '.')}",
            'name the decimal mark: decimal="," or "." (--decimal)',
        )
    return "," if commas else "."


def _has_comma(cell: str) -> bool:
    return "," in cell and DECIMAL_COMMA.fullmatch(cell) is not None


def _has_point(cell: str) -> bool:
    return "." in cell and POINTED.fullmatch(cell) is not None


def _with_point(cell: str) -> str:
    """Return a cell of a file of decimal commas as Python writes it; a point makes it no number."""
    if _has_point(cell):
        return f"{cell} (with a point)"
    return cell.replace(",", ".") if _has_comma(cell) else cell


def is_number(cell: str) -> bool:
    """Say whether a cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def refuse(path: Path | str, problem: str, remedy: str) -> NoReturn:
    """Raise the ValueError that names a file, what is wrong with it and what to do."""
    raise ValueError(f"{path}: {problem}; {remedy}")
