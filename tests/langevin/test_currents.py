"""Modified loss, current and entropy production: stationarity, symmetry, and brute force in 2d
dimensions.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import linsgd

from .problems import correlated_noises, drift_and_noise, gaussian_problems, sgds

PROBLEM = linsgd.LinearRegression.gaussian([[2.0, 0.6], [0.6, 0.5]], optimum=[1.0, -2.0])
SGD = linsgd.SGD(lr=0.1, batch_size=4, momentum=0.8, weight_decay=0.05)
NOISE = [[1.0, 0.5], [0.5, 2.0]]


@pytest.mark.parametrize("noise", [None, NOISE, [1.0, 3.0]])
def test_modified_loss_is_the_stationary_law(noise):
    process = linsgd.langevin(PROBLEM, SGD, noise=noise)
    P = process.covariance([0], "stationary")[0]
    rng = np.random.default_rng(0)
    w, v = rng.normal(size=(2, 50, 2))
    zeta = np.concatenate([w - process.center, v], axis=1)
    quadratic = np.einsum("ni,ij,nj->n", zeta, np.linalg.inv(P), zeta)
    np.testing.assert_allclose(
        process.modified_loss(w, v), process.temperature * quadratic / 2, rtol=1e-10
    )


def test_modified_loss_is_isotropic_without_decay_and_steeper_in_flat_directions_with_it():
    sgd = linsgd.SGD(lr=0.1, batch_size=4, momentum=0.8)
    problem = linsgd.LinearRegression.gaussian([2.0, 0.01])
    at = np.eye(2), np.zeros((2, 2))
    isotropic = linsgd.langevin(problem, sgd).modified_loss(*at)
    np.testing.assert_allclose(isotropic, 1 / (0.1 * 1.8), rtol=1e-13)
    decayed = linsgd.langevin(
        problem, linsgd.SGD(lr=0.1, batch_size=4, momentum=0.8, weight_decay=0.1)
    )
    np.testing.assert_allclose(
        decayed.modified_loss(*at), (1 + 0.1 / problem.eigenvalues) / 0.18, rtol=1e-13
    )
    velocity = linsgd.langevin(problem, sgd).modified_loss(np.zeros((2, 2)), np.eye(2))
    np.testing.assert_allclose(velocity, 1 / (2 * problem.eigenvalues), rtol=1e-13)


def test_modified_loss_is_infinite_where_nothing_is_ever_found():
    process = linsgd.langevin(linsgd.LinearRegression.gaussian([1.0, 0.0]), SGD)
    assert process.modified_loss([0.0, 1.0], [0.0, 0.0]) == np.inf
    assert process.modified_loss([1.0, 0.0], [0.0, 0.0]) < np.inf


@pytest.mark.parametrize("noise", [None, NOISE])
def test_current_keeps_the_density_and_follows_the_contours(noise):
    """J = M zeta p is divergence free: tr M = 0 and zeta' P^-1 M zeta = 0 for all zeta."""
    process = linsgd.langevin(PROBLEM, SGD, noise=noise)
    P = process.covariance([0], "stationary")[0]
    points = np.eye(4)
    M = process.current(points[:, :2] + process.center, points[:, 2:]).T
    assert abs(np.trace(M)) < 1e-14
    turning = np.linalg.solve(P, M)
    np.testing.assert_allclose(turning, -turning.T, atol=1e-12 * np.abs(turning).max())


def test_current_turns_clockwise_at_the_speed_of_the_undamped_oscillator_also_when_overdamped():
    problem = linsgd.LinearRegression.gaussian([2.0, 1e-4])
    process = linsgd.langevin(problem, linsgd.SGD(lr=0.1, momentum=0.8))
    assert process.regime.tolist() == ["underdamped", "overdamped"]
    for mode, axis in enumerate(np.eye(2)):
        from_right = process.current(axis, 0 * axis).reshape(2, 2)[:, mode]
        from_top = process.current(0 * axis, axis).reshape(2, 2)[:, mode]
        assert from_right[0] == 0 > from_right[1]
        assert from_top[1] == 0 < from_top[0]
        np.testing.assert_allclose(
            np.sqrt(-from_right[1] * from_top[0]), process.rotation[mode], rtol=1e-14
        )


