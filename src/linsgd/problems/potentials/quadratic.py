"""A quadratic loss L(x) = (x - c)'H (x - c)/2."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.potentials.potential import Potential


class Quadratic(Potential):
    """The loss (x - center)'H (x - center)/2.

    Parameters
    ----------
    hessian : float, array_like (d,) or (d, d)
        H: a curvature, curvatures along the axes, or a positive semidefinite matrix.
    center : float or array_like (d,)
        The minimum; 0 by default.

    Raises
    ------
    ValueError
        If H is not positive semidefinite or `center` has another length.

    Examples
    --------
    >>> import linsgd
    >>> bowl = linsgd.potentials.Quadratic([2.0, 1.0])
    >>> bowl([1.0, 1.0]), bowl.gradient([1.0, 1.0])
    (np.float64(1.5), array([2., 1.]))
    """

    __slots__ = ("H", "center")

    def __init__(self, hessian: ArrayLike, center: ArrayLike = 0.0) -> None:
        given = domains.covariance("hessian", np.atleast_1d(np.asarray(hessian)))
        self.H = np.diag(given) if given.ndim == 1 else given
        at = np.asarray(center)
        spread = np.full(len(self.H), at) if at.ndim == 0 else at
        self.center = domains.array("center", spread, (len(self.H),))

    def __repr__(self) -> str:
        return f"Quadratic(dimension {self.dimension})"

    @property
    def dimension(self) -> int:
        """The number of coordinates d."""
        return len(self.H)

    def _values(self, points: FloatArray) -> FloatArray:
        away = points - self.center
        values: FloatArray = np.einsum("...i,ij,...j->...", away, self.H, away) / 2
        return values

    def _gradients(self, points: FloatArray) -> FloatArray:
        gradients: FloatArray = (points - self.center) @ self.H
        return gradients

    def _hessians(self, points: FloatArray) -> FloatArray:
        return np.broadcast_to(self.H, (*points.shape[:-1], *self.H.shape))

    def code(self) -> "QuadraticCode":
        """Return the kernel code."""
        return QuadraticCode(np.array(self.H), np.array(self.center))


class _Numbers(NamedTuple):
    H: Any  # (d, d)
    center: Any  # (d,)


class QuadraticCode(_Numbers):
    """The gradient of a quadratic loss, for kernels."""

    @staticmethod
    def slope(record: Any, x: Any, g: Any) -> None:
        """Write H (x - center) to g."""
        for i in range(x.size):
            g[i] = 0.0
            for k in range(x.size):
                g[i] += record.H[i, k] * (x[k] - record.center[k])
