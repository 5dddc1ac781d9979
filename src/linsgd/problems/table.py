"""A table of one's own, from a file or a data frame, as a regression problem.

Nothing is done to the numbers unless it is asked for: no row is dropped, no text coded, no column
centred or scaled, no intercept added.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.csv import DECIMAL_COMMA, is_number, read_cells, refuse
from linsgd.problems.linear_regression import LinearRegression

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "<na>", "null", "none", "?", "."})
TRUTH = {"true": 1.0, "false": 0.0}
INTERCEPT = "intercept"
MOST_LEVELS = 20  # of a text column, unless each comes twice on average
THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:[ ',.\u00a0\u2009\u202f]\d{3})+(?:[.,]\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table and how it is read, with the parameters of `read_table`.

    Examples
    --------
    >>> Table(source="mine.csv", target="price", standardize=True).options()
    ['--standardize']
    """

    source: Any
    target: str
    drop_missing: bool = False
    one_hot: bool = False
    standardize: bool = False
    intercept: bool = False
    decimal: str | None = None

    def __post_init__(self) -> None:
        for name in ("drop_missing", "one_hot", "standardize", "intercept"):
            domains.boolean(name, getattr(self, name))
        if self.decimal is not None:
            domains.choice("decimal", self.decimal, (".", ","))

    @property
    def is_file(self) -> bool:
        """Whether the source is the path of a file."""
        return isinstance(self.source, str | os.PathLike)

    @property
    def name(self) -> str:
        """The name of the file, or "data frame"."""
        return Path(self.source).name if self.is_file else "data frame"

    def options(self) -> list[str]:
        """Return the options of the command line that read the table in this way."""
        flags = ("drop_missing", "one_hot", "standardize", "intercept")
        chosen = [f"--{name.replace('_', '-')}" for name in flags if getattr(self, name)]
        return chosen + ([] if self.decimal is None else ["--decimal", self.decimal])

    def read(self) -> LinearRegression:
        """Return the problem."""
        place, columns, labels = _columns(self.source, self.decimal)
        names = [column.name for column in columns]
        _check_target(place, names, self.target)
        columns = _complete(place, columns, labels, drop=self.drop_missing)
        features = [column for column in columns if column.name != self.target]
        (target,) = (column for column in columns if column.name == self.target)
        y = _labels(place, target)
        coded = [part for column in features for part in self._coded(place, column)]
        self._check_constant(place, coded)
        if self.standardize:
            y = _standardized(y)
            coded = [(name, _standardized(x)) for name, x in coded]
        if self.intercept:
            coded.append((INTERCEPT, np.ones(len(y))))
        X = np.column_stack([x for _, x in coded])
        return LinearRegression.from_data(X, y, feature_names=[name for name, _ in coded])

    def _coded(self, place: str, column: Column) -> list[tuple[str, FloatArray]]:
        """Return a column of numbers, or one indicator for each text of a column of texts.

        With an intercept, or centred columns, the first text is the reference and has none.
        """
        if column.texts is None:
            return [(column.name, column.numbers)]
        if not self.one_hot:
            i = int(np.flatnonzero(np.isnan(column.numbers))[0])
            refuse(
                place,
                f"column {column.name!r} holds texts such as {column.texts[i][:40]!r}",
                "delete the column, or code it by one_hot=True (--one-hot)",
            )
        levels = sorted(set(column.texts))
        if len(levels) > max(MOST_LEVELS, len(column.texts) // 2):
            refuse(
                place,
                f"column {column.name!r} holds {len(levels)} texts in {len(column.texts)} rows",
                "delete the column",
            )
        cells = np.array(column.texts)
        shown = levels[1:] if self.intercept or self.standardize else levels
        return [(f"{column.name}={level}", (cells == level).astype(float)) for level in shown]

    def _check_constant(self, place: str, coded: Sequence[tuple[str, FloatArray]]) -> None:
        """Refuse constant columns, but for one of ones, which is an intercept.

        Beside another intercept, and where columns are centred, there is no place for that either.
        """
        constant = [(name, float(x[0])) for name, x in coded if (x == x[0]).all()]
        added = self.intercept or self.standardize
        for name, value in constant:
            if value == 1 and len(constant) == 1 and not added:
                continue
            remedy = "delete it" if added else "delete it; intercept=True (--intercept) adds ones"
            rows = len(coded[0][1])
            refuse(place, f"column {name!r} is constant ({value:g} in all {rows} rows)", remedy)
        if self.intercept and INTERCEPT in dict(coded):
            refuse(place, f"there is a column {INTERCEPT!r}", "rename it, or add no intercept")


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column: its numbers, nan where there is none, which cells are missing, and its texts."""

    name: str
    numbers: FloatArray
    missing: NDArray[np.bool_]
    texts: list[str] | None = None

    def rows(self, kept: NDArray[np.bool_]) -> Column:
        """Return the column of some of the rows."""
        texts = self.texts
        if texts is not None:
            texts = [text for text, keep in zip(texts, kept, strict=True) if keep]
        return Column(self.name, self.numbers[kept], self.missing[kept], texts)


def read_table(
    source: Any,
    target: str,
    *,
    drop_missing: bool = False,
    one_hot: bool = False,
    standardize: bool = False,
    intercept: bool = False,
    decimal: str | None = None,
) -> LinearRegression:
    r"""Return the regression of one column of a table on all the others.

    Parameters
    ----------
    source : path or data frame
        A CSV file with a header of distinct names (UTF-8 or UTF-16, plain or gzipped; commas,
        semicolons, tabs or bars between columns), a Parquet file (needs pandas), or a data frame
        of pandas or polars.
    target : str
        The name of the column that holds the labels.
    drop_missing : bool
        Drop the rows in which a cell is missing; by default such a table is refused.
    one_hot : bool
        Replace a column of texts by an indicator for each text. The first text is left out where
        there is an intercept or columns are standardised.
    standardize : bool
        Give each column, the target included, mean 0 and standard deviation 1.
    intercept : bool
        Add a last feature that is 1 in each row.
    decimal : {".", ","}, optional
        The decimal mark of a CSV file; by default recognised, and refused where in doubt.

    Returns
    -------
    LinearRegression
        The finite-data problem; its `feature_names` are those of the columns.

    Raises
    ------
    ValueError
        If the source is no such table; the message names the place and what to do.
    OSError
        If the file cannot be read.
    ModuleNotFoundError
        If pandas is missing, which reads Parquet.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "heights.csv"
    >>> _ = path.write_text("age;height\n1,5;80\n2,5;91\n3,5;98\n")
    >>> read_table(path, target="height", intercept=True).feature_names
    ('age', 'intercept')
    """
    return Table(
        source=source,
        target=target,
        drop_missing=drop_missing,
        one_hot=one_hot,
        standardize=standardize,
        intercept=intercept,
        decimal=decimal,
    ).read()


def _columns(source: Any, decimal: str | None) -> tuple[str, list[Column], list[str]]:
    """Return what errors call the table, its columns, and what errors call its rows."""
    if hasattr(source, "columns") and hasattr(source, "__getitem__"):
        return ("data frame", *_from_frame("data frame", source))
    if not isinstance(source, str | os.PathLike):
        domains.refuse_type("source", source, "a path, or a data frame of pandas or polars")
    path = Path(source)
    if path.suffix.lower() not in (".parquet", ".pq"):
        return _from_csv(path, decimal)
    return (str(path), *_from_frame(str(path), _parquet(path)))


def _parquet(path: Path) -> Any:
    try:
        import pandas

        return pandas.read_parquet(path)
    except ImportError as error:  # pandas raises it where pyarrow is missing
        raise ModuleNotFoundError(
            "Parquet files need pandas and pyarrow: pip install 'linsgd[table]'"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: not a Parquet file ({error})") from error


def _from_csv(path: Path, decimal: str | None) -> tuple[str, list[Column], list[str]]:
    cells = read_cells(path, decimal)
    place = str(path)
    if cells.numbers is not None:
        whole = np.zeros(len(cells.numbers), dtype=bool)
        columns = [
            Column(name, x, whole) for name, x in zip(cells.names, cells.numbers.T, strict=True)
        ]
        return place, columns, []
    labels = [f"line {line}" for line in cells.lines]
    columns = [
        _from_texts(place, name, [row[j] for row in cells.rows], labels)
        for j, name in enumerate(cells.names)
    ]
    return place, columns, labels


def _from_frame(place: str, frame: Any) -> tuple[list[Column], list[str]]:
    names = list(frame.columns)
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        refuse(place, "its columns are not named by distinct strings", "rename them")
    if len(frame) == 0:
        refuse(place, "there are no rows", "add at least two")
    labels = [f"row {i}" for i in range(len(frame))]
    return [_from_series(place, name, frame[name], labels) for name in names], labels


def _from_series(place: str, name: str, series: Any, labels: list[str]) -> Column:
    values = series.to_numpy()
    if values.dtype.kind in "biuf":
        numbers = values.astype(float)
        if not np.isinf(numbers).any():
            return Column(name, numbers, np.isnan(numbers))
    return _from_texts(place, name, [_as_text(cell) for cell in series], labels)


def _as_text(cell: Any) -> str:
    """Return a cell of a data frame as a CSV file would hold it."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return ""
    return repr(float(cell)) if isinstance(cell, float | np.floating) else str(cell).strip()


def _from_texts(place: str, name: str, cells: list[str], labels: list[str]) -> Column:
    """Return a column of numbers, of truth values, or of texts where most cells are texts."""
    missing = np.array([cell.lower() in MISSING for cell in cells])
    present = [cell for cell, lacks in zip(cells, missing, strict=True) if not lacks]
    if present and all(cell.lower() in TRUTH for cell in present):
        numbers = np.array([TRUTH.get(cell.lower(), np.nan) for cell in cells])
        return Column(name, numbers, missing)
    numbers = np.array([_number(cell) for cell in cells])
    odd = np.isnan(numbers) & ~missing
    if 2 * odd.sum() > len(present):
        i = int(np.flatnonzero(odd)[0])
        if THOUSANDS.fullmatch(cells[i]) or DECIMAL_COMMA.fullmatch(cells[i]):
            _refuse_cell(place, labels[i], name, cells[i])
        return Column(name, numbers, missing, cells)
    odd |= np.isinf(numbers)
    if odd.any():
        i = int(np.flatnonzero(odd)[0])
        _refuse_cell(place, labels[i], name, cells[i])
    return Column(name, numbers, missing)


def _number(cell: str) -> float:
    """Return a number, inf where it is not finite, or nan for a text or a missing cell."""
    try:
        return float(cell.replace("_", "?"))
    except ValueError:
        return np.nan


def _refuse_cell(place: str, label: str, name: str, cell: str) -> None:
    remedy = "correct the cell, or delete the row"
    if THOUSANDS.fullmatch(cell) or DECIMAL_COMMA.fullmatch(cell):
        remedy = "write numbers with a decimal point and without thousands separators"
    elif cell[-1:] in "%$€£" or cell[:1] in "$€£":
        remedy = "write the number without its unit"
    refuse(place, f"{label}, column {name!r}: {cell[:40]!r} is not a finite number", remedy)


def _check_target(place: str, names: list[str], target: str) -> None:
    if target not in names and all(is_number(name) for name in names):
        refuse(place, "line 1 holds numbers", "its first line must name the columns")
    if target not in names:
        listed = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
        refuse(place, f"there is no column {target!r}", f"the target must be one of {listed}")
    if len(names) == 1:
        remedy = "add a feature column, separated by a comma, a semicolon or a tab"
        refuse(place, f"{target!r} is the only column", remedy)


def _complete(place: str, columns: list[Column], labels: list[str], *, drop: bool) -> list[Column]:
    """Return the columns without the rows that miss a cell, or refuse these."""
    lacking = np.any([column.missing for column in columns], axis=0)
    if not lacking.any():
        return columns
    if not drop:
        i = int(np.flatnonzero(lacking)[0])
        (name, *_) = (column.name for column in columns if column.missing[i])
        refuse(
            place,
            f"{labels[i]}, column {name!r}: the cell is empty or marks a missing value, as in "
            f"{lacking.sum()} of {len(lacking)} rows",
            "fill it, or drop such rows by drop_missing=True (--drop-missing)",
        )
    if lacking.sum() > len(lacking) - 2:
        empty = [column.name for column in columns if column.missing.all()]
        remedy = f"delete column {empty[0]!r}, which is empty" if empty else "fill the gaps"
        refuse(place, "fewer than two rows are complete", remedy)
    return [column.rows(~lacking) for column in columns]


def _labels(place: str, target: Column) -> FloatArray:
    if target.texts is not None:
        i = int(np.flatnonzero(np.isnan(target.numbers))[0])
        refuse(
            place,
            f"the target {target.name!r} holds texts such as {target.texts[i][:40]!r}",
            "choose a column of numbers",
        )
    y = target.numbers
    if (y == y[0]).all():
        text = f"the target {target.name!r} is constant ({y[0]:g} in all {len(y)} rows)"
        refuse(place, text, "choose one that varies")
    return y


def _standardized(x: FloatArray) -> FloatArray:
    scaled: FloatArray = (x - x.mean()) / x.std()
    return scaled
