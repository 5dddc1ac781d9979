"""The result of a tail computation: a number between two bounds, its guarantee and its status."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from linsgd.references import HODGKINSON_MAHONEY_2021, KESTEN_1973
from linsgd.result import Guarantee, Result, Status, rounded, summary


class TailStatus(Status):
    """The kind of the stationary law, or whether the number asked for was resolved."""

    OK = "ok"  # a Lyapunov exponent or a value of the spectral function
    POWER_LAW = "power_law"
    LIGHT = "light"  # every moment is finite: the exponent is inf
    DEGENERATE = "degenerate"  # the law is a point
    NO_STATIONARY_LAW = "no_stationary_law"
    OSCILLATES = "oscillates"  # log|A| is arithmetic: t^alpha P(|W| > t) has no limit
    UNRESOLVED = "unresolved"  # the bounds are kept, the value is nan


class Interval(NamedTuple):
    """A number and its bounds; the value is nan where only the bounds are known."""

    value: float
    lower: float
    upper: float

    @classmethod
    def about(cls, value: float, error: float) -> "Interval":
        """Return a value with bounds at a distance of `error`."""
        return cls(value, value - error, value + error)

    @classmethod
    def exactly(cls, value: float) -> "Interval":
        """Return a value without error; it may be infinite."""
        return cls(value, value, value)

    @classmethod
    def between(cls, lower: float, upper: float) -> "Interval":
        """Return bounds without a value."""
        return cls(math.nan, lower, upper)

    @property
    def resolved(self) -> bool:
        """Whether there is a value between the bounds."""
        return not math.isnan(self.value)

    @property
    def width(self) -> float:
        """The distance of the bounds; inf without a value."""
        return self.upper - self.lower if self.resolved else math.inf

    def within(self, lower: float, upper: float) -> "Interval":
        """Return the same number with bounds that are at least `lower` and at most `upper`."""
        return Interval(self.value, max(self.lower, lower), min(self.upper, upper))


UNKNOWN = Interval.between(-math.inf, math.inf)
ANY_POSITIVE = Interval.between(0.0, math.inf)  # an order, a learning rate or a constant
NO_NUMBER = Interval(math.nan, math.nan, math.nan)  # where the quantity does not exist
ZERO = Interval.exactly(0.0)  # log h(0)
INFINITE = Interval.exactly(math.inf)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TailResult(Result):
    """A number of the tail theory with its bounds.

    Attributes
    ----------
    quantity : str
        The name of the number.
    value, lower, upper : float
        The number and its bounds; nan where there is none.
    guarantee : Guarantee
        Kind of the bounds: "rigorous", "numerical" or "statistical".
    method : str
        The method that found it.
    status : TailStatus
        The kind of the stationary law, or whether the number was resolved.
    reason : str
        Why the status is what it is, and what would change it.
    lyapunov : float
        The Lyapunov exponent, where it was computed on the way; else nan.
    confidence : float or None
        Of a statistical interval.
    """

    references = (KESTEN_1973, HODGKINSON_MAHONEY_2021)
    quantity: str
    value: float
    lower: float
    upper: float
    guarantee: Guarantee
    method: str
    status: TailStatus
    reason: str = ""
    lyapunov: float = math.nan
    confidence: float | None = None

    @classmethod
    def of(
        cls,
        quantity: str,
        bounds: Interval,
        method: str,
        status: TailStatus = TailStatus.OK,
        reason: str = "",
        *,
        guarantee: Guarantee = Guarantee.NUMERICAL,
        lyapunov: float = math.nan,
        confidence: float | None = None,
    ) -> "TailResult":
        """Return an interval with its name, method, status and guarantee."""
        return cls(
            quantity=quantity,
            **bounds._asdict(),
            guarantee=guarantee,
            method=method,
            status=status,
            reason=reason,
            lyapunov=lyapunov,
            confidence=confidence,
        )

    @property
    def bounds(self) -> Interval:
        """The value and its bounds."""
        return Interval(self.value, self.lower, self.upper)

    def rows(self) -> list[tuple[str, str]]:
        """Return what the printed form shows: (label, text) pairs."""
        error = (self.upper - self.lower) / 2
        bounds = f"[{self.lower:.12g}, {self.upper:.12g}] ({self.guarantee})"
        status = f"{self.status}: {self.reason}" if self.reason else str(self.status)
        shown = [
            (self.quantity, rounded(self.value, error)),
            ("bounds", bounds),
            ("status", status),
            ("method", self.method),
        ]
        if not math.isnan(self.lyapunov):
            shown.append(("lyapunov exponent", summary(self.lyapunov)))
        return shown
