"""Even moments that are known exactly, and bounds of every other order by convexity."""

import dataclasses
import math

import numpy as np
import pytest

import linsgd

from .oracles import data_curvatures, gaussian_curvatures, log_even_moment

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD
ROWS = np.array([[1.0, 0.5, 0.2], [0.3, -1.0, 0.1], [-0.7, 0.2, 0.9], [2.0, 1.0, -0.4]])
DATA = linsgd.LinearRegression.from_data(ROWS, np.ones(4))


@pytest.mark.parametrize("order", [2, 4])
def test_uneven_spectra_with_momentum_are_served_exactly(order):
    sgd = SGD(lr=0.03, momentum=0.9)
    found = linsgd.spectral_function(gaussian([1.0, 0.3]), sgd, order)
    exact = log_even_moment(sgd, *gaussian_curvatures([1.0, 0.3], 2 * order), order)
    assert (found.method, str(found.guarantee), str(found.status)) == (
        "even_moments",
        "numerical",
        "ok",
    )
    assert math.log(found.value) == pytest.approx(exact, abs=1e-11)
    assert found.lower < found.value < found.upper < found.lower + 1e-10


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_second_moments_of_data_are_served_exactly(momentum, replacement):
    sgd = SGD(lr=0.05, momentum=momentum, batch_size=2, replacement=replacement)
    found = linsgd.spectral_function(DATA, sgd, 2.0)
    exact = log_even_moment(sgd, *data_curvatures(ROWS, 2, replacement), 2)
    assert (found.method, str(found.guarantee)) == ("even_moments", "numerical")
    assert math.log(found.value) == pytest.approx(exact, abs=1e-11)
    assert found.upper - found.lower < 1e-10


def test_without_momentum_they_are_proved():
    for order in (2.0, 4.0, 6.0):
        found = linsgd.spectral_function(gaussian([1.0, 0.5, 0.3, 0.2]), SGD(lr=0.4), order)
        assert (found.method, str(found.guarantee)) == ("even_moments", "rigorous")
        assert found.upper - found.lower < 1e-10


@pytest.mark.cases(4)
@pytest.mark.parametrize("s", [0.5, 1.0, 3.0, 5.5, 8.0])
@pytest.mark.parametrize(("d", "momentum"), [(3, 0.0), (1, 0.5)])
def test_other_orders_are_between_chords_and_their_extensions(s, d, momentum):
    problem, sgd = gaussian([1.0] * d), SGD(lr=0.2, momentum=momentum)
    bounds = linsgd.spectral_function(problem, sgd, s, method="even_moments")
    solver = "transfer_operator" if momentum else "quadrature"
    exact = linsgd.spectral_function(problem, sgd, s, method=solver)
    assert (str(bounds.status), math.isnan(bounds.value)) == ("unresolved", True)
    assert bounds.lower <= exact.lower < exact.upper <= bounds.upper
    assert math.isfinite(bounds.upper) == (s < (4 if momentum else 6))
    other = dataclasses.replace(sgd, lr=0.4)
    wrong = linsgd.spectral_function(problem, other, s, method=solver).value
    assert not bounds.lower <= wrong <= bounds.upper or not 1 <= s <= 4  # it can fail


def test_beyond_the_reach_of_particles_bounds_are_given():
    problem = gaussian(np.geomspace(1, 0.01, 250))
    found = linsgd.spectral_function(problem, SGD(lr=0.1), 3.0)
    two, four = (linsgd.spectral_function(problem, SGD(lr=0.1), s).value for s in (2.0, 4.0))
    assert (found.method, str(found.status)) == ("even_moments", "unresolved")
    assert two**1.5 * (1 - 1e-12) < found.lower < found.upper <= math.sqrt(two * four) * (1 + 1e-12)
    rho = linsgd.lyapunov_exponent(problem, SGD(lr=0.1))
    assert (str(rho.status), math.isnan(rho.value)) == ("unresolved", True)
    assert rho.upper == pytest.approx(math.log(two) / 2, rel=1e-12)


@pytest.mark.cases(1)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_exponent_is_the_order_of_a_moment_that_is_one(momentum):
    problem, sgd = gaussian([1.0, 0.5, 0.3, 0.2]), SGD(lr=1.0, momentum=momentum)
    lr = linsgd.moment_threshold(problem, sgd, 4).value
    found = linsgd.tail_exponent(problem, dataclasses.replace(sgd, lr=lr))
    assert (found.method, found.value) == ("even_moments", 4.0)
    assert str(found.guarantee) == ("numerical" if momentum else "rigorous")
    assert 4 * (1 - 1e-6) < found.lower <= 4 <= found.upper < 4 * (1 + 1e-6)


def test_many_student_features_are_bracketed():
    law = linsgd.StudentFeatures(np.geomspace(1, 0.1, 300), dof=10.0)
    found = linsgd.tail_exponent(
        linsgd.LinearRegression.from_features(law, noise_std=1.0), SGD(lr=0.001)
    )
    assert (found.method, str(found.status)) == ("even_moments", "unresolved")
    assert 2 <= found.lower < found.upper == 5.0
