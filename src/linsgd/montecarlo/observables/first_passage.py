"""The first step at which a coordinate reaches a level; chains that never do are counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.jit import Array, kernel
from linsgd.montecarlo.observables.observable import (
    NEVER,
    RADIUS,
    Average,
    Coordinate,
    Needs,
    Recorder,
    coordinate_argument,
)
from linsgd.montecarlo.walks.walks import Walks
from linsgd.variates import LANES


@dataclass(frozen=True, slots=True, eq=False)
class FirstPassage:
    """Record P(T <= t) and E min(T, last step) of the first step T with x >= level.

    They are "first_passage" (K,), at the simulation's steps, and "first_passage_time".

    Parameters
    ----------
    level : float
        What x must reach.
    of : "radius" or array_like (2d,)
        |w - w*|, or a direction a in phase space: x = a'(w, v) less its value at the regularised
        minimiser and v = 0.

    Examples
    --------
    >>> FirstPassage(level=2.0).of
    'radius'
    """

    level: float
    of: Any = RADIUS
    averages: ClassVar[Mapping[str, Average]] = {
        "first_passage": Average(),
        "first_passage_time": Average(),
    }
    needs_float64: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "of", coordinate_argument(self.of))
        object.__setattr__(self, "level", domains.real("level", self.level))

    def needs(self, at: IntArray) -> Needs:
        """Return the steps it must see."""
        return Needs(1, NEVER)

    def recorder(self, walks: Walks, at: IntArray) -> Recorder:
        """Start recording a tile."""
        return _Recorder(self.level, Coordinate(walks, self.of), at)


class _Recorder:
    def __init__(self, level: float, coordinate: Coordinate, at: IntArray) -> None:
        self.level = level
        self.coordinate = coordinate
        self.at = at
        self.first = np.full(LANES, np.iinfo(np.int64).max)

    def update(self, steps: IntArray, rows: NDArray[Any]) -> None:
        _earliest(steps, self.coordinate(rows), self.level, self.first)

    def averages(self, lanes: int) -> Mapping[str, FloatArray]:
        first = self.first[:lanes]
        reached = np.less_equal.outer(first, self.at).mean(axis=0)
        return {
            "first_passage": reached,
            "first_passage_time": np.minimum(first, self.at[-1]).mean(keepdims=True),
        }


@kernel
def _earliest(steps: Array, x: Array, level: float, first: Array) -> None:
    for k in range(len(steps)):
        for j in range(LANES):
            if x[k, j] >= level:
                first[j] = min(first[j], steps[k])
