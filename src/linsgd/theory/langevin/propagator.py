r"""Propagator of one mode of the underdamped Langevin equation, in every regime and at every time.

Time t counts steps, x is the position and y = lr v the displacement a step:

    dx = y dt,        dy = -(w2 x + 2 u y) dt + sqrt(q) dW,

with damping u and squared frequency w2, which for SGD with z = lr (1 - dampening) kappa are

    u = (1 - momentum) / (1 + momentum),        w2 = 2 z / (1 + momentum).

Let S be the response of x to a unit kick of y, S'' + 2 u S' + w2 S = 0, S(0) = 0, S'(0) = 1; then
V = S' and R = S' + 2 u S, and

    exp(-A t) = [[R, S], [-w2 S, V]],        T = int_0^t S = (1 - R) / w2.

The noise adds the covariance q [[X, S^2 / 2], [S^2 / 2, Y]] with

    X = int_0^t S^2 = (F - S R) / (2 w2),        Y = int_0^t V^2 = (F + S V) / 2,
    F = (1 - exp(-2 u t)) / (2 u),

which follows from the derivatives of S^2, S V and V^2 and from
V^2 + w2 S^2 = exp(-2 u t) - 2 u S V. With r1 r2 = w2, r1 + r2 = 2 u and d = (r2 - r1) / 2 real, the
overdamped and critical modes are

    S = exp(-r1 t) (1 - exp(-2 d t)) / (2 d),    R = exp(-r1 t) + r1 S,    V = exp(-r2 t) - r1 S,

free of overflow, and of cancellation as w2 -> 0 and as d -> 0. Where u t and sqrt(w2) t are both
below 1/2 the integrals T and X are summed as Taylor series, because there the closed forms cancel
to the second and the third order in t.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray, IntArray

TAYLOR = 0.5  # in units of the fastest rate: the Taylor series are used below it
TERMS = 26  # of the series; 0.5^26 / 26! is far below the machine precision
BLOCK = 200_000  # modes times steps evaluated at once, so that temporaries stay in the cache

Times = FloatArray | IntArray


def damping_rate(momentum: float) -> float:
    """Return u = (1 - momentum) / (1 + momentum), per step."""
    return (1 - momentum) / (1 + momentum)


def squared_frequency(z: FloatArray, momentum: float) -> FloatArray:
    """Return w2 = 2 z / (1 + momentum), per step squared, of z = lr (1 - dampening) kappa."""
    return 2 * z / (1 + momentum)


@dataclass(frozen=True, slots=True)
class Propagator:
    """R, S and V of the module's docstring, with their time, damping and squared frequency.

    Attributes
    ----------
    t, w2 : ndarray
        Times and squared frequencies, which broadcast to the shape of R, S and V.
    u : float
        Damping.
    R, S, V : ndarray
        Position after a unit position, position after a unit kick, velocity after a unit kick.
    """

    t: FloatArray
    u: float
    w2: FloatArray
    R: FloatArray
    S: FloatArray
    V: FloatArray

    def cumulative_response(self) -> FloatArray:
        """Return T = int S = (1 - R) / w2, to relative accuracy."""
        u, w2 = self.u, self.w2
        over = w2 <= u**2
        d = np.sqrt(np.maximum(u**2 - w2, 0.0))
        r2 = u + d
        r1 = w2 / r2
        # real rates: T = ((1 - e^{-r1 t}) / r1 - S) / r2
        real = (decayed(r1, self.t) - self.S) / r2
        smooth = np.where(over, real, _ratio(1.0 - self.R, w2))
        # T''' + 2 u T'' + w2 T' = 0 with T' = 0 and T'' = 1, T''' = -2 u at t = 0
        rates = (2 * u, w2, 0.0)
        return self._near_zero(smooth, rates, slopes=(1.0, -2 * u))

    def position_noise(self) -> FloatArray:
        """Return X = int S^2, to relative accuracy."""
        u = self.u
        w2 = self.w2
        t = self.t
        split = w2 < 0.75 * u**2  # rates far enough apart for the sum of exponentials below
        d = np.sqrt(np.where(split, u**2 - w2, u**2))
        r2 = u + d
        r1 = w2 / r2
        F = decayed(2 * u, t)
        # S^2 = (e^{-2 r1 t} - 2 e^{-2 u t} + e^{-2 r2 t}) / (2 d)^2, integrated
        exponentials = decayed(2 * r1, t) - 2 * F + decayed(2 * r2, t)
        real = exponentials / (2 * d) ** 2
        # else X = (F - S R) / (2 w2)
        closed = _ratio(F - self.S * self.R, 2 * w2)
        smooth = np.where(split, real, closed)
        # S^2 obeys f''' + 6 u f'' + (4 w2 + 8 u^2) f' + 8 u w2 f = 0, f' = 0 and f'' = 2 at t = 0
        rates = (6 * u, 4 * w2 + 8 * u**2, 8 * u * w2)
        return self._near_zero(smooth, rates, slopes=(0.0, 2.0))

    def velocity_noise(self) -> FloatArray:
        """Return Y = int V^2 = (F + S V) / 2."""
        F = decayed(2 * self.u, self.t)
        return (F + self.S * self.V) / 2

    def _near_zero(
        self, smooth: FloatArray, rates: tuple[float | FloatArray, ...], slopes: tuple[float, float]
    ) -> FloatArray:
        """Replace the entries of `smooth` at short times by `_integral_series`."""
        t, w2 = np.broadcast_arrays(self.t, self.w2)
        fastest = np.maximum(self.u, np.sqrt(w2))
        small = fastest * t < TAYLOR
        if small.any():
            at_small = [np.broadcast_to(np.asarray(rate), t.shape)[small] for rate in rates]
            smooth[small] = _integral_series(t[small], tuple(at_small), slopes)
        return smooth


def propagator(t: Times, u: float, w2: FloatArray) -> Propagator:
    """Return the propagator of modes.

    Parameters
    ----------
    t : ndarray
        Times in steps, >= 0; broadcasts with `w2`.
    u : float
        Damping a step, > 0.
    w2 : ndarray
        Squared frequencies, >= 0 and per step squared.

    Returns
    -------
    Propagator
        R, S and V, accurate to a few rounding errors of their amplitude times
        1 + the phase sqrt(w2) t.

    Examples
    --------
    >>> mode = propagator(np.array([0.0, 1.0]), 0.5, np.array([0.25]))  # critical: S = t exp(-t/2)
    >>> mode.S
    array([0.        , 0.60653066])
    """
    t = np.asarray(t, dtype=np.float64)
    w2 = np.asarray(w2, dtype=np.float64)
    shape = np.broadcast_shapes(t.shape, w2.shape)
    R, S, V = np.empty((3, *shape))
    times = np.broadcast_to(t, shape)
    frequencies = np.broadcast_to(w2, shape)
    under = frequencies > u**2
    for mask, branch in ((under, _underdamped), (~under, _overdamped)):
        found = branch(times[mask], u, frequencies[mask])
        R[mask], S[mask], V[mask] = found
    return Propagator(t, u, w2, R, S, V)


def sgd_propagator(t: Times, momentum: float, z: FloatArray) -> Propagator:
    """Return the propagator of the modes of SGD with z = lr (1 - dampening) kappa."""
    return propagator(t, damping_rate(momentum), squared_frequency(z, momentum))


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
    lost = -np.expm1(-x)
    mean = np.divide(lost, x, out=np.ones_like(x), where=x > 0)
    return t * mean


def _underdamped(
    t: FloatArray, u: float, w2: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return R, S, V = C + u S, S, C - u S with C = e^{-ut} cos dt and S = e^{-ut} sin(dt)/d."""
    d = np.sqrt(w2 - u**2)
    envelope = np.exp(-u * t)
    C = envelope * np.cos(d * t)
    S = envelope * np.sin(d * t) / d
    return C + u * S, S, C - u * S


