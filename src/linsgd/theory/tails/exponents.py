r"""The Lyapunov exponent, the spectral function and the tail exponent.

For W' = A W + B with independent (A, B), rho = lim E log|A_k...A_1| / k and h(s) = lim
(E|A_k...A_1|^s)^{1/k}: if rho < 0 there is one stationary law, and where h(alpha) = 1 its tail is
P(|W| > t) ~ C t^-alpha (Kesten 1973, Goldie 1991). The law of B decides C, never alpha, unless B
itself has the heavier tail or vanishes.

Each number is computed block by block (`direct_sum`), by the methods of the table in `methods`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np

from linsgd import domains
from linsgd.blocks import Progress
from linsgd.optimizers.accept import accept
from linsgd.optimizers.optimizer import Optimizer
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee
from linsgd.theory.tails.bounded_steps import all_moments_finite, label_exponent, largest_order
from linsgd.theory.tails.direct_sum import combine_exponents, combine_rates, invariant_blocks
from linsgd.theory.tails.methods import (
    METHODS,
    Estimate,
    Method,
    MethodName,
    first_resolved,
    named,
    narrow,
    sign_known,
)
from linsgd.theory.tails.moments import even_moments
from linsgd.theory.tails.other_optimizers import EXPONENTS
from linsgd.theory.tails.result import INFINITE, NO_NUMBER, Interval, TailResult, TailStatus
from linsgd.theory.tails.sample_budget import UNLIMITED, SampleBudget
from linsgd.theory.tails.setting import Setting

_ROUNDING = 2 * np.finfo(float).eps  # of exp


def lyapunov_exponent(
    problem: LinearRegression,
    sgd: SGD,
    method: MethodName | Method = "auto",
    seed: int = 0,
    *,
    budget: float = math.inf,
    progress: Progress | None = None,
) -> TailResult:
    r"""Return the Lyapunov exponent rho, per step: negative where SGD forgets its start.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        With independent batches.
    method : str or Method
        "auto" for the first that applies, or its name: one of "constant", "quadrature",
        "transfer_operator", "sphere_operator", "scalar", "projective_line", "sampled_line",
        "even_moments", "particles", "mpmath", "certified".
    seed : int
        For methods that sample, at least 0.
    budget : float
        Sampled steps (products of one random step and one vector) that may be taken, positive.
    progress : callable, optional
        Called with (sampled steps taken, sampled steps planned).

    Returns
    -------
    TailResult
        rho on the range of H, with bounds.

    Raises
    ------
    ValueError
        If the method does not apply; the error names those that do.

    See Also
    --------
    spectral_function, tail_exponent, linsgd.stability

    Notes
    -----
    With the steps W' = A W + B, rho = lim E log|A_k...A_1| / k (Furstenberg and Kesten 1960). A
    stationary law exists if rho < 0.

    References
    ----------
    .. [1] H. Furstenberg and H. Kesten, "Products of random matrices", Annals of Mathematical
       Statistics 31, 1960.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> round(linsgd.lyapunov_exponent(problem, linsgd.SGD(lr=0.5)).value, 12)
    -0.484626765823
    """
    accept(problem, sgd)
    chosen, sampling = named(method), sample_budget(seed, budget, progress)
    blocks = invariant_blocks(Setting.of(problem, sgd))
    return combine_rates([_lyapunov_result(block, chosen, sampling) for block in blocks])


def spectral_function(
    problem: LinearRegression,
    sgd: SGD,
    s: float,
    method: MethodName | Method = "auto",
    seed: int = 0,
    *,
    budget: float = math.inf,
    progress: Progress | None = None,
) -> TailResult:
    r"""Return the spectral function h(s), the growth of the s-th moment a step.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        With independent batches.
    s : float
        Order, in [0, 1e6].
    method : str or Method
        As in `lyapunov_exponent`.
    seed : int
        For methods that sample, at least 0.
    budget : float
        Sampled steps that may be taken, positive.
    progress : callable, optional
        Called with (sampled steps taken, sampled steps planned).

    Returns
    -------
    TailResult
        h(s) on the range of H, with bounds.

    Raises
    ------
    ValueError
        If `s` is outside the domain of h or the method does not apply.

    See Also
    --------
    tail_exponent, moment_threshold

    Notes
    -----
    With the steps W' = A W + B, h(s) = lim (E|A_k...A_1|^s)^{1/k}. log h is convex, h(0) = 1 and
    the derivative of log h at 0 is the Lyapunov exponent (Kesten 1973).

    References
    ----------
    .. [1] H. Kesten, "Random difference equations and renewal theory for products of random
       matrices", Acta Mathematica 131, 1973.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 1.0])
    >>> print(linsgd.spectral_function(problem, linsgd.SGD(lr=0.5), 2.0).value)
    1.0
    """
    accept(problem, sgd)
    s = domains.real("s", s, "[0, 1e6]")
    chosen, sampling = named(method), sample_budget(seed, budget, progress)
    blocks = invariant_blocks(Setting.of(problem, sgd))
    return combine_rates([_spectral_result(block, s, chosen, sampling) for block in blocks])


def tail_exponent(
    problem: LinearRegression,
    sgd: Optimizer,
    method: MethodName | Method = "auto",
    seed: int = 0,
    *,
    budget: float = math.inf,
    progress: Progress | None = None,
) -> TailResult:
    r"""Return the exponent alpha of the stationary law's power-law tail P(|W| > t) ~ C t^-alpha.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD, Adam, SAM, StochasticNewton or any other optimizer
        With independent batches. Where the exponent is neither SGD's own nor exact, `reason` says
        which bound or condition the answer rests on.
    method : str or Method
        As in `lyapunov_exponent`.
    seed : int
        For methods that sample, at least 0.
    budget : float
        Sampled steps that may be taken, positive. A result for which they do not suffice is
        "unresolved" with the bounds of the exact even moments, where these are known.
    progress : callable, optional
        Called with (sampled steps taken, sampled steps planned).

    Returns
    -------
    TailResult
        alpha with bounds and `status`: "power_law"; "light" (value inf: every moment is finite);
        "degenerate" (value nan: the law is a point); "no_stationary_law" (value nan; `lyapunov` is
        positive); "unresolved" (value nan, the bounds are kept). E|W|^s is finite exactly for s <
        alpha.

    Raises
    ------
    ValueError
        If the method does not apply; the error names those that do.

    See Also
    --------
    tail_constant, tail_probability, moment_threshold, asymptotic_exponent

    Notes
    -----
    alpha is the positive root of h(alpha) = 1, with h the `spectral_function` (Kesten 1973), or the
    tail exponent of the labels if that is smaller.

    References
    ----------
    .. [1] H. Kesten, "Random difference equations and renewal theory for products of random
       matrices", Acta Mathematica 131, 1973.
    .. [2] L. Hodgkinson and M. W. Mahoney, "Multiplicative noise and heavy tails in stochastic
       optimization", ICML 2021.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> round(linsgd.tail_exponent(problem, linsgd.SGD(lr=2 / 3)).value, 12)
    2.0
    """
    accept(problem, sgd, (SGD, *EXPONENTS))
    chosen, sampling = named(method), sample_budget(seed, budget, progress)
    if not isinstance(sgd, SGD):
        if method != "auto":
            domains.refuse("method", method, f"'auto' for {type(sgd).__name__}")
        of_sgd = functools.partial(tail_exponent, seed=seed, budget=budget, progress=progress)
        return EXPONENTS[type(sgd)](problem, sgd, of_sgd)
    return exponent_of(Setting.of(problem, sgd), label_exponent(problem), chosen, sampling)


def exponent_of(
    setting: Setting,
    labels: float,
    method: str | Method = "auto",
    sampling: SampleBudget = UNLIMITED,
) -> TailResult:
    """Return `tail_exponent` of a setting, given the tail exponent of the labels."""
    blocks = invariant_blocks(setting)
    return combine_exponents([_tail_result(block, labels, method, sampling) for block in blocks])


def sample_budget(seed: int, budget: float, progress: Progress | None) -> SampleBudget:
    """Return the budget of sampling methods from the arguments of a public call."""
    seed = domains.integer("seed", seed, "[0, inf)")
    return SampleBudget(seed, domains.real("budget", budget, "(0, inf]"), progress)


def _lyapunov_result(setting: Setting, method: str | Method, sampling: SampleBudget) -> TailResult:
    return _rate(setting, "lyapunov_exponent", _lyapunov(setting, method, sampling))


def _lyapunov(
    setting: Setting,
    method: str | Method,
    sampling: SampleBudget,
    enough: Callable[[Interval], bool] = narrow,
) -> Estimate:
    """Return rho, tightened by Jensen's rho <= log h(2) / 2 where its sign is in doubt."""
    found = first_resolved(setting, method, lambda each: each.lyapunov(setting, sampling), enough)
    rho = found.bounds
    certain = rho.upper < 0 and found.method.confidence is None
    if found.method.exact_lyapunov or certain or even_moments.covers(setting):
        return found
    largest = even_moments.lyapunov(setting).upper
    if rho.lower > largest:  # the two contradict each other: the proved bound is kept
        return found._replace(bounds=Interval.between(-math.inf, largest))
    value = min(rho.value, largest) if rho.resolved else math.nan
    return found._replace(bounds=Interval(value, rho.lower, min(rho.upper, largest)))


