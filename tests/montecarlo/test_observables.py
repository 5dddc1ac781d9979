"""Oracles: what is recorded along the chains equals what NumPy computes from the whole paths of the
same chains.
"""

import numpy as np
import pytest

import linsgd
from linsgd.montecarlo import tiles
from linsgd.montecarlo.snapshots import snapshots

LAST = 60
CHAINS = 100
START = ([2.0, -1.0], [0.3, 0.0])
GAUSSIAN = linsgd.LinearRegression.gaussian([[1.0, 0.2], [0.2, 0.5]], optimum=[1.0, -0.5])
DATA = linsgd.LinearRegression.from_data(
    np.random.default_rng(0).normal(size=(9, 2)), np.arange(9.0)
)
SGD = linsgd.SGD(lr=0.1, momentum=0.5, weight_decay=0.1)
DIRECTION = np.array([1.0, -2.0, 0.5, 1.0])


@pytest.fixture(params=["gaussian", "data"])
def problem(request):
    return {"gaussian": GAUSSIAN, "data": DATA}[request.param]


@pytest.fixture(params=[2**17, 7 * 4 * 64], autouse=True)
def buffer(request, monkeypatch):
    """Read tiles at once, and seven steps at a time."""
    monkeypatch.setattr(tiles, "BUFFER", request.param)


def run(problem, record, steps=LAST, **options):
    return linsgd.simulate(
        problem, SGD, steps, chains=CHAINS, start=START, record=record, **options
    )


def paths(problem):
    """States (LAST + 1, CHAINS, 4)."""
    return snapshots(problem, SGD, np.arange(LAST + 1), range(CHAINS), start=START)


def coordinate(problem, states):
    return states @ DIRECTION - problem.solution(SGD.weight_decay) @ DIRECTION[:2]


def radius(problem, states):
    return np.linalg.norm(states[..., :2] - problem.optimum, axis=-1)


def test_state_moments(problem):
    steps = [0, 3, 50]
    ensemble = run(problem, linsgd.StateMoments(), steps)
    states = paths(problem)[steps]
    groups = states[:, :64], states[:, 64:]
    within = [np.stack([np.cov(s.T) for s in group]) for group in groups]
    assert np.allclose(ensemble.mean(), states.mean(axis=1), atol=1e-14)
    assert np.allclose(ensemble.covariance(), (63 * within[0] + 35 * within[1]) / 98, atol=1e-14)
    means = [group.mean(axis=1) for group in groups]
    error = np.sqrt(
        sum(len(g[0]) * (m - states.mean(axis=1)) ** 2 for g, m in zip(groups, means, strict=True))
        / 100
    )
    assert np.allclose(ensemble.standard_error(), error, atol=1e-14)


def test_a_single_number_of_steps_has_no_leading_axis(problem):
    assert run(problem, None, LAST).covariance().shape == (4, 4)


def test_autocovariance(problem):
    ensemble = run(problem, linsgd.Autocovariance(of=DIRECTION, lags=[0, 1, 7], after=20))
    x = coordinate(problem, paths(problem))[20:]
    expected = [np.mean(x[: len(x) - lag] * x[lag:]) for lag in (0, 1, 7)]
    assert np.allclose(ensemble.value("autocovariance"), expected, rtol=1e-12)


def test_displacement(problem):
    ensemble = run(problem, linsgd.SquaredDisplacement(lags=[1, 5, 20], origins=[0, 5, 40]))
    w = paths(problem)[..., :2]
    expected = [
        [np.mean(((w[s + k] - w[s]) ** 2).sum(axis=-1)) for k in (1, 5, 20)] for s in (0, 5, 40)
    ]
    assert np.allclose(ensemble.value("displacement"), expected, rtol=1e-12)


@pytest.mark.parametrize("of", ["radius", DIRECTION])
def test_exceedance(problem, of):
    what = linsgd.Exceedance(of=of, lowest=-3, highest=3, after=5, every=3)
    ensemble = run(problem, what)
    states = paths(problem)[6::3]
    x = np.abs(radius(problem, states) if isinstance(of, str) else coordinate(problem, states))
    expected = [np.mean(x >= threshold) for threshold in what.thresholds]
    assert np.allclose(ensemble.value("exceedance"), expected, rtol=1e-12)


def test_exceedance_counts_a_threshold_itself():
    start = ([1.125, 0.0], [0.0, 0.0])
    still = linsgd.LinearRegression.gaussian([1e-30, 0.0], noise_std=0.0)
    what = linsgd.Exceedance(lowest=-1, highest=1)
    exceeded = linsgd.simulate(
        still, linsgd.SGD(lr=0.1), 4, chains=3, start=start, record=what
    ).value("exceedance")
    assert np.array_equal(exceeded, what.thresholds <= 1.125)


