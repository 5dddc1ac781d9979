"""Identities: the steps at which a tile is read, and the hash that names its blocks."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import linsgd
from linsgd.montecarlo import tiles
from linsgd.montecarlo.tiles import Tiles
from linsgd.montecarlo.walks.engine import walks

GAUSSIAN = linsgd.LinearRegression.gaussian([1.0, 0.5])
SGD = linsgd.SGD(lr=0.1, momentum=0.5)
MOMENTS = linsgd.StateMoments()


def described(problem=GAUSSIAN, sgd=SGD, seed=0, start=None, engine="full", dtype="float64"):
    return walks(problem, sgd, seed, start, engine, dtype)


def task(record=(MOMENTS,), at=(5, 9), **options):
    return Tiles(walks=described(**options), record=record, at=np.array(at))


@settings(max_examples=150, deadline=None)
@given(
    everies=st.lists(st.integers(1, 12), max_size=2),
    at=st.sets(st.integers(0, 60), min_size=1, max_size=5),
    at_once=st.integers(1, 70),
)
def test_a_tile_is_read_at_the_steps_that_its_observables_need(everies, at, at_once):
    """All multiples of each `every` up to the last step, and the steps asked for, in order."""
    at = np.array(sorted(at))
    record = [MOMENTS, *(linsgd.Exceedance(every=every) for every in everies)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "BUFFER", at_once * 2 * 2 * 64)
        windows = list(task(tuple(record), at).schedule())
    read = np.concatenate(windows)
    assert (np.diff(read) > 0).all()
    multiples = [range(0, int(at[-1]) + 1, every) for every in everies]
    needed = set(at.tolist()).union(*multiples)
    assert needed <= set(read.tolist())
    if everies:
        needed |= set(range(0, int(at[-1]) + 1, int(np.gcd.reduce(everies))))
    assert set(read.tolist()) <= needed
    assert max(map(len, windows)) <= at_once + len(at)


def test_windows_fill_the_buffer(monkeypatch):
    monkeypatch.setattr(tiles, "BUFFER", 7 * 2 * 2 * 64)
    windows = list(task((linsgd.Exceedance(),), [20]).schedule())
    assert [len(window) for window in windows] == [7, 7, 7]
    assert windows[-1][-1] == 20


def test_averages_are_by_tile():
    averages = task()(range(64, 300))
    assert averages["mean"].shape == (4, 2, 4)
    last = task()(range(256, 300))["mean"]
    assert np.array_equal(averages["mean"][-1], last[0])


OTHERS = {
    "seed": {"seed": 1},
    "optimizer": {"sgd": linsgd.SGD(lr=0.1, momentum=0.6)},
    "problem": {"problem": linsgd.LinearRegression.gaussian([1.0, 0.4])},
    "noise": {"problem": linsgd.LinearRegression.gaussian([1.0, 0.5], noise="laplace")},
    "start": {"start": ([0.0, 0.0], [0.0, 0.0])},
    "engine": {"engine": "reduced"},
    "precision": {"dtype": "float32"},
    "observable": {"record": (linsgd.States(),)},
    "its arguments": {"record": (linsgd.Exceedance(every=2),)},
    "steps": {"at": (5, 10)},
}


def test_the_key_is_that_of_all_that_decides_the_averages():
    base = [task().key(), task((linsgd.Exceedance(),)).key()]
    keys = [task(**options).key() for options in OTHERS.values()]
    assert len({*base, *keys}) == len(keys) + 2
    assert task().key() == base[0]


def test_the_key_is_another_under_other_versions(monkeypatch):
    before = task().key()
    monkeypatch.setattr(tiles, "environment", lambda: {"numpy": "0"})
    assert task().key() != before


def test_the_key_feeds_what_it_does_not_know_by_its_pickle():
    @dataclasses.dataclass
    class Held:
        content: object

    def key(content):
        digest = tiles.hashlib.sha256()
        tiles._feed(digest, Held(content))
        return digest.hexdigest()

    assert key({"a": 1}) == key({"a": 1})
    assert key({"a": 1}) != key({"a": 2})
    assert key((1, 2)) != key((12,))
