"""Populations against exact values, at confidence 0.999 and fixed seeds."""

import math

import numpy as np
import pytest

import linsgd
from linsgd.theory.stability.almost_sure import almost_sure_threshold
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.moments.even_moments import exact_moments
from linsgd.theory.tails.moments.second_moment import SecondMoment
from linsgd.theory.tails.one_feature import scalar
from linsgd.theory.tails.particles import population
from linsgd.theory.tails.particles.adapted_norm import AdaptedNorm
from linsgd.theory.tails.particles.step_samplers import sampler_of
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.sample_budget import SampleBudget
from linsgd.theory.tails.setting import Setting

from .oracles import data_curvatures, gaussian_curvatures, log_even_moment

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


@pytest.fixture(autouse=True)
def small_populations(monkeypatch):
    """Fewer particles and steps: wider intervals, a tenth of the time."""
    small = {"POPULATION": 100, "STEPS": 200, "SETTLING": 60}
    pilot = {"PILOT": 20, "PILOT_STEPS": 60, "PILOT_SETTLING": 50}
    for name, size in (small | pilot).items():
        monkeypatch.setattr(population, name, size)


def within(found, exact, factor=2.0):
    """Whether `exact` is in the interval stretched by 2, 10 standard errors: alarm below 1e-6."""
    return abs(found.value - exact) <= factor * (found.upper - found.lower) / 2


def test_moments_of_an_uneven_spectrum():
    setting = Setting.of(gaussian([1.0, 0.3]), SGD(lr=0.5))
    exact = exact_moments(setting)
    found = population.log_spectral(setting, 2.0)
    assert within(found, exact[2.0].value)
    assert not within(found, 1.05 * exact[2.0].value)  # an error of 5 % is seen
    assert found.upper - found.lower < 0.03 * abs(found.value)


@pytest.mark.nightly
def test_exponent_of_a_flat_spectrum():
    setting = Setting.of(gaussian([1.0, 1.0, 1.0]), SGD(lr=0.45, batch_size=2))
    exact, found = quadrature.exponent(setting), population.exponent(setting)
    assert within(found, exact.value)
    assert found.upper - found.lower < 0.02 * exact.value


@pytest.mark.nightly
def test_large_exponents_are_reached_from_a_rough_root():
    problem, sgd = linsgd.LinearRegression.gaussian([1.0] * 3), linsgd.SGD(lr=0.02)
    found, exact = (
        linsgd.tail_exponent(problem, sgd, method=method) for method in ("particles", "quadrature")
    )
    assert found.lower < exact.value < found.upper
    assert found.upper - found.lower < 0.01


def test_lyapunov_exponent():
    setting = Setting.of(gaussian([1.0]), SGD(lr=0.5, batch_size=2))
    assert within(population.lyapunov(setting), quadrature.lyapunov(setting).value)


@pytest.mark.parametrize("replacement", [True, False])
def test_finite_data_of_one_feature_is_a_finite_sum(replacement):
    x, lr = np.array([0.5, 1.0, 1.5, 2.5]), 0.6
    problem = linsgd.LinearRegression.from_data(x[:, None], [1.0, 2.0, 0.5, -1.0])
    setting = Setting.of(problem, SGD(lr=lr, batch_size=1, replacement=replacement))
    exact = math.log(np.mean(np.abs(1 - lr * x**2) ** 1.5))
    assert within(population.log_spectral(setting, 1.5), exact)


def test_same_seed_same_number():
    setting = Setting.of(gaussian([1.0, 0.5]), SGD(lr=0.3))
    one, other, third = (population.lyapunov(setting, SampleBudget(seed)) for seed in (1, 1, 2))
    assert one == other
    assert one != third


@pytest.mark.nightly
def test_uneven_spectra_are_served_by_particles_within_the_even_moments():
    problem, sgd = gaussian([1.0, 0.3, 0.2, 0.1]), SGD(lr=0.5)
    found = linsgd.tail_exponent(problem, sgd)
    assert (found.method, str(found.guarantee), found.confidence) == (
        "particles",
        "statistical",
        0.999,
    )
    bracket = linsgd.tail_exponent(problem, sgd, method="even_moments")
    assert bracket.lower <= found.lower <= found.value <= found.upper <= bracket.upper


ROWS = np.array([[1.0, 0.5], [0.3, -1.0], [-0.7, 0.2], [2.0, 1.0]])
UNEVEN, DATA = gaussian([1.0, 0.3]), linsgd.LinearRegression.from_data(ROWS, np.ones(4))


