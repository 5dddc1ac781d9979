"""The standard cases, which several claims measure, and how their options are chosen.

| ensemble | momentum | batch | lr / threshold | seen |
|---|---|---|---|---|
| `heavy_ball` | 0.9 | 4 | 1/4 | settled |
| `dampened` | 0.8, dampening 0.5 | 4 | 1/4 | settled |
| `nesterov` | 0.9, Nesterov | 4 | 1/4 | settled, at two successive steps |
| `batch_one` | 0 | 1 | 1/4 | settled |
| `large_batch` | 0.5 | 32 | 1/2 | settled, along stiff modes only |
| `small_lr` | 0.8 | 32 | 1/20 | settled, and 1, 4 and 16 steps later |
| `distant_start` | 0.5 | 32 | 1/500 | after 32 and 64 steps |
| `epochs` | 0.5 | a quarter of the rows | below 1/4 | after 16 reshuffled epochs |

All have the weight decay of `default_weight_decay`. The learning rate is a fraction of the
mean-square threshold of `linsgd.stability`, rounded to three digits, so that a case exists for any
data set. A settled ensemble starts at the regularised solution and runs until every exact position
variance is within 1e-4 of its stationary value (at most 1024 steps, fewer where the exact law of
many rows would take long); predictions are the exact law at that step all the same.
"""

import operator
from dataclasses import replace
from functools import lru_cache

import numpy as np

from linsgd.claims.case import Case, at_steps
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.recurrence.row_moments import row_moments
from linsgd.theory.settling import FIRST, later, settled_law
from linsgd.theory.stability.thresholds import stability

SETTLED = 1e-4  # relative distance from the stationary variance
LONGEST = 1024  # steps
VISITS = 32000  # of rows by a chain of reshuffled epochs
WALK = 1e10  # multiplications over the rows that the exact law may take to settle, some seconds
NO_EPOCH_THEORY = (
    "the theory of reshuffled epochs is of leading order in the learning rate, and predicts no "
    "loss at the end of an epoch to a stated error on these data"
)
LAGS = (1, 4, 16)  # steps after settling at which `small_lr` is seen again


def stable_sgd(problem: LinearRegression, fraction: float, **options: float) -> SGD:
    """Make an SGD whose lr is a fraction of its mean-square threshold, to three digits."""
    trial = SGD(lr=1.0, **options)  # type: ignore[arg-type]
    lr = float(f"{fraction * stability(problem, trial).lr_mean_square:.3g}")
    return SGD(lr=lr, **options)  # type: ignore[arg-type]


def default_weight_decay(problem: LinearRegression) -> float:
    """Return a tenth of the mean eigenvalue of H, to two digits; it bounds the relaxation time."""
    return float(f"{0.1 * problem.eigenvalues.mean():.2g}")


