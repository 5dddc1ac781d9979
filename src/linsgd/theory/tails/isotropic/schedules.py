r"""Step sizes that vary: cyclic, drawn afresh, or following a Markov chain. Isotropic Gaussian features, no momentum.

With h(s; lr) for each learning rate of the list, the growth of the s-th moment a step is

    cyclic       (prod_i h(s; lr_i))^{1/m},
    independent  mean_i h(s; lr_i),
    Markov       the spectral radius of P diag(h(s; lr_i)), P the transition matrix of the rates that recur,

and the exponent is where it is 1. With pi P = pi and the eigenvector v of the spectral radius, that
is 1 + sum_i pi_i v_i (h_i - 1) / sum_i pi_i v_i, in which only h_i - 1 of two signs cancel. By the
inequality of the means cyclic steps have lighter tails than independent ones, always; that a
constant step of the same mean is lighter still is proved where alpha >= 1, as h is convex in lr,
and false below.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.sparse.csgraph import connected_components

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee
from linsgd.theory.tails.bounded_steps import label_exponent
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.isotropic.radial import LARGEST_ORDER
from linsgd.theory.tails.result import UNKNOWN_ORDER, Interval, TailResult, TailStatus
from linsgd.theory.tails.setting import Setting

_ORDERS = ("cyclic", "independent", "markov")
_PROBE = 1e-4  # relative change of the order that measures the slope of the growth
_LARGE = 0.5  # |log h| above which h - 1 does not cancel
_NOTHING = Interval(math.nan, math.nan, math.nan)


def schedule_exponent(
    problem: LinearRegression,
    sgd: SGD,
    lrs: ArrayLike,
    order: str = "cyclic",
    transition: ArrayLike | None = None,
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
        For "markov", and only there: rows are the laws of the next learning rate. Those that the
        chain leaves for ever do not count; what it ends up in must not depend on the start.

    Returns
    -------
    TailResult
        alpha with numerical bounds and its status as in `tail_exponent`; "unresolved" above 1e6,
        and where the Lyapunov exponent is 0 within its error.

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
    accept(problem, sgd)
    domains.choice("order", order, _ORDERS)
    rates = domains.array("lrs", lrs, (None,))
    settings = [Setting.of(problem, dataclasses.replace(sgd, lr=float(lr))) for lr in rates]
    if quadrature.covers(settings[0]):
        domains.refuse("problem and sgd", "this setting", quadrature.covers(settings[0]))
    schedule = _Schedule.of(settings, order, transition)
    rho = schedule.lyapunov()
    if rho.lower > 0:
        return _result(
            _NOTHING, TailStatus.NO_STATIONARY_LAW, rho, "the Lyapunov exponent is positive"
        )
    if rho.upper >= 0:
        return _result(
            UNKNOWN_ORDER, TailStatus.UNRESOLVED, rho, "the Lyapunov exponent is 0 within its error"
        )
    if settings[0].steady:
        return _result(
            _NOTHING,
            TailStatus.DEGENERATE,
            rho,
            "without label noise the law is the point at the optimum",
        )
    alpha, labels = schedule.exponent(), label_exponent(problem)
    if labels < alpha.lower:
        return _result(
            Interval.about(labels, 0.0), TailStatus.POWER_LAW, rho, "the labels' own tail exponent"
        )
    status = TailStatus.POWER_LAW if alpha.value == alpha.value else TailStatus.UNRESOLVED
    return _result(alpha, status, rho)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Schedule:
    """The settings of the learning rates that recur, the law of the next one (m, m), and their long-run shares (m,)."""

    settings: list[Setting]
    kernel: FloatArray
    share: FloatArray
    cyclic: bool

    @classmethod
    def of(cls, settings: list[Setting], order: str, transition: ArrayLike | None) -> "_Schedule":
        """Return the schedule without the learning rates that the chain leaves for ever."""
        kernel = _kernel(order, transition, len(settings))
        recurrent = _recurrent(kernel)
        kernel = kernel[np.ix_(recurrent, recurrent)]
        return cls([settings[i] for i in recurrent], kernel, _shares(kernel), order == "cyclic")

    def lyapunov(self) -> Interval:
        """Return the mean of rho over the learning rates."""
        each = np.array([quadrature.lyapunov(setting) for setting in self.settings])
        value, lower, upper = (float(x) for x in self.share @ each)
        return Interval(value, lower, upper)

    def log_growth(self, s: float) -> float:
        """Return the log growth of the moment of order s a step."""
        log_h = np.array(
            [quadrature.radial_law(setting).log_moment(s)[0] for setting in self.settings]
        )
        if self.cyclic:
            return float(log_h.mean())
        top = float(log_h.max())
        radii, vectors = np.linalg.eig(self.kernel * np.exp(log_h - top))
        if top > _LARGE:
            return top + float(np.log(np.abs(radii).max()))
        weight = self.share * np.abs(vectors[:, radii.real.argmax()])
        return float(np.log1p(weight @ np.expm1(log_h) / weight.sum()))

    def exponent(self) -> Interval:
        """Return the root of the growth, where rho < 0; [LARGEST_ORDER, inf] where it lies beyond."""
        low, high = 0.5, 1.0
        while self.log_growth(high) <= 0:
            low, high = high, 2 * high
            if low >= LARGEST_ORDER:
                return Interval(math.nan, low, math.inf)
        while self.log_growth(low) >= 0:
            low, high = low / 2, low
        alpha = float(brentq(lambda s: self.log_growth(s) / s, low, high, rtol=1e-13))
        shift = max(abs(quadrature.sensitivity(setting, alpha)) for setting in self.settings)
        rise = self.log_growth(alpha * (1 + _PROBE)) - self.log_growth(alpha * (1 - _PROBE))
        slope = rise / (2 * _PROBE * alpha)
        return Interval.about(alpha, quadrature.BACKWARD_ERROR * shift / abs(slope) + 1e-12 * alpha)


def _kernel(order: str, transition: ArrayLike | None, m: int) -> FloatArray:
    """Return the transition matrix of the learning rates."""
    if order != "markov" and transition is not None:
        domains.refuse(
            "transition", transition, f"None with order = {order!r}: 'markov' takes a matrix"
        )
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


def _recurrent(kernel: FloatArray) -> NDArray[np.intp]:
    """Return the states in which the chain ends up, whatever its start."""
    count, group = connected_components(kernel > 0, connection="strong")
    closed = [k for k in range(count) if not kernel[np.ix_(group == k, group != k)].any()]
    if len(closed) > 1:
        domains.refuse(
            "transition",
            kernel.tolist(),
            "chains that end up in the same states whatever their start",
        )
    return np.flatnonzero(group == closed[0])


def _shares(kernel: FloatArray) -> FloatArray:
    """Return the long-run share of each state, without a subtraction (Grassmann, Taksar, Heyman 1985)."""
    rate, m = kernel.copy(), len(kernel)
    for n in range(m - 1, 0, -1):  # watch the chain on the first n states only
        rate[:n, n] /= rate[n, :n].sum()
        rate[:n, :n] += np.outer(rate[:n, n], rate[n, :n])
    share = np.ones(m)
    for n in range(1, m):
        share[n] = share[:n] @ rate[:n, n]
    share /= share.sum()
    return share


def _result(alpha: Interval, status: TailStatus, rho: Interval, reason: str = "") -> TailResult:
    return TailResult(
        quantity="tail_exponent",
        value=alpha.value,
        lower=alpha.lower,
        upper=alpha.upper,
        guarantee=Guarantee.NUMERICAL,
        method="quadrature",
        status=status,
        reason=reason,
        lyapunov=rho.value,
    )
