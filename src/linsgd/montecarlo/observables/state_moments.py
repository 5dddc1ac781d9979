"""Moments of phase space and the excess loss at the steps that the simulation is asked for.

A tile gives its sample mean and its unbiased sample covariance, by two passes over its chains, the
same along the eigenvectors of H, and the means of the excess loss and of the excess risk.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.jit import Array, kernel
from linsgd.montecarlo.observables.excess import excess_loss, excess_risk
from linsgd.montecarlo.observables.observable import (
    Average,
    Needs,
    Recorder,
    StateRecorder,
)
from linsgd.montecarlo.walks.radial import RadialWalks
from linsgd.montecarlo.walks.walks import Walks
from linsgd.optimizers.optimizer import loss_decay

_SECOND = Average(lost=1, per_step=True, judged=False)
_FIRST = Average(per_step=True, judged=False)


@dataclass(frozen=True, slots=True)
class StateMoments:
    """Record mean and covariance of (w, v), the variances along eigenvectors, and the excess loss.

    By their names, with K left out where the simulation is asked for a single number of steps:

    - "mean" (K, 2d) and "covariance" (K, 2d, 2d) of (w, v) in the problem's coordinates;
    - "position_variance", "velocity_variance" and "position_velocity_covariance" (K, d) along the
      eigenvectors of H, in the order of ``problem.eigenvalues``;
    - "excess_loss" and "excess_risk" (K,).

    The radial engine, whose state is the distance |w - w*| and the parts of v along and across it,
    gives mean (K, 3) and covariance (K, 3, 3) of these, the excess loss and the excess risk.
    """

    averages: ClassVar[Mapping[str, Average]] = {
        "mean": _FIRST,
        "covariance": Average(lost=1, per_step=True),
        "position_variance": _SECOND,
        "velocity_variance": _SECOND,
        "position_velocity_covariance": _SECOND,
        "excess_loss": _FIRST,
        "excess_risk": _FIRST,
    }
    needs_float64: ClassVar[bool] = False

    def needs(self, at: IntArray) -> Needs:
        """Return the steps it must see."""
        return Needs(0, at)

    def recorder(self, walks: Walks, at: IntArray) -> Recorder:
        """Start recording a tile."""
        domains.matrix_size("the covariance of phase space", walks.problem.dimension)
        return _Recorder(walks, at)


class _Recorder(StateRecorder):
    def averages(self, lanes: int) -> Mapping[str, FloatArray]:
        states = self.states()
        K, _, R = states.shape
        mean = np.zeros((K, R))
        covariance = np.zeros((K, R, R))
        _moments(states, lanes, mean, covariance)
        found = {"mean": mean, "covariance": covariance}
        if isinstance(self.walks, RadialWalks):
            return found | self._of_distances(states[:, :lanes, 0])
        return found | self._of_states(states[:, :lanes])

    def _of_distances(self, r: FloatArray) -> dict[str, FloatArray]:
        """Return the averages of distances |w - w*| (K, n); here H = h I and mu = w*."""
        h = self.walks.problem.eigenvalues[0]
        decay = self.walks.sgd.weight_decay
        with np.errstate(over="ignore"):
            square = (r**2).mean(axis=1)
        return {"excess_loss": (h + decay) * square / 2, "excess_risk": h * square / 2}

    def _of_states(self, states: FloatArray) -> dict[str, FloatArray]:
        """Return the averages along the eigenvectors and of the losses of states (K, n, 2d)."""
        problem = self.walks.problem
        decay = loss_decay(self.walks.sgd)
        w, v = np.split(states, 2, axis=-1)
        with np.errstate(over="ignore", invalid="ignore"):  # diverged chains
            position, velocity = (
                problem.to_eigenbasis(x - x.mean(axis=1, keepdims=True)) for x in (w, v)
            )
            pairs = {
                "position_variance": position * position,
                "velocity_variance": velocity * velocity,
                "position_velocity_covariance": position * velocity,
            }
            losses = {
                "excess_loss": excess_loss(problem, decay, w),
                "excess_risk": excess_risk(problem, w),
            }
            unbiased = max(w.shape[1] - 1, 1)
            seconds = {name: products.sum(axis=1) / unbiased for name, products in pairs.items()}
            return seconds | {name: loss.mean(axis=1) for name, loss in losses.items()}


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
