"""Goldie's constant: exact at even exponents, free of units, and seen in the tail itself."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import brentq

import linsgd
from linsgd.theory.tails.isotropic.chi_square import gauss_rule
from linsgd.theory.tails.isotropic.radial import RadialLaw
from linsgd.theory.tails.tail_constant.tail_constant import tail_constant

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


# identities


@pytest.mark.parametrize(("d", "lr", "value"), [(1, 2 / 3, 0.45290362), (2, 0.5, 1.03474319)])
def test_known_constants_at_exponent_two(d, lr, value):
    found = tail_constant(gaussian([1.0] * d), SGD(lr=lr))
    assert found.value == pytest.approx(value, abs=6e-9)
    assert found.guarantee == "numerical"


def test_the_known_constant_at_exponent_four():
    lr = linsgd.moment_threshold(gaussian([1.0]), SGD(lr=1.0, batch_size=2), 4).value
    assert tail_constant(gaussian([1.0]), SGD(lr=lr, batch_size=2)).value == pytest.approx(
        0.22038600, abs=6e-9
    )


@pytest.mark.cases(1)
@pytest.mark.parametrize(("d", "b", "lr"), [(1, 1, 1.2), (3, 2, 0.7)])
def test_units_enter_as_powers(d, b, lr):
    # features of variance v take steps v lr of white ones, in units of noise / sqrt v
    sgd, wide = SGD(lr=lr, batch_size=b), SGD(lr=lr / 4, batch_size=b)
    alpha = linsgd.tail_exponent(gaussian([1.0] * d), sgd).value
    one, three = (tail_constant(gaussian([1.0] * d, noise_std=s), sgd).value for s in (1.0, 3.0))
    assert three == pytest.approx(one * 3**alpha, rel=1e-11)
    assert tail_constant(gaussian([4.0] * d), wide).value == pytest.approx(one / 2**alpha, rel=1e-9)
    assert tail_constant(gaussian([1.0] * d, optimum=[2.0] * d), sgd).value == one


# oracles


def even_growth(d, b, shrinkage, c, order):
    """h(order) and E|A W + B|^order - |A W|^order for unit noise, by rules exact for r'^2."""
    count = order + 2
    n, normal = np.polynomial.hermite_e.hermegauss(count)
    rules = [gauss_rule(b, count), gauss_rule(d - 1, count) if d > 1 else (np.zeros(1), np.ones(1))]
    C, K, n = (each.ravel() for each in np.meshgrid(rules[0][0], rules[1][0], n, indexing="ij"))
    weight = np.einsum("i,j,k->ijk", rules[0][1], rules[1][1], normal / normal.sum()).ravel()
    along, push = shrinkage - c * C, c * np.sqrt(C) * n
    square = np.array([push**2 + c * c * C * K, -2 * along * push, along**2 + c * c * C * K])
    power, moments = np.ones((1, weight.size)), [1.0]
    for _ in range(order // 2):
        power = sum(np.pad(square[i] * power, ((i, 2 - i), (0, 0))) for i in range(3))
        *lower, h = power[::2] @ weight
        growth = np.dot(lower, moments)
        moments.append(growth / (1 - h) if h < 1 - 1e-9 else np.nan)
    return h, growth


@pytest.mark.cases(4)
@pytest.mark.parametrize(
    ("d", "b", "decay", "order"),
    [
        (1, 1, 0.0, 2),
        (1, 1, 0.0, 6),
        pytest.param(1, 8, 0.0, 10, marks=pytest.mark.nightly),
        (1, 1, 0.0, 20),
        (1, 4, 1.5, 4),
        (1, 1, 0.5, 6),
        (2, 1, 0.0, 4),
        pytest.param(2, 3, 0.0, 10, marks=pytest.mark.nightly),
        (3, 1, 0.4, 4),
        pytest.param(5, 2, 0.0, 20, marks=pytest.mark.nightly),
        (20, 4, 0.0, 6),
        (100, 10, 0.0, 4),
    ],
)
def test_even_exponents_against_their_moments(d, b, decay, order):
    problem = gaussian([1.0] * d)
    steepest = linsgd.moment_threshold(
        problem, SGD(lr=1.0, batch_size=b, weight_decay=decay), 2
    ).value

    def excess(share):
        lr = share * steepest
        return even_growth(d, b, 1 - lr * decay, lr / b, order)[0] - 1

    share = 1.0 if order == 2 else next(x for x in np.linspace(1, 0, 200) if excess(x) < 0)
    lr = steepest * (share if order == 2 else brentq(excess, share, share + 1 / 199, xtol=1e-15))
    found = tail_constant(problem, SGD(lr=lr, batch_size=b, weight_decay=decay))
    growth = even_growth(d, b, 1 - lr * decay, lr / b, order)[1]
    near = [
        linsgd.spectral_function(problem, SGD(lr=lr, batch_size=b, weight_decay=decay), order + e)
        for e in (1e-4, -1e-4)
    ]
    slope = (near[0].value - near[1].value) / 2e-4
    assert found.value == pytest.approx(growth / (order * slope), rel=1e-8)
    assert found.upper - found.value < 1e-6 * found.value
    assert found.lower < growth / (order * slope) * (1 + 1e-8)
    assert found.upper > growth / (order * slope) * (1 - 1e-8)


def test_a_large_even_exponent_in_exact_arithmetic():
    # E A^2i B^2j for A = 1 - lr x^2, B = lr x e, and the moments of W by recursion
    order = 40
    lr = brentq(
        lambda x: linsgd.tail_exponent(gaussian([1.0]), SGD(lr=x)).value - order,
        0.044,
        0.0445,
        xtol=1e-16,
    )
    step, moments = Fraction(lr), [Fraction(1)]

    def normal(k):
        return math.prod(range(1, 2 * k, 2))

    def mixed(i, j):
        terms = (math.comb(2 * i, m) * (-step) ** m * normal(m + j) for m in range(2 * i + 1))
        return step ** (2 * j) * normal(j) * sum(terms)

    for k in range(1, order // 2 + 1):
        growth = sum(math.comb(2 * k, 2 * i) * mixed(i, k - i) * moments[i] for i in range(k))
        moments.append(growth / (1 - mixed(k, 0)))
    slope = RadialLaw(1, 1, 1.0, lr).log_moment(order)[1]
    assert tail_constant(gaussian([1.0]), SGD(lr=lr)).value == pytest.approx(
        float(growth) / (order * slope), rel=1e-10
    )


@pytest.mark.cases(1)
@pytest.mark.parametrize(
    ("d", "b", "lr", "decay"),
    [(1, 1, 0.95, 0.0), (1, 2, 2.0, 0.0), (3, 2, 0.75, 0.3)],
)
def test_other_exponents_against_full_batches(d, b, lr, decay):
    # the increment's mean over 400,000 chains, of a variance that is finite for alpha < 4: 6
    # standard errors
    problem, sgd = gaussian([1.0] * d), SGD(lr=lr, batch_size=b, weight_decay=decay)
    alpha = linsgd.tail_exponent(problem, sgd).value
    near = [linsgd.spectral_function(problem, sgd, alpha + e).value for e in (1e-4, -1e-4)]
    rng = np.random.default_rng(3)
    w, total = np.zeros((20_000, d)), np.zeros(20_000)
    for step in range(220):
        x, noise = rng.standard_normal((len(w), b, d)), rng.standard_normal((len(w), b))
        ahead = (1 - lr * decay) * w - lr / b * np.einsum(
            "nbi,nb->ni", x, np.einsum("nbi,ni->nb", x, w)
        )
        pushed = lr / b * np.einsum("nbi,nb->ni", x, noise)
        if step >= 200:
            both = [np.linalg.norm(ahead + sign * pushed, axis=1) ** alpha / 2 for sign in (1, -1)]
            total += both[0] + both[1] - np.linalg.norm(ahead, axis=1) ** alpha
        w = ahead + pushed
    scale = 20 * alpha * (near[0] - near[1]) / 2e-4
    seen, error = total.mean() / scale, total.std() / scale / np.sqrt(len(w))
    exact = tail_constant(problem, sgd).value
    assert abs(seen - exact) < 6 * error
    assert error < 0.02 * exact  # 1.3 C is rejected


# statistics


@pytest.mark.nightly
def test_the_tail_is_seen_where_it_is_predicted():
    # full batches, 200,000 chains; the count beyond t is binomial: 6 standard deviations and 5 % of
    # asymptotic bias
    problem, sgd = gaussian([1.0]), SGD(lr=1.5)
    alpha, constant = linsgd.tail_exponent(problem, sgd).value, tail_constant(problem, sgd).value
    rng = np.random.default_rng(7)
    w = np.zeros(200_000)
    for _ in range(300):
        x = rng.standard_normal(w.size)
        w += -1.5 * x * (x * w - rng.standard_normal(w.size))
    for t in (50.0, 400.0):
        expected = constant * t**-alpha
        seen = np.mean(np.abs(w) > t)
        assert abs(seen - expected) < 0.05 * expected + 6 * np.sqrt(expected / w.size)
        assert abs(seen - 2 * expected) > 0.05 * expected + 6 * np.sqrt(expected / w.size)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("d", "b", "lr", "t", "steps"),
    [
        (1, 1, 1.0, 100.0, 100),
        pytest.param(1, 1, 0.5, 100.0, 100, marks=pytest.mark.nightly),
        pytest.param(1, 1, 0.27, 30.0, 200, marks=pytest.mark.nightly),
        pytest.param(5, 4, 0.86, 50.0, 100, marks=pytest.mark.nightly),
        pytest.param(5, 1, 0.26, 60.0, 150, marks=pytest.mark.nightly),
        pytest.param(5, 1, 0.2, 20.0, 300, marks=pytest.mark.nightly),
    ],
)
def test_rare_events_see_the_constant(d, b, lr, t, steps):
    # alpha 1.1, 2.9, 6 and 1.3, 3, 5.7; 16 replicas at a fixed seed: 8 standard errors are below
    # 1e-6 (Student, 15 degrees), and 3 % are left for the settling and the asymptote; a constant
    # 1.3 times as large is rejected
    problem, sgd = gaussian([1.0] * d), SGD(lr=lr, batch_size=b)
    found = linsgd.rare_events(problem, sgd, [t], steps=steps, settling=150, replicas=16)
    predicted = linsgd.tail_probability(problem, sgd, [t]).value[0]
    allowed = 0.03 + 8 * found.relative_error[0]
    assert abs(found.probability[0] / predicted - 1) < allowed
    assert abs(found.probability[0] / (1.3 * predicted) - 1) > allowed


# statuses


def test_the_survival_function_is_the_tail():
    problem, sgd = gaussian([1.0]), SGD(lr=1.2)
    found = linsgd.tail_probability(problem, sgd, [1e-9, 10.0, 1e6])
    assert found.value[1:] == pytest.approx(
        found.constant.value * np.array([10.0, 1e6]) ** -found.exponent.value
    )
    assert found.value[0] == 1.0
    assert (found.lower <= found.value).all()
    assert (found.value <= found.upper).all()
    assert np.isnan(linsgd.tail_probability(problem, SGD(lr=3.0), [5.0]).value).all()
    with pytest.raises(ValueError, match=r"t = 0\.0"):
        linsgd.tail_probability(problem, sgd, [0.0])


def test_arithmetic_laws_do_oscillate():
    # A in {-2, 1/2, 0} with probabilities 1/6, 1/2, 1/3: h(s) = 2^s/6 + 2^-s/2 = 1 at 2^s = 3 +
    # sqrt 6
    rows = np.sqrt([3.0, 0.5, 0.5, 0.5, 1.0, 1.0])[:, None]
    problem = linsgd.LinearRegression.from_data(rows, [1.0, -2.0, 0.5, 1.0, 1.0, -1.0])
    found = tail_constant(problem, SGD(lr=1.0))
    assert found.status == "oscillates"
    assert "0.69314718" in found.reason
    alpha = linsgd.tail_exponent(problem, SGD(lr=1.0))
    assert alpha.lower <= np.log2(3 + np.sqrt(6)) <= alpha.upper
    with pytest.raises(ValueError, match="isotropic Gaussian"):
        tail_constant(problem, SGD(lr=1.1))  # no common period


def test_batches_without_replacement_may_be_arithmetic_where_repeated_rows_are_not():
    # A in {-2, 1/2} with probabilities 2/5, 3/5, and 2^alpha = 3/2; the row of 5.5 twice would make
    # A = -4.5
    rows = np.sqrt([5.5, 0.5, 0.5, 0.5, 0.5])[:, None]
    problem = linsgd.LinearRegression.from_data(rows, [1.0, -2.0, 0.5, 1.0, 1.0])
    found = tail_constant(problem, SGD(lr=1.0, batch_size=2, replacement=False))
    assert found.status == "oscillates"
    assert "0.69314718" in found.reason
    alpha = linsgd.tail_exponent(problem, SGD(lr=1.0, batch_size=2, replacement=False))
    assert alpha.lower <= np.log2(1.5) <= alpha.upper
    with pytest.raises(ValueError, match="isotropic Gaussian"):
        tail_constant(problem, SGD(lr=1.0, batch_size=2))


def test_signs_in_one_dimension_have_no_tail():
    problem = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.0]))
    for lr, status in (
        (0.5, "light"),
        (1.0, "light"),
        (2.0, "unresolved"),
        (3.0, "no_stationary_law"),
    ):
        found = tail_constant(problem, SGD(lr=lr))
        assert (found.status, found.value == found.value) == (status, False)


