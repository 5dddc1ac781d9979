r"""The five numbers that a comparison shows, of a law and of simulated chains.

With mu the minimiser of the regularised loss, rho the eigenvalues of H and h = rho + weight_decay,
along the eigenvectors of H:

    squared_distance   E|w - mu|^2
    squared_speed      E|v|^2
    overlap            E(w - mu)'v
    excess_loss        E[L(w)] - min L    = sum_i h_i E(w_i - mu_i)^2 / 2
    excess_risk        E[R(w)] - R(w*)    = sum_i rho_i E(w_i - w*_i)^2 / 2
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.montecarlo.observables.excess import excess_loss, excess_risk
from linsgd.montecarlo.observables.observable import (
    Average,
    Needs,
    Recorder,
    StateRecorder,
)
from linsgd.montecarlo.walks.walks import Walks
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.result import Moments

DEFINITIONS = {
    "squared_distance": "E|w - mu|^2",
    "squared_speed": "E|v|^2",
    "overlap": "E(w - mu)'v",
    "excess_loss": "E[L(w)] - min L",
    "excess_risk": "E[R(w)] - R(w*)",
}
NAME = "quantities"
_ROUNDING = 1e3 * float(np.finfo(float).eps)  # relative error of a weight after many steps


def of_law(problem: LinearRegression, sgd: SGD, law: Moments) -> FloatArray:
    """Return the quantities (5,) of one law; inf where the second moment is infinite."""
    away = law.mean - problem.solution(sgd.weight_decay)
    speed = law.velocity_mean
    with np.errstate(over="ignore", invalid="ignore"):
        seconds = [
            law.position_variance.sum() + away @ away,
            law.velocity_variance.sum() + speed @ speed,
            law.position_velocity_covariance.sum() + away @ speed,
        ]
    return np.array([*seconds, law.excess_loss, law.excess_risk], dtype=np.float64)


def rounding(problem: LinearRegression, sgd: SGD) -> FloatArray:
    """Return the size (5,) below which the quantities are rounding errors of the weights.

    A weight that converges to mu is off by eps |mu|, hence its square by eps^2 |mu|^2; a velocity
    is a displacement divided by lr.
    """
    mu = problem.solution(sgd.weight_decay)
    h = problem.eigenvalues + sgd.weight_decay
    square = _ROUNDING**2 * float(mu @ mu)
    scales = [1.0, 1 / sgd.lr**2, 1 / sgd.lr, float(h.max()), float(problem.eigenvalues.max())]
    return square * np.array(scales)


@dataclass(frozen=True, slots=True)
class Quantities:
    """Record the mean of the quantities over chains: "quantities" (K, 5)."""

    averages: ClassVar[Mapping[str, Average]] = {NAME: Average(per_step=True)}
    needs_float64: ClassVar[bool] = False

    def needs(self, at: IntArray) -> Needs:
        """Return the steps it must see."""
        return Needs(0, at)

    def recorder(self, walks: Walks, at: IntArray) -> Recorder:
        """Start recording a tile."""
        return _Recorder(walks, at)


class _Recorder(StateRecorder):
    def averages(self, lanes: int) -> Mapping[str, FloatArray]:
        return {NAME: self._of_states(self.states()[:, :lanes]).mean(axis=1)}

    def _of_states(self, states: FloatArray) -> FloatArray:
        """Return the quantities (K, n, 5) of states (K, n, 2d)."""
        problem = self.walks.problem
        decay = self.walks.sgd.weight_decay
        w, v = np.split(states, 2, axis=-1)
        with np.errstate(over="ignore", invalid="ignore"):  # diverged chains
            away = problem.to_eigenbasis(w - problem.solution(decay))
            speed = problem.to_eigenbasis(v)
            columns = [
                (away**2).sum(axis=-1),
                (speed**2).sum(axis=-1),
                (away * speed).sum(axis=-1),
                excess_loss(problem, decay, w),
                excess_risk(problem, w),
            ]
        return np.stack(columns, axis=-1)
