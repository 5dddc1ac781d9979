"""A positive number that may be too small or too large for a float."""

from dataclasses import dataclass

import numpy as np

from linsgd.result import Result, Status


class ResolutionStatus(Status):
    """Whether a number is larger than the rounding errors of the method that gives it."""

    OK = "ok"
    UNRESOLVED = "unresolved"  # value and log are nan; use a method without subtraction


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
    status : ResolutionStatus
        Whether the method resolves the number.
    """

    value: float
    log: float
    error: float
    status: ResolutionStatus = ResolutionStatus.OK


UNRESOLVED = LogNumber(value=np.nan, log=np.nan, error=np.inf, status=ResolutionStatus.UNRESOLVED)


def log_number(fine: float, coarse: float, rounding: float = 0.0) -> LogNumber:
    """Return the number whose logarithms at two resolutions are `fine` and `coarse`.

    Parameters
    ----------
    fine, coarse : float
        Natural logarithms.
    rounding : float
        Relative rounding error of the method, beyond that of a logarithm.
    """
    least = 4e-16 * (1 + abs(fine)) + rounding
    with np.errstate(over="ignore", under="ignore"):
        value = float(np.exp(fine))
        difference = abs(float(np.expm1(coarse - fine)))
    return LogNumber(value=value, log=float(fine), error=difference + least)


def extrapolated(logs: list[float]) -> LogNumber:
    """Return the limit of spacing 0 of logs at spacings 1, 4/3 and 2.

    Errors of the second and fourth order are removed. The error is the largest distance to a limit
    of two grids, which removes the second order alone.
    """
    squares = np.array([1.0, 16 / 9, 4.0])
    both = float(np.linalg.solve(np.vander(squares, increasing=True), logs)[0])
    of_two = [
        (logs[i] * squares[j] - logs[j] * squares[i]) / (squares[j] - squares[i])
        for i, j in ((0, 1), (0, 2))
    ]
    farthest = max(of_two, key=lambda limit: abs(limit - both))
    return log_number(both, float(farthest), rounding=1e-11)
