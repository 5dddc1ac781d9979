"""Reshuffled epochs against the enumeration of every order of the rows, and the order in lr of what
is neglected.
"""

import itertools

import numpy as np
import pytest
from tests.theory import oracles

import linsgd
from linsgd.theory.epochs import frozen_noise as epochs
from linsgd.theory.epochs.response import EpochResponse
from linsgd.theory.recurrence.recurrence import Coefficients

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
LRS = (3.2e-3, 1.6e-3)


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
    law, d = epochs.perturbed(problem, sgd, problem.fit), problem.dimension
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
    assert halved.min() > 1.9


@pytest.mark.parametrize(("n", "b", "settings"), CASES)
def test_the_leading_terms_are_there(n, b, settings):
    problem = data_set(n, settings.get("weight_decay"))
    sgd = linsgd.SGD(lr=LRS[1], batch_size=b, sampling="epoch", **settings)
    law = epochs.perturbed(problem, sgd, problem.fit)
    for phase, (_, covariance) in enumerate(enumerated(problem, sgd)):
        predicted = oracles.phase_space_covariance(law, phase)
        ratio = np.diag(predicted) / np.diag(covariance)
        np.testing.assert_allclose(ratio, 1, atol=0.05)


def test_orders_are_said():
    problem = data_set(30, None)
    law = linsgd.stationary_moments(problem, linsgd.SGD(lr=1e-3, batch_size=15, sampling="epoch"))
    assert "Var w lr^2 (lr^3 at phase 0)" in law.order
    assert law.steps.tolist() == [0, 1]


@pytest.mark.parametrize(("n", "b", "settings"), CASES)
def test_few_rows_are_summed_exactly(n, b, settings):
    problem = data_set(n, settings.get("weight_decay"))
    sgd = linsgd.SGD(lr=0.2, batch_size=b, sampling="epoch", **settings)
    law = linsgd.stationary_moments(problem, sgd)
    assert law.order == "exact"
    for phase, (mean, covariance) in enumerate(enumerated(problem, sgd)):
        centre = np.concatenate([law.mean[phase], law.velocity_mean[phase]])
        np.testing.assert_allclose(centre, mean, rtol=1e-9, atol=1e-13)
        found = oracles.phase_space_covariance(law, phase)
        np.testing.assert_allclose(found, covariance, rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize("sampling", ["epoch", "fixed"])
def test_an_error_as_large_as_the_variance_is_a_status(sampling):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 2)) * [1.0, 0.03]
    problem = linsgd.LinearRegression.from_data(X, rng.normal(size=200))
    sgd = linsgd.SGD(lr=0.1, batch_size=4, sampling=sampling)
    for law in (
        linsgd.stationary_moments(problem, sgd),
        linsgd.moments(problem, sgd, [40]),
        linsgd.displacement(problem, sgd, [3]),
    ):
        assert law.error >= 1
        assert law.status == "error_too_large"
    even = linsgd.LinearRegression.from_data(X / [1, 0.03], rng.normal(size=200))
    law = linsgd.stationary_moments(even, linsgd.SGD(lr=0.001, batch_size=4, sampling=sampling))
    assert law.error < 1
    assert law.status == "ok"


def test_few_rows_beyond_the_threshold_have_a_status():
    problem = data_set(4, None)
    wild = linsgd.SGD(lr=1.9 / problem.eigenvalues.max(), sampling="epoch")
    assert linsgd.stationary_moments(problem, wild).status in ("infinite_variance", "unstable")


def test_directions_without_data_stay_at_rest():
    X = np.array([[1.0, 0.0], [2.0, 0], [-1, 0], [0.5, 0]])
    problem = linsgd.LinearRegression.from_data(X, [1.0, 0.2, 0.3, -1.0])
    law = linsgd.stationary_moments(problem, linsgd.SGD(lr=0.1, batch_size=2, sampling="epoch"))
    assert law.status == "null_space"
    assert law.position_covariance()[0, 1, 1] == 0
    assert law.position_covariance()[0, 0, 0] > 0


