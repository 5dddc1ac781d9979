"""One Student-t feature: sums of squares against quadrature, transforms and exact moments."""

import itertools
import math
import time
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad

import linsgd
from linsgd.theory.tails.one_feature.student_sum import square_sum, student_factor

SGD = linsgd.SGD


def feature(dof, variance=1.0):
    return linsgd.LinearRegression.from_features(
        linsgd.StudentFeatures([variance], dof=dof), noise_std=1.0
    )


def mean_of_one(f, dof, lr, decay=0.0):
    """E f(|1 - lr decay - lr x^2|) for a feature of variance 1, by 30-digit quadrature."""
    with mpmath.workdps(30):
        nu, zero = mpmath.mpf(dof), mpmath.sqrt((1 - lr * decay) / mpmath.mpf(lr))
        unit = mpmath.sqrt((nu - 2) / nu)
        constant = (
            2
            * mpmath.gamma((nu + 1) / 2)
            / mpmath.gamma(nu / 2)
            / mpmath.sqrt(nu * mpmath.pi)
            / unit
        )

        def term(x):
            return (
                constant
                * (1 + (x / unit) ** 2 / nu) ** (-(nu + 1) / 2)
                * f(abs(lr * (zero - x) * (zero + x)))
            )

        near = mpmath.quad(term, [0, zero / 2, zero, 2 * zero])
        return near + mpmath.quad(
            lambda v: term(mpmath.exp(v)) * mpmath.exp(v), [mpmath.log(2 * zero), 5, 20, 80, 400]
        )


@pytest.mark.parametrize(
    ("dof", "lr", "decay"), [(6.0, 0.5, 0.0), (2.5, 0.3, 0.4), (30.0, 1.2, 0.0)]
)
def test_one_square_against_quadrature(dof, lr, decay):
    sgd = SGD(lr=lr, weight_decay=decay)
    rho = linsgd.lyapunov_exponent(feature(dof), sgd)
    assert rho.value == pytest.approx(float(mean_of_one(mpmath.log, dof, lr, decay)), rel=1e-12)
    assert rho.method == "scalar"
    for s in (0.3, 0.45 * dof):
        exact = float(mean_of_one(lambda a, s=s: a**s, dof, lr, decay))
        found = linsgd.spectral_function(feature(dof), sgd, s)
        assert found.value == pytest.approx(exact, rel=1e-11)
        assert found.lower <= exact <= found.upper


@pytest.mark.parametrize(("dof", "lr"), [(6.0, 0.4), (3.0, 0.2), (20.0, 0.5)])
def test_the_exponent_solves_its_equation(dof, lr):
    found = linsgd.tail_exponent(feature(dof), SGD(lr=lr))
    assert (str(found.status), found.method) == ("power_law", "scalar")
    assert found.value < dof / 2
    assert float(mean_of_one(lambda a: a**found.value, dof, lr)) == pytest.approx(1, abs=1e-11)
    assert found.upper - found.lower < 1e-9 * found.value


