"""The transfer operator of two or three uneven features, and the quadrature under it."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.optimize import brentq

import linsgd
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.isotropic.radial import RadialLaw
from linsgd.theory.tails.moments import gaussian_moments
from linsgd.theory.tails.setting import Setting
from linsgd.theory.tails.sphere import sphere_operator
from linsgd.theory.tails.sphere.one_step_quadrature import GaussianStep
from linsgd.theory.tails.sphere.sphere_operator import Level, Sphere

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD
PLANE = [1.0, 0.01]


def setting(spectrum, **options):
    return Setting.of(gaussian(spectrum), SGD(**options))


def operator(spectrum, **options):
    return Sphere(GaussianStep.of(setting(spectrum, **options)))


@pytest.mark.parametrize(
    ("d", "b", "lr", "s"),
    [
        (2, 1, 2.0, 0.2),
        (2, 4, 1.2, 2.2),
        (2, 1, 0.01, 170.0),
        (3, 1, 0.5, 2.5),
        (3, 100, 1.5, 20.0),
    ],
)
def test_images_of_a_flat_spectrum_have_the_radial_moments(d, b, lr, s):
    u = np.arange(1.0, d + 1)
    step = GaussianStep(1.0, lr / b, b, np.ones(d))
    nodes = step.nodes(u / np.linalg.norm(u), s, np.ones(d), 0.7 if d == 2 else 1.0)
    found = np.log(np.exp(nodes.log_weight + s * nodes.growth).sum())
    assert found == pytest.approx(
        RadialLaw(d, b, 1.0, lr / b).log_moment(s)[0], abs=1e-9 if d == 2 else 1e-7
    )


@pytest.mark.parametrize("spectrum", [[1.0, 0.3], PLANE, [1.0, 0.3, 0.1]])
@pytest.mark.parametrize(("b", "decay"), [(1, 0.0), (4, 0.3)])
def test_one_step_has_the_second_moment_of_the_features(spectrum, b, decay):
    lr, spectrum = 0.5, np.array(spectrum)
    step = operator(spectrum, lr=lr, batch_size=b, weight_decay=decay).step
    u = np.sqrt(np.arange(1.0, spectrum.size + 1) / np.arange(1.0, spectrum.size + 1).sum())
    a, h = 1 - lr * decay, spectrum @ u**2
    exact = (
        a * a - 2 * a * lr * h + lr**2 / b * ((b + 1) * (spectrum**2 @ u**2) + spectrum.sum() * h)
    )  # u'E A^2 u
    nodes = step.nodes(u, 2.0, np.ones(spectrum.size), 0.5 if spectrum.size == 2 else 1.0)
    assert np.exp(nodes.log_weight + 2 * nodes.growth).sum() == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize("u", [(0.158, 0.088, 0.983), (0.07, 0.015, 0.997), (0.76, 0.63, 0.13)])
def test_what_varies_where_a_coordinate_vanishes_is_integrated_there(u):
    step, norm, u = (
        operator([1.0, 0.1, 0.01], lr=1.2).step,
        np.array([1.0, 0.845, 6.2]),
        np.array(u),
    )

    def expected(coarse):
        nodes = step.nodes(u / np.linalg.norm(u), 0.2, norm, coarse)
        share = nodes.squared[:, 0] / (nodes.squared @ [1.0, 1.0, 0.05])
        return np.exp(nodes.log_weight + 0.2 * nodes.growth) @ share

    assert expected(1.4) == pytest.approx(
        expected(0.9), abs=4e-7
    )  # 6e-5 where nodes crowd nearest to A u = 0


@pytest.mark.parametrize(("low", "b", "decay"), [(0.3, 1, 0.0), (0.01, 4, 0.0), (0.1, 1, 0.3)])
def test_even_orders_agree_with_the_exact_moments(low, b, decay):
    case = setting([1.0, low], lr=0.6 * b, batch_size=b, weight_decay=decay)
    exact = gaussian_moments.log_even(case, 2)
    found = sphere_operator.log_spectral(case, 2.0)
    assert found.lower <= exact.value <= found.upper
    assert found.upper - found.lower < 1e-7
    assert found.value == pytest.approx(exact.value, abs=1e-10)


@pytest.mark.parametrize("s", [0.7, 3.0])
def test_a_flat_spectrum_is_the_isotropic_law(s):
    case = setting([1.0, 1.0], lr=0.5, batch_size=3)
    exact = quadrature.radial_law(case).log_moment(s)[0]
    assert sphere_operator.log_spectral(case, s).value == pytest.approx(exact, abs=1e-11)


def test_odd_orders_of_a_mild_spectrum():
    found = sphere_operator.log_spectral(setting([1.0, 0.3], lr=0.5), 1.0)
    assert found.value == pytest.approx(
        -0.12837005475452, abs=1e-11
    )  # 32 cosines on a quadrature of its own


@pytest.mark.cases(1)
@pytest.mark.parametrize(("s", "b", "lr"), [(2.9038149223, 1, 0.5), (1.511184745, 4, 1.5)])
def test_coarser_levels_enclose_finer_ones(s, b, lr):
    ball = operator(PLANE, lr=lr, batch_size=b)
    norm = ball.balanced(s, ball.step.spectrum).norm
    coarse, fine = (ball.fit(s, norm, Level(*level)) for level in ((16, 0.6), (40, 0.45)))
    wide, narrow = ball.ratios(coarse, 0.5), ball.ratios(fine, 0.4)
    assert wide.lower <= narrow.lower <= narrow.upper <= wide.upper
    assert narrow.upper - narrow.lower < 1e-8 < wide.upper - wide.lower
    assert fine.slope == pytest.approx(coarse.slope, rel=1e-5)


def test_bounds_see_a_wrong_function():
    ball = operator(PLANE, lr=0.5)
    fit = ball.fit(2.9, ball.balanced(2.9, ball.step.spectrum).norm, Level(24, 0.6))
    spoilt = dataclasses.replace(fit, f=fit.f + 1e-4 * np.eye(24)[5])
    right, wrong = (ball.ratios(each, 0.5) for each in (fit, spoilt))
    assert wrong.upper - wrong.lower > 10 * (right.upper - right.lower)
    assert wrong.lower <= right.lower <= right.upper <= wrong.upper


@pytest.mark.cases(1)
@pytest.mark.parametrize(
    ("options", "alpha"),
    [
        ({"lr": 0.5}, 2.90381492231),
        ({"lr": 1.5, "batch_size": 4}, 1.51118474462),
        pytest.param({"lr": 1.0, "batch_size": 100}, 66.0195775834, marks=pytest.mark.nightly),
        ({"lr": 0.05}, 35.2422989046),
    ],
)
def test_exponents_at_condition_number_100(options, alpha):
    found = sphere_operator.exponent(setting(PLANE, **options))
    assert found.value == pytest.approx(alpha, abs=2e-8)  # other coordinates, degrees and rules
    assert found.lower < found.value < found.upper
    assert found.upper - found.lower < 2e-8


def second_threshold(h, b):
    """The learning rate at which h(2) = 1 and alpha = 2."""

    def excess(lr):
        return np.sum(lr * h / (2 * b - lr * (b + 1) * h)) - 1

    return brentq(excess, 0.1, 2 * b / (b + 1) - 1e-9, xtol=1e-15)


def test_the_exponent_is_two_at_the_closed_threshold():
    h, b = np.array([1.0, 0.02]), 3
    found = sphere_operator.exponent(setting(h, lr=second_threshold(h, b), batch_size=b))
    assert found.lower <= 2 <= found.upper
    assert found.upper - found.lower < 2e-8


@pytest.mark.cases(1)
@pytest.mark.parametrize("decay", [0.0, 0.4])
def test_rho_is_the_slope_of_log_h_at_zero(decay):
    case = setting([1.0, 0.1], lr=1.0, weight_decay=decay)
    rho, s = sphere_operator.lyapunov(case), 0.01
    chord = [sphere_operator.log_spectral(case, k * s).value / (k * s) for k in (1, 2)]
    assert 2 * chord[0] - chord[1] == pytest.approx(rho.value, abs=2e-4)
    assert rho.upper - rho.lower < 1e-7
    assert chord[0] > rho.upper  # convex


def test_it_says_where_there_is_no_law():
    found = linsgd.tail_exponent(gaussian([1.0, 0.3]), SGD(lr=2.6))
    assert (found.method, str(found.status)) == ("sphere_operator", "no_stationary_law")


def test_what_it_serves():
    assert linsgd.spectral_function(gaussian(PLANE), SGD(lr=0.3), 2.0).method == "sphere_operator"
    for spectrum in ([1.0, 0.001], [1.0, 0.5, 0.3, 0.2]):
        with pytest.raises(
            ValueError, match="'sphere_operator' needs two or three Gaussian features"
        ):
            linsgd.tail_exponent(gaussian(spectrum), SGD(lr=0.3), method="sphere_operator")


def test_what_it_serves_does_not_depend_on_the_learning_rate():
    for lr in (1e-4, 0.5, 5.0):
        assert not sphere_operator.covers(setting([1.0, 0.1, 0.01], lr=lr))


def test_beyond_the_largest_order_nothing_is_claimed():
    found = sphere_operator.exponent(setting(PLANE, lr=0.001))
    assert math.isnan(found.value)
    assert found.upper == math.inf


def test_space_contains_the_exact_second_moment():
    ball = operator([1.0, 0.5, 0.3], lr=0.5)
    exact = gaussian_moments.log_even(setting([1.0, 0.5, 0.3], lr=0.5), 2)
    fit = ball.fit(2.0, ball.balanced(2.0, ball.step.spectrum).norm, Level(6, 1.6))
    bounds = ball.ratios(fit, 1.4)
    assert bounds.lower <= exact.value <= bounds.upper
    assert fit.log_h == pytest.approx(exact.value, abs=3e-6)


@pytest.mark.nightly
@pytest.mark.parametrize("s", [2, 4])
def test_bounds_in_space_contain_exact_moments_and_are_not_much_wider(s):
    case = setting([1.0, 0.1, 0.01], lr=0.5)
    exact, ball = gaussian_moments.log_even(case, s), operator([1.0, 0.1, 0.01], lr=0.5)
    norm = ball.norm(s)
    rough, fine = (ball.ratios(ball.fit(s, norm, Level(degree, 1.6)), 1.4) for degree in (10, 14))
    assert all(each.lower <= exact.value <= each.upper for each in (rough, fine))
    assert fine.upper - fine.lower < (rough.upper - rough.lower) / 4
    assert fine.upper - fine.lower < 2e-4


@pytest.mark.nightly
def test_where_another_mode_of_space_takes_over_the_norm_is_balanced_again():
    ball = operator([1.0, 0.1, 0.01], lr=0.15)
    found = ball.ratios(
        ball.fit(11.0, ball.norm(11.0), Level(20, 1.4)), 1.2
    )  # nothing in the norms that planes suggest
    assert found.value == pytest.approx(-0.0162557, abs=2e-6)
    assert found.upper - found.lower < 1e-4


@pytest.mark.nightly
def test_rho_of_small_steps_in_space():
    rough, fine = (
        operator([1.0, 0.1, 0.01], lr=0.5, batch_size=10).lyapunov(levels) for levels in (1, 2)
    )
    assert fine.upper - fine.lower < 1e-2  # 0.1 in the coordinates of large steps
    for found in (rough, fine):
        assert found.lower <= -0.0050151071 <= found.upper  # by 24 polynomials


@pytest.mark.nightly
def test_a_third_feature_of_little_variance_changes_little():
    plane = operator([1.0, 0.5], lr=0.5).log_spectral(3.0).value
    shift = []
    for least in (0.1, 0.05):
        ball = operator([1.0, 0.5, least], lr=0.5)
        shift.append(
            ball.fit(3.0, ball.balanced(3.0, ball.step.spectrum).norm, Level(9, 1.5)).log_h - plane
        )
    assert 0 < shift[1] < shift[0] < 0.1
    assert shift[0] / shift[1] == pytest.approx(
        4, abs=0.5
    )  # of second order: into that direction and back


def test_the_exponent_in_space_is_two_at_the_closed_threshold(monkeypatch):
    # one level of few polynomials
    monkeypatch.setitem(sphere_operator._ROUGH, 3, Level(4, 2.0))
    monkeypatch.setitem(sphere_operator._LEVELS, 3, (Level(7, 1.9),))
    h, b = np.array([1.0, 0.5, 0.3]), 2
    found = sphere_operator.exponent(setting(h, lr=second_threshold(h, b), batch_size=b))
    assert found.lower <= 2 <= found.upper
    assert found.upper - found.lower < 1e-3


@pytest.mark.parametrize(
    ("spectrum", "options", "alpha"),
    [
        pytest.param([1.0, 0.3, 0.1], {"lr": 0.5}, 2.8210276, marks=pytest.mark.nightly),
        pytest.param([1.0, 1.0, 0.01], {"lr": 0.3}, 4.6427555, marks=pytest.mark.nightly),
        pytest.param([1.0, 0.1, 0.01], {"lr": 1.2}, 0.2010714, marks=pytest.mark.nightly),
        pytest.param([1.0, 0.1, 0.01], {"lr": 0.5}, 2.8933709, marks=pytest.mark.nightly),
        pytest.param(
            [1.0, 0.1, 0.1], {"lr": 0.3, "batch_size": 2}, 9.9944188, marks=pytest.mark.nightly
        ),
        pytest.param([1.0, 0.5, 0.2], {"lr": 0.1}, 17.2253637, marks=pytest.mark.nightly),
        pytest.param([1.0, 0.1, 0.01], {"lr": 0.15}, 11.2948478, marks=pytest.mark.nightly),
        pytest.param([1.0, 0.1, 0.01], {"lr": 0.05}, 35.2404166, marks=pytest.mark.nightly),
        pytest.param([1.0, 0.9, 0.8], {"lr": 0.02}, 88.7791676, marks=pytest.mark.nightly),
    ],
)
def test_exponents_in_space(spectrum, options, alpha):
    found = sphere_operator.exponent(setting(spectrum, **options))
    assert found.lower < found.value < found.upper
    assert found.value == pytest.approx(alpha, rel=2e-7)  # other coordinates, degrees and rules
    assert found.upper - found.lower < 2e-6 * max(alpha, 1)
