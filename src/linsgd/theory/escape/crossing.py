r"""Mean exit steps over a smooth barrier at small temperature: Kramers, Eyring, Langer.

With one-sample gradient covariance c I, batch b and momentum beta the temperature is

    T = lr c/(2 b (1 - beta)).

With the Hessians H_a at the minimum and H_s at the saddle, whose one negative eigenvalue is
-lambda, the rate of crossing per step is

    r = (g/(2 pi)) sqrt(det H_a/|det H_s|) e^{-(L_s - L_a)/T},

g the growth of the unstable direction per step: lr lambda without momentum (Eyring and Kramers),
and with momentum g = sqrt(lr) (sqrt(gamma^2/4 + lambda) - gamma/2), gamma = (1 - beta)/sqrt(lr)
(Kramers, Langer). In one dimension with the diffusion D(x) = lr C(x)/(2 b), read in Ito's sense,

    r = (lr/(2 pi)) sqrt(h_a h_s) sqrt(D_a/D_s) e^{-int_a^s L'/D}.

The discrete algorithm without momentum crosses faster by 1 + lr (h_a - h_s)/4 in one dimension, at
constant T, from the modified equation of weak order 2: drift -L' - (lr/2)(L' L'' - T L'''),
diffusion T (1 + lr L'').
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import quad

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.potentials import Potential
from linsgd.stable import Stable
from linsgd.theory.levy.exits import exit_time
from linsgd.theory.levy.result import AsymptoticStatus, ExitTime

QUADRATURE = 1e-10  # of the exponent's integral, relative
SAME = 1e-9  # difference, relative and absolute, of refined minima that counts as none
ISOTROPIC = 1e-12  # relative difference of the noise's variances that counts as none


def kramers(
    potential: Potential,
    sgd: SGD,
    minimum: ArrayLike,
    saddle: ArrayLike,
    noise: float | Callable[..., Any],
    *,
    discrete: bool = False,
) -> ExitTime:
    r"""Return the mean number of steps to cross a saddle, the limit of small temperature.

    Parameters
    ----------
    potential : Potential
        One of `linsgd.potentials`.
    sgd : SGD
        lr, batch_size and momentum.
    minimum, saddle : float or array_like (d,)
        Close to a minimum and to the saddle over which SGD leaves it; both are refined.
    noise : float or callable
        Variance c of one sample's gradient along each coordinate, positive; in one dimension
        without momentum also a function C(x) of arrays.
    discrete : bool
        Multiply the rate by 1 + lr (h_a - h_s)/4, the first correction for the finite step; in one
        dimension, with constant noise and without momentum.

    Returns
    -------
    ExitTime
        From the minimum to beyond the barrier, in steps. `order` states the relative error: of
        order T/(L_s - L_a), and of order lr unless `discrete`. The status is "outside" where the
        barrier is below one temperature, or lr times the largest curvature above 1 + momentum, half
        the threshold of stability: there the formula says nothing.

    Raises
    ------
    ValueError
        If an argument lies outside its domain, a point is not the kind of stationary point that it
        should be, or the noise is not covered.

    See Also
    --------
    linsgd.simulate_escape : The measurement, with the same arguments.
    large_deviation : The exponent where noise and Hessian do not commute.

    Notes
    -----
    .. math:: E k = \frac{2\pi}{g} \sqrt{\frac{|\det H_s|}{\det H_a}} e^{(L_s - L_a)/T}, \qquad
        g = \eta\lambda \ \text{or}\
        \sqrt\eta \left(\sqrt{\gamma^2/4 + \lambda} - \gamma/2\right).

    References
    ----------
    .. [1] P. Hanggi, P. Talkner, M. Borkovec, "Reaction-rate theory: fifty years after Kramers",
       Reviews of Modern Physics 62 (1990).
    .. [2] X. Dai, Y. Zhu, "On large batch training and sharp minima: a Fokker-Planck perspective"
       (2020), arXiv 2112.00987, for escape of SGD.

    Examples
    --------
    >>> import linsgd
    >>> well = linsgd.potentials.Polynomial([0, 0, -0.5, 0, 0.25])  # x^4/4 - x^2/2
    >>> found = linsgd.escape.kramers(well, linsgd.SGD(lr=0.1), -1.0, 0.0, 1.0)
    >>> round(found.mean, 1)
    6593.8
    """
    accept(potential, sgd)
    a, s = stationary_pair(potential, minimum, saddle)
    H_a, H_s = potential._hessians(a), potential._hessians(s)
    unstable = -float(np.linalg.eigvalsh(H_s)[0])
    log_volumes = (np.linalg.slogdet(H_s)[1] - np.linalg.slogdet(H_a)[1]) / 2
    constant = None if callable(noise) else domains.real("noise", noise, "(0, inf)")
    exponent, log_ratio, size = _exponent(potential, sgd, a, s, noise, constant)
    log_mean = math.log(2 * math.pi / _growth(sgd, unstable)) + log_volumes + exponent + log_ratio
    if domains.boolean("discrete", discrete):
        if potential.dimension > 1 or sgd.momentum or constant is None:
            known = "False unless in one dimension, with constant noise and momentum 0"
            domains.refuse("discrete", True, known)
        log_mean -= math.log1p(sgd.lr * (float(H_a[0, 0]) - unstable) / 4)
    step = "lr^2 times the former's inverse" if discrete else "lr"
    steepest = max(float(np.abs(np.linalg.eigvalsh(H)).max()) for H in (H_a, H_s))
    inside = exponent >= 1 and sgd.lr * steepest <= 1 + sgd.momentum
    return ExitTime(
        mean=math.exp(log_mean) if log_mean < 709 else math.inf,
        log_mean=float(log_mean),
        unit="steps",
        order=f"relative error of order {1 / exponent:.2g}, temperature over barrier, and {step}",
        error=size,
        status=AsymptoticStatus.OK if inside else AsymptoticStatus.OUTSIDE,
    )


def _exponent(
    potential: Potential,
    sgd: SGD,
    a: FloatArray,
    s: FloatArray,
    noise: Any,
    constant: float | None,
) -> tuple[float, float, float]:
    """Return the barrier over the temperature, log sqrt(D_s/D_a), and the quadrature's error."""
    scale = sgd.lr / (2 * sgd.batch_size)
    if constant is not None:
        height = float(potential._values(s) - potential._values(a))
        return height * (1 - sgd.momentum) / (scale * constant), 0.0, 1e-13
    if potential.dimension > 1 or sgd.momentum:
        domains.refuse("noise", noise, "a number, unless in one dimension with momentum 0")

    def slope(x: float) -> float:
        return float(potential.gradient(x)) / (scale * variance(noise, x))

    height, error = quad(slope, float(a[0]), float(s[0]), epsabs=0, epsrel=QUADRATURE, limit=400)
    ratio = variance(noise, float(s[0])) / variance(noise, float(a[0]))
    return height, math.log(ratio) / 2, error + 1e-13


