r"""Chains on a finite data set, in its own coordinates: the gradient of row n is x_n (x_n.w - y_n).

With replacement a row is floor(N u) with u uniform on a grid of 2^-52. Without replacement each chain keeps a
permutation of the rows and goes on shuffling it as Fisher and Yates do: the next row is swapped in from a uniform
place behind it. Whatever the permutation was, the rows so met are a uniform ordered sample without replacement; so a
simple random sample starts anew at every step, and an epoch when fewer rows than a batch are left.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import IntArray
from linsgd.features import FiniteData
from linsgd.montecarlo.descent import Rule, descend
from linsgd.montecarlo.generator import LANES, draw, seed_streams, unit
from linsgd.montecarlo.jit import Array, Words, kernel
from linsgd.montecarlo.walk import Advance, Walks


class Rows(NamedTuple):
    """The data for the kernel: rows X (N, d), labels y (N,), and how batches are drawn."""

    X: Any
    y: Any
    replacement: bool
    epoch: bool


@kernel
def walk(rule: Rule, rows: Rows, S: Words, W: Array, V: Array, order: Array, step: int, at: Array, out: Array) -> None:
    """Go on from `step` to each of the steps `at` (K,), writing (w, v) of the 64 lanes to out (K, 2d, 64).

    `order` (64, N) holds the permutations; its content does not matter with replacement.
    """
    N, d = rows.X.shape
    b = rule.batch_size
    batches = N // b if rows.epoch else 1
    G = np.empty_like(W)
    w, g = np.empty(d, W.dtype), np.empty(d, W.dtype)
    for k in range(len(at)):
        while step < at[k]:
            place = step % batches * b
            for j in range(LANES):
                for i in range(d):
                    w[i] = W[i, j]
                    g[i] = 0
                for q in range(b):
                    n = draw_row(rows, S, j, order, place + q)
                    r = -rows.y[n]
                    for i in range(d):
                        r += rows.X[n, i] * w[i]
                    for i in range(d):
                        g[i] += rows.X[n, i] * r
                for i in range(d):
                    G[i, j] = g[i] * rule.share + rule.weight_decay * w[i]
            descend(rule, step, W, V, G)
            step += 1
        out[k, :d] = W
        out[k, d:] = V


@kernel
def draw_row(rows: Rows, S: Words, j: int, order: Array, place: int) -> Any:
    """Return the row of lane `j` at `place` in its batch or epoch."""
    N = len(rows.y)
    if rows.replacement:
        return min(int((1.0 - unit(draw(S, j))) * N), N - 1)
    other = min(place + int((1.0 - unit(draw(S, j))) * (N - place)), N - 1)
    n = order[j, other]
    order[j, other] = order[j, place]
    order[j, place] = n
    return n


class DataWalks(Walks):
    """Chains on a finite data set."""

    __slots__ = ()

    def tile(self, tile: int) -> Advance:
        """Start the chains 64 tile to 64 tile + 63."""
        rule, rows = Rule.of(self.sgd, self.start is None, self.dtype), self.rows()
        S, (W, V) = seed_streams(np.uint64(self.seed), tile), self.begin()
        order = np.tile(np.arange(1 if rows.replacement else len(rows.y), dtype=np.int32), (LANES, 1))
        step = 0

        def advance(at: IntArray) -> NDArray[Any]:
            nonlocal step
            out = np.empty((len(at), 2 * len(W), LANES), self.dtype)
            walk(rule, rows, S, W, V, order, step, at, out)
            step = int(at[-1])
            return out

        return advance

    def rows(self) -> Rows:
        """Return the data for the kernel."""
        data, sgd = self.problem.features, self.sgd
        assert isinstance(data, FiniteData)
        X, y = data.X.astype(self.dtype), data.y.astype(self.dtype)
        return Rows(X, y, bool(sgd.replacement), sgd.sampling == "epoch")
