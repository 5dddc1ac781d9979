r"""Two wells of given place, curvature and depth: the soft minimum of two quadratics.

    L(x) = -log(e^{-k q_1(x)} + e^{-k q_2(x)})/k,    q_i = depth_i + (x - c_i)'H_i (x - c_i)/2.

With the weights p_i = e^{-k q_i}/sum and gradients g_i = H_i (x - c_i),

    L' = sum p_i g_i,    L'' = sum p_i H_i - k (sum p_i g_i g_i' - L' L'').

Near a minimum L is its quadratic, up to e^{-k gap}/k with the gap to the other quadratic; it grows
as a quadratic, so that a step of SGD cannot run away.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.potentials.potential import Potential


class DoubleWell(Potential):
    r"""Two quadratic wells, joined smoothly.

    Parameters
    ----------
    curvatures : pair of float, of array_like (d,) or (d, d)
        H_1 and H_2: curvature, curvatures along the axes or Hessian of each well, positive
        definite.
    minima : pair of float or of array_like (d,)
        c_1 and c_2, different.
    depths : pair of float
        The loss at the minima; equal by default.
    sharpness : float
        k > 0: the larger, the sharper is the barrier. Its curvature is of order k times the squared
        slope there.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or one of the wells is not a minimum of the joined loss.

    Notes
    -----
    The loss is :math:`-\log(e^{-k q_1} + e^{-k q_2})/k` with the quadratics :math:`q_i`.

    Examples
    --------
    >>> import linsgd
    >>> well = linsgd.potentials.DoubleWell((8.0, 2.0), (-1.0, 1.5))
    >>> well.hessian([-1.0, 1.5]).round(6)
    array([8., 2.])
    """

    __slots__ = ("H", "centers", "depths", "sharpness")

    def __init__(
        self,
        curvatures: tuple[Any, Any],
        minima: tuple[Any, Any],
        depths: tuple[float, float] = (0.0, 0.0),
        sharpness: float = 8.0,
    ) -> None:
        self.H = np.stack([_hessian(name, h) for name, h in _named("curvatures", curvatures)])
        d = self.H.shape[-1]
        places = [
            domains.array(name, np.atleast_1d(np.asarray(c)), (d,))
            for name, c in _named("minima", minima)
        ]
        if np.array_equal(places[0], places[1]):
            domains.refuse("minima", minima, "two different points")
        self.centers = np.stack(places)
        self.depths = np.array([domains.real(name, z) for name, z in _named("depths", depths)])
        self.sharpness = domains.real("sharpness", sharpness, "(0, inf)")
        self._check_minima()

    def __repr__(self) -> str:
        return f"DoubleWell(dimension {self.dimension}, sharpness {self.sharpness:g})"

    @property
    def dimension(self) -> int:
        """The number of coordinates d."""
        return int(self.H.shape[-1])

    def _parts(self, points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return q (..., 2), weights p (..., 2) and gradients g (..., 2, d)."""
        away = points[..., None, :] - self.centers
        g = np.einsum("wij,...wj->...wi", self.H, away)
        q = self.depths + np.einsum("...wi,...wi->...w", g, away) / 2
        odds = np.exp(-self.sharpness * (q - q.min(axis=-1, keepdims=True)))
        return q, odds / odds.sum(axis=-1, keepdims=True), g

    def _values(self, points: FloatArray) -> FloatArray:
        q, _, _ = self._parts(points)
        values: FloatArray = -np.logaddexp(-self.sharpness * q[..., 0], -self.sharpness * q[..., 1])
        return values / self.sharpness

    def _gradients(self, points: FloatArray) -> FloatArray:
        _, p, g = self._parts(points)
        gradients: FloatArray = np.einsum("...w,...wi->...i", p, g)
        return gradients

    def _hessians(self, points: FloatArray) -> FloatArray:
        _, p, g = self._parts(points)
        mean = np.einsum("...w,wij->...ij", p, self.H)
        # the covariance of g under p is p_1 p_2 times the difference's square
        apart = g[..., 0, :] - g[..., 1, :]
        both = (p[..., 0] * p[..., 1])[..., None, None]
        spread = both * apart[..., :, None] * apart[..., None, :]
        hessians: FloatArray = mean - self.sharpness * spread
        return hessians

    def _check_minima(self) -> None:
        q, _, _ = self._parts(self.centers)
        for own, other in ((0, 1), (1, 0)):
            if self.sharpness * (q[own, other] - q[own, own]) < 1:
                what = f"loss {q[own, other]:.3g} of the other well at minima[{own}]"
                domains.refuse("depths", what, "wells that are deeper than the other one there")

    def code(self) -> "DoubleWellCode":
        """Return the kernel code."""
        return DoubleWellCode(self.H, self.centers, self.depths, self.sharpness)


def _named(name: str, pair: Any) -> list[tuple[str, Any]]:
    """Return the two entries of a pair with their names."""
    try:
        first, second = pair
    except (TypeError, ValueError):
        domains.refuse(name, pair, "a pair, one of each well")
    return [(f"{name}[0]", first), (f"{name}[1]", second)]


def _hessian(name: str, given: ArrayLike) -> FloatArray:
    """Return curvatures as a positive definite matrix (d, d)."""
    numbers = domains.covariance(name, np.atleast_1d(np.asarray(given)))
    matrix = np.diag(numbers) if numbers.ndim == 1 else numbers
    if np.linalg.eigvalsh(matrix)[0] <= 0:
        domains.refuse(name, given, "positive curvatures")
    return matrix


class _Numbers(NamedTuple):
    H: Any  # (2, d, d)
    centers: Any  # (2, d)
    depths: Any  # (2,)
    sharpness: Any


class DoubleWellCode(_Numbers):
    """The gradient of the soft minimum, for kernels."""

    @staticmethod
    def slope(record: Any, x: Any, g: Any) -> None:
        """Write p_1 g_1 + p_2 g_2 to g."""
        d = x.size
        apart = record.depths[1] - record.depths[0]
        for i in range(d):
            for k in range(d):
                one = (x[i] - record.centers[0, i]) * (x[k] - record.centers[0, k])
                two = (x[i] - record.centers[1, i]) * (x[k] - record.centers[1, k])
                apart += 0.5 * (record.H[1, i, k] * two - record.H[0, i, k] * one)
        # the weight of the second well, 1/(1 + e^{k (q_2 - q_1)})
        p = 1.0 / (1.0 + math.exp(min(record.sharpness * apart, 700.0)))
        for i in range(d):
            g[i] = 0.0
            for k in range(d):
                one = record.H[0, i, k] * (x[k] - record.centers[0, k])
                two = record.H[1, i, k] * (x[k] - record.centers[1, k])
                g[i] += (1.0 - p) * one + p * two