def _growth(sgd: SGD, unstable: float) -> float:
    """Return the growth per step of the unstable direction."""
    if not sgd.momentum:
        return sgd.lr * unstable
    half = (1 - sgd.momentum) / 2
    # sqrt(g^2/4 + l) - g/2 without cancellation, g = (1 - momentum)/sqrt(lr), times sqrt(lr)
    return sgd.lr * unstable / (math.sqrt(half**2 + sgd.lr * unstable) + half)


def levy(potential: Potential, sgd: SGD, minimum: float, saddle: float, noise: Stable) -> ExitTime:
    r"""Return the mean number of steps until one jump of stable noise crosses a saddle.

    Parameters
    ----------
    potential : Potential
        In one dimension.
    sgd : SGD
        lr, batch_size and momentum.
    minimum, saddle : float
        Close to a minimum and to the end of its basin; both are refined.
    noise : Stable
        Of one sample's gradient, of index below 2.

    Returns
    -------
    ExitTime
        In steps; only the distance of the two points enters, not the height of the barrier.

    Raises
    ------
    ValueError
        If an argument lies outside its domain.

    See Also
    --------
    linsgd.levy.exit_time : From any interval.

    Notes
    -----
    .. math:: E k = \frac{\alpha}{c_\alpha} \left(\frac{|s - a|}{e\, \sigma\,
        b^{1/\alpha - 1}}\right)^\alpha, \qquad e = \eta/(1 - \beta).

    Examples
    --------
    >>> import linsgd
    >>> well = linsgd.potentials.DoubleWell((2.0, 2.0), (-1.0, 1.0))
    >>> sgd = linsgd.SGD(lr=0.02, batch_size=16)
    >>> round(linsgd.escape.levy(well, sgd, -1.0, 0.0, linsgd.Stable(1.5)).mean, 1)
    7089.8
    """
    accept(potential, sgd)
    if potential.dimension > 1:
        domains.refuse("potential", potential, "potentials in one dimension")
    a, s = stationary_pair(potential, minimum, saddle)
    distance = abs(float(s[0]) - float(a[0]))
    return exit_time(sgd, noise, distance)


