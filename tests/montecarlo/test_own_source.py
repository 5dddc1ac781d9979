"""Blocks of a run are not taken for those of a law whose code has changed since."""

import importlib
import sys

import pytest

import linsgd
from linsgd.blocks import own_source

LAW = """
import numpy as np

class Signs:
    dimension = 1

    def second_moment(self):
        return np.ones(1)

    def fourth_moment(self, M):
        return M

    def sample(self, n, rng):
        return {sign}np.sign(rng.random((n, 1)) - 0.5)
"""


@pytest.fixture
def law(tmp_path, monkeypatch):
    """Write the module of a law with the given text, and return an instance of it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def written(sign):
        (tmp_path / "law_of_ones_own.py").write_text(LAW.format(sign=sign))
        sys.modules.pop("law_of_ones_own", None)
        importlib.invalidate_caches()
        return importlib.import_module("law_of_ones_own").Signs()

    yield written
    sys.modules.pop("law_of_ones_own", None)


def test_blocks_are_named_after_the_code_of_ones_own_law(law, tmp_path):
    folder = tmp_path / "blocks"

    def blocks(sign):
        problem = linsgd.LinearRegression.from_features(law(sign))
        linsgd.simulate(problem, linsgd.SGD(lr=0.1), 2, chains=64, checkpoint=folder)
        return {file.name for file in folder.iterdir()}

    first = blocks("")
    assert blocks("") == first
    assert len(blocks("-")) == 2 * len(first)


def test_the_source_is_that_of_classes_outside_the_package(law):
    assert own_source(linsgd.SGD) == own_source(int) == ""
    assert own_source(type(law(""))) != own_source(type(law("-"))) != ""
