"""What a comparison says of simulations whose spread no sample shows."""

import math

import numpy as np
import pytest
from scipy import stats

from linsgd import SGD, LinearRegression, StudentFeatures, stability
from linsgd.compare.comparison import compare
from linsgd.compare.spread import CHAINS, Spread, widened


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 3)) * [1, 2, 0.5]
    return LinearRegression.from_data(X, X @ [1, -1, 2] + rng.normal(size=200))


@pytest.mark.parametrize("share", [0.95, 0.98, 1.5, 27.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_near_and_beyond_the_threshold_nothing_is_decided(table, share, seed):
    edge = stability(table, SGD(lr=0.1)).lr_mean_square
    found = compare(table, SGD(lr=share * edge), chains=1024, seed=seed)
    assert found.agrees is None
    assert any("± is inf" in remark for remark in found.remarks)


@pytest.mark.parametrize(("batch_size", "momentum"), [(1, 0.0), (8, 0.9)])
def test_at_usual_learning_rates_as_many_chains_are_drawn_as_it_takes(table, batch_size, momentum):
    sgd = SGD(lr=0.01, batch_size=batch_size, momentum=momentum)
    found = compare(table, sgd)
    assert found.agrees is True
    assert found.chains >= max(4096, CHAINS * found.skewness**2)


def test_too_few_chains_are_said_to_be_too_few(table):
    found = compare(table, SGD(lr=0.01), chains=1024)
    assert found.agrees is None
    assert any("a verdict takes" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    ("batch_size", "share", "reason"),
    [
        (1, 0.5, "multiply their own residual"),  # Gaussian features still have a fourth moment
        (8, 0.9, "whether there is a fourth moment is not known"),
        (8, 1.1, "the law widens with each step"),
    ],
)
def test_each_reason_against_a_verdict_is_named(table, batch_size, share, reason):
    edge = stability(table, SGD(lr=0.1, batch_size=batch_size)).lr_mean_square
    found = compare(table, SGD(lr=share * edge, batch_size=batch_size), chains=128)
    assert found.agrees is None
    assert math.isinf(found.skewness)
    assert any(reason in remark for remark in found.remarks)


def test_features_without_eighth_moments_are_not_judged():
    heavy = LinearRegression.from_features(StudentFeatures([1.0, 0.5], dof=5))
    found = compare(heavy, SGD(lr=0.01), chains=512)
    assert found.agrees is None


def test_the_widened_value_has_the_probability_of_a_skewed_mean():
    """Gamma chains: the mean of n is Gamma(n k), so the studentised tail is known to the cubic."""
    assert widened(5.0, 0.0, 10_000) == pytest.approx(5.0)
    L = widened(5.0, 10.0, 20_000)
    assert L**2 / 2 - 10 * L**3 / (3 * math.sqrt(20_000)) == pytest.approx(12.5)
    assert 5.0 < L < 7.0
    assert widened(5.0, 10.0, 1000) == 5.0


@pytest.mark.nightly
def test_false_alarms_of_skewed_means_are_rarer_than_stated():
    """At 1e-3, by counting: log-normal and rare indicators of skewness 6 to 10."""
    rng = np.random.default_rng(0)
    quantile = -stats.norm.ppf(5e-4)
    laws = {
        "log-normal": (lambda n: rng.lognormal(sigma=1.0, size=n), math.exp(0.5), 6.18),
        "rare": (lambda n: (rng.random(n) < 0.01).astype(float), 0.01, 9.85),
    }
    for draw, mean, skewness in laws.values():
        n = Spread(skewness).chains
        limit = widened(quantile, skewness, n)
        wrong = 0
        for _ in range(4000):
            x = draw(n)
            wrong += abs(x.mean() - mean) > limit * x.std(ddof=1) / math.sqrt(n)
        assert wrong <= 14  # P(Poisson(4) > 14) < 1e-4
