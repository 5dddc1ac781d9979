r"""Logarithms of single values and of sums over blocks: the statistic of a tail index.

For independent symmetric stable x, a sum of n has the law of n^(1/alpha) x, so 1/alpha = (E ln|sum|
- E ln|x|)/ln n. Source: Mohammadi, Mohammadpour and Ogata, Metrika 78 (2015).
"""

import math
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
    Average,
    Coordinate,
    Needs,
    Recorder,
    coordinate_argument,
)
from linsgd.montecarlo.walks.walks import Walks
from linsgd.variates import LANES


@dataclass(frozen=True, slots=True, eq=False)
class BlockLogs:
    """Record "block_logs" (2,): the means of ln|x| and of ln|sum of x over a block|.

    Parameters
    ----------
    of : array_like (2d,)
        Direction a in phase space: x = a'(w, v) less its value at the regularised minimiser and v =
        0.
    length : int
        Steps a block, at least 2.
    after : int
        The first step that counts.

    Examples
    --------
    >>> BlockLogs(of=[0.0, 1.0], length=10).length
    10
    """

    of: Any
    length: int
    after: int = 0
    averages: ClassVar[Mapping[str, Average]] = {"block_logs": Average()}
    needs_float64: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "of", coordinate_argument(self.of))
        domains.integer("length", self.length, "[2, inf)")
        domains.integer("after", self.after, "[0, inf)")

    def needs(self, at: IntArray) -> Needs:
        """Return the steps it must see."""
        if self.after + self.length > at[-1] + 1:
            domains.refuse(
                "steps", int(at[-1]), f"[{self.after + self.length - 1}, inf) to hold a block"
            )
        return Needs(1, NEVER)

    def recorder(self, walks: Walks, at: IntArray) -> Recorder:
        """Start recording a tile."""
        blocks = (int(at[-1]) + 1 - self.after) // self.length
        return _Recorder(self, Coordinate(walks, self.of), blocks)


class _Recorder:
    def __init__(self, what: BlockLogs, coordinate: Coordinate, blocks: int) -> None:
        self.what = what
        self.coordinate = coordinate
        self.blocks = blocks
        self.partial = np.zeros(LANES)
        self.logs = np.zeros((2, LANES))

    def update(self, steps: IntArray, rows: NDArray[Any]) -> None:
        what = self.what
        counted = (steps >= what.after) & (steps < what.after + self.blocks * what.length)
        if counted.any():
            _add_logs(
                steps[counted] - what.after,
                self.coordinate(rows[counted]),
                what.length,
                self.partial,
                self.logs,
            )

    def averages(self, lanes: int) -> Mapping[str, FloatArray]:
        singles, sums = self.logs[:, :lanes].mean(axis=1)
        return {
            "block_logs": np.array([singles / (self.blocks * self.what.length), sums / self.blocks])
        }


@kernel
def _add_logs(times: Array, x: Array, length: int, partial: Array, logs: Array) -> None:
    for k in range(len(times)):
        for j in range(LANES):
            partial[j] += x[k, j]
            logs[0, j] += math.log(abs(x[k, j]))
        if (times[k] + 1) % length == 0:
            for j in range(LANES):
                logs[1, j] += math.log(abs(partial[j]))
                partial[j] = 0.0
