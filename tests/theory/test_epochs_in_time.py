"""Moments of epochs in time against every order of few rows, and against simulated chains."""

import itertools

import numpy as np
import pytest
from tests.theory import oracles

import linsgd
from linsgd.theory.epochs import enumeration, orders

CASES = [
    (4, 1, {}),
    (5, 2, {"momentum": 0.5, "dampening": 0.3, "weight_decay": 0.2}),
    (4, 2, {"momentum": 0.6, "nesterov": True}),
]


def table(N, d, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, d)) * np.linspace(0.4, 1, d)
    return linsgd.LinearRegression.from_data(X, X @ np.ones(d) + rng.normal(size=N))


def order_maps(problem, sgd, order, first):
    data, b = problem.features, sgd.batch_size
    for j in range(len(order) // b):
        rows = list(order[j * b : (j + 1) * b])
        X, y = data.X[rows], data.y[rows]
        yield oracles.affine(X.T @ X / b, X.T @ y / b, sgd, first and j == 0)


def brute_force(problem, sgd, steps, fresh):
    """Mean and second moment of (w, v, 1) at steps < 2 n from (0, 0), over all pairs of orders."""
    d, b = problem.dimension, sgd.batch_size
    N = len(problem.features.y)
    n = N // b
    z = np.append(np.zeros(2 * d), 1.0)
    every = list(itertools.permutations(range(N)))
    squares = {k: np.zeros((2 * d + 1, 2 * d + 1)) for k in steps}
    second = [np.stack(list(order_maps(problem, sgd, order, False))) for order in every]
    for i, order in enumerate(every):
        state, path = z, [z]
        for M in order_maps(problem, sgd, order, fresh):
            state = M @ state
            path.append(state)
        following = [second[i]] if sgd.sampling == "fixed" else second
        for k in steps:
            if k <= n:
                squares[k] += np.outer(path[k], path[k]) / len(every)
                continue
            for maps in following:
                late = state
                for M in maps[: k - n]:
                    late = M @ late
                squares[k] += np.outer(late, late) / len(every) / len(following)
    return [oracles.split(squares[k].ravel(), d) for k in steps]


@pytest.mark.parametrize("sampling", ["epoch", "fixed"])
@pytest.mark.parametrize(("N", "b", "settings"), CASES)
def test_few_rows_in_time_are_exact(sampling, N, b, settings):
    problem = table(N, 2, N)
    sgd = linsgd.SGD(lr=0.3, batch_size=b, sampling=sampling, **settings)
    steps = sorted({0, 1, N // b, N // b + 1, 2 * (N // b) - 1})
    law = linsgd.moments(problem, sgd, steps)
    assert law.order == "exact"
    for i, (mean, covariance) in enumerate(brute_force(problem, sgd, steps, True)):
        centre = np.concatenate([law.mean[i], law.velocity_mean[i]])
        np.testing.assert_allclose(centre, mean, atol=1e-12)
        found = oracles.phase_space_covariance(law, i)
        np.testing.assert_allclose(found, covariance, atol=1e-12)


@pytest.mark.parametrize("sampling", ["epoch", "fixed"])
def test_few_rows_tend_to_their_stationary_law(sampling):
    problem = table(5, 2, 1)
    sgd = linsgd.SGD(lr=0.2, batch_size=2, momentum=0.4, sampling=sampling)
    far = linsgd.moments(problem, sgd, [2 * 10**6, 2 * 10**6 + 1])
    law = linsgd.stationary_moments(problem, sgd)
    np.testing.assert_allclose(far.position_variance, law.position_variance, rtol=1e-8)
    np.testing.assert_allclose(far.mean, law.mean, rtol=1e-8)


def test_a_law_may_be_the_start():
    problem = table(5, 2, 1)
    for sampling in ("epoch", "fixed"):
        sgd = linsgd.SGD(lr=0.1, batch_size=1, sampling=sampling)
        independent = linsgd.SGD(lr=0.1, batch_size=1)
        begin = linsgd.stationary_moments(problem, independent)
        law = linsgd.moments(problem, sgd, [0, 1], start=begin)
        np.testing.assert_allclose(law.position_variance[0], begin.position_variance, rtol=1e-9)
        # the first batch is a row drawn at random, as that of independent batches
        other = linsgd.moments(problem, independent, [1], start=begin)
        np.testing.assert_allclose(law.position_variance[1], other.position_variance[0], rtol=1e-9)


@pytest.mark.parametrize("sampling", ["epoch", "fixed"])
@pytest.mark.parametrize(
    ("N", "b", "settings"), [(6, 1, {}), (6, 2, {"momentum": 0.6}), (7, 2, {})]
)
@pytest.mark.parametrize("lr", [0.01, 0.04])
def test_the_error_covers_what_linear_response_neglects(monkeypatch, sampling, N, b, settings, lr):
    problem = table(N, 2, N)
    sgd = linsgd.SGD(lr=lr, batch_size=b, sampling=sampling, **settings)
    n = N // b
    steps = np.concatenate([np.arange(1, n + 1), np.arange(1, n + 1) + 20 * n])
    exact = linsgd.moments(problem, sgd, steps)
    moved = linsgd.displacement(problem, sgd, [1, 2, n])
    for each in (enumeration, orders):
        monkeypatch.setattr(each, "fits", lambda *_: False)
    found = linsgd.moments(problem, sgd, steps)
    gaps = np.abs(found.position_variance - exact.position_variance).reshape(2, n, -1)
    largest = exact.position_variance.reshape(2, n, -1).max(axis=1, keepdims=True)
    assert (gaps / largest).max() < found.error
    estimated = linsgd.displacement(problem, sgd, [1, 2, n])
    close = np.abs(estimated.global_msd - moved.global_msd) / moved.global_msd.max()
    assert close.max() < estimated.error
    assert moved.error < 1e-9


def with_outliers(rng, sampling):
    """A random table, a third of them with an outlying row and a third with an outlying label."""
    N, d, b = int(rng.integers(6, 9 if sampling == "epoch" else 8)), 2, int(rng.integers(1, 4))
    X = rng.normal(size=(N, d)) * np.linspace(0.4, 1, d)
    kind = rng.integers(3)
    X[0] *= rng.uniform(2, 6) if kind == 1 else 1.0
    y = X @ np.ones(d) + rng.normal(size=N)
    y[1] += rng.uniform(3, 10) if kind == 2 else 0.0
    momentum = float(rng.choice([0, 0.5, 0.8]))
    # lr times the largest leverage over (1 - momentum) b, from 0.3 % to 50 %
    lr = 10 ** rng.uniform(-2.5, -0.3) * (1 - momentum) * b / (X**2).sum(axis=1).max()
    sgd = linsgd.SGD(lr, b, momentum=momentum, sampling=sampling)
    return linsgd.LinearRegression.from_data(X, y), sgd


@pytest.mark.parametrize("sampling", ["epoch", "fixed"])
def test_the_error_holds_with_outlying_rows_too(monkeypatch, sampling):
    rng = np.random.default_rng(5)
    ratios = []
    for _ in range(25):
        problem, sgd = with_outliers(rng, sampling)
        exact = linsgd.stationary_moments(problem, sgd)
        with monkeypatch.context() as patched:
            for each in (enumeration, orders):
                patched.setattr(each, "fits", lambda *_: False)
            found = linsgd.stationary_moments(problem, sgd)
        for name in ("position_variance", "velocity_variance"):
            value, known = getattr(found, name), getattr(exact, name)
            ratios.append((np.abs(value - known) / known.max(axis=0)).max() / found.error)
    assert 0.05 < max(ratios) < 1


def test_displacement_of_few_rows_over_all_orders():
    problem = table(4, 2, 0)
    sgd = linsgd.SGD(lr=0.2, batch_size=2, momentum=0.5, sampling="fixed")
    data, total = problem.features, np.zeros(2)
    every = list(itertools.permutations(range(4)))
    for order in every:
        first, second = order_maps(problem, sgd, order, False)
        whole = second @ first
        z = np.append(np.linalg.solve(np.eye(4) - whole[:4, :4], whole[:4, 4]), 1.0)
        assert np.allclose(whole @ z, z)
        moved = (first @ z - z)[:2]
        total += np.array([moved @ moved, 0.0]) / len(every)
    found = linsgd.displacement(problem, sgd, [1, 2])
    assert len(data.y) == 4
    assert found.global_msd == pytest.approx(total, rel=1e-9, abs=1e-15)
    assert found.local_msd == pytest.approx([total[0], total[0]], rel=1e-9)


def test_reshuffled_displacement_of_few_rows_follows_the_moments():
    problem = table(4, 2, 0)
    sgd = linsgd.SGD(lr=0.2, batch_size=1, momentum=0.5, sampling="epoch")
    found = linsgd.displacement(problem, sgd, [1, 4, 10**6])
    law = linsgd.stationary_moments(problem, sgd)
    speed = law.velocity_variance[1].sum() + np.sum(law.velocity_mean[1] ** 2)
    assert found.global_msd[0] == pytest.approx(sgd.lr**2 * speed, rel=1e-8)
    # far in time the two ends of an epoch are independent
    assert found.global_msd[2] == pytest.approx(2 * law.position_variance[0].sum(), rel=1e-6)


@pytest.mark.parametrize("sampling", ["epoch", "fixed"])
def test_many_rows_in_time_by_walking(sampling):
    # 4096 chains: z-scores of 5 have probability 6e-7; the theory is allowed its error beside them
    problem = table(56, 3, 0)
    sgd = linsgd.SGD(lr=0.03, batch_size=7, momentum=0.5, sampling=sampling)
    for steps in (5, 20, 43):
        law = linsgd.moments(problem, sgd, steps)
        ensemble = linsgd.simulate(problem, sgd, steps, chains=4096, seed=2)
        simulated = np.diag(ensemble.covariance())
        variance = np.diag(oracles.phase_space_covariance(law))
        allowed = 5 * np.sqrt(2 / 4096) + law.error
        assert np.abs(variance / simulated - 1).max() < allowed
        gap = np.concatenate([law.mean, law.velocity_mean]) - ensemble.mean()
        assert np.abs(gap / np.sqrt(simulated / 4096)).max() < 6
        far = linsgd.displacement(problem, sgd, [steps], start=None).global_msd[0]
        square = variance[:3].sum() + np.sum(law.mean**2)
        assert far == pytest.approx(square, rel=1e-12)


@pytest.mark.parametrize("sampling", ["epoch", "fixed"])
def test_many_rows_tend_to_their_stationary_law(sampling):
    problem = table(60, 2, 3)
    sgd = linsgd.SGD(lr=0.2, batch_size=7, sampling=sampling)
    law = linsgd.stationary_moments(problem, sgd)
    n = 60 // 7
    for start in (None, "stationary", (np.full(2, 5.0), np.ones(2))):
        late = linsgd.moments(problem, sgd, [n * 2**40 + 3], start=start)
        np.testing.assert_allclose(late.position_variance[0], law.position_variance[3], rtol=1e-9)
        np.testing.assert_allclose(late.mean[0], law.mean[3], rtol=1e-9)
    still = linsgd.moments(problem, sgd, [n + 2], start="stationary")
    np.testing.assert_allclose(still.position_variance[0], law.position_variance[2], rtol=1e-9)


def test_refusals_in_time():
    problem = table(60, 2, 3)
    sgd = linsgd.SGD(lr=0.1, batch_size=7, sampling="fixed")
    law = linsgd.stationary_moments(problem, linsgd.SGD(lr=0.1, batch_size=7))
    with pytest.raises(ValueError, match="start"):
        linsgd.moments(problem, sgd, [1], start=law)
    wild = linsgd.SGD(lr=50.0, batch_size=7, sampling="epoch")
    with pytest.raises(ValueError, match="lr = 50"):
        linsgd.moments(problem, wild, [1])
    gaussian = linsgd.LinearRegression.gaussian([1.0])
    with pytest.raises(ValueError, match=r"sampling|replacement"):
        linsgd.moments(gaussian, sgd, [1])


@pytest.mark.parametrize("step", [3, 4, 5, 6, 7])
def test_a_fixed_order_reaches_one_late_step_as_it_does_step_by_step(step):
    problem, sgd = table(6, 2, 3), linsgd.SGD(lr=0.1, batch_size=2, momentum=0.5, sampling="fixed")
    alone = linsgd.moments(problem, sgd, [step])
    walked = linsgd.moments(problem, sgd, np.arange(step + 1))
    np.testing.assert_allclose(alone.mean[-1], walked.mean[-1], rtol=1e-11)
    np.testing.assert_allclose(alone.velocity_mean[-1], walked.velocity_mean[-1], rtol=1e-11)
