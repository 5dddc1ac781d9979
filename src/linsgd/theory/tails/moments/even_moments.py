"""The even moments that are known exactly, and the bounds of all else by the convexity of log h.

log h is 0 at 0, so that it lies below the chords between known orders and above their extensions;
and alpha lies between the known orders at which log h is negative and positive.
"""

import functools
import math
from collections.abc import Mapping

from linsgd.theory.tails.bounded_steps import largest_order
from linsgd.theory.tails.convexity import bracket, on_lines
from linsgd.theory.tails.moments import fourth_moment, gaussian_moments, second_moment
from linsgd.theory.tails.moments.fourth_moment import FourthMoment
from linsgd.theory.tails.moments.second_moment import SecondMoment
from linsgd.theory.tails.result import ZERO, Interval
from linsgd.theory.tails.sample_budget import UNLIMITED, SampleBudget
from linsgd.theory.tails.setting import Setting

_NARROW = 1e-6  # relative width of a bracket whose middle is given as a value

covers = second_moment.covers


def orders(setting: Setting) -> tuple[int, ...]:
    """Return the even orders whose operator is known."""
    if covers(setting):
        return ()
    if not gaussian_moments.covers(setting):
        largest = gaussian_moments.LARGEST_DIMENSIONS
        return tuple(order for order, d in largest.items() if setting.dimension <= d)
    return (2,) if fourth_moment.covers(setting) else (2, 4)


def covers_order(setting: Setting, order: float) -> str:
    """Return the unmet requirement, or '' if h(order) is known for every learning rate."""
    if setting.momentum:
        return fourth_moment.covers(setting) or ("" if order == 4 else "order 4")
    if gaussian_moments.covers(setting):
        return gaussian_moments.covers(setting)
    if order in orders(setting):
        return ""
    largest = gaussian_moments.LARGEST_DIMENSIONS.items()
    return " or ".join(f"order {known}, {d} features" for known, d in largest)


def log_moment(setting: Setting, order: float) -> Interval:
    """Return log h at one of the orders that are known."""
    if not gaussian_moments.covers(setting):
        return gaussian_moments.log_even(setting, int(order))
    known = SecondMoment.of(setting)
    assert known is not None  # `covers` says so
    second = known.log_mu()
    if order == 2:
        return second
    # log h is convex and 0 at 0
    return FourthMoment.of(setting).log_mu(2 * second.lower)


@functools.lru_cache(maxsize=1)
def exact_moments(setting: Setting) -> Mapping[float, Interval]:
    """Return log h at the orders that are known."""
    return {float(order): log_moment(setting, order) for order in orders(setting)}


def lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return the bound of Jensen's inequality, rho <= log h(2) / 2."""
    return Interval.between(-math.inf, log_moment(setting, 2).upper / 2)


def log_spectral(setting: Setting, s: float, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return log h(s) at an order that is known, else bounds from the chords and extensions."""
    if s in orders(setting):
        return log_moment(setting, s)
    if s == 0:
        return ZERO
    return on_lines({0.0: ZERO, **exact_moments(setting)}, s)


def exponent(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return bounds on alpha, with a value where log h is 0 to rounding at a known order."""
    moments = exact_moments(setting)
    lower, upper = bracket(moments)
    upper = min(upper, largest_order(setting))
    if not upper - lower < _NARROW * upper:
        return Interval.between(lower, upper)
    roots = [s for s, log_h in moments.items() if log_h.lower <= 0 <= log_h.upper]
    return Interval(roots[0] if roots else (lower + upper) / 2, lower, upper)
