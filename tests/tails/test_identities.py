"""Identities that hold exactly: known moments, scaling, limits of the domain."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import linsgd
from linsgd.theory.stability.almost_sure import almost_sure_threshold
from linsgd.theory.tails.isotropic.quadrature import BACKWARD_ERROR
from linsgd.theory.tails.isotropic.radial import RadialLaw
from linsgd.theory.tails.setting import Setting

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD
dimensions = st.sampled_from([1, 2, 3, 10, 100, 10_000])
batches = st.sampled_from([1, 2, 3, 10, 100, 10_000])
decays = st.sampled_from([0.0, 0.1, 2.0])


@given(dimensions, batches, decays, st.floats(0.01, 1.5))
def test_even_moments_are_polynomials(d, b, decay, fraction):
    lr = fraction * 2 * b / (b + d + 1)
    a, c, y1, y2 = 1 - lr * decay, lr / b, d - 1, (d - 1) * (d + 1)
    m1, m2, m3, m4 = (math.prod(b + 2 * i for i in range(k)) for k in (1, 2, 3, 4))
    second = a * a - 2 * a * c * b + c * c * b * (b + d + 1)
    fourth = (
        a**4
        - 4 * a**3 * c * m1
        + 4 * a**2 * c**2 * m2
        + 2 * a**2 * c**2 * (m2 + m1 * y1)
        - 4 * a * c**3 * (m3 + m2 * y1)
        + c**4 * (m4 + 2 * m3 * y1 + m2 * y2)
    )
    problem, sgd = gaussian([1.0] * d), SGD(lr=lr, batch_size=b, weight_decay=decay)
    for s, exact in ((2.0, second), (4.0, fourth)):
        found = linsgd.spectral_function(problem, sgd, s)
        # the polynomial itself cancels: its terms are of size 1
        assert found.value == pytest.approx(exact, rel=1e-13, abs=2e-14 * s)


@given(dimensions, batches)
def test_exponent_is_two_at_the_mean_square_threshold(d, b):
    found = linsgd.tail_exponent(gaussian([1.0] * d), SGD(lr=2 * b / (b + d + 1), batch_size=b))
    rounding = 2.0**-52 / BACKWARD_ERROR
    assert abs(found.value - 2) <= max(2, rounding) * (found.upper - found.lower)


@settings(max_examples=10)
@given(
    st.sampled_from([1, 2, 50]),
    st.sampled_from([1, 2, 7]),
    st.floats(0.05, 0.9),
    st.floats(0.1, 10.0),
)
def test_feature_variance_only_scales_the_learning_rate(d, b, fraction, variance):
    lr = fraction * 2 * b / (b + d + 1)
    one = linsgd.tail_exponent(gaussian([1.0] * d), SGD(lr=lr, batch_size=b))
    other = linsgd.tail_exponent(gaussian([variance] * d), SGD(lr=lr / variance, batch_size=b))
    assert one.lower <= other.upper
    assert other.lower <= one.upper


def test_a_null_direction_changes_nothing():
    one = linsgd.tail_exponent(gaussian([1.0, 1.0]), SGD(lr=0.4))
    other = linsgd.tail_exponent(gaussian([1.0, 0.0, 1.0]), SGD(lr=0.4))
    assert one.value == other.value


def test_dampening_only_scales_the_learning_rate():
    damped = Setting.of(gaussian([1.0]), SGD(lr=0.4, momentum=0.5, dampening=0.25))
    assert damped.step_size == pytest.approx(0.3, rel=1e-15)


@pytest.mark.parametrize("s", [1e-8, 1e-3, 0.5, 1.0, 7.3])
def test_ladder_in_the_batch(s):
    # d/da h_b(s; a, c) = (h_{b-2} - h_b) / (2c): here by a central difference in a = 1 - lr decay
    # at fixed c
    lr, b, step = 0.7, 5, 1e-5
    c = lr / b
    h = [
        RadialLaw(1, batch, a, c).log_moment(s)[0]
        for batch, a in ((b, 1 + step), (b, 1 - step), (b, 1.0), (b - 2, 1.0))
    ]
    slope = (math.expm1(h[0]) - math.expm1(h[1])) / (2 * step)
    assert slope == pytest.approx((math.expm1(h[3]) - math.expm1(h[2])) / (2 * c), rel=1e-7)


@given(st.sampled_from([1, 3, 100]), st.sampled_from([1, 2, 10]))
def test_spectral_function_is_log_convex_from_one(d, b):
    sgd = SGD(lr=1.2 * b / (b + d + 1), batch_size=b)
    orders = np.linspace(0, 6, 13)
    log_h = np.log([linsgd.spectral_function(gaussian([1.0] * d), sgd, s).value for s in orders])
    assert log_h[0] == 0
    assert np.diff(log_h, 2).min() > 0


def test_no_stationary_law_beyond_the_almost_sure_threshold():
    problem = gaussian([1.0] * 3)
    lower, upper, _ = almost_sure_threshold(problem, SGD(lr=1.0, batch_size=2))
    assert upper / lower - 1 < 3e-12
    stable = linsgd.tail_exponent(problem, SGD(lr=lower * (1 - 1e-9), batch_size=2))
    assert stable.status == "power_law"
    assert 0 < stable.value < 1e-7
    unstable = linsgd.tail_exponent(problem, SGD(lr=upper * (1 + 1e-9), batch_size=2))
    assert unstable.status == "no_stationary_law"
    assert unstable.lyapunov > 0
    assert math.isnan(unstable.value)
    edge = linsgd.tail_exponent(problem, SGD(lr=(lower + upper) / 2, batch_size=2))
    assert edge.status == "unresolved"


def test_labels_without_noise_leave_a_point():
    found = linsgd.tail_exponent(gaussian([1.0], noise_std=0.0, optimum=[2.0]), SGD(lr=0.5))
    assert found.status == "degenerate"
    pulled = linsgd.tail_exponent(
        gaussian([1.0], noise_std=0.0, optimum=[2.0]), SGD(lr=0.5, weight_decay=0.1)
    )
    assert pulled.status == "power_law"


def test_heavy_labels_pass_their_exponent_on():
    sgd = SGD(lr=0.5)  # the products alone: alpha = 2.90
    light, heavy = (gaussian([1.0], noise=linsgd.StudentNoise(dof=dof)) for dof in (4.0, 1.5))
    assert linsgd.tail_exponent(heavy, sgd).value == 1.5
    assert (
        linsgd.tail_exponent(light, sgd).value == linsgd.tail_exponent(gaussian([1.0]), sgd).value
    )


@pytest.mark.parametrize("seed", [-1, 1.5])
def test_bad_seeds_are_refused_whether_or_not_anything_is_sampled(seed):
    problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.5)
    for call in (linsgd.tail_exponent, linsgd.lyapunov_exponent):
        with pytest.raises(ValueError, match=r"seed.*\[0, inf\)"):
            call(problem, sgd, seed=seed)


def test_bad_input_names_what_serves():
    problem = gaussian([1.0, 1.0])
    with pytest.raises(ValueError, match="s = -1"):
        linsgd.spectral_function(problem, SGD(lr=0.5), -1.0)
    with pytest.raises(ValueError, match=r"'quadrature'.*'mpmath' needs one feature"):
        linsgd.tail_exponent(problem, SGD(lr=0.5), method="mpmath")
    with pytest.raises(ValueError, match="independent"):
        linsgd.tail_exponent(
            linsgd.LinearRegression.from_data([[1.0]] * 4, [1.0] * 4), SGD(lr=0.5, sampling="epoch")
        )


def test_results_round_trip_and_print():
    found = linsgd.tail_exponent(gaussian([1.0]), SGD(lr=0.5))
    again = type(found).from_dict(found.to_dict())
    assert (again.value, again.status, again.guarantee) == (
        found.value,
        found.status,
        found.guarantee,
    )
    assert "power_law" in repr(found)


@pytest.mark.parametrize("d", [1, 2])
def test_decay_that_leaves_no_noise(d):
    # a = -1/2, and what the features add is below rounding
    problem, sgd = gaussian([1.0] * d), SGD(lr=1.5e-30, weight_decay=1e30)
    found = linsgd.tail_exponent(problem, sgd)
    assert (found.status, found.lower, found.upper) == ("unresolved", 1e6, math.inf)
    assert found.lyapunov == pytest.approx(-math.log(2), rel=1e-12)
    assert linsgd.spectral_function(problem, sgd, 3.0).value == pytest.approx(1 / 8, rel=1e-12)


@pytest.mark.parametrize(
    ("problem", "sgd"),
    [
        (gaussian([1.0]), SGD(lr=0.06, momentum=0.9)),
        (gaussian([1.0, 0.5]), SGD(lr=0.1)),
        (linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.0, 0.5])), SGD(lr=0.1)),
    ],
)
@pytest.mark.parametrize("s", [1e3, 1e6])
def test_orders_that_are_too_large_are_unresolved_not_refused(problem, sgd, s):
    found = linsgd.spectral_function(problem, sgd, s)
    assert found.status == "unresolved"
    assert math.isnan(found.value)
    assert found.lower >= 0
    assert found.upper == math.inf


def test_numbers_are_plain():
    problem, sgd = gaussian([1.0]), SGD(lr=0.4)
    for found in (
        linsgd.tail_exponent(problem, sgd),
        linsgd.spectral_function(problem, sgd, 1.5),
        linsgd.lyapunov_exponent(problem, sgd),
        linsgd.stability(problem, sgd).lr_almost_sure,
    ):
        assert {type(found.lower), type(found.upper)} == {float}
