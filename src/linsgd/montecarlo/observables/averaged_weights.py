"""Mean and variance over chains of an average of the weights along each chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.montecarlo.observables.excess import excess_risk
from linsgd.montecarlo.observables.observable import Average, Needs, Recorder
from linsgd.montecarlo.walks.radial import RadialWalks
from linsgd.montecarlo.walks.walks import Walks
from linsgd.optimizers.averages import IterateAverage, retained

_MEAN = Average(per_step=True)
_VARIANCE = Average(lost=1, per_step=True)


@dataclass(frozen=True, slots=True)
class AveragedWeights:
    """Record a tail or an exponential average; `simulate` makes it of the average itself.

    Its mean (d,) in the problem's coordinates, its variance (d,) along the eigenvectors of H, and
    the excess risk at the average.
    """

    average: IterateAverage
    averages: ClassVar[Mapping[str, Average]] = {
        "average_mean": _MEAN,
        "average_variance": _VARIANCE,
        "average_excess_risk": _MEAN,
    }
    needs_float64: ClassVar[bool] = False

    def needs(self, at: IntArray) -> Needs:
        """Return the steps it must see: all."""
        return Needs(1, at)

    def recorder(self, walks: Walks, at: IntArray) -> Recorder:
        """Start recording a tile."""
        if isinstance(walks, RadialWalks):
            domains.refuse("engine", "radial", "'full' or 'reduced' for an average of weights")
        return _Recorder(self.average, walks, at)


class _Recorder:
    def __init__(self, average: IterateAverage, walks: Walks, at: IntArray) -> None:
        self.average, self.walks, self.at = average, walks, set(at.tolist())
        self.now: FloatArray | None = None
        self.kept: list[FloatArray] = []

    def update(self, steps: IntArray, rows: NDArray[Any]) -> None:
        """Take the weights at every one of `steps` into the average."""
        d = self.walks.problem.dimension
        weights = self.walks.states(rows)[..., :d].astype(np.float64)
        for k, w in zip(steps.tolist(), weights, strict=True):
            kept = retained(self.average, k)
            self.now = w if self.now is None else kept * self.now + (1 - kept) * w
            if k in self.at:
                self.kept.append(self.now)

    def averages(self, lanes: int) -> Mapping[str, FloatArray]:
        """Return mean, variance and excess risk at the steps asked for."""
        problem = self.walks.problem
        a = np.stack(self.kept)[:, :lanes]
        along = problem.to_eigenbasis(a - a.mean(axis=1, keepdims=True))
        return {
            "average_mean": a.mean(axis=1),
            "average_variance": (along**2).sum(axis=1) / max(lanes - 1, 1),
            "average_excess_risk": excess_risk(problem, a).mean(axis=1),
        }
