"""The judge judged: small runs of the script that makes the tables of the docs, and the tables.

Each counted rate is tested one-sidedly at 1e-9 against its alpha; with 285 rates the false-alarm
rate is about 3e-7. The twins are what the plain interval of Student would do."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from linsgd.judge.intervals import KnownSkewness, KnownVariance

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("calibration", ROOT / "validation" / "calibration.py")
calibration = importlib.util.module_from_spec(spec)
spec.loader.exec_module(calibration)

CHEAP = tuple(law for law in calibration.LAWS if law.effort == 1)
PLAIN = KnownSkewness(0.0)  # Student's interval whatever the law


def too_often(rate):
    return stats.binom.sf(rate.wrong - 1, rate.judgements, rate.alpha) < 1e-9


def test_wrong_verdicts_are_rarer_than_alpha():
    rates = calibration.calibrate(samples=500, seed=7, laws=CHEAP)
    assert len(rates) == len(CHEAP) * 5 * 3
    assert not [rate for rate in rates if too_often(rate)]


def test_the_check_can_fail(monkeypatch):
    """A rare event by Student's interval alone is refuted before the event is drawn."""
    law = next(law for law in CHEAP if law.name.startswith("indicator of probability 0.0001"))
    twin = dataclasses.replace(law, premise=PLAIN)
    rates = calibration.calibrate(500, 7, (law,))
    assert not any(map(too_often, rates))
    monkeypatch.setattr(calibration, "LAWS", (twin,))
    assert any(map(too_often, calibration.calibrate(500, 7, (twin,))))


def test_importance_sampling_finds_the_exact_rate_of_a_normal_law():
    """Student's interval at a quarter of the share misses an eighth of the share at either end."""
    rng = np.random.default_rng(3)
    found = calibration.misses(calibration.normal(), PLAIN, 128, 1e-5, 4000, rng)
    for miss in found:
        error = (miss.bound - miss.ratio) / calibration.ERRORS
        assert abs(miss.ratio - 0.125) < 6 * error
        assert error < 0.02


def test_importance_sampling_agrees_with_counting_where_misses_can_be_counted():
    law, rng = calibration.tilted_gamma(20.0), np.random.default_rng(5)
    upper, _ = calibration.misses(law, PLAIN, 64, 0.05, 4000, rng)
    sums = law.sample(rng, 0.0, (64, 40_000))
    zeros = np.zeros_like(sums)
    seen = calibration.BlockSums(sums, zeros, zeros)
    allowed = calibration.share(0.05, 1)
    counted = (PLAIN.interval(seen, allowed)[1] < law.moments(0.0)[0]).mean()
    error = np.hypot(np.sqrt(counted / 40_000) / allowed, (upper.bound - upper.ratio) / 3)
    assert abs(upper.ratio - counted / allowed) < 6 * error
    assert counted / allowed > 6 * error


@pytest.mark.parametrize("skewness", [6.3, 30.0])
def test_a_stated_skewness_holds_at_the_judges_own_error_and_the_plain_interval_does_not(skewness):
    law, rng = calibration.tilted_gamma(skewness), np.random.default_rng(9)
    first = next(k for k in calibration.LOOKS if k * 256 >= 400 * skewness**2)
    held = calibration.misses(law, KnownSkewness(skewness), first, 1e-5, 2000, rng)
    assert sum(miss.bound for miss in held) < 1.2
    if skewness > 10:
        assert calibration.misses(law, PLAIN, 64, 1e-5, 2000, rng)[0].ratio > 10


@pytest.mark.parametrize("law", calibration.TILTED[3:5], ids=lambda law: f"{law.skewness:g}")
def test_a_known_variance_holds_for_any_skewness(law):
    rng = np.random.default_rng(11)
    known = KnownVariance(np.array([law.moments(0.0)[1]]))
    assert sum(m.bound for m in calibration.misses(law, known, 256, 1e-5, 500, rng)) < 0.5


@pytest.mark.nightly
def test_a_median_of_block_means_is_no_interval_for_a_heavy_mean():
    missed = {median.blocks: median.missed for median in calibration.medians(100, seed=3)}
    assert missed[64] > 0.5
    assert missed[2048] > 0.99


def test_the_committed_tables_hold_what_the_docs_say_of_them():
    record = json.loads((ROOT / "validation" / "calibration.json").read_text())
    tables = ROOT / "docs" / "_tables"
    rates = [calibration.Rate(**rate) for rate in record["rates"]]
    rare = [calibration.Miss(**miss) for miss in record["rare_misses"]]
    assert record["judgements"] == sum(rate.judgements for rate in rates) >= 50_000
    assert all(rate.bound < rate.alpha for rate in rates)
    assert all(miss.bound < 1 for miss in rare)
    ends = {}
    for miss in rare:
        key = miss.law, miss.skewness, miss.premise, miss.blocks
        ends[key] = ends.get(key, 0.0) + miss.bound
    assert max(ends.values()) < 1  # both ends together keep to the share of one interval
    assert (tables / "calibration.md").read_text() == calibration.table(rates) + "\n"
    assert (tables / "rare_misses.md").read_text() == calibration.rare_table(rare) + "\n"


@pytest.mark.parametrize("law", CHEAP, ids=lambda law: law.name)
def test_the_stated_mean_and_spread_are_those_of_the_sampler(law):
    sums, _ = law.sample(np.random.default_rng(11), (2048, 4))
    error = law.deviation / 16 / sums.size**0.5
    assert abs(sums.mean() / 256 - law.mean) < 6 * error


@pytest.mark.parametrize("law", calibration.TILTED, ids=lambda law: f"{law.name} {law.skewness:g}")
def test_tilting_keeps_the_cumulants_that_it_states(law):
    """Mean of the tilted sampler against the derivative of the cumulant function."""
    mean, variance = law.moments(0.0)
    theta = 0.3 * min(law.largest, 1 / (1 + variance**0.5))
    tilted, spread = law.moments(theta)
    sums = law.sample(np.random.default_rng(2), theta, (2048, 4)) / 256
    assert tilted > mean
    assert abs(sums.mean() - tilted) < 6 * (spread / 256 / sums.size) ** 0.5 + 1e-6 * tilted