def _overdamped(
    t: FloatArray, u: float, w2: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return R, S, V from the two real rates, as in the module's docstring."""
    d = np.sqrt(u**2 - w2)
    r2 = u + d
    r1 = w2 / r2
    slow = np.exp(-r1 * t)
    fast = np.exp(-r2 * t)
    S = slow * decayed(2 * d, t)
    return slow + r1 * S, S, fast - r1 * S


def _integral_series(
    t: FloatArray, rates: tuple[FloatArray, ...], slopes: tuple[float, float]
) -> FloatArray:
    """Return the integral of f with f''' + a f'' + b f' + c f = 0, f(0) = 0, by its Taylor series.

    `rates` are (a, b, c) and `slopes` f'(0) and f''(0). The term of t^m follows from the three
    before it,

        term_m = -(t / m) (a term_{m-1} + t / (m - 1) (b term_{m-2} + t / (m - 2) c term_{m-3})).
    """
    a, b, c = rates
    slope, curvature = slopes
    older = np.zeros_like(t)
    old = np.full_like(t, slope) * t**2 / 2
    new = np.full_like(t, curvature) * t**3 / 6
    total = old + new
    for m in range(4, TERMS):
        lowest = t / (m - 2) * c * older
        lower = t / (m - 1) * (b * old + lowest)
        older = old
        old = new
        new = -t / m * (a * new + lower)
        total += new
    return total


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return numerator / denominator, 0 where the denominator is 0."""
    shape = np.broadcast_shapes(numerator.shape, np.shape(denominator))
    return np.divide(numerator, denominator, out=np.zeros(shape), where=denominator > 0)
