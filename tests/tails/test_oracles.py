"""Double precision against mpmath, and against values known to many digits."""

import mpmath
import numpy as np
import pytest

import linsgd
from linsgd.theory.stability.almost_sure import almost_sure_threshold
from linsgd.theory.tails.isotropic.radial import RadialLaw
from linsgd.theory.tails.moments.even_forms import Sixth
from linsgd.theory.tails.setting import Setting

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


def sensitivity(problem, sgd):
    """d alpha / d log lr, by a central difference."""
    above, below = (
        linsgd.tail_exponent(
            problem, SGD(lr=sgd.lr * f, batch_size=sgd.batch_size, weight_decay=sgd.weight_decay)
        )
        for f in (1 + 1e-5, 1 - 1e-5)
    )
    return (above.value - below.value) / 2e-5


@pytest.mark.cases(3)
@pytest.mark.parametrize(
    ("lr", "b", "decay"),
    [
        (2.2, 1, 0.0),  # alpha 0.079
        pytest.param(2.42, 1, 0.0, marks=pytest.mark.nightly),  # alpha 1.6e-3
        (2 / 3, 1, 0.0),
        (0.3, 2, 0.5),
        pytest.param(0.7, 3, 0.0, marks=pytest.mark.nightly),
        (0.5, 40, 0.0),
        pytest.param(0.9, 1000, 0.0, marks=pytest.mark.nightly),
        pytest.param(1.9, 999, 0.0, marks=pytest.mark.nightly),
        (1.8e-2, 1, 0.0),  # alpha 100
        pytest.param(1.8e-4, 1, 0.0, marks=pytest.mark.nightly),  # alpha 1e4
        (1.0, 1, 1.0),  # a = 0
        (0.5, 2, 2.5),  # a < 0
    ],
)
def test_one_feature_has_a_backward_error_of_1e_13(lr, b, decay):
    problem, sgd = gaussian([1.0]), SGD(lr=lr, batch_size=b, weight_decay=decay)
    double, exact = (linsgd.tail_exponent(problem, sgd, method=m) for m in ("quadrature", "mpmath"))
    assert (
        abs(double.value - exact.value)
        <= 1e-13 * abs(sensitivity(problem, sgd)) + 2e-15 * exact.value
    )
    assert double.lower <= exact.value <= double.upper
    assert double.lyapunov == pytest.approx(exact.lyapunov, rel=1e-11)


def radial_moment(d, b, a, c, s):
    """E R^s at 30 digits: over Y Tricomi's function, over X an integral split at the kink."""
    with mpmath.workdps(30):
        m, k = mpmath.mpf(b) / 2, mpmath.mpf(d - 1) / 2
        a, c, s = map(mpmath.mpf, (a, c, s))

        def integrand(x):
            w = (a - c * x) ** 2 / (2 * c**2 * x)
            inner = (2 * c**2 * x) ** (s / 2) * mpmath.hyperu(-s / 2, 1 - k - s / 2, w)
            return x ** (m - 1) * mpmath.exp(-x / 2) * inner / (2**m * mpmath.gamma(m))

        bends = sorted({a / c, *(mpmath.mpf(b) * f for f in (0.01, 0.1, 0.5, 1, 2, 4, 8, 16, 32))})
        return mpmath.quad(integrand, [0, *bends, mpmath.inf])


@pytest.mark.cases(1)
@pytest.mark.parametrize(
    ("d", "b", "lr", "s"),
    [(2, 4, 1.0, 2.8125), (3, 2, 0.6, 0.01)],
)
def test_isotropic_moment_against_mpmath(d, b, lr, s):
    exact = radial_moment(d, b, 1.0, lr / b, s)
    found = RadialLaw(d, b, 1.0, lr / b).log_moment(s)[0]
    assert abs(found - float(mpmath.log(exact))) <= 2e-14 * s


@pytest.mark.parametrize(("b", "threshold"), [(1, 2.421249521037), (2, 2.6845103508207)])
def test_known_almost_sure_thresholds(b, threshold):
    lower, upper, _ = almost_sure_threshold(gaussian([1.0]), SGD(lr=1.0, batch_size=b))
    assert lower - 1e-12 < threshold < upper + 1e-12


def test_batch_of_two_is_an_exponential_integral():
    lr = 1.3
    z = mpmath.mpf(1) / mpmath.mpf(lr)
    exact = -mpmath.exp(-z) * mpmath.ei(z)
    assert linsgd.lyapunov_exponent(
        gaussian([1.0]), SGD(lr=lr, batch_size=2)
    ).value == pytest.approx(float(exact), rel=1e-13)


def test_the_oracle_can_fail():
    # a learning rate wrong by 1e-11 is seen by the comparison that the tests above make
    problem = gaussian([1.0])
    exact = linsgd.tail_exponent(problem, SGD(lr=0.7, batch_size=3), method="mpmath").value
    wrong = linsgd.tail_exponent(problem, SGD(lr=0.7 * (1 + 1e-11), batch_size=3))
    assert not wrong.lower <= exact <= wrong.upper


