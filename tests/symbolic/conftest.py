"""Thirty digits: the point is whether a formula is right; near an edge of its regime double precision loses half."""

import mpmath as mp
import pytest


@pytest.fixture(autouse=True, scope="module")
def _thirty_digits():
    with mp.workdps(30):
        yield
