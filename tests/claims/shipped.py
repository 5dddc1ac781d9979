"""The claims that ship. Building all of them takes half a minute, so that each is built once, by
the worker that runs the group of files `TOGETHER`."""

from functools import cache

import pytest

from linsgd.claims import registry

TOGETHER = pytest.mark.xdist_group("claims that ship")
NAMES = [name for paper in registry.PAPERS for name in paper.entries]


@cache
def claims_of(name):
    """A claim about each of the problems that ship and that it is made about."""
    return registry.claims(name)


def every_claim():
    return [claim for name in NAMES for claim in claims_of(name)]
