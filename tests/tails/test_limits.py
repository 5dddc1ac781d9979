"""Limits and inequalities."""

import numpy as np
import pytest

import linsgd
from linsgd.theory.tails.isotropic.asymptotics import many_features_constant, small_step_constant

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


def alpha(d=1, **options):
    return linsgd.tail_exponent(gaussian([1.0] * d), SGD(**options)).value


@pytest.mark.parametrize(("d", "b"), [(1, 1), (3, 2)])
def test_small_steps(d, b):
    distance = [
        abs(alpha(d, lr=lr, batch_size=b) * lr / b - small_step_constant())
        for lr in (1e-2, 1e-3, 1e-4)
    ]
    assert distance[2] < 0.2 * distance[1] < 0.04 * distance[0] * 1.5
    assert distance[2] < 2e-3 * d  # the diffusion value 1 is 0.8 away


@pytest.mark.parametrize(("d", "b"), [(1, 1), (2, 1), (1, 3), (1, 6), (4, 2)])
def test_the_error_of_small_steps(d, b):
    # distance = first c log(1/c) + second c: from two learning rates, without decay
    c = np.array([1e-4, 1e-5])
    distance = np.array([alpha(d, lr=b * x, batch_size=b) * x for x in c]) - small_step_constant()
    first, second = np.linalg.solve(np.stack([c * np.log(1 / c), c], axis=1), distance)
    expected = -(b - 1) / (2 * np.log(2 * small_step_constant()))
    assert first == pytest.approx(expected, abs=0.01)
    assert abs(second) < 10


def test_the_error_of_the_edge_is_of_its_distance():
    from linsgd.theory.stability.almost_sure import almost_sure_threshold
    from linsgd.theory.tails.isotropic.radial import RadialLaw

    for d, b in ((1, 1), (5, 2)):
        edge = almost_sure_threshold(gaussian([1.0] * d), SGD(lr=1.0, batch_size=b))[0]
        errors = [
            RadialLaw(d, b, 1.0, (1 - x) * edge / b).near_edge_exponent()
            / alpha(d, lr=(1 - x) * edge, batch_size=b)
            - 1
            for x in (1e-3, 1e-4)
        ]
        assert errors[0] / errors[1] == pytest.approx(10, rel=0.02)


def test_the_error_of_many_features_is_of_order_one_over_d():
    errors = [
        d * (alpha(d, lr=1.0 / d) / d - many_features_constant(1.0)) for d in (500, 2000, 8000)
    ]
    assert errors[2] == pytest.approx(errors[1], rel=0.01)
    assert abs(errors[2] - errors[1]) < abs(errors[1] - errors[0])


def test_small_steps_with_decay():
    # lr decay = 0.5 fixed
    product = alpha(lr=1e-4, weight_decay=5000.0) * 1e-4
    assert product == pytest.approx(small_step_constant(0.5), rel=2e-3)
    assert abs(product - small_step_constant()) > 0.1


def test_near_the_edge_the_log_is_gaussian():
    from linsgd.theory.stability.almost_sure import almost_sure_threshold
    from linsgd.theory.tails.isotropic.radial import RadialLaw

    edge = almost_sure_threshold(gaussian([1.0]), SGD(lr=1.0))[0]
    errors = [
        abs(RadialLaw(1, 1, 1.0, f * edge).near_edge_exponent() / alpha(lr=f * edge) - 1)
        for f in (0.9, 0.99, 0.999)
    ]
    assert errors[0] == pytest.approx(0.018, abs=0.001)
    assert errors[2] < 0.15 * errors[1] < 0.03 * errors[0]


@pytest.mark.parametrize(("g", "theta"), [(0.25, 6.7885), (1.5, 0.8273)])
def test_many_features(g, theta):
    assert many_features_constant(g) == pytest.approx(theta, abs=5e-5)
    one, other = (alpha(d, lr=g / d) / d for d in (500, 1000))
    assert 2 * other - one == pytest.approx(
        many_features_constant(g), abs=5e-5
    )  # corrections are of order 1 / d


def test_in_high_dimension_moderate_tails_fill_a_narrow_window():
    d, b = 100, 10
    critical = 2 * b / (b + d + 1)
    from linsgd.theory.stability.almost_sure import almost_sure_threshold

    edge = almost_sure_threshold(gaussian([1.0] * d), SGD(lr=1.0, batch_size=b))[0]
    assert edge / critical - 1 == pytest.approx(3.94e-3, abs=1e-5)
    for f in (0.25, 0.5, 0.75):
        assert alpha(d, lr=critical + f * (edge - critical), batch_size=b) == pytest.approx(
            2 - 2 * f, abs=2e-3
        )


