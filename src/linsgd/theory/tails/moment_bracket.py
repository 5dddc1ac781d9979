"""Every even moment of the products that is known exactly."""

from linsgd.theory.tails import even_moments
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.second_moment import SecondMoment
from linsgd.theory.tails.setting import Setting


def exact_moments(setting: Setting) -> dict[float, Interval]:
    """Return log h at the even orders whose operator is known, for any feature law and optimizer."""
    if not even_moments.covers(setting):
        return even_moments.log_moments(setting)
    known = SecondMoment.of(setting)
    return {} if known is None else {2.0: known.log_mu()}
