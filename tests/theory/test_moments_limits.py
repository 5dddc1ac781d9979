"""What the moments say at the edges: infinite variance, no mean, null directions, no noise."""

import numpy as np
import pytest

import linsgd
from linsgd.theory.result import Moments


def gaussian(**settings):
    return linsgd.LinearRegression.gaussian([1.0, 0.5], optimum=[1.0, 2.0], **settings)


def test_beyond_the_mean_square_edge():
    edge = linsgd.stability(gaussian(), linsgd.SGD(lr=0.1)).lr_mean_square
    for lr in (edge, edge * 1.001, 1.9):
        law = linsgd.stationary_moments(gaussian(), linsgd.SGD(lr=lr))
        assert law.status == "infinite_variance"
        assert np.isposinf(law.position_variance).all()
        assert np.isposinf(law.excess_loss)
        np.testing.assert_allclose(law.mean, [1.0, 2.0])


def test_just_inside_the_edge_the_variance_is_large_and_positive():
    edge = linsgd.stability(gaussian(), linsgd.SGD(lr=0.1)).lr_mean_square
    far, near = (
        linsgd.stationary_moments(gaussian(), linsgd.SGD(lr=edge * f)) for f in (1 - 1e-6, 1 - 1e-8)
    )
    assert near.excess_risk / far.excess_risk == pytest.approx(100, rel=1e-3, abs=0)
    assert near.error > far.error


def test_beyond_the_mean_edge():
    law = linsgd.stationary_moments(gaussian(), linsgd.SGD(lr=2.1))
    assert law.status == "unstable"
    assert np.isnan(law.mean).all()
    assert np.isposinf(law.position_variance).all()
    assert np.isposinf(law.excess_risk)


def test_finite_steps_beyond_the_edge_stay_exact():
    problem, sgd = (
        linsgd.LinearRegression.gaussian([1.0], noise_std=0.0, optimum=[1.0]),
        linsgd.SGD(lr=1.5),
    )
    law = linsgd.moments(problem, sgd, [4])
    assert law.status == "infinite_variance"
    second = 1 - 2 * 1.5 + 1.5**2 * 3  # E (1 - lr x^2)^2
    assert law.position_variance[0, 0] == pytest.approx(second**4 - 0.5**8, rel=1e-12, abs=0)


def test_overflow_is_infinity():
    law = linsgd.moments(linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=5.0), [10, 2000])
    assert law.status == "unstable"
    assert np.isfinite(law.position_variance[0]).all()
    assert np.isposinf(law.position_variance[1]).all()


@pytest.mark.parametrize("dof", [0.9, 1.5, 2.0])
def test_labels_of_infinite_variance(dof):
    problem = gaussian(noise=linsgd.StudentNoise(dof=dof))
    law = linsgd.moments(problem, linsgd.SGD(lr=0.1), [0, 1, 5])
    assert law.status == "infinite_variance"
    assert law.position_variance[0].tolist() == [0.0, 0.0]
    assert np.isposinf(law.position_variance[1:]).all()
    assert np.isnan(law.mean[1:]).all() == (dof <= 1)


def test_features_of_infinite_fourth_moment_act_once_the_weights_differ():
    law = linsgd.StudentFeatures([1.0, 0.5], dof=3.0)
    at_optimum = linsgd.LinearRegression.from_features(law)
    found = linsgd.moments(at_optimum, linsgd.SGD(lr=0.1), [1, 2])
    np.testing.assert_allclose(found.position_variance[0], 0.01 * np.array([1.0, 0.5]))
    assert np.isposinf(found.position_variance[1]).all()
    away = linsgd.moments(at_optimum, linsgd.SGD(lr=0.1), [1], start=([1.0, 0.0], [0.0, 0.0]))
    assert np.isposinf(away.position_variance).all()


def test_null_directions_rest_at_the_minimum_norm_solution():
    problem = linsgd.LinearRegression.gaussian([1.0, 0.0], optimum=[1.0, 5.0])
    law = linsgd.stationary_moments(problem, linsgd.SGD(lr=0.1, momentum=0.5))
    assert law.status == "null_space"
    np.testing.assert_allclose(law.mean, [1.0, 0.0])
    assert law.position_variance[1] == 0.0
    assert law.position_variance[0] > 0
    with_decay = linsgd.stationary_moments(
        problem, linsgd.SGD(lr=0.1, momentum=0.5, weight_decay=0.1)
    )
    assert with_decay.status == "ok"


def test_a_null_direction_keeps_its_start_and_coasts():
    problem = linsgd.LinearRegression.gaussian([1.0, 0.0])
    law = linsgd.moments(
        problem, linsgd.SGD(lr=0.1, momentum=0.5), [50], start=([0.0, 3.0], [0.0, 1.0])
    )
    assert law.mean[0, 1] == pytest.approx(3.0 + 0.1 * 0.5 / (1 - 0.5), rel=1e-12, abs=0)


def test_interpolation_has_no_noise_at_rest():
    problem = linsgd.LinearRegression.from_data([[1.0, 0.5, 0.0], [0.0, 1.0, 0.5]], [1.0, 2.0])
    law = linsgd.stationary_moments(problem, linsgd.SGD(lr=0.1))
    assert law.status == "null_space"
    assert law.position_variance.max() < 1e-28


def test_cannot_start_from_what_does_not_exist():
    beyond = linsgd.SGD(lr=1.9)
    with pytest.raises(
        ValueError, match="start = \"law of status 'infinite_variance'\" is outside its domain"
    ):
        linsgd.moments(gaussian(), beyond, [1], start="stationary")


def test_a_large_matrix_is_refused_with_its_cost():
    problem = linsgd.LinearRegression.gaussian(np.ones(30_000))
    law = linsgd.stationary_moments(problem, linsgd.SGD(lr=1e-5))
    assert law.position_variance.shape == (30_000,)
    with pytest.raises(ValueError, match="would take 7 GB"):
        law.position_covariance()


def test_round_trip_keeps_every_number():
    for problem in (
        gaussian(),
        linsgd.LinearRegression.from_data([[1.0, 0.2], [0.3, 1.0], [1.0, 1.0]], [1.0, 0.0, 2.0]),
    ):
        for lr in (0.1, 3.0):
            law = linsgd.moments(problem, linsgd.SGD(lr=lr, weight_decay=0.1), [3, 700])
            again = Moments.from_dict(law.to_dict())
            np.testing.assert_array_equal(again.position_covariance(), law.position_covariance())
            assert again.to_dict() == law.to_dict()
