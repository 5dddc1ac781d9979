"""An ensemble gives its moments under the names and in the shapes of `linsgd.moments`.

Oracles: they equal what NumPy computes from the states of the same chains. Statistics: the exact
law lies in intervals that miss it by chance with the probability that each test states.
"""

import numpy as np
import pytest

import linsgd

MATRIX = np.array([[1.0, 0.3, 0.0], [0.3, 0.5, 0.1], [0.0, 0.1, 0.25]])
rng = np.random.default_rng(1)
PROBLEMS = {
    "spectrum": linsgd.LinearRegression.gaussian([0.2, 1.0, 0.0], optimum=[1.0, -2.0, 0.5]),
    "matrix": linsgd.LinearRegression.gaussian(MATRIX, optimum=[1.0, -2.0, 0.5], noise_std=0.5),
    "data": linsgd.LinearRegression.from_data(rng.normal(size=(13, 3)), rng.normal(size=13)),
}
SGD = linsgd.SGD(lr=0.1, batch_size=3, momentum=0.5, weight_decay=0.1)
START = ([2.0, 0.0, -1.0], [0.0, 1.0, 0.5])
MODES = ("position_variance", "velocity_variance", "position_velocity_covariance")
LOSSES = ("excess_loss", "excess_risk")
MATRICES = ("position_covariance", "velocity_covariance", "cross_covariance")
RECORD = (linsgd.StateMoments(), linsgd.States())


def run(problem, steps=(3, 9), **options):
    return linsgd.simulate(
        PROBLEMS[problem], SGD, steps, **{"chains": 128, "record": RECORD, **options}
    )


def named(result, name):
    found = getattr(result, name)
    return found() if callable(found) else found


@pytest.fixture(params=PROBLEMS)
def problem(request):
    return request.param


def test_states_are_those_of_the_chains(problem):
    ensemble = run(problem, chains=100)
    assert ensemble.states.shape == (2, 100, 6)
    assert not ensemble.states.flags.writeable
    both = [ensemble.states[:, :64], ensemble.states[:, 64:]]
    weights = np.array([64, 36]) / 100
    mean = sum(w * part.mean(axis=1) for w, part in zip(weights, both, strict=True))
    assert np.allclose(ensemble.mean(), mean, rtol=1e-13, atol=1e-14)
    more = run(problem, chains=300, record=linsgd.States()).states
    assert np.array_equal(more[:, :100], ensemble.states)


def test_they_are_what_the_states_say(problem):
    """Tiles of 64 and 36 chains: of each the unbiased variance, with its degrees of freedom."""
    ensemble, law = run(problem, chains=100), PROBLEMS[problem]
    w, v = np.split(ensemble.states, 2, axis=-1)
    if law.eigenvectors is not None:
        w, v = w @ law.eigenvectors, v @ law.eigenvectors
    tiles = [(w[:, part], v[:, part]) for part in (slice(64), slice(64, None))]
    expected = {
        "position_variance": [a.var(axis=1, ddof=1) for a, _ in tiles],
        "velocity_variance": [b.var(axis=1, ddof=1) for _, b in tiles],
        "position_velocity_covariance": [
            ((a - a.mean(axis=1, keepdims=True)) * b).sum(axis=1) / (a.shape[1] - 1)
            for a, b in tiles
        ],
    }
    for name, (first, second) in expected.items():
        mean = (63 * first + 35 * second) / 98
        error = np.sqrt((63 * (first - mean) ** 2 + 35 * (second - mean) ** 2) / 98)
        assert np.allclose(getattr(ensemble, name), mean, rtol=1e-11)
        assert np.allclose(ensemble.standard_error(name), error, rtol=1e-9)


def test_losses_are_those_of_the_states(problem):
    """In the problem's coordinates: L(w) - L(mu) with the gradient 0 at mu, and R(w) - R(w*)."""
    ensemble, law = run(problem), PROBLEMS[problem]
    w = ensemble.states[..., :3]
    H, mu = law.covariance(), law.solution(SGD.weight_decay)
    regularised = H + SGD.weight_decay * np.eye(3)
    loss = np.einsum("kni,ij,knj->kn", w - mu, regularised, w - mu) / 2
    risk = np.einsum("kni,ij,knj->kn", w - law.optimum, H, w - law.optimum) / 2
    assert np.allclose(ensemble.excess_loss, loss.mean(axis=1), rtol=1e-11)
    assert np.allclose(ensemble.excess_risk, risk.mean(axis=1), rtol=1e-11)


