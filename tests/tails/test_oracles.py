"""Double precision against mpmath, and against values known to many digits."""

import mpmath
import numpy as np
import pytest

import linsgd
from linsgd.theory.tails.lyapunov import almost_sure_threshold
from linsgd.theory.tails.radial import RadialLaw

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


def sensitivity(problem, sgd):
    """d alpha / d log lr, by a central difference."""
    above, below = (
        linsgd.tail_exponent(problem, SGD(lr=sgd.lr * f, batch_size=sgd.batch_size, weight_decay=sgd.weight_decay))
        for f in (1 + 1e-5, 1 - 1e-5)
    )
    return (above.value - below.value) / 2e-5


@pytest.mark.parametrize(
    ("lr", "b", "decay"),
    [
        (2.2, 1, 0.0),  # alpha 0.079
        (2.42, 1, 0.0),  # alpha 1.6e-3
        (2 / 3, 1, 0.0),
        (0.3, 2, 0.5),
        (0.7, 3, 0.0),
        (0.5, 40, 0.0),
        (0.9, 1000, 0.0),
        (1.9, 999, 0.0),
        (0.01, 40, 0.0),  # alpha 7e3
        (1.8e-4, 1, 0.0),  # alpha 1e4
        (1.0, 1, 1.0),  # a = 0
        (0.5, 2, 2.5),  # a < 0
    ],
)
def test_one_feature_has_a_backward_error_of_1e_13(lr, b, decay):
    problem, sgd = gaussian([1.0]), SGD(lr=lr, batch_size=b, weight_decay=decay)
    double, exact = (linsgd.tail_exponent(problem, sgd, method=m) for m in ("quadrature", "mpmath"))
    assert abs(double.value - exact.value) <= 1e-13 * abs(sensitivity(problem, sgd)) + 2e-15 * exact.value
    assert double.lower <= exact.value <= double.upper
    assert double.lyapunov == pytest.approx(exact.lyapunov, rel=1e-11)


def radial_moment(d, b, a, c, s):
    """E R^s at 30 digits: the integral over Y is Tricomi's function, that over X is split at the kink."""
    with mpmath.workdps(30):
        m, k = mpmath.mpf(b) / 2, mpmath.mpf(d - 1) / 2
        a, c, s = map(mpmath.mpf, (a, c, s))

        def integrand(x):
            w = (a - c * x) ** 2 / (2 * c**2 * x)
            inner = (2 * c**2 * x) ** (s / 2) * mpmath.hyperu(-s / 2, 1 - k - s / 2, w)
            return x ** (m - 1) * mpmath.exp(-x / 2) * inner / (2**m * mpmath.gamma(m))

        bends = sorted({a / c, *(mpmath.mpf(b) * f for f in (0.01, 0.1, 0.5, 1, 2, 4, 8, 16, 32))})
        return mpmath.quad(integrand, [0, *bends, mpmath.inf])


@pytest.mark.parametrize(
    ("d", "b", "lr", "s"),
    [(2, 1, 0.5, 1.0), (2, 4, 1.0, 2.8125), (3, 2, 0.6, 0.01), (5, 3, 0.4, 5.5), (10, 6, 0.5, 0.3)],
)
def test_isotropic_moment_against_mpmath(d, b, lr, s):
    exact = radial_moment(d, b, 1.0, lr / b, s)
    found = RadialLaw(d, b, 1.0, lr / b).log_moment(s)[0]
    assert abs(found - float(mpmath.log(exact))) <= 2e-14 * s


@pytest.mark.parametrize(("b", "threshold"), [(1, 2.421249521037), (2, 2.6845103508207)])
def test_known_almost_sure_thresholds(b, threshold):
    lower, upper = almost_sure_threshold(gaussian([1.0]), SGD(lr=1.0, batch_size=b))
    assert lower - 1e-12 < threshold < upper + 1e-12


def test_batch_of_two_is_an_exponential_integral():
    lr = 1.3
    z = mpmath.mpf(1) / mpmath.mpf(lr)
    exact = -mpmath.exp(-z) * mpmath.ei(z)
    assert linsgd.lyapunov_exponent(gaussian([1.0]), SGD(lr=lr, batch_size=2)).value == pytest.approx(
        float(exact), rel=1e-13
    )


def test_the_oracle_can_fail():
    # a learning rate wrong by 1e-11 is seen by the comparison that the tests above make
    problem = gaussian([1.0])
    exact = linsgd.tail_exponent(problem, SGD(lr=0.7, batch_size=3), method="mpmath").value
    wrong = linsgd.tail_exponent(problem, SGD(lr=0.7 * (1 + 1e-11), batch_size=3))
    assert not wrong.lower <= exact <= wrong.upper


def test_coarse_nodes_agree_to_1e_11():
    for d, b in ((1, 1), (2, 1), (100, 10), (10_000, 3)):
        law = RadialLaw(d, b, 1.0, 1.5 / (b + d + 1))
        fine, coarse = law.log_moment(3.0)[0], law.log_moment(3.0, 1.5)[0]
        assert abs(fine - coarse) < 1e-11
        assert np.isfinite(fine)
