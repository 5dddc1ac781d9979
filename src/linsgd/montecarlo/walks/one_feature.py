"""Chains on one Gaussian feature and Gaussian label noise: a pair of normal variates a sample.

A sample's gradient is added as it is drawn, so that no sample is stored.
"""

import numpy as np

from linsgd.jit import Array, Words, kernel
from linsgd.montecarlo.random.laws import Samples
from linsgd.montecarlo.updates.update import Update, advance, copy_state
from linsgd.montecarlo.walks.linear import LinearWalks
from linsgd.montecarlo.walks.walks import Batch
from linsgd.variates import LANES, normals


@kernel
def walk(
    update: Update,
    batch: Batch,
    samples: Samples,
    S: Words,
    W: Array,
    V: Array,
    M: Array,
    step: int,
    at: Array,
    out: Array,
) -> None:
    """Go on from `step` to each of the steps `at` (K,), writing (u, v) to out (K, 2, 64)."""
    root = samples.root[0]
    scale = samples.scale
    optimum = samples.optimum[0]
    w = W[0]
    G = np.zeros((1, LANES), W.dtype)
    g = G[0]
    for k in range(len(at)):
        while step < at[k]:
            for _ in range(batch.size):
                for j in range(LANES):
                    z, e = normals(S, j)
                    g[j] += z * (z * (root * w[j]) - scale * e)
            for j in range(LANES):
                g[j] = root * batch.share * g[j] + batch.weight_decay * (w[j] + optimum)
            advance(update, step, W, V, M, G)
            for j in range(LANES):
                g[j] = 0
            step += 1
        copy_state(W, V, out[k])


class LineWalks(LinearWalks):
    """Chains on a line."""

    __slots__ = ()
    kernel = staticmethod(walk)
