"""Every even moment of the products that is known exactly, and what it says of all others: log h is convex, 0 at 0."""

import functools
import itertools
import math
from collections.abc import Mapping

from linsgd.theory.tails.bounded_steps import largest_order
from linsgd.theory.tails.moments import even_moments, fourth_moment, second_moment
from linsgd.theory.tails.moments.fourth_moment import FourthMoment
from linsgd.theory.tails.moments.second_moment import SecondMoment
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

_NARROW = 1e-6  # relative width of a bracket whose middle is as good as a value
_ROUNDING = 2.0**-50

covers = second_moment.covers


def orders(setting: Setting) -> tuple[int, ...]:
    """Return the even orders whose operator is known."""
    if covers(setting):
        return ()
    if not even_moments.covers(setting):
        return tuple(
            k for k, d in even_moments.LARGEST_DIMENSIONS.items() if setting.dimension <= d
        )
    return (2,) if fourth_moment.covers(setting) else (2, 4)


def log_moment(setting: Setting, order: int) -> Interval:
    """Return log h at one of these orders."""
    if not even_moments.covers(setting):
        return even_moments.log_even(setting, order)
    known = SecondMoment.of(setting)
    assert known is not None  # `covers` says so
    second = known.log_mu()
    return (
        second if order == 2 else FourthMoment.of(setting).log_mu(2 * second.lower)
    )  # log h is convex and 0 at 0


@functools.lru_cache(maxsize=1)
def exact_moments(setting: Setting) -> Mapping[float, Interval]:
    """Return log h at the even orders whose operator is known, for any feature law and optimizer."""
    return {float(order): log_moment(setting, order) for order in orders(setting)}


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return what Jensen's inequality says of rho: at most log h(2) / 2."""
    return Interval(math.nan, -math.inf, log_moment(setting, 2).upper / 2)


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s) at an order that is known, else bounds: below chords, above their extensions."""
    if s in orders(setting):
        return log_moment(setting, int(s))
    if s == 0:
        return Interval(0.0, 0.0, 0.0)
    lower, upper = -math.inf, math.inf
    points = {0.0: Interval(0.0, 0.0, 0.0), **exact_moments(setting)}
    for (s0, f0), (s1, f1) in itertools.pairwise(points.items()):
        share = (s - s0) / (s1 - s0)
        parts = ((1 - share, f0), (share, f1))
        rounding = _ROUNDING * sum(abs(part) * max(-f.lower, f.upper) for part, f in parts)
        if 0 < share < 1:
            upper = sum(part * f.upper for part, f in parts) + rounding
        else:
            lower = max(
                lower,
                sum(part * (f.lower if part > 0 else f.upper) for part, f in parts) - rounding,
            )
    return Interval(math.nan, lower, upper)


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the bracket of alpha, and its value where one of the moments is 1 to rounding error."""
    moments = exact_moments(setting)
    lower, upper = even_moments.bracket(moments)
    upper = min(upper, largest_order(setting))
    value = next(
        (s for s, log_h in moments.items() if log_h.lower <= 0 <= log_h.upper), (lower + upper) / 2
    )
    return Interval(value if upper - lower < _NARROW * upper else math.nan, lower, upper)
