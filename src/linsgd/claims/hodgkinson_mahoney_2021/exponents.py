r"""What is said of tail exponents, and the conditions it needs: computed, not simulated.

The statements are those of the literature on multiplicative noise, as reconstructed; each is checked on one Gaussian
feature (or on many equal ones), by a method other than the one that made the prediction wherever there are two: the
prediction by quadrature in double precision, the measurement with mpmath or by the transfer operator.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import sympy

from linsgd.claims.acceptance import Acceptance
from linsgd.claims.citations import HODGKINSON_MAHONEY
from linsgd.claims.claim import Claim, Enclosure, Source
from linsgd.claims.subjects import Subject
from linsgd.domains import FloatArray
from linsgd.optimizer import SGD
from linsgd.problem import LinearRegression
from linsgd.symbolic.symbols import b, beta, eta, lam
from linsgd.theory.tails.asymptotics import small_step_constant
from linsgd.theory.tails.exponents import tail_exponent
from linsgd.theory.tails.result import TailStatus
from linsgd.theory.tails.schedules import schedule_exponent

TINY_LR = 1e-4
DECAY = 0.2
PUBLISHED_GRID = (100, (1, 2, 3, 4, 5, 10, 20), np.linspace(0.02, 0.2, 10))  # features, batches, learning rates

alpha = sympy.Function("alpha")
cyclic, independent = sympy.symbols("alpha_cyclic alpha_independent")
moderate = sympy.Symbol("n_moderate", integer=True)


def small_steps_beat_the_diffusion(subject: Subject) -> Claim:
    """Check alpha lr / b as lr -> 0."""
    return _claim(
        subject,
        "small_steps_beat_the_diffusion",
        "As the learning rate falls, alpha times lr over the batch tends to 1.79556, the cost of one huge feature "
        "vector, and not to the 1 that a diffusion with the same noise would give.",
        Source.LIMIT,
        sympy.Eq(sympy.Limit(alpha(eta, b) * eta / b, eta, 0), sympy.Float("1.79556", 6)),
        "one Gaussian feature of variance 1, lr 1e-4, batches 1 and 3",
        tuple(f"alpha lr / batch at batch {size}" for size in (1, 3)),
        np.full(2, small_step_constant()),
        Acceptance.interval(np.full(2, small_step_constant()), 0.01, "the correction at this lr is below 0.002"),
        {"a diffusion": np.ones(2), "half the root, lost once more": np.full(2, small_step_constant() / 2)},
        partial(_small_steps, (1, 3)),
    )


def batch_lightens_only_above_one(subject: Subject) -> Claim:
    """At lr 2.2 the exponent falls from batch 6 to batch 20."""
    predicted = _alpha(lr=2.2, batch_size=6) - _alpha(lr=2.2, batch_size=20)
    return _claim(
        subject,
        "batch_lightens_only_above_one",
        "Where alpha is below 1 a larger batch can make the tail heavier: at lr 2.2 batch 20 has the smaller exponent "
        "of batches 6 and 20.",
        Source.CONDITION,
        sympy.Gt(alpha(2.2, 6), alpha(2.2, 20)),
        "one Gaussian feature of variance 1, lr 2.2",
        ("alpha at batch 6 less alpha at batch 20",),
        np.array([predicted]),
        Acceptance.above(0.1, 0.1, "a tenth is a quarter of the exponent"),
        {"a larger batch always lightens": np.array([-predicted]), "the batch does not matter": np.zeros(1)},
        partial(_difference, {"lr": 2.2, "batch_size": 6}, {"lr": 2.2, "batch_size": 20}),
    )


def weight_decay_can_make_tails_heavier(subject: Subject) -> Claim:
    """At batch 4 decay lowers alpha."""
    decayed, plain = ({"lr": 0.5, "batch_size": 4, "weight_decay": x} for x in (DECAY, 0.0))
    alone = _alpha(lr=0.5, weight_decay=DECAY) - _alpha(lr=0.5)
    return _claim(
        subject,
        "weight_decay_can_make_tails_heavier",
        "With one feature and batches of three or more, weight decay makes the tail heavier, not lighter.",
        Source.CONDITION,
        sympy.Lt(alpha(eta, 4, lam), alpha(eta, 4, 0)),
        f"one Gaussian feature of variance 1, lr 0.5, batch 4, weight decay {DECAY:g} against none",
        ("alpha with decay less alpha without",),
        np.array([_alpha(**decayed) - _alpha(**plain)]),
        Acceptance.below(-0.1, 0.1, "a tenth: what rounding of lr in a table may cost"),
        {"it lightens, as at batch 1": np.array([alone]), "it does nothing, as to first order at batch 2": np.zeros(1)},
        partial(_difference, decayed, plain),
    )


def linear_scaling_is_not_exact(subject: Subject) -> Claim:
    """At fixed lr / batch the exponent depends on the batch."""
    small, large = {"lr": 0.1, "batch_size": 1}, {"lr": 1.6, "batch_size": 16}
    predicted = _alpha(**large) / _alpha(**small)
    return _claim(
        subject,
        "linear_scaling_is_not_exact",
        "The exponent is no function of lr over batch alone: from batch 1 to batch 16 at lr over batch 0.1 it falls "
        "more than fivefold.",
        Source.CONDITION,
        sympy.Lt(alpha(16 * eta, 16) / alpha(eta, 1), sympy.Rational(1, 5)),
        "one Gaussian feature of variance 1, lr / batch = 0.1",
        ("alpha at batch 16 over alpha at batch 1",),
        np.array([predicted]),
        Acceptance.interval([predicted], 0.015, "a fifth is 0.2"),
        {"linear scaling": np.ones(1), "alpha as 1 / sqrt(batch)": np.array([0.25])},
        partial(_ratio, large, small),
    )


def momentum_lightens_at_equal_effective_step(subject: Subject) -> Claim:
    """At fixed lr / (1 - momentum) heavy ball has lighter tails than none."""
    plain, heavy = {"lr": 0.3}, {"lr": 0.03, "momentum": 0.9}
    return _claim(
        subject,
        "momentum_lightens_at_equal_effective_step",
        "At equal lr / (1 - momentum) momentum 0.9 has lighter tails than none.",
        Source.NEW,
        sympy.Gt(alpha(eta * (1 - beta), 1, beta), alpha(eta, 1, 0)),
        "one Gaussian feature of variance 1, lr / (1 - momentum) = 0.3, batch 1",
        ("alpha at momentum 0.9 less alpha without",),
        np.array([8.583 - 5.306]),
        Acceptance.above(1.0, 1.0, "one: a fifth of the exponent"),
        {"only lr / (1 - momentum) matters": np.zeros(1), "momentum makes it heavier": np.array([5.306 - 8.583])},
        partial(_difference, heavy, plain, methods=("transfer_operator", "mpmath")),
    )


def cyclic_steps_are_lighter_than_independent(subject: Subject) -> Claim:
    """Compare the same learning rates in turn and at random."""
    problem = LinearRegression.gaussian([1.0])
    found = [schedule_exponent(problem, SGD(lr=0.4), [0.3, 0.5], order).value for order in ("cyclic", "independent")]
    return _claim(
        subject,
        "cyclic_steps_are_lighter_than_independent",
        "The learning rates 0.3 and 0.5 in turn have lighter tails than drawn at random, and heavier ones than their "
        "mean 0.4 at every step.",
        Source.RECONSTRUCTED,
        sympy.And(sympy.Gt(alpha(0.4, 1), cyclic), sympy.Gt(cyclic, independent)),
        "one Gaussian feature of variance 1, batch 1",
        ("constant less cyclic", "cyclic less independent"),
        np.array([3.8056 - 3.5455, 3.5455 - 3.3756]),
        Acceptance.interval([3.8056 - 3.5455, 3.5455 - 3.3756], 0.02, "a tenth of the differences"),
        {
            "only the mean matters": np.zeros(2),
            "independent steps are lighter than cyclic": np.array([_alpha(lr=0.4) - found[1], found[1] - found[0]]),
        },
        _schedules,
    )


def published_grid_has_no_infinite_variance(subject: Subject) -> Claim:
    """Count the points of a published synthetic experiment with 0 < alpha < 2."""
    d, batches, lrs = PUBLISHED_GRID
    points = len(batches) * len(lrs)
    return _claim(
        subject,
        "published_grid_has_no_infinite_variance",
        f"None of the {points} pairs of lr and batch of a published synthetic experiment with {d} features has an "
        "exponent between 0 and 2: 41 have no stationary law, the others have finite variance.",
        Source.NEW,
        sympy.Eq(moderate, 0),
        "population Gaussian features of variance 1; lr from 0.02 to 0.2, batches from 1 to 20",
        ("points with 0 < alpha < 2", "points without a stationary law"),
        np.array([0.0, 41.0]),
        Acceptance.interval([0.0, 41.0], 0.5, "counts are whole numbers"),
        {
            "as many as published estimates between 1 and 2": np.array([10.0, 41.0]),
            "every point is stationary": np.zeros(2),
        },
        _published_grid,
    )


def _claim(
    subject: Subject,
    name: str,
    statement: str,
    source: Source,
    formula: sympy.Basic,
    regime: str,
    components: tuple[str, ...],
    prediction: FloatArray,
    acceptance: Acceptance,
    mutants: Mapping[str, FloatArray],
    enclose: Callable[[], tuple[FloatArray, FloatArray]],
) -> Claim:
    return Claim(
        id=f"hodgkinson_mahoney_2021/{name}",
        problem=subject.name,
        statement=statement,
        citation=HODGKINSON_MAHONEY,
        source=source,
        formula=formula,
        regime=f"{regime}; no simulation",
        components=components,
        prediction=prediction,
        acceptance=acceptance,
        mutants=mutants,
        evidence=Enclosure(enclose=enclose),
    )


def _alpha(**options: float) -> float:
    """Return the exponent for one feature by quadrature."""
    return tail_exponent(LinearRegression.gaussian([1.0]), SGD(**options), method="quadrature").value  # type: ignore[arg-type]


def _bounds(options: Mapping[str, float], method: str) -> FloatArray:
    """Return lower and upper bounds (2,) on the exponent for one feature."""
    found = tail_exponent(LinearRegression.gaussian([1.0]), SGD(**options), method=method)  # type: ignore[arg-type]
    return np.array([found.lower, found.upper])


def _difference(
    one: Mapping[str, float], other: Mapping[str, float], methods: tuple[str, str] = ("mpmath", "mpmath")
) -> tuple[FloatArray, FloatArray]:
    (low, high), (other_low, other_high) = _bounds(one, methods[0]), _bounds(other, methods[1])
    return np.array([low - other_high]), np.array([high - other_low])


def _ratio(one: Mapping[str, float], other: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
    (low, high), (other_low, other_high) = _bounds(one, "mpmath"), _bounds(other, "mpmath")
    return np.array([low / other_high]), np.array([high / other_low])


def _small_steps(batches: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    bounds = np.array([_bounds({"lr": TINY_LR, "batch_size": size}, "quadrature") / size for size in batches])
    return TINY_LR * bounds[:, 0], TINY_LR * bounds[:, 1]


def _schedules() -> tuple[FloatArray, FloatArray]:
    problem, sgd = LinearRegression.gaussian([1.0]), SGD(lr=0.4)
    constant = tail_exponent(problem, sgd)
    turn, random = (schedule_exponent(problem, sgd, [0.3, 0.5], order) for order in ("cyclic", "independent"))
    lower = np.array([constant.lower - turn.upper, turn.lower - random.upper])
    return lower, np.array([constant.upper - turn.lower, turn.upper - random.lower])


def _published_grid() -> tuple[FloatArray, FloatArray]:
    d, batches, lrs = PUBLISHED_GRID
    problem = LinearRegression.gaussian(np.ones(d))
    found = [tail_exponent(problem, SGD(lr=float(lr), batch_size=size)) for size in batches for lr in lrs]
    heavy = sum(x.status is TailStatus.POWER_LAW and x.upper < 2 for x in found)
    maybe = sum(not (x.lower >= 2 or x.status is TailStatus.NO_STATIONARY_LAW) for x in found)
    divergent = sum(x.status is TailStatus.NO_STATIONARY_LAW for x in found)
    counts = np.array([heavy, divergent], dtype=np.float64)
    return counts, np.array([maybe, divergent], dtype=np.float64)
