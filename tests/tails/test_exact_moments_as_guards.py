"""What exact second moments say where a method resolves too little, and what heavy labels add."""

import math

import numpy as np
import pytest

import linsgd

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD
MANY = np.linspace(0.1, 1.0, 300)


def test_tiny_steps_with_momentum_shrink():
    # the operator's bounds are [-0.23, 0.14] there; the mean shrinks by lr / (1 - momentum) a step
    sgd = SGD(lr=1e-6, momentum=0.9)
    rho = linsgd.lyapunov_exponent(gaussian([1.0]), sgd, method="transfer_operator")
    assert (str(rho.status), rho.lower < rho.upper) == ("unresolved", True)
    assert -1.001e-5 < rho.upper < -1e-5  # log h(2) / 2
    found = linsgd.tail_exponent(gaussian([1.0]), sgd, method="transfer_operator")
    assert (str(found.status), found.upper) == ("unresolved", math.inf)
    assert found.lower >= 4  # h(4) < 1, exactly


@pytest.mark.cases(1)
@pytest.mark.parametrize("sgd", [SGD(lr=1e-3), SGD(lr=0.5, batch_size=1000)])
def test_exponents_too_large_are_bounded_by_exact_moments(sgd):
    found = linsgd.tail_exponent(gaussian([1.0, 0.5]), sgd, method="sphere_operator")
    assert str(found.status) == "unresolved"
    assert found.lower >= 6  # h(6) < 1
    assert found.upper == math.inf


def test_a_number_nobody_knows_is_unresolved():
    found = linsgd.lyapunov_exponent(gaussian(MANY), SGD(lr=0.001))
    assert (str(found.status), math.isnan(found.value)) == ("unresolved", True)
    assert -math.inf == found.lower < found.upper < 0


@pytest.mark.parametrize(
    ("dof", "status", "upper"), [(1.5, "power_law", 1.5), (8.0, "unresolved", 8.0)]
)
def test_heavy_labels_where_the_products_are_bracketed(dof, status, upper):
    problem = gaussian(MANY, noise=linsgd.StudentNoise(dof=dof))
    found = linsgd.tail_exponent(problem, SGD(lr=0.001))
    assert (str(found.status), found.upper) == (status, upper)
    assert "nan" not in found.reason
    assert found.lower == min(dof, 4)


def test_heavy_labels_of_steps_that_never_stretch():
    law = linsgd.RademacherFeatures([1.0, 0.9])
    problem = linsgd.LinearRegression.from_features(law, noise=linsgd.StudentNoise(dof=3.0))
    found = linsgd.tail_exponent(problem, SGD(lr=0.2))
    assert (str(found.status), found.value, found.method) == (
        "power_law",
        3.0,
        "bound",
    )  # nothing is sampled
    quiet = linsgd.LinearRegression.from_features(
        law, noise_std=0.0, noise=linsgd.StudentNoise(dof=3.0)
    )
    assert linsgd.tail_exponent(quiet, SGD(lr=0.2)).status == "degenerate"
    decayed = linsgd.LinearRegression.from_features(
        law, noise_std=0.0, optimum=[1.0, 1.0], noise=linsgd.StudentNoise(dof=3.0)
    )
    assert (
        linsgd.tail_exponent(decayed, SGD(lr=0.2, weight_decay=0.1)).status == "light"
    )  # there is no label noise
