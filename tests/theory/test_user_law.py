"""A law that gives only its moments costs matrices instead of modes, and says the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import linsgd
from linsgd.problems.features import PrincipalAxesLaw
from linsgd.testing import problems, sgds


class Anonymous:
    """What a user would write: the moments and the sampler of a law, without its principal axes."""

    def __init__(self, law):
        self._law = law
        self.dimension = law.dimension

    def second_moment(self):
        return self._law.second_moment()

    def fourth_moment(self, M):
        return self._law.fourth_moment(M)

    def sample(self, n, rng):
        return self._law.sample(n, rng)


@given(st.data())
def test_the_same_moments_as_by_modes(data):
    known = data.draw(problems(finite=False))
    sgd = data.draw(sgds(known))
    assert isinstance(known.features, PrincipalAxesLaw)
    user = linsgd.LinearRegression.from_features(
        Anonymous(known.features),
        noise_std=known.noise_std,
        optimum=known.optimum,
        noise=known.noise,
    )
    assert linsgd.stability(user, sgd).lr_mean_square == pytest.approx(
        linsgd.stability(known, sgd).lr_mean_square, rel=1e-9, abs=0
    )
    for law, other in [
        (linsgd.moments(known, sgd, [0, 1, 9]), linsgd.moments(user, sgd, [0, 1, 9])),
        (linsgd.stationary_moments(known, sgd), linsgd.stationary_moments(user, sgd)),
    ]:
        scale = np.abs(law.position_covariance()).max() + 1e-12
        np.testing.assert_allclose(
            law.position_covariance(), other.position_covariance(), rtol=0, atol=1e-10 * scale
        )
        np.testing.assert_allclose(law.excess_risk, other.excess_risk, rtol=1e-9, atol=1e-15)


def test_an_infinite_fourth_moment_is_said():
    law = linsgd.StudentFeatures([1.0, 0.5], dof=3.0)
    problem = linsgd.LinearRegression.from_features(Anonymous(law))
    assert linsgd.stability(problem, linsgd.SGD(lr=0.01)).lr_mean_square == 0.0
    assert linsgd.stationary_moments(problem, linsgd.SGD(lr=0.01)).status == "infinite_variance"
    path = linsgd.moments(problem, linsgd.SGD(lr=0.01), [1, 2])
    assert np.isfinite(path.position_variance[0]).all()
    assert np.isposinf(path.position_variance[1]).all()
