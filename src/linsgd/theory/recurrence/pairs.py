r"""Covariances between different modes, for features along principal axes.

Their noise does not feed back: modes i != j share gradient noise of covariance q rho_i rho_j
E[delta_i delta_j] with q = (2c - 1)/b, so each pair is a linear recursion of its own. With X =
Cov((w, v)_i, (w, v)_j) and the mean of (delta, v, 1), which obeys m' = B m,

    X'          = A_i X A_j' + c c' q rho_i rho_j (X_ww + m_{i,1} m_{j,1}),
    (m_i m_j')' = B_i m_i m_j' B_j',

a block-triangular matrix on R^4 + R^9 whose powers are taken by squaring. It vanishes unless the
mean of w - w* does not: before stationarity, or where weight decay keeps it away.
"""

from dataclasses import dataclass, replace

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.result import Result
from linsgd.theory.recurrence.recurrence import Method, unit_response

BATCH = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Pairs(Result):
    """What the covariances between modes follow from; computed when asked for.

    Attributes
    ----------
    eigenvalues, optimum : ndarray (d,)
        rho and w* along the eigenvectors of H.
    coupling : float
        q.
    weight_decay, lr, momentum, gradient_weight, nesterov
        The optimizer's.
    steps : ndarray (K,) or (), or None
        Times in steps; None for the stationary law.
    fresh : bool
        Whether the first step is undampened.
    start : ndarray (2, d)
        E(w - w*) and E v at step 0; for the stationary law its own.
    initial : ndarray (3, d, d) or None
        Covariances between modes at step 0.
    """

    eigenvalues: FloatArray
    optimum: FloatArray
    coupling: float
    weight_decay: float
    lr: float
    momentum: float
    gradient_weight: float
    nesterov: bool
    steps: IntArray | None
    fresh: bool
    start: FloatArray
    initial: FloatArray | None

    def at(self, index: int) -> "Pairs":
        """Keep one of the steps."""
        return replace(self, steps=None if self.steps is None else np.asarray(self.steps[index]))

    def blocks(self) -> FloatArray:
        """Return the off-diagonal of Cov(w, w), Cov(w, v), Cov(v, v), shape (..., 3, d, d) with zero diagonals."""
        method = Method(self.lr, self.momentum, self.gradient_weight, self.nesterov)
        with np.errstate(over="ignore", invalid="ignore"):
            blocks = (
                self._stationary(method)
                if self.steps is None
                else self._transient(method, self.steps)
            )
        i = np.arange(self.eigenvalues.size)
        blocks[..., i, i] = 0.0
        return blocks

    def _stationary(self, method: Method) -> FloatArray:
        h, d = self.eigenvalues + self.weight_decay, self.eigenvalues.size
        ww, wv, _, vv = unit_response(
            np.broadcast_to(h[:, None], (d, d)), np.broadcast_to(h, (d, d)), method
        )
        noise = self.coupling * np.multiply.outer(self.eigenvalues, self.eigenvalues)
        driven = noise * np.multiply.outer(self.start[0], self.start[0]) / (1 - noise * ww)
        blocks: FloatArray = np.stack([ww, wv, vv]) * driven
        return blocks

    def _transient(self, method: Method, steps: IntArray) -> FloatArray:
        d = self.eigenvalues.size
        blocks = np.zeros((steps.size, 3, d, d))
        first, second = np.triu_indices(d, 1)
        for batch in range(0, first.size, BATCH):
            i, j = first[batch : batch + BATCH], second[batch : batch + BATCH]
            X = self._walk(method, steps.ravel(), i, j)
            blocks[:, 0, i, j] = blocks[:, 0, j, i] = X[..., 0]
            blocks[:, 1, i, j], blocks[:, 1, j, i] = X[..., 1], X[..., 2]
            blocks[:, 2, i, j] = blocks[:, 2, j, i] = X[..., 3]
        return blocks.reshape(*steps.shape, 3, d, d)

    def _walk(self, method: Method, steps: IntArray, i: IntArray, j: IntArray) -> FloatArray:
        """Return X (K, pairs, 4) of the pairs (i, j) at each of the increasing steps."""
        state = np.zeros((i.size, 13))
        mean = np.vstack([self.start, np.ones(self.optimum.size)])
        state[:, 4:] = np.einsum("ap,bp->pab", mean[:, i], mean[:, j]).reshape(-1, 9)
        if self.initial is not None:
            ww, wv, vv = self.initial
            state[:, :4] = np.stack([ww[i, j], wv[i, j], wv[j, i], vv[i, j]], axis=-1)
        done, powers, X = 0, Squarings(self._step(method, i, j)), np.empty((steps.size, i.size, 4))
        for row, step in enumerate(steps):
            if self.fresh and done == 0 < step:
                state, done = Squarings(self._step(method.undampened(), i, j)).apply(state, 1), 1
            state, done = powers.apply(state, int(step) - done), int(step)
            X[row] = state[:, :4]
        return X

    def _step(self, method: Method, i: IntArray, j: IntArray) -> FloatArray:
        """Return the matrix (pairs, 13, 13) of one step."""
        rho, c = self.eigenvalues, method.noise_vector()
        B = np.zeros((rho.size, 3, 3))
        B[:, :2, :2] = method.mode_matrix(rho + self.weight_decay)
        B[:, :2, 2] = self.weight_decay * self.optimum[:, None] * c
        B[:, 2, 2] = 1.0
        noise = (self.coupling * rho[i] * rho[j])[:, None] * np.outer(c, c).ravel()
        step = np.zeros((i.size, 13, 13))
        step[:, :4, :4] = _kron(B[i, :2, :2], B[j, :2, :2])
        step[:, 4:, 4:] = _kron(B[i], B[j])
        step[:, :4, 0] += noise
        step[:, :4, 4] += noise
        return step


class Squarings:
    """Powers of a stack of matrices (..., n, n), applied to vectors (..., n) by repeated squaring."""

    def __init__(self, matrix: FloatArray) -> None:
        self._squares = [matrix]

    def apply(self, vector: FloatArray, count: int) -> FloatArray:
        """Return matrix^count vector."""
        for bit in range(count.bit_length()):
            if bit == len(self._squares):
                self._squares.append(self._squares[-1] @ self._squares[-1])
            if count >> bit & 1:
                vector = np.einsum("...ab,...b->...a", self._squares[bit], vector)
        return vector


def _kron(A: FloatArray, B: FloatArray) -> FloatArray:
    n = A.shape[-1] * B.shape[-1]
    product: FloatArray = np.einsum("pab,pcd->pacbd", A, B).reshape(-1, n, n)
    return product
