"""Label-noise laws have the variance and kurtosis that they state."""

import numpy as np
import pytest
from scipy import stats

from linsgd import GaussianNoise, LaplaceNoise, RademacherNoise, StudentNoise
from linsgd.problems.labels import label_noise

SAMPLES = 200_000
FALSE_ALARM = 5.5  # standard errors: 4e-8 two-sided a statistic
TEXTBOOK = {
    "gaussian": stats.norm(),
    "laplace": stats.laplace(scale=np.sqrt(0.5)),
}


@pytest.mark.parametrize("law", [GaussianNoise(), LaplaceNoise()], ids=lambda law: law.name)
def test_moments_match_the_textbook(law):
    variance, kurtosis = TEXTBOOK[law.name].stats(moments="vk")
    np.testing.assert_allclose([law.variance, law.kurtosis], [variance, kurtosis + 3], rtol=1e-12)


@pytest.mark.parametrize("dof", [4.5, 5.0, 12.0])
def test_student_moments_match_the_textbook(dof):
    law = StudentNoise(dof=dof)
    variance, kurtosis = stats.t(dof, scale=law.scale).stats(moments="vk")
    np.testing.assert_allclose([law.variance, law.kurtosis], [variance, kurtosis + 3], rtol=1e-12)


@pytest.mark.parametrize(
    ("dof", "variance", "kurtosis"),
    [(1.0, np.inf, np.inf), (2.0, np.inf, np.inf), (3.0, 1, np.inf)],
)
def test_infinite_moments_are_said(dof, variance, kurtosis):
    law = StudentNoise(dof=dof)
    assert (law.variance, law.kurtosis) == (variance, kurtosis)


LAWS = [GaussianNoise(), RademacherNoise(), LaplaceNoise(), StudentNoise(dof=20.0)]


def scores(law, factor=1.0):
    e = law.sample(SAMPLES, np.random.default_rng(2))
    pairs = [
        (e, 0.0),
        (e**2, factor * law.variance),
        (e**4, factor * law.kurtosis * law.variance**2),
    ]
    return [abs(y.mean() - value) / max(y.std() / np.sqrt(SAMPLES), 1e-12) for y, value in pairs]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_samples_have_the_stated_moments(law):
    assert max(scores(law)) < FALSE_ALARM


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_the_sampling_test_can_fail(law):
    """The twin: a variance 5 % off is rejected."""
    assert scores(law, factor=1.05)[1] > FALSE_ALARM


@pytest.mark.parametrize("dof", [0.5, 1.5, 3.0])
def test_student_samples_follow_their_law(dof):
    law = StudentNoise(dof=dof)
    sample = law.sample(SAMPLES, np.random.default_rng(3))
    assert stats.kstest(sample, stats.t(dof, scale=law.scale).cdf).pvalue > 1e-8
    assert stats.kstest(sample, stats.t(dof, scale=1.05 * law.scale).cdf).pvalue < 1e-8


def test_laws_are_found_by_name():
    assert label_noise("laplace") == LaplaceNoise()
    assert label_noise(StudentNoise(dof=3.0)) == StudentNoise(dof=3.0)
