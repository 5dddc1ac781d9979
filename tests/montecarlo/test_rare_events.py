"""Weighted ensembles in the far tail, against Kesten's exponent and Goldie's constant."""

import re

import numpy as np
import pytest
from scipy.stats import norm

import linsgd

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


def survival(lr, t, steps, points=200):
    """P(|w_k| > t) from w_0 = 0 for one feature and batch 1, by u_{k+1}(w) = E u_k(w').

    Features and labels by the trapezoidal rule, log u piecewise linear on a grid that is even in
    arcsinh(50 w)."""
    x, e = np.arange(0.05, 10, 0.1), np.arange(-9, 9.1, 0.75)
    likely = [np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum() for z in (x, e)]
    grid = np.linspace(0, np.arcsinh(5e4 * t), points)
    mean = np.outer(np.sinh(grid) / 50, 1 - lr * x**2)
    u = (norm.sf((t - mean) / (lr * x)) + norm.sf((t + mean) / (lr * x))) @ likely[0]
    image = np.arcsinh(50 * np.abs(mean[:, :, None] + lr * np.outer(x, e))).reshape(points, -1)
    for _ in range(steps - 1):
        u = (
            np.exp(np.interp(image, grid, np.log(np.maximum(u, 1e-300))))
            @ np.outer(*likely).ravel()
        )
    return u[0]


@pytest.mark.cases(1)
@pytest.mark.parametrize(("lr", "t"), [(2 / 3, 300.0), (0.2, 5.0)])
def test_far_and_near_the_asymptote_it_agrees_with_the_integral_equation(lr, t):
    # eight standard errors (Student, 7 degrees: 1e-4 at worst) and 3 % of the oracle's own error;
    # alpha = 2 and 8.3
    exact = survival(lr, t, 40)
    assert exact < 1e-5
    found = linsgd.rare_events(gaussian([1.0]), SGD(lr=lr), [t], steps=200, settling=80)
    assert found.relative_error[0] < 0.05
    off = abs(found.probability[0] / exact - 1)
    assert off < 0.03 + 8 * found.relative_error[0]
    assert abs(found.probability[0] / (2 * exact) - 1) > 0.03 + 8 * found.relative_error[0]


def test_a_tail_of_1e_12_is_seen_to_ten_per_cent():
    # fixed seed; tolerance 8 standard errors of eight replicas (Student, 7 degrees: 1e-4 at worst)
    # and 3 % of bias
    problem, sgd = gaussian([1.0]), SGD(lr=2 / 3)
    t = np.array([1e2, 1e4, 1e6])
    found = linsgd.rare_events(problem, sgd, t, steps=200, settling=120)
    expected = linsgd.tail_constant(problem, sgd).value * t**-2.0
    assert expected[-1] < 1e-12
    assert found.relative_error.max() < 0.1
    assert found.status == "ok"
    off = np.abs(found.probability / expected - 1)
    assert np.all(off < 0.03 + 8 * found.relative_error)
    assert found.local_exponent() == pytest.approx([2.0, 2.0], abs=0.06)
    doubled = np.abs(found.probability / (2 * expected) - 1)
    assert np.all(doubled > 0.03 + 5 * found.relative_error)  # a constant wrong by 2 is seen


@pytest.mark.nightly
@pytest.mark.parametrize(("d", "lr"), [(1, 2 / 3), (2, 0.5)])
def test_a_tail_of_1e_12_is_seen_whatever_the_seed(d, lr):
    # alpha = 2, C exact; 20 intervals of 99 %: five misses or more have probability 1e-6; of 1.4 C
    # they miss most
    problem, sgd = gaussian([1.0] * d), SGD(lr=lr)
    constant = linsgd.tail_constant(problem, sgd).value
    t = np.sqrt(constant / 1e-12)
    found = [
        linsgd.rare_events(problem, sgd, [t], steps=200, settling=100, seed=seed)
        for seed in range(20)
    ]
    assert np.mean([one.relative_error[0] for one in found]) < 0.1
    assert {str(one.status) for one in found} == {"ok"}
    for factor, fewest, most in ((1.0, 0, 4), (1.4, 10, 20)):
        misses = sum(not one.lower[0] <= factor * 1e-12 <= one.upper[0] for one in found)
        assert fewest <= misses <= most


@pytest.mark.nightly
def test_it_costs_far_less_than_brute_force():
    t = np.array([1e4])
    found = linsgd.rare_events(gaussian([1.0]), SGD(lr=2 / 3), t, steps=300, settling=150)
    chains = 1 / (
        found.probability[0] * found.relative_error[0] ** 2
    )  # brute force at the same relative error
    assert found.probability[0] < 1e-8
    assert chains > 1e4 * found.walker_steps


@pytest.mark.nightly
def test_near_the_centre_it_agrees_with_plain_chains():
    # 5 standard errors of the difference; two thresholds: a false alarm below 1e-5, at a fixed seed
    problem, sgd = gaussian([1.0, 0.5]), SGD(lr=0.3, batch_size=2, momentum=0.5, weight_decay=0.1)
    t = np.array([0.6, 1.2])
    found = linsgd.rare_events(problem, sgd, t, steps=300, settling=60)
    rng = np.random.default_rng(5)
    w, v = np.zeros((20_000, 2)), np.zeros((20_000, 2))
    for _ in range(60):
        x = rng.standard_normal((len(w), 2, 2)) * np.sqrt([1.0, 0.5])
        error = np.einsum("nbi,ni->nb", x, w) - rng.standard_normal((len(w), 2))
        v = 0.5 * v - np.einsum("nbi,nb->ni", x, error) / 2 - 0.1 * w
        w = w + 0.3 * v
    plain = np.mean(np.linalg.norm(w, axis=1)[:, None] > t, axis=0)
    error = np.hypot(found.relative_error * found.probability, np.sqrt(plain / len(w)))
    assert np.all(np.abs(found.probability - plain) < 5 * error)
    assert np.all(error < 0.1 * plain)


