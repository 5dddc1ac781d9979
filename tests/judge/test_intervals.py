"""The judge's intervals against independent implementations, and their limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from linsgd.judge.intervals import BLOCK, Tail, clopper_pearson, confidence


def blocks(values):
    values = values.reshape(-1, BLOCK, values.shape[-1])
    return values.sum(axis=1), values.var(axis=1) * BLOCK


@given(events=st.integers(0, 16384), share=st.floats(1e-8, 0.1))
def test_clopper_pearson_is_scipys_exact_interval(events, share):
    ours = clopper_pearson(np.array([float(events)]), 16384, share)
    theirs = stats.binomtest(events, 16384).proportion_ci(1 - share, method="exact")
    assert ours[0][0] == pytest.approx(theirs.low, rel=1e-6, abs=1e-12)
    assert ours[1][0] == pytest.approx(theirs.high, rel=1e-6, abs=1e-12)


def test_student_is_scipys_t_interval_of_the_block_means_at_a_quarter_of_the_share():
    values = np.random.default_rng(1).exponential(size=(64 * BLOCK, 2))
    lower, upper = confidence(Tail.THIRD_MOMENT, *blocks(values), 0.04, (0, 1))
    means = values.reshape(64, BLOCK, 2).mean(axis=1)
    theirs = stats.ttest_1samp(means, 0.0).confidence_interval(0.99)
    np.testing.assert_allclose([lower, upper], [theirs.low, theirs.high], rtol=1e-10)


def test_empirical_bernstein_from_blocks_is_that_of_the_whole_sample():
    values = np.random.default_rng(2).beta(2, 5, (64 * BLOCK, 3)) * 4 - 1
    lower, upper = confidence(Tail.BOUNDED, *blocks(values), 1e-3, (-1.0, 3.0))
    n, log = len(values), np.log(4 / 1e-3)
    radius = np.sqrt(2 * values.var(axis=0, ddof=1) * log / n) + 7 * 4 * log / (3 * (n - 1))
    np.testing.assert_allclose(upper - lower, 2 * radius, rtol=1e-9)
    np.testing.assert_allclose((upper + lower) / 2, values.mean(axis=0), rtol=1e-9)


def test_an_interval_of_a_bounded_mean_stays_inside_its_support():
    lower, upper = confidence(Tail.BOUNDED, *blocks(np.zeros((64 * BLOCK, 1))), 1e-3, (0.0, 1.0))
    assert lower[0] == 0
    assert 0 < upper[0] < 0.01


@pytest.mark.parametrize("events", [0, 16384])
def test_no_event_and_only_events_have_an_end_at_the_edge(events):
    lower, upper = clopper_pearson(np.array([float(events)]), 16384, 1e-5)
    assert (lower[0] == 0) == (events == 0)
    assert (upper[0] == 1) == (events == 16384)
    assert upper[0] - lower[0] == pytest.approx(1 - (1e-5 / 2) ** (1 / 16384))


def test_heavy_tails_get_the_whole_line():
    lower, upper = confidence(Tail.HEAVY, *blocks(np.ones((64 * BLOCK, 2))), 1e-3, (0.0, 1.0))
    assert (lower == -np.inf).all()
    assert (upper == np.inf).all()
