"""Temperatures of the steady state against closed forms and limits."""

import numpy as np
import pytest

import linsgd


@pytest.mark.parametrize(("momentum", "dampening"), [(0.0, 0.0), (0.5, 0.0), (0.9, 0.3)])
@pytest.mark.parametrize("lr", [0.3, 1e-4])
def test_the_ratio_holds_at_every_learning_rate(momentum, dampening, lr):
    problem = linsgd.LinearRegression.gaussian([0.3, 0.1])
    sgd = linsgd.SGD(lr=lr, batch_size=8, momentum=momentum, dampening=dampening)
    found = linsgd.steady_state(problem, sgd)
    ratios = found.kinetic_temperature / found.potential_temperature
    assert ratios == pytest.approx(np.full(2, found.ratio), rel=1e-10)


def test_gibbs_law_is_the_limit_of_small_learning_rates():
    problem = linsgd.LinearRegression.gaussian([1.0, 0.2], noise_std=0.7)
    found = linsgd.steady_state(problem, linsgd.SGD(lr=1e-4, batch_size=2, momentum=0.8))
    expected = 1e-4 / 0.2 / 2 * 0.49 * np.array([1.0, 0.2]) / 2
    assert found.temperature == pytest.approx(expected, rel=1e-12)
    assert found.potential_temperature == pytest.approx(expected, rel=2e-3)


def test_what_is_not_covered_is_refused():
    problem = linsgd.LinearRegression.gaussian([1.0])
    with pytest.raises(ValueError, match="nesterov = True"):
        linsgd.steady_state(problem, linsgd.SGD(lr=0.1, momentum=0.5, nesterov=True))
