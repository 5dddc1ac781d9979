"""The standard cases and the measuring side of the claims about them, against closed forms."""

import numpy as np
import pytest

from linsgd import LinearRegression, moments
from linsgd.claims import case, ensembles, problems
from linsgd.claims.hodgkinson_mahoney_2021.thresholds import _leading
from linsgd.claims.kunin_2024.stationary_law import frozen_noise

GAUSSIAN = problems.gaussian()


def test_noise_frozen_at_the_minimum_of_a_law_without_decay_is_that_of_the_labels():
    problem = LinearRegression.gaussian([2.0, 1.0], noise_std=0.5)
    made = case.at_steps(
        problems.NamedProblem("law", problem), ensembles.stable_sgd(problem, 0.3, batch_size=3), [4]
    )
    np.testing.assert_allclose(frozen_noise(made), 0.25 * np.array([2.0, 1.0]) / 3, rtol=1e-12)


def test_the_moment_operator_of_isotropic_features_has_its_closed_form():
    problem, lr, b, d = LinearRegression.gaussian(np.ones(5)), 0.3, 4, 5
    made = ensembles.stable_sgd(problem, 0.5, batch_size=b)
    sgd = type(made)(lr=lr, batch_size=b)
    growth, form = _leading(problem, sgd)
    assert growth == pytest.approx(1 - 2 * lr + lr**2 * (b + d + 1) / b)
    np.testing.assert_allclose(form, form[0, 0] * np.eye(5), atol=1e-9)


def test_a_case_has_settled_where_it_says():
    made = ensembles.heavy_ball(GAUSSIAN)
    later = moments(made.problem, made.sgd, [2 * made.steps[-1]], made.start)
    np.testing.assert_allclose(made.law.position_variance, later.position_variance, rtol=1e-4)