def _spectral_result(
    setting: Setting, s: float, method: str | Method, sampling: SampleBudget
) -> TailResult:
    """Return h(s) from log h(s), its bounds widened by the rounding of exp; inf where E|A|^s is."""
    if s >= largest_order(setting):
        reason = "E|x|^{2s} is infinite"
        return _bound("spectral_function", INFINITE, TailStatus.OK, reason)
    found = first_resolved(setting, method, lambda each: each.log_spectral(setting, s, sampling))
    with np.errstate(over="ignore"):
        value, lower, upper = map(float, np.exp(found.bounds))
    h = Interval(value, lower * (1 - _ROUNDING), upper * (1 + _ROUNDING))
    return _rate(setting, "spectral_function", found._replace(bounds=h))


def _rate(setting: Setting, quantity: str, found: Estimate) -> TailResult:
    """Return rho or h(s); "unresolved" where only bounds are known."""
    if found.bounds.resolved:
        return _computed(setting, quantity, found, TailStatus.OK)
    reason = f"{found.method.name!r} returns bounds only: {_cure(found)}"
    return _computed(setting, quantity, found, TailStatus.UNRESOLVED, reason)


def _tail_result(
    setting: Setting, labels: float, method: str | Method, sampling: SampleBudget
) -> TailResult:
    """Return alpha, given the tail exponent of the labels.

    In turn: are all moments finite, does any method apply, does a stationary law exist (rho < 0),
    is it more than a point; then the root of h(alpha) = 1.
    """
    finite = all_moments_finite(setting)
    if finite.reason:
        return _light(setting, labels, finite.reason, finite.guarantee)
    largest = largest_order(setting)
    if method == "auto" and largest < math.inf and all(each.covers(setting) for each in METHODS):
        return _below(largest)
    rho = _lyapunov(setting, method, sampling, sign_known)
    lyapunov = rho.bounds.value
    if rho.bounds.lower > 0:
        reason = "the Lyapunov exponent is positive, so that the iterates grow: reduce lr"
        status = TailStatus.NO_STATIONARY_LAW
        return _computed(setting, "tail_exponent", _nowhere(rho), status, reason, lyapunov)
    if rho.bounds.upper >= 0:
        bounds = _within_even_moments(setting, Interval.between(0.0, min(largest, labels)))
        found, reason = rho._replace(bounds=bounds), _undecided(rho)
        status = TailStatus.UNRESOLVED
        return _computed(setting, "tail_exponent", found, status, reason, lyapunov)
    if setting.has_fixed_point:
        status = TailStatus.DEGENERATE
        return _computed(setting, "tail_exponent", _nowhere(rho), status, _POINT, lyapunov)
    found = first_resolved(setting, method, lambda each: each.exponent(setting, sampling))
    if not found.bounds.resolved:
        found = found._replace(bounds=_within_even_moments(setting, found.bounds))
    return _with_labels(setting, found, labels, lyapunov)


