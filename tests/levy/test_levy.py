"""Stable-driven SGD and exits: against sums by mpmath, quadrature, solved equations and limits."""

import math

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import quad, solve_bvp
from scipy.optimize import brentq
from scipy.stats import norm

import linsgd
from linsgd import levy

# --- the stationary scale on a quadratic


def summed_scale(sgd, kappa, alpha, terms):
    """Return the scales of w and v by walking the response to one unit of noise, step by step."""
    w, v = mp.mpf(0), mp.mpf(0)
    totals = [mp.mpf(0), mp.mpf(0)]
    lr, beta, tau = mp.mpf(sgd.lr), mp.mpf(sgd.momentum), mp.mpf(sgd.dampening)
    fresh = 1 - tau if beta > 0 else 1
    for k in range(terms):
        gradient = kappa * w + (1 if k == 0 else 0)
        v = beta * v - fresh * gradient
        w = w + lr * (beta * v - gradient if sgd.nesterov else v)
        totals = [t + abs(x) ** alpha for t, x in zip(totals, (w, v), strict=True)]
    return [float(t ** (1 / mp.mpf(alpha))) for t in totals]


@pytest.mark.cases(14)
@pytest.mark.parametrize(
    ("options", "kappa"),
    [
        ({"lr": 0.1}, 1.0),
        ({"lr": 1.5}, 1.0),
        ({"lr": 0.1, "momentum": 0.5}, 1.0),
        ({"lr": 0.1, "momentum": 0.9}, 1.0),
        ({"lr": 0.1, "momentum": 0.9, "dampening": 0.3}, 0.05),
        ({"lr": 0.1, "momentum": 0.8, "nesterov": True}, 2.0),
        ({"lr": 3.0, "momentum": 0.5}, 0.97),
        ({"lr": 1.0, "momentum": 0.25}, 0.25),
    ],
)
@pytest.mark.parametrize("alpha", [0.7, 1.0, 1.5, 2.0])
def test_stationary_scale_is_the_sum_of_the_responses(options, kappa, alpha):
    sgd = linsgd.SGD(**options)
    found = levy.stationary_scale([kappa], sgd, linsgd.Stable(alpha, 0.3))
    expected = summed_scale(sgd, kappa, alpha, 1500)
    assert found.position_scale[0] == pytest.approx(0.3 * expected[0], rel=1e-11)
    assert found.velocity_scale[0] == pytest.approx(0.3 * expected[1], rel=1e-11)


def test_index_two_is_the_exact_gaussian_variance():
    lr, h, beta, C = 0.2, 0.7, 0.6, 1.3
    # variance C/b of the gradient: index 2 of scale sqrt(C/2) has variance C
    sgd = linsgd.SGD(lr=lr, momentum=beta, batch_size=5)
    found = levy.stationary_scale([h], sgd, linsgd.Stable(2.0, math.sqrt(C / 2)))
    variance = lr * C / 5 * (1 + beta) / (h * (1 - beta) * (2 * (1 + beta) - lr * h))
    assert 2 * found.position_scale[0] ** 2 == pytest.approx(variance, rel=1e-12)
    kinetic = 2 * lr**2 * C / 5 / ((1 - beta) * (2 * (1 + beta) - lr * h))
    assert 2 * (lr * found.velocity_scale[0]) ** 2 == pytest.approx(kinetic, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.8, 1.5])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_small_learning_rates_give_the_levy_equation(alpha, momentum):
    noise = linsgd.Stable(alpha)
    gaps, scales = [], []
    for lr in (1e-5, 1e-6):
        found = levy.stationary_scale([1.0], linsgd.SGD(lr=lr, momentum=momentum), noise)
        gaps.append(found.position_scale[0] / found.equation_scale[0] - 1)
        scales.append(found.position_scale[0])
    assert abs(gaps[1]) < 1e-3
    assert abs(gaps[1]) < abs(gaps[0])
    slope = math.log10(scales[0] / scales[1])
    assert slope == pytest.approx((alpha - 1) / alpha, abs=2e-3)


