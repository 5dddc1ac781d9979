"""`simulate_map`: chains of a random map of a user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.blocks import map_threads
from linsgd.domains import FloatArray, IntArray
from linsgd.jit import Array, Words, kernel, method, specialised
from linsgd.montecarlo.random import variates as variates  # implements the variates of kernels
from linsgd.montecarlo.random.seeds import Seed, integer_seed
from linsgd.montecarlo.random.streams import seed_streams
from linsgd.problems.random_map import RandomMap
from linsgd.result import Result, Status
from linsgd.variates import LANES, normals

_advance = method("advance")


class MapStatus(Status):
    """Whether all chains stayed finite."""

    OK = "ok"
    DIVERGED = "diverged"  # some left the range of floats; their states are nan from then on


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class MapStates(Result):
    """States of chains of a random map.

    Attributes
    ----------
    steps : ndarray (K,)
        When the chains were seen.
    states : ndarray (K, n, d)
        The states of n chains; nan where a chain had diverged.
    diverged : ndarray (K,)
        Number of chains that had.
    status : MapStatus
        "diverged" if any has.
    """

    steps: IntArray
    states: FloatArray
    diverged: IntArray
    status: MapStatus


@kernel
def _fill(code: Any, S: Words, start: Array, at: Array, count: int, states: Array) -> None:
    """Write the states of the 64 chains of a tile at increasing steps to states (K, 64, d)."""
    w, out, z = np.empty(start.size), np.empty(start.size), np.empty(count)
    for j in range(states.shape[1]):
        step = 0
        w[:] = start
        for k in range(at.size):
            while step < at[k]:
                for i in range(0, count, 2):
                    first, second = normals(S, j)
                    z[i] = first
                    if i + 1 < count:
                        z[i + 1] = second
                _advance(code, w, z, out)
                w[:] = out
                step += 1
            states[k, j] = w


def map_states(
    map: RandomMap, steps: IntArray, chains: range, start: FloatArray, seed: int
) -> FloatArray:
    """Return the states (K, len(chains), d) of chains, a whole number of tiles."""
    run = specialised(_fill, map.code)

    def tile(first: int) -> FloatArray:
        found = np.empty((steps.size, LANES, map.dimension))
        S = seed_streams(seed, first // LANES, np.float64)
        run(map.code, S, start, steps, map.normals, found)
        return found

    return np.concatenate(map_threads(tile, chains[::LANES]), axis=1)


def simulate_map(
    map: RandomMap,
    steps: ArrayLike,
    *,
    chains: int = 4096,
    start: ArrayLike = 0.0,
    seed: Seed = 0,
) -> MapStates:
    """Simulate independent chains of a random map.

    Parameters
    ----------
    map : RandomMap
        The update rule.
    steps : int or array_like (K,)
        Increasing numbers of steps after which the states are kept.
    chains : int
        Number of chains, rounded up to a multiple of 64.
    start : float or array_like (d,)
        Where all begin.
    seed : int, SeedSequence or Generator
        The same seed gives the same bits, whatever the number of threads.

    Returns
    -------
    MapStates
        The states. Chains that leave the range of floats are counted, and nan.

    Raises
    ------
    ValueError
        If an argument lies outside its domain.

    See Also
    --------
    linsgd.estimate.tail_index : The tail exponent of the states.

    Examples
    --------
    A random recurrence whose exact tail exponent is 2, as E (1 - x^2 2/3)^2 = 1:

    >>> import linsgd
    >>> sgd = linsgd.RandomMap.from_callable(
    ...     lambda w, z: w - 2 / 3 * z[0] * (z[0] * w - z[1]), normals=2
    ... )
    >>> run = linsgd.simulate_map(sgd, 200, chains=16384, seed=1)
    >>> index = linsgd.estimate.tail_index(run.states[0, :, 0])
    >>> bool(index.lower < 2 < index.upper)
    True
    """
    domains.exact_type("map", map, (RandomMap,))
    at = domains.step_list("steps", np.atleast_1d(steps))
    if np.any(np.diff(at) <= 0):
        domains.refuse("steps", at.tolist(), "increasing numbers of steps")
    count = domains.integer("chains", chains, "[1, 100000000]")
    first = np.asarray(start, dtype=np.float64)
    if first.ndim == 0:
        first = np.full(map.dimension, first)
    origin = domains.array("start", first, (map.dimension,))
    tiles = -(-count // LANES)
    states = map_states(map, at, range(tiles * LANES), origin, integer_seed(seed))
    lost = ~np.isfinite(states).all(axis=2)
    states[lost] = np.nan
    diverged = lost.sum(axis=1)
    return MapStates(
        steps=at,
        states=states,
        diverged=diverged,
        status=MapStatus.DIVERGED if diverged.any() else MapStatus.OK,
    )
