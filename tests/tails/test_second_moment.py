"""h(2) for every optimizer and feature law, and the norm in which it contracts evenly."""

import dataclasses

import numpy as np
import pytest

import linsgd
from linsgd.theory.tails.moments.even_moments import exact_moments
from linsgd.theory.tails.moments.second_moment import SecondMoment
from linsgd.theory.tails.particles.adapted_norm import AdaptedNorm
from linsgd.theory.tails.setting import Setting

from .oracles import data_curvatures, gaussian_curvatures, log_even_moment

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD
ROWS = np.array([[1.0, 0.5], [0.3, -1.0], [-0.7, 0.2], [2.0, 1.0]])
OPTIMIZERS = [
    SGD(lr=0.3),
    SGD(lr=0.2, momentum=0.5),
    SGD(lr=0.03, momentum=0.9),
    SGD(lr=0.2, momentum=0.3, nesterov=True, weight_decay=0.1),
]


def log_second(problem, sgd):
    return SecondMoment.of(Setting.of(problem, sgd)).log_mu().value


@pytest.mark.parametrize("sgd", OPTIMIZERS)
def test_gaussian_features_against_the_kronecker_square(sgd):
    curvatures, weights = gaussian_curvatures([1.0, 0.3], 4)
    exact = log_even_moment(sgd, curvatures, weights, 2)
    assert log_second(gaussian([1.0, 0.3]), sgd) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("sgd", OPTIMIZERS)
@pytest.mark.parametrize(("b", "replacement"), [(1, True), (2, True), (2, False)])
def test_data_against_the_kronecker_square(sgd, b, replacement):
    sgd = dataclasses.replace(sgd, batch_size=b, replacement=replacement)
    exact = log_even_moment(sgd, *data_curvatures(ROWS, b, replacement), 2)
    problem = linsgd.LinearRegression.from_data(ROWS, np.ones(4))
    assert log_second(problem, sgd) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("spectrum", [[1.0], [1.0, 0.3, 0.1], [1.0, 1e-4], [1.0] * 10])
def test_without_momentum_as_the_secular_equation(spectrum):
    setting = Setting.of(gaussian(spectrum), SGD(lr=0.2, batch_size=2, weight_decay=0.1))
    exact = exact_moments(setting)[2.0]
    assert SecondMoment.of(setting).log_mu().value == pytest.approx(exact.value, abs=1e-13)


@pytest.mark.parametrize("nesterov", [False, True])
def test_is_zero_at_the_mean_square_threshold(nesterov):
    problem, sgd = (
        gaussian([1.0, 0.3, 0.1]),
        SGD(lr=0.1, momentum=0.9, nesterov=nesterov, batch_size=3),
    )
    critical = linsgd.stability(problem, sgd).lr_mean_square
    assert log_second(problem, dataclasses.replace(sgd, lr=critical)) == pytest.approx(0, abs=1e-13)


@pytest.mark.parametrize("sgd", OPTIMIZERS[1:])
def test_the_adapted_norm_contracts_evenly(sgd):
    setting = Setting.of(linsgd.LinearRegression.from_data(ROWS, np.ones(4)), sgd)
    operator = SecondMoment.of(setting)
    frame = dataclasses.replace(
        AdaptedNorm.of(setting), form=operator.form(operator.log_mu().value)
    )
    state = np.random.default_rng(0).standard_normal((5, 2, 2))
    rows = ROWS @ np.linalg.eigh(ROWS.T @ ROWS)[1]
    lengths = [frame.squared(frame.moved(state, np.outer(state[:, 0] @ x, x))) for x in rows]
    assert np.mean(lengths, axis=0) == pytest.approx(
        np.exp(operator.log_mu().value) * frame.squared(state), rel=1e-10
    )


def test_infinite_fourth_moments_have_none():
    law = linsgd.StudentFeatures([1.0, 1.0], dof=3.0)
    setting = Setting.of(linsgd.LinearRegression.from_features(law), SGD(lr=0.1))
    assert SecondMoment.of(setting) is None


def test_a_mean_that_nearly_vanishes_is_no_singular_matrix():
    sgd = SGD(lr=9.839805623304036, batch_size=100, momentum=0.999, nesterov=True, weight_decay=0.1)
    found = log_second(gaussian([0.00083786]), sgd)
    curvatures, weights = gaussian_curvatures([0.00083786], 4)
    alone = log_even_moment(dataclasses.replace(sgd, batch_size=1), curvatures, weights, 2)
    assert (
        2 * np.log(0.0881) < found < alone
    )  # the mean's own growth, and that of the noise of one row
