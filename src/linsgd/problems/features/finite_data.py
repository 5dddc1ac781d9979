"""A finite data set as the law of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray

SMALLEST = 1 / domains.LARGEST  # a smaller feature has no fourth power in double precision


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FiniteData:
    """N rows with their labels, drawn uniformly; as they are: no intercept, no scaling.

    Parameters
    ----------
    X : array_like (N, d)
        Features; rank deficiency and N < d are allowed.
    y : array_like (N,)
        Labels.
    feature_names : sequence of str, optional
        Names of the columns; by default those of a data frame.
    """

    name: ClassVar[str] = "data"
    X: FloatArray
    y: FloatArray
    feature_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        X = domains.array("X", self.X, (None, None))
        object.__setattr__(self, "feature_names", self._names(X.shape[1]))
        object.__setattr__(self, "X", X)
        object.__setattr__(self, "y", domains.array("y", self.y, (len(X),)))
        if not (X * X).any():
            domains.refuse("X", "all zeros", "at least one feature above 1e-150 in magnitude")

    def _names(self, d: int) -> tuple[str, ...] | None:
        """Return the names that are given, or those of the columns of a data frame."""
        names = self.feature_names
        if names is None:
            names = tuple(getattr(self.X, "columns", ()))
            return names if len(names) == d and all(isinstance(n, str) for n in names) else None
        names = tuple(names)
        if len(names) != d or not all(isinstance(name, str) for name in names):
            domains.refuse("feature_names", names, f"{d} strings, one for each column of X")
        return names

    def check_magnitudes(self) -> None:
        """Refuse a feature whose fourth power is 0 in double precision though it is not."""
        largest = np.abs(self.X).max(axis=0)
        tiny = (largest > 0) & (largest < SMALLEST)
        if tiny.any():
            column = int(np.flatnonzero(tiny)[0])
            domains.refuse(
                f"X[:, {column}]",
                float(largest[column]),
                f"0, or a largest magnitude of at least {SMALLEST:g}; choose another unit",
            )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, FiniteData)
            and np.array_equal(self.X, other.X)
            and np.array_equal(self.y, other.y)
        )

    def __hash__(self) -> int:
        return hash((self.X.shape, float(self.y.sum())))

    def __repr__(self) -> str:
        n, d = self.X.shape
        return f"<FiniteData: {n} rows, {d} features>"

    @property
    def dimension(self) -> int:
        """The number of features d."""
        return len(self.X[0])

    def second_moment(self) -> FloatArray:
        """X'X/N (d, d)."""
        H: FloatArray = self.X.T @ self.X / len(self.X)
        return H

    def fourth_moment(self, M: FloatArray) -> FloatArray:
        """Mean over the rows of x x'M x x' (d, d)."""
        weights = np.einsum("ni,ni->n", self.X @ M, self.X) / len(self.X)
        moment: FloatArray = (self.X.T * weights) @ self.X
        return moment

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` rows with replacement (n, d)."""
        return self.X[rng.integers(len(self.X), size=n)]