@pytest.mark.parametrize("d", [1, 3])
def test_monotone_in_the_learning_rate(d):
    found = [alpha(d, lr=f * 2 / (d + 2)) for f in np.linspace(0.1, 1.1, 11)]
    assert np.diff(found).max() < 0


def test_batch_monotone_above_one_only():
    above = [alpha(lr=0.5, batch_size=b) for b in (1, 2, 3, 5, 10)]
    assert np.diff(above).min() > 0
    below = [alpha(lr=2.2, batch_size=b) for b in (1, 2, 3, 4, 6, 10, 20)]
    assert below == pytest.approx(
        [0.0793, 0.2493, 0.3337, 0.3797, 0.4150, 0.3868, 0.1407], abs=5e-5
    )
    assert (
        linsgd.tail_exponent(gaussian([1.0]), SGD(lr=2.2, batch_size=40)).status
        == "no_stationary_law"
    )


@pytest.mark.parametrize(("b", "sign"), [(1, 1), (2, 0), (3, -1), (4, -1)])
def test_weight_decay_lightens_heavies_or_does_nothing(b, sign):
    step = 1e-4
    slope = (alpha(lr=0.5, batch_size=b, weight_decay=step) - alpha(lr=0.5, batch_size=b)) / step
    assert abs(slope) < 0.01 if sign == 0 else sign * slope > 0.1


# the public call


@pytest.mark.parametrize(
    ("regime", "d", "options"),
    [
        ("small_steps", 1, {"lr": 0.01}),
        ("small_steps", 1, {"lr": 0.001, "weight_decay": 300.0}),
        ("small_steps", 3, {"lr": 0.01, "batch_size": 4}),
        ("edge", 1, {"lr": 2.3}),
        ("edge", 1, {"lr": 1.1, "batch_size": 4, "weight_decay": 0.9}),
        ("edge", 5, {"lr": 0.51, "batch_size": 2}),
        ("many_features", 50, {"lr": 0.02}),
        ("many_features", 400, {"lr": 0.004}),
    ],
)
def test_the_error_of_a_limit_is_of_the_order_that_is_said(regime, d, options):
    found = linsgd.asymptotic_exponent(gaussian([1.0] * d), SGD(**options), regime)
    distance = abs(found.value / alpha(d, **options) - 1)
    assert found.status == "power_law"
    assert 0.02 * found.error < distance < 5 * found.error < 1


@pytest.mark.nightly
def test_small_steps_see_the_largest_eigenvalue():
    problem, sgd = gaussian([1.0, 0.3]), SGD(lr=0.04)
    found = linsgd.asymptotic_exponent(problem, sgd, "small_steps")
    assert found.value == pytest.approx(small_step_constant() / 0.04, rel=1e-12)
    assert linsgd.tail_exponent(problem, sgd).value == pytest.approx(
        found.value, rel=2 * found.error
    )


def test_limits_say_where_there_is_no_law_and_what_labels_decide():
    sgd = SGD(lr=0.01)
    assert (
        linsgd.asymptotic_exponent(gaussian([1.0]), SGD(lr=2.5), "edge").status
        == "no_stationary_law"
    )
    assert (
        linsgd.asymptotic_exponent(gaussian([1.0], noise_std=0.0), sgd, "small_steps").status
        == "degenerate"
    )
    heavy = gaussian([1.0], noise=linsgd.StudentNoise(dof=3.0))
    assert linsgd.asymptotic_exponent(heavy, sgd, "small_steps").value == 3.0


@pytest.mark.parametrize(
    ("problem", "sgd", "regime", "needs"),
    [
        (gaussian([1.0]), SGD(lr=0.01), "large_steps", "regime"),
        (gaussian([1.0]), SGD(lr=0.01, momentum=0.5), "small_steps", "momentum 0"),
        (gaussian([1.0]), SGD(lr=0.01, weight_decay=200.0), "small_steps", "weight_decay < 1"),
        (gaussian([1.0, 0.5]), SGD(lr=0.01), "edge", "isotropic"),
        (gaussian([1.0] * 50), SGD(lr=0.01, batch_size=2), "many_features", "batch 1"),
        (gaussian([1.0] * 50), SGD(lr=0.05), "many_features", r"\(0, 0.04\)"),
    ],
)
def test_limits_without_a_law_are_refused(problem, sgd, regime, needs):
    with pytest.raises(ValueError, match=needs):
        linsgd.asymptotic_exponent(problem, sgd, regime)
