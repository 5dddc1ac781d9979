"""The transfer operator on the disc: momentum and Nesterov, isotropic features."""

import math

import numpy as np
import pytest

import linsgd
from linsgd.theory.tails.momentum.transfer_operator import GramStep
from linsgd.theory.tails.particles import population
from linsgd.theory.tails.plane import projective_line
from linsgd.theory.tails.setting import Setting

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


def binary_form_radius(sgd, order):
    """h(order) for one feature: the radius of M on binary forms, by chi-square moments."""
    q = np.polynomial.Polynomial([0, 1])
    lr, beta, b = sgd.lr, sgd.momentum, sgd.batch_size
    row_v = [-lr * q / b, np.polynomial.Polynomial([beta])]
    ahead = 1 + beta if sgd.nesterov else 1.0
    row_w = [1 + ahead * row_v[0], ahead * row_v[1] - (beta if sgd.nesterov else 0.0)]
    moments = [math.prod(b + 2 * i for i in range(k)) for k in range(order + 1)]

    def power(row, n):
        """Coefficients in w^(n-j) v^j of (row . (w, v))^n, each a polynomial in q."""
        return [math.comb(n, j) * row[0] ** (n - j) * row[1] ** j for j in range(n + 1)]

    matrix = np.zeros((order + 1, order + 1))
    for i in range(order + 1):
        for j, left in enumerate(power(row_w, order - i)):
            for k, right in enumerate(power(row_v, i)):
                product = (left * right).coef
                matrix[i, j + k] += sum(c * m for c, m in zip(product, moments, strict=False))
    return max(abs(np.linalg.eigvals(matrix)))


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize(
    ("lr", "b", "beta"), [(0.3, 1, 0.5), (0.03, 1, 0.9), (0.6, 4, 0.2), (0.1, 10, 0.9)]
)
@pytest.mark.parametrize("order", [2, 4, 6])
def test_even_moments_are_radii_on_binary_forms(lr, b, beta, nesterov, order):
    sgd = SGD(lr=lr, batch_size=b, momentum=beta, nesterov=nesterov)
    step = GramStep.of(Setting.of(gaussian([1.0]), sgd), 0.0)
    found = step.log_spectral(float(order), 12)
    assert found.value == pytest.approx(math.log(binary_form_radius(sgd, order)), abs=1e-11)


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    ("lr", "b", "beta", "nesterov", "alpha"),
    [
        (0.3, 1, 0.5, False, 3.1045),
        (0.3, 1, 0.1, False, 5.0227),
        (0.06, 1, 0.9, False, 4.010),
        (0.1, 4, 0.9, False, 11.718),
        (0.3, 1, 0.3, True, 3.778),
    ],
)
def test_one_feature_against_a_binary_tree_of_known_values(lr, b, beta, nesterov, alpha):
    found = linsgd.tail_exponent(
        gaussian([1.0]), SGD(lr=lr, batch_size=b, momentum=beta, nesterov=nesterov)
    )
    assert found.value == pytest.approx(alpha, abs=6e-4)
    assert found.upper - found.lower < 2e-7 * alpha
    assert found.lower <= found.value <= found.upper


