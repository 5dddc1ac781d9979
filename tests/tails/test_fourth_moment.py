"""h(4) with momentum: tensor powers, 40 digits for one feature, the form of a step, limits."""

import dataclasses
import math

import mpmath
import numpy as np
import pytest

import linsgd
from linsgd.theory.tails.convexity import bracket
from linsgd.theory.tails.moments import fourth_moment
from linsgd.theory.tails.moments.even_moments import exact_moments
from linsgd.theory.tails.moments.fourth_moment import FourthMoment
from linsgd.theory.tails.momentum import transfer_operator
from linsgd.theory.tails.setting import Setting

from .oracles import gaussian_curvatures, log_even_moment

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD
OPTIMIZERS = [
    SGD(lr=0.2, momentum=0.5),
    SGD(lr=0.03, momentum=0.9),
    SGD(lr=0.2, momentum=0.3, nesterov=True, weight_decay=0.1),
    SGD(lr=2.0, momentum=0.9, nesterov=True),
]


def log_fourth(spectrum, sgd):
    return exact_moments(Setting.of(gaussian(spectrum), sgd))[4.0]


def forty_digits(sgd, h):
    """The radius of M on binary quartic forms, by chi-square moments of its entries."""
    mpf, order = mpmath.mpf, 4
    lr, m, b = mpf(sgd.lr), mpf(sgd.momentum), sgd.batch_size
    ahead, memory = (1 + m, m) if sgd.nesterov else (mpf(1), mpf(0))
    pull = np.array([-lr * mpf(sgd.weight_decay), -lr * mpf(h) / b])
    row_v = [pull, np.array([m])]
    row_w = [ahead * pull + np.array([mpf(1), mpf(0)]), np.array([ahead * m - memory])]
    moments = [math.prod(b + 2 * i for i in range(k)) for k in range(order + 1)]

    def power(row, n):
        """Coefficients in w^(n-j) v^j of (row . (w, v))^n, each a polynomial in C."""
        terms = [row[0]] * n + [row[1]] * n
        products = []
        for j in range(n + 1):
            product = np.array([mpf(math.comb(n, j))])
            for factor in terms[j : j + n]:
                product = np.convolve(product, factor)
            products.append(product)
        return products

    matrix = mpmath.zeros(order + 1)
    for i in range(order + 1):
        for j, left in enumerate(power(row_w, order - i)):
            for k, right in enumerate(power(row_v, i)):
                matrix[i, j + k] += sum(
                    c * e for c, e in zip(np.convolve(left, right), moments, strict=False)
                )
    return mpmath.log(max(abs(x) for x in mpmath.eig(matrix)[0]))


@pytest.mark.parametrize("sgd", OPTIMIZERS)
@pytest.mark.parametrize("spectrum", [[1.0], [1.0, 0.3], [1.0, 1.0]])
def test_against_tensor_powers(spectrum, sgd):
    found, exact = (
        log_fourth(spectrum, sgd),
        log_even_moment(sgd, *gaussian_curvatures(spectrum, 8), 4),
    )
    assert found.value == pytest.approx(exact, abs=1e-13)
    assert found.lower <= exact <= found.upper <= found.lower + 1e-10
    wrong = log_fourth(spectrum, dataclasses.replace(sgd, lr=sgd.lr * (1 + 1e-9)))
    assert not wrong.lower <= exact <= wrong.upper  # it can fail


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.3, 0.99, 0.9999])
@pytest.mark.parametrize("fraction", [1e-4, 0.3, 2.0])
def test_bounds_hold_forty_digits_for_one_feature(momentum, nesterov, fraction):
    for b, decay, h in ((1, 0.0, 1.0), (10, 0.1, 1e-3)):
        sgd = SGD(lr=1.0, momentum=momentum, nesterov=nesterov, batch_size=b, weight_decay=decay)
        sgd = dataclasses.replace(
            sgd, lr=fraction * linsgd.stability(gaussian([h]), sgd).lr_mean_square
        )
        found = log_fourth([h], sgd)
        with mpmath.workdps(40):
            exact = forty_digits(sgd, h)
            assert found.lower <= exact <= found.upper
        narrow = (
            1e-9 if found.value == found.value else 0.05 * abs(found.lower)
        )  # no value: close to a single mode
        assert found.upper - found.lower < narrow * max(1.0, abs(found.lower)) or momentum == 0.9999