@pytest.mark.parametrize(("lr", "s"), [(0.5, 1.3), (1.4, 0.7)])
def test_two_squares_against_polar_coordinates(lr, s):
    dof, zero = 7.0, math.sqrt(2 / lr)
    constant = math.gamma((dof + 1) / 2) / math.gamma(dof / 2) / math.sqrt((dof - 2) * math.pi)

    def radial(r):  # the density of |x|; w is the log of the tangent of the angle
        def both(w):
            x, y = r / math.hypot(1, math.exp(w)), r / math.hypot(1, math.exp(-w))
            return (
                ((1 + x * x / (dof - 2)) * (1 + y * y / (dof - 2))) ** (-(dof + 1) / 2) * x * y / r
            )

        peak = math.log(2 + r)
        return (
            8
            * constant**2
            * sum(quad(both, *ends, epsabs=0, epsrel=1e-12)[0] for ends in [(0, peak), (peak, 45)])
        )

    def piece(
        low, high
    ):  # between zeros of 1 - lr r^2 / 2 nodes crowd at both ends, beyond them they are logarithmic
        x, weight = np.polynomial.legendre.leggauss(40)
        if low >= 2 * zero:
            r = np.sqrt(low * high) * np.exp(np.log(high / low) / 2 * x)
            share = weight * r * np.log(high / low) / 2
        else:
            r = (low + high) / 2 + (high - low) / 2 * np.sin(np.pi / 2 * np.sin(np.pi / 2 * x))
            slope = (
                np.cos(np.pi / 2 * np.sin(np.pi / 2 * x)) * np.cos(np.pi / 2 * x) * (np.pi / 2) ** 2
            )
            share = weight * slope * (high - low) / 2
        return sum(
            w * radial(y) * abs(1 - lr * y * y / 2) ** s
            for w, y in zip(share, r.tolist(), strict=True)
        )

    ends = [0.0, zero, 2 * zero, 20.0, 1e3, 1e5]
    found = linsgd.spectral_function(feature(dof), SGD(lr=lr, batch_size=2), s)
    assert found.value == pytest.approx(
        sum(piece(*each) for each in itertools.pairwise(ends)), rel=1e-9
    )


def transform(dof, p):
    """E e^{-p x^2} by Tricomi's function."""
    return (
        mpmath.gamma((1 + dof) / 2)
        / mpmath.gamma(dof / 2)
        * mpmath.hyperu(0.5, 1 - dof / 2, p * (dof - 2))
    )


@pytest.mark.cases(1)
@pytest.mark.parametrize(("dof", "b"), [(2.2, 3), (7.0, 2)])
def test_sums_of_squares_against_laplace_transforms(dof, b):
    # E (1 + S/b)^s = s / Gamma(1 - s) int (1 - e^{-t} E e^{-tS/b}) t^{-s-1} dt for 0 < s < 1, and
    # Frullani's integral
    s = 0.4

    def decay(t):
        return mpmath.exp(-t) * transform(mpmath.mpf(dof), t / b) ** b

    def integral(f):
        return mpmath.quad(lambda v: f(mpmath.exp(v)), [-42, -20, -10, -5, -2, 0, 2, 4, 6, 64])

    factor = student_factor(dof, b, -1.0, 1.0 / b)
    moment = s / mpmath.gamma(1 - s) * integral(lambda t: (1 - decay(t)) * t**-s)
    assert factor.log_moment(0.4)[0] == pytest.approx(float(mpmath.log(moment)), abs=1e-10)
    logarithm = integral(lambda t: mpmath.exp(-t) - decay(t))
    assert factor.log_moment(0.0)[1] == pytest.approx(float(logarithm), abs=1e-10)


def moments(dof, b, order):
    """E S^k, k up to order, exactly: the power b of a series by Euler's recursion."""
    one = [Fraction(1)]
    for k in range(order):
        one.append(
            one[-1] * (Fraction(dof) - 2) * (Fraction(1, 2) + k) / (Fraction(dof) / 2 - 1 - k)
        )
    a, power = [m / math.factorial(k) for k, m in enumerate(one)], [Fraction(1)]
    for n in range(1, order + 1):
        power.append(sum((b * k - (n - k)) * a[k] * power[n - k] for k in range(1, n + 1)) / n)
    return [p * math.factorial(k) for k, p in enumerate(power)]


@pytest.mark.cases(7)
@pytest.mark.parametrize("dof", [4.25, 9.0, 70.0, 1000.0])
@pytest.mark.parametrize("b", [1, 2, 3, 25, 100])
def test_even_moments_are_polynomials_and_errors_are_honest(dof, b):
    order = min(math.ceil(dof / 2) - 1, 20)
    exact = moments(dof, b, order)
    for a, lr in [(1.0, 0.01), (1.0, 0.5), (0.9, 1.5), (-0.2, 1.5), (0.0, 1.0)]:
        factor = student_factor(dof, b, a, lr / b)
        for s in range(2, order + 1, 2):
            mean = sum(
                math.comb(s, k) * exact[k] * (-Fraction(lr / b)) ** k * Fraction(a) ** (s - k)
                for k in range(s + 1)
            )
            found, error = factor.log_moment(s)[0], factor.error(s)
            assert abs(found - math.log(mean)) < error + 1e-15 * s < 2e-10


