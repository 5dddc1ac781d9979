"""The regime in which the Langevin equation is meant to hold: a twentieth of the mean-square threshold, batch 32.

One ensemble serves every claim about it: it settles from the regularised solution and is then seen
again 1, 4 and 16 steps later. Predictions are the Langevin equation's own, with its noise averaged
over the stationary law.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from linsgd.claims.case import Case, at_steps, batch, decay, settled, stable_sgd
from linsgd.claims.subjects import Subject
from linsgd.domains import FloatArray
from linsgd.theory.langevin.process import UnderdampedLangevin, langevin

LAGS = (1, 4, 16)
TENTH = "a tenth of the prediction: several times lr h / (2 (1 + momentum)), the equation's own error here"


@lru_cache(maxsize=4)
def calm(subject: Subject) -> Case:
    """Momentum 0.8, batch 32, weight decay, lr at a twentieth of the mean-square threshold."""
    problem = subject.problem
    sgd = stable_sgd(
        problem, 0.05, batch_size=batch(subject, 32), weight_decay=decay(problem), momentum=0.8
    )
    start = (problem.solution(sgd.weight_decay), np.zeros(problem.dimension))
    settled_at = settled(subject, sgd).steps[-1]
    return at_steps(subject, sgd, [settled_at, *(settled_at + lag for lag in LAGS)], start)


@lru_cache(maxsize=4)
def equation(subject: Subject) -> UnderdampedLangevin:
    """Return the Langevin equation of `calm` with its self-consistent noise."""
    return langevin(subject.problem, calm(subject).sgd, noise="self_consistent")


def variances(subject: Subject) -> tuple[FloatArray, FloatArray]:
    """Return the equation's stationary variances of w and of v along the modes (m,)."""
    xx, _, vv = equation(subject).modes.stationary_variance()[:, calm(subject).modes]
    return xx, vv


@dataclass(frozen=True, slots=True, eq=False)
class LaggedProduct:
    """((z_earlier - centre)'left * (z_later - centre)'right) weights (n, m), of snapshots at two indices."""

    centre: FloatArray
    left: FloatArray
    right: FloatArray
    weights: FloatArray
    earlier: int
    later: int

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        before, after = states[self.earlier] - self.centre, states[self.later] - self.centre
        products: FloatArray = ((before @ self.left) * (after @ self.right)) @ self.weights
        return products
