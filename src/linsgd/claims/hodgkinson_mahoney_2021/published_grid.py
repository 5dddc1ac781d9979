r"""The grid of a published synthetic experiment with 100 features: where E|w|^2 is finite.

A point of the grid has 0 < alpha < 2 if there is a stationary law, E log R < 0, and h(2) = E R^2 >
1, with

    R^2 = (1 - c X)^2 + c^2 X Y,      c = lr / b,      X ~ chi2_b,  Y ~ chi2_{d-1} independent.

The prediction counts the points by `linsgd.tail_exponent`. The measurement takes h(2) = 1 - 2 lr +
lr^2 (b + d + 1) / b, and E log R by Gauss-Laguerre rules, which converge quickly because Y is
rarely near 0 with many features.
"""

import numpy as np
import sympy
from scipy.special import roots_genlaguerre

from linsgd.claims.hodgkinson_mahoney_2021.one_feature import Bounds
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.tails.exponents import tail_exponent
from linsgd.theory.tails.result import TailStatus

FEATURES, BATCHES, LRS = 100, (1, 2, 3, 4, 5, 10, 20), np.linspace(0.02, 0.2, 10)

moderate = sympy.Symbol("n_moderate", integer=True)


@hodgkinson_mahoney.claim(core=False, on="law")
def published_grid_has_no_infinite_variance(named: NamedProblem) -> Draft:
    """Count the points of a published synthetic experiment with 0 < alpha < 2."""
    found = [_predicted(size, float(lr)) for size in BATCHES for lr in LRS]
    divergent = sum(status is TailStatus.NO_STATIONARY_LAW for status, _ in found)
    heavy = sum(status is TailStatus.POWER_LAW and alpha < 2 for status, alpha in found)
    counts = np.array([heavy, divergent], dtype=np.float64)
    return Draft(
        statement=(
            "At none of the 70 pairs of lr and batch size of a published synthetic experiment with "
            "100 features is the exponent between 0 and 2: 41 pairs have no stationary law, and "
            "the others have a finite variance."
        ),
        source=Source.NEW,
        formula=sympy.Eq(moderate, 0),
        regime=(
            "population Gaussian features of variance 1 in place of the experiment's own sample; "
            "lr from 0.02 to 0.2, batches from 1 to 20; no simulation"
        ),
        components=("points with 0 < alpha < 2", "points without a stationary law"),
        prediction=counts,
        acceptance=Acceptance.interval(counts, 0.5, "counts are integers"),
        mutants={
            "every pair at which the mean converges has a stationary law": np.array(
                [divergent, 0.0]
            ),
            "every pair has a finite variance": np.zeros(2),
        },
        evidence=Enclosure(enclose=_counts),
    )


def _predicted(size: int, lr: float) -> tuple[TailStatus, float]:
    """Return the status and the exponent that theory gives one point of the grid."""
    found = tail_exponent(LinearRegression.gaussian(np.ones(FEATURES)), SGD(lr=lr, batch_size=size))
    return found.status, found.value


def log_growth(size: int, lrs: FloatArray, nodes: int) -> FloatArray:
    """Return E log R at each lr (n,), by Gauss-Laguerre rules of that many nodes."""
    # X / 2 and Y / 2 have gamma laws of shapes b / 2 and (d - 1) / 2
    x, x_weight = roots_genlaguerre(nodes, size / 2 - 1)
    y, y_weight = roots_genlaguerre(nodes, (FEATURES - 1) / 2 - 1)
    weight = np.outer(x_weight / x_weight.sum(), y_weight / y_weight.sum())
    # R^2 = (1 - c X)^2 + c^2 X Y, of shape (n, nodes, nodes)
    X, Y = 2 * x[:, None], 2 * y
    c = lrs[:, None, None] / size
    squared = (1 - c * X) ** 2 + c**2 * X * Y
    growth: FloatArray = (0.5 * np.log(squared) * weight).sum(axis=(1, 2))
    return growth


def _counts() -> Bounds:
    """Enclose the numbers of points with 0 < alpha < 2, and without a stationary law."""
    heavy, divergent = np.zeros(2), np.zeros(2)  # the fewest and the most
    for size in BATCHES:
        coarse, fine = (log_growth(size, LRS, nodes) for nodes in (40, 80))
        error = 2 * np.abs(fine - coarse)
        low, high = fine - error, fine + error
        infinite = 1 - 2 * LRS + LRS**2 * (size + FEATURES + 1) / size > 1  # h(2) > 1
        divergent += (low > 0).sum(), (high > 0).sum()
        heavy += (infinite & (high < 0)).sum(), (infinite & (low < 0)).sum()
    return np.array([heavy[0], divergent[0]]), np.array([heavy[1], divergent[1]])