def test_the_slope_is_the_derivative():
    factor = student_factor(9.0, 5, 1.0, 0.3)
    for s in (0.5, 2.0, 4.0):
        difference = (factor.log_moment(s + 1e-4)[0] - factor.log_moment(s - 1e-4)[0]) / 2e-4
        assert factor.log_moment(s)[1] == pytest.approx(difference, rel=1e-6)


def test_many_degrees_of_freedom_are_gaussian():
    gaussian, sgd = linsgd.LinearRegression.gaussian([1.0]), SGD(lr=0.6, batch_size=4)
    exact = linsgd.tail_exponent(gaussian, sgd).value
    found = [linsgd.tail_exponent(feature(dof), sgd).value for dof in (1e6, 1e8)]
    assert found[1] == pytest.approx(exact, rel=1e-5)
    assert abs(found[0] - exact) == pytest.approx(100 * abs(found[1] - exact), rel=0.02)


@pytest.mark.parametrize("dof", [2 + 1e-7, 1e16, 1e300])
def test_degrees_of_freedom_from_end_to_end(dof):
    found = linsgd.tail_exponent(feature(dof), SGD(lr=0.6, batch_size=3))
    assert found.lower <= found.value <= found.upper < found.lower * (1 + 1e-7)
    exact = linsgd.tail_exponent(
        linsgd.LinearRegression.gaussian([1.0]), SGD(lr=0.6, batch_size=3)
    ).value
    assert found.value < dof / 2 if dof < 3 else abs(found.value - exact) < 1e-10


def test_small_steps_leave_the_exponent_at_half_the_degrees_of_freedom():
    found = linsgd.tail_exponent(feature(10.0), SGD(lr=1e-5))
    assert (found.value, found.upper, str(found.status)) == (5.0, 5.0, "power_law")
    gap = [5 - linsgd.tail_exponent(feature(10.0), SGD(lr=lr)).value for lr in (0.02, 0.01)]
    # near the pole h = 1 - lr s + lr^s C / (5 - s): the gap falls as lr^4
    assert gap[0] / gap[1] == pytest.approx(2**4, rel=0.2)


def test_from_half_the_degrees_of_freedom_on_moments_are_infinite():
    assert linsgd.spectral_function(feature(6.0), SGD(lr=0.1), 3.0).value == math.inf
    assert 10 < linsgd.spectral_function(feature(6.0), SGD(lr=1.0), 3 * (1 - 1e-3)).value < math.inf


def test_variance_is_a_unit_of_the_learning_rate():
    one, other = (
        linsgd.tail_exponent(feature(5.0, v), SGD(lr=0.4 / v, batch_size=3)).value
        for v in (1.0, 8.0)
    )
    assert one == pytest.approx(other, rel=1e-12)


def test_large_steps_leave_no_law():
    found = linsgd.tail_exponent(feature(5.0), SGD(lr=40.0))
    assert (str(found.status), found.lyapunov > 0) == ("no_stationary_law", True)


def test_a_batch_of_a_thousand_is_quick():
    square_sum.cache_clear()
    start = time.process_time()
    found = linsgd.tail_exponent(feature(8.0), SGD(lr=1.0, batch_size=1000))
    assert time.process_time() - start < 2
    assert found.upper - found.lower < 1e-9
    assert found.value < 4


@pytest.mark.parametrize(
    ("dof", "lower"), [(5.0, 2.0), (3.5, 0.0)]
)  # with a second moment of the products, without
def test_in_many_dimensions_half_the_degrees_of_freedom_is_all_that_is_known(dof, lower):
    law = linsgd.StudentFeatures(np.linspace(0.1, 1.0, 201), dof=dof)
    found = linsgd.tail_exponent(
        linsgd.LinearRegression.from_features(law, noise_std=1.0), SGD(lr=1e-3)
    )
    assert (str(found.status), found.lower, found.upper) == ("unresolved", lower, dof / 2)