def product_growth(problem, sgd, s, steps, chains, seed):
    """Growth a step of E|M_k...M_1 u|^s over the second half, and its error over 20 groups."""
    rng = np.random.default_rng(seed)
    d, b, lr, beta = problem.dimension, sgd.batch_size, sgd.lr, sgd.momentum
    w, v = np.zeros((chains, d)), np.zeros((chains, d))
    w[:, 0] = 1.0
    sizes = []
    for step in range(1, steps + 1):
        x = rng.standard_normal((chains, b, d))
        gradient = np.einsum("nbi,nb->ni", x, np.einsum("nbi,ni->nb", x, w)) / b
        v = beta * v - lr * gradient
        w = w + v
        if step in (steps // 2, steps):
            sizes.append((np.einsum("ni,ni->n", w, w) ** (s / 2)).reshape(20, -1).mean(axis=1))
    rates = (np.log(sizes[1]) - np.log(sizes[0])) / (steps - steps // 2)
    return rates.mean(), rates.std(ddof=1) / math.sqrt(20)


@pytest.mark.parametrize(
    ("d", "b", "lr", "beta", "s"),
    [pytest.param(3, 2, 0.15, 0.5, 0.7, marks=pytest.mark.nightly), (2, 1, 0.03, 0.8, 1.0)],
)
def test_spectral_function_against_products_of_full_batches(d, b, lr, beta, s):
    # False alarm: the tolerance is 7 standard errors of a mean of 20 groups, below 1e-6.
    problem, sgd = gaussian([1.0] * d), SGD(lr=lr, batch_size=b, momentum=beta)
    exact = math.log(linsgd.spectral_function(problem, sgd, s).value)
    rate, error = product_growth(problem, sgd, s, steps=100, chains=10_000, seed=1)
    assert abs(rate - exact) < 7 * error
    assert error < 0.01 * abs(exact) * 3
    wrong = math.log(
        linsgd.spectral_function(problem, SGD(lr=2 * lr, batch_size=b, momentum=beta), s).value
    )
    assert abs(rate - wrong) > 7 * error  # the check sees a learning rate wrong by a factor 2


def test_bounds_enclose_what_more_polynomials_find():
    step = GramStep.of(Setting.of(gaussian([1.0] * 10), SGD(lr=0.015, momentum=0.9)), 0.0)
    few, more = step.log_spectral(3.0, 4), step.log_spectral(3.0, 8)
    assert few.lower <= more.lower <= more.upper <= few.upper
    assert more.upper - more.lower < 1e-6


def test_small_momentum_approaches_none():
    problem = gaussian([1.0] * 3)
    none = math.log(linsgd.spectral_function(problem, SGD(lr=0.3), 4.0).value)
    little = math.log(linsgd.spectral_function(problem, SGD(lr=0.3, momentum=1e-4), 4.0).value)
    assert little == pytest.approx(none, abs=1e-3)
    assert little != none


@pytest.fixture
def coarse_fallbacks(monkeypatch):
    """One grid of directions and few particles: the methods that "auto" tries last take seconds."""
    monkeypatch.setattr(projective_line, "_MOST_NODES", 1)
    small = {"POPULATION": 60, "STEPS": 100, "SETTLING": 60}
    pilot = {"PILOT": 20, "PILOT_STEPS": 60, "PILOT_SETTLING": 60}
    for name, size in (small | pilot).items():
        monkeypatch.setattr(population, name, size)


@pytest.mark.nightly
@pytest.mark.usefixtures("coarse_fallbacks")
def test_beyond_the_operator_particles_serve():
    problem, sgd = gaussian([1.0]), SGD(lr=0.04, momentum=0.5)
    alone = linsgd.tail_exponent(problem, sgd, method="transfer_operator")
    assert (str(alone.status), math.isnan(alone.value)) == ("unresolved", True)
    found = linsgd.tail_exponent(problem, sgd)
    assert (found.method, str(found.guarantee)) == ("particles", "statistical")
    # log h is convex: its chord is within 0.05 of the root
    log_h = {s: math.log(binary_form_radius(sgd, s)) for s in (22, 24)}
    exact = 22 + 2 * log_h[22] / (log_h[22] - log_h[24])
    assert alone.lower < found.lower < exact + 0.1
    assert exact - 0.1 < found.upper < found.lower * 1.02


@pytest.mark.nightly
@pytest.mark.usefixtures("coarse_fallbacks")
def test_beyond_every_reach_the_bracket_is_kept():
    found = linsgd.tail_exponent(gaussian([1.0]), SGD(lr=0.001, momentum=0.5))
    assert found.status == "unresolved"
    assert found.lower >= 8.0
    assert math.isnan(found.value)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("d", "lr"), [(1, 0.06), pytest.param(10, 0.015, marks=pytest.mark.nightly)]
)
def test_lyapunov_exponent_is_the_slope_of_log_h_at_zero(d, lr):
    problem, sgd = gaussian([1.0] * d), SGD(lr=lr, momentum=0.9)
    step = GramStep.of(Setting.of(problem, sgd), 0.0)
    near, far = (
        (step.log_spectral(s, 12).value - step.log_spectral(-s, 12).value) / (2 * s)
        for s in (0.02, 0.04)
    )
    found = linsgd.lyapunov_exponent(problem, sgd)
    assert found.value == pytest.approx((4 * near - far) / 3, rel=2e-5)
    assert found.lower <= found.value <= found.upper <= found.lower + 1e-4 * abs(found.value)


@pytest.mark.nightly
def test_tiny_exponents_near_the_edge():
    problem, sgd, operator = gaussian([1.0]), SGD(lr=0.2, momentum=0.9), "transfer_operator"
    found = linsgd.tail_exponent(problem, sgd, method=operator)
    assert str(found.status) == "power_law"
    assert 0.1 < found.lower <= found.value <= found.upper < found.lower * (1 + 1e-4)
    half, double = (
        linsgd.spectral_function(problem, sgd, f * found.value, method=operator).value
        for f in (0.5, 2.0)
    )
    assert half < 1 < double


@pytest.mark.nightly
def test_the_grid_of_directions_narrows_a_tiny_exponent():
    problem, sgd = gaussian([1.0]), SGD(lr=0.2, momentum=0.9)
    wide = linsgd.tail_exponent(problem, sgd, method="transfer_operator")
    found = linsgd.tail_exponent(problem, sgd)
    assert found.method == "projective_line"
    assert wide.lower <= found.lower < found.upper <= wide.upper
    assert found.upper - found.lower < 2e-7 < wide.upper - wide.lower
