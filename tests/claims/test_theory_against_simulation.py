"""Theory against simulation: every combination of features, label noise, optimizer and batches.

Each combination compares all means, variances and covariances of (w, v) at one step. The intervals
are Student's over blocks of chains, at a share that makes the chance of one false alarm in the
whole file 1e-6. The twins are wrong on purpose."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from linsgd import SGD, LinearRegression, StudentNoise, moments
from linsgd.judge.intervals import BLOCK
from linsgd.montecarlo.snapshots import snapshots
from linsgd.problems import features

FALSE_ALARM = 1e-6
CHAINS, STEPS = 64 * BLOCK, 9
COVARIANCE = np.array([[1.0, 0.3, 0.0], [0.3, 0.6, 0.1], [0.0, 0.1, 0.4]])
FEATURES = {
    "gaussian": features.GaussianFeatures(COVARIANCE),
    "rademacher": features.RademacherFeatures(COVARIANCE),
    "uniform": features.UniformFeatures(COVARIANCE),
    "student": features.StudentFeatures(COVARIANCE, dof=40),
}
NOISES = {
    "gaussian": "gaussian",
    "rademacher": "rademacher",
    "laplace": "laplace",
    "student": StudentNoise(dof=40),
}
OPTIMIZERS = {
    "plain": {},
    "momentum": {"momentum": 0.8},
    "dampening": {"momentum": 0.8, "dampening": 0.4},
    "nesterov": {"momentum": 0.8, "nesterov": True},
    "decay": {"momentum": 0.5, "weight_decay": 0.3},
}
LAWS = [*product(FEATURES, NOISES, OPTIMIZERS)]
DATA = [*product(OPTIMIZERS, (True, False))]
COMPONENTS = 6 + 21
SHARE = FALSE_ALARM / ((len(LAWS) + len(DATA)) * COMPONENTS)
OPTIMUM = [0.5, -1.0, 1.0]


def measured(problem, sgd, centre):
    """Confidence intervals of the means and of the products of (w, v) about a centre."""
    z = snapshots(problem, sgd, [STEPS], range(CHAINS), seed=20)[0] - centre
    i, j = np.triu_indices(z.shape[1])
    values = np.concatenate([z, z[:, i] * z[:, j]], axis=1).reshape(-1, BLOCK, COMPONENTS)
    means = values.mean(axis=1)
    radius = stats.t.isf(SHARE / 8, len(means) - 1) * stats.sem(means)  # a quarter of the share
    return means.mean(axis=0) - radius, means.mean(axis=0) + radius


def predicted(problem, sgd):
    law = moments(problem, sgd, [STEPS])
    w, v, c = law.position_covariance()[0], law.velocity_covariance()[0], law.cross_covariance()[0]
    covariance = np.block([[w, c], [c.T, v]])
    return np.concatenate([law.mean[0], law.velocity_mean[0]]), covariance[np.triu_indices(6)]


def agrees(problem, sgd, theory_sgd=None, factor=1.0):
    mean, covariance = predicted(problem, theory_sgd or sgd)
    lower, upper = measured(problem, sgd, mean)
    expected = np.concatenate([np.zeros(6), covariance * factor])
    return bool(np.all((lower <= expected) & (expected <= upper)))


def law_problem(law, noise):
    return LinearRegression.from_features(
        FEATURES[law], noise_std=0.7, optimum=OPTIMUM, noise=NOISES[noise]
    )


@pytest.fixture(scope="module")
def data_problem():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(12, 3)) @ np.linalg.cholesky(COVARIANCE).T
    return LinearRegression.from_data(X, X @ OPTIMUM + rng.laplace(size=12))


@pytest.mark.cases(20)
@pytest.mark.parametrize(("law", "noise", "optimizer"), LAWS)
def test_laws(law, noise, optimizer):
    assert agrees(law_problem(law, noise), SGD(lr=0.15, batch_size=2, **OPTIMIZERS[optimizer]))


@pytest.mark.cases(6)
@pytest.mark.parametrize(("optimizer", "replacement"), DATA)
def test_finite_data(data_problem, optimizer, replacement):
    assert agrees(
        data_problem, SGD(lr=0.15, batch_size=5, replacement=replacement, **OPTIMIZERS[optimizer])
    )


def test_a_wrong_factor_is_seen():
    problem, sgd = law_problem("gaussian", "laplace"), SGD(lr=0.15, batch_size=2, momentum=0.8)
    assert not agrees(problem, sgd, factor=2.0)
    assert not agrees(problem, sgd, factor=0.8)


@pytest.mark.parametrize(
    ("true", "wrong"),
    [
        ({"momentum": 0.8}, {"momentum": 0.8, "nesterov": True}),
        ({"momentum": 0.8, "dampening": 0.4}, {"momentum": 0.8}),
        ({"weight_decay": 0.3}, {}),
        ({"replacement": False}, {"replacement": True}),
    ],
)
def test_a_wrong_optimizer_is_seen(data_problem, true, wrong):
    assert not agrees(
        data_problem, SGD(lr=0.15, batch_size=5, **true), SGD(lr=0.15, batch_size=5, **wrong)
    )


def test_a_wrong_feature_law_is_seen():
    problem, other = law_problem("gaussian", "gaussian"), law_problem("rademacher", "gaussian")
    sgd = SGD(lr=0.15, batch_size=2)
    mean, covariance = predicted(other, sgd)
    lower, upper = measured(problem, sgd, mean)
    assert not np.all((lower[6:] <= covariance) & (covariance <= upper[6:]))
