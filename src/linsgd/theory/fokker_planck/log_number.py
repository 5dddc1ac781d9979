"""A positive number that may be too small or too large for a float."""

from dataclasses import dataclass

import numpy as np

from linsgd.result import Result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class LogNumber(Result):
    """A positive number with its logarithm.

    Attributes
    ----------
    value : float
        0 or inf where the number is outside the range of a float.
    log : float
        Its natural logarithm.
    error : float
        Estimated relative error of the number, from two resolutions and from rounding.
    """

    value: float
    log: float
    error: float


def log_number(fine: float, coarse: float) -> LogNumber:
    """Return the number whose logarithms at two resolutions are `fine` and `coarse`."""
    rounding = 4e-16 * (1 + abs(fine))
    with np.errstate(over="ignore", under="ignore"):
        value = float(np.exp(fine))
    error = abs(float(np.expm1(coarse - fine))) + rounding if fine != coarse else rounding
    return LogNumber(value=value, log=float(fine), error=error)
