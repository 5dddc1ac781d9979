"""Controls on samples whose truth is known: each names its cause and no other.

Confidence intervals here are at 1 - 1e-6 or compared at five standard errors."""

import math

import numpy as np
import pytest
from scipy.special import digamma

import linsgd
from linsgd.estimate import tail_controls
from linsgd.estimate.block_index import Blocks, inverse, surrogate


def normal(P=1000, M=100, seed=0):
    return np.random.default_rng(seed).normal(size=(P, M))


def correlated(P=600, M=200, share=0.1):
    rng = np.random.default_rng(1)
    own, common = rng.normal(size=(P, M)), rng.normal(size=(P, 1))
    return math.sqrt(1 - share) * own + math.sqrt(share) * common


def with_zeros():
    x = normal(600, 200)
    x[:, ::5] = 0.0
    return x


def stable(alpha=1.5, P=1000, M=100):
    draws = linsgd.Stable(alpha).sample(P * M, np.random.default_rng(2))
    return draws.reshape(P, M)


def laplace():
    return np.random.default_rng(3).laplace(size=(1000, 100))


@pytest.mark.parametrize(
    ("samples", "causes"),
    [
        (normal(), []),
        (normal(600, 100) * np.arange(1, 101) ** -1.0, ["anisotropy"]),
        (correlated(), ["correlation"]),
        (with_zeros(), ["zeros"]),
        (stable(), ["tail"]),
        (laplace(), ["kurtosis"]),
        (stable(1.2, 100, 200), ["tail or kurtosis"]),
    ],
    ids=["normal", "unequal", "correlated", "zeros", "stable", "laplace", "few batches"],
)
def test_each_artefact_is_named_and_no_other(samples, causes):
    found = tail_controls(samples)
    assert [str(cause) for cause in found.causes] == causes
    total = found.zeros + found.correlation + found.anisotropy + found.coordinates
    assert total == pytest.approx(1 / found["raw"].value - 0.5)


def test_correlation_gives_the_index_that_its_covariance_predicts():
    """1/alpha = log(m (1 - c) + c m^2)/(2 log m) for correlation c inside a block of m."""
    x, c = correlated(4000, 100, 0.1), 0.1
    blocks = Blocks(1, 50)
    m = blocks.length
    exact = math.log(m * (1 - c) + c * m**2) / (2 * math.log(m))
    for found in (inverse(blocks.cut(x)), surrogate(blocks.cut(x), x)):
        assert abs(found.value - exact) < 5 * found.error
        assert abs(2 * found.value - exact) > 5 * found.error


@pytest.mark.parametrize("batch", [1, 4])
def test_the_index_per_coordinate_is_that_of_products_of_normals(batch):
    problem = linsgd.LinearRegression.gaussian(np.ones(20))
    noise = linsgd.gradient_noise(problem, np.zeros(20), batch)
    found = tail_controls(noise.sample(7000, np.random.default_rng(4)), confidence=1 - 1e-6)
    exact = (digamma(3.5 * batch) - digamma(0.5 * batch)) / (2 * math.log(7))
    assert found["per coordinate"].lower < 1 / exact < found["per coordinate"].upper
    assert not found["per coordinate"].lower < 2 / exact < found["per coordinate"].upper


def test_the_surrogate_is_that_of_normal_noise_also_for_few_groups():
    rng = np.random.default_rng(5)
    scores = []
    for _ in range(200):
        x = rng.normal(size=(60, 4)) * [1, 2, 3, 4]
        blocks = Blocks.of(60, 4, 20)
        found = surrogate(blocks.cut(x), x)
        sums = math.sqrt(blocks.run * 30)
        exact = (math.log(sums) - math.log(24) / 4) / math.log(blocks.length)
        scores.append((found.value - exact) / found.error)
    assert abs(np.mean(scores)) < 5 / math.sqrt(200) + 0.1
    assert 0.8 < np.std(scores) < 1.4


@pytest.mark.parametrize(
    ("samples", "reason"),
    [(normal(30, 5), "30 batches"), (np.ones((100, 3)), "no coordinate varies")],
)
def test_too_little_data_is_a_status(samples, reason):
    found = tail_controls(samples)
    assert str(found.status) == "not_enough_data"
    assert math.isnan(found["raw"].value)
    assert reason in found.sentence


def test_few_batches_give_no_index_per_coordinate():
    found = tail_controls(normal(100, 50))
    assert str(found["per coordinate"].status) == "not_enough_data"
    assert "140" in found["per coordinate"].reason


def test_a_result_survives_json_and_repeats():
    found = tail_controls(normal(100, 20))
    assert type(found).from_dict(found.to_dict()) == found == tail_controls(normal(100, 20))
    assert "surrogate" in repr(found)


@pytest.mark.parametrize(
    ("samples", "options", "message"),
    [
        ([[1.0, math.nan]], {}, r"samples\[0, 1\] = nan"),
        ([1.0, 2.0], {}, "samples"),
        (np.ones((50, 2)), {"confidence": 0.0}, "confidence = 0"),
        (np.ones((50, 2)), {"seed": -1}, "seed = -1"),
    ],
)
def test_bad_input_is_refused_by_name(samples, options, message):
    with pytest.raises(ValueError, match=message):
        tail_controls(samples, **options)