@pytest.mark.cases(1)
@pytest.mark.parametrize(
    ("problem", "sgd"),
    [
        (UNEVEN, SGD(lr=0.03, momentum=0.9)),
        (UNEVEN, SGD(lr=0.2, momentum=0.3, nesterov=True, weight_decay=0.1)),
        (DATA, SGD(lr=0.05, momentum=0.9)),
        (DATA, SGD(lr=0.3, momentum=0.5, batch_size=2, replacement=False)),
    ],
)
def test_fourth_moments_with_momentum_against_tensor_powers(problem, sgd):
    data = data_curvatures(ROWS, sgd.batch_size, sgd.replacement)
    exact = log_even_moment(
        sgd, *(gaussian_curvatures([1.0, 0.3], 8) if problem is UNEVEN else data), 4
    )
    found = population.log_spectral(Setting.of(problem, sgd), 4.0)
    assert within(found, exact)
    assert not within(found, 1.3 * exact)
    assert found.upper - found.lower < 0.2 * abs(exact)


@pytest.mark.parametrize(
    ("d", "lr", "momentum", "alpha"),
    [(1, 0.06, 0.9, 4.0103448), pytest.param(10, 0.015, 0.9, 6.7922097, marks=pytest.mark.nightly)],
)
def test_heavy_momentum_against_the_transfer_operator(d, lr, momentum, alpha):
    found = linsgd.tail_exponent(
        gaussian([1.0] * d), SGD(lr=lr, momentum=momentum), method="particles"
    )
    assert within(found, alpha)
    assert found.upper - found.lower < 0.04 * alpha


@pytest.mark.parametrize("s", [1.0, 4.0, 10.0])
@pytest.mark.parametrize(
    ("problem", "sgd"),
    [
        (gaussian([1.0, 0.3, 0.1]), SGD(lr=0.03, momentum=0.9)),
        (gaussian([1.0, 0.3, 0.1]), SGD(lr=0.3, batch_size=4)),
        (DATA, SGD(lr=0.05, momentum=0.9, batch_size=2)),
    ],
)
def test_tilted_steps_are_unbiased_and_their_weights_tame(problem, sgd, s):
    # False alarm: 6 standard errors, below 1e-8.
    setting, n = Setting.of(problem, sgd), 40_000
    frame = AdaptedNorm.of(setting)
    kernel, rng = sampler_of(setting, frame), np.random.default_rng(0)
    state = np.broadcast_to(rng.standard_normal((2, setting.dimension)), (n, 2, setting.dimension))
    state = state / np.sqrt(frame.squared(state[:1]))

    def weights(order):
        pull, ratio = kernel.gradients(state, order, rng)
        return frame.squared(frame.moved(state, pull)) ** (s / 2) * np.exp(ratio)

    plain, tilted = weights(0.0), weights(s)
    error = math.hypot(plain.std(), tilted.std()) / math.sqrt(n)
    assert abs(plain.mean() - tilted.mean()) < 6 * error
    assert tilted.std() < 0.5 * tilted.mean()


@pytest.mark.cases(1)
@pytest.mark.parametrize(("s", "lr"), [(30.0, 0.06), (300.0, 0.006)])
def test_tilted_steps_reach_the_far_peaks_of_high_orders(s, lr):
    # False alarm: 6 standard errors, below 1e-8.
    setting, n = Setting.of(gaussian([1.0]), SGD(lr=lr)), 200_000
    kernel, rng = sampler_of(setting, AdaptedNorm.of(setting)), np.random.default_rng(0)
    pull, ratio = kernel.gradients(np.broadcast_to([[1.0], [0.0]], (n, 2, 1)), s, rng)
    log_weight = (
        s * np.log(np.abs(1 - lr * pull[:, 0])) + ratio - quadrature.log_spectral(setting, s).value
    )
    weight = np.exp(log_weight)
    error = weight.std() / math.sqrt(n)
    assert abs(weight.mean() - 1) < 6 * error < 4e-3


@pytest.mark.nightly
def test_the_exponent_of_a_fast_direction_beside_slow_ones():
    # below alpha = 35.24 the slowest direction decides h, with a slope a thousand times smaller
    exact = 35.2404166  # method="sphere_operator", to 1e-5
    found = linsgd.tail_exponent(gaussian([1.0, 0.1, 0.01]), SGD(lr=0.05), method="particles")
    assert found.status == "power_law"
    assert within(found, exact)
    assert found.upper - found.lower < 1e-3 * exact


@pytest.mark.nightly
def test_wild_weights_leave_the_exponent_unknown(monkeypatch):
    orders = []

    def wild(setting, s, *_):
        orders.append(s)
        return Interval(math.nan, -math.inf, math.inf), 1.0

    monkeypatch.setattr(population, "_estimate", wild)
    found = population.exponent(Setting.of(gaussian([1.0, 0.3]), SGD(lr=0.5)))
    assert math.isnan(found.value)
    assert np.isfinite(orders).all()


