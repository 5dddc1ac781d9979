"""The transfer operator of two uneven features."""

import math

import pytest

import linsgd
from linsgd.theory.tails import even_moments, particles, quadrature
from linsgd.theory.tails.plane import PlaneStep
from linsgd.theory.tails.setting import Setting

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


@pytest.mark.parametrize(("low", "b", "decay"), [(0.3, 1, 0.0), (0.1, 4, 0.0), (0.5, 2, 0.3)])
def test_even_orders_agree_with_the_exact_moments(low, b, decay):
    setting = Setting.of(gaussian([1.0, low]), SGD(lr=0.5, batch_size=b, weight_decay=decay))
    for s, exact in even_moments.log_moments(setting).items():
        assert PlaneStep.of(setting).log_spectral(s, 6).value == pytest.approx(exact.value, abs=1e-12)


@pytest.mark.parametrize("s", [-0.02, 0.7, 3.0])
def test_a_flat_spectrum_is_the_isotropic_law(s):
    setting = Setting.of(gaussian([1.0, 1.0]), SGD(lr=0.5, batch_size=3))
    exact = quadrature.radial_law(setting).log_moment(s)[0]
    assert PlaneStep.of(setting).log_spectral(s, 6).value == pytest.approx(exact, abs=1e-12)


def test_odd_orders_converge_inside_their_bounds():
    step = PlaneStep.of(Setting.of(gaussian([1.0, 0.3]), SGD(lr=0.5)))
    few, more = step.log_spectral(1.0, 6), step.log_spectral(1.0, 12)
    assert few.lower <= more.lower <= more.upper <= few.upper
    assert more.upper - more.lower < 1e-8
    assert more.value == pytest.approx(-0.12837005475452, abs=1e-11)


def test_odd_orders_agree_with_particles():
    setting = Setting.of(gaussian([1.0, 0.3]), SGD(lr=0.5))
    exact, sampled = PlaneStep.of(setting).log_spectral(2.5, 12), particles.log_spectral(setting, 2.5)
    assert abs(sampled.value - exact.value) < sampled.upper - sampled.lower  # 10 standard errors


def test_auto_takes_it_and_refuses_what_it_cannot():
    assert linsgd.spectral_function(gaussian([1.0, 0.5]), SGD(lr=0.3), 2.0).method == "plane_operator"
    assert linsgd.lyapunov_exponent(gaussian([1.0, 0.01]), SGD(lr=0.3)).method == "particles"
    with pytest.raises(ValueError, match="'plane_operator' needs two Gaussian features"):
        linsgd.tail_exponent(gaussian([1.0, 0.01]), SGD(lr=0.3), method="plane_operator")
    assert math.isfinite(linsgd.tail_exponent(gaussian([1.0, 1.0]), SGD(lr=0.3)).value)


@pytest.mark.nightly
def test_exponent_of_uneven_features():
    found = linsgd.tail_exponent(gaussian([1.0, 0.3]), SGD(lr=0.5))
    assert found.value == pytest.approx(2.836059719571, abs=1e-10)
    assert found.upper - found.lower < 1e-8