@pytest.mark.parametrize("of", ["radius", DIRECTION])
def test_first_passage(problem, of):
    steps = [10, 30, LAST]
    ensemble = run(problem, linsgd.FirstPassage(level=2.5, of=of), steps)
    states = paths(problem)
    x = radius(problem, states) if isinstance(of, str) else coordinate(problem, states)
    first = np.where((x >= 2.5).any(axis=0), (x >= 2.5).argmax(axis=0), 10**9)
    assert np.allclose(ensemble.value("first_passage"), [np.mean(first <= step) for step in steps])
    assert np.allclose(ensemble.value("first_passage_time"), np.minimum(first, LAST).mean())


def test_block_logs(problem):
    ensemble = run(problem, linsgd.BlockLogs(of=DIRECTION, length=5, after=4))
    x = coordinate(problem, paths(problem))[4:59]
    sums = x.reshape(11, 5, -1).sum(axis=1)
    assert np.allclose(
        ensemble.value("block_logs"),
        [np.log(np.abs(x)).mean(), np.log(np.abs(sums)).mean()],
        rtol=1e-11,
    )


def test_several_at_once_change_nothing(problem):
    observables = [
        linsgd.StateMoments(),
        linsgd.Autocovariance(of=DIRECTION, lags=[3], after=20),
        linsgd.SquaredDisplacement(lags=[7], origins=[2]),
        linsgd.Exceedance(every=7),
    ]
    together = run(problem, observables)
    for observable in observables:
        for name, value in run(problem, observable).values.items():
            assert np.array_equal(value, together.value(name))


def test_radial_observables_of_the_radial_engine():
    problem, start = (
        linsgd.LinearRegression.gaussian([1.0, 1.0, 1.0]),
        ([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]),
    )
    what = linsgd.Exceedance(lowest=-3, highest=3)
    full, radial = (
        linsgd.simulate(
            problem, SGD, 30, chains=2**14, start=start, record=what, engine=engine, seed=i
        )
        for i, engine in enumerate(["full", "radial"])
    )
    error = np.hypot(full.standard_error("exceedance"), radial.standard_error("exceedance"))
    difference = np.abs(full.value("exceedance") - radial.value("exceedance"))
    assert (difference <= 8 * error).all()  # 48 thresholds of 255 degrees of freedom: below 1e-10
    assert (difference[error > 0] > 0).any()


@pytest.mark.parametrize(
    ("record", "options", "match"),
    [
        (linsgd.Autocovariance(of=DIRECTION, lags=[61]), {}, "steps"),
        (linsgd.SquaredDisplacement(lags=[30], origins=[31]), {}, "steps"),
        (linsgd.BlockLogs(of=DIRECTION, length=62), {}, "steps"),
        (linsgd.Exceedance(after=61), {}, "steps"),
        (linsgd.Exceedance(of=[1.0, 2.0]), {}, "of"),
        (linsgd.Exceedance(), {"dtype": "float32"}, "float64"),
        (linsgd.FirstPassage(level=1.0), {"dtype": "float32"}, "float64"),
        ((linsgd.Exceedance(), linsgd.Exceedance(every=2)), {}, "record"),
        ((), {}, "record"),
        ("moments", {}, "record"),
    ],
)
def test_what_cannot_be_recorded_is_refused(record, options, match):
    with pytest.raises(ValueError, match=match):
        run(GAUSSIAN, record, **options)


@pytest.mark.parametrize(
    "record", [linsgd.SquaredDisplacement(lags=[1]), linsgd.FirstPassage(level=1.0, of=DIRECTION)]
)
def test_the_radial_engine_knows_no_directions(record):
    with pytest.raises(ValueError, match="radial"):
        linsgd.simulate(
            linsgd.LinearRegression.gaussian([1.0, 1.0]), SGD, 9, record=record, engine="radial"
        )


@pytest.mark.parametrize(
    ("observable", "arguments"),
    [
        (linsgd.Autocovariance, {"of": DIRECTION, "lags": [2, 1]}),
        (linsgd.Autocovariance, {"of": "speed", "lags": [1]}),
        (linsgd.SquaredDisplacement, {"lags": []}),
        (linsgd.Exceedance, {"lowest": 3, "highest": 3}),
        (linsgd.Exceedance, {"every": 0}),
        (linsgd.FirstPassage, {"level": np.nan}),
        (linsgd.BlockLogs, {"of": DIRECTION, "length": 1}),
    ],
)
def test_bad_observables_are_refused(observable, arguments):
    with pytest.raises(ValueError, match="domain"):
        observable(**arguments)