def student(spectrum, dof):
    law = linsgd.StudentFeatures(spectrum, dof=dof)
    return linsgd.LinearRegression.from_features(law, noise_std=1.0)


@pytest.mark.parametrize(
    ("dof", "s"), [(5.0, 1.0), (5.0, 2.3), (2.5, 1.1), (30.0, 4.0), (30.0, 14.5)]
)
@pytest.mark.parametrize("batch", [1, 4])
def test_student_steps_are_unbiased_up_to_the_order_where_moments_end(dof, s, batch):
    # False alarm: 6 standard errors, below 1e-8.
    setting, n = Setting.of(student([1.0], dof), SGD(lr=0.7, batch_size=batch)), 100_000
    kernel, rng = sampler_of(setting, AdaptedNorm.of(setting)), np.random.default_rng(0)
    pull, ratio = kernel.gradients(np.broadcast_to([[1.0], [0.0]], (n, 2, 1)), s, rng)
    weight = np.abs(1 - 0.7 * pull[:, 0]) ** s * np.exp(ratio)
    exact, error = math.exp(scalar.log_spectral(setting, s).value), weight.std() / math.sqrt(n)
    assert abs(weight.mean() - exact) < 6 * error < 0.06 * exact
    assert ratio.max() <= math.log(2) * (1 + 1e-12)


@pytest.mark.cases(3)
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("dof", "batch"), [(2.4, 1), (5.0, 2), (12.0, 1)])
def test_one_student_feature_against_its_integral(dof, batch, seed):
    setting = Setting.of(student([1.0], dof), SGD(lr=0.4, batch_size=batch))
    budget = SampleBudget(seed)
    assert within(population.lyapunov(setting, budget), scalar.lyapunov(setting).value)
    s = 0.45 * dof
    found = population.log_spectral(setting, s, budget)
    exact = scalar.log_spectral(setting, s).value
    assert within(found, exact)
    assert found.upper - found.lower < 0.1 * max(abs(exact), 0.2)
    assert not within(found, exact + 0.2)


@pytest.mark.cases(1)
@pytest.mark.parametrize("sgd", [SGD(lr=0.2, batch_size=2), SGD(lr=0.02, momentum=0.9)])
def test_second_moments_of_student_features(sgd, monkeypatch):
    monkeypatch.setattr(population, "STEPS", 400)
    setting = Setting.of(student([1.0, 0.4, 0.3], 7.0), sgd)
    exact, found = SecondMoment.of(setting).log_mu().value, population.log_spectral(setting, 2.0)
    assert within(found, exact)
    assert found.upper - found.lower < 0.5 * abs(exact)
    assert not within(found, 2 * exact)


@pytest.mark.cases(1)
@pytest.mark.parametrize(("dof", "lr"), [(3.0, 0.3), (20.0, 0.4)])
def test_the_exponent_of_one_student_feature(dof, lr):
    setting = Setting.of(student([1.0], dof), SGD(lr=lr, batch_size=2))
    exact, found = scalar.exponent(setting).value, population.exponent(setting)
    assert within(found, exact)
    assert found.upper - found.lower < 0.03 * exact
    assert found.upper <= dof / 2


def test_close_to_infinite_moments_nothing_is_claimed():
    setting = Setting.of(student([1.0], 6.0), SGD(lr=0.01))
    assert math.isnan(population.log_spectral(setting, 2.95).value)
    found, exact = population.exponent(setting), scalar.exponent(setting).value
    assert math.isnan(found.value)
    assert 2.8 < found.lower <= exact <= found.upper == 3.0


@pytest.mark.nightly
def test_three_student_features_have_a_tail():
    found = linsgd.tail_exponent(student([1.0, 0.5, 0.2], 4.0), SGD(lr=0.3))
    assert (found.method, str(found.status), found.confidence) == ("particles", "power_law", 0.999)
    assert 1 < found.lower <= found.value <= found.upper < 2


@pytest.mark.parametrize("dof", [3.0])
def test_the_threshold_of_one_student_feature(dof):
    problem = student([1.0], dof)
    lower, upper, _ = almost_sure_threshold(problem, SGD(lr=1.0, batch_size=2), seed=1)
    rho = [
        linsgd.lyapunov_exponent(problem, SGD(lr=lr, batch_size=2)).value for lr in (lower, upper)
    ]
    assert rho[0] < 0 < rho[1]
    assert upper < 1.1 * lower
