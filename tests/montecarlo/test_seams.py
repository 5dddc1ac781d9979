"""Seams: laws and optimizers written outside linsgd are simulated by their own code, or refused.

Means and variances agree with plain NumPy within 6.5 joint standard errors; each of the fewer than
100 comparisons fails by chance with probability 8e-11 in the normal limit."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

import linsgd
from linsgd.montecarlo.snapshots import snapshots
from linsgd.montecarlo.updates.table import UPDATES
from linsgd.montecarlo.updates.update import Update
from linsgd.montecarlo.walks.custom import CustomWalks
from linsgd.montecarlo.walks.engine import walks
from linsgd.montecarlo.walks.linear import LinearWalks
from linsgd.problems.draws import Draws
from linsgd.problems.features import PrincipalAxesLaw
from linsgd.problems.labels import LabelNoise
from linsgd.variates import LANES, bits, log, unit

CHAINS = 8192
SPECTRUM = [1.0, 0.4]
MATRIX = [[1.0, 0.4], [0.4, 0.5]]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LaplaceFeatures(PrincipalAxesLaw):
    """Known by its sampler; the name is that of a label noise, which must not matter."""

    name = "laplace"

    @property
    def excess(self):
        return 3.0

    def white(self, shape, rng):
        return rng.laplace(scale=math.sqrt(0.5), size=shape)


class _Scale(NamedTuple):
    scale: float


class LaplaceDraws(_Scale, Draws):
    @staticmethod
    def fill(draws, S, Z, rows):
        for i in range(rows):
            for j in range(LANES):
                word = bits(S, j)
                size = -draws.scale * log(unit(word))
                Z[i, j] = size if word & np.uint64(1) else -size


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CompiledLaplaceFeatures(LaplaceFeatures):
    """The same with kernel code."""

    def draws(self):
        return LaplaceDraws(math.sqrt(0.5))


@dataclass(frozen=True, slots=True)
class TriangularNoise(LabelNoise):
    """The difference of two uniform variables, standardised."""

    name = "triangular"

    @property
    def kurtosis(self):
        return 2.4

    def sample(self, n, rng):
        return math.sqrt(6) * (rng.random(n) - rng.random(n))


@dataclass(frozen=True)
class SignDescent:
    """Sign descent on a momentum average of its own: w' = w - lr sign(m'), m' = decay m + g."""

    lr: float
    decay: float = 0.5
    batch_size: int = 2
    weight_decay: float = 0.0
    replacement: bool = True
    sampling: str = "independent"

    def check(self, problem):
        """Agree: batches are independent."""


class _SignNumbers(NamedTuple):
    lr: float
    decay: float


class SignUpdate(_SignNumbers, Update):
    slots = 1
    elementwise = True

    @classmethod
    def of(cls, optimizer, fresh, dtype):
        return cls(dtype(optimizer.lr), dtype(optimizer.decay))

    @staticmethod
    def step(update, k, W, V, M, G):
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                M[0, i, j] = update.decay * M[0, i, j] + G[i, j]
                V[i, j] = -np.sign(M[0, i, j])
                W[i, j] += update.lr * V[i, j]


@dataclass(frozen=True)
class Normalized(SignDescent):
    """w' = w - lr g / |g|: it commutes with rotations and mixes the entries of a chain."""


class _LR(NamedTuple):
    lr: float


class NormalizedUpdate(_LR, Update):
    rotates = True

    @classmethod
    def of(cls, optimizer, fresh, dtype):
        return cls(dtype(optimizer.lr))

    @staticmethod
    def step(update, k, W, V, M, G):
        d, chains = W.shape
        for j in range(chains):
            square = 0.0
            for i in range(d):
                square += G[i, j] ** 2
            for i in range(d):
                V[i, j] = -G[i, j] / math.sqrt(square)
                W[i, j] += update.lr * V[i, j]


@pytest.fixture(autouse=True)
def entered(monkeypatch):
    monkeypatch.setitem(UPDATES, SignDescent, SignUpdate)
    monkeypatch.setitem(UPDATES, Normalized, NormalizedUpdate)


