"""The error series against the errors: the remainder after order n falls exactly as lr^(n+1)."""

import mpmath as mp
import numpy as np
import pytest

from linsgd import symbolic
from linsgd.symbolic.symbols import beta, eta, h_lambda, sigma_g, t, v0, x0, zeta

from .evaluate import drift, evaluate, explicit, step_matrices

MOMENTUM, CURVATURE, START = 0.6, 0.7, (1.3, -0.4)
VALUES = {beta: MOMENTUM, h_lambda: CURVATURE, t: 2.0, x0: START[0], v0: START[1]}


def slow_rate(lr):
    """The slow mode's decay per step: SDE, exact."""
    exact = -mp.log(max(eigenvalues(step_matrices(lr, MOMENTUM, CURVATURE)[0])))
    return lr * min(eigenvalues(drift(lr, MOMENTUM, CURVATURE))), exact


def eigenvalues(matrix):
    return [mp.re(value) for value in mp.eig(mp.matrix(matrix.tolist()), left=False, right=False)]


def slow_mean(lr, velocity):
    """The slow mode's mean position at t = 2: SDE started at `velocity`, exact started at START."""
    M, A = step_matrices(lr, MOMENTUM, CURVATURE)[0], drift(lr, MOMENTUM, CURVATURE)
    fast = min(eigenvalues(M)), max(eigenvalues(A))
    slow = max(eigenvalues(M)), min(eigenvalues(A))
    exact = ((M - fast[0] * np.eye(2)) @ START)[0] / (slow[0] - fast[0]) * slow[0] ** (2 / lr)
    sde = (
        ((A - fast[1] * np.eye(2)) @ [START[0], velocity])[0]
        / (slow[1] - fast[1])
        * mp.exp(-2 * slow[1])
    )
    return sde, exact


def variance(step):
    def pair(lr):
        values = VALUES | {eta: lr, sigma_g: 1, zeta: 0}
        return tuple(
            evaluate(symbolic.stationary_covariance(name)[step], values)
            for name in ("langevin", "exact")
        )

    return pair


def frequency(lr):
    """The angle per step without damping: SDE, exact."""
    return mp.sqrt(lr * CURVATURE), mp.acos(1 - lr * CURVATURE / 2)


def matched(lr):
    return slow_mean(lr, (2 * MOMENTUM * START[1] - CURVATURE * START[0]) / (1 + mp.mpf(MOMENTUM)))


MEASURED = {
    "slow_rate": slow_rate,
    "mean": lambda lr: slow_mean(lr, START[1]),
    "matched_mean": matched,
    "frequency": frequency,
}


@pytest.mark.cases(5)
@pytest.mark.parametrize("quantity", MEASURED)
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_remainder_is_of_the_next_order_that_is_not_zero(quantity, order):
    series, full = (symbolic.lr_expansion(quantity, n).result.removeO() for n in (order, 4))
    power = min(n for n in range(order + 1, 5) if full.coeff(eta, n) != 0)

    def remainder(lr):
        sde, exact = MEASURED[quantity](mp.mpf(lr))
        return sde / exact - 1 - evaluate(series, VALUES | {eta: lr})

    lrs = [mp.mpf(2) ** -n for n in (9, 10)]
    slope = mp.log(abs(remainder(lrs[0]) / remainder(lrs[1])), 2)
    assert abs(slope - power) < 0.1


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    ("quantity", "power"), [("mean", 1), ("matched_mean", 2), ("slow_rate", 2), ("frequency", 1)]
)
def test_order_of_the_error(quantity, power):
    series = symbolic.lr_expansion(quantity, 3).result.removeO().expand()
    assert all(series.coeff(eta, n) == 0 for n in range(power))
    assert series.coeff(eta, power) != 0


@pytest.mark.parametrize("step", ["position", "velocity"])
@pytest.mark.parametrize("lr", [0.01, 0.5, 2.0])
def test_variance_error_is_exact_at_every_lr(step, lr):
    sde, exact = variance(step)(lr)
    error = symbolic.lr_expansion(f"{step}_variance", 1).result
    assert abs(sde / exact - 1 - evaluate(error, VALUES | {eta: lr})) < 1e-25


@pytest.mark.parametrize("momentum", [0.1, 0.5, 0.9, 0.99])
def test_errors_that_do_not_depend_on_lr(momentum):
    values = {beta: momentum, eta: 0.1, h_lambda: 1.0}
    u = (1 - mp.mpf(momentum)) / (1 + mp.mpf(momentum))
    assert (
        abs(evaluate(symbolic.lr_expansion("damping").result, values) - (u / mp.atanh(u) - 1))
        < 1e-25
    )
    ratio = u * (1 - mp.mpf(momentum)) / 2 / (1 - mp.sqrt(momentum)) ** 2
    assert abs(evaluate(symbolic.lr_expansion("threshold").result, values) - (ratio - 1)) < 1e-25


def test_correlation_is_that_of_the_exact_covariance():
    values = {beta: 0.9, eta: 0.1, h_lambda: 1.0, sigma_g: 1.0, zeta: 0.0}
    P = evaluate(symbolic.stationary_covariance("exact").result, values)
    error = evaluate(symbolic.lr_expansion("correlation").result, values)
    assert abs(error + P[0, 1] / mp.sqrt(P[0, 0] * P[1, 1])) < 1e-25


@pytest.mark.parametrize("momentum", [0.3, 0.9])
def test_summed_correlations_grow_at_the_derived_rate(momentum):
    """The SDE's velocity autocorrelation summed over steps, at a small learning rate."""
    lr, growth = mp.mpf("1e-6"), symbolic.summed_displacement()
    A = drift(lr, momentum, 1.0)
    slow, fast = (rate * lr for rate in sorted(eigenvalues(A)))
    total = 1 + 2 * sum(
        weight / mp.expm1(rate)
        for weight, rate in ((fast / (fast - slow), fast), (-slow / (fast - slow), slow))
    )
    assert abs(total - evaluate(explicit(growth, "growth"), {beta: momentum})) < 1e-5
    u = (1 - momentum) / (1 + momentum)
    assert (
        abs(
            evaluate(
                growth.result.removeO(), dict.fromkeys(growth.result.removeO().free_symbols, u)
            )
            - total
        )
        < u**5
    )
