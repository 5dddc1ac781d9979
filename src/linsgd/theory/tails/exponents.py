r"""The Lyapunov exponent, the spectral function and the tail exponent.

For W' = A W + B with independent (A, B), rho = lim E log|A_k...A_1| / k and h(s) = lim (E|A_k...A_1|^s)^{1/k}: if
rho < 0 there is one stationary law, and where h(alpha) = 1 its tail is P(|W| > t) ~ C t^-alpha (Kesten 1973, Goldie
1991). The law of B decides C, never alpha, unless B itself has the heavier tail or vanishes.
"""

import functools
import math

import numpy as np

from linsgd import domains
from linsgd.labels import StudentNoise
from linsgd.optimizer import SGD
from linsgd.problem import LinearRegression
from linsgd.result import Guarantee
from linsgd.theory.tails.light import largest_order, lightness
from linsgd.theory.tails.methods import METHODS, guarantee, sought
from linsgd.theory.tails.particles import CONFIDENCE
from linsgd.theory.tails.result import Interval, TailResult, TailStatus
from linsgd.theory.tails.setting import Setting


def lyapunov_exponent(problem: LinearRegression, sgd: SGD, method: str = "auto", seed: int = 0) -> TailResult:
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
    setting, seed = Setting.of(problem, sgd), domains.integer("seed", seed, "[0, inf)")
    rho, name = sought(setting, method, lambda solver: solver.lyapunov(setting, seed))
    return _number(setting, "lyapunov_exponent", rho, name)


def spectral_function(problem: LinearRegression, sgd: SGD, s: float, method: str = "auto", seed: int = 0) -> TailResult:
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
    setting, seed = Setting.of(problem, sgd), domains.integer("seed", seed, "[0, inf)")
    s = domains.real("s", s, "[0, 1e6]")
    if s >= largest_order(setting):
        infinite = Interval(math.inf, math.inf, math.inf)
        return _result(setting, "spectral_function", infinite, "bound", TailStatus.OK, "E|x|^{2s} is infinite")
    log_h, name = sought(setting, method, lambda solver: solver.log_spectral(setting, s, seed))
    with np.errstate(over="ignore"):
        value, lower, upper = map(float, np.exp(log_h))
    rounding = 2 * np.finfo(float).eps  # of exp
    return _number(setting, "spectral_function", Interval(value, lower * (1 - rounding), upper * (1 + rounding)), name)


def tail_exponent(problem: LinearRegression, sgd: SGD, method: str = "auto", seed: int = 0) -> TailResult:
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
        alpha with bounds and `status`: "power_law"; "light" (value inf: every moment is finite); "degenerate" (value
        nan: the law is a point); "no_stationary_law" (value nan; `lyapunov` is positive); "unresolved" (value nan, the
        bounds are kept).
        E|W|^s is finite exactly for s < alpha.

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
    setting, seed = Setting.of(problem, sgd), domains.integer("seed", seed, "[0, inf)")
    result = functools.partial(_result, setting, "tail_exponent")
    light, worth = lightness(setting)
    if light and not isinstance(problem.noise, StudentNoise):
        return _bounded(light, worth, degenerate=is_noiseless(problem, sgd))
    most = largest_order(setting)
    if method == "auto" and math.isfinite(most) and all(solver.covers(setting) for solver in METHODS.values()):
        reason = f"steps have no moments of order {most:g} or more: if there is a stationary law, alpha is below that"
        return result(Interval(math.nan, 0.0, most), "bound", TailStatus.UNRESOLVED, reason)
    rho, name = sought(setting, method, lambda solver: solver.lyapunov(setting, seed))
    if rho.lower > 0:
        reason = "the Lyapunov exponent is positive: the iterates grow"
        return result(_NOWHERE, name, TailStatus.NO_STATIONARY_LAW, reason, rho.value)
    if rho.upper >= 0:
        known = rho.value == rho.value
        reason = (
            "the Lyapunov exponent is 0 within its error" if known else "whether a stationary law exists is not known"
        )
        bounds = _ANYWHERE if known else METHODS[name].exponent(setting, seed)
        return result(bounds, name, TailStatus.UNRESOLVED, reason, rho.value)
    if is_noiseless(problem, sgd):
        return result(_NOWHERE, name, TailStatus.DEGENERATE, _POINT, rho.value)
    alpha, name = sought(setting, method, lambda solver: solver.exponent(setting, seed))
    noise = problem.noise
    if isinstance(noise, StudentNoise) and noise.dof < alpha.lower:
        reason = f"the labels' own tail exponent; that of the products is at least {alpha.lower:.6g}"
        return result(Interval(noise.dof, noise.dof, noise.dof), name, TailStatus.POWER_LAW, reason, rho.value)
    if alpha.value != alpha.value:
        reason = f"alpha is in [{alpha.lower:g}, {alpha.upper:g}]: {name!r} cannot tell where"
        return result(alpha, name, TailStatus.UNRESOLVED, reason, rho.value)
    return result(alpha, name, TailStatus.POWER_LAW, "", rho.value)


_POINT = "without label noise the law is the point at the optimum"
_NOWHERE = Interval(float("nan"), float("nan"), float("nan"))
_ANYWHERE = Interval(float("nan"), 0.0, float("inf"))


def _bounded(reason: str, guarantee: Guarantee, *, degenerate: bool) -> TailResult:
    value = math.nan if degenerate else math.inf
    return TailResult(
        quantity="tail_exponent",
        value=value,
        lower=value,
        upper=value,
        guarantee=guarantee,
        method="bound",
        status=TailStatus.DEGENERATE if degenerate else TailStatus.LIGHT,
        reason=_POINT if degenerate else reason,
    )


def is_noiseless(problem: LinearRegression, sgd: SGD) -> bool:
    """Whether B vanishes at the optimum for every batch, so that W stays there once it arrives."""
    pulled_away = sgd.weight_decay > 0 and bool(problem.solution().any())
    return problem.noise_std == 0 and not pulled_away


def _number(setting: Setting, quantity: str, bounds: Interval, name: str) -> TailResult:
    """Return a Lyapunov exponent or a value of h, or that nobody knows it."""
    if bounds.value == bounds.value:
        return _result(setting, quantity, bounds, name, TailStatus.OK)
    return _result(setting, quantity, bounds, name, TailStatus.UNRESOLVED, f"{name!r} knows bounds only")


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
        confidence=CONFIDENCE if name == "particles" else None,
    )
