"""Statistics: the kernels and a plain NumPy loop have the same law, for every combination of
features and optimizer.

Means, variances and the cross moments of phase space agree within 6.5 joint standard errors. Each
of the fewer than 1000 comparisons here fails by chance with probability 8e-11 in the normal limit,
so the file with less than 1e-7."""

import numpy as np
import pytest

import linsgd
from linsgd.montecarlo.snapshots import snapshots

from .plain import plain_sgd

CHAINS = 4096
H = np.array([[1.0, 0.3, 0.0], [0.3, 0.5, 0.1], [0.0, 0.1, 0.25]])
OPTIMUM = np.array([1.0, -2.0, 0.5])
rng = np.random.default_rng(1)
DATA = linsgd.LinearRegression.from_data(rng.normal(size=(13, 3)), rng.normal(size=13))


class Skewed:
    """A law of the user's: exponential features, which have a mean and no symmetry."""

    dimension = 3

    def second_moment(self):
        return np.ones((3, 3)) + np.eye(3)

    def fourth_moment(self, M):
        raise NotImplementedError

    def sample(self, n, rng):
        return rng.exponential(size=(n, 3))


PROBLEMS = {
    "gaussian": linsgd.LinearRegression.gaussian(H, optimum=OPTIMUM),
    "rademacher": linsgd.LinearRegression.from_features(
        linsgd.RademacherFeatures(H), noise="rademacher"
    ),
    "uniform": linsgd.LinearRegression.from_features(
        linsgd.UniformFeatures(H), noise="laplace", optimum=OPTIMUM
    ),
    "student": linsgd.LinearRegression.from_features(
        linsgd.StudentFeatures(H, dof=30), optimum=OPTIMUM
    ),
    "student noise": linsgd.LinearRegression.gaussian(
        H, noise=linsgd.StudentNoise(dof=20), noise_std=0.7
    ),
    "custom": linsgd.LinearRegression.from_features(Skewed(), optimum=OPTIMUM, noise_std=0.5),
    "data": DATA,
}
OPTIMIZERS = {
    "plain": {"lr": 0.1, "batch_size": 3},
    "heavy ball": {"lr": 0.05, "batch_size": 2, "momentum": 0.7, "dampening": 0.4},
    "nesterov": {"lr": 0.05, "momentum": 0.6, "nesterov": True, "weight_decay": 0.2},
}


def moments(states):
    pairs = np.triu_indices(states.shape[1])
    centred = states - states.mean(axis=0)
    values = np.concatenate([states, centred[:, pairs[0]] * centred[:, pairs[1]]], axis=1)
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(states))


def distance(problem, sgd, steps=25, start=None, dtype="float64", mutant=None):
    ours = snapshots(
        problem, mutant or sgd, [steps], range(CHAINS), seed=3, start=start, dtype=dtype
    )[0]
    theirs = plain_sgd(problem, sgd, steps, CHAINS, np.random.default_rng(2), start)
    (a, s), (b, t) = moments(ours.astype(float)), moments(theirs)
    return np.abs((a - b) / np.hypot(s, t)).max()


@pytest.mark.cases(9)
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_same_law(problem, optimizer):
    assert distance(PROBLEMS[problem], linsgd.SGD(**OPTIMIZERS[optimizer])) < 6.5


@pytest.mark.parametrize(
    "kind", [{"replacement": False}, {"sampling": "epoch"}, {"sampling": "fixed"}]
)
@pytest.mark.parametrize("batch_size", [4, 13])
@pytest.mark.parametrize("optimizer", ["heavy ball", "nesterov"])
def test_same_law_without_replacement(kind, batch_size, optimizer):
    sgd = linsgd.SGD(**{**OPTIMIZERS[optimizer], "batch_size": batch_size, **kind})
    assert distance(DATA, sgd) < 6.5 if batch_size < 13 else distance_of_paths(sgd) < 1e-12


def distance_of_paths(sgd):
    """A batch of all data leaves nothing to chance but the order of a sum."""
    ours = snapshots(DATA, sgd, [25], range(64))[0]
    return np.abs(ours - plain_sgd(DATA, sgd, 25, 64, np.random.default_rng(0))).max()


@pytest.mark.parametrize("problem", ["gaussian", "custom", "data"])
def test_same_law_from_a_start(problem):
    start = (np.array([3.0, 0.0, -1.0]), np.array([0.0, 2.0, 1.0]))
    sgd = linsgd.SGD(**OPTIMIZERS["heavy ball"])
    assert distance(PROBLEMS[problem], sgd, steps=3, start=start) < 6.5


@pytest.mark.cases(1)
@pytest.mark.parametrize("problem", ["gaussian", "student", "data"])
def test_same_law_in_float32(problem):
    assert (
        distance(PROBLEMS[problem], linsgd.SGD(**OPTIMIZERS["heavy ball"]), dtype="float32") < 6.5
    )


@pytest.mark.parametrize("problem", PROBLEMS)
def test_twin_a_wrong_optimizer_is_seen(problem):
    right = OPTIMIZERS["heavy ball"]
    wrong = linsgd.SGD(**{**right, "dampening": 0.2})
    assert distance(PROBLEMS[problem], linsgd.SGD(**right), mutant=wrong) > 6.5


def test_twin_replacement_is_seen():
    right = linsgd.SGD(lr=0.1, batch_size=8, replacement=False)
    assert distance(DATA, right, mutant=linsgd.SGD(lr=0.1, batch_size=8)) > 6.5
