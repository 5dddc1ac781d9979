"""Fluctuations of networks along curved directions, and what the sampling scheme does to them."""

import sympy

from linsgd.claims.networks.displacement import RESIDUAL, STATIONARY
from linsgd.claims.networks.draft import on_runs
from linsgd.claims.networks.measured import Difference, OverPredicted, Ratio
from linsgd.claims.networks.paper import networks
from linsgd.claims.networks.runs import Arrays, Perceptrons, ResidualNets
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Source
from linsgd.symbolic.symbols import Var, beta, eta

v, w, D = sympy.symbols("v", real=True), sympy.Function("w"), sympy.Function("Delta2")
h, C, M, t = sympy.symbols("h C M t", positive=True)
VELOCITY = sympy.Eq(Var(v), 2 * C / ((1 - beta) * (2 * (1 + beta) - eta * h)))
FLATTEST = 4  # directions


@networks.claim(on="networks")
def velocity_variance_from_measured_noise(named: NamedProblem) -> Draft:
    """Compare the velocity variance along eigenvectors with the prediction."""
    return on_runs(
        Perceptrons(),
        "Along the leading Hessian eigenvectors the velocity variance is what curvature and "
        "gradient noise, both measured at the end of training, predict, at the median direction.",
        source=Source.RECONSTRUCTED,
        formula=VELOCITY,
        regime=STATIONARY,
        component="median measured / predicted",
        prediction=1.0,
        acceptance=Acceptance.interval(1.0, 0.24, "a quarter, as noise varies with the weights"),
        mutants={"a factor 2 lost": 2.0, "noise of a row, not of a batch": 1 / 32},
        observable=OverPredicted("velocity independent"),
    )


@networks.claim(on="networks")
def velocity_variance_of_a_residual_net(named: NamedProblem) -> Draft:
    """Compare the velocity variance of the residual network with the prediction."""
    return on_runs(
        ResidualNets(False),
        "Along the five leading Hessian eigenvectors of a residual network the velocity variance "
        "is what curvature and noise predict.",
        source=Source.RECONSTRUCTED,
        formula=VELOCITY,
        regime=RESIDUAL,
        component="median measured / predicted",
        prediction=1.0,
        acceptance=Acceptance.interval(1.0, 0.24, "a quarter, as noise varies with the weights"),
        mutants={"a factor 2 lost": 2.0, "noise of a row, not of a batch": 1 / 32},
        observable=OverPredicted("velocity"),
    )


@networks.claim(on="networks")
def velocity_variance_with_batch_norm(named: NamedProblem) -> Draft:
    """Compare the velocity variance with batch norm with the prediction."""
    return on_runs(
        ResidualNets(True),
        "With batch norm too, the velocity variance along the five leading Hessian eigenvectors is "
        "what curvature and noise in train mode predict.",
        source=Source.RECONSTRUCTED,
        formula=VELOCITY,
        regime=f"{RESIDUAL}, with batch norm; noise from 400 batches evaluated as a whole",
        component="median measured / predicted",
        prediction=1.0,
        acceptance=Acceptance.interval(1.0, 0.24, "a quarter, as noise varies with the weights"),
        mutants={"a factor 2 lost": 2.0, "noise of a row, not of a batch": 1 / 32},
        observable=OverPredicted("velocity"),
    )


@networks.claim(on="networks")
def fluctuation_dissipation(named: NamedProblem) -> Draft:
    """Measure the ratio of the two sides of the fluctuation-dissipation relation."""
    return on_runs(
        Perceptrons(),
        "Along the leading eigenvectors the excess loss and the squared step obey the "
        "fluctuation-dissipation relation of a quadratic loss.",
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(h * Var(w(t)) / 2, eta * (1 + beta) * Var(v) / 4),
        regime=STATIONARY,
        component="excess loss / dissipation",
        prediction=1.0,
        acceptance=Acceptance.interval(1.0, 0.1, "a tenth: a loss that is not quadratic"),
        mutants={"the factor 1 + momentum lost": 1.9, "a factor 2 lost": 0.5},
        observable=Difference("dissipation", 0),
    )


