"""Learning rates at which moments cease to exist: closed forms, other methods, proofs."""

import dataclasses
import importlib.util

import numpy as np
import pytest
from scipy.optimize import brentq

import linsgd

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD
UNEVEN = np.geomspace(1, 0.02, 8)


def test_the_variance_threshold_is_the_smallest_root_of_its_secular_equation():
    b = 3
    edge = 2 * b / (b + 1)
    exact = brentq(
        lambda lr: np.sum(lr * UNEVEN / (2 * b - lr * (b + 1) * UNEVEN)) - 1,
        1e-6,
        edge * (1 - 1e-9),
        xtol=1e-15,
        rtol=1e-15,
    )
    for method in ("mean_square", "even_moments", "auto"):
        found = linsgd.moment_threshold(gaussian(UNEVEN), SGD(lr=1.0, batch_size=b), 2, method)
        assert found.lower <= exact <= found.upper


@pytest.mark.parametrize(("d", "b"), [(1, 1), (1, 2), (5, 3), (1000, 20)])
def test_the_fourth_moment_of_isotropic_features_has_a_cubic(d, b):
    cubic = [
        -(b + 2) * (b + d + 3) * (b + d + 5),
        4 * (b + 2) * (b + d + 3),
        -2 * (3 * b + d + 5),
        4,
    ]
    c = min(root.real for root in np.roots(cubic) if abs(root.imag) < 1e-9 * abs(root))
    for method in ("quadrature", "even_moments"):
        found = linsgd.moment_threshold(gaussian([1.0] * d), SGD(lr=1.0, batch_size=b), 4, method)
        assert found.value == pytest.approx(b * c, rel=1e-11)
        assert found.upper - found.lower < 1e-10 * found.value


@pytest.mark.parametrize("order", [2, 4, 6])
def test_the_exponent_at_the_threshold_is_the_order(order):
    sgd = SGD(lr=1.0, batch_size=4, weight_decay=0.2)
    lr = linsgd.moment_threshold(gaussian([1.0, 1.0]), sgd, order).value
    assert linsgd.tail_exponent(
        gaussian([1.0, 1.0]), SGD(lr=lr, batch_size=4, weight_decay=0.2)
    ).value == pytest.approx(order, abs=1e-9)


@pytest.mark.parametrize("order", [2, 4, 6])
def test_rigorous_bounds_separate_finite_from_infinite_moments(order):
    problem = gaussian(UNEVEN)
    found = linsgd.moment_threshold(problem, SGD(lr=1.0, batch_size=2), order, "even_moments")
    assert found.guarantee == "rigorous"
    assert found.upper - found.lower < 1e-9 * found.value
    inside, outside = (
        linsgd.spectral_function(problem, SGD(lr=lr, batch_size=2), float(order), "even_moments")
        for lr in (found.lower, found.upper)
    )
    assert inside.upper < 1 < outside.lower


def test_thresholds_fall_with_the_order():
    found = [
        linsgd.moment_threshold(gaussian(UNEVEN), SGD(lr=1.0), order).value for order in (2, 4, 6)
    ]
    assert found[0] > found[1] > found[2]


@pytest.mark.skipif(importlib.util.find_spec("flint") is None, reason="needs python-flint")
@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize(
    ("spectrum", "decay"), [([1.0], 0.0), (UNEVEN, 0.0), (UNEVEN, 0.5), ([1.0] * 6, 0.1)]
)
def test_ball_arithmetic_encloses_the_same_numbers(order, spectrum, decay):
    sgd = SGD(lr=1.0, batch_size=3, weight_decay=decay)
    proved, other = (
        linsgd.moment_threshold(gaussian(spectrum), sgd, order, m)
        for m in ("certified", "even_moments")
    )
    assert proved.guarantee == "rigorous"
    assert max(proved.lower, other.lower) <= min(proved.upper, other.upper)
    assert proved.upper - proved.lower < 1e-11 * proved.value


@pytest.mark.skipif(importlib.util.find_spec("flint") is None, reason="needs python-flint")
def test_a_proof_knows_its_side():
    from linsgd.theory.tails.moments.certified import side
    from linsgd.theory.tails.setting import Setting

    exact = linsgd.moment_threshold(gaussian(UNEVEN), SGD(lr=1.0), 4).value
    sides = [
        side(Setting.of(gaussian(UNEVEN), SGD(lr=exact * f)), 4) for f in (1 - 1e-11, 1 + 1e-11)
    ]
    assert sides == [-1, 1]


@pytest.mark.parametrize(
    ("momentum", "nesterov", "batch"), [(0.5, False, 1), (0.9, True, 4), (0.99, False, 10)]
)
def test_with_momentum_the_fourth_moment_is_the_tail_exponent_four(momentum, nesterov, batch):
    sgd = SGD(lr=1.0, momentum=momentum, nesterov=nesterov, batch_size=batch)
    found = linsgd.moment_threshold(gaussian([1.0]), sgd, 4)
    assert (found.method, str(found.guarantee)) == ("even_moments", "numerical")
    assert found.upper - found.lower < 1e-9 * found.value
    alpha = linsgd.tail_exponent(gaussian([1.0]), dataclasses.replace(sgd, lr=found.value)).value
    assert alpha == pytest.approx(4, abs=1e-6)
    other = linsgd.tail_exponent(
        gaussian([1.0]), dataclasses.replace(sgd, lr=found.value * (1 + 1e-5))
    ).value
    assert other != pytest.approx(4, abs=1e-6)  # it can fail


def test_little_momentum_moves_the_threshold_little():
    none, little = (
        linsgd.moment_threshold(gaussian(UNEVEN), SGD(lr=1.0, momentum=m), 4).value
        for m in (0.0, 1e-7)
    )
    assert little == pytest.approx(none, rel=1e-6)
    assert little != pytest.approx(none, rel=1e-9)


def test_dampening_scales_the_threshold():
    plain, damped = (
        linsgd.moment_threshold(gaussian(UNEVEN), SGD(lr=1.0, momentum=0.5, dampening=x), 4).value
        for x in (0, 0.5)
    )
    assert damped == pytest.approx(2 * plain, rel=1e-9)


def test_other_laws_have_order_two():
    problem = linsgd.LinearRegression.from_features(linsgd.UniformFeatures([1.0, 0.5]))
    sgd = SGD(lr=1.0, momentum=0.5)
    assert (
        linsgd.moment_threshold(problem, sgd, 2).value
        == linsgd.stability(problem, sgd).lr_mean_square
    )
    with pytest.raises(
        ValueError, match=r"none for order 4.*'even_moments' needs Gaussian features"
    ):
        linsgd.moment_threshold(problem, sgd, 4)
    with pytest.raises(ValueError, match=r"none for order 6.*'even_moments' needs order 4"):
        linsgd.moment_threshold(gaussian([1.0]), sgd, 6)
    with pytest.raises(ValueError, match=r"order = 1 is outside its domain: \[2, 1e6\]"):
        linsgd.moment_threshold(problem, sgd, 1)
    with pytest.raises(ValueError, match="20 features"):
        linsgd.moment_threshold(gaussian(np.geomspace(1, 0.1, 21)), SGD(lr=1.0), 6)
