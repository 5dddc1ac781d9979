r"""Acceptance sets: the values that count as agreement, and the distance of the mutants.

An interval claim accepts prediction ± width, the width being the difference that matters. A
half-line claim ("larger than") accepts everything beyond an edge, and a gap says how clearly a
mutant must lie on the other side. A vector has one interval or half-line a component; a confidence
box inside the set confirms, one disjoint from it refutes.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linsgd import domains
from linsgd.domains import FloatArray


class Inapplicable(ValueError):  # noqa: N818 # an outcome on given data, not a fault of the caller
    """On these data the claim says nothing: no prediction, no width, or a mutant too near."""


CLEARANCE = 4.0  # margins between a prediction and its mutants
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Acceptance:
    """A box of accepted values; made by `interval`, `above` or `below`.

    Attributes
    ----------
    lower, upper : ndarray (m,)
        The box; infinite on the open side of a half-line.
    unit : ndarray (m,)
        Half-width of an interval, gap of a half-line.
    reason : str
        Why this width.
    """

    lower: FloatArray
    upper: FloatArray
    unit: FloatArray
    reason: str

    @classmethod
    def interval(cls, prediction: ArrayLike, width: ArrayLike, reason: str) -> Self:
        """Accept prediction ± width, component by component.

        Raises
        ------
        Inapplicable
            If a prediction is not finite or a width not positive: the theory has nothing to say
            there.

        Examples
        --------
        >>> Acceptance.interval([2.0], [0.1], "a tenth").upper
        array([2.1])
        """
        centre, half = (
            np.atleast_1d(prediction).astype(np.float64),
            np.atleast_1d(width).astype(np.float64),
        )
        unit = np.broadcast_to(half, centre.shape)
        _check("prediction", centre, np.isfinite(centre), "finite numbers")
        _check("width", unit, np.isfinite(unit) & (unit > 0), "(0, inf)")
        return cls(centre - unit, centre + unit, unit, reason)

    @classmethod
    def above(cls, edge: float, gap: float, reason: str) -> Self:
        """Accept what is larger than `edge`."""
        edges, gaps = _edge(edge, gap)
        return cls(edges, np.full(1, np.inf), gaps, reason)

    @classmethod
    def below(cls, edge: float, gap: float, reason: str) -> Self:
        """Accept what is smaller than `edge`."""
        edges, gaps = _edge(edge, gap)
        return cls(np.full(1, -np.inf), edges, gaps, reason)

    @property
    def half_line(self) -> bool:
        """Whether one side is open."""
        return not bool(np.isfinite(self.lower).all() and np.isfinite(self.upper).all())

    def contains(self, lower: FloatArray, upper: FloatArray) -> BoolArray:
        """Say for each component whether [lower, upper] lies inside."""
        inside: BoolArray = (lower >= self.lower) & (upper <= self.upper)
        return inside

    def excludes(self, lower: FloatArray, upper: FloatArray) -> BoolArray:
        """Say for each component whether [lower, upper] lies wholly outside."""
        outside: BoolArray = (upper < self.lower) | (lower > self.upper)
        return outside

    def around(self, prediction: FloatArray) -> "Acceptance":
        """Return the acceptance set of a mutant: the same width, or half the gap of a half-line."""
        width = self.unit / 2 if self.half_line else self.unit
        return Acceptance.interval(prediction, width, self.reason)

    def distance(self, prediction: FloatArray) -> float:
        """Return how far outside a prediction lies, in units, at its farthest component."""
        outside = np.maximum(self.lower - prediction, prediction - self.upper) / self.unit
        return float(outside.max())

    def is_clear_of(self, prediction: FloatArray) -> bool:
        """Say whether a mutant is far enough outside.

        Four half-widths from the centre of an interval, or a gap beyond the edge of a half-line.
        """
        return self.distance(prediction) >= (1.0 if self.half_line else CLEARANCE - 1.0)

    def margin(self, lower: FloatArray, upper: FloatArray) -> float:
        """Return the distance to the nearest edge in units; negative where the box sticks out."""
        open_ = np.full(self.unit.shape, np.inf)
        above = np.subtract(lower, self.lower, out=open_.copy(), where=np.isfinite(self.lower))
        below = np.subtract(self.upper, upper, out=open_, where=np.isfinite(self.upper))
        return float((np.minimum(above, below) / self.unit).min())


def _edge(edge: float, gap: float) -> tuple[FloatArray, FloatArray]:
    gaps = np.array([domains.real("gap", gap, "(0, inf)")])
    return np.array([domains.real("edge", edge, "(-inf, inf)")]), gaps


def _check(name: str, values: FloatArray, allowed: BoolArray, domain: str) -> None:
    if not allowed.all():
        i = int(allowed.argmin())
        raise Inapplicable(f"{name}[{i}] = {float(values[i])} is outside its domain: {domain}")
