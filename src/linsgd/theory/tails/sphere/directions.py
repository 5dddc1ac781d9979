r"""Coordinates and polynomials for functions of a direction that are even along two or three axes.

Functions vary fastest where u_i^2 is as large as the sum over the axes before it, in the norm sum_i
q_i u_i^2 and in its inverse. Each coordinate is symmetric between these two places on the
logarithmic scale of p = u_i^2 / (u_1^2 + ... + u_{i-1}^2): with log e = 2 L,

    omega = log[(1 + e p) / (1 + p / e)] / (2 L) - 1  in [-1, 1],          L about |log q_i| / 2,

and functions are sums of products of Chebyshev polynomials of these.
"""

from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray

# L = (0.56 + 0.3 exp(-s/3)) |log(q_i / q_1)|, at least 0.35 |log(h_i / h_1)|: fitted so that the
# Chebyshev coefficients of eigenfunctions of orders 0 to 100, of condition numbers 2 to 100, fall
# fastest. Other values cost polynomials, not accuracy: the bounds are a posteriori.
_SHARE, _SHARE_SMALL, _SHARE_ORDER = 0.56, 0.3, 3.0
_LEAST_SHARE = 0.35
_LEAST = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """The L of each coordinate (d - 1, 1)."""

    spans: FloatArray

    @classmethod
    def of(cls, spectrum: FloatArray, norm: FloatArray, s: float) -> "Directions":
        """Return the coordinates for functions of order `s` in a norm q (d,)."""
        share = _SHARE + _SHARE_SMALL * np.exp(-s / _SHARE_ORDER)
        spans = share * np.abs(np.log(norm[1:] / norm[0]))
        least = np.maximum(_LEAST_SHARE * np.log(spectrum[0] / spectrum[1:]), _LEAST)
        return cls(np.maximum(spans, least)[:, None])

    def coordinates(self, squared: FloatArray) -> FloatArray:
        """Return omega (d - 1, n) of squares u_i^2 (n, d)."""
        L = self.spans
        # p = above / below
        below = np.cumsum(squared, axis=1)[:, :-1].T + 1e-300
        above = squared[:, 1:].T
        # (1 + e p) / (1 + p / e) = 1 + 2 sinh(2 L) p / (1 + p / e)
        excess = 2 * np.sinh(2 * L) * above / (below + np.exp(-2 * L) * above)
        omega = np.log1p(excess) / (2 * L) - 1
        inside: FloatArray = np.clip(omega, -1, 1)
        return inside

    def points(self, omega: FloatArray) -> FloatArray:
        """Return unit vectors (n, d) of omega (d - 1, n)."""
        L = self.spans
        # p = above / below
        above = np.expm1(2 * L * (omega + 1))
        below = np.maximum(2 * np.sinh(2 * L) - np.exp(-2 * L) * above, 0)
        share = above / (above + below)
        # u_d^2 is its share of 1, u_{d-1}^2 its share of what that leaves, and so on
        left = np.ones_like(share[0])
        squares = []
        for part in share[::-1]:
            squares.append(left * part)
            left = left * (1 - part)
        ordered = np.array([left, *squares[::-1]])
        unit: FloatArray = np.sqrt(ordered.T)
        return unit

    def nodes(self, degree: int) -> FloatArray:
        """Return Chebyshev's points, omega (d - 1, degree^(d - 1))."""
        return self._grid(np.cos((np.arange(degree) + 0.5) * np.pi / degree))

    def between(self, degree: int) -> FloatArray:
        """Return the ends and the points between Chebyshev's, where errors are largest."""
        return self._grid(np.cos(np.arange(degree + 1) * np.pi / degree))

    def _grid(self, axis: FloatArray) -> FloatArray:
        axes = np.meshgrid(*[axis] * len(self.spans), indexing="ij")
        grid: FloatArray = np.array([part.ravel() for part in axes])
        return grid


def basis(omega: FloatArray, degree: int) -> FloatArray:
    """Return products of Chebyshev polynomials at omega (d - 1, n): (n, degree^(d - 1))."""
    first, *others = (np.polynomial.chebyshev.chebvander(axis, degree - 1) for axis in omega)
    if not others:
        return first
    products = np.einsum("ni,nj->nij", first, others[0])
    flat: FloatArray = products.reshape(len(first), -1)
    return flat
