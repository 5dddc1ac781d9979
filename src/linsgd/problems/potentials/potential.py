"""The base of losses on a few coordinates.

In one dimension a point is a number and every method works element by element on arrays (...); in d
dimensions points are the last axis of an array (..., d).
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray

MOST_STEPS = 50  # of Newton's method to a stationary point
FLAT = 1e-12  # its last step, over the size of the point


class Potential(ABC):
    """A loss L of d coordinates, with gradient and Hessian.

    Attributes
    ----------
    dimension : int
        d.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def dimension(self) -> int:
        """The number of coordinates d."""

    @abstractmethod
    def code(self) -> Any:
        """Return the kernel code: a record whose static `slope` writes the gradient.

        `slope(record, x, g)` writes the gradient at x (d,) to g (d,), in plain Python that Numba
        compiles.
        """

    @abstractmethod
    def _values(self, points: FloatArray) -> FloatArray:
        """Return L (...) at points (..., d)."""

    @abstractmethod
    def _gradients(self, points: FloatArray) -> FloatArray:
        """Return the gradients (..., d) at points (..., d)."""

    @abstractmethod
    def _hessians(self, points: FloatArray) -> FloatArray:
        """Return the Hessians (..., d, d) at points (..., d)."""

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return L at points.

        Parameters
        ----------
        x : array_like (..., d), in one dimension (...)
            The points.

        Returns
        -------
        ndarray (...)
            The loss.
        """
        return self._values(self.points(x))

    def gradient(self, x: ArrayLike) -> FloatArray:
        """Return the gradient at points, in their shape.

        Parameters
        ----------
        x : array_like (..., d), in one dimension (...)
            The points.
        """
        found = self._gradients(self.points(x))
        return found[..., 0] if self.dimension == 1 else found

    def hessian(self, x: ArrayLike) -> FloatArray:
        """Return the Hessian at points (..., d, d), in one dimension the second derivative (...).

        Parameters
        ----------
        x : array_like (..., d), in one dimension (...)
            The points.
        """
        found = self._hessians(self.points(x))
        return found[..., 0, 0] if self.dimension == 1 else found

    def points(self, x: ArrayLike) -> FloatArray:
        """Return points as an array (..., d), which in one dimension gains its last axis.

        Raises
        ------
        ValueError
            If the last axis is not d.
        """
        try:
            given = np.asarray(x, dtype=np.float64)
        except (TypeError, ValueError):
            domains.refuse("x", x, "an array of numbers")
        points = given[..., None] if self.dimension == 1 else given
        if points.ndim == 0 or points.shape[-1] != self.dimension:
            domains.refuse("x", f"array of shape {given.shape}", f"points (..., {self.dimension})")
        return points

    def stationary_point(self, near: ArrayLike) -> FloatArray:
        """Return the stationary point (d,) that Newton's method reaches from a point.

        Parameters
        ----------
        near : array_like (d,) or float
            Close to a minimum or a saddle.

        Returns
        -------
        ndarray (d,)
            Where the gradient vanishes, to rounding.

        Raises
        ------
        ValueError
            If the method does not converge.

        Examples
        --------
        >>> import linsgd
        >>> well = linsgd.potentials.Polynomial([0, 0, -1, 0, 0.5])  # x^4/2 - x^2
        >>> well.stationary_point(0.8)
        array([1.])
        """
        x = np.array(self.points(near), dtype=np.float64)
        if x.ndim != 1:
            domains.refuse("near", near, f"one point of {self.dimension} coordinates")
        step = np.full(x.shape, np.inf)
        for _ in range(MOST_STEPS):
            if np.abs(step).max() <= FLAT * (1 + np.abs(x).max()):
                break
            try:
                step = np.linalg.solve(self._hessians(x), self._gradients(x))
            except np.linalg.LinAlgError:
                step = np.full(x.shape, np.nan)
            x = x - step
        else:
            domains.refuse("near", near, "a point close to a minimum or saddle, with L'' regular")
        return x
