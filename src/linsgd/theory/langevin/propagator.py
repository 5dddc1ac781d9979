r"""Propagator of one mode of the underdamped Langevin equation, in every regime and at every time.

Time t counts steps, x is the position and y = lr v the displacement a step:

    dx = y dt,        dy = -(z x + 2 u y) dt + sqrt(q) dW,

with damping u = (1 - momentum) / (1 + momentum) and stiffness z. Let S be the response of x to a
unit kick of y, S'' + 2 u S' + z S = 0, S(0) = 0, S'(0) = 1; then V = S' and R = S' + 2 u S, and

    exp(-A t) = [[R, S], [-z S, V]],        T = int_0^t S = (1 - R) / z.

The noise adds the covariance q [[X, S^2 / 2], [S^2 / 2, Y]] with

    X = int_0^t S^2 = (F - S R) / (2 z),    Y = int_0^t V^2 = (F + S V) / 2,    F = (1 - exp(-2 u t)) / (2 u),

which follows from the derivatives of S^2, S V and V^2 and from V^2 + z S^2 = exp(-2 u t) - 2 u S V.
With r1 r2 = z, r1 + r2 = 2 u and d = (r2 - r1) / 2 real the overdamped and critical modes are

    S = exp(-r1 t) (1 - exp(-2 d t)) / (2 d),    R = exp(-r1 t) + r1 S,    V = exp(-r2 t) - r1 S,

free of overflow and of cancellation as z -> 0 and as d -> 0. Where u t and sqrt(z) t are both below
1/2 the integrals T and X are summed as Taylor series, because there the closed forms cancel to the
second and the third order in t.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray, IntArray

TAYLOR = 0.5  # in units of the fastest rate: below it the series, whose terms are then below machine precision after
TERMS = 26  # so many
BLOCK = 200_000  # modes times steps evaluated at once, so that temporaries stay in the cache

Times = FloatArray | IntArray


@dataclass(frozen=True, slots=True)
class Flow:
    """R, S and V of the module's docstring, with the time, damping and stiffness they belong to; all broadcast."""

    t: FloatArray
    u: float
    z: FloatArray
    R: FloatArray
    S: FloatArray
    V: FloatArray

    def kick_integral(self) -> FloatArray:
        """T = int S = (1 - R) / z, to relative accuracy."""
        over = self.z <= self.u**2
        d = np.sqrt(np.maximum(self.u**2 - self.z, 0.0))
        r1, r2 = self.z / (self.u + d), self.u + d
        smooth = np.where(over, (decayed(r1, self.t) - self.S) / r2, _ratio(1.0 - self.R, self.z))
        return self._near_zero(smooth, (2 * self.u, self.z, 0.0), (1.0, -2 * self.u))

    def position_noise(self) -> FloatArray:
        """X = int S^2, to relative accuracy."""
        u, z, t = self.u, self.z, self.t
        split = z < 0.75 * u**2
        d = np.sqrt(np.where(split, u**2 - z, u**2))
        r1, r2 = z / (u + d), u + d
        modes = (decayed(2 * r1, t) - 2 * decayed(2 * u, t) + decayed(2 * r2, t)) / (2 * d) ** 2
        smooth = np.where(split, modes, _ratio(decayed(2 * u, t) - self.S * self.R, 2 * z))
        return self._near_zero(smooth, (6 * u, 4 * z + 8 * u**2, 8 * u * z), (0.0, 2.0))

    def velocity_noise(self) -> FloatArray:
        """Y = int V^2."""
        return (decayed(2 * self.u, self.t) + self.S * self.V) / 2

    def _near_zero(
        self, smooth: FloatArray, rates: tuple[float | FloatArray, ...], slopes: tuple[float, float]
    ) -> FloatArray:
        t, z = np.broadcast_arrays(self.t, self.z)
        small = np.maximum(self.u, np.sqrt(z)) * t < TAYLOR
        if small.any():
            a, b, c = (np.broadcast_to(np.asarray(rate), t.shape)[small] for rate in rates)
            smooth[small] = _integral_series(t[small], (a, b, c), slopes)
        return smooth


def flow(t: Times, u: float, z: FloatArray) -> Flow:
    """Return the propagator of modes.

    Parameters
    ----------
    t : ndarray
        Times in steps, >= 0; broadcasts with `z`.
    u : float
        Damping a step, > 0.
    z : ndarray
        Stiffnesses, >= 0 and per step squared.

    Returns
    -------
    Flow
        R, S and V, accurate to a few rounding errors of their amplitude times 1 + the phase sqrt(z)
        t.

    Examples
    --------
    >>> mode = flow(np.array([0.0, 1.0]), 0.5, np.array([0.25]))  # critical: S = t exp(-t/2)
    >>> mode.S
    array([0.        , 0.60653066])
    """
    t, z = np.asarray(t, dtype=np.float64), np.asarray(z, dtype=np.float64)
    shape = np.broadcast_shapes(t.shape, z.shape)
    R, S, V = (np.empty(shape) for _ in range(3))
    under = np.broadcast_to(z > u**2, shape)
    for mask, branch in ((under, _underdamped), (~under, _overdamped)):
        where = np.broadcast_to(t, shape)[mask], u, np.broadcast_to(z, shape)[mask]
        R[mask], S[mask], V[mask] = branch(*where)
    return Flow(t, u, z, R, S, V)


def blocks(steps: IntArray, modes: int) -> Iterator[IntArray]:
    """Cut `steps` (K,) into runs of at most `BLOCK` evaluations of so many modes.

    Yields
    ------
    ndarray of int
        The next steps.
    """
    size = max(1, BLOCK // modes)
    for first in range(0, steps.size, size):
        yield steps[first : first + size]


def decayed(rate: FloatArray | float, t: FloatArray) -> FloatArray:
    """Return int_0^t exp(-rate s) ds, which is t at rate 0."""
    x = np.asarray(rate * t)
    return t * np.divide(-np.expm1(-x), x, out=np.ones_like(x), where=x > 0)


def _underdamped(
    t: FloatArray, u: float, z: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    d = np.sqrt(z - u**2)
    envelope = np.exp(-u * t)
    C, S = envelope * np.cos(d * t), envelope * np.sin(d * t) / d
    return C + u * S, S, C - u * S


def _overdamped(
    t: FloatArray, u: float, z: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    d = np.sqrt(u**2 - z)
    r1, r2 = z / (u + d), u + d
    slow = np.exp(-r1 * t)
    S = slow * decayed(2 * d, t)
    return slow + r1 * S, S, np.exp(-r2 * t) - r1 * S


def _integral_series(
    t: FloatArray, rates: tuple[FloatArray, ...], slopes: tuple[float, float]
) -> FloatArray:
    """Integral of f with f''' + a f'' + b f' + c f = 0 for rates (a, b, c), f(0) = 0 and slopes f'(0), f''(0)."""
    a, b, c = rates
    older, old, new = (
        np.zeros_like(t),
        np.full_like(t, slopes[0]) * t**2 / 2,
        np.full_like(t, slopes[1]) * t**3 / 6,
    )
    total = old + new
    for m in range(4, TERMS):
        older, old, new = (
            old,
            new,
            -t / m * (a * new + t / (m - 1) * (b * old + t / (m - 2) * c * older)),
        )
        total += new
    return total


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    shape = np.broadcast_shapes(numerator.shape, np.shape(denominator))
    return np.divide(numerator, denominator, out=np.zeros(shape), where=denominator > 0)