_POINT = "no batch moves W from the point at the optimum"


def _light(setting: Setting, labels: float, reason: str, guarantee: Guarantee) -> TailResult:
    """Return alpha where every moment of the products is finite."""
    if setting.has_fixed_point:
        found = _bound("tail_exponent", NO_NUMBER, TailStatus.DEGENERATE, _POINT)
    elif labels < math.inf:
        bounds, reason = Interval.exactly(labels), _label_reason(math.inf)
        found = _bound("tail_exponent", bounds, TailStatus.POWER_LAW, reason)
    else:
        found = _bound("tail_exponent", INFINITE, TailStatus.LIGHT, reason)
    return dataclasses.replace(found, guarantee=guarantee)


def _below(largest: float) -> TailResult:
    """Return what is known of alpha where no method applies."""
    reason = (
        f"steps have no moments of order {largest:g} or more: if there is a stationary law, alpha "
        "is below that; 'particles' computes it for at most 200 features"
    )
    bounds = Interval.between(0.0, largest)
    return _bound("tail_exponent", bounds, TailStatus.UNRESOLVED, reason)


def _undecided(rho: Estimate) -> str:
    """Return why the sign of rho is not known, and what may decide it."""
    if rho.bounds.resolved:
        return "the Lyapunov exponent is 0 within its error: change lr by more than that"
    return f"whether a stationary law exists is not known: {_cure(rho)}"


