"""Mean and covariance of phase space at the steps that the simulation is asked for.

A tile gives its sample mean and its unbiased sample covariance, by two passes over its chains.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.jit import Array, kernel
from linsgd.montecarlo.observables.observable import Needs, Recorder
from linsgd.montecarlo.walks.walks import Walks


@dataclass(frozen=True, slots=True)
class StateMoments:
    """Record the mean and the covariance of (w, v): "mean" (K, 2d) and "covariance" (K, 2d, 2d)."""

    needs_float64: ClassVar[bool] = False

    def needs(self, at: IntArray) -> Needs:
        """Return the steps it must see."""
        return Needs(0, at)

    def recorder(self, walks: Walks, at: IntArray) -> Recorder:
        """Start recording a tile."""
        domains.matrix_size("the covariance of phase space", walks.problem.dimension)
        return _Recorder(walks, at)


class _Recorder:
    def __init__(self, walks: Walks, at: IntArray) -> None:
        self.walks, self.at = walks, at
        self.seen: list[NDArray[Any]] = []

    def update(self, steps: IntArray, rows: NDArray[Any]) -> None:
        chosen = np.isin(steps, self.at)
        if chosen.any():
            self.seen.append(self.walks.states(rows[chosen]).astype(np.float64))

    def averages(self, lanes: int) -> Mapping[str, FloatArray]:
        states = np.concatenate(self.seen)
        K, _, R = states.shape
        mean, covariance = np.zeros((K, R)), np.zeros((K, R, R))
        _moments(states, lanes, mean, covariance)
        return {"mean": mean, "covariance": covariance}


@kernel
def _moments(states: Array, lanes: int, mean: Array, covariance: Array) -> None:
    K, _, R = states.shape
    for k in range(K):
        for j in range(lanes):
            for i in range(R):
                mean[k, i] += states[k, j, i] / lanes
        for j in range(lanes):
            for i in range(R):
                deviation = (states[k, j, i] - mean[k, i]) / max(lanes - 1, 1)
                for m in range(R):
                    covariance[k, i, m] += deviation * (states[k, j, m] - mean[k, m])
