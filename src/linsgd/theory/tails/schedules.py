r"""Step sizes that vary: cyclic, drawn afresh, or following a Markov chain. Isotropic Gaussian features, no momentum.

With h(s; lr) for each learning rate of the list, the growth of the s-th moment a step is

    cyclic       (prod_i h(s; lr_i))^{1/m},
    independent  mean_i h(s; lr_i),
    Markov       the spectral radius of P diag(h(s; lr_i)), P the transition matrix,

and the exponent is where it is 1. By the inequality of the means cyclic steps have lighter tails than independent
ones, always; that a constant step of the same mean is lighter still is proved where alpha >= 1, as h is convex in lr.
"""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizer import SGD
from linsgd.problem import LinearRegression
from linsgd.result import Guarantee
from linsgd.theory.tails import quadrature
from linsgd.theory.tails.radial import LARGEST_ORDER
from linsgd.theory.tails.result import Interval, TailResult, TailStatus
from linsgd.theory.tails.setting import Setting

_PROBE = 1e-4  # relative change of the order that measures the slope of the growth


def schedule_exponent(
    problem: LinearRegression, sgd: SGD, lrs: ArrayLike, order: str = "cyclic", transition: ArrayLike | None = None
) -> TailResult:
    """Return the tail exponent under varying learning rates.

    Parameters
    ----------
    problem : LinearRegression
        Isotropic Gaussian features.
    sgd : SGD
        Without momentum; its lr is replaced by those of the schedule.
    lrs : array_like (m,)
        The learning rates.
    order : {"cyclic", "independent", "markov"}
        How one follows the other.
    transition : array_like (m, m), optional
        For "markov": rows are the laws of the next learning rate.

    Returns
    -------
    TailResult
        alpha with numerical bounds, "no_stationary_law", or "unresolved" above 1e6.

    Raises
    ------
    ValueError
        If an argument lies outside its domain or the features are others.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> round(schedule_exponent(problem, linsgd.SGD(lr=0.4), [0.3, 0.5]).value, 6)
    3.545483
    """
    domains.choice("order", order, ("cyclic", "independent", "markov"))
    rates = domains.array("lrs", lrs, (None,))
    settings = [Setting.of(problem, dataclasses.replace(sgd, lr=float(lr))) for lr in rates]
    if quadrature.covers(settings[0]):
        domains.refuse("problem and sgd", "this setting", quadrature.covers(settings[0]))
    laws = [quadrature.radial_law(setting) for setting in settings]
    kernel = _kernel(order, transition, rates.size)
    occupation = _stationary(kernel)

    def log_growth(s: float) -> float:
        log_h = np.array([law.log_moment(s)[0] for law in laws])
        if order == "cyclic":
            return float(log_h.mean())
        top = log_h.max()
        return float(top + np.log(np.abs(np.linalg.eigvals(kernel * np.exp(log_h - top))).max()))

    rho = float(occupation @ [law.log_moment(0.0)[1] for law in laws])
    if rho >= 0:
        return _result(Interval(np.nan, np.nan, np.nan), TailStatus.NO_STATIONARY_LAW, rho)
    high = 1.0
    while log_growth(high) <= 0 and high < LARGEST_ORDER:
        high *= 2
    if log_growth(high) <= 0:
        return _result(Interval(np.nan, high, np.inf), TailStatus.UNRESOLVED, rho)
    low = high / 2
    while log_growth(low) >= 0:
        low /= 2
    alpha = float(brentq(lambda s: log_growth(s) / s, low, high, rtol=1e-13))
    shift = max(abs(quadrature.sensitivity(setting, alpha)) for setting in settings)
    slope = (log_growth(alpha * (1 + _PROBE)) - log_growth(alpha * (1 - _PROBE))) / (2 * _PROBE * alpha)
    error = quadrature.BACKWARD_ERROR * shift / abs(slope) + 1e-12 * alpha
    return _result(Interval.about(alpha, error), TailStatus.POWER_LAW, rho)


def _kernel(order: str, transition: ArrayLike | None, m: int) -> FloatArray:
    """Return the transition matrix of the learning rates."""
    if order == "cyclic":
        return np.roll(np.eye(m), 1, axis=1)
    if order == "independent":
        return np.full((m, m), 1 / m)
    if transition is None:
        domains.refuse("transition", None, "a matrix (m, m) with order = 'markov'")
    kernel = domains.array("transition", transition, (m, m))
    if kernel.min() < 0 or np.abs(kernel.sum(axis=1) - 1).max() > 1e-12:
        domains.refuse("transition", kernel.tolist(), "rows of probabilities")
    return kernel


def _stationary(kernel: FloatArray) -> FloatArray:
    """Return the long-run share of each learning rate."""
    m = len(kernel)
    system = np.vstack([kernel.T - np.eye(m), np.ones(m)])
    share: FloatArray = np.linalg.lstsq(system, np.append(np.zeros(m), 1.0), rcond=None)[0]
    return share


def _result(alpha: Interval, status: TailStatus, rho: float) -> TailResult:
    return TailResult(
        quantity="tail_exponent",
        value=alpha.value,
        lower=alpha.lower,
        upper=alpha.upper,
        guarantee=Guarantee.NUMERICAL,
        method="quadrature",
        status=status,
        lyapunov=rho,
    )