def gibbs_ratio(
    potential: Potential,
    sgd: SGD,
    minima: tuple[ArrayLike, ArrayLike],
    noise: float | Callable[..., Any],
) -> tuple[float, float]:
    r"""Return the ratio of the stationary masses of two wells, second over first, and its order.

    Parameters
    ----------
    potential : Potential
        One of `linsgd.potentials`.
    sgd : SGD
        lr, batch_size and momentum.
    minima : pair of float or array_like (d,)
        Close to the two minima.
    noise : float or callable
        Variance of one sample's gradient along each coordinate; in one dimension without momentum
        also a function C(x) of arrays.

    Returns
    -------
    ratio : float
        To leading order at small temperature; inf or 0 where a double is exceeded.
    order : float
        The temperature over the larger quantity that it is small against, the curvature times the
        squared distance of the minima: the relative error is of this order, and of order lr.

    Notes
    -----
    .. math:: \frac{P_2}{P_1} = \sqrt{\frac{\det H_1}{\det H_2}} e^{(L_1 - L_2)/T}, \qquad
        \sqrt{\frac{h_1 D_1}{h_2 D_2}}\; e^{-\int_1^2 L'/D}.

    At equal depth and with constant noise no batch size enters. With D(x) it does, exponentially,
    and the sharp well can win.

    Examples
    --------
    >>> import linsgd
    >>> well = linsgd.potentials.DoubleWell((8.0, 2.0), (-1.0, 1.5))
    >>> ratio, order = linsgd.escape.gibbs_ratio(well, linsgd.SGD(lr=0.1), (-1.0, 1.5), 1.0)
    >>> round(ratio, 6), round(order, 4)
    (2.0, 0.004)
    """
    accept(potential, sgd)
    first, second = _two_minima(potential, minima)
    volumes = [np.linalg.slogdet(potential._hessians(x))[1] for x in (first, second)]
    constant = None if callable(noise) else domains.real("noise", noise, "(0, inf)")
    height, log_ratio, _ = _exponent(potential, sgd, first, second, noise, constant)
    with np.errstate(over="ignore", under="ignore"):
        ratio = float(np.exp((volumes[0] - volumes[1]) / 2 - height - log_ratio))
    scale = sgd.lr / (2 * sgd.batch_size * (1 - sgd.momentum))
    level = constant if constant is not None else variance(noise, float(first[0]))
    span = float(np.sum((second - first) ** 2))
    softest = min(float(np.linalg.eigvalsh(potential._hessians(x))[0]) for x in (first, second))
    return ratio, scale * level / (softest * span)


def _two_minima(potential: Potential, minima: Any) -> tuple[FloatArray, FloatArray]:
    """Return two different minima (d,), refined, or refuse the pair."""
    try:
        first, second = (potential.stationary_point(each) for each in minima)
    except (TypeError, ValueError):
        domains.refuse("minima", minima, "a pair of points close to minima")
    for x in (first, second):
        if np.linalg.eigvalsh(potential._hessians(x))[0] <= 0:
            domains.refuse("minima", minima, "a pair of points close to minima")
    if np.allclose(first, second, rtol=SAME, atol=SAME):
        domains.refuse("minima", minima, "points close to two different minima")
    return first, second


def stationary_pair(
    potential: Potential, minimum: ArrayLike, saddle: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return a minimum and a saddle (d,), refined, or refuse points that are something else."""
    a, s = refined(potential, "minimum", minimum), refined(potential, "saddle", saddle)
    bottom = np.linalg.eigvalsh(potential._hessians(a))
    top = np.linalg.eigvalsh(potential._hessians(s))
    if bottom[0] <= 0:
        domains.refuse("minimum", minimum, "close to a minimum with positive curvatures")
    if not (top[0] < 0 and (top[1:] > 0).all()):
        domains.refuse("saddle", saddle, "close to a saddle with one negative curvature")
    if potential._values(s) <= potential._values(a):
        domains.refuse("saddle", saddle, "a saddle above the minimum")
    return a, s


def refined(potential: Potential, name: str, near: ArrayLike) -> FloatArray:
    """Return the stationary point (d,) close to an argument of this name."""
    try:
        return potential.stationary_point(near)
    except ValueError:
        point = f"one point of {potential.dimension} coordinates"
        domains.refuse(name, near, f"{point}, close to a minimum or saddle with L'' regular")


def variance(noise: Any, x: float) -> float:
    """Return C(x), positive."""
    found = np.asarray(noise(np.float64(x)))
    return domains.real(f"noise({x:.6g})", found.item() if found.size == 1 else found, "(0, inf)")


def accept(potential: object, sgd: SGD) -> None:
    """Refuse what is no potential, or an optimizer with terms that belong to the potential."""
    if not isinstance(potential, Potential):
        domains.refuse_type("potential", potential, "one of linsgd.potentials")
    domains.exact_type("sgd", sgd, (SGD,))
    for name in ("dampening", "weight_decay", "nesterov"):
        if getattr(sgd, name):
            domains.refuse(name, getattr(sgd, name), "0 or False on a potential")
    if sgd.sampling != "independent" or not sgd.replacement:
        given = f"{sgd.sampling!r}, replacement {sgd.replacement}"
        domains.refuse("sampling", given, "'independent' with replacement on a potential")
