"""Formulas are evaluated with thirty digits: double precision loses half of its own at an edge."""

import mpmath as mp
import pytest


@pytest.fixture(autouse=True, scope="module")
def _thirty_digits():
    with mp.workdps(30):
        yield
