r"""The published recipe on two networks: what it returns is the covariance of the noise.

On normal noise of covariance C a block B of m coordinates gives the recipe, on average,

    1/alpha = [mean_B log(1'C_B 1) - mean_j log C_jj]/(2 log m),

the logarithms cut at a thousandth of a typical entry here, by an exact integral. Inputs that are
not negative correlate the gradients of one unit: the recipe reads an index near 1. Along single
coordinates, over batches, the same noise is near to normal.
"""

import math
from collections.abc import Callable

import numpy as np
import sympy

from linsgd.claims.gradient_draws import OverBatches, OverCoordinates
from linsgd.claims.problems import NamedProblem
from linsgd.claims.simsekli_2019.digits_networks import (
    RowBatches,
    network_gradients,
    softmax_gradients,
)
from linsgd.claims.simsekli_2019.paper import simsekli
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import Bounded

BATCH = 100  # as published
SHORT = 7  # batches of a block along one coordinate
COLUMNS = 48  # coordinates of which the index over batches is measured
CUT = 1e-3  # of a typical entry, added inside logarithms
m = sympy.Symbol("m", positive=True)
C_jj, sums = sympy.symbols("C_jj C_B", positive=True)
mean = sympy.Function("mean")
recipe, single = sympy.symbols("alpha_recipe alpha_coordinate", positive=True)


@simsekli.claim(on="networks")
def recipe_on_a_softmax_regression(named: NamedProblem) -> Draft:
    """Compare the recipe's 1/alpha with that of normal noise of equal covariance."""
    return _recipe(softmax_gradients, "a softmax regression on the digits")


@simsekli.claim(on="networks")
def recipe_on_a_relu_network(named: NamedProblem) -> Draft:
    """Compare the recipe's 1/alpha with that of normal noise of equal covariance."""
    return _recipe(network_gradients, "a ReLU network on the digits")


@simsekli.claim(on="networks")
def single_weights_of_a_softmax_regression(named: NamedProblem) -> Draft:
    """Measure the index along single coordinates, over batches."""
    return _single(softmax_gradients, "a softmax regression on the digits")


@simsekli.claim(on="networks")
def single_weights_of_a_relu_network(named: NamedProblem) -> Draft:
    """Measure the index along single coordinates, over batches."""
    return _single(network_gradients, "a ReLU network on the digits")


def _recipe(gradients: Callable[[], FloatArray], where: str) -> Draft:
    """Make the claim that the recipe returns what the covariance gives."""
    live, width, added = _live(gradients())
    exact = np.array([_normal_index(live, width, added)])
    alone = np.array([0.5 + _scatter_of_scales(live) / math.log(width)])
    return Draft(
        statement=(
            f"On the noise of {where}, at the published batch of {BATCH}, the published recipe "
            "without exact zeros returns an index near 1, as it does on normal noise of equal "
            "covariance: the number says nothing of tails."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(
            1 / recipe, (mean(sympy.log(sums)) - mean(sympy.log(C_jj))) / (2 * sympy.log(m))
        ),
        regime=(
            f"{live.shape[1]} live weights after 100 steps of gradient descent, batches of {BATCH} "
            f"rows with replacement, blocks of {width}; logarithms are bounded"
        ),
        components=("recipe's 1/alpha",),
        prediction=exact,
        acceptance=Acceptance.interval(
            exact, 0.055, "0.055 in 1/alpha: a tenth of the distance from 1/2"
        ),
        mutants={
            "independent normal coordinates": np.array([0.5]),
            "unequal variances without correlation": alone,
        },
        evidence=Simulation(
            experiment=RowBatches(gradients=live, batch_sizes=(BATCH,)),
            observable=OverCoordinates(width, (0,), added),
            premise=_bounded(live, width, added),
        ),
    )


def _single(gradients: Callable[[], FloatArray], where: str) -> Draft:
    """Make the claim that single coordinates are nearer to normal than the recipe says."""
    live, width, added = _live(gradients())
    pooled = _normal_index(live, width, added)
    chosen = np.random.default_rng(0).choice(live.shape[1], COLUMNS, replace=False)
    columns = live[:, chosen] / live[:, chosen].std(axis=0)
    edge = (0.5 + pooled) / 2
    gap = (pooled - 0.5) / 4
    return Draft(
        statement=(
            f"Along single weights, over batches of {BATCH}, the noise of {where} has a block "
            "estimate nearer to that of normal noise than to what the recipe returns of it."
        ),
        source=Source.FOLLOW_UP,
        formula=sympy.Lt(1 / single, (sympy.Rational(1, 2) + 1 / recipe) / 2),
        regime=f"{COLUMNS} live weights, blocks of {SHORT} batches; logarithms are bounded",
        components=("1/alpha along single weights",),
        prediction=np.array([0.5]),
        acceptance=Acceptance.below(edge, gap, "half way from 1/2 to the recipe's 1/alpha"),
        mutants={"the recipe's index": np.array([pooled]), "an index of 1": np.ones(1)},
        evidence=Simulation(
            experiment=RowBatches(gradients=columns, batch_sizes=(BATCH,) * SHORT),
            observable=OverBatches(CUT),
            premise=_bounded(columns, SHORT, CUT, SHORT),
        ),
    )


def _live(gradients: FloatArray) -> tuple[FloatArray, int, float]:
    """Return the gradients that vary (N, M), the recipe's block and the cut of its logarithms."""
    live = gradients[:, np.ptp(gradients, axis=0) > 0]
    rows, coordinates = live.shape
    width = math.isqrt(rows // BATCH * coordinates)
    typical = math.exp(float(np.log(live.std(axis=0)).mean())) / math.sqrt(BATCH)
    return live, width, CUT * typical


def _normal_index(live: FloatArray, width: int, added: float) -> float:
    """Return the recipe's mean 1/alpha on normal noise of the covariance of batches."""
    used = live[:, : live.shape[1] // width * width]
    blocks = used.reshape(len(used), -1, width).sum(axis=2)
    deviations = [x.std(axis=0) / math.sqrt(BATCH) for x in (blocks, used)]
    sums_, singles = (_mean_log(s, added).mean() for s in deviations)
    return float(sums_ - singles) / math.log(width)


def _mean_log(deviations: FloatArray, added: float) -> FloatArray:
    """Return E log(s |N| + added) for deviations s (k,), by the midpoint rule in log|N|."""
    step = 0.01
    log_z = np.arange(-30.0, 3.0, step) + step / 2
    z = np.exp(log_z)
    weight = math.sqrt(2 / math.pi) * np.exp(-(z**2) / 2) * z * step
    found: FloatArray = np.log(deviations[:, None] * z + added) @ weight
    return found


def _scatter_of_scales(live: FloatArray) -> float:
    """Return (log mean s^2 - mean log s^2)/2 of the coordinates' variances."""
    variances = live.var(axis=0)
    return float(np.log(variances.mean()) - np.log(variances).mean()) / 2


def _bounded(live: FloatArray, width: int, added: float, draws: int = 0) -> Bounded:
    """Return the bounds of the estimate; `draws` values are summed, or a block of coordinates."""
    largest = float(np.abs(live).max())
    used = live[:, : live.shape[1] // width * width]
    blocks = np.abs(used.reshape(len(used), -1, width).sum(axis=2)).max() if not draws else 0.0
    top = draws * largest if draws else float(blocks)
    least, most = math.log(added), math.log(largest + added)
    return Bounded(
        (least - most) / math.log(width), (math.log(top + added) - least) / math.log(width)
    )
