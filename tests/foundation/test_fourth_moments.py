"""E[x x'M x x'] of every feature law: by enumeration or quadrature exactly, and by sampling."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linsgd import (
    FiniteData,
    GaussianFeatures,
    RademacherFeatures,
    StudentFeatures,
    UniformFeatures,
)

COVARIANCE = np.array([[2.0, 0.6, 0.1], [0.6, 1.0, -0.3], [0.1, -0.3, 0.5]])
M = np.array([[1.0, 0.2, -0.4], [0.2, 0.5, 0.3], [-0.4, 0.3, 2.0]])
SAMPLES = 200_000
FALSE_ALARM = (
    5.5  # standard errors: 4e-8 two-sided a statistic, below 1e-6 for the twenty of this file
)


def nodes(law):
    """White points and weights that integrate polynomials of degree 5 a coordinate exactly."""
    if isinstance(law, RademacherFeatures):
        return np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    if isinstance(law, UniformFeatures):
        points, weights = np.polynomial.legendre.leggauss(3)
        return np.sqrt(3) * points, weights / 2
    points, weights = np.polynomial.hermite_e.hermegauss(3)
    return points, weights / weights.sum()


def by_quadrature(law):
    points, weights = nodes(law)
    root = (
        np.diag(np.sqrt(law.eigenvalues))
        if law.eigenvectors is None
        else law.eigenvectors * np.sqrt(law.eigenvalues)
    )
    total = np.zeros((3, 3))
    for index in itertools.product(range(len(points)), repeat=3):
        x = root @ points[list(index)]
        total += np.prod(weights[list(index)]) * (x @ M @ x) * np.outer(x, x)
    return total


@pytest.mark.parametrize("covariance", [COVARIANCE, [2.0, 1.0, 0.5], [2.0, 0.0, 0.5]])
@pytest.mark.parametrize("kind", [GaussianFeatures, RademacherFeatures, UniformFeatures])
def test_exact_laws_match_quadrature(kind, covariance):
    law = kind(covariance)
    np.testing.assert_allclose(law.fourth_moment(M), by_quadrature(law), rtol=1e-12, atol=1e-14)


def test_student_is_a_gaussian_of_random_scale():
    """s = (dof-2)/chi2: E s^2 = (dof-2)/(dof-4) multiplies the Gaussian's fourth moment."""
    gaussian = GaussianFeatures(COVARIANCE).fourth_moment(M)
    np.testing.assert_allclose(
        StudentFeatures(COVARIANCE, dof=10.0).fourth_moment(M), gaussian * 8 / 6, rtol=1e-12
    )
    np.testing.assert_allclose(
        StudentFeatures(COVARIANCE, dof=1e9).fourth_moment(M), gaussian, rtol=1e-8
    )


@pytest.mark.parametrize("dof", [2.5, 4.0])
def test_an_infinite_fourth_moment_is_infinite_and_not_nan(dof):
    assert np.isposinf(StudentFeatures(COVARIANCE, dof=dof).fourth_moment(M)).all()


def test_data_match_enumeration():
    X = np.random.default_rng(0).normal(size=(7, 3))
    law = FiniteData(X, np.arange(7.0))
    expected = np.mean([(x @ M @ x) * np.outer(x, x) for x in X], axis=0)
    np.testing.assert_allclose(law.fourth_moment(M), expected, rtol=1e-12)
    np.testing.assert_allclose(law.second_moment(), X.T @ X / 7, rtol=1e-12)


LAWS = [
    GaussianFeatures(COVARIANCE),
    RademacherFeatures(COVARIANCE),
    UniformFeatures([2.0, 1.0, 0.5]),
    StudentFeatures(COVARIANCE, dof=20.0),
    FiniteData(np.random.default_rng(0).normal(size=(7, 3)), np.arange(7.0)),
]


def scores(law, factor=1.0):
    """Standardised differences of sampled second and fourth moments from `factor` times the stated
    ones.
    """
    x = law.sample(SAMPLES, np.random.default_rng(1))
    direction = np.array([0.5, -1.0, 0.3])
    second = (x @ direction) ** 2
    fourth = second * np.einsum("ni,ij,nj->n", x, M, x)
    H = law.second_moment()
    H = np.diag(H) if H.ndim == 1 else H
    stated = [direction @ H @ direction, direction @ law.fourth_moment(M) @ direction]
    return [
        abs(y.mean() - factor * value) / (y.std() / np.sqrt(SAMPLES))
        for y, value in zip((second, fourth), stated, strict=True)
    ]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_samples_have_the_stated_moments(law):
    assert max(scores(law)) < FALSE_ALARM


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_the_sampling_test_can_fail(law):
    """The twin: moments 5 % off are rejected."""
    assert min(scores(law, factor=1.05)) > FALSE_ALARM


@given(st.integers(1, 4), st.integers(0, 10**6))
def test_fourth_moments_are_symmetric_linear_and_positive(d, seed):
    rng = np.random.default_rng(seed)
    A, B, C = (rng.normal(size=(d, d)) for _ in range(3))
    for kind in (GaussianFeatures, RademacherFeatures, UniformFeatures):
        law = kind(A @ A.T + 0.1 * np.eye(d))
        one, other = law.fourth_moment(B + B.T), law.fourth_moment(C + C.T)
        scale = np.abs(one).max() + np.abs(other).max()
        np.testing.assert_allclose(one, one.T, atol=1e-12 * scale)
        both = law.fourth_moment(2 * (B + B.T) - (C + C.T))
        np.testing.assert_allclose(both, 2 * one - other, atol=1e-11 * scale)
        assert np.linalg.eigvalsh(law.fourth_moment(B @ B.T)).min() > -1e-10 * scale
