"""The committed table of how often `tail_index` is believed, and the script that makes it."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location(
    "tail_index_validation", ROOT / "validation" / "tail_index.py"
)
validation = importlib.util.module_from_spec(spec)
spec.loader.exec_module(validation)


@pytest.fixture(scope="module")
def rates():
    record = json.loads((ROOT / "validation" / "tail_index.json").read_text())
    return [validation.Rate(**rate) for rate in record["rates"]]


def test_the_table_shows_the_record(rates):
    assert (ROOT / "docs" / "_tables" / "tail_index.md").read_text() == validation.table(
        rates
    ) + "\n"


def test_the_table_holds_what_the_docs_say_of_it(rates):
    assert all(rate.believed <= 0.01 * rate.samples for rate in rates if rate.alpha == "inf")
    power = [rate for rate in rates if rate.alpha != "inf"]
    assert all(
        rate.covered >= 0.9 * rate.believed
        for rate in power
        if rate.believed >= 0.05 * rate.samples
    )
    assert all(rate.believed - rate.covered <= 0.08 * rate.samples for rate in power)
    pareto = {rate.size: rate for rate in rates if (rate.law, rate.alpha) == ("Pareto", "3")}
    assert pareto[1000].believed < 0.05 * pareto[1000].samples
    assert pareto[10_000].believed > 0.8 * pareto[10_000].samples
    assert pareto[100_000].width < 1.5


@pytest.mark.nightly
def test_a_row_is_measured_again(rates):
    (law,) = [law for law in validation.laws() if law.name == "log-normal, sigma 1"]
    assert validation.measure(law, 1000, 20).believed == 0
    pareto = validation.Law("Pareto", 3.0, validation.drawn(lambda rng, n: rng.pareto(3.0, n) + 1))
    (kept,) = [rate for rate in rates if (rate.law, rate.alpha, rate.size) == ("Pareto", "3", 1000)]
    assert validation.measure(pareto, 1000, kept.samples) == kept


def test_the_stable_law_is_stable():
    """Of index 1.5: its characteristic function at 1 is 1/e, to five standard errors."""
    x = validation.stable(np.random.default_rng(0), 100_000)
    assert abs(np.cos(x).mean() - np.exp(-1)) < 5 * 0.6 / np.sqrt(x.size)
    assert abs(np.cos(2 * x).mean() - np.exp(-(2**1.5))) < 5 * 0.71 / np.sqrt(x.size)
