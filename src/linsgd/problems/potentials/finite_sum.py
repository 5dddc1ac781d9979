r"""A mean of n polynomial losses, whose minibatches make the noise.

L = (1/n) sum_i l_i. A batch of b terms, drawn independently, has the gradient L' plus noise of
covariance C(x)/b, C(x) = (1/n) sum_i (l_i' - L')(l_i' - L')'. Polynomial regression, phase
retrieval and matrix factorisation in one or two unknowns are of this form.
"""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.potentials.polynomial import Polynomial, PolynomialCode, slope_coefficients
from linsgd.problems.potentials.potential import Potential


class FiniteSum(Potential):
    r"""The mean of n polynomial losses in one or two coordinates.

    Parameters
    ----------
    coefficients : array_like (n, p) or (n, p, q)
        Those of one term a row: of 1, x, x^2, ... in one dimension, [i, j] of x^i y^j in two.

    Raises
    ------
    ValueError
        If it is no array of finite numbers of two or three axes, or of degree below 2.

    See Also
    --------
    Polynomial : One term.

    Examples
    --------
    >>> import linsgd
    >>> loss = linsgd.potentials.FiniteSum([[0, -1, 1], [0, 1, 1]])  # x^2 - x and x^2 + x
    >>> float(loss(2.0)), float(loss.noise_covariance(2.0))
    (4.0, 1.0)
    """

    __slots__ = ("coefficients", "mean")

    def __init__(self, coefficients: ArrayLike) -> None:
        axes = min(max(np.ndim(coefficients), 2), 3)
        self.coefficients = domains.array("coefficients", coefficients, (None,) * axes)
        self.mean = Polynomial(self.coefficients.mean(axis=0))

    @classmethod
    def phase_retrieval(cls, features: ArrayLike, labels: ArrayLike) -> Self:
        r"""Return the losses ((a_i'x)^2 - y_i)^2/4 of phase retrieval.

        Parameters
        ----------
        features : array_like (n,) or (n, 2)
            The a_i.
        labels : array_like (n,)
            The y_i.

        Examples
        --------
        >>> import linsgd
        >>> loss = linsgd.potentials.FiniteSum.phase_retrieval([1.0, 2.0], [1.0, 4.0])
        >>> loss([0.0, 1.0])
        array([2.125, 0.   ])
        """
        axes = min(max(np.ndim(features), 1), 2)
        a = domains.array("features", features, (None,) * axes)
        y = domains.array("labels", labels, (len(a),))
        if a.ndim == 2 and a.shape[1] != 2:
            domains.refuse("features", f"array of shape {a.shape}", "(n,) or (n, 2)")
        rows = []
        for own, label in zip(a, y, strict=True):
            form = _square_of_form(np.atleast_1d(own))
            form.flat[0] -= label
            rows.append(_product(form, form) / 4)
        return cls(np.stack(rows))

    def __repr__(self) -> str:
        return f"FiniteSum({len(self.coefficients)} terms, dimension {self.dimension})"

    @property
    def dimension(self) -> int:
        """The number of coordinates, 1 or 2."""
        return self.mean.dimension

    @property
    def terms(self) -> tuple[Polynomial, ...]:
        """The n terms."""
        return tuple(map(Polynomial, self.coefficients))

    def _values(self, points: FloatArray) -> FloatArray:
        return self.mean._values(points)

    def _gradients(self, points: FloatArray) -> FloatArray:
        return self.mean._gradients(points)

    def _hessians(self, points: FloatArray) -> FloatArray:
        return self.mean._hessians(points)

    def noise_covariance(self, x: ArrayLike) -> FloatArray:
        """Return the covariance C(x) of one term's gradient (..., d, d), in one dimension (...).

        Parameters
        ----------
        x : array_like (..., d), in one dimension (...)
            The points.
        """
        points = self.points(x)
        apart = np.stack([term._gradients(points) for term in self.terms]) - self._gradients(points)
        found: FloatArray = np.einsum("n...i,n...j->...ij", apart, apart) / len(apart)
        return found[..., 0, 0] if self.dimension == 1 else found

    def code(self) -> PolynomialCode:
        """Return the kernel code of the mean."""
        return self.mean.code()

    def batch_code(self, batch_size: int) -> "BatchCode":
        """Return the kernel code of minibatch gradients."""
        slopes = slope_coefficients(self.coefficients, self.dimension)
        return BatchCode(slopes, batch_size)


def _square_of_form(a: FloatArray) -> FloatArray:
    """Return the coefficients of (a'x)^2."""
    if a.size == 1:
        return np.array([0.0, 0.0, a[0] ** 2])
    form = np.zeros((3, 3))
    form[2, 0], form[1, 1], form[0, 2] = a[0] ** 2, 2 * a[0] * a[1], a[1] ** 2
    return form


def _product(f: FloatArray, g: FloatArray) -> FloatArray:
    """Return the coefficients of a product of polynomials in one or two coordinates."""
    if f.ndim == 1:
        return np.asarray(polynomial.polymul(f, g), dtype=np.float64)
    found = np.zeros((f.shape[0] + g.shape[0] - 1, f.shape[1] + g.shape[1] - 1))
    for (i, j), value in np.ndenumerate(f):
        found[i : i + g.shape[0], j : j + g.shape[1]] += value * g
    return found


class _Numbers(NamedTuple):
    c: Any  # (n, d, p, q)
    batch_size: Any


class BatchCode(_Numbers):
    """The gradients of single terms, for kernels."""

    @staticmethod
    def add_slope(record: Any, term: int, x: Any, g: Any) -> None:
        """Add the gradient of one term to g, by Horner's rule."""
        _, d, p, q = record.c.shape
        y = x[d - 1]
        for i in range(d):
            total = 0.0
            for row in range(p - 1, -1, -1):
                inner = 0.0
                for column in range(q - 1, -1, -1):
                    inner = inner * y + record.c[term, i, row, column]
                total = total * x[0] + inner
            g[i] += total
