"""Identities of the weighted ensembles of `rare_events`: what a step of theirs keeps.

Statistics: means of weights over repetitions, within 6.5 standard errors (8e-11 each in the normal
limit, fewer than 60 of them).
"""

import math

import numpy as np
import pytest

import linsgd
from linsgd.montecarlo import rare_events
from linsgd.montecarlo.rare_events import SHELL, _Replica, _status, _strata

MATRIX = linsgd.LinearRegression.gaussian([[1.0, 0.3], [0.3, 0.5]], optimum=[1.0, -0.5])
HEAVY_BALL = linsgd.SGD(lr=0.2, batch_size=2, momentum=0.6)


def replica(problem=MATRIX, sgd=HEAVY_BALL, thresholds=(1.0, 100.0), walkers=20, seed=0):
    rng = np.random.default_rng(seed)
    return _Replica(problem, sgd, np.array(thresholds), walkers, rng)


def placed(distance, **options):
    """A replica whose walkers are at these distances along the first axis, of random weight."""
    made = replica(**options)
    distance = np.asarray(distance)
    made.w = made.optimum + np.outer(distance, [1.0, 0.0])
    made.v = np.zeros_like(made.w)
    made.more = np.zeros((0, *made.w.shape))
    made.weight = np.random.default_rng(9).random(len(distance))
    return made


def distances(made):
    return np.linalg.norm(made.w - made.optimum, axis=1)


def test_shells_keep_their_weight_and_have_equal_walkers():
    distance = np.geomspace(0.3, 90.0, 57)
    made = placed(distance)
    made.innermost = 0.5
    before = made.weight
    shell = np.floor(np.log(distance / 0.5) / np.log(SHELL)).clip(min=-1)
    made._split(distance)
    after = np.floor(np.log(distances(made) / 0.5) / np.log(SHELL) + 1e-9).clip(min=-1)
    for each in np.unique(shell):
        assert (after == each).sum() == 20
        assert made.weight[after == each].sum() == pytest.approx(before[shell == each].sum())
        assert np.ptp(made.weight[after == each]) < 1e-15
    assert set(after) == set(shell)


@pytest.mark.parametrize("innermost", [0.01, 0.5, 1.0])
def test_shells_end_beyond_the_last_threshold(innermost):
    """Two shells beyond it at most, wherever the first one begins."""
    distance = np.geomspace(innermost, 1e6, 400)
    made = placed(distance)
    made.innermost = innermost
    made._split(distance)
    shells = math.ceil(math.log(100.0 / innermost) / math.log(SHELL)) + 2
    assert len(made.w) == 20 * shells


def test_copies_are_drawn_in_proportion_to_their_weight():
    """The mean weight after splitting is the weight before, for every walker of a shell."""
    weight = np.array([0.5, 0.3, 0.15, 0.05])
    seen = np.zeros((400, 4))
    for seed in range(400):
        made = placed([1.0, 1.1, 1.2, 1.3], walkers=3, seed=seed)
        made.innermost, made.weight = 1.0, weight
        made._split(distances(made))
        seen[seed] = [made.weight[np.isclose(distances(made), x)].sum() for x in (1, 1.1, 1.2, 1.3)]
    error = seen.std(axis=0) / 20
    assert (np.abs(seen.mean(axis=0) - weight) <= 6.5 * error + 1e-15).all()
    assert (np.abs(seen.mean(axis=0) - 0.25) > 6.5 * error)[[0, 2, 3]].all()


def test_the_reach_counts_what_a_swing_keeps():
    made = replica()
    made.w = made.optimum + np.array([[3.0, 0.0], [0.0, 0.0]])
    made.v = np.array([[0.0, -2.0], [1.0, -2.0]])
    swing = 0.2 / MATRIX.eigenvalues.max()
    expected = np.sqrt([9.0 + 4 * swing, 5 * swing])
    assert made._reach(distances(made)) == pytest.approx(expected, rel=1e-14)
    still = replica(sgd=linsgd.SGD(lr=0.2))
    still.v = np.full_like(still.w, 5.0)
    assert np.array_equal(still._reach(distances(still)), distances(still))


@pytest.mark.parametrize(
    "sgd",
    [
        HEAVY_BALL,
        linsgd.SGD(lr=0.2, momentum=0.6, dampening=0.4, weight_decay=0.1),
        linsgd.SGD(lr=0.2, momentum=0.6, nesterov=True),
    ],
)
@pytest.mark.parametrize("finite", [False, True])
def test_a_step_is_the_optimizer_s_own(sgd, finite, monkeypatch):
    """Against the rule written out, going on from a velocity: the first step is dampened."""
    rng = np.random.default_rng(3)
    data = linsgd.LinearRegression.from_data(rng.normal(size=(9, 2)), rng.normal(size=9))
    made = replica(data if finite else MATRIX, sgd)
    made.w, made.v = rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    w, v = made.w.copy(), made.v.copy()
    batches = []
    draw = made._batch
    monkeypatch.setattr(made, "_batch", lambda: batches.append(draw()) or batches[-1])
    for k in range(3):
        made._step(k)
        x, y = batches[-1]
        residual = np.einsum("nbi,ni->nb", x, w) - y
        g = np.einsum("nbi,nb->ni", x, residual) / sgd.batch_size + sgd.weight_decay * w
        v = sgd.momentum * v - (1 - sgd.dampening) * g
        w = w + sgd.lr * (sgd.momentum * v - g if sgd.nesterov else v)
        assert np.allclose(made.w, w, rtol=1e-12)
        assert np.allclose(made.v, v, rtol=1e-12)


