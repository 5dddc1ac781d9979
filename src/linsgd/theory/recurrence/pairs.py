r"""Covariances between different modes, for features along principal axes.

Their noise does not feed back: modes i != j share gradient noise of covariance
q h_i h_j E[delta_i delta_j], q = (2c - 1)/b, so that each pair is a linear recursion of its own.
With X = Cov((w, v)_i, (w, v)_j) and the mean m of (delta, v, 1), which obeys m' = B m,

    X'          = A_i X A_j' + c c' q h_i h_j (X_ww + m_{i,1} m_{j,1}),
    (m_i m_j')' = B_i m_i m_j' B_j',

a block-triangular matrix on R^4 + R^9, whose powers are taken by squaring
(`linsgd.theory.recurrence.jump`). The covariance vanishes unless the mean of w - w* does not:
before stationarity, or where weight decay moves it.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from linsgd.domains import LARGEST_MATRIX, FloatArray, IntArray
from linsgd.theory.recurrence.gradient_covariance import ModeNoise
from linsgd.theory.recurrence.jump import mode_affine_change, squared_change, vectors_at
from linsgd.theory.recurrence.recurrence import Coefficients, Recurrence, pair_response
from linsgd.theory.recurrence.steps import MeanStep

BATCH = 4096  # pairs computed at once
_COVARIANCES = 4  # entries of X; those of m_i m_j' follow
_ENTRIES = _COVARIANCES + 9


@dataclass(frozen=True, slots=True, eq=False)
class PairCovariances:
    """Covariances between modes, computed on request: there are d (d - 1)/2 pairs.

    Attributes
    ----------
    recurrence : Recurrence
        With mode noise.
    mean : ndarray (2, d)
        E(w - w*) and E v at step 0; in the stationary law if `steps` is None.
    steps : ndarray (K,) or (), or None
        Times in steps; None for the stationary law.
    fresh : bool
        Whether the first step is undampened.
    initial : ndarray (3, d, d) or None
        Covariances between modes at step 0.
    """

    recurrence: Recurrence
    mean: FloatArray
    steps: IntArray | None = None
    fresh: bool = False
    initial: FloatArray | None = None

    def unless_zero(self) -> "PairCovariances | None":
        """Return None where all covariances between modes are 0, or too many for a matrix."""
        drifts = self.steps is not None and self.recurrence.decayed_optimum.any()
        some = self.mean.any() or drifts or self.initial is not None
        fits = self.mean.shape[1] <= LARGEST_MATRIX
        return self if some and fits else None

    def at(self, index: int) -> "PairCovariances":
        """Keep one of the steps."""
        if self.steps is None:
            return self
        return replace(self, steps=np.asarray(self.steps[index]))

    def blocks(self) -> FloatArray:
        """Return the off-diagonal of Cov(w, w), Cov(w, v), Cov(v, v), shape (..., 3, d, d)."""
        steps = self.steps
        with np.errstate(over="ignore", invalid="ignore"):
            blocks = self._stationary() if steps is None else self._transient(steps)
        i = np.arange(self.mean.shape[1])
        blocks[..., i, i] = 0.0
        return blocks

    @property
    def _coupling(self) -> float:
        """The factor q of the noise that two modes share."""
        noise = self.recurrence.noise
        return noise.pair if isinstance(noise, ModeNoise) else 0.0

    def _stationary(self) -> FloatArray:
        """Return the stationary blocks (3, d, d): P_ij times the noise that drives the pair."""
        h = self.recurrence.noise.eigenvalues
        shift = self.mean[0]
        response = pair_response(self.recurrence.curvature, self.recurrence.coefficients)
        ww, wv, _, vv = response
        # X_ww = P_ww n (X_ww + s_i s_j), n = q h_i h_j: the driving noise is n s_i s_j/(1 - n P_ww)
        shared = self._coupling * np.multiply.outer(h, h)
        driving = shared * np.multiply.outer(shift, shift) / (1 - shared * ww)
        blocks: FloatArray = np.stack([ww, wv, vv]) * driving
        return blocks

    def _transient(self, steps: IntArray) -> FloatArray:
        """Return the blocks (..., 3, d, d) at `steps` (...), `BATCH` pairs i < j at a time."""
        d = self.mean.shape[1]
        blocks = np.zeros((steps.size, 3, d, d))
        first, second = np.triu_indices(d, 1)
        for batch in range(0, first.size, BATCH):
            i = first[batch : batch + BATCH]
            j = second[batch : batch + BATCH]
            ww, wv, vw, vv = np.moveaxis(self._at(steps.ravel(), i, j), -1, 0)
            blocks[:, 0, i, j] = ww
            blocks[:, 0, j, i] = ww
            blocks[:, 1, i, j] = wv
            blocks[:, 1, j, i] = vw
            blocks[:, 2, i, j] = vv
            blocks[:, 2, j, i] = vv
        return blocks.reshape(*steps.shape, 3, d, d)

    def _at(self, steps: IntArray, i: IntArray, j: IntArray) -> FloatArray:
        """Return X (K, pairs, 4) of the pairs (i, j) at each of the steps."""
        start = self._initial_vectors(i, j)
        coefficients = self.recurrence.coefficients
        after, remaining = start, steps
        if self.fresh:  # the first step is undampened
            first_step = self._step(coefficients.undampened(), i, j)
            after = first_step.apply(start[None])[0]
            remaining = np.maximum(steps - 1, 0)
        vectors = vectors_at(self._step(coefficients, i, j), after, remaining)
        vectors[steps == 0] = start
        return vectors[..., :_COVARIANCES]

    def _initial_vectors(self, i: IntArray, j: IntArray) -> FloatArray:
        """Return X, then m_i m_j' of each pair (pairs, 13) at step 0."""
        start = np.zeros((i.size, _ENTRIES))
        m = np.vstack([self.mean, np.ones(self.mean.shape[1])])
        products = np.einsum("ap,bp->pab", m[:, i], m[:, j])
        start[:, _COVARIANCES:] = products.reshape(-1, 9)
        if self.initial is not None:
            ww, wv, vv = self.initial
            X = [ww[i, j], wv[i, j], wv[j, i], vv[i, j]]
            start[:, :_COVARIANCES] = np.stack(X, axis=-1)
        return start

    def _step(self, coefficients: Coefficients, i: IntArray, j: IntArray) -> "_PairJump":
        """Return the change (pairs, 13, 13) by one step."""
        recurrence = self.recurrence
        mean = MeanStep.make(coefficients, recurrence.curvature, recurrence.decayed_optimum)
        affine = mode_affine_change(mean)
        A = affine[:, :2, :2]
        # c c' q h_i h_j, driven by X_ww and by m_{i,1} m_{j,1}
        h = recurrence.noise.eigenvalues
        shared = self._coupling * h[i] * h[j]
        noise = shared[:, None] * np.outer(mean.c, mean.c).ravel()

        step = np.zeros((i.size, _ENTRIES, _ENTRIES))
        step[:, :_COVARIANCES, :_COVARIANCES] = _product_change(A[i], A[j])
        step[:, _COVARIANCES:, _COVARIANCES:] = _product_change(affine[i], affine[j])
        step[:, :_COVARIANCES, 0] += noise
        step[:, :_COVARIANCES, _COVARIANCES] += noise
        return _PairJump(step)


@dataclass(frozen=True, slots=True, eq=False)
class _PairJump:
    """A stack of matrices (pairs, 13, 13), as their difference from the identity."""

    change: FloatArray

    def squared(self) -> Self:
        """Return the change by twice as many steps."""
        return type(self)(squared_change(self.change))

    def apply(self, vectors: FloatArray) -> FloatArray:
        """Return vectors (K, pairs, 13)."""
        moved: FloatArray = vectors + np.einsum("pab,kpb->kpa", self.change, vectors)
        return moved


def _product_change(D: FloatArray, E: FloatArray) -> FloatArray:
    """Return the change (pairs, n^2, n^2) of m_i m_j' as m_i changes by D m_i and m_j by E m_j."""
    n = D.shape[-1]
    identity = np.broadcast_to(np.eye(n), D.shape)
    return _kron(D, identity) + _kron(identity, E) + _kron(D, E)


def _kron(A: FloatArray, B: FloatArray) -> FloatArray:
    """Return the Kronecker products of two stacks of matrices."""
    n = A.shape[-1] * B.shape[-1]
    product: FloatArray = np.einsum("pab,pcd->pacbd", A, B)
    return product.reshape(-1, n, n)