def test_very_slow_modes_stay_accurate():
    found = levy.stationary_scale([1e-9], linsgd.SGD(lr=0.1), linsgd.Stable(1.5))
    with mp.workdps(40):
        exact = mp.mpf("0.1") ** 1.5 / (1 - (1 - mp.mpf("1e-10")) ** mp.mpf(1.5))
        scale = float(exact ** (mp.mpf(2) / 3))
    assert found.position_scale[0] == pytest.approx(scale, rel=1e-12)
    with_momentum = linsgd.SGD(lr=0.01, momentum=0.9)
    slow = levy.stationary_scale([1e-9], with_momentum, linsgd.Stable(1.5))
    assert slow.position_scale == pytest.approx(slow.equation_scale, rel=1e-8)


def test_unstable_modes_have_a_status():
    found = levy.stationary_scale([1.0, 30.0], linsgd.SGD(lr=0.1), linsgd.Stable(1.5))
    assert found.status == "unstable"
    assert np.isfinite(found.position_scale).tolist() == [True, False]


def test_noise_of_a_batch():
    noise = linsgd.Stable(1.2, 3.0)
    assert levy.batch_noise(noise, 10).scale == pytest.approx(3 * 10 ** (1 / 1.2 - 1))
    sgd = linsgd.SGD(lr=0.02, momentum=0.5, batch_size=10)
    amplitude = 0.04 ** (0.2 / 1.2) * 3 * 10 ** (1 / 1.2 - 1)
    assert levy.equation_amplitude(sgd, noise) == pytest.approx(amplitude)


# --- jumps


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5, 1.9, 2 - 1e-9])
def test_jump_constant(alpha):
    exact = mp.gamma(1 + mp.mpf(alpha)) * mp.sin(mp.pi * mp.mpf(alpha) / 2) / mp.pi
    assert levy.jump_constant(alpha) == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.parametrize("alpha", [0.6, 1.3, 1.7])
def test_jump_constant_is_that_of_the_tail(alpha):
    tail = linsgd.Stable(alpha).sf(1e7) * 1e7**alpha
    assert tail == pytest.approx(levy.jump_constant(alpha) / alpha, rel=1e-3)


@pytest.mark.parametrize("alpha", [0.5, 1.2, 1.8])
def test_one_sided_exit_in_its_other_form(alpha):
    sgd, d = linsgd.SGD(lr=0.01), 0.7
    found = levy.exit_time(sgd, linsgd.Stable(alpha), d)
    other = 2 * math.gamma(1 - alpha) * math.cos(math.pi * alpha / 2) * (d / 0.01) ** alpha
    assert found.mean == pytest.approx(other, rel=1e-12)


@pytest.mark.cases(1)
@pytest.mark.parametrize("alpha", [1.2, 1.5])
def test_exit_of_the_recursion_tends_to_that_of_one_jump(alpha):
    ratios, sgd = [], linsgd.SGD(lr=0.04)
    for scale in (1.0, 0.2):
        noise = linsgd.Stable(alpha, scale)
        exact = levy.recursion_exit_time(lambda w: w, sgd, noise, 1.0, -1.0)
        ratios.append(exact.mean / levy.exit_time(sgd, noise, 1.0, -1.0).mean)
    assert abs(ratios[1] - 1) < 0.1
    assert abs(ratios[1] - 1) < abs(ratios[0] - 1)


@pytest.mark.parametrize(("b", "measured", "error"), [(1, 727, 26), (4, 1531, 54), (16, 3547, 125)])
def test_exit_of_the_recursion_at_three_batches(b, measured, error):
    # simulated apart from this package, 800 walks each; |z| > 5 has probability 6e-7
    sgd = linsgd.SGD(lr=0.02, batch_size=b)
    exact = levy.recursion_exit_time(lambda w: w, sgd, linsgd.Stable(1.5), 1.0, -1.0)
    assert abs(exact.mean - measured) < 5 * error


def test_exit_of_the_recursion_by_sampling():
    # 20000 walks; |z| > 5 has probability 6e-7 for a right mean
    sgd, rng = linsgd.SGD(lr=0.1), np.random.default_rng(0)
    exact = levy.recursion_exit_time(lambda w: w, sgd, linsgd.Stable(1.3), 1.0, -0.5, 0.2)
    w, left, steps = np.full(20_000, 0.2), np.zeros(20_000), 0
    while (left == 0).any():
        steps += 1
        inside = left == 0
        shaken = 0.9 * w[inside] + 0.1 * linsgd.Stable(1.3).sample(int(inside.sum()), rng)
        w[inside] = shaken
        gone = inside.copy()
        gone[inside] = (shaken > 1.0) | (shaken < -0.5)
        left[gone] = steps
    z = (left.mean() - exact.mean) / (left.std() / math.sqrt(left.size))
    assert abs(z) < 5
    assert abs(z + 0.05 * exact.mean / (left.std() / math.sqrt(left.size))) > 5