def test_bounded_features_have_a_status_where_there_is_no_power_law():
    one, two = (
        linsgd.LinearRegression.from_features(linsgd.UniformFeatures(v))
        for v in ([1.0], [1.0, 0.5])
    )
    assert (
        tail_constant(one, SGD(lr=0.5)).status == tail_constant(two, SGD(lr=0.1)).status == "light"
    )
    assert tail_constant(one, SGD(lr=4.0)).status == "no_stationary_law"
    for problem in (one, two):
        with pytest.raises(ValueError, match="isotropic Gaussian"):
            tail_constant(problem, SGD(lr=1.0))


@pytest.mark.parametrize("lr", [0.02, 2 / 3])
def test_probabilities_of_any_distance(lr):
    found = linsgd.tail_probability(gaussian([1.0]), SGD(lr=lr), [1e-60, 1e-10, 2.0, 1e10, 1e70])
    assert (found.value[:2] == 1).all()
    assert np.isfinite(found.value).all()
    assert (np.diff(found.value) <= 0).all()
    assert found.value[2] == pytest.approx(
        found.constant.value * 2.0**-found.exponent.value, rel=1e-11
    )


def test_an_unresolved_constant_bounds_nothing():
    found = linsgd.tail_probability(gaussian([1.0]), SGD(lr=0.001), [1e-10, 1e10])
    assert found.status == "unresolved"
    assert np.isnan(found.value).all()
    assert (found.lower == 0).all()
    assert (found.upper == 1).all()


def test_other_settings_are_named():
    assert tail_constant(gaussian([1.0]), SGD(lr=0.005)).status == "unresolved"
    assert tail_constant(gaussian([1.0]), SGD(lr=2.6)).status == "no_stationary_law"
    with pytest.raises(ValueError, match="momentum 0"):
        tail_constant(gaussian([1.0]), SGD(lr=0.2, momentum=0.5))
    with pytest.raises(ValueError, match="weight_decay 0"):
        tail_constant(gaussian([1.0], optimum=[1.0]), SGD(lr=0.2, weight_decay=0.5))
    with pytest.raises(ValueError, match="Gaussian label noise"):
        tail_constant(gaussian([1.0], noise="laplace"), SGD(lr=0.2))
