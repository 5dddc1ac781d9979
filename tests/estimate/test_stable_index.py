"""Estimators of a stable index: their stated deviations, intervals and refusals."""

import math

import numpy as np
import pytest

from linsgd import Stable
from linsgd.estimate import stable_index
from linsgd.estimate.stable_methods import METHODS, deviation_curve, likelihood_deviation

ALPHAS = (0.8, 1.7)


@pytest.mark.cases(4)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("alpha", ALPHAS)
def test_deviation_is_that_of_repeats(method, alpha):
    # 60 repeats: the standard deviation of a right estimator is within 45 % except once in 1e6
    rng = np.random.default_rng(2)
    found = [METHODS[method].estimate(Stable(alpha, 3.0).sample(4000, rng)) for _ in range(60)]
    values, scales = np.array([(e.alpha, e.scale) for e in found]).T
    stated = METHODS[method].deviation(alpha) / math.sqrt(4000)
    assert values.std() == pytest.approx(stated, rel=0.45)
    assert abs(values.mean() - alpha) < 5 * stated / math.sqrt(60) + 0.15 * stated
    assert np.median(scales) == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize(
    ("alpha", "sd"), [(0.8, 0.0086), (1.2, 0.0133), (1.5, 0.0154), (1.8, 0.0138), (1.95, 0.0088)]
)
def test_cramer_rao_bound_at_ten_thousand_values(alpha, sd):
    assert likelihood_deviation(alpha) / 100 == pytest.approx(sd, abs=6e-5)


@pytest.mark.cases(8)
@pytest.mark.parametrize("method", [*METHODS, "blocks"])
@pytest.mark.parametrize("alpha", [0.8, 1.5, 1.95, 2.0])
def test_intervals_hold_the_truth(method, alpha):
    # 40 intervals at 0.95: fewer than 30 hold the truth once in 5e6
    rng = np.random.default_rng(4)
    found = [stable_index(Stable(alpha).sample(2000, rng), method) for _ in range(40)]
    assert sum(result.lower <= alpha <= result.upper for result in found) >= 30
    assert not all(result.lower <= alpha - 0.5 <= result.upper for result in found)


@pytest.mark.parametrize("method", [*METHODS, "blocks"])
def test_no_index_is_above_two_and_intervals_of_normals_miss_at_their_error(method):
    # 400 intervals at 0.95: between 0.902 and 0.987 hold 2 but with a probability of 1e-6
    rng = np.random.default_rng(6)
    repeats = 60 if method == "likelihood" else 400
    found = [stable_index(rng.normal(size=700), method, location=0.0) for _ in range(repeats)]
    assert max(each.value for each in found) <= 2.0
    assert all(each.lower <= each.value <= each.upper for each in found)
    if method in ("log_variance", "blocks"):  # the others are normal for larger samples only
        assert 0.902 < np.mean([each.upper == 2.0 for each in found]) < 0.987


def test_the_fit_tells_a_stable_law_from_others():
    # a p-value below 1e-6 has that probability under a stable law
    rng = np.random.default_rng(5)
    assert stable_index(Stable(1.3).sample(5000, rng)).fit_pvalue > 1e-6
    assert stable_index(rng.laplace(size=5000)).fit_pvalue < 1e-6
    assert stable_index(rng.uniform(-1, 1, 5000)).fit_pvalue < 1e-6


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("alpha", [0.35, 0.97, 1.63, 1.94])
def test_the_curve_of_deviations_says_what_they_are(method, alpha):
    exact = METHODS[method].deviation(alpha)
    assert math.exp(deviation_curve(method)(alpha)) == pytest.approx(exact, rel=5e-3)


def test_neither_scale_nor_location_matters():
    x = Stable(1.4).sample(3000, np.random.default_rng(6))
    for method in (*METHODS, "blocks"):
        one, other = stable_index(x, method), stable_index(5 - 2**20 * x, method)
        assert other.value == pytest.approx(one.value, rel=1e-6)


@pytest.mark.parametrize("block", [10, 100])
def test_blocks_on_products_of_normals(block):
    # finite variance: 1/alpha tends to [psi(m/2) - psi(1/2)]/(2 log m), not to 1/2
    from scipy.special import digamma

    x = np.prod(np.random.default_rng(7).standard_normal((2, 400_000)), axis=0)
    found = stable_index(x, "blocks", location=0.0, block=block)
    expected = (digamma(block / 2) - digamma(0.5)) / (2 * math.log(block))
    error = found.standard_error / found.value**2
    assert abs(1 / found.value - expected) < 5 * error
    assert found.fit_pvalue < 1e-6


@pytest.mark.parametrize(
    ("values", "options", "reason"),
    [
        (np.arange(10.0), {}, "10 values"),
        (np.ones(100), {}, "equal"),
        (np.r_[np.zeros(50), np.arange(1.0, 60)], {"location": 0.0}, "mask them"),
        (np.arange(100.0), {"method": "blocks", "block": 20}, "blocks of 20"),
    ],
)
def test_too_little_data_is_a_status(values, options, reason):
    found = stable_index(values, **options)
    assert str(found.status) == "not_enough_data"
    assert math.isnan(found.value)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.0, math.nan], {}, r"x\[1\] = nan"),
        ([1.0, math.inf], {}, r"x\[1\] = inf"),
        (np.ones(100), {"method": "hill"}, "method = 'hill'"),
        (np.ones(100), {"confidence": 1.0}, "confidence = 1"),
        (np.ones(100), {"block": 1}, "block = 1"),
        (np.ones(100), {"location": "mean"}, "location = 'mean'"),
    ],
)
def test_bad_input_names_argument_value_and_domain(values, options, message):
    with pytest.raises(ValueError, match=message):
        stable_index(values, **options)
