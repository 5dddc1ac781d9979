"""Statistics: the exact reductions have the law of the algorithm itself; and what they refuse.

Two-sample Kolmogorov-Smirnov tests of single coordinates, norms and products, each rejected below p
= 1e-9: with the fewer than 200 tests here a false alarm has probability below 2e-7."""

import numpy as np
import pytest
from scipy import stats

import linsgd
from linsgd.montecarlo.snapshots import snapshots

CHAINS = range(64 * 600)
STEPS = [1, 12]
OPTIMIZERS = [
    linsgd.SGD(lr=0.3),
    linsgd.SGD(lr=0.3, batch_size=3, momentum=0.6, dampening=0.3),
    linsgd.SGD(lr=0.3, batch_size=4, momentum=0.6, nesterov=True, weight_decay=0.2),
    linsgd.SGD(lr=0.3, batch_size=39, momentum=0.5),
]


def radial(states):
    """(|w|, v.w/|w|, |v - its part along w|) of phase-space states."""
    w, v = np.split(states, 2, axis=-1)
    r = np.linalg.norm(w, axis=-1)
    p = (w * v).sum(axis=-1) / r
    return np.stack([r, p, np.linalg.norm(v - w * (p / r)[..., None], axis=-1)], axis=-1)


def smallest_p(a, b):
    """Over the coordinates of two samples and the products of neighbours."""
    columns = zip(*(np.hstack([x, x * np.roll(x, 1, axis=1)]).T for x in (a, b)), strict=True)
    return min(stats.ks_2samp(x, y, method="asymp").pvalue for x, y in columns)


@pytest.mark.cases(3)
@pytest.mark.parametrize("sgd", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_reduced_has_the_law_of_full(sgd, dtype):
    problem = linsgd.LinearRegression.gaussian(
        [[1.0, 0.3], [0.3, 0.5]], optimum=[1.0, -1.0], noise_std=0.5
    )
    full = snapshots(problem, sgd, STEPS, CHAINS, seed=5)
    reduced = snapshots(problem, sgd, STEPS, CHAINS, seed=6, engine="reduced", dtype=dtype)
    assert min(map(smallest_p, full, reduced)) > 1e-9


@pytest.mark.cases(8)
@pytest.mark.parametrize("sgd", OPTIMIZERS)
@pytest.mark.parametrize("d", [2, 3, 7])
@pytest.mark.parametrize("noise_std", [0.0, 0.5])
def test_radial_has_the_law_of_full(sgd, d, noise_std):
    problem = linsgd.LinearRegression.gaussian(np.full(d, 0.7), noise_std=noise_std)
    start = (np.ones(d), np.arange(d) * 1.0)
    full = snapshots(problem, sgd, STEPS, CHAINS, seed=7, start=start)
    reduced = snapshots(problem, sgd, STEPS, CHAINS, seed=8, start=start, engine="radial")
    assert min(map(smallest_p, radial(full), reduced)) > 1e-9


def test_twin_a_reduction_without_the_noise_part_is_seen():
    """Weight 1 in place of 1 - s on the part along a: what the sum would be if residuals told
    nothing of features.
    """
    sgd, problem = (
        linsgd.SGD(lr=0.5, batch_size=2),
        linsgd.LinearRegression.gaussian([1.0], noise_std=0.3),
    )
    full = snapshots(problem, sgd, [4], CHAINS, seed=5, start=([1.0], [0.0]))[0]
    w, rng = np.ones(len(CHAINS)), np.random.default_rng(0)
    for _ in range(4):
        c, z, m = rng.chisquare(2, w.size), rng.standard_normal(w.size), w**2 + 0.09
        v = -(c * w + np.sqrt(c * m) * z) / 2
        w = w + sgd.lr * v
    assert smallest_p(full, np.stack([w, v], axis=1)) < 1e-9


def test_noise_free_chain_at_the_optimum_stays():
    problem = linsgd.LinearRegression.gaussian([1.0, 1.0], noise_std=0.0)
    for engine in ("full", "reduced", "radial"):
        assert not snapshots(problem, OPTIMIZERS[1], [5], range(64), engine=engine).any()


GAUSSIAN = linsgd.LinearRegression.gaussian([1.0, 1.0])


@pytest.mark.parametrize(
    ("engine", "problem", "sgd", "match"),
    [
        (
            "reduced",
            linsgd.LinearRegression.from_data([[1.0], [2.0]], [1.0, 2.0]),
            {},
            "FiniteData and no label noise",
        ),
        ("reduced", linsgd.LinearRegression.gaussian([1.0], noise="laplace"), {}, "LaplaceNoise"),
        (
            "reduced",
            linsgd.LinearRegression.from_features(linsgd.UniformFeatures([1.0])),
            {},
            "UniformFeatures",
        ),
        ("radial", linsgd.LinearRegression.gaussian([1.0, 0.5]), {}, "H = h I"),
        ("radial", linsgd.LinearRegression.gaussian([1.0]), {}, "d >= 2"),
        (
            "radial",
            linsgd.LinearRegression.gaussian([1.0, 1.0], optimum=[1.0, 0.0]),
            {"weight_decay": 0.1},
            "Markov",
        ),
    ],
)
def test_refusals_say_why(engine, problem, sgd, match):
    with pytest.raises(ValueError, match=match):
        snapshots(problem, linsgd.SGD(lr=0.1, **sgd), [1], range(64), engine=engine)


def test_radial_needs_float64():
    with pytest.raises(ValueError, match="float64"):
        snapshots(GAUSSIAN, linsgd.SGD(lr=0.1), [1], range(64), engine="radial", dtype="float32")
