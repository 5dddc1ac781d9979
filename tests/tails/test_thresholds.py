"""Where the Lyapunov exponent turns positive, with momentum and for uneven features."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

import linsgd
from linsgd.theory.stability.almost_sure import almost_sure_threshold
from linsgd.theory.tails.particles import population

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD
HEAVY = (gaussian([1.0]), SGD(lr=0.1, momentum=0.9))


def product_rate(problem, sgd, lr, chains=2000, steps=600, settling=100):
    """Mean log growth a step of products of full batches, and its standard error over chains."""
    rng = np.random.default_rng(0)
    d, root = problem.dimension, np.sqrt(problem.eigenvalues)
    w, buffer = rng.standard_normal((chains, d)), np.zeros((chains, d))
    total = np.zeros(chains)
    for k in range(settling + steps):
        x = rng.standard_normal((chains, sgd.batch_size, d)) * root
        gradient = np.einsum("nbi,nb->ni", x, np.einsum("nbi,ni->nb", x, w)) / sgd.batch_size
        buffer = sgd.momentum * buffer + gradient
        w = w - lr * (gradient + sgd.momentum * buffer if sgd.nesterov else buffer)
        size = np.sqrt((w**2).sum(axis=1) + ((lr * buffer) ** 2).sum(axis=1))
        w, buffer = w / size[:, None], buffer / size[:, None]
        total += np.log(size) * (k >= settling)
    return total.mean() / steps, total.std() / math.sqrt(chains) / steps


@pytest.mark.cases(1)
@pytest.mark.parametrize(
    ("problem", "sgd"),
    [
        HEAVY,
        (gaussian([1.0, 1.0]), SGD(lr=0.1, momentum=0.5, batch_size=2)),
        (gaussian([1.0, 0.3]), SGD(lr=0.1)),
    ],
)
def test_products_shrink_below_and_grow_above(problem, sgd):
    # False alarm: 6 standard errors, below 1e-8.
    lower, upper, _ = almost_sure_threshold(problem, sgd)
    assert upper < 1.02 * lower
    below, error = product_rate(problem, sgd, 0.93 * lower)
    assert below < -6 * error
    above, error = product_rate(problem, sgd, 1.07 * upper)
    assert above > 6 * error


@pytest.fixture
def small_populations(monkeypatch):
    """Fewer particles and steps: wider intervals, a fraction of the time."""
    monkeypatch.setattr(population, "POPULATION", 100)
    monkeypatch.setattr(population, "STEPS", 150)


@pytest.mark.nightly
def test_sampled_bounds_hold_the_threshold_of_a_flat_spectrum(small_populations):
    problem, sgd = gaussian([1.0] * 4 + [1 - 1e-9]), SGD(lr=0.1, batch_size=4)
    exact = almost_sure_threshold(gaussian([1.0] * 5), sgd).lower
    assert almost_sure_threshold(problem, sgd) == (0.0, math.inf, None)  # sampled with a seed only
    for seed in range(3):
        lower, upper, confidence = almost_sure_threshold(problem, sgd, seed=seed)
        assert confidence == pytest.approx(0.997)
        assert lower < exact < upper < 1.05 * lower
        assert not lower < 0.95 * exact < upper


def test_bounds_for_signs_which_are_a_number():
    problem = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([0.5]))
    found = linsgd.stability(problem, SGD(lr=1.0, weight_decay=0.5)).lr_almost_sure  # |1 - lr| = 1
    assert found.lower < 2 * (1 + 1e-12)
    assert 2 < found.upper < 2 + 1e-7
    assert found.confidence is None


@pytest.mark.parametrize("replacement", [True, False])
def test_sampled_bounds_for_one_column_are_the_root_of_a_mean(small_populations, replacement):
    x = np.array([0.5, 1.0, 1.5, 2.5])
    problem = linsgd.LinearRegression.from_data(x[:, None], np.ones(4))
    exact = brentq(lambda lr: np.log(np.abs(1 - lr * x**2)).mean(), 0.5, 5)
    found = linsgd.stability(problem, SGD(lr=0.1, replacement=replacement)).lr_almost_sure
    assert found.lower < exact < found.upper < 1.1 * found.lower


def test_stability_samples_only_when_asked(small_populations, monkeypatch):
    x = np.random.default_rng(0).standard_normal((40, 3))
    problem, sgd = (
        linsgd.LinearRegression.from_data(x, np.ones(40)),
        SGD(lr=0.01, momentum=0.5, batch_size=2),
    )

    def sampled(*_):
        raise AssertionError("sampled")

    with monkeypatch.context() as patched:
        patched.setattr(population.Population, "grow", sampled)
        found = linsgd.stability(problem, sgd)
        assert "when asked for" in repr(found)
        assert found.almost_sure is True  # a second moment implies a law
        with pytest.raises(AssertionError, match="sampled"):
            _ = found.lr_almost_sure
    bounds = found.lr_almost_sure
    assert found.lr_mean_square < bounds.lower < bounds.upper < 1.2 * bounds.lower
    again = type(found).from_dict(found.to_dict())
    assert again.lr_almost_sure.to_dict() == bounds.to_dict()
    beyond = [
        linsgd.stability(problem, dataclasses.replace(sgd, lr=f * bounds.upper)).almost_sure
        for f in (1.1, 0.999)
    ]
    assert beyond == [False, None]


def test_settings_that_nothing_serves_are_bracketed():
    wide = linsgd.stability(gaussian(np.geomspace(1, 0.1, 201)), SGD(lr=0.1))
    known = True if wide.mean_square else None
    assert (str(wide.status), wide.almost_sure) == ("bracketed", known)
    assert (wide.lr_almost_sure.lower, wide.lr_almost_sure.upper) == (wide.lr_mean_square, math.inf)


@pytest.mark.nightly
def test_dampening_scales_the_threshold():
    plain = almost_sure_threshold(*HEAVY)
    damped = almost_sure_threshold(gaussian([1.0]), SGD(lr=0.1, momentum=0.9, dampening=0.5))
    assert damped[:2] == pytest.approx([2 * x for x in plain[:2]], rel=1e-9)


def test_stability_computes_it_when_asked_and_keeps_it_in_json():
    found = linsgd.stability(*HEAVY)
    assert "when asked for" in repr(found)
    before = type(found).from_dict(found.to_dict()).lr_almost_sure
    assert (before.lower, before.upper) == (found.lr_mean_square, math.inf)
    bounds = found.lr_almost_sure
    assert 2 * found.lr_mean_square < bounds.lower < bounds.upper < 0.2173
    assert f"{bounds.lower:.6g}" in repr(found)
    again = type(found).from_dict(found.to_dict())
    assert (again.lr_almost_sure.lower, again.lr_almost_sure.upper) == (bounds.lower, bounds.upper)
    assert str(again.status) == "ok"


@pytest.mark.cases(1)
@pytest.mark.parametrize(("lr", "holds"), [(0.05, True), (0.2, True), (0.23, False)])
def test_almost_sure_stability_outlives_the_second_moment(lr, holds):
    found = linsgd.stability(gaussian([1.0]), SGD(lr=lr, momentum=0.9))
    assert found.almost_sure is holds
    assert str(found.status) == "ok"


def test_one_sign_diverges_beyond_two_over_its_variance():
    problem = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([0.5]))
    lower, upper, _ = almost_sure_threshold(problem, SGD(1.0))
    assert lower < 4 < upper
    assert upper - lower < 1e-7


def test_one_uniform_feature_against_its_logarithmic_integral():
    problem = linsgd.LinearRegression.from_features(linsgd.UniformFeatures([1.0]))
    lower, upper, _ = almost_sure_threshold(problem, SGD(1.0))

    def rho(lr):
        zero = 1 / np.sqrt(3 * lr)
        return quad(lambda u: np.log(abs(1 - 3 * lr * u * u)), 0, 1, points=[zero], epsabs=1e-12)[0]

    assert rho(lower - 1e-6) < 0 < rho(upper + 1e-6)
    assert upper - lower < 1e-7
