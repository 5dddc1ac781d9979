"""Populations against exact values. Intervals are at confidence 0.999; seeds are fixed, so that a test fails or not."""

import math

import numpy as np
import pytest

import linsgd
from linsgd.theory.tails import even_moments, particles, quadrature
from linsgd.theory.tails.setting import Setting

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


def within(found, exact, factor=2.0):
    """Whether `exact` lies in the interval stretched by `factor`: 10 standard errors, a false alarm below 1e-6."""
    return abs(found.value - exact) <= factor * (found.upper - found.lower) / 2


def test_moments_of_an_uneven_spectrum():
    setting = Setting.of(gaussian([1.0, 0.3]), SGD(lr=0.5))
    exact = even_moments.log_moments(setting)
    found = particles.log_spectral(setting, 2.0)
    assert within(found, exact[2.0].value)
    assert not within(found, 1.05 * exact[2.0].value)  # an error of 5 % is seen
    assert found.upper - found.lower < 0.03 * abs(found.value)


def test_exponent_of_a_flat_spectrum():
    setting = Setting.of(gaussian([1.0, 1.0, 1.0]), SGD(lr=0.45, batch_size=2))
    exact, found = quadrature.exponent(setting), particles.exponent(setting)
    assert within(found, exact.value)
    assert found.upper - found.lower < 0.02 * exact.value


def test_lyapunov_exponent():
    setting = Setting.of(gaussian([1.0]), SGD(lr=0.5, batch_size=2))
    assert within(particles.lyapunov(setting), quadrature.lyapunov(setting).value)


@pytest.mark.parametrize("replacement", [True, False])
def test_finite_data_of_one_feature_is_a_finite_sum(replacement):
    x, lr = np.array([0.5, 1.0, 1.5, 2.5]), 0.6
    problem = linsgd.LinearRegression.from_data(x[:, None], [1.0, 2.0, 0.5, -1.0])
    setting = Setting.of(problem, SGD(lr=lr, batch_size=1, replacement=replacement))
    exact = math.log(np.mean(np.abs(1 - lr * x**2) ** 1.5))
    assert within(particles.log_spectral(setting, 1.5), exact)


def test_same_seed_same_number():
    setting = Setting.of(gaussian([1.0, 0.5]), SGD(lr=0.3))
    one, other, third = (particles.lyapunov(setting, seed) for seed in (1, 1, 2))
    assert one == other
    assert one != third


def test_uneven_spectra_are_served_by_particles_within_the_even_moments():
    problem, sgd = gaussian([1.0, 0.3, 0.2]), SGD(lr=0.5)
    found = linsgd.tail_exponent(problem, sgd)
    assert (found.method, str(found.guarantee), found.confidence) == ("particles", "statistical", 0.999)
    bracket = linsgd.tail_exponent(problem, sgd, method="even_moments")
    assert bracket.lower <= found.lower <= found.value <= found.upper <= bracket.upper