@networks.claim(on="networks")
def independent_batches_do_not_dip(named: NamedProblem) -> Draft:
    """Measure the displacement over an epoch against half an epoch, independent batches."""
    return on_runs(
        Perceptrons(),
        "With independent batches the global displacement over an epoch is larger than over half "
        "of one.",
        source=Source.FOLLOW_UP,
        formula=sympy.Gt(D(M), D(M / 2)),
        regime=STATIONARY,
        component="MSD(M) / MSD(M/2)",
        prediction=1.66,
        acceptance=Acceptance.above(1.3, 0.2, "half way to epochs of distinct rows"),
        mutants={"no growth": 1.0, "a reshuffled epoch of the theory": 0.43},
        observable=Ratio("global independent", 1, 0),
    )


@networks.claim(on="networks")
def reshuffled_epochs_dip(named: NamedProblem) -> Draft:
    """Measure the displacement over a reshuffled epoch against half an epoch."""
    return on_runs(
        Perceptrons(),
        "With reshuffled epochs the noise cancels over an epoch: the displacement is smaller than "
        "over half of one.",
        source=Source.FOLLOW_UP,
        formula=sympy.Lt(D(M), D(M / 2)),
        regime=STATIONARY,
        component="MSD(M) / MSD(M/2)",
        prediction=0.8,
        acceptance=Acceptance.below(1.1, 0.2, "half way to independent batches"),
        mutants={"independent batches": 1.66, "half an epoch is half the way": 2.0},
        observable=Ratio("global epoch", 1, 0),
    )


@networks.claim(on="networks")
def a_fixed_order_returns(named: NamedProblem) -> Draft:
    """Measure the displacement over an epoch in a fixed order against half an epoch."""
    return on_runs(
        Perceptrons(),
        "In a fixed order the weights return after each epoch: the run is a cycle, as where a "
        "distributed sampler's set_epoch is not called.",
        source=Source.FOLLOW_UP,
        formula=sympy.Eq(D(M), 0),
        regime=STATIONARY,
        component="MSD(M) / MSD(M/2)",
        prediction=0.0,
        acceptance=Acceptance.below(0.2, 0.15, "half of a reshuffled epoch's ratio in the theory"),
        mutants={"a reshuffled epoch of the theory": 0.43, "independent batches": 1.66},
        observable=Ratio("global fixed", 1, 0),
    )


@networks.claim(on="networks")
def reshuffling_confines_flat_directions(named: NamedProblem) -> Draft:
    """Compare the position variance of the flattest directions under reshuffling with theory."""
    return on_runs(
        Perceptrons(),
        "Reshuffling reduces the position variance of directions near the crossover curvature "
        "3 (1 - momentum) S/(lr N) by the factor that the spectrum of epoch noise predicts.",
        source=Source.FOLLOW_UP,
        formula=sympy.Eq(Var(w(t)), sympy.Function("epoch")(h)),
        regime=f"{STATIONARY}; the {FLATTEST} flattest of 20 directions",
        component="reduction / predicted reduction",
        prediction=1.0,
        acceptance=Acceptance.interval(1.0, 0.2, "a fifth; without confinement it would be 2"),
        mutants={"reshuffling has no effect": 2.0, "no fluctuation is left": 0.0},
        observable=_confinement,
    )


@networks.claim(on="networks")
def positions_are_isotropic_above_the_crossover(named: NamedProblem) -> Draft:
    """Compare the position variance with noise over curvature, above the crossover."""
    return on_runs(
        Perceptrons(),
        "Under reshuffling the position variance of curved directions is the independent-batch "
        "law, lr C/(2 h) to first order: isotropic where the noise is in proportion to h.",
        source=Source.FOLLOW_UP,
        formula=sympy.Eq(Var(w(t)), eta * C / (2 * h * (1 - beta))),
        regime=f"{STATIONARY}; median of 20 directions",
        component="median measured / predicted",
        prediction=1.0,
        acceptance=Acceptance.interval(1.0, 0.24, "a quarter, as noise varies with the weights"),
        mutants={"a factor 2 lost": 2.0, "no fluctuation is left": 0.0},
        observable=OverPredicted("position epoch"),
    )


def _confinement(run: Arrays) -> FloatArray:
    measured, predicted = (
        OverPredicted(f"position {name}", FLATTEST)(run) for name in ("epoch", "independent")
    )
    return measured / predicted
