r"""Effects of momentum on the threshold and on the tail exponent of one feature; computed.

Predictions come from `linsgd.stability` and `linsgd.tail_exponent`, which solves for the
eigenfunction of a transfer operator; the measurement is the exact algebra of even moments
(`binary_forms`), and adaptive quadrature without momentum (`chi_moments`).
"""

from functools import partial

import numpy as np
import sympy

from linsgd.claims.hodgkinson_mahoney_2021.binary_forms import PhaseForms, mean_square_threshold
from linsgd.claims.hodgkinson_mahoney_2021.chi_moments import Step
from linsgd.claims.hodgkinson_mahoney_2021.one_feature import (
    ONE_FEATURE,
    Bounds,
    alpha_of,
    difference,
)
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.optimizers.sgd import SGD
from linsgd.symbolic.symbols import b, beta, eta
from linsgd.theory.stability.thresholds import stability

MOMENTUM = 0.9
BATCHES = (1, 4)

alpha = sympy.Function("alpha")
threshold = sympy.Symbol("eta_ms", positive=True)


@hodgkinson_mahoney.claim(on="law")
def heavy_ball_threshold(named: NamedProblem) -> Draft:
    """Find the lr at which alpha = 2 with momentum 0.9."""
    return _threshold_draft(
        (
            "With heavy ball the second moment diverges, and alpha = 2, at a learning rate of "
            "closed form, which is smaller than the threshold without momentum and that of the "
            "mean."
        ),
        sympy.Eq(threshold, 2 * (1 - beta) / (1 + 2 / b - 2 * beta / (1 + beta))),
        nesterov=False,
    )


@hodgkinson_mahoney.claim(on="law")
def nesterov_threshold(named: NamedProblem) -> Draft:
    """Find the lr at which alpha = 2 with Nesterov's momentum 0.9."""
    first, second = 1 - threshold, 1 - 2 * threshold + threshold**2 * (1 + 2 / b)
    rest = (1 + beta) ** 2 + beta**2 - 2 * beta * (1 + beta) ** 2 * first / (1 + beta * first)
    return _threshold_draft(
        (
            "With Nesterov's momentum the second moment diverges, and alpha = 2, at a learning "
            "rate that is the root of a closed equation, larger than with heavy ball and smaller "
            "than without momentum."
        ),
        sympy.Eq(second * rest, 1),
        nesterov=True,
    )


@hodgkinson_mahoney.claim(on="law")
def momentum_lightens_at_equal_effective_step(named: NamedProblem) -> Draft:
    """At fixed lr / (1 - momentum) heavy ball has lighter tails than none."""
    plain, heavy = alpha_of(lr=0.3), alpha_of(lr=0.03, momentum=MOMENTUM)
    mistaken = alpha_of(lr=0.03 / (1 - MOMENTUM**2))
    return Draft(
        statement=(
            "At equal lr / (1 - momentum) the tail with momentum 0.9 is lighter than without "
            "momentum."
        ),
        source=Source.NEW,
        formula=sympy.Gt(alpha(eta * (1 - beta), 1, beta), alpha(eta, 1, 0)),
        regime=(
            "one Gaussian feature of variance 1, lr / (1 - momentum) = 0.3, batch 1; no simulation"
        ),
        components=("alpha at momentum 0.9 less alpha without",),
        prediction=np.array([heavy - plain]),
        acceptance=Acceptance.interval([heavy - plain], 0.5, "a half: a tenth of the exponent"),
        mutants={
            "a diffusion: only lr / (1 - momentum) matters": np.zeros(1),
            "the step is lr / (1 - momentum^2)": np.array([mistaken - plain]),
            "momentum does not matter": np.array([alpha_of(lr=0.03) - plain]),
        },
        evidence=Enclosure(enclose=partial(_gain, PhaseForms(0.03, 1, MOMENTUM), Step(0.3))),
    )


