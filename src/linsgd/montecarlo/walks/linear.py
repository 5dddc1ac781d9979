r"""Chains on features drawn along the principal axes of H, sample by sample.

In the eigenbasis of H and about the optimum, u = Q'(w - w*), a sample is x_i = sqrt(h_i) z_i and
its gradient is x (x.u - e) + weight_decay (u + Q'w*). The update is equivariant under rotations and
translations, so nothing is lost.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray, IntArray
from linsgd.jit import Array, Words, inlined, kernel, specialised
from linsgd.montecarlo.random.laws import Samples, draw_samples
from linsgd.montecarlo.random.streams import seed_streams
from linsgd.montecarlo.updates.update import Update, advance, copy_state
from linsgd.montecarlo.walks.walks import Advance, Batch, Walks
from linsgd.variates import LANES


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
    """Go on from `step` to each of the steps `at` (K,), writing (u, v) to out (K, 2d, 64)."""
    d = len(W)
    A = np.empty_like(W)
    G = np.empty_like(W)
    X = np.empty((2 * d + 2, LANES), W.dtype)
    C = np.ones((2, LANES), W.dtype)
    R = np.empty(LANES, W.dtype)
    for k in range(len(at)):
        while step < at[k]:
            for i in range(d):
                for j in range(LANES):
                    A[i, j] = samples.root[i] * W[i, j]
                    G[i, j] = 0
            for s in range(0, batch.size, 2):
                n = min(2, batch.size - s)
                draw_samples(samples, S, X, C, n, d)
                for q in range(n):
                    add_gradient(samples.scale, X, q * d, n * d + q, C, q, A, R, G)
            finish_gradient(batch, samples, W, G)
            advance(update, step, W, V, M, G)
            step += 1
        copy_state(W, V, out[k])


@inlined
def add_gradient(
    scale: Any, X: Array, z: int, e: int, C: Array, q: int, A: Array, R: Array, G: Array
) -> None:
    """Add one sample's gradient over sqrt(h), z c (c z.a - e), from rows of X and C[q]."""
    for j in range(LANES):
        R[j] = 0
    for i in range(len(A)):
        for j in range(LANES):
            R[j] += X[z + i, j] * A[i, j]
    for j in range(LANES):
        R[j] = C[q, j] * (C[q, j] * R[j] - scale * X[e, j])
    for i in range(len(A)):
        for j in range(LANES):
            G[i, j] += X[z + i, j] * R[j]


@inlined
def finish_gradient(batch: Batch, samples: Samples, W: Array, G: Array) -> None:
    """Turn the sum over the batch into the gradient of the regularised loss."""
    for i in range(len(G)):
        factor = samples.root[i] * batch.share
        for j in range(LANES):
            G[i, j] = factor * G[i, j] + batch.weight_decay * (W[i, j] + samples.optimum[i])


class LinearWalks(Walks):
    """Chains on one of the feature laws that ship along principal axes."""

    __slots__ = ()
    kernel = staticmethod(walk)

    @property
    def basis(self) -> FloatArray | None:
        """The eigenvectors of H."""
        return self.problem.eigenvectors

    @property
    def centre(self) -> FloatArray:
        """The optimum."""
        return self.problem.optimum

    def tile(self, tile: int) -> Advance:
        """Start the chains 64 tile to 64 tile + 63."""
        update = self.update
        samples = Samples.of(self.problem, self.dtype)
        assert samples is not None
        walk = specialised(self.kernel, update, samples.features, samples.noise)
        S, (W, V, M) = seed_streams(self.seed, tile, self.dtype), self.begin()
        step = 0

        def advance(at: IntArray) -> NDArray[Any]:
            nonlocal step
            out = np.empty((len(at), 2 * len(W), LANES), self.dtype)
            for batch, goals, states in self.pieces(step, at, out):
                walk(update, batch, samples, S, W, V, M, step, goals, states)
                step = int(goals[-1])
            return out

        return advance