def _nowhere(found: Estimate) -> Estimate:
    return found._replace(bounds=NO_NUMBER)


def _within_even_moments(setting: Setting, alpha: Interval) -> Interval:
    """Return bounds on alpha, intersected with those of the exact even moments."""
    if even_moments.covers(setting):
        return alpha
    bracket = even_moments.exponent(setting)
    return alpha.within(bracket.lower, bracket.upper)


def _with_labels(setting: Setting, found: Estimate, labels: float, lyapunov: float) -> TailResult:
    """Return the smaller of the products' alpha and the labels' exponent: the heavier tail."""

    def result(bounds: Interval, status: TailStatus, reason: str = "") -> TailResult:
        estimate = found._replace(bounds=bounds)
        return _computed(setting, "tail_exponent", estimate, status, reason, lyapunov)

    alpha = found.bounds
    if labels < alpha.lower:
        bounds, reason = Interval.exactly(labels), _label_reason(alpha.lower)
        return result(bounds, TailStatus.POWER_LAW, reason)
    if alpha.value == math.inf:
        return result(alpha, TailStatus.LIGHT, "every step multiplies by the same matrix")
    upper = min(alpha.upper, labels)
    if alpha.resolved:
        alpha = Interval(min(alpha.value, labels), alpha.lower, upper)
        return result(alpha, TailStatus.POWER_LAW)
    reason = f"alpha is in [{alpha.lower:g}, {upper:g}], not resolved further: {_cure(found)}"
    return result(Interval.between(alpha.lower, upper), TailStatus.UNRESOLVED, reason)


def _label_reason(products: float) -> str:
    known = f"at least {products:.6g}" if products < math.inf else "inf"
    return f"the labels' own tail exponent; that of the products is {known}"


def _cure(found: Estimate) -> str:
    """Return what may resolve a number that was not."""
    if found.spent:
        return "the budget of sampled steps is used up, allow more"
    if found.method.confidence is not None:
        return "another seed or a slightly different lr may be resolved"
    return "method='auto' tries every method that applies, method='particles' samples"


def _bound(quantity: str, bounds: Interval, status: TailStatus, reason: str) -> TailResult:
    """Return what is proved without any method."""
    proved = Guarantee.RIGOROUS
    return TailResult.of(quantity, bounds, "bound", status, reason, guarantee=proved)


def _computed(
    setting: Setting,
    quantity: str,
    found: Estimate,
    status: TailStatus,
    reason: str = "",
    lyapunov: float = math.nan,
) -> TailResult:
    """Return what a method computed, with that method's guarantee."""
    return TailResult.of(
        quantity,
        found.bounds,
        found.method.name,
        status,
        reason,
        guarantee=found.method.guarantee(setting),
        lyapunov=lyapunov,
        confidence=found.method.confidence,
    )
