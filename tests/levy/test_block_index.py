"""The limits of the block estimator against the estimator itself, and known constants."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import digamma

import linsgd
from linsgd import levy


def estimated(values, m):
    """Return the estimator of 1/alpha and its standard error from blocks (K, m)."""
    sums = np.log(np.abs(values.sum(axis=1)))
    each = (sums - np.log(np.abs(values)).mean(axis=1)) / math.log(m)
    return each.mean(), each.std() / math.sqrt(len(each))


def agrees(found, values, m, beside=0.0):
    """Return whether estimate and limit agree; z of 5 has probability 6e-7 for a right limit."""
    mean, error = estimated(values, m)
    return abs(mean - found.inverse) < 5 * error + beside


@pytest.mark.parametrize(("b", "m"), [(1, 5), (3, 20), (4, 7)])
def test_products_by_the_estimator(b, m):
    rng = np.random.default_rng(0)
    values = np.sqrt(rng.chisquare(b, (40_000, m))) * rng.normal(size=(40_000, m))
    found = levy.block_index_of_products(b, m)
    assert agrees(found, values, m)
    assert not agrees(levy.block_index_of_products(2 * b, m), values, m)


def test_products_of_a_large_batch():
    found = levy.block_index_of_products(200, 100)
    assert found.value == pytest.approx(2 - 2 / (200 * math.log(100)), rel=1e-4)


@pytest.mark.parametrize(
    "nu",
    [3, 5, 10],
)
def test_constants_of_student_laws(nu):
    c = (math.log(2) + digamma(nu / 2) - math.log(nu - 2)) / 2
    found = levy.block_index_of_law(stats.t(nu).pdf, 100)
    assert found.inverse == pytest.approx(0.5 + c / math.log(100), abs=1e-7)


def test_constants_in_closed_form():
    log_m = math.log(100)
    uniform = levy.block_index_of_law(lambda x: 0.5 if x < 1 else 0.0, 100)
    c = (levy.block_index_of_law(stats.norm.pdf, 100).inverse - 0.5) * log_m
    assert c == pytest.approx(0, abs=1e-9)
    exact = -0.5 * math.log(3) + 1 - (np.euler_gamma + math.log(2)) / 2
    assert (uniform.inverse - 0.5) * log_m == pytest.approx(exact, abs=1e-5)
    assert uniform.value > 2
    scaled = levy.block_index_of_law(lambda x: stats.laplace.pdf(x, scale=50), 100)
    assert scaled.value == pytest.approx(
        levy.block_index_of_law(stats.laplace.pdf, 100).value, rel=1e-8
    )


def test_unequal_scales_by_the_estimator():
    scales = np.arange(1, 201.0) ** -0.75
    rng = np.random.default_rng(1)
    m = 20
    values = rng.choice(scales, (60_000, m)) * rng.normal(size=(60_000, m))
    assert agrees(levy.block_index_of_normals(m, scales=scales), values, m)
    assert not agrees(levy.block_index_of_normals(m, scales=np.sqrt(scales)), values, m)


@pytest.mark.parametrize(("p", "expected"), [(0.5, 1.92), (1.0, 1.64), (1.5, 1.30), (2.0, 1.04)])
def test_power_law_spectra(p, expected):
    scales = np.arange(1, 10_001.0) ** (-p / 2)
    found = levy.block_index_of_normals(100, scales=scales)
    assert found.value == pytest.approx(expected, abs=8e-3)


def test_equal_scales_are_read_as_two():
    assert levy.block_index_of_normals(7, scales=[3.0, 3.0]).value == pytest.approx(2, rel=1e-9)
    assert levy.block_index_of_normals(7).value == pytest.approx(2, rel=1e-12)


def test_correlation_by_the_estimator():
    m, c = 10, 0.2
    rng = np.random.default_rng(2)
    common, own = rng.normal(size=(40_000, 1)), rng.normal(size=(40_000, m))
    values = math.sqrt(c) * common + math.sqrt(1 - c) * own
    assert agrees(levy.block_index_of_normals(m, correlation=c), values, m)
    R = np.full((m, m), c) + (1 - c) * np.eye(m)
    matrix = levy.block_index_of_normals(m, correlation=R)
    assert matrix.value == pytest.approx(levy.block_index_of_normals(m, correlation=c).value)


def test_zeros_by_the_estimator():
    m, q, floor = 20, 0.1, 2.0**-52
    rng = np.random.default_rng(3)
    values = rng.normal(size=(20_000, m)) * (rng.random((20_000, m)) > q)
    values[values == 0] = 1e-300  # of no weight in the sums
    logs = np.log(np.maximum(np.abs(values), floor))
    sums = np.log(np.maximum(np.abs(values.sum(axis=1)), floor))
    each = (sums - logs.mean(axis=1)) / math.log(m)
    found = levy.block_index_of_normals(m, zeros=q)
    assert abs(each.mean() - found.inverse) < 5 * each.std() / math.sqrt(len(each))
    known = [levy.block_index_of_normals(100, zeros=q).value for q in (0.05, 0.2)]
    assert known == pytest.approx([1.14, 0.50], abs=0.01)


def test_deviation_of_few_blocks():
    rng = np.random.default_rng(4)
    m, blocks = 30, 200
    alphas = [1 / estimated(rng.normal(size=(blocks, m)), m)[0] for _ in range(600)]
    found = levy.block_index_of_normals(m).deviation(blocks)
    assert np.std(alphas) == pytest.approx(found, rel=0.2)


def test_power_of_the_kurtosis_test():
    # 2000 samples of 1000 products over a batch of 24
    rng = np.random.default_rng(5)
    b, n = 24, 1000
    values = np.sqrt(rng.chisquare(b, (2000, n))) * rng.normal(size=(2000, n))
    kurtosis = stats.kurtosis(values, axis=1)
    rejected = np.mean(np.abs(kurtosis) > 1.96 * math.sqrt(24 / n))
    found = linsgd.normality_threshold(6.0, n)
    assert abs(found.power(b) - rejected) < 0.12
    assert found.power(10**6) == pytest.approx(0.05, abs=1e-6)
    assert found.power(2) > 0.999


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: levy.block_index_of_normals(7, scales=[1.0], zeros=0.1), "zeros = 0.1"),
        (lambda: levy.block_index_of_normals(7, scales=[1.0, 0.0]), r"scales\[1\] = 0.0"),
        (lambda: levy.block_index_of_normals(7, correlation=-0.5), "correlation = -0.5"),
        (lambda: levy.block_index_of_law(stats.cauchy.pdf, 7), "of infinite variance"),
        (lambda: levy.block_index_of_law(lambda x: 2.0 * (x < 1), 7), "of mass 4"),
        (lambda: levy.block_index_of_products(1, 1), "block = 1"),
        (lambda: linsgd.normality_threshold(0.0, 100), "excess_kurtosis"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