def test_finite_data_and_other_labels():
    rng = np.random.default_rng(0)
    data = linsgd.LinearRegression.from_data(rng.standard_normal((20, 2)), rng.standard_normal(20))
    found = linsgd.rare_events(data, SGD(lr=0.3), [0.5, 50.0], steps=100, replicas=3)
    assert 0 < found.probability[0] <= 1
    assert found.probability[1] < found.probability[0]


@pytest.mark.cases(1)
@pytest.mark.parametrize("lr", [2.6, 1e3])
def test_without_a_stationary_law_the_weights_drift(lr):
    found = linsgd.rare_events(gaussian([1.0]), SGD(lr=lr), [10.0, 1e3], steps=200, settling=100)
    assert found.status == "drifting"


def test_walkers_still_on_their_way_out_drift():
    """With momentum 0.9 they need more than 250 steps to 10^5; until then the estimate drifts."""
    thresholds, sgd = [5e3, 1e5], SGD(lr=0.09, momentum=0.9)
    found = linsgd.rare_events(gaussian([1.0]), sgd, thresholds, steps=200, settling=50)
    assert found.status == "drifting"


@pytest.mark.nightly
def test_with_momentum_the_exponent_is_seen_far_out():
    # fixed seed, 8 standard errors of the slope (Student, 7 degrees: 1e-4); at lr 0.08 alpha is
    # 0.45 larger
    problem, sgd, t = gaussian([1.0]), SGD(lr=0.09, momentum=0.9), np.array([5e3, 1e5])
    found = linsgd.rare_events(problem, sgd, t, steps=500, settling=500, walkers=60)
    assert found.status == "ok"
    assert found.probability[-1] < 1e-11
    assert found.relative_error.max() < 0.15
    (slope,) = found.local_exponent()
    error = np.linalg.norm(found.relative_error) / np.log(t[1] / t[0])
    assert abs(slope - linsgd.tail_exponent(problem, sgd).value) < 8 * error
    assert abs(slope - linsgd.tail_exponent(problem, SGD(lr=0.08, momentum=0.9)).value) > 8 * error


def test_light_tails_leave_far_thresholds_unseen():
    problem = linsgd.LinearRegression.from_features(linsgd.UniformFeatures([1.0]))
    found = linsgd.rare_events(problem, SGD(lr=0.6), [1.0, 10.0, 100.0], steps=200, settling=100)
    assert found.status == "unseen"
    assert found.relative_error[0] < 0.02
    assert (found.relative_error[1:] == np.inf).all()
    assert (found.lower[1:].tolist(), found.upper[1:].tolist()) == ([0.0, 0.0], [1.0, 1.0])
    assert np.isnan(found.local_exponent()).all()


@pytest.mark.nightly
def test_settled_weights_are_not_called_drifting():
    # 5 runs at 1e-4 each: two alarms or more have probability 1e-7
    runs = [
        linsgd.rare_events(
            gaussian([1.0]),
            SGD(lr=2 / 3),
            [10.0, 1e3],
            steps=60,
            settling=50,
            walkers=20,
            seed=seed,
        )
        for seed in range(5)
    ]
    assert sum(run.status != "ok" for run in runs) < 2


def test_same_seed_same_numbers():
    one, other, third = (
        linsgd.rare_events(
            gaussian([1.0]), SGD(lr=0.5), [10.0], steps=50, settling=50, replicas=2, seed=s
        ).probability
        for s in (1, 1, 2)
    )
    assert one == other
    assert one != third


def test_without_noise_nothing_is_ever_out():
    found = linsgd.rare_events(
        gaussian([1.0], noise_std=0.0), SGD(lr=0.5), [1.0, 10.0], steps=20, settling=10
    )
    assert found.status == "unseen"
    assert (found.lower.tolist(), found.upper.tolist()) == ([0.0, 0.0], [1.0, 1.0])


@pytest.mark.parametrize(
    ("argument", "value", "domain"),
    [
        ("thresholds", [2.0, 1.0], "increasing positive numbers"),
        ("thresholds", [1.0, 1.0], "increasing positive numbers"),
        ("thresholds", [0.0, 1.0], "increasing positive numbers"),
        ("thresholds", [1.0, np.nan], "[-1e+75, 1e+75]"),
        ("thresholds", 5.0, "an array of finite numbers of shape (any,)"),
        ("walkers", 1, "an integer in [2, inf)"),
        ("replicas", 1, "an integer in [2, inf)"),
        ("steps", 1.0, "an integer in [2, inf)"),
        ("settling", -1, "an integer in [0, inf)"),
        ("seed", None, "an integer in [0, inf)"),
        ("confidence", 1.0, "(0, 1)"),
    ],
)
def test_bad_input_is_named_with_its_domain(argument, value, domain):
    options = {"thresholds": [1.0, 2.0], argument: value}
    with pytest.raises(
        ValueError, match=rf"^{argument}.* = .* is outside its domain: {re.escape(domain)}$"
    ):
        linsgd.rare_events(gaussian([1.0]), SGD(lr=0.5), **options)


@pytest.mark.parametrize("options", [{"replacement": False}, {"sampling": "epoch"}])
def test_only_independent_batches_with_replacement(options):
    data = linsgd.LinearRegression.from_data(np.eye(4), np.arange(4.0))
    with pytest.raises(
        ValueError, match=r"^sgd = .* is outside its domain: independent batches with replacement$"
    ):
        linsgd.rare_events(data, SGD(lr=0.1, **options), [1.0])
