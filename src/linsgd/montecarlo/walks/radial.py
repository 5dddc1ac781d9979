r"""An exact reduction to O(1) numbers a step, for H = h I and weight decay 0 or w* = 0.

The law is then invariant under rotations about w*, and the state is r = |w - w*|, p = v.(w - w*)/r
and q = |v - its part along w - w*|: rows 0, 1, 2. By the reduction of `reduced_walk` the gradient
has, with S = sqrt(h c (h r^2 + s^2)), c ~ chi2_b and the noise's standard deviation s,

    along w - w*           (h c r + S s n_0 / sqrt(h r^2 + s^2)) / b + weight_decay r,
    along the rest of v    S n_1 / b,
    across both            S sqrt(k) / b,  k ~ chi2_(d-2).

In these three directions the step is the optimizer's own, and the new state is read off the
triangle of v' and w' - w*.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import IntArray
from linsgd.jit import Array, Words, inlined, kernel
from linsgd.montecarlo.random.streams import seed_streams
from linsgd.montecarlo.updates.sgd import SGDUpdate, gradient_weight
from linsgd.montecarlo.walks.reduced import fill_chi_squared
from linsgd.montecarlo.walks.walks import Advance, Batch, Walks
from linsgd.variates import LANES, fill_normals, gamma


@kernel
def walk(
    update: SGDUpdate,
    batch: Batch,
    h: Any,
    noise: Any,
    d: int,
    S: Words,
    state: Array,
    step: int,
    at: Array,
    out: Array,
) -> None:
    """Go on from `step` to each of the steps `at` (K,), writing (r, p, q) to out (K, 3, 64)."""
    Z = np.empty((4, LANES))
    C = np.empty(LANES)
    P = np.empty(LANES)
    K = np.zeros(LANES)
    for k in range(len(at)):
        while step < at[k]:
            fill_normals(S, Z, 2 + 2 * (batch.size % 2))
            fill_chi_squared(S, batch.size, C, Z, 2, P)
            if d > 2:
                for j in range(LANES):
                    K[j] = 2.0 * gamma(S, j, 0.5 * (d - 2))
            weight = gradient_weight(update, step)
            for j in range(LANES):
                r = state[0, j]
                p = state[1, j]
                q = state[2, j]
                along, second, across = gradient(batch, h, noise, r, C[j], Z[0, j], Z[1, j], K[j])
                state[0, j], state[1, j], state[2, j] = descend(
                    update, weight, r, p, q, along, second, across
                )
            step += 1
        for i in range(3):
            for j in range(LANES):
                out[k, i, j] = state[i, j]


@inlined
def gradient(
    batch: Batch, h: Any, noise: Any, r: Any, c: Any, n0: Any, n1: Any, k: Any
) -> tuple[Any, Any, Any]:
    """Return the gradient along w - w*, along the rest of v and across both."""
    m = h * r * r + noise * noise
    size = math.sqrt(h * c) * batch.share
    along = h * c * r * batch.share + size * noise * n0 + batch.weight_decay * r
    return along, size * math.sqrt(m) * n1, size * math.sqrt(m * k)


@inlined
def descend(
    update: SGDUpdate, weight: Any, r: Any, p: Any, q: Any, along: Any, second: Any, across: Any
) -> tuple[Any, Any, Any]:
    """Make the optimizer's step in the three directions and return the new (r, p, q)."""
    v1 = update.momentum * p - weight * along
    v2 = update.momentum * q - weight * second
    v3 = -weight * across
    w1 = r + update.lr * v1
    w2 = update.lr * v2
    w3 = update.lr * v3
    if update.nesterov:
        w1 = r + update.lr * (update.momentum * v1 - along)
        w2 = update.lr * (update.momentum * v2 - second)
        w3 = update.lr * (update.momentum * v3 - across)
    radius = math.sqrt(w1 * w1 + w2 * w2 + w3 * w3)
    if radius == 0.0:
        return 0.0, math.sqrt(v1 * v1 + v2 * v2 + v3 * v3), 0.0
    x = v2 * w3 - v3 * w2
    y = v3 * w1 - v1 * w3
    z = v1 * w2 - v2 * w1
    return radius, (v1 * w1 + v2 * w2 + v3 * w3) / radius, math.sqrt(x * x + y * y + z * z) / radius


class RadialWalks(Walks):
    """Chains known by their radius and their velocity along and across it."""

    __slots__ = ()

    def tile(self, tile: int) -> Advance:
        """Start the chains 64 tile to 64 tile + 63."""
        problem = self.problem
        update = self.update
        batch = self.batch
        assert isinstance(update, SGDUpdate)
        h = problem.eigenvalues[0]
        noise = problem.noise_std
        d = problem.dimension
        S = seed_streams(self.seed, tile, self.dtype)
        state = self._begin_radial()
        step = 0

        def advance(at: IntArray) -> NDArray[Any]:
            nonlocal step
            out = np.empty((len(at), 3, LANES))
            walk(update, batch, h, noise, d, S, state, step, at, out)
            step = int(at[-1])
            return out

        return advance

    def _begin_radial(self) -> NDArray[Any]:
        w, v = (np.zeros(self.problem.dimension),) * 2 if self.start is None else self.start
        u = w - self.problem.optimum
        r = float(np.linalg.norm(u))
        p = float(v @ u) / r if r > 0 else float(np.linalg.norm(v))
        q = float(np.linalg.norm(v - p * u / r)) if r > 0 else 0.0
        return np.repeat([[r], [p], [q]], LANES, axis=1)

    def states(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Turn what a tile returned to states (K, 64, 3)."""
        return np.ascontiguousarray(rows.transpose(0, 2, 1))