@pytest.mark.parametrize("b", [1, 3])
def test_without_momentum_as_the_enclosures(b):
    rng = np.random.default_rng(b)
    for d, decay, fraction in ((1, 0.0, 0.5), (4, 0.1, 0.01), (20, 0.0, 0.9), (9, 0.1, 2.0)):
        spectrum = 10.0 ** rng.uniform(-2, 0, d)
        edge = linsgd.stability(
            gaussian(spectrum), SGD(lr=1.0, batch_size=b, weight_decay=decay)
        ).lr_mean_square
        setting = Setting.of(
            gaussian(spectrum), SGD(lr=fraction * edge, batch_size=b, weight_decay=decay)
        )
        exact = exact_moments(setting)
        found = FourthMoment.of(setting).log_mu(2 * exact[2.0].lower)
        assert found.value == pytest.approx(exact[4.0].value, abs=1e-12, rel=1e-12)
        assert found.lower <= exact[4.0].upper
        assert exact[4.0].lower <= found.upper


@pytest.mark.parametrize(("d", "lr"), [(1, 0.06), (10, 0.015)])
def test_as_the_transfer_operator(d, lr):
    sgd = SGD(lr=lr, momentum=0.9)
    other = transfer_operator.log_spectral(Setting.of(gaussian([1.0] * d), sgd), 4.0)
    found = log_fourth([1.0] * d, sgd)
    assert found.value == pytest.approx(other.value, abs=1e-7)
    assert max(found.lower, other.lower) <= min(found.upper, other.upper)


def test_equal_variances_are_counted():
    sgd = SGD(lr=0.02, momentum=0.9, batch_size=2)
    counted, apart = (
        log_fourth([1.0, 1.0, 0.3, 0.3], sgd),
        log_fourth([1.0, 1 - 1e-12, 0.3, 0.3 * (1 - 1e-12)], sgd),
    )
    assert counted.value == pytest.approx(apart.value, abs=1e-11)
    assert FourthMoment.of(Setting.of(gaussian([1.0, 1.0, 0.3, 0.3]), sgd)).g.size == 2
    thousands = log_fourth([1.0] * 10_000, SGD(lr=1e-5, momentum=0.9))
    assert thousands.value == pytest.approx(-2e-4, rel=0.01)
    assert thousands.upper - thousands.lower < 1e-9


def test_log_h_is_convex():
    rng = np.random.default_rng(0)
    for momentum in (0.3, 0.9, 0.99):
        spectrum = 10.0 ** rng.uniform(-3, 0, 12)
        moments = exact_moments(
            Setting.of(gaussian(spectrum), SGD(lr=0.02, momentum=momentum, batch_size=4))
        )
        assert moments[4.0].upper >= 2 * moments[2.0].lower


def test_too_many_variances_and_other_laws_have_the_second_moment_only():
    assert 4.0 not in exact_moments(
        Setting.of(gaussian(np.geomspace(1, 0.1, 201)), SGD(lr=0.01, momentum=0.5))
    )
    signs = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.0, 0.5]))
    setting = Setting.of(signs, SGD(lr=0.1, momentum=0.5))
    assert fourth_moment.covers(setting).startswith("Gaussian features")
    assert list(exact_moments(setting)) == [2.0]


@pytest.mark.nightly
def test_particles_keep_within_the_fourth_moment(monkeypatch):
    from linsgd.theory.tails.particles import population

    small = {"POPULATION": 100, "STEPS": 150, "SETTLING": 60}
    pilot = {"PILOT": 20, "PILOT_STEPS": 60, "PILOT_SETTLING": 50}
    for name, size in (small | pilot).items():
        monkeypatch.setattr(population, name, size)
    problem, sgd = gaussian([1.0, 0.3, 0.1]), SGD(lr=0.06, momentum=0.9)
    lower, upper = bracket(exact_moments(Setting.of(problem, sgd)))
    assert 3.5 < lower < upper == 4
    found = linsgd.tail_exponent(problem, sgd)
    assert found.method == "particles"
    assert lower <= found.lower <= found.upper <= upper
