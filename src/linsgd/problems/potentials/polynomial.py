"""Polynomials in one or two coordinates, by their coefficients in NumPy's order.

In one dimension L = sum_i c_i x^i, in two L = sum_ij c_ij x^i y^j. Derivatives are polynomials of
the same kind; kernels evaluate them by Horner's rule.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.potentials.potential import Potential


class Polynomial(Potential):
    """A polynomial loss in one or two coordinates.

    Parameters
    ----------
    coefficients : array_like (p,) or (p, q)
        Of 1, x, x^2, ... in one dimension; [i, j] of x^i y^j in two.

    Raises
    ------
    ValueError
        If it is no array of finite numbers of one or two axes, or of degree below 2.

    Examples
    --------
    >>> import linsgd
    >>> well = linsgd.potentials.Polynomial([10, 0, -20, 0, 10])  # 10 (x^2 - 1)^2
    >>> well([0.0, 1.0]), float(well.hessian(1.0))
    (array([10.,  0.]), 80.0)
    """

    __slots__ = ("coefficients",)

    def __init__(self, coefficients: ArrayLike) -> None:
        axes = min(max(np.ndim(coefficients), 1), 2)
        self.coefficients = domains.array("coefficients", coefficients, (None,) * axes)
        if max(self.coefficients.shape) < 3:
            given = f"array of shape {self.coefficients.shape}"
            domains.refuse("coefficients", given, "polynomials of degree 2 at least")

    def __repr__(self) -> str:
        return f"Polynomial(coefficients {domains.shown(self.coefficients.tolist())})"

    @property
    def dimension(self) -> int:
        """The number of coordinates, 1 or 2."""
        return self.coefficients.ndim

    def _derivative(self, *orders: int) -> FloatArray:
        """Return the coefficients of a partial derivative, an order for each coordinate."""
        found = self.coefficients
        for axis, order in enumerate(orders):
            found = np.asarray(polynomial.polyder(found, order, axis=axis), dtype=np.float64)
        return found

    def _at(self, coefficients: FloatArray, points: FloatArray) -> FloatArray:
        if self.dimension == 1:
            return np.asarray(polynomial.polyval(points[..., 0], coefficients))
        return np.asarray(polynomial.polyval2d(points[..., 0], points[..., 1], coefficients))

    def _values(self, points: FloatArray) -> FloatArray:
        return self._at(self.coefficients, points)

    def _gradients(self, points: FloatArray) -> FloatArray:
        orders = np.eye(self.dimension, dtype=int).tolist()
        return np.stack([self._at(self._derivative(*each), points) for each in orders], axis=-1)

    def _hessians(self, points: FloatArray) -> FloatArray:
        eye = np.eye(self.dimension, dtype=int)
        rows = []
        for own in eye:
            entries = [self._at(self._derivative(*(own + other).tolist()), points) for other in eye]
            rows.append(np.stack(entries, axis=-1))
        return np.stack(rows, axis=-2)

    def code(self) -> "PolynomialCode":
        """Return the kernel code."""
        return PolynomialCode(slope_coefficients(self.coefficients, self.dimension))


def slope_coefficients(coefficients: FloatArray, dimension: int) -> FloatArray:
    """Return the coefficients of gradients (..., d, p, q).

    The polynomials are (..., p) or (..., p, q). In one dimension q = 1.
    """
    c = coefficients[..., None] if dimension == 1 else coefficients
    found = np.zeros((*c.shape[:-2], dimension, *c.shape[-2:]))
    p, q = c.shape[-2:]
    found[..., 0, : p - 1, :] = c[..., 1:, :] * np.arange(1, p)[:, None]
    if dimension == 2:
        found[..., 1, :, : q - 1] = c[..., :, 1:] * np.arange(1, q)
    return found


class _Numbers(NamedTuple):
    c: Any  # (d, p, q)


class PolynomialCode(_Numbers):
    """The gradient of a polynomial, for kernels."""

    @staticmethod
    def slope(record: Any, x: Any, g: Any) -> None:
        """Write the gradient by Horner's rule."""
        d, p, q = record.c.shape
        y = x[d - 1]
        for i in range(d):
            total = 0.0
            for row in range(p - 1, -1, -1):
                inner = 0.0
                for column in range(q - 1, -1, -1):
                    inner = inner * y + record.c[i, row, column]
                total = total * x[0] + inner
            g[i] = total
