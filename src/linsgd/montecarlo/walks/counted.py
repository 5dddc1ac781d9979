r"""Chains on a data set that draw some of its rows a prescribed number of times.

The marked rows are drawn c times in all over the steps from `begin` to the last one. Let R_t(r) be
the probability of r such draws from step t on, and p(h) that of h in one step. A chain that has r
draws left makes h of them in step t with probability p(h) R_{t+1}(r - h) / R_t(r); the rest of the
batch are other rows. Given c this is the law of the plain walk.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray, IntArray
from linsgd.jit import Array, Words, kernel, specialised
from linsgd.montecarlo.random.streams import seed_streams
from linsgd.montecarlo.updates.update import Update, copy_state
from linsgd.montecarlo.walks.data import DataWalks, Rows, draw_batches, take_step
from linsgd.montecarlo.walks.walks import Advance, Batch
from linsgd.variates import LANES, bits, unit


class Counts(NamedTuple):
    """How many marked rows are drawn, for the kernel.

    The first `marked` rows are the marked ones; `begin` is the first step that counts;
    ``chances[t - begin, r, h]`` is the probability of at most h draws in step t with r left.
    """

    marked: int
    begin: int
    chances: Any


@kernel
def walk_counted(
    update: Update,
    batch: Batch,
    rows: Rows,
    counts: Counts,
    S: Words,
    W: Array,
    V: Array,
    M: Array,
    order: Array,
    left: Array,
    step: int,
    at: Array,
    out: Array,
) -> None:
    """Go on from `step` to the steps `at` (K,), writing (w, v) of 64 lanes to out (K, 2d, 64).

    `left` (64,) holds how many draws of marked rows each lane still has to make.
    """
    G = np.empty_like(W)
    chosen = np.empty((batch.size, LANES), np.int64)
    for k in range(len(at)):
        while step < at[k]:
            if step < counts.begin:
                draw_batches(rows, S, order, 0, chosen)
            else:
                draw_counted(rows, counts, S, order, left, step, chosen)
            take_step(update, batch, rows, step, chosen, W, V, M, G)
            step += 1
        copy_state(W.T, V.T, out[k])


@kernel
def draw_counted(
    rows: Rows, counts: Counts, S: Words, order: Array, left: Array, step: int, batch: Array
) -> None:
    """Write the rows of every lane's batch (b, 64): first the marked ones, then the others."""
    N = len(rows.y)
    b = len(batch)
    for j in range(LANES):
        cumulative = counts.chances[step - counts.begin, left[j]]
        u = unit(bits(S, j))
        h = 0
        while h < len(cumulative) - 1 and u > cumulative[h]:
            h += 1
        left[j] -= h
        for q in range(b):
            first = 0 if q < h else counts.marked
            taken = 0 if rows.replacement else (q if q < h else q - h)
            choices = (counts.marked if q < h else N - counts.marked) - taken
            here = first + taken
            there = here + int((1.0 - unit(bits(S, j))) * choices)
            if rows.replacement:
                batch[q, j] = there
            else:
                order[j, here], order[j, there] = order[j, there], order[j, here]
                batch[q, j] = order[j, here]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountedWalks(DataWalks):
    """Chains on a data set with prescribed numbers of draws of some rows.

    Attributes
    ----------
    ordered : Rows
        The data, marked rows first.
    counts : Counts
        How the marked rows are drawn.
    draws : ndarray (period,) of int
        How often chain i draws them: draws[i mod period], -1 for a random number.
    random : ndarray (most + 1,)
        Cumulative law of the random number.
    """

    ordered: Rows
    counts: Counts
    draws: IntArray
    random: FloatArray

    def tile(self, tile: int) -> Advance:
        """Start the chains 64 tile to 64 tile + 63."""
        update = self.update
        batch = self.batch
        rows = self.ordered
        walk = specialised(walk_counted, update)
        S = seed_streams(self.seed, tile, self.dtype)
        W, V, M = (np.ascontiguousarray(x.swapaxes(-1, -2)) for x in self.begin())
        # Each lane permutes the marked rows, which come first, and the others apart.
        order = np.tile(
            np.arange(1 if rows.replacement else len(rows.y), dtype=np.int32), (LANES, 1)
        )
        left = self.draws[(np.arange(LANES) + LANES * tile) % len(self.draws)]
        uniform = np.random.default_rng([self.seed, tile]).random(LANES)
        left = np.where(left < 0, np.searchsorted(self.random, uniform), left)
        step = 0

        def advance(at: IntArray) -> NDArray[Any]:
            nonlocal step
            out = np.empty((len(at), 2 * self.problem.dimension, LANES), self.dtype)
            walk(update, batch, rows, self.counts, S, W, V, M, order, left, step, at, out)
            step = int(at[-1])
            return out

        return advance
