"""Which noise makes the tail: the three regimes, their edge, and settings without a law."""

import math

import pytest

import linsgd
from linsgd import SGD, LinearRegression

GAUSSIAN = LinearRegression.gaussian([1.0])
BOUNDED = LinearRegression.from_features(linsgd.RademacherFeatures([1.0]))


def with_labels(dof):
    return LinearRegression.gaussian([1.0], noise=linsgd.StudentNoise(dof))


@pytest.mark.parametrize(
    ("problem", "lr", "regime"),
    [
        (GAUSSIAN, 0.5, "multiplicative"),
        (BOUNDED, 0.5, "additive"),
        (with_labels(2.5), 0.5, "heavy_additive"),
        (with_labels(3.5), 0.5, "multiplicative"),  # alpha = 2.85
        (GAUSSIAN, 3.0, "none"),
        (LinearRegression.gaussian([1.0], noise_std=0.0), 0.5, "none"),
    ],
)
def test_the_regime_is_that_of_the_smaller_exponent(problem, lr, regime):
    found = linsgd.noise_regime(problem, SGD(lr))
    assert found.regime == regime
    exponent = linsgd.tail_exponent(problem, SGD(lr))
    if regime == "multiplicative":
        assert exponent.value == found.products.value < found.labels
    if regime == "heavy_additive":
        assert exponent.value == found.labels < found.products.lower
    if regime == "additive":
        assert exponent.value == math.inf == found.labels


def test_other_optimizers_are_refused():
    with pytest.raises(ValueError, match=r"^sgd = Adam"):
        linsgd.noise_regime(GAUSSIAN, linsgd.Adam(0.1))
