"""Chains in strata: probabilities against enumeration, weighted means against exact moments.

The z-scores are of 24 numbers; the bound of 6.5 is passed by chance with probability 2e-9.
"""

import numpy as np
import pytest
from scipy import stats

from linsgd import SGD, LinearRegression, moments
from linsgd.montecarlo.strata import Strata, stratified_snapshots, stratum_probabilities

STEPS = (6, 20)
CHAINS = 96 * 256


def outlying(rows=400):
    rng = np.random.default_rng(4)
    X = rng.standard_normal((rows, 2))
    y = X.sum(axis=1) + rng.standard_normal(rows)
    X[7] = [8.0, 2.0]
    y[7] = 18.0
    return LinearRegression.from_data(X, y)


def strata(begin=4):
    return Strata(np.array([7]), begin, (100, 80, 44, 20, 12))


@pytest.mark.parametrize("replacement", [True, False])
def test_probabilities_are_those_of_the_number_of_draws(replacement):
    sgd = SGD(lr=0.1, batch_size=4, replacement=replacement)
    found = stratum_probabilities(outlying(), sgd, 3, 10, 4)
    one = stats.binom(4, 3 / 400) if replacement else stats.hypergeom(400, 3, 4)
    exact = np.array([1.0])
    for _ in range(10):
        exact = np.convolve(exact, one.pmf(np.arange(5)))
    np.testing.assert_allclose(found[:3], exact[:3], rtol=1e-10)
    assert found.sum() == pytest.approx(1, abs=1e-12)


def z_scores(sgd, scale=1.0):
    problem, split = outlying(), strata()
    law = moments(problem, sgd, STEPS)
    z = stratified_snapshots(problem, sgd, STEPS, range(CHAINS), split, seed=3)
    scores = []
    for i in range(len(STEPS)):
        weight, w, v = z[i, :, 4:], z[i, :, :2] - law.mean[i], z[i, :, 2:4] - law.velocity_mean[i]
        values = np.hstack([w, v, w * w, v * v]) * weight
        exact = [np.diag(law.position_covariance()[i]), np.diag(law.velocity_covariance()[i])]
        means = values.reshape(-1, 256, 8).mean(axis=1)
        expected = np.concatenate([np.zeros(4), *exact]) * scale
        scores.append((means.mean(axis=0) - expected) / stats.sem(means))
    return np.abs(scores).max()


@pytest.mark.parametrize("replacement", [True, False])
def test_weighted_means_are_the_exact_moments(replacement):
    sgd = SGD(lr=0.02, batch_size=4, momentum=0.5, weight_decay=0.1, replacement=replacement)
    assert z_scores(sgd) < 6.5
    assert z_scores(sgd, scale=2.0) > 6.5


def test_a_chain_is_the_same_in_any_range_and_its_weight_has_mean_one():
    sgd = SGD(lr=0.02, batch_size=4)
    few = stratified_snapshots(outlying(), sgd, STEPS, range(256, 512), strata(), seed=1)
    many = stratified_snapshots(outlying(), sgd, STEPS, range(512), strata(), seed=1)
    assert (few == many[:, 256:]).all()
    assert few[0, :, -1].mean() == pytest.approx(1, abs=1e-12)


def test_what_cannot_be_stratified_is_refused():
    with pytest.raises(ValueError, match="chains"):
        Strata(np.array([0]), 0, (200, 20))
    epoch, gaussian = (
        SGD(lr=0.1, batch_size=4, sampling="epoch"),
        LinearRegression.gaussian([1.0, 1.0]),
    )
    with pytest.raises(ValueError, match="sampling"):
        stratified_snapshots(outlying(), epoch, STEPS, range(256), strata(), seed=0)
    with pytest.raises(ValueError, match="problem"):
        stratum_probabilities(gaussian, SGD(lr=0.1), 1, 5, 3)