@hodgkinson_mahoney.claim(on="law")
def momentum_makes_tails_heavier_at_equal_lr(named: NamedProblem) -> Draft:
    """At fixed lr and batch 1 heavy ball has heavier tails than none."""
    plain, heavy = alpha_of(lr=0.3), alpha_of(lr=0.3, momentum=0.5)
    rescaled = alpha_of(lr=0.3 * (1 - 0.5))
    return Draft(
        statement=(
            "At equal lr and batch 1 the tail with momentum 0.5 is heavier than without momentum."
        ),
        source=Source.NEW,
        formula=sympy.Lt(alpha(eta, 1, beta), alpha(eta, 1, 0)),
        regime="one Gaussian feature of variance 1, lr 0.3, batch 1; no simulation",
        components=("alpha at momentum 0.5 less alpha without",),
        prediction=np.array([heavy - plain]),
        acceptance=Acceptance.below(-1.0, 1.0, "one: a fifth of the exponent"),
        mutants={
            "the exponent of half the learning rate": np.array([rescaled - plain]),
            "momentum does not matter": np.zeros(1),
        },
        evidence=Enclosure(enclose=partial(_gain, PhaseForms(0.3, 1, 0.5), Step(0.3))),
    )


@hodgkinson_mahoney.claim(on="law")
def momentum_can_lighten_large_batches(named: NamedProblem) -> Draft:
    """At fixed lr near the edge and batch 10 a little momentum lightens."""
    plain, heavy = alpha_of(lr=1.2, batch_size=10), alpha_of(lr=1.2, batch_size=10, momentum=0.3)
    rescaled = alpha_of(lr=1.2 / (1 - 0.3), batch_size=10)
    return Draft(
        statement=(
            "At equal lr momentum can make the tail lighter: at lr 1.2 and batch 10 the tail with "
            "momentum 0.3 is lighter than without momentum."
        ),
        source=Source.NEW,
        formula=sympy.Gt(alpha(1.2, 10, 0.3), alpha(1.2, 10, 0)),
        regime="one Gaussian feature of variance 1, lr 1.2, batch 10; no simulation",
        components=("alpha at momentum 0.3 less alpha without",),
        prediction=np.array([heavy - plain]),
        acceptance=Acceptance.above(0.5, 0.5, "a half: a tenth of the exponent"),
        mutants={
            "only lr / (1 - momentum) matters": np.array([rescaled - plain]),
            "momentum does not matter": np.zeros(1),
        },
        evidence=Enclosure(enclose=partial(_gain, PhaseForms(1.2, 10, 0.3), Step(1.2, 10))),
    )


def _threshold_draft(statement: str, formula: sympy.Basic, *, nesterov: bool) -> Draft:
    """Claim the mean-square thresholds at momentum 0.9, batches 1 and 4."""
    predicted, other = (
        np.array([_critical(size, MOMENTUM, nesterov=kind) for size in BATCHES])
        for kind in (nesterov, not nesterov)
    )
    plain = np.array([_critical(size, 0.0, nesterov=False) for size in BATCHES])
    return Draft(
        statement=statement,
        source=Source.NEW,
        formula=formula,
        regime=(
            f"one Gaussian feature of variance 1, momentum {MOMENTUM:g}, batches 1 and 4; d equal "
            "features have 1 + (d + 1)/b in place of 1 + 2/b; no simulation"
        ),
        components=tuple(f"lr at which h(2) = 1, batch {size}" for size in BATCHES),
        prediction=predicted,
        acceptance=Acceptance.interval(
            predicted, 1e-6, "far above rounding, far below the distance to any other threshold"
        ),
        mutants={
            "the threshold without momentum": plain,
            "1 - momentum times the threshold without momentum": (1 - MOMENTUM) * plain,
            "the threshold of the other kind of momentum": other,
        },
        evidence=Enclosure(enclose=partial(_thresholds, nesterov)),
    )


def _critical(size: int, momentum: float, *, nesterov: bool) -> float:
    sgd = SGD(lr=1.0, batch_size=size, momentum=momentum, nesterov=nesterov)
    return stability(ONE_FEATURE, sgd).lr_mean_square


def _thresholds(nesterov: bool) -> Bounds:
    bounds: FloatArray = np.array(
        [mean_square_threshold(size, MOMENTUM, nesterov=nesterov) for size in BATCHES]
    )
    return bounds[:, 0], bounds[:, 1]


def _gain(heavy: PhaseForms, plain: Step) -> Bounds:
    return difference(heavy.exponent(), plain.exponent())
