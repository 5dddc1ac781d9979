"""Rounding margins, rules of integration and proposals: each against what it must cover."""

import math

import mpmath
import numpy as np
import pytest

import linsgd
from linsgd.theory.tails import constant
from linsgd.theory.tails.isotropic.mpmath import tricomi
from linsgd.theory.tails.isotropic.radial import RadialLaw
from linsgd.theory.tails.moments import gaussian_moments
from linsgd.theory.tails.moments.even_forms import Sixth
from linsgd.theory.tails.moments.second_moment import SecondMoment
from linsgd.theory.tails.momentum.transfer_operator import GramStep
from linsgd.theory.tails.particles.adapted_norm import AdaptedNorm
from linsgd.theory.tails.particles.step_samplers import sampler_of
from linsgd.theory.tails.setting import Setting
from linsgd.theory.tails.tail_constant.poisson import Level, RadialStep

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


@pytest.mark.parametrize("lr", [(1 - math.sqrt(0.5)) ** 2, 0.3, 1.0])
def test_the_radius_of_one_step_is_bounded_at_critical_damping_and_beyond(lr):
    # a complex pair of modulus sqrt(momentum); at the first lr the pair is double, and rounding
    # moves its modulus by the square root of a unit
    problem = linsgd.LinearRegression.from_data([[1.0], [1.0]], [1.0, 2.0])
    rho = constant.lyapunov(Setting.of(problem, SGD(lr=lr, momentum=0.5)))
    assert rho.lower < math.log(0.5) / 2 < rho.upper
    assert rho.upper - rho.lower < (1e-6 if lr < 0.1 else 1e-13)


@pytest.mark.parametrize(
    ("alpha", "beta", "z"), [(2.5, 4.0, 3.0), (180.0, 181.5, 50.0), (0.5, 180.5, 200.0)]
)
def test_tricomis_integral_has_twenty_digits(alpha, beta, z):
    with mpmath.workdps(60):
        exact = mpmath.gamma(alpha) * mpmath.hyperu(alpha, beta, z)
    with mpmath.workdps(40):
        found = tricomi(*map(mpmath.mpf, (alpha, beta, z)))
    assert abs(found / exact - 1) < 1e-20


def test_arnoldis_iteration_finds_the_eigenform():
    setting = Setting.of(gaussian([1.0, 0.6, 0.3]), SGD(lr=0.3, batch_size=2, weight_decay=0.1))
    action = Sixth(setting)
    exact = gaussian_moments.eigenform(setting, action)
    found = gaussian_moments._by_arnoldi(action, np.ones((3, 3, 3)), setting.shrinkage**6)
    assert found / found.max() == pytest.approx(exact / exact.max(), rel=1e-10)


@pytest.mark.parametrize("d", [1, 3])
def test_exact_polynomials_leave_the_margin_of_rounding(d):
    # P_2 preserves polynomials: the ratios are equal to rounding, and h(2) must be inside
    setting = Setting.of(gaussian([1.0] * d), SGD(lr=0.2, momentum=0.5))
    found = GramStep.of(setting, 0.0).log_spectral(2.0, 12 if d == 1 else 4)
    exact = SecondMoment.of(setting).log_mu()
    assert 2e-12 <= found.upper - found.lower < 1e-10
    assert max(found.lower, exact.lower) <= min(found.upper, exact.upper)


@pytest.mark.parametrize("b", [1, 25, 100, 400])
def test_proposals_follow_the_energy_of_any_batch(b):
    # the relative spread of weight times power is 0.36 at batch 1 and falls; without the batch in
    # the range of the bins only the untilted share of 2 % would be drawn where the energy is
    setting = Setting.of(gaussian([1.0, 0.5]), SGD(lr=0.9, batch_size=b))
    norm = AdaptedNorm.of(setting)
    state = np.zeros((4000, 2, 2))
    state[:, 0] = [0.6, 0.8]
    state /= np.sqrt(norm.squared(state[:1]))
    gradients, log_ratio = sampler_of(setting, norm).gradients(state, 3.0, np.random.default_rng(0))
    weight = norm.squared(norm.moved(state, gradients)) ** 1.5 * np.exp(log_ratio)
    assert weight.std() < 0.45 * weight.mean()
    assert log_ratio.max() <= math.log(50)  # the untilted share is 1/50 of every proposal


@pytest.mark.parametrize(("d", "alpha"), [(1, 2.0), (3, 6.0)])
def test_no_node_of_the_poisson_equation_is_kept_in_vain(d, alpha):
    level = Level(20, 2.0, 22.0)
    step = RadialStep.of(RadialLaw(d, 2, 1.0, 0.1), alpha, 1.0, level)
    pushed = step.push**2 + step.across / step.scale**2
    ratios = (step.along**2 + step.across, pushed, 1 + pushed)
    matters = np.zeros(step.log_weight.size, dtype=bool)
    for ratio in ratios:
        for s in alpha * np.linspace(0, 1, 5):
            tilted = step.log_weight + s / 2 * np.log(np.maximum(ratio, 1e-300))
            matters |= tilted > tilted.max() - level.depth
    assert matters.all()
