"""The task of an ensemble: simulate the tiles of a block of chains and average each tile."""

import dataclasses
import hashlib
import math
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from linsgd.blocks import Arrays, own_source
from linsgd.domains import IntArray
from linsgd.jit import sources
from linsgd.montecarlo.observables.observable import Observable
from linsgd.montecarlo.walks.walks import Walks
from linsgd.result import environment
from linsgd.variates import LANES

ROOMS = ("problems", "optimizers", "montecarlo")  # whose code decides about averages
BUFFER = 2**15  # numbers of a tile read at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tiles:
    """From a range of chains, from a multiple of 64 on, to the averages of its tiles.

    Attributes
    ----------
    walks : Walks
        The chains.
    record : tuple of Observable
        What is averaged.
    at : ndarray (K,)
        The steps that the simulation is asked for.
    """

    walks: Walks
    record: tuple[Observable, ...]
    at: IntArray

    def __call__(self, chains: range) -> Arrays:
        """Simulate the chains."""
        tiles = [
            self._tile(first // LANES, min(LANES, chains.stop - first)) for first in chains[::LANES]
        ]
        return {name: np.stack([tile[name] for tile in tiles]) for name in tiles[0]}

    def _tile(self, tile: int, lanes: int) -> Arrays:
        advance = self.walks.tile(tile)
        recorders = [observable.recorder(self.walks, self.at) for observable in self.record]
        for steps in self.schedule():
            rows = advance(steps)
            for recorder in recorders:
                recorder.update(steps, rows)
        return {
            name: average
            for recorder in recorders
            for name, average in recorder.averages(lanes).items()
        }

    def schedule(self) -> Iterator[IntArray]:
        """Read tiles at these steps, increasing, as many at once as fit the buffer."""
        needs = [observable.needs(self.at) for observable in self.record]
        every = math.gcd(*(need.every for need in needs))
        chosen = reduce(np.union1d, (need.steps for need in needs))
        at_once = max(1, BUFFER // (2 * self.walks.problem.dimension * LANES))
        last = int(self.at[-1])
        if every == 0:
            return iter(np.split(chosen, range(at_once, len(chosen), at_once)))
        firsts = range(0, last + 1, at_once * every)
        return (
            _merged(np.arange(first, min(first + at_once * every, last + 1), every), every, chosen)
            for first in firsts
        )

    def key(self) -> str:
        """Return the SHA-256 of all that determines the averages, software versions included."""
        digest = hashlib.sha256()
        _feed(digest, (self, sources(*ROOMS), sorted(environment().items())))
        return digest.hexdigest()


def _merged(window: IntArray, every: int, chosen: IntArray) -> IntArray:
    """Return the steps of a window and those of `chosen` in it or before the next one."""
    inside = chosen[(window[0] <= chosen) & (chosen < window[-1] + every)]
    return np.union1d(window, inside) if len(inside) else window


def _feed(digest: Any, value: Any) -> None:
    """Feed a value's content to a digest: the fields of dataclasses, the bytes of arrays.

    The code of a class of one's own is part of it.
    """
    kind = type(value)
    digest.update(f"{kind.__module__}.{kind.__qualname__}{own_source(kind)}(".encode())
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _feed(digest, getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for item in value:
            _feed(digest, item)
    elif isinstance(value, str | int | float | None | type):
        digest.update(repr(value).encode())
    else:
        digest.update(pickle.dumps(value))
    digest.update(b")")