def capped_batch_size(named: NamedProblem, size: int = 4) -> int:
    """Return the batch size, but no more than half the rows of a data set."""
    return max(1, min(size, named.rows // 2)) if named.finite else size


def at_rest(problem: LinearRegression, weight_decay: float) -> tuple[FloatArray, FloatArray]:
    """Return the start (w, v) at the regularised solution with velocity 0."""
    return problem.solution(weight_decay), np.zeros(problem.dimension)


def settled(named: NamedProblem, sgd: SGD) -> Case:
    """Start at the regularised solution and run until every position variance has settled."""
    accept(named.problem, sgd)
    problem, start = named.problem, at_rest(named.problem, sgd.weight_decay)
    variance = operator.attrgetter("position_variance")
    law, _ = settled_law(
        problem, sgd, variance, start, tolerance=SETTLED, longest=longest_walk(problem)
    )
    return Case(named, sgd, start, law)


def longest_walk(problem: LinearRegression) -> int:
    """Return the most steps that a settled case may take: 1024, or fewer for many rows."""
    if problem.fit is None:
        return LONGEST
    affordable = WALK / row_moments(problem.fit).multiplications
    return min(LONGEST, max(FIRST, int(2.0 ** np.floor(np.log2(affordable)))))


def seen_again(case: Case, lags: tuple[int, ...]) -> Case:
    """Return a case of one step seen `lags` steps after it, the exact law continued from there."""
    return replace(case, law=later(case.problem, case.sgd, case.law, lags))


@lru_cache(maxsize=4)
def heavy_ball(named: NamedProblem) -> Case:
    """Momentum 0.9, batch 4, lr at a quarter of the mean-square threshold."""
    return settled(named, _regularised_sgd(named, 0.25, 4, momentum=0.9))


def heavy_ball_of(named: NamedProblem, size: int) -> Case:
    """Return the case of `heavy_ball` at another batch size, drawn with replacement."""
    options = {"momentum": 0.9, "weight_decay": default_weight_decay(named.problem)}
    return settled(named, stable_sgd(named.problem, 0.25, batch_size=size, **options))


@lru_cache(maxsize=4)
def dampened(named: NamedProblem) -> Case:
    """Momentum 0.8 with dampening 0.5, else as `heavy_ball`."""
    return settled(named, _regularised_sgd(named, 0.25, 4, momentum=0.8, dampening=0.5))


@lru_cache(maxsize=4)
def nesterov(named: NamedProblem) -> Case:
    """Nesterov's momentum 0.9, seen at two successive steps, else as `heavy_ball`."""
    case = settled(named, _regularised_sgd(named, 0.25, 4, momentum=0.9, nesterov=True))
    return seen_again(case, (0, 1))


@lru_cache(maxsize=4)
def batch_one(named: NamedProblem) -> Case:
    """Batch 1 without momentum, else as `heavy_ball`."""
    return settled(named, _regularised_sgd(named, 0.25, 1))


@lru_cache(maxsize=4)
def large_batch(named: NamedProblem) -> Case:
    """Momentum 0.5, batch 32, lr at half of the threshold; modes above a tenth of the stiffest.

    Position and velocity are correlated enough there to be measured.
    """
    case = settled(named, _regularised_sgd(named, 0.5, 32, momentum=0.5))
    return replace(case, softest=0.1)


@lru_cache(maxsize=4)
def small_lr(named: NamedProblem) -> Case:
    """Momentum 0.8, batch 32, lr at a twentieth of the threshold: where Langevin should hold.

    Seen when it has settled and again 1, 4 and 16 steps later.
    """
    sgd = _regularised_sgd(named, 0.05, 32, momentum=0.8)
    return seen_again(settled(named, sgd), (0, *LAGS))


@lru_cache(maxsize=4)
def distant_start(named: NamedProblem) -> Case:
    """Momentum 0.5, batch 32, lr at a 500th of the threshold, 3 away along every eigenvector."""
    problem, sgd = named.problem, _regularised_sgd(named, 0.002, 32, momentum=0.5)
    w, v = at_rest(problem, sgd.weight_decay)
    away = problem.from_eigenbasis(np.full(problem.dimension, 3.0))
    return at_steps(named, sgd, [32, 64], (w + away, v))


@lru_cache(maxsize=4)
def epochs(named: NamedProblem) -> Case:
    """Sixteen reshuffled epochs of four batches, seen at their end, the lr small.

    Fewer where the data have more than 2000 rows. An epoch moves the mean little. The case's `law`
    is that of the same optimizer with independent batches drawn without replacement.
    """
    problem, batches = named.problem, 4
    options = {
        "batch_size": max(1, named.rows // batches),
        "momentum": 0.5,
        "weight_decay": default_weight_decay(problem),
    }
    stiffest = problem.eigenvalues.max() + options["weight_decay"]
    lr = float(f"{0.25 / (batches * stiffest):.3g}")
    start = at_rest(problem, options["weight_decay"])
    independent = SGD(lr=lr, replacement=False, **options)  # type: ignore[arg-type]
    count = min(16, max(2, VISITS // max(named.rows, 1)))
    case = at_steps(named, independent, [count * batches], start)
    return replace(case, sgd=replace(case.sgd, sampling="epoch"))


def _regularised_sgd(named: NamedProblem, fraction: float, size: int, **options: float) -> SGD:
    """Make an SGD with the default weight decay and lr at a fraction of the threshold."""
    return stable_sgd(
        named.problem,
        fraction,
        batch_size=capped_batch_size(named, size),
        weight_decay=default_weight_decay(named.problem),
        **options,
    )
