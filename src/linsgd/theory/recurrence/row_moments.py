r"""Means over the rows of a data set of x x' times a quadratic form of x.

The covariance of the gradient of a data set is linear in the second moment D and the mean m of
delta = w - w*. With u the rows in units of c (x = c u), e the residuals at w* and
r = x'delta - e the residual at w,

    E[x x'M x x'] = c^4 E[u u'M u u'],
    E[r^2 x x']   = c^2 E[(c^2 u'D u - 2 c e u'm + e^2) u u'].

A pass over the rows takes about 2 N d^2 multiplications. Where that is many, and the pairs (i, j)
of features are few beside N, the products u_i u_j (u_k u_l, e u_k, e^2) are averaged over the rows
once; then a matrix of p = d (d + 1)/2 rows is applied, p^2 multiplications.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.least_squares import LeastSquares
from linsgd.theory.recurrence.packed import kept_entries, packed, unpacked

MANY = 1e5  # N d^2 from which a pass over the rows costs more than the overhead of NumPy
LARGEST_TABLED = 31  # d up to which the averages are tabulated: p = 496
CHUNK = 2**21  # products formed at once


@dataclass(frozen=True, slots=True, eq=False)
class RowMoments:
    """The rows of a data set, or their averaged products.

    Attributes
    ----------
    rows : ndarray (N, d)
        u.
    residuals : ndarray (N,)
        e.
    unit : float
        c.
    table : ndarray (p, p + d + 1) or None
        Means of u_i u_j times u_k u_l (k <= l, twice where k < l), e u_k and e^2.
    """

    rows: FloatArray
    residuals: FloatArray
    unit: float
    table: FloatArray | None

    @classmethod
    def of(cls, rows: FloatArray, residuals: FloatArray) -> Self:
        """Choose the unit as a power of two near the largest entry, and tabulate where it pays."""
        _, exponent = np.frexp(np.abs(rows).max())
        unit = float(np.ldexp(1.0, exponent))
        u = rows / unit
        table = _table(u, residuals) if _pays(*rows.shape) else None
        return cls(u, residuals, unit, table)

    def in_units(self, unit: float) -> "RowMoments":
        """Return the moments of the rows divided by sqrt(unit)."""
        return replace(self, unit=self.unit / float(np.sqrt(unit)))

    @property
    def multiplications(self) -> float:
        """About the multiplications of one mean."""
        n, d = self.rows.shape
        return 2.0 * n * d**2 if self.table is None else float(self.table.size)

    def fourth(self, M: FloatArray) -> FloatArray:
        """Return E[x x'M x x'] (d, d) for a symmetric M (d, d)."""
        if self.table is None:
            u = self.rows
            uMu = np.einsum("ni,ni->n", u @ M, u)
            mean = _weighted(u, uMu)
        else:
            products = self.table[:, : len(self.table)]  # u_i u_j times u_k u_l
            symmetric = (M + M.T) / 2
            mean = unpacked(products @ packed(symmetric), len(M))
        return self.unit**2 * (self.unit**2 * mean)

    def squared_residual(self, D: FloatArray, m: FloatArray) -> FloatArray:
        """Return E[r^2 x x'] (d, d) for D (d, d) and m (d,)."""
        c = self.unit
        u = self.rows
        e = self.residuals
        # E[r^2 u u'] with r^2 = c^2 u'D u - 2 c e u'm + e^2
        if self.table is None:
            square = c**2 * np.einsum("ni,ni->n", u @ D, u)
            r_squared = square + e * (e - 2 * c * (u @ m))
            return c**2 * _weighted(u, r_squared)
        factors = np.concatenate([c**2 * packed(D), -2 * c * m, [1.0]])
        return c**2 * unpacked(self.table @ factors, len(D))


@lru_cache(maxsize=8)
def row_moments(fit: LeastSquares) -> RowMoments:
    """Return the moments of a data set along the eigenvectors of H; its table is made once."""
    return RowMoments.of(fit.rows, fit.residuals)


def _pays(n: int, d: int) -> bool:
    """Return whether the table is eight times cheaper than a pass over the rows, and small."""
    entries = d**2
    return n * entries >= MANY and n >= entries and d <= LARGEST_TABLED


def _weighted(u: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the mean over the rows of weights u u' (d, d)."""
    n = len(u)
    if weights.min() >= 0:  # a matrix times its own transpose takes half the multiplications
        half = u * np.sqrt(weights / n)[:, None]
        mean: FloatArray = half.T @ half
    else:
        mean = (u.T * (weights / n)) @ u
    return mean


def _table(u: FloatArray, residuals: FloatArray) -> FloatArray:
    """Average the products over the rows, a chunk at a time."""
    n, d = u.shape
    i, j = kept_entries(d)
    times = np.where(i == j, 1.0, 2.0)
    total = np.zeros((i.size, i.size + d + 1))
    rows = max(CHUNK // i.size, 1)
    for first in range(0, n, rows):
        here = u[first : first + rows]
        e = residuals[first : first + rows, None]
        pairs = here[:, i] * here[:, j]
        factors = np.hstack([pairs * times, e * here, e**2])
        total += pairs.T @ factors
    total /= n
    return total