def test_matrices_are_parts_of_the_covariance(problem):
    ensemble = run(problem)
    C, error = ensemble.covariance(), ensemble.standard_error("covariance")
    assert np.array_equal(ensemble.position_covariance(), C[:, :3, :3])
    assert np.array_equal(ensemble.cross_covariance(), C[:, :3, 3:])
    assert np.array_equal(ensemble.velocity_covariance(), C[:, 3:, 3:])
    assert np.array_equal(ensemble.standard_error("cross_covariance"), error[:, :3, 3:])
    assert np.array_equal(ensemble.velocity_mean, ensemble.mean()[:, 3:])


@pytest.mark.parametrize("steps", [9, [3, 9]])
def test_names_and_shapes_are_those_of_the_theory(problem, steps):
    ensemble = run(problem, steps=steps)
    law = linsgd.moments(PROBLEMS[problem], SGD, steps)
    for name in (*MODES, *LOSSES, *MATRICES, "velocity_mean"):
        assert np.shape(named(ensemble, name)) == np.shape(named(law, name))
        assert np.shape(ensemble.standard_error(name)) == np.shape(named(law, name))
    assert isinstance(ensemble.excess_loss, float) == isinstance(law.excess_loss, float)


@pytest.mark.cases(9)
@pytest.mark.parametrize("name", [*MODES, *LOSSES, *MATRICES, "velocity_mean"])
def test_the_exact_law_is_in_the_intervals(problem, name):
    """16,384 chains, 255 degrees of freedom; fewer than 600 intervals of 1 - 1e-9 each. Those of
    another learning rate miss it.
    """
    options = {"steps": [6], "chains": 2**14, "record": None, "start": START}
    ensemble = run(problem, **options)
    exact = named(linsgd.moments(PROBLEMS[problem], SGD, [6], start=START), name)
    lower, upper = ensemble.interval(name, 1 - 1e-9)
    rounding = 1e-12 * np.abs(exact).max()  # what does not vary at all
    assert ((lower - rounding <= exact) & (exact <= upper + rounding)).all()
    faster = linsgd.SGD(lr=0.2, batch_size=3, momentum=0.5, weight_decay=0.1)
    other = named(linsgd.moments(PROBLEMS[problem], faster, [6], start=START), name)
    assert ((other < lower) | (other > upper)).any()


@pytest.mark.nightly
def test_intervals_have_the_confidence_they_state():
    """Of 400 intervals of 90 % between 327 and 387 hold the exact loss: 5.5 binomial deviations
    below and 4.5 above, each missed with a probability below 1e-6.
    """
    exact = linsgd.moments(PROBLEMS["spectrum"], SGD, 4).excess_loss
    ends = [
        run("spectrum", steps=4, chains=512, record=None, seed=seed).interval("excess_loss", 0.9)
        for seed in range(400)
    ]
    assert 327 <= sum(lower <= exact <= upper for lower, upper in ends) <= 387
    assert sum(lower <= 1.05 * exact <= upper for lower, upper in ends) < 327


def test_one_tile_gives_no_interval():
    lower, upper = run("spectrum", chains=65).interval("mean")
    assert (lower[:, :2] == -np.inf).all()
    assert (upper[:, :2] == np.inf).all()


@pytest.mark.cases(1)
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_the_radial_engine_gives_the_losses(decay):
    """Against the exact law, by intervals of 1 - 1e-9; twice the loss misses."""
    problem, sgd = linsgd.LinearRegression.gaussian([0.7, 0.7]), linsgd.SGD(0.3, weight_decay=decay)
    options = {"steps": 20, "chains": 2**13, "engine": "radial"}
    ensemble = linsgd.simulate(problem, sgd, start=([1.0, 0.0], [0.0, 0.0]), **options)
    law = linsgd.moments(problem, sgd, 20, start=([1.0, 0.0], [0.0, 0.0]))
    for name in LOSSES:
        lower, upper = ensemble.interval(name, 1 - 1e-9)
        assert lower < getattr(law, name) < upper
        assert not lower < 2 * getattr(law, name) < upper
    for name in (*MODES, *MATRICES, "velocity_mean"):
        with pytest.raises(ValueError, match=f"^name = '{name}'"):
            named(ensemble, name)


def test_what_was_not_recorded_is_refused_by_name():
    ensemble = run("spectrum", record=linsgd.Exceedance())
    with pytest.raises(ValueError, match=r"^name = 'excess_loss' .* one of 'exceedance'$"):
        _ = ensemble.excess_loss
    assert ensemble.states is None


@pytest.mark.parametrize("confidence", [0.0, 1.0, np.nan, "high"])
def test_a_confidence_is_a_probability(confidence):
    with pytest.raises(ValueError, match=r"^confidence"):
        run("spectrum").interval("mean", confidence)


def test_states_make_a_round_trip_and_are_printed_short():
    ensemble = run("spectrum", chains=3)
    again = linsgd.Ensemble.from_dict(ensemble.to_dict())
    assert np.array_equal(again.states, ensemble.states)
    assert "states" in repr(ensemble)
    assert len(repr(ensemble)) < 2500
