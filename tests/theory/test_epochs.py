"""Reshuffled epochs against the enumeration of every order of the rows, and the order in lr of what
is neglected.
"""

import itertools

import numpy as np
import pytest
from tests.theory import oracles

import linsgd

CASES = [
    (5, 1, {}),
    (4, 1, {"weight_decay": 0.3}),
    (4, 2, {}),
    (5, 2, {}),
    (5, 4, {}),
    (5, 1, {"momentum": 0.5}),
    (4, 2, {"momentum": 0.5, "dampening": 0.3}),
    (5, 2, {"momentum": 0.5}),
    (5, 1, {"momentum": 0.6, "nesterov": True}),
    (5, 2, {"momentum": 0.6, "nesterov": True}),
]
LRS = (8e-4, 4e-4)


def data_set(n, decay):
    rng = np.random.default_rng(n)
    X, y = rng.normal(size=(n, 2)), rng.normal(size=n)
    residual = y - X @ np.linalg.lstsq(X, y)[0]
    return linsgd.LinearRegression.from_data(X, y if decay else residual)


def enumerated(problem, sgd):
    """Mean and covariance of (w, v) at each phase of the stationary law, over all N! orders."""
    data, d, b = problem.features, problem.dimension, sgd.batch_size
    phases = len(data.y) // b
    orders = list(itertools.permutations(range(len(data.y))))
    operators = np.zeros((phases + 1, (2 * d + 1) ** 2, (2 * d + 1) ** 2))
    for order in orders:
        walked = np.eye(2 * d + 1)
        operators[0] += np.kron(walked, walked)
        for j in range(phases):
            rows = sorted(order[j * b : (j + 1) * b])
            X, y = data.X[rows], data.y[rows]
            walked = oracles.affine(X.T @ X / b, X.T @ y / b, sgd) @ walked
            operators[j + 1] += np.kron(walked, walked)
    operators /= len(orders)
    system, target = np.eye(len(operators[0])) - operators[-1], np.zeros(len(operators[0]))
    system[-1, :], target[-1] = np.eye(len(target))[-1], 1.0
    start = np.linalg.solve(system, target)
    return [oracles.split(operator @ start, d) for operator in operators[:-1]]


def errors(n, b, settings, lr):
    """Largest errors of mean, Var v, Cov(w, v) and Var w at each phase, relative to their order in
    lr.
    """
    problem = data_set(n, settings.get("weight_decay"))
    sgd = linsgd.SGD(lr=lr, batch_size=b, sampling="epoch", **settings)
    law, d = linsgd.stationary_moments(problem, sgd), problem.dimension
    found = []
    for phase, (mean, covariance) in enumerate(enumerated(problem, sgd)):
        error = np.abs(oracles.phase_space_covariance(law, phase) - covariance)
        start_of_epoch = phase == 0 and not settings.get("momentum")
        power = 1 if n % b else 3 if start_of_epoch else 2
        centre = np.concatenate([law.mean[phase], law.velocity_mean[phase]])
        shifts = np.abs(centre - mean).max() / lr
        found.append(
            [shifts, error[d:, d:].max(), error[:d, d:].max() / lr, error[:d, :d].max() / lr**power]
        )
    return np.array(found)


@pytest.mark.parametrize(("n", "b", "settings"), CASES)
def test_the_neglected_terms_are_one_order_smaller(n, b, settings):
    coarse, fine = (errors(n, b, settings, lr) for lr in LRS)
    negligible = fine < 1e-9
    halved = np.where(negligible, 2.0, coarse / np.where(negligible, 1.0, fine))
    np.testing.assert_allclose(halved, 2.0, atol=0.1)


@pytest.mark.parametrize(("n", "b", "settings"), CASES)
def test_the_leading_terms_are_there(n, b, settings):
    problem = data_set(n, settings.get("weight_decay"))
    sgd = linsgd.SGD(lr=LRS[1], batch_size=b, sampling="epoch", **settings)
    law = linsgd.stationary_moments(problem, sgd)
    for phase, (_, covariance) in enumerate(enumerated(problem, sgd)):
        predicted = oracles.phase_space_covariance(law, phase)
        ratio = np.diag(predicted) / np.diag(covariance)
        np.testing.assert_allclose(ratio, 1, atol=0.05)


def test_orders_are_said():
    problem = data_set(4, None)
    law = linsgd.stationary_moments(problem, linsgd.SGD(lr=1e-3, batch_size=2, sampling="epoch"))
    assert "Var w lr^2 (lr^3 at phase 0)" in law.order
    assert law.steps.tolist() == [0, 1]


def test_in_time_they_are_refused():
    with pytest.raises(ValueError, match="sampling = 'epoch' is outside its domain"):
        linsgd.moments(data_set(4, None), linsgd.SGD(lr=1e-3, sampling="epoch"), [1])
