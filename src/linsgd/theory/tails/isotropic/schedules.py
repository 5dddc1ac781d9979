r"""Tail exponents under varying step sizes: cyclic, independent, or following a Markov chain.

Isotropic Gaussian features, no momentum. With h(s; lr) for each learning rate of the list, and P
the transition matrix of those that recur, the growth of the s-th moment a step is

    cyclic       (prod_i h(s; lr_i))^{1/m},
    independent  mean_i h(s; lr_i),
    Markov       the spectral radius of P diag(h(s; lr_i)),

and the exponent is where it is 1. With pi P = pi and the eigenvector v of the spectral radius, that
is 1 + sum_i pi_i v_i (h_i - 1) / sum_i pi_i v_i, in which only h_i - 1 of two signs cancel. By the
inequality of the means cyclic steps have lighter tails than independent ones, always; that a
constant step of the same mean is lighter still is proved where alpha >= 1, as h is convex in lr,
and false below.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.sparse.csgraph import connected_components

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.tails.bounded_steps import label_exponent
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.isotropic.radial import LARGEST_ORDER
from linsgd.theory.tails.result import (
    ANY_POSITIVE,
    NO_NUMBER,
    Interval,
    TailResult,
    TailStatus,
)
from linsgd.theory.tails.setting import Setting

_ORDERS = ("cyclic", "independent", "markov")
_PROBE = 1e-4  # relative change of the order that measures the slope of the growth
_LARGE = 0.5  # |log h| above which h - 1 does not cancel
_ROUNDING = 1e-12  # of alpha, relatively, beside that of the learning rates


def schedule_exponent(
    problem: LinearRegression,
    sgd: SGD,
    lrs: ArrayLike,
    order: str = "cyclic",
    transition: ArrayLike | None = None,
) -> TailResult:
    r"""Return the tail exponent under varying learning rates.

    Parameters
    ----------
    problem : LinearRegression
        Isotropic Gaussian features.
    sgd : SGD
        Without momentum; its lr is replaced by those of the schedule.
    lrs : array_like (m,)
        The learning rates.
    order : {"cyclic", "independent", "markov"}
        The law of their succession.
    transition : array_like (m, m), optional
        For "markov", and only there: rows are the laws of the next learning rate. Those that the
        chain leaves for ever do not count; the states in which it ends up must not depend on the
        start.

    Returns
    -------
    TailResult
        alpha with numerical bounds and its status as in `tail_exponent`; "unresolved" above 1e6,
        and where the Lyapunov exponent is 0 within its error.

    Raises
    ------
    ValueError
        If an argument lies outside its domain or the features are others.

    See Also
    --------
    tail_exponent

    Notes
    -----
    With h(s; lr) the spectral function at one learning rate and P = (p_ij) the transition matrix,
    the growth of the s-th moment a step is the geometric mean of h(s; lr_i) for a cycle, their mean
    for independent draws, and the spectral radius of P diag(h(s; lr_i)) for a Markov chain; it is 1
    at s = alpha.

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.4)
    >>> round(linsgd.schedule_exponent(problem, sgd, [0.3, 0.5]).value, 6)
    3.545483
    """
    accept(problem, sgd)
    domains.choice("order", order, _ORDERS)
    rates = domains.array("lrs", lrs, (None,))
    settings = [Setting.of(problem, dataclasses.replace(sgd, lr=float(lr))) for lr in rates]
    if missing := quadrature.covers(settings[0]):
        domains.refuse("problem and sgd", "this setting", missing)
    schedule = Schedule.of(settings, order, transition)
    rho = schedule.lyapunov()
    if rho.lower > 0:
        reason = "the Lyapunov exponent is positive, so that the iterates grow: reduce the lrs"
        return _result(NO_NUMBER, TailStatus.NO_STATIONARY_LAW, rho, reason)
    if rho.upper >= 0:
        reason = "the Lyapunov exponent is 0 within its error: change the lrs by more than that"
        return _result(ANY_POSITIVE, TailStatus.UNRESOLVED, rho, reason)
    if settings[0].has_fixed_point:
        reason = "without label noise the law is the point at the optimum"
        return _result(NO_NUMBER, TailStatus.DEGENERATE, rho, reason)
    alpha = schedule.exponent()
    labels = label_exponent(problem)
    if labels < alpha.lower:
        reason = "the labels' own tail exponent"
        return _result(Interval.exactly(labels), TailStatus.POWER_LAW, rho, reason)
    if not alpha.resolved:
        reason = f"alpha is above {LARGEST_ORDER:g}: larger lrs have smaller exponents"
        return _result(alpha, TailStatus.UNRESOLVED, rho, reason)
    return _result(alpha, TailStatus.POWER_LAW, rho)


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """A Markov chain of learning rates.

    Attributes
    ----------
    settings : list of Setting
        One for each learning rate that recurs.
    kernel : ndarray (m, m)
        Rows are the laws of the next one.
    share : ndarray (m,)
        The stationary distribution.
    cyclic : bool
        Whether they follow each other in a cycle.
    """

    settings: list[Setting]
    kernel: FloatArray
    share: FloatArray
    cyclic: bool

    @classmethod
    def of(cls, settings: list[Setting], order: str, transition: ArrayLike | None) -> Schedule:
        """Return the schedule without the learning rates that the chain leaves for ever."""
        kernel = _kernel(order, transition, len(settings))
        recurrent = _recurrent(kernel)
        kernel = kernel[np.ix_(recurrent, recurrent)]
        kept = [settings[i] for i in recurrent]
        return cls(kept, kernel, stationary_distribution(kernel), order == "cyclic")

    def lyapunov(self) -> Interval:
        """Return the mean of rho over the learning rates."""
        each = np.array([quadrature.lyapunov(setting) for setting in self.settings])
        value, lower, upper = self.share @ each
        return Interval(float(value), float(lower), float(upper))

    def log_growth(self, s: float) -> float:
        """Return the log growth of the moment of order s a step."""
        laws = [quadrature.radial_law(setting) for setting in self.settings]
        log_h = np.array([law.log_moment(s)[0] for law in laws])
        if self.cyclic:
            return float(log_h.mean())
        top = float(log_h.max())
        radii, vectors = np.linalg.eig(self.kernel * np.exp(log_h - top))
        if top > _LARGE:
            return top + float(np.log(np.abs(radii).max()))
        # radius - 1 = sum_i pi_i v_i (h_i - 1) / sum_i pi_i v_i
        weight = self.share * np.abs(vectors[:, radii.real.argmax()])
        return float(np.log1p(weight @ np.expm1(log_h) / weight.sum()))

    def exponent(self) -> Interval:
        """Return the root of the growth, given rho < 0; [LARGEST_ORDER, inf] where it is larger."""
        low, high = 0.5, 1.0
        while self.log_growth(high) <= 0:
            low, high = high, 2 * high
            if low >= LARGEST_ORDER:
                return Interval.between(low, math.inf)
        while self.log_growth(low) >= 0:
            low, high = low / 2, low
        alpha = float(brentq(lambda s: self.log_growth(s) / s, low, high, rtol=1e-13))
        # the backward error of the learning rates, by the conditioning of alpha
        above = alpha * (1 + _PROBE)
        below = alpha * (1 - _PROBE)
        rise = self.log_growth(above) - self.log_growth(below)
        slope = rise / (2 * _PROBE * alpha)
        shift = max(abs(quadrature.sensitivity(setting, alpha)) for setting in self.settings)
        error = quadrature.BACKWARD_ERROR * shift / abs(slope) + _ROUNDING * alpha
        return Interval.about(alpha, error)


def _kernel(order: str, transition: ArrayLike | None, m: int) -> FloatArray:
    """Return the transition matrix (m, m) of the learning rates."""
    if order != "markov" and transition is not None:
        expected = f"None with order = {order!r}: 'markov' takes a matrix"
        domains.refuse("transition", transition, expected)
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
    """Return the states of the one recurrent class of a chain; refuse a chain with several."""
    count, group = connected_components(kernel > 0, connection="strong")
    closed = [k for k in range(count) if not kernel[np.ix_(group == k, group != k)].any()]
    if len(closed) > 1:
        expected = "chains that end up in the same states whatever their start"
        domains.refuse("transition", kernel.tolist(), expected)
    return np.flatnonzero(group == closed[0])


def stationary_distribution(kernel: FloatArray) -> FloatArray:
    """Return the stationary distribution of an irreducible Markov chain, by the GTH algorithm.

    State reduction without subtractions, so that every probability is accurate relatively
    (Grassmann, Taksar and Heyman 1985).

    Parameters
    ----------
    kernel : ndarray (m, m)
        Transition matrix, with rows that sum to 1.

    Returns
    -------
    ndarray (m,)
        Probabilities pi with pi kernel = pi.
    """
    rate = kernel.copy()
    m = len(kernel)
    # reduction: the chain watched only while it is in its first n states
    for n in range(m - 1, 0, -1):
        rate[:n, n] /= rate[n, :n].sum()
        rate[:n, :n] += np.outer(rate[:n, n], rate[n, :n])
    # back substitution
    share = np.ones(m)
    for n in range(1, m):
        share[n] = share[:n] @ rate[:n, n]
    share /= share.sum()
    return share


def _result(alpha: Interval, status: TailStatus, rho: Interval, reason: str = "") -> TailResult:
    return TailResult.of("tail_exponent", alpha, "quadrature", status, reason, lyapunov=rho.value)