def plain(problem, optimizer, steps, rng):
    """Positions (CHAINS, d) of sign or normalized descent, in NumPy."""
    b, law = optimizer.batch_size, problem.features
    w = np.zeros((CHAINS, problem.dimension))
    m = np.zeros_like(w)
    for _ in range(steps):
        if isinstance(law, linsgd.FiniteData):
            rows = rng.integers(len(law.y), size=(CHAINS, b))
            X, y = law.X[rows], law.y[rows]
        else:
            X = law.sample(CHAINS * b, rng).reshape(CHAINS, b, -1)
            e = problem.noise.sample(CHAINS * b, rng).reshape(CHAINS, b)
            y = X @ problem.optimum + problem.noise_std * e
        g = np.einsum("cbd,cb->cd", X, np.einsum("cbd,cd->cb", X, w) - y) / b
        if type(optimizer) is Normalized:
            w = w - optimizer.lr * g / np.linalg.norm(g, axis=1, keepdims=True)
        else:
            m = optimizer.decay * m + g
            w = w - optimizer.lr * np.sign(m)
    return w


def distance(a, b):
    """The largest z-value of the means and of the second moments of two samples (n, m)."""
    a, b = (np.concatenate([x, x**2, x[:, :1] * x[:, 1:]], axis=1) for x in (a, b))
    error = np.hypot(a.std(axis=0), b.std(axis=0)) / math.sqrt(len(a))
    return np.abs((a.mean(axis=0) - b.mean(axis=0)) / error).max()


rng = np.random.default_rng(3)
PROBLEMS = {
    "spectrum": linsgd.LinearRegression.gaussian(SPECTRUM, optimum=[1.0, -0.5]),
    "matrix": linsgd.LinearRegression.gaussian(MATRIX, optimum=[1.0, -0.5]),
    "data": linsgd.LinearRegression.from_data(rng.normal(size=(9, 2)), rng.normal(size=9)),
}


@pytest.mark.cases(2)
@pytest.mark.parametrize("kind", [SignDescent, Normalized])
@pytest.mark.parametrize("name", PROBLEMS)
def test_an_optimizer_from_outside_steps_by_its_own_rule(name, kind):
    problem, optimizer = PROBLEMS[name], kind(lr=0.1)
    ours = snapshots(problem, optimizer, [12], range(CHAINS))[0, :, :2]
    theirs = plain(problem, optimizer, 12, np.random.default_rng(1))
    assert distance(ours, theirs) < 6.5
    other = plain(problem, kind(lr=0.2), 12, np.random.default_rng(1))
    assert distance(ours, other) > 6.5


def test_coordinates_are_those_in_which_the_step_is_exact():
    chosen = lambda problem, kind: type(walks(problem, kind(lr=0.1), 0, None, "full", "float64"))  # noqa: E731
    assert chosen(PROBLEMS["spectrum"], SignDescent) is LinearWalks
    assert chosen(PROBLEMS["matrix"], SignDescent) is CustomWalks
    assert chosen(PROBLEMS["matrix"], Normalized) is LinearWalks


@pytest.mark.parametrize(
    ("problem", "kind", "options", "match"),
    [
        ("matrix", SignDescent, {"engine": "reduced"}, "SignUpdate and a matrix H"),
        ("spectrum", SignDescent, {"engine": "radial"}, "SignUpdate"),
        ("spectrum", SignDescent, {"start": ([0.0, 0.0], [0.0, 0.0])}, "^start"),
    ],
)
def test_a_pair_that_is_not_exact_is_refused(problem, kind, options, match):
    with pytest.raises(ValueError, match=match):
        snapshots(PROBLEMS[problem], kind(lr=0.1), [2], range(64), **options)


def test_an_optimizer_that_is_not_entered_is_refused(monkeypatch):
    monkeypatch.delitem(UPDATES, SignDescent)
    with pytest.raises(ValueError, match=r"^sgd = SignDescent"):
        linsgd.simulate(PROBLEMS["spectrum"], SignDescent(lr=0.1), 3)