@given(gaussian_problems(), sgds(), st.data())
def test_both_temperatures_are_equal_for_any_noise(problem, sgd, data):
    noise = data.draw(st.none() | correlated_noises(problem.dimension))
    process = linsgd.langevin(problem, sgd, noise=noise)
    np.testing.assert_allclose(
        process.potential_temperature, process.kinetic_temperature, rtol=1e-12
    )


@given(gaussian_problems(), sgds(), st.data())
def test_entropy_production_is_the_dissipation_of_the_irreversible_current(problem, sgd, data):
    noise = data.draw(correlated_noises(problem.dimension))
    process, d = linsgd.langevin(problem, sgd, noise=noise), problem.dimension
    A, Q = drift_and_noise(process)
    P, D, G = process.covariance([0], "stationary")[0], Q[d:, d:] / 2, A[d, d]
    irreversible = D @ np.linalg.inv(P)[d:] - G * np.eye(2 * d)[d:]
    brute = np.trace(np.linalg.solve(D, irreversible @ P @ irreversible.T))
    found = process.entropy_production()
    assert found.value >= 0
    assert abs(found.value - brute) <= 1e-7 * G * d * np.linalg.cond(D)


def test_entropy_production_vanishes_if_and_only_if_noise_and_hessian_commute():
    same = linsgd.LinearRegression.gaussian([1.0, 1.0, 0.2])
    commuting = [[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 3.0]]
    assert linsgd.langevin(same, SGD, noise=commuting).entropy_production().value == 0
    assert linsgd.langevin(same, SGD).entropy_production().value == 0
    mixed = [[1.0, 0.0, 0.9], [0.0, 1.0, 0.0], [0.9, 0.0, 1.0]]
    produced = linsgd.langevin(same, SGD, noise=mixed).entropy_production()
    assert produced.value > 1e-3 > produced.error
    assert linsgd.diffusion(same, SGD, noise=mixed).entropy_production().value > 0
    assert linsgd.diffusion(same, SGD, noise=commuting).entropy_production().value == 0


def test_entropy_production_says_where_the_noise_or_the_hessian_is_singular():
    problem = linsgd.LinearRegression.gaussian([1.0, 0.2])
    one_direction = linsgd.langevin(
        problem, SGD, noise=[[1.0, 1.0], [1.0, 1.0]]
    ).entropy_production()
    assert (one_direction.value, one_direction.status) == (np.inf, "singular_noise")
    flat = linsgd.langevin(
        linsgd.LinearRegression.gaussian([1.0, 0.0]), linsgd.SGD(lr=0.1)
    ).entropy_production()
    assert (flat.value, flat.status) == (0.0, "null_space")


def test_first_order_current_and_dissipation_are_those_of_the_lyapunov_solution():
    process = linsgd.diffusion(PROBLEM, SGD, noise=NOISE)
    B = process.covariance([0], "stationary")[0]
    pace = SGD.lr / (1 - SGD.momentum)
    A = pace * (PROBLEM.covariance() + 0.05 * np.eye(2))
    q = pace**2 * np.array(NOISE) / 4
    np.testing.assert_allclose(A @ B + B @ A, q, rtol=1e-13)
    M = process.current(np.eye(2) + process.center).T
    np.testing.assert_allclose(M, -A + q @ np.linalg.inv(B) / 2, rtol=1e-12, atol=1e-14)
    dissipated = np.trace(2 * np.linalg.solve(q, M @ B @ M.T))
    assert process.entropy_production().value == pytest.approx(dissipated, rel=1e-11, abs=0)
    np.testing.assert_allclose(
        process.modified_loss(np.eye(2) + process.center), np.diag(np.linalg.inv(B)) / 2, 1e-12
    )
