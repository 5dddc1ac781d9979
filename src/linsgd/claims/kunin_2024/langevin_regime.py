"""The Langevin equation of the ensemble `small_lr`, the regime for which it is meant.

Predictions are those of the equation with its noise averaged over the stationary law.
"""

from functools import lru_cache

from linsgd.claims.ensembles import small_lr
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.theory.langevin.process import UnderdampedLangevin, langevin

TENTH = (
    "a tenth of the prediction: several times lr h / (2 (1 + momentum)), the error of the "
    "Langevin equation here"
)


@lru_cache(maxsize=4)
def small_lr_langevin(named: NamedProblem) -> UnderdampedLangevin:
    """Return the Langevin equation of `small_lr` with its self-consistent noise."""
    return langevin(named.problem, small_lr(named).sgd, noise="self_consistent")


def variances(named: NamedProblem) -> tuple[FloatArray, FloatArray]:
    """Return the equation's stationary variances of w and of v along the modes (m,)."""
    xx, _, vv = small_lr_langevin(named).modes.stationary_variance()[:, small_lr(named).modes]
    return xx, vv
