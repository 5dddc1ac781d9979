"""Exceedances of thresholds over hundreds of octaves: a histogram by the bits of the float.

A float64 without its sign orders as its bits do, and its first 14 bits, exponent and three of the
mantissa, split each octave in eight: a bin is a shift of the bits, no logarithm and no search.
"""

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

SHIFT = 49  # of 52 bits of mantissa: eight bins an octave


@dataclass(frozen=True, slots=True, eq=False)
class Exceedance:
    """Record "exceedance" (8 octaves,): the share of chains and times with |x| >= each threshold.

    Parameters
    ----------
    of : "radius" or array_like (2d,)
        |w - w*|, or a direction a in phase space: x = a'(w, v) less its value at the regularised
        minimiser and v = 0.
    lowest, highest : int
        Thresholds go from 2^lowest to below 2^highest, eight an octave.
    after : int
        The first step that counts.
    every : int
        Only its multiples count, in steps.

    Examples
    --------
    >>> Exceedance(lowest=0, highest=1).thresholds
    array([1.   , 1.125, 1.25 , 1.375, 1.5  , 1.625, 1.75 , 1.875])
    """

    of: Any = RADIUS
    lowest: int = -10
    highest: int = 30
    after: int = 0
    every: int = 1
    averages: ClassVar[Mapping[str, Average]] = {"exceedance": Average()}
    needs_float64: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "of", coordinate_argument(self.of))
        domains.integer("lowest", self.lowest, "[-1022, 1023]")
        domains.integer("highest", self.highest, f"[{self.lowest + 1}, 1024]")
        domains.integer("after", self.after, "[0, inf)")
        domains.integer("every", self.every, "[1, inf)")

    @property
    def thresholds(self) -> FloatArray:
        """The thresholds, ascending."""
        octaves = np.arange(self.lowest, self.highest, dtype=np.float64)
        return np.multiply.outer(2.0**octaves, 1 + np.arange(8) / 8).ravel()

    def needs(self, at: IntArray) -> Needs:
        """Return the steps it must see."""
        if self.times(int(at[-1])) < 1:
            domains.refuse(
                "steps", int(at[-1]), f"steps with a multiple of {self.every} from {self.after} on"
            )
        return Needs(self.every, NEVER)

    def times(self, last: int) -> int:
        """Return how many steps count up to `last`."""
        return last // self.every - (self.after - 1) // self.every

    def recorder(self, walks: Walks, at: IntArray) -> Recorder:
        """Start recording a tile."""
        return _Recorder(self, Coordinate(walks, self.of), int(at[-1]))


class _Recorder:
    def __init__(self, what: Exceedance, coordinate: Coordinate, last: int) -> None:
        self.what = what
        self.coordinate = coordinate
        self.last = last
        self.below = int(np.float64(2.0**what.lowest).view(np.int64) >> SHIFT) - 1
        self.counts = np.zeros((8 * (what.highest - what.lowest) + 1, LANES), np.int64)

    def update(self, steps: IntArray, rows: NDArray[Any]) -> None:
        _count(
            steps, self.coordinate(rows), self.what.after, self.what.every, self.below, self.counts
        )

    def averages(self, lanes: int) -> Mapping[str, FloatArray]:
        counts = self.counts[:, :lanes].sum(axis=1)
        above = counts[::-1].cumsum()[::-1][1:]
        return {"exceedance": above / (lanes * self.what.times(self.last))}


@kernel
def _count(steps: Array, x: Array, after: int, every: int, below: int, counts: Array) -> None:
    top = len(counts) - 1
    for k in range(len(x)):
        if steps[k] >= after and steps[k] % every == 0:
            for j in range(LANES):
                position: Any = (np.float64(abs(x[k, j])).view(np.int64) >> SHIFT) - below
                counts[min(max(position, 0), top), j] += 1