def test_theory_refuses_an_optimizer_that_only_the_simulation_covers():
    with pytest.raises(ValueError, match=r"^sgd = SignDescent"):
        linsgd.moments(PROBLEMS["spectrum"], SignDescent(lr=0.1), [3])


@pytest.mark.cases(2)
@pytest.mark.parametrize("law", [LaplaceFeatures, CompiledLaplaceFeatures])
@pytest.mark.parametrize("covariance", [SPECTRUM, MATRIX], ids=["spectrum", "matrix"])
def test_a_law_from_outside_is_simulated_by_its_own_code(law, covariance):
    """Against the exact law, of which that of Gaussian features differs."""
    problem = linsgd.LinearRegression.from_features(law(covariance), optimum=[1.0, -0.5])
    sgd = linsgd.SGD(lr=0.12)
    exact = linsgd.moments(problem, sgd, [20])
    gaussian = linsgd.moments(
        linsgd.LinearRegression.gaussian(covariance, optimum=[1.0, -0.5]), sgd, [20]
    )
    ensemble = linsgd.simulate(problem, sgd, 20, chains=2**15)
    simulated = np.trace(ensemble.covariance()[:2, :2])
    error = np.diag(ensemble.standard_error("covariance")[:2, :2]).sum()
    assert abs(simulated - exact.position_variance.sum()) < 6.5 * error
    assert abs(simulated - gaussian.position_variance.sum()) > 6.5 * error


def test_a_label_noise_from_outside_is_simulated_by_its_sampler():
    problem = linsgd.LinearRegression.gaussian(SPECTRUM, noise=TriangularNoise())
    optimizer = SignDescent(lr=0.1, decay=0.0)
    ours = snapshots(problem, optimizer, [8], range(CHAINS))[0, :, :2]
    assert distance(ours, plain(problem, optimizer, 8, np.random.default_rng(1))) < 6.5
    assert np.isfinite(linsgd.moments(problem, linsgd.SGD(lr=0.1), [8]).position_variance).all()


class NotGaussian(linsgd.GaussianFeatures):
    def white(self, shape, rng):
        return rng.uniform(size=shape)


class NotLaplace(linsgd.LaplaceNoise):
    def sample(self, n, rng):
        return rng.uniform(size=n)


class Own:
    dimension = 2

    def second_moment(self):
        return np.eye(2)

    def fourth_moment(self, M):
        return 2 * M + np.trace(M) * np.eye(2)

    def sample(self, n, rng):
        return rng.normal(size=(n, 2))


class Larger(Own):
    def second_moment(self):
        return np.eye(3)


class WithProperty(Own):
    second_moment = property(lambda self: np.eye(2))


class WithoutDimension(Own):
    dimension = None


@pytest.mark.parametrize(
    ("law", "match"),
    [
        (NotGaussian([1.0]), "^law = .* of type tests.NotGaussian is outside"),
        (PrincipalAxesLaw([1.0]), "^law = .*a method white of its own"),
        (Larger(), r"^law.second_moment\(\) = 'array of shape \(3, 3\)'"),
        (WithProperty(), "^law.second_moment = .*: a method"),
        (WithoutDimension(), "^law.dimension = None"),
        (Own, "^law = .*not its class"),
    ],
)
def test_a_law_that_cannot_be_right_is_refused(law, match):
    with pytest.raises(ValueError, match=match):
        linsgd.LinearRegression.from_features(law)


def test_a_subclass_of_a_label_noise_that_ships_is_refused():
    with pytest.raises(ValueError, match=r"^noise = .* of type .*NotLaplace is outside"):
        linsgd.LinearRegression.gaussian([1.0], noise=NotLaplace())


def test_stability_of_a_law_from_outside_has_bounds():
    problem = linsgd.LinearRegression.from_features(LaplaceFeatures(SPECTRUM))
    threshold = linsgd.stability(problem, linsgd.SGD(lr=0.1)).lr_almost_sure
    assert 0 <= threshold.lower <= threshold.upper
