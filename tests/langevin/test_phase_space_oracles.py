"""Means, covariances and laws of the Langevin equation against matrix exponentials and Lyapunov
solvers.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm, solve_continuous_lyapunov

import linsgd
from linsgd.theory.langevin.moments import moments, stationary
from linsgd.theory.result import MomentsStatus

from .problems import correlated_noises, drift_and_noise, gaussian_problems, sgds


def van_loan(A, Q, t):
    """The propagator and the noise covariance at t, by one matrix exponential of twice the size."""
    n = len(A)
    halvings = max(0, int(np.ceil(np.log2(max(np.abs(A).max() * t, 1.0)))))
    short = t / 2**halvings
    both = expm(short * np.block([[A, Q], [np.zeros((n, n)), -A.T]]))
    E = expm(-short * A)
    C = E @ both[:n, n:]
    for _ in range(halvings):
        C, E = C + E @ C @ E.T, E @ E
    return E, C


@st.composite
def cases(draw):
    problem = draw(gaussian_problems())
    sgd = draw(sgds())
    noise = draw(st.none() | correlated_noises(problem.dimension))
    return problem, sgd, noise


@given(cases(), st.integers(0, 3000))
def test_moments_in_time_are_those_of_the_matrix_exponential(case, steps):
    problem, sgd, noise = case
    process = linsgd.langevin(problem, sgd, noise=noise)
    w, v = np.linspace(-1, 1, problem.dimension), np.linspace(2, 1, problem.dimension)
    E, C = van_loan(*drift_and_noise(process), steps)
    start = np.concatenate([w - process.center, v])
    mean = np.concatenate([process.center, 0 * v]) + E @ start
    phase = 1 + steps * process.rotation.max()
    size = np.abs(start).max() * max(1.0, np.abs(E).max())
    np.testing.assert_allclose(
        process.mean([steps], (w, v))[0], mean, rtol=0, atol=1e-13 * phase * size
    )
    scale = np.sqrt(np.maximum(np.diagonal(C), 1e-300))
    covariance = process.covariance([steps], (w, v))[0]
    assert np.all(np.abs(covariance - C) <= 1e-11 * phase * np.multiply.outer(scale, scale))


@given(cases())
def test_stationary_law_solves_the_lyapunov_equation(case):
    problem, sgd, noise = case
    process = linsgd.langevin(problem, sgd, noise=noise)
    A, Q = drift_and_noise(process)
    P = process.covariance([0], "stationary")[0]
    scale = np.sqrt(np.diagonal(P))
    residual = A @ P + P @ A.T - Q
    tolerance = 1e-13 * (
        np.abs(A) @ np.multiply.outer(scale, scale) + np.multiply.outer(scale, scale) @ np.abs(A).T
    )
    assert np.all(np.abs(residual) <= tolerance)


def test_stationary_law_of_correlated_noise_is_the_lyapunov_solution():
    noise = np.array([[2.0, 0.7, 0.1], [0.7, 1.0, -0.3], [0.1, -0.3, 0.5]])
    process = linsgd.langevin(
        linsgd.LinearRegression.gaussian([1.0, 0.3, 0.02]),
        linsgd.SGD(lr=0.3, batch_size=2, momentum=0.7),
        noise=noise,
    )
    A, Q = drift_and_noise(process)
    np.testing.assert_allclose(
        process.covariance([5], "stationary")[0], solve_continuous_lyapunov(A, Q), 1e-12, 1e-14
    )


@given(cases(), st.integers(0, 500), st.integers(0, 500))
def test_two_intervals_compose(case, first, second):
    problem, sgd, noise = case
    halfway = moments(
        problem,
        sgd,
        [first],
        (np.ones(problem.dimension), -np.ones(problem.dimension)),
        noise=noise,
    )
    there = moments(problem, sgd, [second], halfway.at(0), noise=noise)
    at_once = moments(
        problem,
        sgd,
        [first + second],
        (np.ones(problem.dimension), -np.ones(problem.dimension)),
        noise,
    )
    scale = np.sqrt(
        np.maximum(stationary(problem, sgd, noise).position_variance, at_once.position_variance[0])
    )
    np.testing.assert_allclose(
        there.position_covariance()[0],
        at_once.position_covariance()[0],
        rtol=0,
        atol=1e-9 * scale.max() ** 2,
    )
    np.testing.assert_allclose(
        there.mean, at_once.mean, rtol=0, atol=1e-9 * (4 + np.abs(problem.optimum).max())
    )


@given(gaussian_problems(), sgds())
def test_the_stationary_law_stays(problem, sgd):
    law = stationary(problem, sgd)
    later = moments(problem, sgd, [1, 7, 10**8], law)
    for name in ("position_variance", "velocity_variance"):
        np.testing.assert_allclose(
            getattr(later, name), np.tile(getattr(law, name), (3, 1)), rtol=1e-13
        )


def test_a_hundred_million_steps_do_not_overflow():
    problem = linsgd.LinearRegression.gaussian([1.0, 1e-3, 1e-12], optimum=[1.0, 1.0, 1.0])
    far = moments(problem, linsgd.SGD(lr=0.1, momentum=0.9), [10**8, 2**62])
    np.testing.assert_allclose(far.position_variance[1], 0.5, rtol=1e-12)
    np.testing.assert_allclose(
        far.mean[0], [1.0, 1.0, -np.expm1(-1e-12 * (1e8 - 9.5))], rtol=1e-9
    )  # 1/(2u) steps late


def test_drift_and_noise_are_the_equation_in_the_problems_coordinates():
    problem = linsgd.LinearRegression.gaussian([[1.0, 0.4], [0.4, 0.5]], optimum=[1.0, 2.0])
    sgd = linsgd.SGD(lr=0.1, batch_size=4, momentum=0.8, dampening=0.3, weight_decay=0.05)
    for noise in (None, [[1.0, 0.5], [0.5, 2.0]]):
        process = linsgd.langevin(problem, sgd, noise=noise)
        A, Q = process.drift(), process.noise_intensity()
        E, C = van_loan(A, Q, 40)
        w, v = np.array([3.0, 0.0]), np.array([0.0, 1.0])
        mean = np.concatenate([process.center, np.zeros(2)]) + E @ np.concatenate(
            [w - process.center, v]
        )
        np.testing.assert_allclose(process.mean([40], (w, v))[0], mean, rtol=1e-11)
        np.testing.assert_allclose(process.covariance([40], (w, v))[0], C, rtol=1e-10, atol=1e-14)
        gradient = np.array(noise if noise else problem.covariance()) / sgd.batch_size
        np.testing.assert_allclose(Q[2:, 2:], (2 * 0.7 / 1.8) ** 2 * gradient, rtol=1e-12)
    assert np.allclose(A[2:, :2], 2 * 0.7 / 1.8 * (problem.covariance() + 0.05 * np.eye(2)))


def test_correlated_noise_settles_into_its_stationary_law():
    noise = np.array([[2.0, 0.7, 0.1], [0.7, 1.0, -0.3], [0.1, -0.3, 0.5]])
    problem = linsgd.LinearRegression.gaussian([1.0, 0.3, 1e-4])
    process = linsgd.langevin(problem, linsgd.SGD(lr=0.3, batch_size=2, momentum=0.9), noise=noise)
    law = process.covariance([0], "stationary")[0]
    scale = np.sqrt(np.multiply.outer(np.diagonal(law), np.diagonal(law)))
    late = process.covariance([10**7, 10**8])
    assert np.all(np.abs(late - law) <= 1e-12 * scale)
    early = process.covariance([1, 2])
    assert np.all(np.linalg.eigvalsh(early / np.sqrt(np.einsum("kii,kjj->kij", early, early))) > 0)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_null_directions_rest_at_the_minimum_norm_solution(weight_decay):
    problem = linsgd.LinearRegression.gaussian([1.0, 0.0], optimum=[1.0, 1.0])
    law = stationary(problem, linsgd.SGD(lr=0.1, momentum=0.5, weight_decay=weight_decay))
    assert law.status is (MomentsStatus.NULL_SPACE if weight_decay == 0 else MomentsStatus.OK)
    assert law.mean[1] == law.position_variance[1] == law.velocity_variance[1] == 0


def test_noise_without_variance_is_said_so():
    problem = linsgd.LinearRegression.gaussian([1.0, 0.0], noise=linsgd.StudentNoise(dof=1.5))
    sgd = linsgd.SGD(lr=0.1, momentum=0.5)
    law, early = stationary(problem, sgd), moments(problem, sgd, [0, 3])
    assert law.status is early.status is MomentsStatus.INFINITE_VARIANCE
    assert law.position_variance.tolist() == [np.inf, 0.0]
    assert early.position_variance.tolist() == [[0.0, 0.0], [np.inf, 0.0]]


def test_noise_in_a_free_direction_has_no_stationary_variance():
    problem, sgd = linsgd.LinearRegression.gaussian([1.0, 0.0]), linsgd.SGD(lr=0.1, momentum=0.5)
    law = stationary(problem, sgd, noise=[1.0, 1.0])
    assert law.status is MomentsStatus.INFINITE_VARIANCE
    assert np.isinf(law.position_variance[1])
    assert np.isfinite(law.velocity_variance[1])
