"""Far steps are reached by squaring, exactly, also where a mode hardly decays in a step."""

import mpmath as mp
import numpy as np
import pytest
from tests.theory import oracles

import linsgd
from linsgd.theory.discrete import transient

rng = np.random.default_rng(5)
ROWS = linsgd.LinearRegression.from_data(rng.normal(size=(5, 2)), rng.normal(size=5))
SETTINGS = [
    {},
    {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01},
    {"momentum": 0.6, "nesterov": True},
    {"replacement": False},
]


def by_the_powers_of_the_operator(problem, sgd, step):
    """Mean and covariance at a step from w = 0, by powers of E[A (x) A] over all batches."""
    d = problem.dimension
    start = np.zeros(2 * d + 1)
    start[-1] = 1.0
    first = oracles.operator_of(problem, sgd, first=True) @ np.kron(start, start)
    power = np.linalg.matrix_power(oracles.operator_of(problem, sgd), step - 1)
    return oracles.split(power @ first, d)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("lr", [0.05, 1e-6])
def test_data_at_a_million_steps(settings, lr):
    sgd = linsgd.SGD(lr=lr, batch_size=2, **settings)
    law = linsgd.moments(ROWS, sgd, 10**6)
    mean, covariance = by_the_powers_of_the_operator(ROWS, sgd, 10**6)
    np.testing.assert_allclose(np.concatenate([law.mean, law.velocity_mean]), mean, atol=1e-8)
    found = oracles.phase_space_covariance(law)
    np.testing.assert_allclose(found, covariance, rtol=1e-7, atol=1e-8 * np.abs(covariance).max())


@pytest.mark.parametrize("settings", SETTINGS)
def test_pairs_of_modes_jump_as_they_walk(settings, monkeypatch):
    sgd = linsgd.SGD(lr=0.02, batch_size=2, **settings)
    steps = [3000, 0, 1, 2, 1001]
    jumped = linsgd.moments(ROWS, sgd, steps)
    monkeypatch.setattr(transient, "LARGEST_MATRIX_JUMP", 0)
    monkeypatch.setattr(transient, "_reached", lambda *_: False)
    walked = linsgd.moments(ROWS, sgd, steps)
    for i in range(len(steps)):
        found, expected = (oracles.phase_space_covariance(law, i) for law in (jumped, walked))
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(jumped.mean, walked.mean, rtol=1e-11, atol=1e-14)


def slow_mean(h, sgd, steps):
    """E w of a mode of optimum 1 from w = 0 by 60 digits, after a fresh first step."""
    mp.mp.dps = 60
    lr, m, a = mp.mpf(sgd.lr), mp.mpf(sgd.momentum), mp.mpf(sgd.gradient_weight)
    h = mp.mpf(h)
    if sgd.nesterov:
        step = mp.matrix([[1 - lr * (1 + m) * h, lr * m**2], [-h, m]])
        state = mp.matrix([-1 + lr * (1 + m) * h, h])
    else:
        step = mp.matrix([[1 - lr * a * h, lr * m], [-a * h, m]])
        state = mp.matrix([-1 + lr * h, h])
    return float(1 + (step ** (steps - 1) * state)[0])


@pytest.mark.parametrize("settings", SETTINGS[:1] + SETTINGS[2:3] + [{"momentum": 0.9}])
@pytest.mark.parametrize("steps", [10**12, 10**13])
def test_a_mode_that_decays_by_a_ten_trillionth_a_step_keeps_its_rate(settings, steps):
    sgd = linsgd.SGD(lr=0.1, **settings)
    problem = linsgd.LinearRegression.gaussian([1.0, 1e-12], optimum=[1.0, 1.0])
    law = linsgd.moments(problem, sgd, [steps])
    expected = slow_mean(1e-12, sgd, steps)
    assert law.mean[0, 1] == pytest.approx(expected, rel=1e-13, abs=0)
    assert law.mean[0, 1] == pytest.approx(expected, rel=law.error, abs=0)
    data = linsgd.LinearRegression.from_data([[1.0, 0.0], [0.0, 1e-6]], [1.0, 1e-6])
    slow = linsgd.moments(data, sgd, [steps])
    expected = slow_mean(data.eigenvalues.min(), sgd, steps)
    assert slow.mean[0, 1] == pytest.approx(expected, rel=1e-12, abs=0)


def test_the_figure_of_the_slow_mode():
    problem = linsgd.LinearRegression.gaussian([1.0, 1e-12], optimum=[1.0, 1.0])
    law = linsgd.moments(problem, linsgd.SGD(lr=0.1), [10**12])
    assert law.mean[0, 1] == pytest.approx(0.09516258196404044, rel=1e-12, abs=0)


def test_covariances_between_slow_modes_keep_their_rate():
    """Cov(w_i, w_j) of two modes without label noise, in closed form, at 10^12 steps."""
    h, lr, steps = np.array([2e-12, 1e-12]), 0.1, 10**12
    problem = linsgd.LinearRegression.gaussian(h, noise_std=0.0, optimum=[1.0, 1.0])
    found = linsgd.moments(problem, linsgd.SGD(lr=lr), steps).position_covariance()[0, 1]
    mp.mp.dps = 60
    first, second = (1 - mp.mpf(lr) * mp.mpf(x) for x in h)
    # E d_i d_j is multiplied by (1 - lr h_i) (1 - lr h_j) + lr^2 h_i h_j a step
    together = first * second + (1 - first) * (1 - second)
    expected = together**steps - (first * second) ** steps
    assert found == pytest.approx(float(expected), rel=1e-9, abs=0)


def test_steps_beyond_every_decay_are_the_stationary_law():
    sgd = linsgd.SGD(lr=0.05, batch_size=2, momentum=0.5)
    far, limit = linsgd.moments(ROWS, sgd, 2**62), linsgd.stationary_moments(ROWS, sgd)
    np.testing.assert_allclose(far.position_variance, limit.position_variance, rtol=1e-12)
    np.testing.assert_allclose(far.mean, limit.mean, rtol=1e-12)