def test_normal_exit_of_the_recursion_by_a_fine_grid():
    sgd = linsgd.SGD(lr=0.3)
    found = levy.recursion_exit_time(lambda w: w, sgd, linsgd.Stable(2.0), 1.0, -1.0)
    edges = np.linspace(-1, 1, 1201)
    middle, std = (edges[1:] + edges[:-1]) / 2, 0.3 * math.sqrt(2)
    hit = norm.cdf((edges - 0.7 * middle[:, None]) / std)
    T = np.linalg.solve(np.eye(1200) - np.diff(hit, axis=1), np.ones(1200))
    assert found.mean == pytest.approx(np.interp(0.0, middle, T), rel=1e-5)


def test_two_wells_are_occupied_by_their_width():
    sgd, noise = linsgd.SGD(lr=0.01), linsgd.Stable(1.5)
    found = levy.wells([-1, 2], [0], sgd, noise)
    weights = np.array([1, 2**1.5])
    assert found.occupation == pytest.approx(weights / weights.sum(), rel=1e-12)
    one_sided = levy.exit_time(sgd, noise, 0.0, minimum=-1.0)
    assert found.mean_stay[0] == pytest.approx(one_sided.mean, rel=1e-12)


def test_chain_of_four_wells():
    sgd = linsgd.SGD(lr=0.01, momentum=0.5, batch_size=2)
    m, s = np.array([-3.0, -1, 1.5, 4]), np.array([-2.0, 0.3, 3])
    noise = linsgd.Stable(1.2, 0.5)
    found = levy.wells(m, s, sgd, noise)
    assert found.rates.sum(axis=1) == pytest.approx(0, abs=1e-15)
    assert found.occupation @ found.rates == pytest.approx(np.zeros(4), abs=1e-16)
    assert found.transition(1e9) == pytest.approx(np.tile(found.occupation, (4, 1)), rel=1e-6)
    # the jumps of a step of effective learning rate 0.02 that land in well 2 from well 0
    law = linsgd.Stable(1.2, 0.02 * levy.batch_noise(noise, 2).scale)
    landing = law.sf(s[1] - m[0]) - law.sf(s[2] - m[0])
    assert found.rates[0, 2] == pytest.approx(landing, rel=0.02)


# --- Brownian exits


def test_brownian_exits_of_the_notes():
    values = [
        levy.diffusion_exit_time(lambda x: x**2 / 2, eps**2 / 2, 1.0, -1.0).mean
        for eps in (0.7, 0.6, 0.5, 0.45, 0.4, 0.35)
    ]
    assert values == pytest.approx([4.685, 9.310, 27.43, 62.70, 202.9, 1173], rel=5e-4)


def test_a_flat_potential_gives_the_quadratic():
    found = levy.diffusion_exit_time(lambda x: 0 * x, 0.5, 2.0, -1.0, 0.3)
    assert found.mean == pytest.approx((2 - 0.3) * (0.3 + 1), rel=1e-12)


def test_brownian_exit_solves_its_differential_equation():
    T = 0.4

    def potential(x):
        return x**4 - x**2 + 0.3 * x

    def equation(x, y):
        return np.array([y[1], ((4 * x**3 - 2 * x + 0.3) * y[1] - 1) / T])

    mesh = np.linspace(-1.2, 1.0, 400)
    solved = solve_bvp(equation, lambda a, b: [a[0], b[0]], mesh, np.ones((2, 400)), tol=1e-8)
    found = levy.diffusion_exit_time(potential, T, 1.0, -1.2, -0.4)
    assert found.mean == pytest.approx(solved.sol(-0.4)[0], rel=1e-6)


