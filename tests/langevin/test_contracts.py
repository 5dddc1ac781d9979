"""Results round-trip and are read-only; bad input is refused by name."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import linsgd
from linsgd.theory.langevin.moments import moments, stationary

PROBLEM = linsgd.LinearRegression.gaussian([[1.0, 0.3], [0.3, 0.2]], optimum=[1.0, -1.0])
SGD = linsgd.SGD(lr=0.1, batch_size=4, momentum=0.9, weight_decay=0.01)
NESTEROV = linsgd.SGD(lr=0.1, momentum=0.9, nesterov=True)
EPOCHS = linsgd.SGD(lr=0.1, sampling="epoch")
ROWS = linsgd.LinearRegression.from_data(np.vander(np.linspace(0, 1, 12), 3), np.arange(12.0) % 5)

RESULTS = {
    "langevin": lambda: linsgd.langevin(PROBLEM, SGD),
    "measured noise": lambda: linsgd.langevin(PROBLEM, SGD, noise=[[2.0, 1.0], [1.0, 3.0]]),
    "diffusion": lambda: linsgd.diffusion(PROBLEM, SGD),
    "entropy production": lambda: linsgd.langevin(PROBLEM, SGD).entropy_production(),
    "oscillation": lambda: linsgd.oscillation(PROBLEM, SGD),
    "autocorrelation": lambda: linsgd.autocorrelation(PROBLEM, SGD, [0, 3]),
    "displacement": lambda: linsgd.displacement(PROBLEM, SGD, [1, 3]),
    "pearson": lambda: linsgd.pearson(linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.1)),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_round_trip_through_json_and_pickle(name):
    result = RESULTS[name]()
    again = type(result).from_dict(result.to_dict())
    assert again.to_dict() == result.to_dict() == pickle.loads(pickle.dumps(result)).to_dict()
    assert repr(again) == repr(result)


def test_arrays_of_a_result_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        linsgd.langevin(PROBLEM, SGD).curvature[0] = 1.0


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: linsgd.langevin(PROBLEM, NESTEROV), "nesterov"),
        (lambda: linsgd.oscillation(PROBLEM, NESTEROV), "nesterov"),
        (lambda: linsgd.autocorrelation(PROBLEM, NESTEROV, [1]), "nesterov"),
        (lambda: linsgd.autocorrelation(PROBLEM, EPOCHS, [1]), "sgd.sampling"),
        (lambda: linsgd.autocorrelation(PROBLEM, linsgd.SGD(lr=5.0), [1]), "lr"),
        (lambda: linsgd.langevin(PROBLEM, SGD, noise="frozen"), "noise"),
        (lambda: linsgd.langevin(PROBLEM, SGD, noise=[1.0, 2.0, 3.0]), "noise"),
        (lambda: linsgd.langevin(PROBLEM, SGD, noise=[[1.0, 2.0], [2.0, 1.0]]), "noise"),
        (lambda: linsgd.langevin(PROBLEM, SGD, noise=[[1.0, 0.5], [0.0, 1.0]]), "noise"),
        (lambda: linsgd.langevin(PROBLEM, SGD, noise=[np.nan, 1.0]), "noise"),
        (lambda: linsgd.langevin(PROBLEM, SGD).mean([1.5]), "steps"),
        (lambda: linsgd.langevin(PROBLEM, SGD).mean([1], "there"), "start"),
        (lambda: linsgd.langevin(PROBLEM, SGD).mean([1], (np.zeros(3), np.zeros(2))), "start"),
        (lambda: linsgd.langevin(PROBLEM, SGD).mean([1], moments(PROBLEM, SGD, [1, 2])), "start"),
        (lambda: linsgd.langevin(PROBLEM, SGD).mean([1], matched=1), "matched"),
        (lambda: linsgd.langevin(PROBLEM, SGD).modified_loss(np.zeros(3), np.zeros(2)), "w"),
        (lambda: linsgd.langevin(PROBLEM, SGD).current(np.zeros(2), 0.0), "v"),
        (lambda: linsgd.pearson(PROBLEM, SGD), "problem"),
        (
            lambda: linsgd.pearson(
                linsgd.LinearRegression.gaussian([1.0], noise_std=0.0), linsgd.SGD(lr=0.1)
            ),
            "problem",
        ),
        (lambda: linsgd.equivalent(NESTEROV, 8), "sgd"),
    ],
)
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=rf"^{name}"):
        call()


def test_a_misspelt_keyword_is_a_type_error():
    with pytest.raises(TypeError):
        linsgd.langevin(PROBLEM, SGD, nose=[1.0, 1.0])


scalars = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-3, 3)


@given(
    st.lists(scalars, max_size=3)
    | st.lists(st.lists(scalars, max_size=3), max_size=3)
    | st.text()
    | scalars
)
def test_any_noise_is_used_or_refused_in_words(noise):
    try:
        process = linsgd.langevin(PROBLEM, SGD, noise=noise)
    except ValueError as error:
        assert "outside its domain" in str(error)  # noqa: PT017 # whether it is refused depends on the draw
    else:
        assert np.isfinite(process.modes.stationary_variance()).all()


def test_reshuffled_epochs_are_taken_as_independent_batches_without_replacement():
    epochs = linsgd.SGD(lr=0.1, batch_size=3, momentum=0.5, sampling="epoch")
    independent = linsgd.SGD(lr=0.1, batch_size=3, momentum=0.5, replacement=False)
    np.testing.assert_array_equal(
        stationary(ROWS, epochs).position_variance, stationary(ROWS, independent).position_variance
    )
    replaced = linsgd.SGD(lr=0.1, batch_size=3, momentum=0.5)
    ratio = (
        stationary(ROWS, independent).position_variance
        / stationary(ROWS, replaced).position_variance
    )
    np.testing.assert_allclose(ratio, (12 - 3) / (12 - 1))


def test_data_drive_the_equation_with_their_own_noise_at_the_ridge_solution():
    sgd = linsgd.SGD(lr=0.1, batch_size=3, momentum=0.5, weight_decay=0.1)
    w = ROWS.solution(0.1)
    gradients = ROWS.features.X * (ROWS.features.X @ w - ROWS.features.y)[:, None]
    measured = np.cov(gradients.T, bias=True)
    mine, given_ = linsgd.langevin(ROWS, sgd), linsgd.langevin(ROWS, sgd, noise=measured)
    np.testing.assert_allclose(mine.noise, given_.noise, rtol=1e-10, atol=1e-13)
