"""Thresholds against the spectral radius of the second-moment operator, and in closed form where
there is one.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from tests.theory import oracles

import linsgd
from linsgd.problems.features import FiniteData
from linsgd.testing import problems, sgds


def radius(problem, sgd, lr):
    """The spectral radius of the homogeneous second-moment operator at another lr, on the range of
    H.
    """
    settings = {name: getattr(sgd, name) for name in sgd.__slots__} | {"lr": lr}
    other = linsgd.SGD(**settings)
    d = problem.dimension
    keep = np.flatnonzero(np.kron(np.arange(2 * d + 1) < 2 * d, np.arange(2 * d + 1) < 2 * d))
    operator = oracles.operator_of(problem, other)[np.ix_(keep, keep)]
    if problem.eigenvalues.min() == 0:
        Q = np.eye(d) if problem.eigenvectors is None else problem.eigenvectors
        moved = np.kron(np.eye(2), Q[:, problem.eigenvalues > 0])
        operator = np.kron(moved, moved).T @ operator @ np.kron(moved, moved)
    return np.abs(np.linalg.eigvals(operator)).max()


@given(problems(), sgds())
def test_the_radius_crosses_one_at_the_threshold(problem, sgd):
    if isinstance(problem.features, FiniteData):
        assume(len(problem.features.y) ** sgd.batch_size < 400)
    edge = linsgd.stability(problem, sgd).lr_mean_square
    assert radius(problem, sgd, edge * (1 - 1e-5)) < 1
    assert radius(problem, sgd, edge * (1 + 1e-5)) > 1
    below = [radius(problem, sgd, edge * fraction) for fraction in (0.1, 0.5, 0.9)]
    assert max(below) < 1, "the answer must be the smallest root"


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.5}, {"momentum": 0.9, "dampening": 0.5}])
@pytest.mark.parametrize("spectrum", [[1.0], [2.0, 1.0, 0.1]])
def test_no_false_root_beyond_the_pole(spectrum, settings):
    problem = linsgd.LinearRegression.gaussian(spectrum)
    sgd = linsgd.SGD(lr=1.0, batch_size=2, **settings)
    found = linsgd.stability(problem, sgd)
    for lr in np.linspace(found.lr_mean_square, found.lr_mean, 30)[1:]:
        assert radius(problem, sgd, lr) > 1


def test_closed_forms():
    for d, b in [(1, 1), (5, 4), (100, 1)]:
        isotropic = linsgd.LinearRegression.gaussian(np.full(d, 2.0))
        plain = linsgd.stability(isotropic, linsgd.SGD(lr=0.1, batch_size=b))
        assert plain.lr_mean_square == pytest.approx(2 * b / (2.0 * (b + d + 1)), rel=1e-13, abs=0)
        assert plain.lr_mean == pytest.approx(1.0, rel=1e-15, abs=0)
        m = 0.9
        heavy = linsgd.stability(isotropic, linsgd.SGD(lr=0.1, batch_size=b, momentum=m))
        second = 1 + (d + 1) / b
        assert heavy.lr_mean_square == pytest.approx(
            2 * (1 - m) / (second - 2 * m / (1 + m)) / 2.0, rel=1e-12, abs=0
        )


def test_nesterov_closed_form():
    m, d, b = 0.9, 3, 2
    found = linsgd.stability(
        linsgd.LinearRegression.gaussian(np.ones(d)),
        linsgd.SGD(lr=0.1, batch_size=b, momentum=m, nesterov=True),
    )
    k1, second = 1 - found.lr_mean_square, 1 + (d + 1) / b
    k2 = 1 - 2 * found.lr_mean_square + found.lr_mean_square**2 * second
    assert k2 * ((1 + m) ** 2 + m**2 - 2 * m * (1 + m) ** 2 * k1 / (1 + m * k1)) == pytest.approx(
        1, rel=1e-12, abs=0
    )


def test_infinite_fourth_moment_leaves_no_stable_lr():
    problem = linsgd.LinearRegression.from_features(linsgd.StudentFeatures([1.0, 0.5], dof=3.5))
    found = linsgd.stability(problem, linsgd.SGD(lr=1e-6))
    assert found.mean
    assert not found.mean_square
    assert found.lr_mean_square == 0.0


def test_full_batch_is_gradient_descent():
    problem = linsgd.LinearRegression.from_data([[1.0], [2.0], [0.5]], [1.0, 0.0, 1.0])
    found = linsgd.stability(problem, linsgd.SGD(lr=0.1, batch_size=3, replacement=False))
    assert found.lr_mean_square == pytest.approx(found.lr_mean, rel=1e-12, abs=0)


def test_a_million_modes():
    problem = linsgd.LinearRegression.gaussian(1 / np.arange(1.0, 1e6 + 1))
    sgd = linsgd.SGD(lr=0.01, batch_size=8, momentum=0.9)
    edge = linsgd.stability(problem, sgd).lr_mean_square
    inside = linsgd.SGD(lr=edge * (1 - 1e-9), batch_size=8, momentum=0.9)
    beyond = linsgd.SGD(lr=edge * (1 + 1e-9), batch_size=8, momentum=0.9)
    assert linsgd.stationary_moments(problem, inside).status == "ok"
    assert linsgd.stationary_moments(problem, beyond).status == "infinite_variance"


def test_epochs_have_no_exact_threshold():
    problem = linsgd.LinearRegression.from_data([[1.0], [2.0]], [1.0, 0.0])
    with pytest.raises(ValueError, match="sampling = 'epoch' is outside its domain"):
        linsgd.stability(problem, linsgd.SGD(lr=0.1, sampling="epoch"))


@given(problems(), sgds(stable=False, max_batch_size=3))
def test_the_status_says_what_the_radius_is(problem, sgd):
    size = radius(problem, sgd, sgd.lr)
    status = linsgd.stationary_moments(problem, sgd).status
    if size < 1 - 1e-9:
        assert status in ("ok", "null_space")
    elif size > 1 + 1e-9:
        assert status in ("infinite_variance", "unstable")
