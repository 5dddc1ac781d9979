"""The results of predictions of exits."""

from dataclasses import dataclass

from linsgd.references import SIMSEKLI_2019
from linsgd.result import Guarantee, Result, Status


class AsymptoticStatus(Status):
    """Whether the quantity that an asymptotic formula takes as small is small."""

    OK = "ok"
    OUTSIDE = "outside"  # the number is the formula's value, and no approximation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ExitTime(Result):
    """A mean time until a recursion or a diffusion leaves an interval.

    Attributes
    ----------
    mean : float
        The mean time; inf where it exceeds the range of a double.
    log_mean : float
        Its logarithm.
    unit : str
        "steps", or "lr steps" for a differential equation: steps times the effective learning rate
        lr (1 - dampening)/(1 - momentum).
    order : str
        "exact", or the limit in which the value is the leading term.
    error : float
        Estimated relative error of the number as an evaluation of its formula.
    guarantee : Guarantee
        "numerical".
    status : AsymptoticStatus
        "outside" where what the limit takes as small is not.
    """

    references = (SIMSEKLI_2019,)
    mean: float
    log_mean: float
    unit: str
    order: str
    error: float
    guarantee: Guarantee = Guarantee.NUMERICAL
    status: AsymptoticStatus = AsymptoticStatus.OK


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ExitExponent(Result):
    """An exponent V of exit: lr log(mean exit steps) tends to V as lr does to 0.

    Attributes
    ----------
    value : float
        V; inf where no sum of noises reaches the level.
    error : float
        Estimated relative error of the quadrature.
    guarantee : Guarantee
        "numerical".
    """

    references = (SIMSEKLI_2019,)
    value: float
    error: float
    guarantee: Guarantee = Guarantee.NUMERICAL
