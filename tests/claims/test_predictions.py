"""Predictions of claims against small independent computations, and the claims' settings."""

import numpy as np
import pytest

from linsgd import SGD, LinearRegression, displacement, stationary_moments
from linsgd.claims import ensembles, problems, registry
from linsgd.claims.kunin_2024 import orders
from linsgd.claims.linsgd import identities

GAUSSIAN = problems.gaussian()


def claim(name):
    return registry.claims(name, problem="gaussian")[0]


@pytest.mark.parametrize(
    ("made", "options", "fraction"),
    [
        ("heavy_ball", {"momentum": 0.9, "batch_size": 4}, 0.25),
        ("dampened", {"momentum": 0.8, "dampening": 0.5, "batch_size": 4}, 0.25),
        ("nesterov", {"momentum": 0.9, "nesterov": True, "batch_size": 4}, 0.25),
        ("batch_one", {"momentum": 0.0, "batch_size": 1}, 0.25),
        ("large_batch", {"momentum": 0.5, "batch_size": 32}, 0.5),
        ("small_lr", {"momentum": 0.8, "batch_size": 32}, 0.05),
        ("distant_start", {"momentum": 0.5, "batch_size": 32}, 0.002),
    ],
)
def test_an_ensemble_has_the_options_that_its_table_states(made, options, fraction):
    sgd = getattr(ensembles, made)(GAUSSIAN).sgd
    assert {name: getattr(sgd, name) for name in options} == options
    assert sgd.weight_decay == 0.1
    fresh = ensembles.stable_sgd(GAUSSIAN.problem, fraction, weight_decay=0.1, **options)
    assert sgd.lr == fresh.lr


def test_an_identity_is_measured_relative_to_the_velocity_covariance():
    """A law whose cross-covariance is off by a thousandth is off by that, whatever its scale."""
    case = ensembles.dampened(GAUSSIAN)
    for scale in (1.0, 100.0):
        problem = LinearRegression.gaussian(GAUSSIAN.problem.covariance(), noise_std=scale)
        law = stationary_moments(problem, case.sgd)
        _, cross, velocity = law.eigenbasis_blocks()
        off = identities.cross_covariance_defect(1.001 * cross, velocity, case.sgd.lr)
        assert off == pytest.approx(1e-3, rel=1e-6)


def test_the_effective_dimension_is_the_trace_of_the_ridge_projection():
    H, decay = GAUSSIAN.problem.covariance(), 0.1
    expected = np.trace(H @ np.linalg.inv(H + decay * np.eye(4)))
    name = "kunin_2024/displacement_saturates_at_the_effective_dimension"
    assert claim(name).prediction[0] == pytest.approx(expected, rel=1e-12)
    (low,), (high,) = claim(name).evidence.enclose()
    assert low < high
    assert (low + high) / 2 == pytest.approx(expected, rel=5e-3)


def test_the_growth_between_four_and_sixteen_steps_is_that_of_either_batch():
    sgd = ensembles.small_lr(GAUSSIAN).sgd
    growth = []
    for size in (sgd.batch_size, sgd.batch_size // 4):
        own = SGD(lr=sgd.lr, batch_size=size, momentum=0.8, weight_decay=0.1)
        early, late = displacement(GAUSSIAN.problem, own, [4, 16]).global_msd
        growth.append(late / early)
    assert growth[0] == pytest.approx(growth[1], rel=0.02)


def test_the_exponent_over_epochs_is_a_slope_of_the_displacement():
    found = claim("kunin_2024/exponents_over_epochs_follow_the_steps")
    sgd = ensembles.small_lr(GAUSSIAN).sgd
    curvature = GAUSSIAN.problem.eigenvalues.mean() + sgd.weight_decay
    lr = min(sgd.lr, 0.25 / (64 * curvature))
    for steps, predicted in zip((1024, 256, 64), found.prediction, strict=True):
        slow = SGD(lr=lr, batch_size=32, momentum=0.5, weight_decay=0.1)
        before, after = displacement(GAUSSIAN.problem, slow, [steps - 1, steps + 1]).global_msd
        slope = np.log(after / before) / np.log((steps + 1) / (steps - 1))
        assert slope == pytest.approx(predicted, abs=1e-3)


def test_the_marginal_growth_is_one_and_its_mutants_are_not():
    found = claim("hodgkinson_mahoney_2021/threshold_is_marginal")
    (low,), (high,) = found.evidence.enclose()
    assert low <= 1 + 1e-9
    assert high >= 1 - 1e-9
    assert high - low < 1e-6
    assert all(abs(wrong[0] - 1) > 1e-2 for wrong in found.mutants.values())


def test_exponents_fall_by_more_than_a_half_in_logarithm():
    found = claim("hodgkinson_mahoney_2021/larger_steps_make_tails_heavier")
    (low,), (high,) = found.evidence.enclose()
    assert low <= found.prediction[0] * (1 + 1e-6)
    assert found.prediction[0] * (1 - 1e-6) <= high


@pytest.mark.parametrize("error", [orders._equivalence, orders._damping])
def test_an_error_is_a_quotient_less_one(error):
    """Small at small lr for the equivalence, and the closed form -2u/log(beta) - 1 for damping."""
    expected = 0.0 if error is orders._equivalence else (0.2 / 1.8) * 2 / -np.log(0.8) - 1
    assert error(2.0**-14) == pytest.approx(expected, abs=1e-3)
