r"""Coordinates and polynomials for functions of a direction that are even along two or three axes.

Features sit where u_i^2 is as large as what the axes before it add, in the norm sum_i q_i u_i^2 and
in its inverse, so that each coordinate is even on the logarithmic scale of p = u_i^2 / (u_1^2 + ...
+ u_{i-1}^2): with log e = 2 L,

    omega = log[(1 + e p) / (1 + p / e)] / (2 L) - 1  in [-1, 1],          L about |log q_i| / 2,

and functions are sums of products of Chebyshev polynomials of these.
"""

from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """The L of each coordinate (d - 1, 1)."""

    spans: FloatArray

    @classmethod
    def of(cls, spectrum: FloatArray, norm: FloatArray, s: float) -> "Directions":
        """Return the coordinates in which functions of order `s` were found to need the fewest polynomials."""
        share, uneven = 0.56 + 0.3 * np.exp(-s / 3), np.log(spectrum[0] / spectrum[1:])
        spans = share * np.abs(np.log(norm[1:] / norm[0]))
        return cls(np.maximum(spans, np.maximum(0.35 * uneven, 0.01))[:, None])

    def coordinates(self, squared: FloatArray) -> FloatArray:
        """Return omega (d - 1, n) of squares (n, d)."""
        below = np.cumsum(squared, axis=1)[:, :-1].T + 1e-300
        above, L = squared[:, 1:].T, self.spans
        rise = np.log1p(2 * np.sinh(2 * L) * above / (below + np.exp(-2 * L) * above))
        omega: FloatArray = np.clip(rise / (2 * L) - 1, -1, 1)
        return omega

    def points(self, omega: FloatArray) -> FloatArray:
        """Return unit vectors (n, d) of omega (d - 1, n)."""
        L = self.spans
        above = np.expm1(2 * L * (omega + 1))
        below = np.maximum(2 * np.sinh(2 * L) - np.exp(-2 * L) * above, 0)
        share = above / (above + below)
        left = np.ones_like(share[0])
        columns = []
        for part in share[::-1]:
            columns.append(left * part)
            left = left * (1 - part)
        unit: FloatArray = np.sqrt(np.array([left, *columns[::-1]]).T)
        return unit

    def nodes(self, degree: int) -> FloatArray:
        """Return Chebyshev's points, omega (d - 1, degree^(d - 1))."""
        return self._grid(np.cos((np.arange(degree) + 0.5) * np.pi / degree))

    def between(self, degree: int) -> FloatArray:
        """Return the points between them where errors peak, and the ends."""
        return self._grid(np.cos(np.arange(degree + 1) * np.pi / degree))

    def _grid(self, axis: FloatArray) -> FloatArray:
        return np.array(
            [part.ravel() for part in np.meshgrid(*[axis] * len(self.spans), indexing="ij")]
        )


def basis(omega: FloatArray, degree: int) -> FloatArray:
    """Return products of Chebyshev polynomials at omega (d - 1, n): (n, degree^(d - 1))."""
    first, *others = (np.polynomial.chebyshev.chebvander(axis, degree - 1) for axis in omega)
    return np.einsum("ni,nj->nij", first, others[0]).reshape(len(first), -1) if others else first
