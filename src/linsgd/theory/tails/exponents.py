r"""The Lyapunov exponent, the spectral function and the tail exponent.

For W' = A W + B with independent (A, B), rho = lim E log|A_k...A_1| / k and h(s) = lim
(E|A_k...A_1|^s)^{1/k}: if rho < 0 there is one stationary law, and where h(alpha) = 1 its tail is
P(|W| > t) ~ C t^-alpha (Kesten 1973, Goldie 1991). The law of B decides C, never alpha, unless B
itself has the heavier tail or vanishes.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np

from linsgd import domains
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.tails.bounded_steps import label_exponent, largest_order, lightness
from linsgd.theory.tails.direct_sum import heaviest, largest, parts
from linsgd.theory.tails.methods import METHODS, SAMPLING, guarantee, sought
from linsgd.theory.tails.moments import bracket
from linsgd.theory.tails.replicas import CONFIDENCE
from linsgd.theory.tails.result import Interval, TailResult, TailStatus
from linsgd.theory.tails.setting import Setting


def lyapunov_exponent(
    problem: LinearRegression, sgd: SGD, method: str = "auto", seed: int = 0
) -> TailResult:
    r"""Return rho = lim E log|A_k...A_1| / k, per step: negative where SGD forgets its start.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        With independent batches.
    method : str
        "auto", or one of `METHODS`.
    seed : int
        For methods that sample, at least 0.

    Returns
    -------
    TailResult
        rho on the range of H, with bounds.

    Raises
    ------
    ValueError
        If the method cannot serve; the error names those that can.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> round(lyapunov_exponent(problem, linsgd.SGD(lr=0.5)).value, 12)
    -0.484626765823
    """
    accept(problem, sgd)
    seed = domains.integer("seed", seed, "[0, inf)")
    return largest([_lyapunov(part, method, seed) for part in parts(Setting.of(problem, sgd))])


def spectral_function(
    problem: LinearRegression, sgd: SGD, s: float, method: str = "auto", seed: int = 0
) -> TailResult:
    r"""Return h(s) = lim (E|A_k...A_1|^s)^{1/k}, the growth of the s-th moment a step.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        With independent batches.
    s : float
        Order, in [0, 1e6].
    method : str
        "auto", or one of `METHODS`.
    seed : int
        For methods that sample, at least 0.

    Returns
    -------
    TailResult
        h(s) on the range of H, with bounds.

    Raises
    ------
    ValueError
        If `s` is outside the domain of h or the method cannot serve.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 1.0])
    >>> print(spectral_function(problem, linsgd.SGD(lr=0.5), 2.0).value)
    1.0
    """
    accept(problem, sgd)
    setting, seed = Setting.of(problem, sgd), domains.integer("seed", seed, "[0, inf)")
    s = domains.real("s", s, "[0, 1e6]")
    return largest([_spectral(part, s, method, seed) for part in parts(setting)])


def tail_exponent(
    problem: LinearRegression, sgd: SGD, method: str = "auto", seed: int = 0
) -> TailResult:
    r"""Return the exponent alpha of the stationary law's power-law tail P(|W| > t) ~ C t^-alpha.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        With independent batches.
    method : str
        "auto", or one of `METHODS`.
    seed : int
        For methods that sample, at least 0.

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
        If the method cannot serve; the error names those that can.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> print(tail_exponent(problem, linsgd.SGD(lr=2 / 3)).value)
    2.0
    """
    accept(problem, sgd)
    seed = domains.integer("seed", seed, "[0, inf)")
    labels = label_exponent(problem)
    return heaviest([_tail(part, labels, method, seed) for part in parts(Setting.of(problem, sgd))])


_POINT = "no batch moves W from the point at the optimum"
_INFINITE = Interval(math.inf, math.inf, math.inf)
_NOWHERE = Interval(math.nan, math.nan, math.nan)
_PROVED = (
    "quadrature",
    "mpmath",
    "certified",
    "even_moments",
)  # whose bounds on rho the second moment cannot improve


def _lyapunov(setting: Setting, method: str, seed: int) -> TailResult:
    return _number(setting, "lyapunov_exponent", *_rho(setting, method, seed))


def _rho(setting: Setting, method: str, seed: int) -> tuple[Interval, str]:
    """Return rho and who found it, where it matters at most log h(2) / 2, which is exact."""
    rho, name = sought(setting, method, lambda solver: solver.lyapunov(setting, seed))
    certain = name in _PROVED or (rho.upper < 0 and name != "particles")
    if certain or bracket.covers(setting):
        return rho, name
    most = bracket.lyapunov(setting).upper
    if rho.lower > most:
        return Interval(math.nan, -math.inf, most), name
    return Interval(min(rho.value, most), rho.lower, min(rho.upper, most)), name


def _spectral(setting: Setting, s: float, method: str, seed: int) -> TailResult:
    if s >= largest_order(setting):
        return _result(
            setting, "spectral_function", _INFINITE, "bound", TailStatus.OK, "E|x|^{2s} is infinite"
        )
    log_h, name = sought(setting, method, lambda solver: solver.log_spectral(setting, s, seed))
    with np.errstate(over="ignore"):
        value, lower, upper = map(float, np.exp(log_h))
    rounding = 2 * np.finfo(float).eps  # of exp
    return _number(
        setting,
        "spectral_function",
        Interval(value, lower * (1 - rounding), upper * (1 + rounding)),
        name,
    )


def _tail(setting: Setting, labels: float, method: str, seed: int) -> TailResult:
    """Return alpha for labels whose own tail exponent is known."""
    result = functools.partial(_result, setting, "tail_exponent")
    light, worth = lightness(setting)
    if light:
        found = result(_NOWHERE, "bound", TailStatus.DEGENERATE, _POINT) if setting.steady else None
        return dataclasses.replace(
            found or _law(result, _INFINITE, "bound", labels, light), guarantee=worth
        )
    most = largest_order(setting)
    if (
        method == "auto"
        and math.isfinite(most)
        and all(solver.covers(setting) for solver in METHODS.values())
    ):
        reason = f"steps have no moments of order {most:g} or more: if there is a stationary law, alpha is below that"
        return result(Interval(math.nan, 0.0, most), "bound", TailStatus.UNRESOLVED, reason)
    rho, name = _rho(setting, method, seed)
    if rho.lower > 0:
        reason = "the Lyapunov exponent is positive: the iterates grow"
        return result(_NOWHERE, name, TailStatus.NO_STATIONARY_LAW, reason, rho.value)
    if rho.upper >= 0:
        known = rho.value == rho.value
        reason = (
            "the Lyapunov exponent is 0 within its error"
            if known
            else "whether a stationary law exists is not known"
        )
        bounds = _bracketed(setting, Interval(math.nan, 0.0, min(most, labels)))
        return result(bounds, name, TailStatus.UNRESOLVED, reason, rho.value)
    if setting.steady:
        return result(_NOWHERE, name, TailStatus.DEGENERATE, _POINT, rho.value)
    alpha, name = sought(setting, method, lambda solver: solver.exponent(setting, seed))
    alpha = alpha if alpha.value == alpha.value else _bracketed(setting, alpha)
    return _law(
        functools.partial(result, rho=rho.value),
        alpha,
        name,
        labels,
        "every step multiplies by the same",
    )


def _bracketed(setting: Setting, alpha: Interval) -> Interval:
    """Return bounds on alpha within those of the exact even moments."""
    if bracket.covers(setting):
        return alpha
    _, lower, upper = bracket.exponent(setting)
    return Interval(math.nan, max(alpha.lower, lower), min(alpha.upper, upper))


def _law(
    result: Callable[..., TailResult], alpha: Interval, name: str, labels: float, light: str
) -> TailResult:
    """Return the lighter-tailed of the products and the labels' own exponent, alpha being that of the products."""
    if labels < alpha.lower:
        products = f"at least {alpha.lower:.6g}" if alpha.lower < math.inf else "inf"
        reason = f"the labels' own tail exponent; that of the products is {products}"
        return result(Interval(labels, labels, labels), name, TailStatus.POWER_LAW, reason)
    if alpha.value == math.inf:
        return result(alpha, name, TailStatus.LIGHT, light)
    alpha = Interval(min(alpha.value, labels), alpha.lower, min(alpha.upper, labels))
    if alpha.value == alpha.value:
        return result(alpha, name, TailStatus.POWER_LAW)
    reason = f"alpha is in [{alpha.lower:g}, {alpha.upper:g}]: {name!r} cannot tell where"
    return result(alpha, name, TailStatus.UNRESOLVED, reason)


def _number(setting: Setting, quantity: str, bounds: Interval, name: str) -> TailResult:
    """Return a Lyapunov exponent or a value of h, or that nobody knows it."""
    if bounds.value == bounds.value:
        return _result(setting, quantity, bounds, name, TailStatus.OK)
    return _result(
        setting, quantity, bounds, name, TailStatus.UNRESOLVED, f"{name!r} knows bounds only"
    )


def _result(
    setting: Setting,
    quantity: str,
    bounds: Interval,
    name: str,
    status: TailStatus,
    reason: str = "",
    rho: float = float("nan"),
) -> TailResult:
    return TailResult(
        quantity=quantity,
        value=bounds.value,
        lower=bounds.lower,
        upper=bounds.upper,
        guarantee=guarantee(setting, name),
        method=name,
        status=status,
        reason=reason,
        lyapunov=rho,
        confidence=CONFIDENCE if name in SAMPLING else None,
    )
