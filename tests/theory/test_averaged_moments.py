"""Averages of the weights: the exact moments against chains, and constant noise and best decay."""

import numpy as np
import pytest

import linsgd
from linsgd import SGD, LinearRegression
from linsgd.theory.best_weight_decay import second_moment, stationary_risk
from linsgd.theory.constant_noise import closed_equation

MATRIX = LinearRegression.gaussian([[1.0, 0.3], [0.3, 0.6]], 0.5, [0.8, -0.5])
AVERAGES = [linsgd.TailAverage(), linsgd.TailAverage(first=8), linsgd.ExponentialAverage(0.9)]


@pytest.mark.parametrize("average", AVERAGES, ids=str)
@pytest.mark.parametrize(
    "options",
    [{}, {"momentum": 0.8, "dampening": 0.5}, {"momentum": 0.8, "nesterov": True}],
    ids=str,
)
def test_the_moments_of_an_average_are_those_of_chains(average, options):
    """Ten numbers within 6.5 standard errors: a false alarm below 1e-9; the weights' own differ."""
    sgd = SGD(0.15, 4, weight_decay=0.05, **options)
    exact = linsgd.averaged_moments(MATRIX, sgd, [5, 30], average)
    run = linsgd.simulate(MATRIX, sgd, [5, 30], chains=8192, record=average)
    for name, expected in (
        ("average_mean", exact.mean),
        ("average_variance", exact.variance),
        ("average_excess_risk", exact.excess_risk),
    ):
        away = (run.value(name) - expected) / run.standard_error(name)
        assert np.abs(away).max() < 6.5
    plain = linsgd.moments(MATRIX, sgd, [5, 30])
    away = run.value("average_variance") - plain.position_variance
    assert np.abs(away / run.standard_error("average_variance"))[1].max() > 6.5


def test_polyaks_average_has_the_variance_of_the_central_limit_theorem():
    """k Var a tends to the variance of the gradient over h^2, the stationary one of w included."""
    problem, sgd = LinearRegression.gaussian([0.7], 1.3), SGD(0.3, 4)
    law = linsgd.averaged_moments(problem, sgd, [20_000], linsgd.TailAverage(), "stationary")
    w = linsgd.stationary_moments(problem, sgd).position_variance[0]
    gradient = (1.69 * 0.7 + 2 * 0.7**2 * w) / 4
    assert 20_000 * law.variance[0, 0] == pytest.approx(gradient / 0.7**2, rel=1e-3)


def test_an_average_of_one_step_is_the_weights():
    sgd = SGD(0.15, 4)
    law = linsgd.averaged_moments(MATRIX, sgd, [7], linsgd.TailAverage(first=7))
    exact = linsgd.moments(MATRIX, sgd, [7])
    assert law.variance == pytest.approx(exact.position_variance)
    assert law.position_covariance == pytest.approx(exact.position_variance)
    assert law.excess_risk == pytest.approx(exact.excess_risk)
    with pytest.raises(ValueError, match=r"^average = "):
        linsgd.averaged_moments(MATRIX, sgd, [7], 0.9)


def test_constant_noise_is_the_limit_of_the_recursion():
    rng = np.random.default_rng(0)
    A, N = rng.normal(size=(2, 3, 3))
    H, C = A @ A.T + np.eye(3), N @ N.T
    L, mu = 0.05 * np.eye(3) + 0.002 * H @ H, 0.6
    found = linsgd.constant_noise(H, C, L, mu)
    assert found.residual < 1e-12
    step = np.block([[np.eye(3) - L @ H, mu * L], [-H, mu * np.eye(3)]])
    push = np.vstack([L, np.eye(3)])
    Z = np.zeros((6, 6))
    for _ in range(4000):
        Z = step @ Z @ step.T + push @ C @ push.T
    assert found.position_covariance == pytest.approx(Z[:3, :3], rel=1e-9)
    assert found.cross_covariance == pytest.approx(Z[:3, 3:], rel=1e-8, abs=1e-10)
    assert found.velocity_covariance == pytest.approx(Z[3:, 3:], rel=1e-9)
    wrong = closed_equation(H, C, L, 0.0, Z[:3, :3])
    assert np.abs(wrong).max() > 0.01 * np.abs(L @ C @ L).max()
    assert linsgd.constant_noise(H, C, 10.0).status == "unstable"
    with pytest.raises(ValueError, match=r"^lr"):
        linsgd.constant_noise(H, C, np.diag([1.0, 1.0, 0.0]))


def test_the_risk_at_a_weight_decay_is_that_of_the_recursion_of_moments():
    """At positive decays that of `stationary_moments`; at a negative one the moments walked."""
    sgd = SGD(0.3, 4)
    for decay in (0.0, 0.2):
        own = SGD(0.3, 4, weight_decay=decay)
        expected = linsgd.stationary_moments(MATRIX, own).excess_risk
        assert stationary_risk(MATRIX, sgd, decay) == pytest.approx(expected, rel=1e-10)
    decay, H, w = -0.1, np.diag(MATRIX.eigenvalues), MATRIX.to_eigenbasis(MATRIX.optimum)
    A, c = np.eye(2) - 0.3 * (H + decay * np.eye(2)), -0.3 * decay * w
    mean, M = np.zeros(2), np.zeros((2, 2))
    for _ in range(3000):
        noise = (0.25 * H + H @ M @ H + np.trace(H @ M) * H) / 4
        cross = np.outer(A @ mean, c)
        M = A @ M @ A.T + cross + cross.T + np.outer(c, c) + 0.09 * noise
        mean = A @ mean + c
    assert second_moment(MATRIX, sgd, decay) == pytest.approx(M, rel=1e-9)


def test_the_best_decay_is_negative_from_lr_h_of_one_on_and_none_without_label_noise():
    for lr, sign in ((0.5, 1), (0.9, 1), (1.1, -1), (1.4, -1)):
        problem = LinearRegression.gaussian([1.0], optimum=[1.0])
        best = linsgd.best_weight_decay(problem, SGD(lr, 16))
        assert np.sign(best.weight_decay) == sign
        assert best.excess_risk < best.excess_risk_without
        for step in (-1e-3, 1e-3):
            beside = stationary_risk(problem, SGD(lr, 16), best.weight_decay + step)
            assert beside > best.excess_risk
    quiet = LinearRegression.gaussian([1.0, 0.5], 0.0, optimum=[1.0, 1.0])
    best = linsgd.best_weight_decay(quiet, SGD(0.5, 16))
    assert best.weight_decay == pytest.approx(0, abs=1e-4)
    assert best.excess_risk_without == 0
    with pytest.raises(ValueError, match=r"^sgd = "):
        linsgd.best_weight_decay(MATRIX, SGD(0.1, momentum=0.9))