def test_coarse_nodes_agree_to_1e_10():
    for d, b in ((1, 1), (2, 1), (100, 10), (10_000, 3)):
        law = RadialLaw(d, b, 1.0, 1.5 / (b + d + 1))
        fine, coarse = law.log_moment(3.0)[0], law.log_moment(3.0, 1.5)[0]
        assert abs(fine - coarse) < 1e-10
        assert np.isfinite(fine)


@pytest.mark.parametrize(("d", "b", "decay"), [(1, 1, 0.0), (5, 4, 0.1), (100, 3, 0.0)])
def test_even_moments_of_a_flat_spectrum_are_the_isotropic_ones(d, b, decay):
    sgd = SGD(lr=1.4 * b / (b + d + 1), batch_size=b, weight_decay=decay)
    for s in (2.0, 4.0):
        one, other = (
            linsgd.spectral_function(gaussian([1.0] * d), sgd, s, method=m)
            for m in ("even_moments", "quadrature")
        )
        assert one.value == pytest.approx(other.value, rel=1e-12)


def test_the_sixth_moment_operator_against_full_batches():
    # one application to a form at a point; tolerance 6 standard errors: false alarm 2e-9
    rng = np.random.default_rng(3)
    spectrum, b, lr = np.array([1.0, 0.3, 0.1]), 2, 0.3
    F, u = (
        sum(np.multiply.outer(np.outer(v, v), v) for v in rng.random((2, 3))),
        rng.standard_normal(3),
    )
    x = rng.standard_normal((1_000_000, b, 3)) * np.sqrt(spectrum)
    image = (u - lr / b * np.einsum("nbi,nb->ni", x, x @ u)) ** 2
    sampled = np.einsum("ni,nj,nk,ijk->n", image, image, image, F, optimize=True)
    new = Sixth(Setting.of(gaussian(spectrum), SGD(lr=lr, batch_size=b)))(F) + F
    exact = np.einsum("i,j,k,ijk", u**2, u**2, u**2, new)
    error = sampled.std() / np.sqrt(len(sampled))
    assert abs(sampled.mean() - exact) < 6 * error
    assert error < 0.02 * exact  # it can fail: a lost term is larger


def test_a_long_spectrum_at_its_mean_square_threshold():
    spectrum = np.geomspace(1, 1e-3, 1_000_000)
    threshold = linsgd.stability(gaussian(spectrum), SGD(lr=1e-6, batch_size=2)).lr_mean_square
    log_h = [
        np.log(
            linsgd.spectral_function(
                gaussian(spectrum), SGD(lr=threshold * f, batch_size=2), 2.0
            ).value
        )
        for f in (1 - 1e-9, 1 + 1e-9)
    ]
    assert log_h[0] < 0 < log_h[1]


def test_even_moments_bracket_where_no_method_knows_the_exponent():
    spectrum = np.geomspace(1, 0.01, 201)
    edge = linsgd.stability(gaussian(spectrum), SGD(lr=0.1)).lr_mean_square
    below, above = (linsgd.tail_exponent(gaussian(spectrum), SGD(lr=edge * f)) for f in (0.5, 1.1))
    assert (below.method, str(below.status), below.lower) == ("even_moments", "unresolved", 4.0)
    assert (str(above.status), above.lower) == ("unresolved", 0.0)
    assert 0 < above.upper <= 2
    assert "not known" in above.reason


def test_far_narrow_peaks_of_high_orders_are_seen():
    # at order 8e4 two peaks compete, far apart and 1/300 wide: log h stays convex
    law = RadialLaw(1000, 100, 1 - 0.00217 * 0.1, 0.00217 / 100)
    orders = np.linspace(5e4, 1.2e5, 36)
    values, slopes = np.transpose([law.log_moment(float(s)) for s in orders])
    assert np.diff(slopes).min() > 0
    rise = np.diff(values) / np.diff(orders)
    assert (slopes[:-1] < rise).all()
    assert (rise < slopes[1:]).all()


@pytest.mark.parametrize(("d", "b", "decay"), [(1, 3, 0.0), (1, 3, 0.4), (20, 5, 0.4), (3, 2, 2.5)])
@pytest.mark.parametrize("s", [0.0, 0.7, 6.0])
def test_the_conditioning_is_a_derivative(d, b, decay, s):
    from linsgd.theory.tails.isotropic import quadrature

    def number(lr):
        setting = Setting.of(gaussian([1.0] * d), SGD(lr=lr, batch_size=b, weight_decay=decay))
        return quadrature.radial_law(setting).log_moment(s)[s == 0]

    lr = 0.3
    setting = Setting.of(gaussian([1.0] * d), SGD(lr=lr, batch_size=b, weight_decay=decay))
    exact = (number(lr * (1 + 1e-5)) - number(lr * (1 - 1e-5))) / 2e-5
    assert quadrature.sensitivity(setting, s) == pytest.approx(exact, rel=1e-7)
