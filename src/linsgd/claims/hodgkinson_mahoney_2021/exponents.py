r"""How the tail exponent of one feature depends on lr, batch size and weight decay; computed.

The statements are reconstructed from the literature on multiplicative noise. Predictions are those
of `linsgd.tail_exponent`; the measurement integrates h(s) = E|A|^s independently (`chi_moments`)
and solves h(alpha) = 1.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import sympy

from linsgd.claims.hodgkinson_mahoney_2021.chi_moments import Step
from linsgd.claims.hodgkinson_mahoney_2021.one_feature import (
    ONE_FEATURE,
    Bounds,
    alpha_of,
    difference,
    smallest_fall,
)
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.optimizers.sgd import SGD
from linsgd.symbolic.symbols import b, eta, lam
from linsgd.theory.diffusion.pearson import pearson
from linsgd.theory.tails.exponents import tail_exponent
from linsgd.theory.tails.isotropic.asymptotics import asymptotic_exponent, small_step_constant

TINY_LR = 1e-4
SMALL_DECAY = 1e-5  # of the difference quotients
RISING_LRS = {
    1: (0.1, 0.3, 0.6, 1.0, 1.5, 2.0, 2.4),
    4: (0.4, 0.8, 1.4, 2.0, 2.4, 2.6),
    20: (0.8, 1.2, 1.6, 2.0, 2.2),
}
BATCHES = (1, 2, 4, 8, 16, 32)

alpha = sympy.Function("alpha")
n = sympy.Symbol("b'", positive=True)


@hodgkinson_mahoney.claim(on="law")
def larger_steps_make_tails_heavier(named: NamedProblem) -> Draft:
    """Follow alpha along rising learning rates, to where it is far below 1."""
    series = {
        size: np.array([alpha_of(lr=lr, batch_size=size) for lr in lrs])
        for size, lrs in RISING_LRS.items()
    }
    fall = min(float((-np.diff(np.log(values))).min()) for values in series.values())
    return Draft(
        statement=(
            "The exponent falls with the learning rate, to less than two thirds from each rate of "
            "a series to the next, for small and large batches, above 1 and below."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Lt(sympy.Derivative(alpha(eta, b), eta), 0),
        regime=(
            f"one Gaussian feature of variance 1, batches {', '.join(map(str, RISING_LRS))}, "
            "lr up to more than nine tenths of the almost-sure threshold; no simulation"
        ),
        components=("smallest fall of log alpha between neighbouring learning rates",),
        prediction=np.array([fall]),
        acceptance=Acceptance.above(
            0.5, 0.2, "0.5: twice the fall for a Gaussian logarithm of the factor"
        ),
        mutants={
            "a diffusion: 1 + batch / lr": _smallest_fall_by(_diffusion),
            "linear scaling: in proportion to batch / lr": _smallest_fall_by(
                lambda lr, size: size / lr
            ),
            "a Gaussian logarithm of the factor": _smallest_fall_by(_log_normal),
        },
        evidence=Enclosure(enclose=_falls_with_lr),
    )


@hodgkinson_mahoney.claim(on="law")
def batch_lightens_above_one(named: NamedProblem) -> Draft:
    """Follow alpha along batches at an lr where it is above 1 throughout."""
    values = np.array([alpha_of(lr=0.5, batch_size=size) for size in BATCHES])
    rise = float(np.diff(np.log(values)).min())
    return Draft(
        statement=(
            "Where alpha is at least 1 a larger batch at the same learning rate has a lighter "
            "tail, although the exponent less than doubles with the batch."
        ),
        source=Source.CONDITION,
        formula=sympy.Implies(
            sympy.And(sympy.Ge(alpha(eta, b), 1), sympy.Gt(n, b)),
            sympy.Gt(alpha(eta, n), alpha(eta, b)),
        ),
        regime=(
            f"one Gaussian feature of variance 1, lr 0.5, batches {BATCHES[0]} to {BATCHES[-1]}; "
            "no simulation"
        ),
        components=("smallest rise of log alpha as the batch doubles",),
        prediction=np.array([rise]),
        acceptance=Acceptance.interval([rise], 0.015, "a fifth of the distance to linear scaling"),
        mutants={
            "linear scaling: in proportion to the batch": np.log([2.0]),
            "a diffusion: 1 + batch / lr": np.diff(
                np.log([_diffusion(0.5, size) for size in BATCHES])
            ).min(keepdims=True),
            "the batch does not matter": np.zeros(1),
        },
        evidence=Enclosure(enclose=_rises_with_batch),
    )


@hodgkinson_mahoney.claim(on="law")
def batch_lightens_only_above_one(named: NamedProblem) -> Draft:
    """At lr 2.2 the exponent falls from batch 6 to batch 20."""
    before, after = alpha_of(lr=2.2, batch_size=6), alpha_of(lr=2.2, batch_size=20)
    return Draft(
        statement=(
            "Where alpha is below 1 a larger batch can have a heavier tail: at lr 2.2 the exponent "
            "of batch 20 is smaller than that of batch 6."
        ),
        source=Source.CONDITION,
        formula=sympy.Gt(alpha(2.2, 6), alpha(2.2, 20)),
        regime="one Gaussian feature of variance 1, lr 2.2; no simulation",
        components=("alpha at batch 6 less alpha at batch 20",),
        prediction=np.array([before - after]),
        acceptance=Acceptance.above(0.1, 0.1, "a tenth: a quarter of the exponent"),
        mutants={
            "linear scaling: in proportion to the batch": np.array([before * (1 - 20 / 6)]),
            "a diffusion: 1 + batch / lr": np.array([_diffusion(2.2, 6) - _diffusion(2.2, 20)]),
            "the batch does not matter": np.zeros(1),
        },
        evidence=Enclosure(enclose=partial(_exponents_differ, Step(2.2, 6), Step(2.2, 20))),
    )


@hodgkinson_mahoney.claim(on="law")
def weight_decay_changes_sign_with_the_batch(named: NamedProblem) -> Draft:
    """Measure the slope of alpha in weight decay at batches 1, 2, 3 and 8."""
    batches = (1, 2, 3, 8)
    slopes = np.array([_quotient(size) for size in batches])
    return Draft(
        statement=(
            "With one Gaussian feature a small weight decay makes the tail lighter at batch 1, "
            "leaves its exponent unchanged at batch 2, and makes it heavier at every larger batch."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(
            sympy.sign(sympy.Derivative(alpha(eta, b, lam), lam).subs(lam, 0)),
            sympy.sign(2 - b),
        ),
        regime="one Gaussian feature of variance 1, lr 0.5, weight decay 0; no simulation",
        components=tuple(f"d alpha / d weight decay at batch {size}" for size in batches),
        prediction=slopes,
        acceptance=Acceptance.interval(
            slopes, 0.05, "a twentieth, far below any of the slopes that are not 0"
        ),
        mutants={
            "a lighter tail at every batch": np.abs(slopes),
            "no effect of weight decay": np.zeros(4),
            "the slope of batch 1 at every batch": np.full(4, slopes[0]),
        },
        evidence=Enclosure(enclose=partial(_slopes_in_decay, batches)),
    )


@hodgkinson_mahoney.claim(on="law")
def linear_scaling_is_not_exact(named: NamedProblem) -> Draft:
    """At fixed lr / batch the exponent depends on the batch."""
    predicted = alpha_of(lr=1.6, batch_size=16) / alpha_of(lr=0.1)
    return Draft(
        statement=(
            "The exponent is not a function of lr / batch alone: at lr / batch = 0.1 it falls more "
            "than fivefold from batch 1 to batch 16."
        ),
        source=Source.CONDITION,
        formula=sympy.Lt(alpha(16 * eta, 16) / alpha(eta, 1), sympy.Rational(1, 5)),
        regime="one Gaussian feature of variance 1, lr / batch = 0.1; no simulation",
        components=("alpha at batch 16 over alpha at batch 1",),
        prediction=np.array([predicted]),
        acceptance=Acceptance.interval([predicted], 0.015, "below a fifth, 0.2"),
        mutants={"linear scaling": np.ones(1), "alpha as 1 / sqrt(batch)": np.array([0.25])},
        evidence=Enclosure(enclose=partial(_exponents_divide, Step(1.6, 16), Step(0.1))),
    )


@hodgkinson_mahoney.claim(on="law")
def small_steps_beat_the_diffusion(named: NamedProblem) -> Draft:
    """Check alpha lr / b as lr -> 0."""
    limit = np.full(2, small_step_constant())
    return Draft(
        statement=(
            "As the learning rate tends to 0, alpha lr / batch tends to 1.79556, set by single "
            "large feature vectors, and not to 1, the value of a diffusion with the same noise."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(sympy.Limit(alpha(eta, b) * eta / b, eta, 0), sympy.Float("1.79556", 6)),
        regime=(
            f"one Gaussian feature of variance 1, lr {TINY_LR:g}, batches 1 and 3; no simulation"
        ),
        components=tuple(f"alpha lr / batch at batch {size}" for size in (1, 3)),
        prediction=limit,
        acceptance=Acceptance.interval(limit, 0.01, "the correction at this lr is below 0.002"),
        mutants={"a diffusion": np.ones(2), "half the limit (a factor 2 lost)": limit / 2},
        evidence=Enclosure(enclose=partial(_small_steps, (1, 3))),
    )


def _diffusion(lr: float, size: int) -> float:
    """Return the exponent of the first-order diffusion."""
    return pearson(ONE_FEATURE, SGD(lr=lr, batch_size=size)).dof


def _log_normal(lr: float, size: int) -> float:
    """Return the exponent if log|A| were Gaussian, as it is near the edge of stability."""
    return asymptotic_exponent(ONE_FEATURE, SGD(lr=lr, batch_size=size), "edge").value


def _smallest_fall_by(theory: Callable[[float, int], float]) -> FloatArray:
    """Return the smallest fall (1,) of log alpha from each lr to the next, by another theory."""
    logs = (np.log([theory(lr, size) for lr in lrs]) for size, lrs in RISING_LRS.items())
    return np.array([min(float((-np.diff(each)).min()) for each in logs)])


def _falls_with_lr() -> Bounds:
    falls = [
        smallest_fall(np.array([Step(lr, size).exponent() for lr in lrs]))
        for size, lrs in RISING_LRS.items()
    ]
    lower, upper = (np.min(ends, axis=0) for ends in zip(*falls, strict=True))
    return lower, upper


def _rises_with_batch() -> Bounds:
    return smallest_fall(np.array([Step(0.5, size).exponent() for size in reversed(BATCHES)]))


def _exponents_differ(one: Step, other: Step) -> Bounds:
    return difference(one.exponent(), other.exponent())


def _exponents_divide(one: Step, other: Step) -> Bounds:
    (low, high), (other_low, other_high) = one.exponent(), other.exponent()
    return np.array([low / other_high]), np.array([high / other_low])


def _quotient(size: int) -> float:
    """Return the difference quotient of alpha in weight decay at 0."""
    decayed, plain = (
        alpha_of(lr=0.5, batch_size=size, weight_decay=decay) for decay in (SMALL_DECAY, 0.0)
    )
    return (decayed - plain) / SMALL_DECAY


def _slopes_in_decay(batches: tuple[int, ...]) -> Bounds:
    slopes = np.array([Step(0.5, size).slope_in_decay() for size in batches])
    return slopes - 1e-6, slopes + 1e-6


def _small_steps(batches: tuple[int, ...]) -> Bounds:
    """Bound alpha lr / batch by the quadrature of theory, which knows nothing of the limit."""
    found = [
        tail_exponent(ONE_FEATURE, SGD(lr=TINY_LR, batch_size=size), method="quadrature")
        for size in batches
    ]
    ends: list[FloatArray] = [
        np.array([getattr(x, end) * TINY_LR / size for x, size in zip(found, batches, strict=True)])
        for end in ("lower", "upper")
    ]
    return ends[0], ends[1]
