"""Tests of normality and of fitted laws: their level, their power, and what they refuse."""

import math

import numpy as np
import pytest
from scipy import stats

import linsgd
from linsgd.estimate import law_fit, normality
from linsgd.estimate.normality import anderson_darling


@pytest.mark.cases(1)
@pytest.mark.parametrize("shape", [(200,), (200, 3)])
def test_normal_values_are_rejected_no_more_often_than_stated(shape):
    # 300 samples at level 0.05: more than 36 rejections have probability 1e-6
    rng = np.random.default_rng(0)
    assert sum(normality(rng.normal(size=shape)).rejected for _ in range(300)) <= 36


def test_what_should_be_detected_is_detected_about_half_of_the_time():
    """Batches b whose excess kurtosis 6/b is the detectable one of n draws."""
    rng = np.random.default_rng(1)
    n, problem = 1000, linsgd.LinearRegression.gaussian([1.0])
    seen = normality(rng.normal(size=n)).detectable_kurtosis
    noise = linsgd.gradient_noise(problem, [0.0], round(6 / seen))
    kurtosis = [stats.kurtosistest(noise.sample(n, rng)[:, 0]).pvalue < 0.05 for _ in range(200)]
    assert 0.25 < np.mean(kurtosis) < 0.75


def test_several_coordinates_are_seen_jointly():
    """At b = d the marginals are near to normal, the norm is not."""
    d = b = 30
    problem = linsgd.LinearRegression.gaussian(np.ones(d))
    draws = linsgd.gradient_noise(problem, np.zeros(d), b).sample(1000, np.random.default_rng(2))
    found = normality(draws)
    assert found["mardia_kurtosis"].pvalue < 1e-6
    assert found.excess_kurtosis == pytest.approx(2 / b, rel=0.3)


@pytest.mark.parametrize("n", [50, 500])
def test_the_pvalue_of_anderson_and_darling_is_uniform(n):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2000, n))
    standard = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, ddof=1, keepdims=True)
    pvalues = np.array([anderson_darling(row)[1] for row in standard])
    assert stats.kstest(pvalues, "uniform").statistic < 0.06
    expected = stats.anderson(x[0], "norm", method="interpolate").statistic
    assert anderson_darling(standard[0])[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        (np.arange(5.0), "5 values"),
        (np.ones(50), "equal"),
        (np.ones((50, 2)), "constant"),
        (np.outer(np.arange(50.0), [1, 2]), "linearly dependent"),
        (np.zeros((25, 20)) + np.arange(25.0)[:, None], "40 are needed"),
    ],
)
def test_too_little_data_is_a_status(x, reason):
    found = normality(x)
    assert str(found.status) == "not_enough_data"
    assert not found.tests
    assert reason in found.reason
    assert "rejected" in repr(found)


@pytest.mark.cases(3)
@pytest.mark.parametrize("law", ["normal", "laplace", "stable", "pareto"])
def test_a_fitted_law_is_not_rejected_too_often(law):
    # 30 p-values: 9 or more at or below 0.05 have probability 1e-6
    rng = np.random.default_rng(4)
    draw = {
        "normal": lambda: rng.normal(size=100),
        "laplace": lambda: rng.laplace(size=100),
        "stable": lambda: linsgd.Stable(1.4).sample(100, rng),
        "pareto": lambda: rng.pareto(2.0, 100) + 1,
    }[law]
    pvalues = [law_fit(draw(), law, repeats=19, seed=s).pvalue for s in range(30)]
    assert sum(p <= 0.05 for p in pvalues) < 9


def test_another_law_is_rejected():
    rng = np.random.default_rng(5)
    assert law_fit(rng.exponential(size=500), "normal", repeats=99).pvalue == 0.01
    assert law_fit(rng.uniform(size=2000), "stable", repeats=99).pvalue == 0.01
    assert law_fit(rng.lognormal(size=500), "pareto", repeats=99).pvalue == 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: normality([1.0, math.nan]), r"x\[1\] = nan"),
        (lambda: normality(np.ones(50), level=1.0), "level = 1"),
        (lambda: law_fit(np.ones(60), "levy"), "law = 'levy'"),
        (lambda: law_fit(np.arange(60.0), "pareto"), r"x\[0\] = 0"),
        (lambda: law_fit(np.ones(60), "normal", repeats=3), "repeats = 3"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_no_law_is_fitted_to_constant_or_few_values():
    assert "equal" in law_fit(np.ones(60), "normal").reason
    assert "10 values" in law_fit(np.arange(10.0), "stable").reason
