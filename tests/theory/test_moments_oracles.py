"""Exact moments against the average over all batches and the Kronecker operator."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.theory import oracles

import linsgd
from linsgd.problems.features import FiniteData
from linsgd.testing import problems, sgds
from linsgd.theory.discrete.transient import SHORT_WALK

STEPS = [0, 1, 2, 7, 30]


@st.composite
def cases(draw, finite=None):
    problem = draw(problems(finite=finite))
    tiny = isinstance(problem.features, FiniteData)
    return problem, draw(sgds(problem, max_batch_size=3 if tiny else 8))


def assert_close(actual, expected, scale):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10 * max(scale, 1e-30))


@given(cases())
def test_every_step_from_a_fresh_start(case):
    problem, sgd = case
    d = problem.dimension
    law = linsgd.moments(problem, sgd, STEPS)
    path = oracles.walk(problem, sgd, STEPS, np.zeros(d), np.zeros(d), fresh=True)
    for i, (mean, covariance) in enumerate(path):
        scale = np.abs(covariance).max() + np.abs(mean).max() ** 2
        assert_close(
            np.concatenate([law.mean[i], law.velocity_mean[i]]), mean, np.abs(path[0][0]).max() + 1
        )
        assert_close(oracles.phase_space_covariance(law, i), covariance, scale)


@given(cases(), st.data())
def test_every_step_from_a_point(case, data):
    problem, sgd = case
    numbers = st.lists(st.floats(-2, 2), min_size=problem.dimension, max_size=problem.dimension)
    w, v = np.array(data.draw(numbers)), np.array(data.draw(numbers))
    law = linsgd.moments(problem, sgd, STEPS, start=(w, v))
    for i, (mean, covariance) in enumerate(oracles.walk(problem, sgd, STEPS, w, v, fresh=False)):
        assert_close(np.concatenate([law.mean[i], law.velocity_mean[i]]), mean, 10)
        assert_close(
            oracles.phase_space_covariance(law, i), covariance, 10 + np.abs(covariance).max()
        )


@given(cases())
def test_the_stationary_law(case):
    problem, sgd = case
    law = linsgd.stationary_moments(problem, sgd)
    if law.status != "ok":
        assert law.status == "null_space"
        assert problem.eigenvalues.min() == 0
        return
    mean, covariance, rounding = oracles.stationary(problem, sgd)
    assert_close(law.mean, mean[: problem.dimension], 1 + np.abs(mean).max() + 1e10 * rounding)
    assert_close(
        oracles.phase_space_covariance(law), covariance, np.abs(covariance).max() + 1e10 * rounding
    )


@pytest.mark.parametrize(
    "settings", [{}, {"momentum": 0.9, "weight_decay": 0.1}, {"momentum": 0.6, "nesterov": True}]
)
def test_jumping_is_walking(settings, monkeypatch):
    problem = linsgd.LinearRegression.gaussian([1.0, 0.5, 0.1], optimum=[1.0, -1.0, 2.0])
    sgd = linsgd.SGD(lr=0.02, batch_size=3, **settings)
    steps = [5, 3 * SHORT_WALK, 0, 2 * SHORT_WALK + 1]
    jumped = linsgd.moments(problem, sgd, steps)
    monkeypatch.setattr("linsgd.theory.discrete.transient.LARGEST_MODE_JUMP", 0)
    monkeypatch.setattr("linsgd.theory.discrete.transient._reached", lambda *_: False)
    walked = linsgd.moments(problem, sgd, steps)
    for name in (
        "mean",
        "position_variance",
        "velocity_variance",
        "position_velocity_covariance",
        "excess_risk",
    ):
        np.testing.assert_allclose(
            getattr(jumped, name), getattr(walked, name), rtol=1e-11, atol=1e-15
        )


def test_a_walk_that_ends_early_ends_right(monkeypatch):
    rng = np.random.default_rng(3)
    problem = linsgd.LinearRegression.from_data(rng.normal(size=(9, 2)), rng.normal(size=9))
    sgd = linsgd.SGD(lr=0.1, batch_size=2, momentum=0.5)
    early = linsgd.moments(problem, sgd, [2000])
    monkeypatch.setattr("linsgd.theory.discrete.transient._reached", lambda *_: False)
    whole = linsgd.moments(problem, sgd, [2000])
    np.testing.assert_allclose(early.position_covariance(), whole.position_covariance(), rtol=1e-12)


def test_one_law_is_a_start():
    problem = linsgd.LinearRegression.gaussian([[1.0, 0.3], [0.3, 0.5]], optimum=[1.0, 2.0])
    sgd = linsgd.SGD(lr=0.1, momentum=0.5, weight_decay=0.2)
    path = linsgd.moments(problem, sgd, [3, 8])
    onward = linsgd.moments(problem, sgd, [5], start=path.at(0))
    np.testing.assert_allclose(
        onward.position_covariance()[0], path.position_covariance()[1], rtol=1e-12
    )
    np.testing.assert_allclose(
        onward.cross_covariance()[0], path.cross_covariance()[1], rtol=1e-11, atol=1e-16
    )


def test_a_far_step_is_the_stationary_law():
    problem = linsgd.LinearRegression.gaussian(1 / np.arange(1.0, 30.0), optimum=np.ones(29))
    sgd = linsgd.SGD(lr=0.05, batch_size=2, momentum=0.9, weight_decay=0.01)
    far, limit = linsgd.moments(problem, sgd, [10**9]), linsgd.stationary_moments(problem, sgd)
    np.testing.assert_allclose(far.position_variance[0], limit.position_variance, rtol=1e-10)
    np.testing.assert_allclose(
        far.position_covariance()[0], limit.position_covariance(), rtol=1e-9, atol=1e-13
    )
