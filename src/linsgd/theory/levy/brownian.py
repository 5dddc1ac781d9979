r"""Mean exit times of dX = -U'(X) dt + sqrt(2 T) dB: the exact integrals, and Kramers' law.

With the scale function s' = e^{U/T} and the speed density m = e^{-U/T}/T, from x in (l, r),

    E tau = [ (s(r) - s(x)) int_l^x (s(y) - s(l)) m dy
              + (s(x) - s(l)) int_x^r (s(r) - s(y)) m dy ]/(s(r) - s(l)),

and for l = -inf in a confining potential, where s(l) = -inf,

    E tau = (s(r) - s(x)) int_{-inf}^x m dy + int_x^r (s(r) - s(y)) m dy.

SGD with normal noise of covariance C/b has T = e C/(2 b), with e = lr (1 - dampening)/(1 -
momentum), in the time e k of k steps; noise eps dB has 2 T = eps^2.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.theory.levy.result import AsymptoticStatus, ExitTime

NODES = 16  # Gauss nodes of a panel
PANELS = (64, 128, 256, 512, 1024, 2048)  # tried one after the other
ACCURATE = 1e-12
UNLIKELY = 45.0  # of U/T, beyond which a confining potential is cut off


def diffusion_exit_time(
    potential: Callable[[FloatArray], FloatArray],
    temperature: float,
    right: float,
    left: float = -math.inf,
    start: float = 0.0,
) -> ExitTime:
    r"""Return the exact mean exit time of a Brownian particle in a potential.

    Parameters
    ----------
    potential : callable
        U of an array (n,), smooth; confining on the left if left = -inf.
    temperature : float
        T > 0; the noise is sqrt(2 T) dB.
    right, left : float
        Absorbing ends, right > start > left; left = -inf for a one-sided exit.
    start : float
        Where the particle starts.

    Returns
    -------
    ExitTime
        In units of the equation's time, lr steps.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or the potential does not confine.

    See Also
    --------
    kramers_time : The limit of small temperature.

    Notes
    -----
    From the bottom of a symmetric potential, for the exit from (-a, a),

    .. math:: E\tau = \frac1T \int_0^a e^{U(y)/T} \int_0^y e^{-U(z)/T}\, dz\, dy.

    References
    ----------
    C. W. Gardiner, Handbook of Stochastic Methods, section 5.2.7 (first passage times).

    Examples
    --------
    >>> import linsgd
    >>> found = linsgd.levy.diffusion_exit_time(lambda x: x**2 / 2, 0.125, 1.0, -1.0)
    >>> round(found.mean, 2)
    27.43
    """
    T = domains.real("temperature", temperature, "(0, inf)")
    start = domains.real("start", start)
    right = domains.real("right", right, f"({start!r}, inf)")
    left = domains.real("left", left, f"[-inf, {start!r})")
    confined = math.isinf(left)

    def height(x: FloatArray) -> FloatArray:
        found: FloatArray = np.asarray(potential(x), dtype=np.float64) / T
        return found

    if confined:
        left = _cut(height, start, right)
    previous, error = math.inf, math.inf
    for panels in PANELS:
        below = _Panels.of(height, left, start, panels)
        above = _Panels.of(height, start, right, panels)
        log_mean = _log_mean(below, above, confined) - math.log(T)
        error, previous = abs(math.expm1(log_mean - previous)), log_mean
        if error < ACCURATE:
            break
    return ExitTime(
        mean=math.exp(log_mean) if log_mean < 709 else math.inf,
        log_mean=log_mean,
        unit="lr steps",
        order="exact",
        error=max(error, ACCURATE),
    )


def kramers_time(
    barrier: float,
    temperature: float,
    curvature: float,
    saddle_curvature: float | None = None,
    slope: float | None = None,
) -> ExitTime:
    r"""Return Kramers' mean time to cross one barrier, the limit of small temperature.

    Parameters
    ----------
    barrier : float
        Height of the barrier above the minimum, Delta U > 0.
    temperature : float
        T > 0, of the noise sqrt(2 T) dB.
    curvature : float
        U'' at the minimum, positive.
    saddle_curvature : float, optional
        |U''| at a smooth barrier, positive.
    slope : float, optional
        U' > 0 at an absorbing end below which the potential still rises. Exactly one of the two is
        given.

    Returns
    -------
    ExitTime
        In units of the equation's time; of two equal barriers, half of it.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    .. math:: \frac{2 \pi}{\sqrt{U''(m) |U''(s)|}} e^{\Delta U/T}, \qquad
        \frac{1}{U'(a)} \sqrt{\frac{2 \pi T}{U''(m)}} e^{\Delta U/T}.

    The relative error is of order T/Delta U: 7 to 12 % at Delta U/T from 4 to 8 for an absorbing
    end of a quadratic, which `diffusion_exit_time` gives exactly. Where the barrier is below one
    temperature the status is "outside".

    References
    ----------
    H. A. Kramers, Physica 7 (1940) 284.

    Examples
    --------
    >>> import linsgd
    >>> round(linsgd.levy.kramers_time(0.25, 0.05, 2.0, saddle_curvature=1.0).mean, 1)
    659.4
    """
    T = domains.real("temperature", temperature, "(0, inf)")
    barrier = domains.real("barrier", barrier, "(0, inf)")
    curvature = domains.real("curvature", curvature, "(0, inf)")
    if (saddle_curvature is None) == (slope is None):
        given = f"{saddle_curvature} with slope = {slope}"
        domains.refuse("saddle_curvature", given, "a number, or else slope is one")
    if saddle_curvature is not None:
        top = domains.real("saddle_curvature", saddle_curvature, "(0, inf)")
        prefactor = 2 * math.pi / math.sqrt(curvature * top)
    else:
        rise = domains.real("slope", slope, "(0, inf)")
        prefactor = math.sqrt(2 * math.pi * T / curvature) / rise
    log_mean = math.log(prefactor) + barrier / T
    return ExitTime(
        mean=math.exp(log_mean) if log_mean < 709 else math.inf,
        log_mean=log_mean,
        unit="lr steps",
        order="leading as temperature -> 0",
        error=1e-15,
        status=AsymptoticStatus.OK if barrier >= T else AsymptoticStatus.OUTSIDE,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Panels:
    """An interval in Gauss-Legendre panels, with U/T at the nodes (panels, NODES)."""

    height: FloatArray
    half: float

    @classmethod
    def of(
        cls, height: Callable[[FloatArray], FloatArray], left: float, right: float, panels: int
    ) -> "_Panels":
        half = (right - left) / panels / 2
        middles = left + half * (2 * np.arange(panels) + 1)
        nodes = middles[:, None] + half * _X
        return cls(height(nodes.ravel()).reshape(nodes.shape), half)

    def integral(self, values: FloatArray) -> float:
        """Return the integral of a function given at the nodes."""
        return float(np.sum(values @ _W) * self.half)

    def running(self, values: FloatArray) -> FloatArray:
        """Return its integral from the left end to each node."""
        whole = values @ _W
        before = np.cumsum(whole) - whole
        found: FloatArray = self.half * (before[:, None] + values @ _RUNNING.T)
        return found

    def remaining(self, values: FloatArray) -> FloatArray:
        """Return its integral from each node to the right end."""
        found: FloatArray = self.running(values[::-1, ::-1])[::-1, ::-1]
        return found


def _log_mean(below: _Panels, above: _Panels, confined: bool) -> float:
    """Return log(T E tau) by the formula of the module."""
    bottom = min(float(below.height.min()), float(above.height.min()))
    tops = [float(each.height.max()) for each in (below, above)]
    scale = [np.exp(each.height - top) for each, top in zip((below, above), tops, strict=True)]
    speed = [np.exp(bottom - each.height) for each in (below, above)]
    to_right = above.integral(scale[1])
    after = above.integral(above.remaining(scale[1]) * speed[1])
    if confined:
        return math.log(to_right * below.integral(speed[0]) + after) + tops[1] - bottom
    to_left = below.integral(scale[0])
    before = below.integral(below.running(scale[0]) * speed[0])
    # e^tops[0] and e^tops[1] multiply the numerator; the larger one leaves the denominator
    shares = np.exp(np.array(tops) - max(tops))
    total = (to_right * before + to_left * after) / (shares @ [to_left, to_right])
    return math.log(total) + min(tops) - bottom


def _cut(height: Callable[[FloatArray], FloatArray], start: float, right: float) -> float:
    """Return a point on the left beyond which the particle is never found in practice."""
    for width in (right - start) * 1.5 ** np.arange(40):
        left = float(start - width)
        heights = height(np.linspace(left, start, 257))
        if heights[0] - heights.min() > UNLIKELY:
            break
    else:
        domains.refuse("left", -math.inf, "finite, unless the potential rises to the left")
    return left


def _running_matrix() -> FloatArray:
    """Return the integrals of the Lagrange polynomials from -1 to each node."""
    to_coefficients = np.linalg.inv(np.polynomial.legendre.legvander(_X, NODES - 1))
    antiderivatives = np.polynomial.legendre.legint(to_coefficients, lbnd=-1)
    found: FloatArray = np.asarray(
        np.polynomial.legendre.legval(_X, antiderivatives).T, dtype=np.float64
    )
    return found


_X, _W = np.polynomial.legendre.leggauss(NODES)
_RUNNING: FloatArray = _running_matrix()