def test_batches_have_the_labels_of_their_features():
    """y - x.w* is the label noise, in its own row: its mean square and no correlation with x."""
    problem = linsgd.LinearRegression.gaussian([1.0, 0.5], noise_std=0.3, optimum=[2.0, -1.0])
    made = replica(problem, linsgd.SGD(lr=0.1, batch_size=3), walkers=4000)
    x, y = made._batch()
    e = y - x @ problem.optimum
    assert (x.shape, y.shape) == ((4000, 3, 2), (4000, 3))
    n = e.size
    assert abs((e**2).mean() / 0.09 - 1) < 6.5 * math.sqrt(2 / n)
    second = (x**2).mean(axis=(0, 1)) / problem.eigenvalues
    assert (np.abs(second - 1) < 6.5 * math.sqrt(2 / n)).all()
    assert (np.abs(np.einsum("nbi,nb->i", x, e)) / n < 6.5 * 0.3 / math.sqrt(n)).all()


def test_without_label_noise_labels_are_exact(monkeypatch):
    problem = linsgd.LinearRegression.gaussian([1.0], noise_std=0.0, optimum=[2.0])
    x, y = replica(problem, linsgd.SGD(lr=0.1))._batch()
    assert np.array_equal(y, 2.0 * x[:, :, 0])


def test_strata_keep_the_law_of_the_features():
    """Weighted averages of stratified features are those of N(0, H); unweighted ones are not."""
    H = MATRIX.covariance()
    made = replica(walkers=100)
    made.w = made.optimum + np.tile([2.0, 1.0], (20_000, 1))
    made.weight = np.ones(20_000)
    x = np.random.default_rng(1).multivariate_normal(np.zeros(2), H, 20_000)
    made._stratify(x)
    away = np.array([2.0, 1.0])
    norm = math.sqrt(away @ H @ away)
    along = x @ away / norm
    across = x @ np.array([H[1] @ away, -H[0] @ away])
    for function, expected in (
        (np.ones_like(along), 1.0),
        (along**2, 1.0),
        (along**4, 3.0),
        ((np.abs(along) > 3.0).astype(float), 2 * 0.0013498980316300933),
        (along * across, 0.0),
    ):
        product = made.weight * function
        error = product.std() / math.sqrt(20_000)
        assert abs(product.mean() - expected) <= 6.5 * error + 1e-12
    assert (np.abs(along) > 3.0).mean() > 20 * 0.0027
    assert np.corrcoef(along, across)[0, 1] == pytest.approx(0, abs=0.05)


def test_a_walker_at_the_optimum_has_no_strata():
    made = replica(walkers=100)
    made.w = np.tile(made.optimum, (100, 1))
    x = np.random.default_rng(1).normal(size=(100, 2))
    before = x.copy()
    made._stratify(x)
    assert np.array_equal(x, before)
    assert np.array_equal(made.weight, np.full(100, 0.01))


@pytest.mark.parametrize("walkers", [2, 9, 10, 100])
def test_strata_split_the_walkers_of_a_shell(walkers):
    chances, counts = _strata(MATRIX, HEAVY_BALL, walkers)
    assert counts.sum() == walkers
    assert (chances[0], chances[-1]) == (1.0, 0.0)
    assert (np.diff(chances) < 0).all()
    assert len(chances) == len(counts) + 1
    assert (len(counts) > 1) == (walkers >= 10)
    if walkers == 100:
        assert counts.tolist() == [50, 10, 10, 10, 10, 10]
        assert chances[1] == pytest.approx(0.1)


def halves(first, second, replicas=8, spread=0.01, log_distance=0.0):
    """Weights beyond two thresholds and log-distances of replicas, in both halves of the steps."""
    rng = np.random.default_rng(2)
    noise = 1 + spread * rng.standard_normal((replicas, 2, 3))
    means = np.array([[*first, 1.0], [*second, 1.0]])
    found = means * noise
    found[:, 1, 2] += log_distance
    return found


@pytest.mark.parametrize(
    ("first", "second", "options", "status"),
    [
        ((1e-3, 1e-6), (1e-3, 1e-6), {}, "ok"),
        ((1e-3, 1e-6), (1.5e-3, 1e-6), {}, "drifting"),
        ((1e-3, 1e-6), (1.5e-3, 1e-6), {"spread": 0.5}, "ok"),
        ((1e-3, 1e-6), (5e-3, 1e-6), {"spread": 0.5}, "drifting"),
        ((1e-3, 5e-6), (1e-3, 1e-6), {"spread": 0.5}, "drifting"),
        ((1e-3, 1e-6), (1e-3, 1e-6), {"log_distance": 0.8}, "drifting"),
        ((1e-3, 1e-6), (1e-3, 1e-6), {"log_distance": -0.8}, "drifting"),
        ((1e-3, 0.0), (1e-3, 0.0), {}, "unseen"),
        ((np.nan, 0.0), (np.nan, 0.0), {}, "drifting"),
    ],
)
def test_the_status_compares_the_halves(first, second, options, status):
    assert _status(halves(first, second, **options)) == status


def test_an_overflow_ends_a_replica():
    made = replica(linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=1e60), [1.0])
    means, cost = made.run(100, 0)
    assert np.isnan(means).all()
    assert cost < 100 * 20 * 40


def test_walkers_are_counted():
    made = replica(thresholds=[1e-3], walkers=5)
    _, cost = made.run(10, 3)
    assert cost == 13 * 5  # before the first split
    assert rare_events._FREE > 13
