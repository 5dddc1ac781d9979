"""The judge's intervals against independent implementations, and their limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from linsgd.judge.intervals import (
    BLOCK,
    BlockSums,
    Bounded,
    Event,
    KnownSkewness,
    KnownVariance,
    Unknown,
    clopper_pearson,
)


def blocks(values):
    values = values.reshape(-1, BLOCK, values.shape[-1])
    sums = values.sum(axis=1)
    apart = values - sums[:, None] / BLOCK
    return BlockSums(sums, (apart**2).sum(axis=1), (apart**3).sum(axis=1))


def draws(seed, components=2, count=64):
    return np.random.default_rng(seed).exponential(size=(count * BLOCK, components))


@given(events=st.integers(0, 16384), share=st.floats(1e-8, 0.1))
def test_clopper_pearson_is_scipys_exact_interval(events, share):
    ours = clopper_pearson(np.array([float(events)]), 16384, share)
    theirs = stats.binomtest(events, 16384).proportion_ci(1 - share, method="exact")
    assert ours[0][0] == pytest.approx(theirs.low, rel=1e-6, abs=1e-12)
    assert ours[1][0] == pytest.approx(theirs.high, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("events", [0, 16384])
def test_no_event_and_only_events_have_an_end_at_the_edge(events):
    seen = blocks(np.full((16384, 1), events / 16384))
    lower, upper = Event().interval(seen, 1e-5)
    assert (lower[0] == 0) == (events == 0)
    assert (upper[0] == 1) == (events == 16384)
    assert upper[0] - lower[0] == pytest.approx(1 - (1e-5 / 2) ** (1 / 16384))


def test_empirical_bernstein_from_blocks_is_that_of_the_whole_sample():
    values = np.random.default_rng(2).beta(2, 5, (64 * BLOCK, 3)) * 4 - 1
    lower, upper = Bounded(-1.0, 3.0).interval(blocks(values), 1e-3)
    n, log = len(values), np.log(4 / 1e-3)
    radius = np.sqrt(2 * values.var(axis=0, ddof=1) * log / n) + 7 * 4 * log / (3 * (n - 1))
    np.testing.assert_allclose(upper - lower, 2 * radius, rtol=1e-9)
    np.testing.assert_allclose((upper + lower) / 2, values.mean(axis=0), rtol=1e-9)


def test_an_interval_of_a_bounded_mean_stays_inside_its_support():
    lower, upper = Bounded(0.0, 1.0).interval(blocks(np.zeros((64 * BLOCK, 1))), 1e-3)
    assert lower[0] == 0
    assert 0 < upper[0] < 0.01


def test_student_is_scipys_t_interval_of_the_block_means_at_a_quarter_of_the_share():
    values = draws(1)
    lower, upper = KnownSkewness(2.0).interval(blocks(values), 0.04)
    means = values.reshape(64, BLOCK, 2).mean(axis=1)
    theirs = stats.ttest_1samp(means, 0.0).confidence_interval(0.99)
    np.testing.assert_allclose([lower, upper], [theirs.low, theirs.high], rtol=1e-10)


def test_an_estimated_variance_says_how_many_chains_students_interval_takes():
    least, most = KnownSkewness(0.0, np.ones(1)).chains_needed(0.04, np.array([0.1]))
    assert least == pytest.approx(0.25 * (stats.norm.isf(0.005) / 0.1) ** 2)
    assert most == pytest.approx(12 * least)
    assert KnownSkewness(9.0, np.ones(1)).chains_needed(0.04, np.array([0.1]))[0] == 400 * 81
    for premise in (KnownSkewness(0.0, np.ones(2)), KnownVariance(np.ones(2))):
        assert premise.chains_needed(0.04, np.array([0.1, 0.0])) == (np.inf, np.inf)


def test_too_few_chains_for_the_stated_skewness_give_the_whole_line():
    seen = blocks(draws(1))
    finite = [np.isfinite(KnownSkewness(g).interval(seen, 0.01)[0]).all() for g in (6.3, 6.5)]
    assert finite == [True, False]  # 400 x 6.4^2 = 16384


def test_a_sample_more_skewed_than_was_stated_gives_the_whole_line_to_its_component():
    values = draws(1)
    values[:, 1] = 0
    values[7, 1] = 1.0
    seen = blocks(values)
    assert seen.skewness[0] == pytest.approx(stats.skew(values[:, 0]), rel=0.02)
    assert seen.skewness[1] == pytest.approx(128, rel=0.01)
    lower, upper = KnownSkewness(0.0).interval(seen, 0.01)
    assert np.isfinite(lower).tolist() == np.isfinite(upper).tolist() == [True, False]


@pytest.mark.parametrize("variance", [0.3, 1.0, 50.0])
def test_catonis_estimate_solves_his_equation(variance):
    """Root and radius of Catoni (2012), proposition 2.4, written anew."""
    means = draws(3, 1).reshape(64, BLOCK).mean(axis=1)
    share, n, v = 1e-4, 64, variance / BLOCK
    log = np.log(2 / share)
    radius = np.sqrt(2 * v * log / (n - 2 * log))
    a = np.sqrt(2 * log / (n * (v + 2 * v * log / (n - 2 * log))))

    def influence(t):
        u = a * (means - t)
        return np.where(u > 0, np.log(1 + u + u**2 / 2), -np.log(1 - u + u**2 / 2)).sum()

    centre = optimize.brentq(influence, 0.5, 1.5, xtol=1e-13)
    student = stats.ttest_1samp(means, 0.0).confidence_interval(1 - share)
    lower, upper = KnownVariance(np.array([variance])).interval(blocks(draws(3, 1)), share)
    assert lower[0] == pytest.approx(min(centre - radius, student.low), rel=1e-9)
    assert upper[0] == pytest.approx(max(centre + radius, student.high), rel=1e-9)
    assert (upper[0] - lower[0] > 2.001 * radius) == (variance == 0.3)  # too small a bound


def test_a_known_variance_is_met_at_the_chains_that_it_needs():
    variance, width, share = np.array([4.0, 9.0]), np.array([0.1, 0.1]), 1e-6
    needed, _ = KnownVariance(variance).chains_needed(share, width)
    count = int(np.ceil(needed / BLOCK))
    values = np.random.default_rng(5).normal(0, 0.1, (count * BLOCK, 2))
    lower, upper = KnownVariance(variance).interval(blocks(values), share)
    assert (upper - lower)[1] / 2 == pytest.approx(0.1, rel=0.01)
    assert (upper - lower)[0] / 2 == pytest.approx(0.1 * 2 / 3, rel=0.01)


def test_a_constant_has_an_interval_of_no_width():
    lower, upper = KnownVariance(np.zeros(1)).interval(blocks(np.full((64 * BLOCK, 1), 2.5)), 1e-5)
    assert lower[0] == upper[0] == 2.5


def test_fewer_blocks_than_catoni_needs_give_the_whole_line():
    lower, upper = KnownVariance(np.ones(1)).interval(blocks(draws(1, 1, count=32)), 1e-8)
    assert (lower[0], upper[0]) == (-np.inf, np.inf)


def test_nothing_known_gives_the_whole_line():
    lower, upper = Unknown("").interval(blocks(np.ones((64 * BLOCK, 2))), 1e-3)
    assert (lower == -np.inf).all()
    assert (upper == np.inf).all()
    assert Unknown("").chains_needed(1e-3, np.ones(2)) == (np.inf, np.inf)
