"""One uniform feature: closed densities, characteristic functions and exact moments."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf

import linsgd
from linsgd.theory.tails.one_feature.uniform_sum import UniformFactor

SGD = linsgd.SGD
PROBLEM = linsgd.LinearRegression.from_features(linsgd.UniformFeatures([1.0]), noise_std=1.0)


def two(S):
    """The density of the sum of two squares: the arc of a circle inside the unit square."""
    return math.pi / 4 - (math.acos(1 / math.sqrt(S)) if S > 1 else 0.0) if 0 < S < 2 else 0.0


def three(S):
    ends = sorted({0.0, 1.0, *(math.sqrt(min(max(S - k, 0.0), 1.0)) for k in (0, 1, 2))})
    pieces = itertools.pairwise(ends)
    return sum(
        quad(lambda u: two(S - u * u), *piece, epsabs=1e-12, epsrel=1e-12)[0] for piece in pieces
    )


def mean(f, b, lr, decay=0.0):
    """E f(|A|) over the closed density."""
    a, c, density = 1 - lr * decay, 3 * lr / b, {2: two, 3: three}[b]
    ends = sorted({*range(b + 1), min(max(a / c, 0.0), b)})
    pieces = itertools.pairwise(ends)
    return sum(
        quad(lambda S: f(abs(a - c * S)) * density(S), *piece, epsabs=1e-11, limit=200)[0]
        for piece in pieces
    )


@pytest.mark.parametrize(("b", "lr", "decay"), [(2, 0.9, 0.0), (2, 1.3, 0.2), (3, 1.1, 0.0)])
def test_few_squares_against_their_density(b, lr, decay):
    sgd = SGD(lr=lr, batch_size=b, weight_decay=decay)
    assert linsgd.lyapunov_exponent(PROBLEM, sgd).value == pytest.approx(
        mean(math.log, b, lr, decay), abs=1e-9
    )
    for s in (0.6, 3.0, 11.5):
        exact = mean(lambda a, s=s: a**s, b, lr, decay)
        assert linsgd.spectral_function(PROBLEM, sgd, s).value == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("b", "lr"), [(2, 0.9), (2, 1.6), (3, 1.4)])
def test_the_exponent_solves_its_equation(b, lr):
    found = linsgd.tail_exponent(PROBLEM, SGD(lr=lr, batch_size=b))
    assert (found.method, str(found.status)) == ("scalar", "power_law")
    assert mean(lambda a: a**found.value, b, lr) == pytest.approx(1, abs=1e-9)
    assert found.upper - found.lower < 1e-10 * found.value


def moments(b, order):
    """E S^k, k up to order, exactly: the power b of a series by Euler's recursion."""
    a, power = (
        [Fraction(1, (2 * k + 1) * math.factorial(k)) for k in range(order + 1)],
        [Fraction(1)],
    )
    for n in range(1, order + 1):
        power.append(sum((b * k - (n - k)) * a[k] * power[n - k] for k in range(1, n + 1)) / n)
    return [p * math.factorial(k) for k, p in enumerate(power)]


@pytest.mark.cases(4)
@pytest.mark.parametrize("b", [1, 2, 5, 10, 19, 26, 100, 1000])
def test_even_moments_are_polynomials_and_errors_are_honest(b):
    exact = moments(b, 40)
    for share in (
        -1e4,
        -1.1,
        -0.5,
        0.0,
        1e-6,
        0.1,
        0.34,
        0.7,
        0.99,
        1.0,
        1.2,
        1.99,
        2.0,
        50.0,
        1e6,
    ):
        x = Fraction(b * share)
        factor = UniformFactor(b, float(x), 1.0)
        for s in (2, 4, 40):
            even = sum(math.comb(s, k) * exact[k] * (-1) ** k * x ** (s - k) for k in range(s + 1))
            log_even = math.log(even.numerator) - math.log(even.denominator)
            assert (
                abs(factor.log_moment(s)[0] - log_even)
                < factor.error(s) + 1e-15 * abs(log_even)
                < 1e-9
            )


@pytest.mark.parametrize("b", [12, 60])
@pytest.mark.parametrize("x", [0.2, 0.37, 1.5])
def test_fractional_moments_against_characteristic_functions(b, x):
    # E|Y|^s = 2 / pi Gamma(1 + s) sin(pi s / 2) int_0^inf (1 - Re E e^{itY}) t^{-s-1} dt for 0 < s
    # < 2
    s, last, root = 0.7, 400.0, np.exp(1j * math.pi / 4)

    def missing(t):
        phi = math.sqrt(math.pi) / 2 * erf(root * math.sqrt(t)) / (root * math.sqrt(t))
        return (1 - (np.exp(1j * t * x * b) * phi**b).real) * t ** (-s - 1)

    ends = [0.0, *np.geomspace(1e-6, last, 60)]
    integral = sum(quad(missing, *piece, limit=400)[0] for piece in itertools.pairwise(ends))
    integral += last**-s / s
    exact = 2 / math.pi * math.gamma(1 + s) * math.sin(math.pi * s / 2) * integral
    assert UniformFactor(b, x * b, 1.0).log_moment(s)[0] == pytest.approx(math.log(exact), abs=3e-8)


def test_the_slope_is_the_derivative_and_at_zero_the_lyapunov_exponent():
    for b in (2, 30):
        factor = UniformFactor(b, 1.0, 3 * 1.1 / b)
        for s in (0.01, 1.0, 7.0):
            difference = (factor.log_moment(s + 1e-4)[0] - factor.log_moment(s - 1e-4)[0]) / 2e-4
            assert factor.log_moment(s)[1] == pytest.approx(difference, abs=1e-6)
        assert factor.log_moment(0.0)[1] == pytest.approx(
            factor.log_moment(1e-6)[0] / 1e-6, abs=1e-5
        )


def test_large_exponents_stay_exact():
    exact, c = moments(3, 200), Fraction(0.7)
    even = sum(math.comb(200, k) * exact[k] * (-c) ** k for k in range(201))
    factor = UniformFactor(3, 1.0, 0.7)
    assert factor.log_moment(200.0)[0] == pytest.approx(
        math.log(even.numerator) - math.log(even.denominator), rel=1e-11
    )


def test_no_power_law_below_the_bound_of_bounded_features():
    assert linsgd.tail_exponent(PROBLEM, SGD(lr=0.66, batch_size=4)).status == "light"
    found = [
        linsgd.tail_exponent(PROBLEM, SGD(lr=lr, batch_size=4)).value
        for lr in (0.67, 0.8, 1.2, 1.6)
    ]
    assert all(np.diff(found) < 0)
    assert found[0] > 1000
