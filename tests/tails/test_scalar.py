"""One feature of few values, or uniform: sums and integrals against direct ones."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import binom

import linsgd
from linsgd.theory.tails.one_feature import batches
from linsgd.theory.tails.setting import Setting

SGD, ROWS = linsgd.SGD, np.array([0.5, 1.0, 1.5, 2.5])
DATA = linsgd.LinearRegression.from_data(ROWS[:, None], [1.0, 2.0, 0.5, -1.0])


def factors(b, replacement, lr, decay):
    """|A| of every equally likely batch."""
    batches = itertools.product(ROWS, repeat=b) if replacement else itertools.combinations(ROWS, b)
    return np.array([abs(1 - lr * decay - lr * np.mean(np.square(batch))) for batch in batches])


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize(("b", "replacement"), [(1, True), (3, True), (2, False)])
def test_data_against_every_ordered_batch(b, replacement, decay):
    lr = 0.55
    sgd, A = (
        SGD(lr=lr, batch_size=b, replacement=replacement, weight_decay=decay),
        factors(b, replacement, lr, decay),
    )
    assert linsgd.lyapunov_exponent(DATA, sgd).value == pytest.approx(np.log(A).mean(), rel=1e-13)
    for s in (0.5, 2.0, 7.0):
        assert linsgd.spectral_function(DATA, sgd, s).value == pytest.approx(
            (A**s).mean(), rel=1e-13
        )
    found = linsgd.tail_exponent(DATA, sgd)
    alpha = brentq(lambda s: (A**s).mean() - 1, 0.05, 100, xtol=1e-14)
    assert found.method == "scalar"
    assert found.value == pytest.approx(alpha, rel=1e-11)
    assert found.lower <= found.value <= found.upper <= found.lower * (1 + 1e-11)


@pytest.mark.parametrize(("lr", "decay"), [(0.9, 0.0), (1.1, 0.2)])
def test_one_uniform_feature_against_adaptive_quadrature(lr, decay):
    problem = linsgd.LinearRegression.from_features(linsgd.UniformFeatures([1.0]), noise_std=1.0)
    sgd = SGD(lr=lr, weight_decay=decay)
    zero = math.sqrt((1 - lr * decay) / (3 * lr))

    def mean(f):
        return quad(
            lambda u: f(abs(1 - lr * decay - lr * 3 * u * u)),
            0,
            1,
            points=[zero],
            limit=200,
            epsabs=1e-12,
        )[0]

    assert linsgd.lyapunov_exponent(problem, sgd).value == pytest.approx(mean(math.log), abs=1e-9)
    for s in (0.5, 3.0):
        assert linsgd.spectral_function(problem, sgd, s).value == pytest.approx(
            mean(lambda a, s=s: a**s), rel=1e-10
        )
    alpha = linsgd.tail_exponent(problem, sgd).value
    assert mean(lambda a: a**alpha) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("lr", "decay"), [(0.2, 0.0), (0.5, 3.0)])
def test_one_uniform_feature_whose_factor_never_vanishes(lr, decay):
    problem = linsgd.LinearRegression.from_features(linsgd.UniformFeatures([1.0]))
    exact = quad(lambda u: abs(1 - lr * decay - lr * 3 * u * u) ** 2.5, 0, 1)[0]
    found = linsgd.spectral_function(problem, SGD(lr=lr, weight_decay=decay), 2.5)
    assert found.value == pytest.approx(exact, rel=1e-12)


def test_signs_alone_have_one_factor():
    problem = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.0]), noise_std=1.0)
    assert linsgd.lyapunov_exponent(problem, SGD(lr=0.3)).value == pytest.approx(
        math.log(0.7), rel=1e-14
    )
    assert linsgd.tail_exponent(problem, SGD(lr=2.5)).status == "no_stationary_law"


def test_a_batch_that_forgets_everything():
    rows = linsgd.LinearRegression.from_data([[1.0], [1.5]], [1.0, 2.0])
    found = linsgd.tail_exponent(rows, SGD(lr=1.0))
    assert found.lyapunov == -math.inf
    assert 0.5 * 1.25**found.value == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("b", [1, 3, 40, 400])
def test_equal_rows_are_one_that_is_likelier(b):
    # 30 of 90 rows are +-1, the others 0: the number of them in a batch is binomial
    rows = np.concatenate([np.ones(15), -np.ones(15), np.zeros(60)])[:, None]
    problem, sgd = (
        linsgd.LinearRegression.from_data(rows, np.arange(90.0)),
        SGD(lr=2.3, batch_size=b),
    )
    k = np.arange(b + 1)
    factor, probability = np.abs(1 - 2.3 * k / b), binom.pmf(k, b, 1 / 3)
    found = linsgd.lyapunov_exponent(problem, sgd)
    assert (found.method, found.value) == (
        "scalar",
        pytest.approx(probability @ np.log(factor), rel=1e-11),
    )
    moment = linsgd.spectral_function(problem, sgd, 3.0).value
    assert moment == pytest.approx(probability @ factor**3, rel=1e-11)


def test_too_many_batches_are_not_enumerated():
    problem = linsgd.LinearRegression.from_data([[1.0], [0.5]], [1.0, 2.0])
    enumerated = [
        batches.few(Setting.of(problem, SGD(lr=0.3, batch_size=b))) for b in (1000, 100_000)
    ]
    assert enumerated == [True, False]
