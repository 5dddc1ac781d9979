"""The second-order fit of scaled spacings: on its own form, on log-normal and on Pareto laws."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import optimize, stats

from linsgd.estimate.spacings import fit


def sample(rng, k, n, gamma, start, theta):
    """Return falling logarithms; the k largest have spacings of the form, from `start` inwards."""
    p = np.arange(1, k + 1) / (n + 1)
    depth = stats.norm.pdf(stats.norm.isf(p)) / p
    means = gamma + (start - gamma) * (depth[-1] / depth) ** theta
    spacings = rng.exponential(means) / np.arange(1, k + 1)
    return np.append(np.cumsum(spacings[::-1])[::-1], np.zeros(n - k))


def log_normal(rng, n):
    return np.sort(rng.standard_normal(n))[::-1]


class TestIdentities:
    logs = np.sort(np.random.default_rng(0).exponential(size=4000))[::-1]

    def test_scale(self):
        one, other = fit(self.logs, 1000, 1), fit(3 * self.logs, 1000, 1)
        assert other.value == pytest.approx(one.value / 3, rel=1e-12)
        assert other.misfit == pytest.approx(one.misfit, rel=1e-9)

    def test_halves_have_no_spacing_in_common(self):
        ranks = np.arange(1, 4000)
        gaps = -np.diff(self.logs)
        moved = np.append(
            np.cumsum((gaps * np.where(ranks % 2, 1, 2))[::-1])[::-1], 0.0
        )  # even ranks doubled
        assert fit(moved, 1000, 1).value == pytest.approx(fit(self.logs, 1000, 1).value, rel=1e-12)
        assert fit(moved, 1000, 0).value == pytest.approx(
            fit(self.logs, 1000, 0).value / 2, rel=1e-12
        )

    def test_intervals_are_nested_about_the_likeliest(self):
        one = fit(self.logs, 1000, 1)
        ends = [one.interval(confidence) for confidence in (0.999, 0.9, 0.5, 1e-6)]
        assert all(a[0] <= b[0] <= one.value <= b[1] <= a[1] for a, b in pairwise(ends))
        assert ends[-1][0] == pytest.approx(one.value, rel=1e-3)

    def test_a_bias_widens_the_interval(self):
        one = fit(self.logs, 1000, 1)
        z = stats.norm.ppf(0.95)
        assert one.interval(0.9, 0.25) == pytest.approx(
            one.interval(2 * stats.norm.cdf(z + 0.25) - 1), rel=1e-9
        )

    def test_no_spacings(self):
        assert fit(np.zeros(100), 50, 0) is None


@pytest.mark.nightly
def test_ends_of_the_interval_are_where_the_profile_likelihood_says():
    """At each end a continuous search finds a loss of half the quantile above the least."""
    k, n = 400, 2000
    logs = sample(np.random.default_rng(1), k, n, 0.5, 0.7, 2.0)
    ranks = np.arange(1, k + 1, 2)
    spacings = ranks * (logs[ranks - 1] - logs[ranks])
    p = ranks / (n + 1)
    edge = (k + 0.5) / (n + 1)
    ratio = (stats.norm.pdf(stats.norm.isf(edge)) / edge) / (stats.norm.pdf(stats.norm.isf(p)) / p)

    def loss(gamma, start, theta):
        means = gamma + (start - gamma) * ratio**theta
        return float(np.sum(np.log(means) + spacings / means))

    def profile(gamma):
        runs = [
            optimize.minimize_scalar(
                lambda start, theta=theta: loss(gamma, start, theta),
                bounds=(gamma / 49, 5),
                method="bounded",
            ).fun
            for theta in np.geomspace(1, 12, 60)
        ]
        return min(runs)

    least = min(profile(gamma) for gamma in np.linspace(0.2, 1.2, 101))
    lower, upper = fit(logs, k, 1).interval(0.9)
    for end in (lower, upper):
        assert profile(1 / end) - least == pytest.approx(stats.chi2.ppf(0.9, 1) / 2, abs=0.1)


def misses(count, confidence, k, n, alpha, *form):
    """Return how many of `count` intervals miss alpha."""
    found = [
        fit(sample(np.random.default_rng(seed), k, n, *form), k, 1).interval(confidence)
        for seed in range(count)
    ]
    return sum(not lower < alpha < upper for lower, upper in found)


@pytest.mark.nightly
def test_intervals_cover_at_their_confidence_for_a_pareto_law():
    # were they to miss in 0.1, 151 of 1000 or more had probability 2e-7
    assert 30 < misses(1000, 0.9, 500, 2000, 2.0, 0.5, 0.5, 2.0) < 151


@pytest.mark.cases(1)
@pytest.mark.parametrize("theta", [1.0, 2.0, 8.0])
def test_intervals_cover_although_the_exponent_still_rises(theta):
    # were they to miss in 0.1, 44 of 200 or more had probability 5e-7;
    # the exponent at the threshold is outside of most
    form = (0.5, 0.8, theta)
    assert misses(200, 0.9, 4000, 20_000, 2.0, *form) < 44
    assert misses(200, 0.9, 4000, 20_000, 1 / 0.8, *form) > 100


def test_a_log_normal_tail_is_excluded_as_often_as_the_score_says():
    # at 2.576, 0.005: 10 of 200 or more had probability 1e-7;
    # for a Pareto tail it is nearly always excluded
    scores = [
        fit(log_normal(np.random.default_rng(seed), 20_000), 5000, 0).power_law
        for seed in range(200)
    ]
    assert sum(score > 2.576 for score in scores) < 10
    assert any(score > 1 for score in scores)
    pareto = [
        np.sort(np.random.default_rng(seed).exponential(size=20_000))[::-1] for seed in range(20)
    ]
    assert all(fit(logs, 5000, 0).power_law > 2.576 for logs in pareto)


def test_the_form_describes_a_log_normal_law_and_not_a_mixture():
    rng = np.random.default_rng(3)
    assert fit(log_normal(rng, 100_000), 50_000, 0).misfit < 4
    mixed = np.where(
        rng.random(100_000) < 1e-3, rng.pareto(1.5, 100_000) + 1, rng.standard_normal(100_000)
    )
    assert fit(np.log(np.sort(np.abs(mixed))[::-1]), 12_500, 0).misfit > 4


def test_inner_sums_are_standard():
    """For spacings of the form four standard errors are rare; half of the fits stay below two."""
    found = [
        fit(sample(np.random.default_rng(seed), 1000, 5000, 0.5, 0.6, 3.0), 1000, 0).misfit
        for seed in range(100)
    ]
    assert np.median(found) < 2
    assert np.mean(np.array(found) > 4) < 0.1
