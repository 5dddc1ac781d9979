r"""Chains on features drawn along the principal axes of H, sample by sample.

In the eigenbasis of H and about the optimum, u = Q'(w - w*), a sample is x_i = sqrt(h_i) z_i and
its gradient is x (x.u - e) + weight_decay (u + Q'w*). The update is equivariant under rotations and
translations, so nothing is lost.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray, IntArray
from linsgd.jit import Array, Words, inlined, kernel
from linsgd.montecarlo.random import laws
from linsgd.montecarlo.random.streams import LANES, seed_streams
from linsgd.montecarlo.random.variates import fill_normal
from linsgd.montecarlo.updates.sgd import Rule, copy_state, descend
from linsgd.montecarlo.walks.walks import Advance, Walks
from linsgd.problems.features import PrincipalAxesLaw, StudentFeatures


class Samples(NamedTuple):
    """The law of a sample for the kernel: sqrt(h) and Q'w* (d,), the code of z, its degrees of freedom, the noise."""

    root: Any
    optimum: Any
    features: int
    dof: float
    noise: laws.Noise


@kernel
def walk(
    rule: Rule, samples: Samples, S: Words, W: Array, V: Array, step: int, at: Array, out: Array
) -> None:
    """Go on from `step` to each of the steps `at` (K,), writing (u, v) of the 64 lanes to out (K, 2d, 64)."""
    d = len(W)
    A, G = np.empty_like(W), np.empty_like(W)
    X = np.empty((2 * d + 2, LANES), W.dtype)
    C, R = np.ones((2, LANES), W.dtype), np.empty(LANES, W.dtype)
    for k in range(len(at)):
        while step < at[k]:
            for i in range(d):
                for j in range(LANES):
                    A[i, j] = samples.root[i] * W[i, j]
                    G[i, j] = 0
            for s in range(0, rule.batch_size, 2):
                n = min(2, rule.batch_size - s)
                draw_samples(samples, S, X, C, n, d)
                for q in range(n):
                    add_gradient(samples.noise.scale, X, q * d, n * d + q, C, q, A, R, G)
            finish_gradient(rule, samples, W, G)
            descend(rule, step, W, V, G)
            step += 1
        copy_state(W, V, out[k])


@inlined
def draw_samples(samples: Samples, S: Words, X: Array, C: Array, n: int, d: int) -> None:
    """Draw n <= 2 samples: z of sample q in rows q d to (q + 1) d of X, noise in row n d + q, factor in C[q]."""
    rows = n * d
    if samples.features == laws.RADEMACHER:
        laws.fill_signs(S, X, rows)
    elif samples.features == laws.UNIFORM:
        laws.fill_uniform(S, X, rows)
    else:
        rows += n
        fill_normal(S, X, rows + rows % 2)
        if samples.features == laws.STUDENT:
            for q in range(n):
                for j in range(LANES):
                    C[q, j] = 1
            laws.divide_by_chi(S, C, n, samples.dof, samples.dof - 2.0)
    if samples.noise.law != laws.GAUSSIAN or rows == n * d:
        laws.fill_noise(S, samples.noise, X[n * d :], n)


@inlined
def add_gradient(
    scale: Any, X: Array, z: int, e: int, C: Array, q: int, A: Array, R: Array, G: Array
) -> None:
    """Add one sample's gradient over sqrt(h), z c (c z.a - e), with z from row `z` of X, e in row `e` and c in C[q]."""
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
def finish_gradient(rule: Rule, samples: Samples, W: Array, G: Array) -> None:
    """Turn the sum over the batch into the gradient of the regularised loss."""
    for i in range(len(G)):
        factor = samples.root[i] * rule.share
        for j in range(LANES):
            G[i, j] = factor * G[i, j] + rule.weight_decay * (W[i, j] + samples.optimum[i])


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
        rule = Rule.of(self.sgd, self.start is None, self.dtype)
        samples, S, (W, V) = self.samples(), seed_streams(self.seed, tile, self.dtype), self.begin()
        step = 0

        def advance(at: IntArray) -> NDArray[Any]:
            nonlocal step
            out = np.empty((len(at), 2 * len(W), LANES), self.dtype)
            self.kernel(rule, samples, S, W, V, step, at, out)
            step = int(at[-1])
            return out

        return advance

    def samples(self) -> Samples:
        """Return the law of a sample for the kernel."""
        problem, law, dtype = self.problem, self.problem.features, self.dtype
        assert isinstance(law, PrincipalAxesLaw)
        assert problem.noise is not None
        return Samples(
            root=np.sqrt(problem.eigenvalues).astype(dtype),
            optimum=problem.to_eigenbasis(problem.optimum).astype(dtype),
            features=laws.CODES[law.name],
            dof=law.dof if isinstance(law, StudentFeatures) else 0.0,
            noise=laws.Noise.of(problem.noise, problem.noise_std, dtype),
        )
