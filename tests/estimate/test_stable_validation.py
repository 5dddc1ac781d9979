"""The committed table of the accuracy of the stable estimators, and the script that makes it."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location(
    "stable_index_validation", ROOT / "validation" / "stable_index.py"
)
validation = importlib.util.module_from_spec(spec)
spec.loader.exec_module(validation)


@pytest.fixture(scope="module")
def rows():
    record = json.loads((ROOT / "validation" / "stable_index.json").read_text())
    return [validation.Accuracy(**row) for row in record["accuracies"]]


def test_the_table_shows_the_record(rows):
    table = (ROOT / "docs" / "_tables" / "stable_index.md").read_text()
    assert table == validation.table(rows) + "\n"


def test_the_table_holds_what_the_docs_say_of_it(rows):
    assert all(row.repeats == 2000 for row in rows)
    likely = [row for row in rows if row.method == "likelihood" and row.alpha <= 1.95]
    assert all(row.efficiency > 0.92 for row in likely)
    unbounded = [row for row in rows if row.method != "likelihood"]
    assert all(abs(row.bias) < 0.3 for row in [*unbounded, *likely])
    # 95 +- 1 % and the two standard errors of 2000 repeats at most
    inside = [row for row in [*unbounded, *likely] if row.alpha < 2]
    assert all(0.933 <= row.coverage <= 0.967 for row in inside)
    # the two-sided intervals of blocks, and those of quantiles, are wide at 2
    assert all(row.coverage >= 0.94 for row in rows if row.alpha == 2)


def test_a_row_is_measured_again():
    found = {row.method: row for row in validation.measure(1.5, 20)}
    assert abs(found["likelihood"].bias) < 1.5
    assert found["likelihood"].deviation == pytest.approx(0.0154, rel=0.7)
