"""Chains on one Gaussian feature with Gaussian label noise: a sample is one pair of normal variates.

With a single feature nothing need be stored between the draw and the step, so that one loop over
the lanes does both; only the gradients of a batch's other samples are summed before it.
"""

import numpy as np

from linsgd.jit import Array, Words, kernel
from linsgd.montecarlo.random.streams import LANES
from linsgd.montecarlo.random.variates import normals
from linsgd.montecarlo.updates.sgd import Rule, copy_state, moved
from linsgd.montecarlo.walks.linear import LinearWalks, Samples


@kernel
def walk(
    rule: Rule, samples: Samples, S: Words, W: Array, V: Array, step: int, at: Array, out: Array
) -> None:
    """Go on from `step` to each of the steps `at` (K,), writing (u, v) of the 64 lanes to out (K, 2, 64)."""
    root, scale, optimum = samples.root[0], samples.noise.scale, samples.optimum[0]
    w, v, G = W[0], V[0], np.zeros(LANES, W.dtype)
    for k in range(len(at)):
        while step < at[k]:
            weight = rule.weights[1] if step > 0 else rule.weights[0]
            for _ in range(rule.batch_size - 1):
                for j in range(LANES):
                    z, e = normals(S, j)
                    G[j] += z * (z * (root * w[j]) - scale * e)
            for j in range(LANES):
                z, e = normals(S, j)
                g = G[j] + z * (z * (root * w[j]) - scale * e)
                g = root * rule.share * g + rule.weight_decay * (w[j] + optimum)
                w[j], v[j] = moved(rule, weight, w[j], v[j], g)
                G[j] = 0
            step += 1
        copy_state(W, V, out[k])


class LineWalks(LinearWalks):
    """Chains on a line."""

    __slots__ = ()
    kernel = staticmethod(walk)
