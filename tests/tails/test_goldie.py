"""Goldie's constant: exact at alpha = 2, sampled elsewhere, and seen in the tail itself."""

import numpy as np
import pytest

import linsgd
from linsgd.theory.tails.goldie import _fourth_increment, tail_constant
from linsgd.theory.tails.setting import Setting

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


@pytest.mark.parametrize(("d", "lr", "value"), [(1, 2 / 3, 0.45290362), (2, 0.5, 1.03474319)])
def test_known_constants_at_exponent_two(d, lr, value):
    found = tail_constant(gaussian([1.0] * d), SGD(lr=lr))
    assert found.value == pytest.approx(value, abs=6e-9)
    assert found.guarantee == "numerical"


@pytest.mark.parametrize(("d", "lr"), [(1, 2 / 3), (2, 0.5)])
def test_the_sample_agrees_with_the_exact_constant_beside_it(d, lr):
    # at alpha = 2 -+ 1e-4 the constant is continuous; interval at 0.999 stretched twofold, below 1e-5 for 20 groups
    exact = tail_constant(gaussian([1.0] * d), SGD(lr=lr)).value
    near = tail_constant(gaussian([1.0] * d), SGD(lr=lr * (1 + 1e-5)))
    assert near.guarantee == "statistical"
    assert abs(near.value - exact) < near.upper - near.lower
    assert near.upper - near.lower < 0.02 * exact


def test_noise_enters_as_its_power():
    sgd = SGD(lr=1.2)
    alpha = linsgd.tail_exponent(gaussian([1.0]), sgd).value
    one, three = (tail_constant(gaussian([1.0], noise_std=s), sgd).value for s in (1.0, 3.0))
    assert three == pytest.approx(one * 3**alpha, rel=1e-9)  # the same random numbers


def test_the_tail_is_seen_where_it_is_predicted():
    # full batches, 200,000 chains; the count beyond t is binomial: 6 standard deviations and 5 % of asymptotic bias
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


def test_the_constant_at_exponent_four():
    lr = linsgd.moment_threshold(gaussian([1.0]), SGD(lr=1.0, batch_size=2), 4).value
    found = tail_constant(gaussian([1.0]), SGD(lr=lr, batch_size=2))
    assert found.value == pytest.approx(0.22038600, abs=6e-9)
    assert found.guarantee == "numerical"
    wide = tail_constant(gaussian([4.0], noise_std=3.0), SGD(lr=lr / 4, batch_size=2))
    assert wide.value == pytest.approx(found.value * (3 / 2) ** 4, rel=1e-9)


@pytest.mark.parametrize(("d", "b", "lr"), [(3, 2, 0.3), (2, 5, 0.5)])
def test_the_fourth_increment_against_full_batches(d, b, lr):
    # W of the length that its variance has; 6 standard errors: false alarm 2e-9
    rng = np.random.default_rng(11)
    setting = Setting.of(gaussian([1.0] * d), SGD(lr=lr, batch_size=b))
    c = lr / b
    length = np.sqrt(c * b * d / (2 * b - c * b * (b + d + 1)))
    x, noise = rng.standard_normal((500_000, b, d)), 1.0 * rng.standard_normal((500_000, b))
    ahead = np.eye(d)[0] * length - c * np.einsum("nbi,nb->ni", x, x[..., 0] * length)
    pushed = c * np.einsum("nbi,nb->ni", x, noise)
    differences = [np.sum((ahead + sign * pushed) ** 2, axis=1) ** 2 for sign in (1, -1)]
    increments = sum(differences) / 2 - np.sum(ahead**2, axis=1) ** 2
    exact, error = _fourth_increment(setting, 1.0), increments.std() / np.sqrt(len(increments))
    assert abs(increments.mean() - exact) < 6 * error
    assert error < 0.01 * exact  # it can fail: each of the three terms is larger


def test_the_survival_function_is_the_tail():
    problem, sgd = gaussian([1.0]), SGD(lr=1.2)
    found = linsgd.tail_probability(problem, sgd, [1e-9, 10.0, 1e6])
    assert found.value[1:] == pytest.approx(found.constant.value * np.array([10.0, 1e6]) ** -found.exponent.value)
    assert found.value[0] == 1.0
    assert (found.lower <= found.value).all()
    assert (found.value <= found.upper).all()
    assert np.isnan(linsgd.tail_probability(problem, SGD(lr=3.0), [5.0]).value).all()
    with pytest.raises(ValueError, match=r"t = 0\.0"):
        linsgd.tail_probability(problem, sgd, [0.0])


def test_arithmetic_laws_do_oscillate():
    # A in {-2, 1/2, 0} with probabilities 1/6, 1/2, 1/3: h(s) = 2^s/6 + 2^-s/2 = 1 at 2^s = 3 + sqrt 6
    rows = np.sqrt([3.0, 0.5, 0.5, 0.5, 1.0, 1.0])[:, None]
    problem = linsgd.LinearRegression.from_data(rows, [1.0, -2.0, 0.5, 1.0, 1.0, -1.0])
    found = tail_constant(problem, SGD(lr=1.0))
    assert found.status == "oscillates"
    assert "0.69314718" in found.reason
    alpha = linsgd.tail_exponent(problem, SGD(lr=1.0))
    assert alpha.lower <= np.log2(3 + np.sqrt(6)) <= alpha.upper
    with pytest.raises(ValueError, match="isotropic Gaussian"):
        tail_constant(problem, SGD(lr=1.1))  # no common period


def test_signs_in_one_dimension_have_no_tail():
    problem = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.0]))
    found = tail_constant(problem, SGD(lr=0.5))
    assert (found.status, found.value == found.value) == ("light", False)


def test_other_settings_are_named():
    assert tail_constant(gaussian([1.0]), SGD(lr=0.2)).status == "unresolved"
    assert tail_constant(gaussian([1.0]), SGD(lr=2.6)).status == "no_stationary_law"
    with pytest.raises(ValueError, match="momentum 0"):
        tail_constant(gaussian([1.0]), SGD(lr=0.2, momentum=0.5))
    with pytest.raises(ValueError, match="weight_decay 0"):
        tail_constant(gaussian([1.0]), SGD(lr=0.2, weight_decay=0.5))
