r"""The curvature below which reshuffled epochs reduce the stationary variance.

One feature that is 1 in all rows makes the gradient w - y_n: noise that does not depend on w, with
curvature 1, so that the theory of epochs is exact. In units of the variance of independent batches
the variance averaged over an epoch falls from 1 to 0 around the curvature 3 (1 - momentum) b/(lr N)
(`linsgd.batch_dependence`). Labels are half 1, half -1: the fourth moment of a weighted sum of them
in random order is a polynomial in power sums of the weights.
"""

from dataclasses import dataclass, replace

import numpy as np
import sympy

from linsgd.claims.experiment import SGDChains, SideBySide
from linsgd.claims.problems import NamedProblem
from linsgd.claims.wu_2021.paper import wu
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import KnownVariance
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.symbols import b, beta, eta
from linsgd.theory.moments import moments, stationary_moments

ROWS = 32
MOMENTUM = 0.9
EPOCHS = 12  # until the variance has settled to a thousandth
STEPS = tuple(EPOCHS * ROWS + phase for phase in (4, 12, 20, 28))
RATIOS = (10.0, 1.0, 0.1)  # of the curvature to the crossover curvature
N = sympy.Symbol("N", positive=True)


@wu.claim(on="law")
def epochs_reduce_the_variance_below_a_crossover_curvature(named: NamedProblem) -> Draft:
    """Measure the variance at ten times, once and a tenth of the crossover curvature."""
    problem = _problem()
    exact = np.array([_reduction(problem, _sgd(ratio)) for ratio in RATIOS])
    forgotten = [_reduction(problem, _sgd(ratio * (1 - MOMENTUM))) for ratio in RATIOS]
    optimizers = [_sgd(ratio) for ratio in RATIOS]
    units = np.array([_independent(problem, sgd) for sgd in optimizers])
    variance = np.array([_variance(sgd) for sgd in optimizers]) / units**2
    return Draft(
        statement=(
            "Reshuffled epochs leave the stationary variance of independent batches in directions "
            "whose curvature lies well above 3 (1 - momentum) b/(lr N), take half of it or more "
            "away there, and nearly all of it well below."
        ),
        source=Source.FOLLOW_UP,
        citation=(
            "M. Kuehn, B. Rosenow: Correlated noise in epoch-based stochastic gradient descent. "
            "2023 (arXiv:2306.05300); by its abstract, the formula is derived here"
        ),
        formula=sympy.Eq(sympy.Symbol("kappa_x"), 3 * (1 - beta) * b / (eta * N)),
        regime=(
            f"one feature 1 in {ROWS} rows, batch 1, momentum {MOMENTUM:g}, after {EPOCHS} "
            "reshuffled epochs, averaged over four phases; fourth moments are known exactly"
        ),
        components=tuple(f"variance at {ratio:g} times the crossover" for ratio in RATIOS),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.05, "0.05 of the variance of independent batches"),
        mutants={"independent batches": np.ones(3), "momentum forgotten": np.array(forgotten)},
        evidence=Simulation(
            experiment=SideBySide(
                ensembles=tuple(
                    SGDChains(problem=problem, sgd=sgd, steps=STEPS) for sgd in optimizers
                )
            ),
            observable=_MeanSquares(units),
            premise=KnownVariance(variance),
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _MeanSquares:
    """Mean over the snapshots of w^2 over a unit (n, m), w of each of m problems of one feature."""

    units: FloatArray

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        squares: FloatArray = np.mean(states[:, :, ::2] ** 2, axis=0) / self.units
        return squares


def _problem() -> LinearRegression:
    """Return one feature that is 1, and labels 1 and -1 in equal number."""
    labels = np.where(np.arange(ROWS) % 2 == 0, 1.0, -1.0)
    return LinearRegression.from_data(np.ones((ROWS, 1)), labels)


def _sgd(ratio: float) -> SGD:
    """Return the optimizer for which curvature 1 is `ratio` times that of the crossover."""
    lr = ratio * 3 * (1 - MOMENTUM) / ROWS
    return SGD(lr=lr, momentum=MOMENTUM, sampling="epoch")


def _reduction(problem: LinearRegression, sgd: SGD) -> float:
    """Return the variance over the steps in units of that of independent batches."""
    law = moments(problem, sgd, list(STEPS))
    return float(law.position_variance.mean()) / _independent(problem, sgd)


def _independent(problem: LinearRegression, sgd: SGD) -> float:
    """Return the stationary variance of independent rows."""
    independent = replace(sgd, sampling="independent", replacement=True)
    return float(stationary_moments(problem, independent).position_variance[0])


def _variance(sgd: SGD) -> float:
    """Bound the variance of the mean of w^2 over the steps by the mean of its deviations."""
    deviations = []
    for step in STEPS:
        weights = _weights(sgd, step)
        second, fourth = 0.0, 0.0
        for start in range(0, step, ROWS):
            of_epoch = _moments_of_order(weights[start : start + ROWS])
            second += of_epoch[0]
            fourth += of_epoch[1] - 3 * of_epoch[0] ** 2
        deviations.append(np.sqrt(max(fourth + 2 * second**2, 0.0)))
    return float(np.mean(deviations) ** 2)


def _weights(sgd: SGD, step: int) -> FloatArray:
    """Return how much of the label drawn at each earlier step is in w (step,)."""
    w, v, found = 0.0, 0.0, []
    for age in range(step):
        v = sgd.momentum * v - w + (1.0 if age == 0 else 0.0)
        w += sgd.lr * v
        found.append(w)
    return np.array(found[::-1])


def _moments_of_order(a: FloatArray) -> tuple[float, float]:
    """Return E S^2 and E S^4 of S = sum_j a_j y_j, the y in random order without replacement.

    y^2 = 1, E y_i y_j = -1/(N - 1) and E y_i y_j y_k y_l = 3/((N - 1)(N - 3)) for distinct places.
    """
    p1, p2, p3, p4 = (float(np.sum(a**n)) for n in (1, 2, 3, 4))
    pair, four = -1 / (ROWS - 1), 3 / ((ROWS - 1) * (ROWS - 3))
    second = p2 + pair * (p1**2 - p2)
    # sums over distinct places: a_i^3 a_j, a_i^2 a_j^2, a_i^2 a_j a_k and a_i a_j a_k a_l
    three_one = p3 * p1 - p4
    two_two = p2**2 - p4
    two_one_one = p2 * p1**2 - p2**2 - 2 * p3 * p1 + 2 * p4
    ones = p1**4 - 6 * p2 * p1**2 + 8 * p3 * p1 + 3 * p2**2 - 6 * p4
    squares = p4 + 3 * two_two
    fourth = squares + pair * (4 * three_one + 6 * two_one_one) + four * ones
    return second, fourth
