r"""An exact reduction to O(d) numbers a step from O(b d), for Gaussian features and noise.

With a = H^{1/2} (w - w*), s the noise's standard deviation, m = |a|^2 + s^2, c ~ chi2_b and z ~
N(0, I), the sum over the batch has the law

    sum_i x_i (x_i.(w - w*) - e_i)  =  H^{1/2} (alpha z + beta a),
    alpha = sqrt(c m),   beta = c - sqrt(c) a.z / (sqrt(m) + s).

For the residuals r are N(0, m I_b); given r the features' part along a is normal with mean r |a| /
m and variance s^2 / m, the rest is standard normal and independent; so the sum over the batch has
along a/|a| the part |r|^2 |a| / m + |r| s n / sqrt(m) and across it |r| times a standard normal
vector, with |r|^2 = m c. The one-step law is exact, hence that of the chain.
"""

import math
from typing import Any

import numpy as np

from linsgd.jit import Array, Words, inlined, kernel
from linsgd.montecarlo.random.laws import Samples
from linsgd.montecarlo.updates.update import Update, advance, copy_state
from linsgd.montecarlo.walks.linear import LinearWalks, finish_gradient
from linsgd.montecarlo.walks.walks import Batch
from linsgd.variates import LANES, bits, fill_normals, log, unit

FACTORS = 8  # uniforms multiplied before a logarithm; their product is at least 2^-416


@inlined
def fill_chi_squared(S: Words, dof: int, C: Array, Z: Array, odd: int, P: Array) -> None:
    """Write chi-squared variates to C (64,): -2 ln P, plus the square of row `odd` of Z."""
    for j in range(LANES):
        C[j] = Z[odd, j] * Z[odd, j] if dof % 2 else 0.0
    for done in range(0, dof // 2, FACTORS):
        for j in range(LANES):
            P[j] = unit(bits(S, j))
        for _ in range(min(FACTORS, dof // 2 - done) - 1):
            for j in range(LANES):
                P[j] *= unit(bits(S, j))
        for j in range(LANES):
            C[j] += -2.0 * log(P[j])


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
    Z = np.empty((d + 2, LANES), W.dtype)
    C = np.empty(LANES, W.dtype)
    P = np.empty(LANES)
    alpha = np.empty_like(C)
    beta = np.empty_like(C)
    rows = d + batch.size % 2
    for k in range(len(at)):
        while step < at[k]:
            fill_normals(S, Z, rows)
            fill_chi_squared(S, batch.size, C, Z, d, P)
            draw_gradient(samples.root, samples.scale, W, Z, C, alpha, beta, A, G)
            finish_gradient(batch, samples, W, G)
            advance(update, step, W, V, M, G)
            step += 1
        copy_state(W, V, out[k])


@inlined
def draw_gradient(
    root: Array,
    noise: Any,
    W: Array,
    Z: Array,
    C: Array,
    alpha: Array,
    beta: Array,
    A: Array,
    G: Array,
) -> None:
    """Write the batch's gradient sum over sqrt(h), alpha z + beta a, to G."""
    for j in range(LANES):
        alpha[j] = 0
        beta[j] = 0
    for i in range(len(W)):
        for j in range(LANES):
            a = root[i] * W[i, j]
            A[i, j] = a
            alpha[j] += a * a
            beta[j] += a * Z[i, j]
    for j in range(LANES):
        norm = math.sqrt(alpha[j] + noise * noise)
        chi = math.sqrt(C[j])
        alpha[j] = chi * norm
        beta[j] = C[j] - (chi * beta[j] / (norm + noise) if norm > 0 else 0.0)
    for i in range(len(W)):
        for j in range(LANES):
            G[i, j] = alpha[j] * Z[i, j] + beta[j] * A[i, j]


class ReducedWalks(LinearWalks):
    """Chains whose batches are drawn by the reduction."""

    __slots__ = ()
    kernel = staticmethod(walk)