def test_one_sided_exit_by_nested_quadrature():
    T = 0.3

    def inner(y):
        return quad(lambda z: math.exp(-(z**2) / 2 / T), -12, y, epsabs=1e-13)[0]

    expected = quad(lambda y: math.exp(y**2 / 2 / T) * inner(y), 0.2, 1.0)[0] / T
    found = levy.diffusion_exit_time(lambda x: x**2 / 2, T, 1.0, start=0.2)
    assert found.mean == pytest.approx(expected, rel=1e-9)


def test_kramers_is_the_limit_of_both_barriers():
    T = 0.004
    sharp = levy.diffusion_exit_time(lambda x: x**2 / 2, T, 1.0)
    assert levy.kramers_time(0.5, T, 1.0, slope=1.0).mean == pytest.approx(sharp.mean, rel=0.02)
    smooth = levy.diffusion_exit_time(lambda x: x**4 / 4 - x**2 / 2, T, 2.0, start=-1.0)
    rate = levy.kramers_time(0.25, T, 2.0, saddle_curvature=1.0)
    # beyond 2 the potential is high: the first passage ends in the other well, not at 2
    to_well = levy.diffusion_exit_time(lambda x: x**4 / 4 - x**2 / 2, T, 1.0, start=-1.0)
    assert rate.mean == pytest.approx(to_well.mean, rel=0.02)
    assert smooth.mean > 10 * to_well.mean


# --- exponents


def test_exit_exponent_of_the_notes_and_of_a_batch():
    def product(b):
        return lambda q: -0.5 * b * math.log1p(-((q / b) ** 2))

    one = levy.exit_exponent(product(1), lambda w: w, 1.0, limit=1.0)
    assert one.value == pytest.approx(0.627, abs=5e-4)
    many = levy.exit_exponent(product(64), lambda w: w, 1.0, limit=64.0)
    assert many.value == pytest.approx(64 * one.value, rel=1e-9)


def test_exit_exponent_by_the_parametric_integral():
    # q K' dq form: V = int q dx with x = K(q)/q, up to q1 where K(q1)/q1 = 1
    def K(q):
        return -0.5 * math.log1p(-q * q)

    top = brentq(lambda q: K(q) / q - 1, 0.1, 1 - 1e-15, xtol=1e-15)
    expected = top - quad(lambda q: K(q) / q, 0, top)[0]
    found = levy.exit_exponent(K, lambda w: w, 1.0, limit=1.0)
    assert found.value == pytest.approx(expected, rel=1e-9)


def test_exit_exponent_of_normal_noise_is_kramers():
    found = levy.exit_exponent(lambda q: 0.65 * q * q, lambda w: w + w**3, -0.8)
    assert found.value == pytest.approx(2 * (0.32 + 0.8**4 / 4) / 1.3, rel=1e-12)


def test_bounded_noise_cannot_pass_a_steep_slope():
    found = levy.exit_exponent(lambda q: math.log(math.cosh(min(q, 700))), lambda w: 3 * w, 1.0)
    assert found.value == math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: levy.jump_constant(2.0), "alpha = 2.0"),
        (lambda: levy.exit_time(linsgd.SGD(lr=0.1), linsgd.Stable(2.0), 1.0), "noise.alpha"),
        (lambda: levy.exit_time(linsgd.SGD(lr=0.1), linsgd.Stable(1.5), -1.0), "right = -1.0"),
        (lambda: levy.wells([0, 1], [2], linsgd.SGD(lr=0.1), linsgd.Stable(1.5)), "saddles"),
        (
            lambda: levy.stationary_scale([0.0], linsgd.SGD(lr=0.1), linsgd.Stable(1.5)),
            r"curvature\[0\]",
        ),
        (lambda: levy.diffusion_exit_time(lambda x: x, 1.0, 1.0), "left = -inf"),
        (lambda: levy.kramers_time(1.0, 1.0, 1.0), "saddle_curvature"),
        (lambda: levy.exit_exponent(lambda q: q * q, lambda w: -w, 1.0), "gradient"),
        (
            lambda: levy.recursion_exit_time(
                lambda w: w, linsgd.SGD(lr=0.1, momentum=0.5), linsgd.Stable(1.5), 1.0, -1.0
            ),
            "momentum = 0.5",
        ),
        (
            lambda: levy.equation_amplitude(
                linsgd.SGD(lr=0.1, sampling="epoch"), linsgd.Stable(1.5)
            ),
            "sampling",
        ),
    ],
)
def test_what_is_outside_the_domain_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
