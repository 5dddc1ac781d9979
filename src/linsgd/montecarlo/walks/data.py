r"""Chains on a finite data set, in its own coordinates: the gradient of row n is x_n (x_n.w - y_n).

With replacement a row is floor(N u) with u uniform on a grid of 2^-52 in [0, 1). Without
replacement each chain keeps a permutation of the rows and goes on shuffling it as Fisher and Yates
do: the next row is swapped in from a uniform place behind it. Whatever the permutation was, the
rows so met are a uniform ordered sample without replacement; so a simple random sample starts anew
at every step, and an epoch when fewer rows than a batch are left. In a fixed order each chain keeps
the permutation of its first epoch.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import IntArray
from linsgd.jit import Array, Words, inlined, kernel, specialised, summing
from linsgd.montecarlo.random.streams import seed_streams
from linsgd.montecarlo.updates.update import Update, advance_rows, copy_state
from linsgd.montecarlo.walks.walks import Advance, Batch, Walks
from linsgd.problems.features import FiniteData
from linsgd.variates import LANES, bits, unit


class Rows(NamedTuple):
    """The data for the kernel: rows X (N, d), labels y (N,), and how batches are drawn."""

    X: Any
    y: Any
    replacement: bool
    epoch: bool  # whether batches walk through epochs
    fixed: bool = False  # whether every epoch has the order of the first


@kernel
def walk(
    update: Update,
    batch: Batch,
    rows: Rows,
    S: Words,
    W: Array,
    V: Array,
    M: Array,
    order: Array,
    step: int,
    at: Array,
    out: Array,
) -> None:
    """Go on from `step` to the steps `at` (K,), writing (w, v) of 64 lanes to out (K, 2d, 64).

    Here W and V are (64, d), M is (slots, 64, d). `order` (64, N) holds the permutations; its
    content does not matter with replacement.
    """
    batches = len(rows.y) // batch.size if rows.epoch else 1
    G, chosen = np.empty_like(W), np.empty((batch.size, LANES), np.int64)
    for k in range(len(at)):
        while step < at[k]:
            place = step % batches * batch.size
            if rows.fixed and step >= batches:
                read_batches(order, place, chosen)
            else:
                draw_batches(rows, S, order, place, chosen)
            take_step(update, batch, rows, step, chosen, W, V, M, G)
            step += 1
        copy_state(W.T, V.T, out[k])


@inlined
def take_step(
    update: Update,
    batch: Batch,
    rows: Rows,
    step: int,
    chosen: Array,
    W: Array,
    V: Array,
    M: Array,
    G: Array,
) -> None:
    """Step W, V (64, d) along the gradients of the chosen rows (b, 64), written to G (64, d)."""
    add_gradients(rows.X, rows.y, chosen, W, G)
    for j in range(LANES):
        for i in range(W.shape[1]):
            G[j, i] = G[j, i] * batch.share + batch.weight_decay * W[j, i]
    advance_rows(update, step, W, V, M, G)


@kernel
def draw_batches(rows: Rows, S: Words, order: Array, place: int, batch: Array) -> None:
    """Write the rows of every lane's batch (b, 64), which begins at `place` of an epoch."""
    N = len(rows.y)
    for q in range(len(batch)):
        choices = N if rows.replacement else N - place - q
        for j in range(LANES):
            u = 1.0 - unit(
                bits(S, j)
            )  # at most 1 - 2^-52, so that u times the choices rounds to less than them
            batch[q, j] = int(u * choices)
    if not rows.replacement:
        for j in range(LANES):
            for q in range(len(batch)):
                here, there = place + q, place + q + batch[q, j]
                order[j, here], order[j, there] = order[j, there], order[j, here]
                batch[q, j] = order[j, here]


@kernel
def read_batches(order: Array, place: int, batch: Array) -> None:
    """Write the rows at `place` of every lane's order (64, N) to batch (b, 64)."""
    for q in range(len(batch)):
        for j in range(LANES):
            batch[q, j] = order[j, place + q]


@summing
def add_gradients(X: Array, y: Array, batch: Array, W: Array, G: Array) -> None:
    """Write the sum of x_n (x_n.w - y_n) over the rows n of each batch to G (64, d).

    Four rows are taken at a time.
    """
    b = len(batch)
    for j in range(LANES):
        w, g = W[j], G[j]
        for i in range(len(w)):
            g[i] = 0
        for q in range(0, b - 3, 4):
            x0, x1, x2, x3 = (
                X[batch[q, j]],
                X[batch[q + 1, j]],
                X[batch[q + 2, j]],
                X[batch[q + 3, j]],
            )
            r0, r1, r2, r3 = (
                -y[batch[q, j]],
                -y[batch[q + 1, j]],
                -y[batch[q + 2, j]],
                -y[batch[q + 3, j]],
            )
            for i in range(len(w)):
                r0 += x0[i] * w[i]
                r1 += x1[i] * w[i]
                r2 += x2[i] * w[i]
                r3 += x3[i] * w[i]
            for i in range(len(w)):
                g[i] += (x0[i] * r0 + x1[i] * r1) + (x2[i] * r2 + x3[i] * r3)
        for q in range(b - b % 4, b):
            x, r = X[batch[q, j]], -y[batch[q, j]]
            for i in range(len(w)):
                r += x[i] * w[i]
            for i in range(len(w)):
                g[i] += x[i] * r


class DataWalks(Walks):
    """Chains on a finite data set."""

    __slots__ = ()

    def tile(self, tile: int) -> Advance:
        """Start the chains 64 tile to 64 tile + 63."""
        update, rows = self.update, self.rows()
        advance_tile = specialised(walk, update)
        S = seed_streams(self.seed, tile, self.dtype)
        W, V, M = (np.ascontiguousarray(x.swapaxes(-1, -2)) for x in self.begin())
        order = np.tile(
            np.arange(1 if rows.replacement else len(rows.y), dtype=np.int32), (LANES, 1)
        )
        step = 0

        def advance(at: IntArray) -> NDArray[Any]:
            nonlocal step
            out = np.empty((len(at), 2 * self.problem.dimension, LANES), self.dtype)
            for batch, goals, states in self.pieces(step, at, out):
                advance_tile(update, batch, rows, S, W, V, M, order, step, goals, states)
                step = int(goals[-1])
            return out

        return advance

    def rows(self) -> Rows:
        """Return the data for the kernel."""
        data, sgd = self.problem.features, self.sgd
        assert isinstance(data, FiniteData)
        X, y = data.X.astype(self.dtype), data.y.astype(self.dtype)
        return Rows(
            X,
            y,
            replacement=bool(sgd.replacement),
            epoch=sgd.sampling != "independent",
            fixed=sgd.sampling == "fixed",
        )