def frozen(n_rows, sgd, h, periods):
    """Var w at each phase for unit C, by summing responses against the noise's covariance."""
    n, N = n_rows // sgd.batch_size, n_rows
    steps = periods * n
    responses, w, v = [], 0.0, 0.0
    for k in range(steps):
        v = sgd.momentum * v - (h * w + (k == 0))
        w = w + sgd.lr * v
        responses.append(w)
    R = np.array(responses)
    variances = []
    for phase in range(n):
        # the batch that acted m steps ago and its epoch
        batch = (phase - 1 - np.arange(steps)) % n
        epoch = (phase - 1 - np.arange(steps)) // n
        same_epoch = epoch[:, None] == epoch if sgd.sampling == "epoch" else True
        same_batch = same_epoch * (batch[:, None] == batch)
        noise = (same_batch * (N / sgd.batch_size) - same_epoch) / (N - 1)
        variances.append(R @ noise @ R)
    return np.array(variances)


@pytest.mark.parametrize("sampling", ["epoch", "fixed"])
@pytest.mark.parametrize("momentum", [0.0, 0.6])
@pytest.mark.parametrize("b", [6, 7])
def test_response_to_frozen_noise(sampling, momentum, b):
    sgd = linsgd.SGD(lr=0.3, batch_size=b, momentum=momentum, sampling=sampling)
    h = np.array([0.2, 1.1])
    response = EpochResponse.of(h, Coefficients.of(sgd), 30, b)
    for i in range(2):
        expected = frozen(30, sgd, h[i], 160)
        if sampling == "fixed":
            found = np.full(30 // b, response.fixed()[0, 0, i, i])
        else:
            start = response.reshuffled()
            laws = [response.at_phase(start, p) for p in range(30 // b)]
            found = np.array([law[0, 0, i, i] for law in laws])
        np.testing.assert_allclose(found / 29, expected, rtol=1e-9)


def test_tiny_learning_rates_do_not_cancel():
    h = np.array([1.0])
    sgd = linsgd.SGD(lr=1e-7, batch_size=5, sampling="epoch")
    response = EpochResponse.of(h, Coefficients.of(sgd), 30, 5)
    # lr^3 kappa^2 form: lr^4 kappa^2 [(N/b) sum w^2 - (sum w)^2]/(2 n lr kappa), w = n - 1 - i
    w = np.arange(6.0)
    expected = 1e-21 * (6 * np.sum(w**2) - w.sum() ** 2) / 12
    assert response.reshuffled()[0, 0, 0, 0] == pytest.approx(expected, rel=1e-5)


def table(N, d, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, d)) * np.linspace(0.3, 1, d)
    return linsgd.LinearRegression.from_data(X, X @ np.ones(d) + rng.normal(size=N))


@pytest.mark.parametrize(("b", "momentum"), [(7, 0.0), (8, 0.0), (7, 0.7)])
def test_reshuffled_epochs_of_many_rows_by_walking(b, momentum):
    # 4000 chains: z-scores of 5 have probability 6e-7; the theory is allowed 8 % beside them
    problem = table(56, 3, 0)
    sgd = linsgd.SGD(lr=0.05, batch_size=b, momentum=momentum, sampling="epoch")
    n = 56 // b
    steps = 120 * n + n // 2
    law = linsgd.stationary_moments(problem, sgd)
    ensemble = linsgd.simulate(problem, sgd, steps, chains=4096, seed=1)
    Q = problem.eigenvectors
    simulated = np.diag(Q.T @ ensemble.covariance()[:3, :3] @ Q)
    ratio = law.position_variance[n // 2] / simulated
    assert np.abs(ratio - 1).max() < 5 * np.sqrt(2 / 4096) + 0.08


@pytest.mark.cases(2)
@pytest.mark.parametrize("momentum", [0.0, 0.6])
@pytest.mark.parametrize("b", [7, 8])
def test_a_fixed_order_by_its_periodic_orbits(b, momentum):
    problem = table(56, 2, 2)
    sgd = linsgd.SGD(lr=0.02, batch_size=b, momentum=momentum, sampling="fixed")
    data, n, rng = problem.features, 56 // b, np.random.default_rng(0)
    orbits = []
    for _ in range(1500):
        order = rng.permutation(56)
        maps = []
        for j in range(n):
            rows = order[j * b : (j + 1) * b]
            X, y = data.X[rows], data.y[rows]
            maps.append(oracles.affine(X.T @ X / b, X.T @ y / b, sgd))
        whole = np.eye(5)
        for each in maps:
            whole = each @ whole
        start = np.append(np.linalg.solve(np.eye(4) - whole[:4, :4], whole[:4, 4]), 1.0)
        orbit = [start]
        for each in maps[: n // 2]:
            orbit.append(each @ orbit[-1])
        orbits.append(orbit)
    w = np.array(orbits)[:, :, :2]
    law = linsgd.stationary_moments(problem, sgd)
    variance = np.diag(law.position_covariance()[0])
    allowed = 5 * np.sqrt(2 / 1500) + 0.08
    assert np.abs(w[:, 0].var(axis=0) / variance - 1).max() < allowed
    moved = np.sum((w[:, -1] - w[:, 0]) ** 2, axis=1)
    predicted = linsgd.displacement(problem, sgd, [n // 2, n]).global_msd
    assert abs(predicted[0] / moved.mean() - 1) < 5 * moved.std() / moved.mean() / 38 + 0.08
    assert predicted[1] == 0


def test_displacement_follows_the_stationary_law():
    problem = table(56, 3, 1)
    sgd = linsgd.SGD(lr=0.05, batch_size=7, momentum=0.5, sampling="epoch")
    law = epochs.perturbed(problem, sgd, problem.fit)
    far = linsgd.displacement(problem, sgd, [10**6 * 8 + 3]).global_msd[0]
    spread = law.position_variance[3].sum() + law.position_variance[0].sum()
    moved = np.sum((law.mean[3] - law.mean[0]) ** 2)
    assert far == pytest.approx(spread + moved, rel=1e-9)
    local = linsgd.displacement(problem, sgd, [1, 2, 8, 9]).local_msd
    drift = law.velocity_variance + problem.to_eigenbasis(law.velocity_mean) ** 2
    assert local[:2] == pytest.approx(sgd.lr**2 * drift[2:4].sum(axis=1), rel=0.01)
    assert local[2] == pytest.approx(linsgd.displacement(problem, sgd, [1]).global_msd[0], rel=1e-9)


def test_displacement_under_epochs_by_walking():
    problem = table(60, 3, 3)
    sgd = linsgd.SGD(lr=0.05, batch_size=6, momentum=0.5, sampling="epoch")
    rng = np.random.default_rng(0)
    X, y = problem.features.X, problem.features.y
    chains, n, burn = 3000, 10, 60
    w = np.tile(problem.optimum, (chains, 1))
    v, orders = np.zeros_like(w), np.tile(np.arange(60), (chains, 1))
    ks, found = (3, 10, 15, 20), {}
    for s in range(burn * n + 21):
        if s % n == 0:
            orders = rng.permuted(orders, axis=1)
        if s == burn * n:
            begin = w
        if s - burn * n in ks:
            moved = np.sum((w - begin) ** 2, axis=1)
            found[s - burn * n] = moved.mean(), moved.std() / np.sqrt(chains)
        rows = orders[:, s % n * 6 : s % n * 6 + 6]
        residual = np.einsum("cbd,cd->cb", X[rows], w) - y[rows]
        v = 0.5 * v - np.einsum("cbd,cb->cd", X[rows], residual) / 6
        w = w + sgd.lr * v
    predicted = linsgd.displacement(problem, sgd, list(ks)).global_msd
    for value, k in zip(predicted, ks, strict=True):
        mean, error = found[k]
        assert abs(value - mean) < 5 * error + 0.05 * mean
    # independent batches move further over a whole epoch
    independent = linsgd.SGD(lr=0.05, batch_size=6, momentum=0.5, replacement=False)
    assert linsgd.displacement(problem, independent, [10]).global_msd[0] > 1.3 * predicted[1]
