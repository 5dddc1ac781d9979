r"""Batches of one reshuffled epoch are not independent, also at fixed weights.

The M = N/b batches of an epoch are drawn without replacement from the same rows: two of them have
the correlation -b/(N - b), and their sum over the epoch is the full gradient, up to rows left over.
A learning rate of 1e-12/h, h the largest eigenvalue of H, holds the weights: over the epoch the
gradient changes by at most 1e-11 of itself.
"""

import math

import numpy as np
import sympy

from linsgd.claims.experiment import SGDChains
from linsgd.claims.gradient_draws import SquaredSum
from linsgd.claims.problems import NamedProblem
from linsgd.claims.wu_2021.paper import wu
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import KnownVariance
from linsgd.judge.observables import LaggedProduct
from linsgd.optimizers.sgd import SGD
from linsgd.theory.gradient_noise.law import GradientNoise, gradient_noise

BATCHES = 4  # an epoch
STILL = 1e-12  # lr times the largest eigenvalue, which holds the weights
LEAST_NOISE = 1e-8  # of the gradient: its change over an epoch is a thousandth of that at most
N, b, M = sympy.symbols("N b M", positive=True)
REGIME = "w = 0 held fixed, reshuffled epochs of four batches; the fourth moment is known exactly"


@wu.claim(on="data")
def batches_of_an_epoch_are_anticorrelated(named: NamedProblem) -> Draft:
    """Measure the correlation of the first two batches of an epoch along the gradient."""
    size, noise, direction = _noise(named)
    variance = float(direction @ noise.covariance @ direction)
    exact = np.array([-size / (named.rows - size)])
    centre, along = _state(noise, direction)
    weight = np.array([[1 / variance]])
    return Draft(
        statement=(
            "Successive batches of one reshuffled epoch have the correlation -b/(N - b) at fixed "
            "weights."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(sympy.Function("rho")(1), -b / (N - b)),
        regime=REGIME,
        components=("correlation of successive batches",),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.05, "0.05; four batches have -1/3"),
        mutants={"independent batches": np.zeros(1), "the sign lost": -exact},
        evidence=Simulation(
            experiment=_epoch(named, size),
            observable=LaggedProduct(centre, along, along, weight, 0, 1),
            premise=KnownVariance(np.array([noise.excess_kurtosis(direction) + 3])),
        ),
    )


@wu.claim(on="data")
def noise_of_an_epoch_sums_to_zero(named: NamedProblem) -> Draft:
    """Measure the squared sum over an epoch against that of independent batches."""
    size, noise, direction = _noise(named)
    rows, drawn = named.rows, BATCHES * size
    variance = float(direction @ noise.covariance @ direction)
    exact = np.array([drawn * (rows - drawn) / (BATCHES * size * (rows - size))])
    centre, along = _state(noise, direction)
    left = gradient_noise(named.problem, np.zeros(named.problem.dimension), drawn, False)
    kurtosis = left.excess_kurtosis(direction) + 3 if drawn < rows else 0.0
    return Draft(
        statement=(
            "Over one reshuffled epoch the noise of the batches sums to zero at fixed weights, up "
            "to the rows that are left over: the displacement of an epoch has hardly any noise."
        ),
        source=Source.FOLLOW_UP,
        formula=sympy.Eq(
            sympy.Symbol("R"), sympy.Symbol("n") * (N - sympy.Symbol("n")) / (M * b * (N - b))
        ),
        regime=REGIME,
        components=("squared sum over that of independent batches",),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.1, "a tenth of that of independent batches"),
        mutants={"independent batches": np.ones(1), "half of the noise": np.full(1, 0.5)},
        evidence=Simulation(
            experiment=_epoch(named, size),
            observable=SquaredSum(centre, along[:, 0], BATCHES * variance),
            premise=KnownVariance(kurtosis * exact**2),
        ),
    )


def _noise(named: NamedProblem) -> tuple[int, GradientNoise, FloatArray]:
    """Return the batch size, the noise at w = 0 and the direction of the full gradient."""
    problem, size = named.problem, named.rows // BATCHES
    if size < 1 or named.rows < 2 * BATCHES:
        raise Inapplicable(f"fewer than {2 * BATCHES} rows")
    noise = gradient_noise(problem, np.zeros(problem.dimension), size, replacement=False)
    length = float(np.linalg.norm(noise.mean))
    variance = float(noise.mean @ noise.covariance @ noise.mean)
    if variance <= 0 or math.sqrt(variance) <= LEAST_NOISE * length**2:
        raise Inapplicable("the gradient at w = 0 does not vary along itself, up to rounding")
    return size, noise, noise.mean / length


def _epoch(named: NamedProblem, size: int) -> SGDChains:
    """Return the chains of one epoch at fixed weights."""
    lr = STILL / float(named.problem.eigenvalues.max())
    sgd = SGD(lr=lr, batch_size=size, sampling="epoch")
    return SGDChains(problem=named.problem, sgd=sgd, steps=tuple(range(1, BATCHES + 1)))


def _state(noise: GradientNoise, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean state (2 d,) and the direction of the velocity (2 d, 1)."""
    rest = np.zeros_like(direction)
    return np.concatenate([rest, -noise.mean]), np.concatenate([rest, direction])[:, None]
