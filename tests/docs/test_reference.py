"""The reference has a page for what is offered, and for what public calls return and take."""

import importlib.util
from pathlib import Path

import pytest

import linsgd

SOURCE = Path(__file__).parents[2] / "docs" / "api_page.py"


@pytest.fixture(scope="module")
def pages():
    specification = importlib.util.spec_from_file_location("api_page", SOURCE)
    api_page = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(api_page)
    return {name for names in api_page.public_names().values() for name in names}


def test_every_public_name_has_a_page(pages):
    functions = {f"linsgd.{name}" for name in linsgd.__all__ if callable(getattr(linsgd, name))}
    assert functions <= pages


@pytest.mark.parametrize(
    "name",
    [
        "linsgd.theory.tails.result.TailResult",
        "linsgd.estimate.TailIndex",
        "linsgd.judge.judge",
        "linsgd.judge.Acceptance",
        "linsgd.judge.Claim",
        "linsgd.judge.Verdict",
        "linsgd.claims.Case",
        "linsgd.claims.Paper",
        "linsgd.montecarlo.simulate.EnsembleStatus",
    ],
)
def test_every_class_that_a_call_returns_or_takes_has_a_page(pages, name):
    assert name in pages


def test_helpers_have_none(pages):
    assert not [name for name in pages if name.startswith(("linsgd.domains", "linsgd.jit"))]
