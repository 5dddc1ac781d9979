"""Oracles: the kernels' own batches, replayed by NumPy and by torch.optim.SGD, give the kernels'
own paths.
"""

import numpy as np
import pytest

import linsgd
from linsgd.montecarlo.random.laws import Samples
from linsgd.montecarlo.random.streams import seed_streams
from linsgd.montecarlo.snapshots import snapshots
from linsgd.montecarlo.walks import data
from linsgd.montecarlo.walks.data import DataWalks
from linsgd.montecarlo.walks.engine import walks
from linsgd.montecarlo.walks.linear import LinearWalks
from linsgd.montecarlo.walks.one_feature import LineWalks

from .kernels import draw_samples, fill_normals

STEPS = 12
SEED = 4
GAUSSIAN = linsgd.LinearRegression.gaussian(
    [[1.0, 0.3], [0.3, 0.5]], optimum=[1.0, -0.5], noise_std=0.7
)
LINE = linsgd.LinearRegression.gaussian([0.8], optimum=[2.0], noise_std=0.5)
STUDENT = linsgd.LinearRegression.from_features(
    linsgd.StudentFeatures([1.0, 0.5, 0.2], dof=3.0),
    noise=linsgd.StudentNoise(dof=1.5),
    optimum=[1.0, 2.0, 3.0],
)
UNIFORM = linsgd.LinearRegression.from_features(linsgd.UniformFeatures([1.0, 0.5]), noise="laplace")
SIGNS = linsgd.LinearRegression.from_features(
    linsgd.RademacherFeatures([1.0, 0.5]), noise="rademacher"
)
DATA = linsgd.LinearRegression.from_data(
    np.random.default_rng(0).normal(size=(11, 3)), np.arange(11.0)
)
CASES = [
    (GAUSSIAN, {"batch_size": 3}),
    (LINE, {"batch_size": 1}),
    (LINE, {"batch_size": 4}),
    (STUDENT, {"batch_size": 2}),
    (UNIFORM, {"batch_size": 1}),
    (SIGNS, {"batch_size": 5}),
    (DATA, {"batch_size": 6}),
    (DATA, {"batch_size": 3, "replacement": False}),
    (DATA, {"batch_size": 4, "sampling": "epoch"}),
    (DATA, {"batch_size": 3, "sampling": "fixed"}),
]
OPTIMIZERS = [
    {},
    {"momentum": 0.6, "dampening": 0.3, "weight_decay": 0.1},
    {"momentum": 0.6, "nesterov": True},
    {"dampening": 0.5},
]


def batches(problem, sgd):
    """The batches of tile 0: features (STEPS, 64, b, d) and labels (STEPS, 64, b)."""
    described = walks(problem, sgd, SEED, None, "full", "float64")
    draw = {DataWalks: data_batch, LinearWalks: linear_batch, LineWalks: line_batch}[
        type(described)
    ]
    S = seed_streams(SEED, 0, np.float64)
    X, y = zip(*draw(problem, sgd, described, S), strict=True)
    return np.array(X), np.array(y)


def linear_batch(problem, sgd, described, S):
    samples, d, b = Samples.of(problem, np.float64), problem.dimension, sgd.batch_size
    Z, C = np.empty((2 * d + 2, 64)), np.ones((2, 64))
    for _ in range(STEPS):
        x, e = np.empty((b, d, 64)), np.empty((b, 64))
        for s in range(0, b, 2):
            n = min(2, b - s)
            draw_samples(samples, S, Z, C, n, d)
            for q in range(n):
                x[s + q] = C[q] * samples.root[:, None] * Z[q * d : (q + 1) * d]
                e[s + q] = samples.scale * Z[n * d + q]
        X = problem.from_eigenbasis(x.transpose(2, 0, 1))
        yield X, X @ problem.optimum + e.T


def line_batch(problem, sgd, described, S):
    samples, Z = Samples.of(problem, np.float64), np.empty((2, 64))
    for _ in range(STEPS):
        x, e = np.empty((2, sgd.batch_size, 64))
        for s in range(sgd.batch_size):
            fill_normals(S, Z, 2)
            x[s], e[s] = samples.root[0] * Z[0], samples.scale * Z[1]
        yield x.T[:, :, None], x.T * problem.optimum + e.T


def data_batch(problem, sgd, described, S):
    rows, N = described.rows(), len(problem.features.y)
    order, batch = (
        np.tile(np.arange(N, dtype=np.int32), (64, 1)),
        np.empty((sgd.batch_size, 64), np.int64),
    )
    met = []
    phases = N // sgd.batch_size
    for step in range(STEPS):
        if rows.fixed and step >= phases:
            batch = met[step - phases]
        else:
            place = step % phases * sgd.batch_size if rows.epoch else 0
            data.draw_batches(rows, S, order, place, batch)
        met.append(batch.copy())
        yield problem.features.X[batch.T], problem.features.y[batch.T]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("problem", "kind"), CASES)
def test_numpy_goes_the_same_path(problem, kind, optimizer):
    sgd = linsgd.SGD(lr=0.1, **kind, **optimizer)
    X, y = batches(problem, sgd)
    w = np.zeros((64, problem.dimension))
    buf, path = w, []
    for k in range(STEPS):
        residual = np.einsum("cbd,cd->cb", X[k], w) - y[k]
        g = np.einsum("cbd,cb->cd", X[k], residual) / sgd.batch_size + sgd.weight_decay * w
        buf = g if k == 0 or sgd.momentum == 0 else sgd.momentum * buf + (1 - sgd.dampening) * g
        w = w - sgd.lr * (g + sgd.momentum * buf if sgd.nesterov else buf)
        path.append(np.hstack([w, -buf]))
    ours = snapshots(problem, sgd, np.arange(1, STEPS + 1), range(64), SEED)
    assert np.allclose(ours, path, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("problem", "kind"), CASES[:1] + CASES[4:])
def test_torch_goes_the_same_path(problem, kind, optimizer):
    torch = pytest.importorskip("torch")
    sgd = linsgd.SGD(lr=0.1, **kind, **optimizer)
    X, y = (torch.from_numpy(x) for x in batches(problem, sgd))
    ours = snapshots(problem, sgd, np.arange(1, STEPS + 1), range(64), SEED)
    for chain in (0, 63):
        w = torch.zeros(problem.dimension, dtype=torch.float64, requires_grad=True)
        theirs = torch.optim.SGD([w], lr=sgd.lr, **optimizer)
        for k in range(STEPS):
            theirs.zero_grad()
            (0.5 * ((X[k, chain] @ w - y[k, chain]) ** 2).mean()).backward()
            theirs.step()
            assert np.allclose(
                ours[k, chain, : problem.dimension], w.detach().numpy(), rtol=1e-9, atol=1e-11
            )


def test_an_epoch_meets_every_row_once():
    sgd = linsgd.SGD(lr=0.1, batch_size=4, sampling="epoch")
    X, _ = batches(DATA, sgd)
    for epoch in range(0, STEPS, 2):
        met = X[epoch : epoch + 2].transpose(1, 0, 2, 3).reshape(64, 8, 3)
        assert all(len(np.unique(chain, axis=0)) == 8 for chain in met)
