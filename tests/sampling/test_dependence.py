"""The dependence between batches of an epoch against permutations, sums and an integral."""

import itertools

import numpy as np
import pytest

import linsgd
from linsgd.theory.epochs.response import EpochResponse
from linsgd.theory.recurrence.recurrence import Coefficients


@pytest.mark.parametrize(("N", "b"), [(6, 2), (7, 2), (6, 3), (5, 1), (7, 3)])
def test_correlation_over_all_permutations(N, b):
    values = np.random.default_rng(0).normal(size=N)
    values -= values.mean()
    orders = np.array(list(itertools.permutations(values)))
    batches = orders[:, : N // b * b].reshape(len(orders), N // b, b).mean(axis=2)
    covariance = batches.T @ batches / len(orders)
    found = linsgd.batch_dependence(N, b)
    assert covariance[0, 1] / covariance[0, 0] == pytest.approx(found.correlation)
    assert found.autocorrelation([0, 1, N // b, 99]).tolist()[2:] == [0, 0]
    first = found.correlation * (N // b - 1) / (N // b)
    assert found.autocorrelation([0, 1])[1] == pytest.approx(first)


def test_spectrum_is_the_transform_of_the_autocorrelation():
    found = linsgd.batch_dependence(103, 10)
    omega, lags = np.linspace(-3, 3, 13), np.arange(1, 10)
    r = found.autocorrelation(lags)
    expected = 1 + 2 * np.cos(np.outer(omega, lags)) @ r
    assert found.spectrum(omega) == pytest.approx(expected)
    assert linsgd.batch_dependence(100, 10).spectrum([0.0, 1e-12]) == pytest.approx(
        [0, 0], abs=1e-14
    )


def test_lines_of_a_fixed_order():
    found = linsgd.batch_dependence(103, 10, "fixed")
    frequencies, shares = found.lines()
    lags = np.arange(25)
    expected = np.cos(np.outer(lags, frequencies)) @ shares
    assert found.autocorrelation(lags) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0])
def test_variance_over_an_epoch_is_the_spectral_integral(momentum, ratio):
    sgd = linsgd.SGD(lr=0.02, batch_size=4, momentum=momentum)
    found = linsgd.batch_dependence(400, 4)
    h = ratio * found.crossover_curvature(sgd)
    omega = (np.arange(400_000) + 0.5) * 2 * np.pi / 400_000
    z = np.exp(-1j * omega)
    transfer = np.abs(1 - (1 + momentum - sgd.lr * h) * z + momentum * z**2) ** -2
    integral = sgd.lr**2 * np.mean(found.spectrum(omega) * transfer)
    response = EpochResponse.of(np.array([h]), Coefficients.of(sgd), 400, 4)
    start = response.reshuffled()
    forms = [response.at_phase(start, p)[0, 0, 0, 0] for p in range(100)]
    # the variance of one batch in units of C/(N - 1) is N/b - 1
    assert np.mean(forms) / (400 / 4 - 1) == pytest.approx(integral, rel=1e-6)
    independent = sgd.lr**2 * np.mean(transfer)
    if momentum == 0.9:
        known = {0.1: 0.074, 1.0: 0.498, 10.0: 0.939}[ratio]
        assert integral / independent == pytest.approx(known, abs=2e-3)


def test_refusals():
    with pytest.raises(ValueError, match="batch_size = 5"):
        linsgd.batch_dependence(5, 5)
    with pytest.raises(ValueError, match="sampling = 'fixed'"):
        linsgd.batch_dependence(6, 2, "fixed").spectrum([0.1])
    with pytest.raises(ValueError, match="sampling = 'epoch'"):
        linsgd.batch_dependence(6, 2).lines()
