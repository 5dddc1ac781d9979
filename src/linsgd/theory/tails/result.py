"""What every tail computation returns: a number between two bounds, how it was found, and what it says of the law."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from linsgd.result import Guarantee, Result, Status, rounded, summary


class TailStatus(Status):
    """What is known of the stationary law, or of the number asked for."""

    OK = "ok"  # a Lyapunov exponent or a value of the spectral function
    POWER_LAW = "power_law"
    LIGHT = "light"  # every moment is finite: the exponent is inf
    DEGENERATE = "degenerate"  # the law is a point
    NO_STATIONARY_LAW = "no_stationary_law"
    OSCILLATES = "oscillates"  # log|A| is arithmetic: t^alpha P(|W| > t) has no limit
    UNRESOLVED = "unresolved"  # the bracket is kept, the value is nan


class Interval(NamedTuple):
    """A number and its bounds."""

    value: float
    lower: float
    upper: float

    @classmethod
    def about(cls, value: float, error: float) -> "Interval":
        """Return the interval of half-width `error`."""
        return cls(value, value - error, value + error)


UNKNOWN = Interval(math.nan, -math.inf, math.inf)
UNKNOWN_ORDER = Interval(math.nan, 0.0, math.inf)  # or learning rate, or constant: what is positive


def width(interval: Interval) -> float:
    """Return how far the bounds of a number are apart, inf where there is no number."""
    return interval.upper - interval.lower if interval.value == interval.value else math.inf


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TailResult(Result):
    """A number of the tail theory with its bounds.

    Attributes
    ----------
    quantity : str
        What the number is.
    value, lower, upper : float
        The number and its bounds; nan where there is none.
    guarantee : Guarantee
        What the bounds are worth: "rigorous", "numerical" or "statistical".
    method : str
        How it was found.
    status : TailStatus
        What it says of the stationary law.
    reason : str
        Why the status is what it is, where that is not plain from the number.
    lyapunov : float
        The Lyapunov exponent, where it was computed on the way; else nan.
    confidence : float or None
        Of a statistical interval.
    """

    quantity: str
    value: float
    lower: float
    upper: float
    guarantee: Guarantee
    method: str
    status: TailStatus
    reason: str = ""
    lyapunov: float = float("nan")
    confidence: float | None = None

    def rows(self) -> list[tuple[str, str]]:
        """Return what the printed form shows: (label, text) pairs."""
        shown = [(self.quantity, rounded(self.value, (self.upper - self.lower) / 2))]
        shown += [("bounds", f"[{self.lower:.12g}, {self.upper:.12g}] ({self.guarantee})")]
        shown += [
            ("status", str(self.status) + (f": {self.reason}" if self.reason else "")),
            ("method", self.method),
        ]
        if self.lyapunov == self.lyapunov:
            shown.append(("lyapunov exponent", summary(self.lyapunov)))
        return shown
