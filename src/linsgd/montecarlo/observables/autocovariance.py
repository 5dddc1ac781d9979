"""Time-averaged products E x_t x_(t+lag) of a coordinate, from a ring of its last values."""

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
    increasing_steps,
)
from linsgd.montecarlo.walks.walks import Walks
from linsgd.variates import LANES


@dataclass(frozen=True, slots=True, eq=False)
class Autocovariance:
    """Record "autocovariance" (len(lags),): the mean over chains and times of x_t x_(t+lag).

    Parameters
    ----------
    of : array_like (2d,)
        Direction a in phase space: x = a'(w, v) less its value at the minimiser of the regularised
        loss and v = 0, which is its stationary mean for independent batches.
    lags : array_like of int
        Increasing, in steps.
    after : int
        The first step that counts.

    Examples
    --------
    >>> Autocovariance(of=[1.0, 0.0], lags=[0, 1, 10], after=500).lags
    array([ 0,  1, 10])
    """

    of: Any
    lags: Any
    after: int = 0
    averages: ClassVar[Mapping[str, Average]] = {"autocovariance": Average()}
    needs_float64: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "of", coordinate_argument(self.of))
        object.__setattr__(self, "lags", increasing_steps("lags", self.lags))
        domains.integer("after", self.after, "[0, inf)")

    def needs(self, at: IntArray) -> Needs:
        """Return the steps it must see."""
        if self.after + self.lags[-1] > at[-1]:
            domains.refuse(
                "steps", int(at[-1]), f"[{self.after + self.lags[-1]}, inf) to hold the largest lag"
            )
        return Needs(1, NEVER)

    def recorder(self, walks: Walks, at: IntArray) -> Recorder:
        """Start recording a tile."""
        return _Recorder(self, Coordinate(walks, self.of), int(at[-1]))


class _Recorder:
    def __init__(self, what: Autocovariance, coordinate: Coordinate, last: int) -> None:
        self.what = what
        self.coordinate = coordinate
        self.last = last
        self.ring = np.zeros((what.lags[-1] + 1, LANES))
        self.sums = np.zeros((len(what.lags), LANES))

    def update(self, steps: IntArray, rows: NDArray[Any]) -> None:
        counted = steps >= self.what.after
        if counted.any():
            x = self.coordinate(rows[counted])
            _add_products(steps[counted] - self.what.after, x, self.what.lags, self.ring, self.sums)

    def averages(self, lanes: int) -> Mapping[str, FloatArray]:
        counts = self.last - self.what.after + 1 - self.what.lags
        return {"autocovariance": self.sums[:, :lanes].mean(axis=1) / counts}


@kernel
def _add_products(times: Array, x: Array, lags: Array, ring: Array, sums: Array) -> None:
    size = len(ring)
    for k in range(len(times)):
        for j in range(LANES):
            ring[times[k] % size, j] = x[k, j]
        for m in range(len(lags)):
            if lags[m] <= times[k]:
                past = (times[k] - lags[m]) % size
                for j in range(LANES):
                    sums[m, j] += ring[past, j] * x[k, j]
