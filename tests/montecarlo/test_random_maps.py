"""Chains of random maps of a user's own: against SGD's moments, exact laws, and bad functions."""

import math

import numpy as np
import pytest

import linsgd
from linsgd.claims import MapChains

LR = 0.3


def descend(w, z):
    """Make a step of SGD on one Gaussian feature, batch 1, label noise 1."""
    return w - LR * z[0] * (z[0] * w - z[1])


def rotate(w, z):
    return np.array([0.6 * w[1] + z[0], -0.5 * w[0] + z[1] + z[2]])


def test_a_map_that_is_sgd_has_its_moments():
    """Mean and variance at two steps within 6 standard errors: a false alarm below 1e-8."""
    run = linsgd.simulate_map(
        linsgd.RandomMap.from_callable(descend, normals=2), [3, 40], chains=40_000, start=1.0
    )
    problem = linsgd.LinearRegression.gaussian([1.0])
    exact = linsgd.moments(problem, linsgd.SGD(LR), [3, 40], start=(np.ones(1), np.zeros(1)))
    for k in range(2):
        w = run.states[k, :, 0]
        square = (w - exact.mean[k, 0]) ** 2
        assert abs(w.mean() - exact.mean[k, 0]) < 6 * w.std() / math.sqrt(w.size)
        away = abs(square.mean() - exact.position_variance[k, 0])
        assert away < 6 * square.std() / math.sqrt(w.size)
    assert run.status == "ok"
    assert run.states.shape == (2, 40_000, 1)


@pytest.mark.nightly
def test_a_linear_map_in_two_dimensions_has_its_stationary_covariance():
    map = linsgd.RandomMap.from_callable(rotate, dimension=2, normals=3)
    states = linsgd.simulate_map(map, 60, chains=60_000, seed=3).states[0]
    A, C = np.array([[0, 0.6], [-0.5, 0]]), np.diag([1.0, 2.0])
    covariance = np.zeros((2, 2))
    for _ in range(200):
        covariance = A @ covariance @ A.T + C
    # the error of a variance of normal numbers is sqrt(2/n) of it
    assert np.cov(states.T) == pytest.approx(covariance, abs=6 * 2.5 * math.sqrt(2 / 60_000))


def test_the_bits_depend_on_the_seed_alone():
    map = linsgd.RandomMap.from_callable(descend, normals=2)
    first, again = (linsgd.simulate_map(map, 5, chains=640, seed=2).states for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(first[:, :128], linsgd.simulate_map(map, 5, chains=128, seed=2).states)
    assert not np.array_equal(first, linsgd.simulate_map(map, 5, chains=640, seed=3).states)
    chains = MapChains(map=map, steps=(5,))
    assert np.array_equal(chains.sample(range(256, 512), 2), first[:, 256:512])


def test_chains_that_diverge_are_counted_and_have_no_number():
    map = linsgd.RandomMap.from_callable(lambda w, z: w * w * w * 8 if w > 1 else w + z)
    run = linsgd.simulate_map(map, [1, 400], chains=256)
    assert run.status == "diverged"
    assert run.diverged[1] == np.isnan(run.states[1, :, 0]).sum() > 0


def test_fingerprints_tell_functions_steps_and_closures_apart():
    def scaled(factor):
        return linsgd.RandomMap.from_callable(lambda w, z: factor * w + z)

    made = [scaled(0.5), scaled(0.25), linsgd.RandomMap.from_callable(descend, normals=2)]
    prints = {MapChains(map=map, steps=(n,)).fingerprint() for map in made for n in (3, 4)}
    assert len(prints) == 6
    again = MapChains(map=scaled(0.5), steps=(3,)).fingerprint()
    assert again == MapChains(map=made[0], steps=(3,)).fingerprint()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((None,), "update = None"),
        ((lambda w, z: open("x"),), r"update = .*w and z, a number and a number, that Numba"),  # noqa: SIM115
        ((lambda w, z: w[0],), r"update = .* that Numba compiles"),
        ((lambda w, z: np.ones(3), 2, 2), r"update = .* of length 2"),
        ((lambda w, z: w, 0), "dimension = 0"),
        ((lambda w, z: w, 1, 0), "normals = 0"),
    ],
)
def test_functions_that_are_no_map_are_refused(arguments, named):
    with pytest.raises(ValueError, match=named):
        linsgd.RandomMap.from_callable(*arguments)


def test_bad_arguments_of_a_simulation_are_refused():
    map = linsgd.RandomMap.from_callable(descend, normals=2)
    for options, named in (
        ({"start": [1.0, 2.0]}, "start"),
        ({"chains": 0}, "chains = 0"),
        ({"seed": -1}, "seed = -1"),
    ):
        with pytest.raises(ValueError, match=named):
            linsgd.simulate_map(map, 3, **options)
    with pytest.raises(ValueError, match="map = "):
        linsgd.simulate_map(descend, 3)
    with pytest.raises(ValueError, match="steps"):
        linsgd.simulate_map(map, [3, 2])
