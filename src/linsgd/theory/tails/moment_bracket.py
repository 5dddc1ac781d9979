"""Every even moment of the products that is known exactly."""

import math

from linsgd.theory.tails import even_moments, fourth_moment
from linsgd.theory.tails.fourth_moment import FourthMoment
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.second_moment import SecondMoment
from linsgd.theory.tails.setting import Setting

_NARROW = 1e-9  # bracket whose middle is as good as a value


def exact_moments(setting: Setting) -> dict[float, Interval]:
    """Return log h at the even orders whose operator is known, for any feature law and optimizer."""
    if not even_moments.covers(setting):
        return even_moments.log_moments(setting)
    known = SecondMoment.of(setting)
    if known is None:
        return {}
    second = known.log_mu()
    if fourth_moment.covers(setting):
        return {2.0: second}
    return {2.0: second, 4.0: FourthMoment.of(setting).log_mu(2 * second.lower)}  # log h is convex and 0 at 0


def bracketed(setting: Setting) -> Interval:
    """Return the bracket of alpha by the exact moments, and its value where one of them is 1 to rounding error."""
    lower, upper = even_moments.bracket(exact_moments(setting))
    return Interval((lower + upper) / 2 if upper - lower < _NARROW * upper else math.nan, lower, upper)
