r"""Moments after many steps by repeated squaring, O(log k) matrix products for step k.

One step is linear in the covariances C and the products r = m m' of the means m of (delta, v, 1):

    C' = T C + F r,        r' = B r,

T with the feedback of the noise through C, F its source in r, B the symmetric square of the mean's
affine map. Two steps are the same with T T, T F + F B, B B. All maps are kept as their difference
from the identity, T = I + E, so that

    E -> 2 E + E E,        F -> 2 F + E_T F + F E_B:

a mode that decays by 1e-13 a step keeps that rate to full relative accuracy, which T would lose.
"""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.theory.recurrence.gradient_covariance import MatrixNoise, ModeNoise
from linsgd.theory.recurrence.steps import MatrixStep, MeanStep, ModeStep, State

_LEFT, _RIGHT = np.array([[0, 0], [0, 1], [1, 1], [0, 2], [1, 2], [2, 2]]).T


class Jump(Protocol):
    """A power of the step, applied to vectors: covariances, then products of means."""

    def squared(self) -> Self:
        """Return the square of the power."""

    def apply(self, vectors: FloatArray) -> FloatArray:
        """Return vectors (K, ...) after so many steps."""


def vectors_at(step: Jump, start: FloatArray, counts: IntArray) -> FloatArray:
    """Return the vectors (K, ...) at step counts (K,), from `start` (...) and one step."""
    vectors = np.broadcast_to(start, (counts.size, *start.shape)).copy()
    longest = int(counts.max()).bit_length()
    for bit in range(longest):
        now = (counts >> bit) & 1 == 1
        if now.any():
            vectors[now] = step.apply(vectors[now])
        if bit + 1 < longest:
            step = step.squared()
    return vectors


def mode_states(step: ModeStep, noise: ModeNoise, state: State, counts: IntArray) -> list[State]:
    """Return the states of single modes at step counts (K,); O(d^3 log k)."""
    mean, C = state
    d = C.shape[1]
    extended = np.vstack([mean, np.ones(d)])
    products = extended[_LEFT] * extended[_RIGHT]
    start = np.concatenate([C.ravel(), products.ravel()])
    found = vectors_at(_ModeJump.of(step, noise), start, counts)
    covariances, products = np.split(found, [3 * d], axis=1)
    means = products.reshape(-1, 6, d)[:, 3:5]
    return [State(*each) for each in zip(means, covariances.reshape(-1, 3, d), strict=True)]


def matrix_states(
    step: MatrixStep, noise: MatrixNoise, state: State, counts: IntArray
) -> list[State]:
    """Return the states of all pairs of modes at step counts (K,); O(d^6 log k)."""
    mean, (ww, wv, vv) = state
    d = mean.shape[1]
    m = np.append(mean.ravel(), 1.0)
    full, products = np.block([[ww, wv], [wv.T, vv]]), np.outer(m, m)
    start = np.concatenate([_packed(full), _packed(products)])
    found = vectors_at(_MatrixJump.of(step, noise), start, counts)
    covariances, products = np.split(found, [d * (2 * d + 1)], axis=1)
    states = []
    for C, r in zip(_unpacked(covariances, 2 * d), _unpacked(products, 2 * d + 1), strict=True):
        blocks = np.array([C[:d, :d], C[:d, d:], C[d:, d:]])
        states.append(State(r[-1, :-1].reshape(2, d), blocks))
    return states


@dataclass(frozen=True, slots=True, eq=False)
class _ModeJump:
    """E_T (3d, 3d), F (3d, 6d) and E_B (d, 6, 6), which acts mode by mode."""

    T: FloatArray
    F: FloatArray
    B: FloatArray

    @classmethod
    def of(cls, step: ModeStep, noise: ModeNoise) -> Self:
        """Return the maps of one step; T and F carry the feedback of the noise, modes by modes."""
        h, d = noise.eigenvalues, noise.eigenvalues.size
        i, products = np.arange(d), step.noise_products
        square = _symmetric_square(step)
        T, F = np.zeros((3, d, 3, d)), np.zeros((3, d, 6, d))
        # gradient_i = h_i (own h_i D_i + common sum_j h_j D_j + label), D = C_ww + mean_w^2
        gradient: FloatArray = noise.common * np.multiply.outer(h, h) + np.diag(noise.own * h**2)
        T[:, i, :, i] = square[:, :3, :3]
        T[:, :, 0] += np.multiply.outer(products, gradient)
        F[:, :, 0] = np.multiply.outer(products, gradient)
        F[:, i, 5, i] = np.multiply.outer(products, noise.label * h)
        return cls(T.reshape(3 * d, 3 * d), F.reshape(3 * d, 6 * d), square)

    def squared(self) -> Self:
        """Return the maps of twice as many steps."""
        T, F, B, d = self.T, self.F, self.B, len(self.B)
        through_mean = np.einsum("xpi,ipq->xqi", F.reshape(3 * d, 6, d), B).reshape(F.shape)
        return type(self)(2 * T + T @ T, 2 * F + T @ F + through_mean, 2 * B + B @ B)

    def apply(self, vectors: FloatArray) -> FloatArray:
        """Return vectors (K, 9 d)."""
        d = len(self.B)
        C, r = np.split(vectors, [3 * d], axis=1)
        moved = np.einsum("ipq,kqi->kpi", self.B, r.reshape(-1, 6, d)).reshape(r.shape)
        return np.concatenate([C + C @ self.T.T + r @ self.F.T, r + moved], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _MatrixJump:
    """E_T, F and E_B on packed symmetric matrices of 2d and 2d + 1 rows."""

    T: FloatArray
    F: FloatArray
    B: FloatArray

    @classmethod
    def of(cls, step: MatrixStep, noise: MatrixNoise) -> Self:
        """Return the maps of one step by columns: the noise is linear in D, E delta and 1."""
        d = len(step.change)
        affine = _affine_change(step)
        change, cc = affine[:-1, :-1], np.outer(step.c, step.c)
        T, B = _square_map(change), _square_map(affine)
        F = np.zeros((len(T), len(B)))
        i, j = np.triu_indices(2 * d + 1)
        rows = np.triu_indices(2 * d)

        def source(gradient: FloatArray) -> FloatArray:
            added = np.multiply.outer(cc, gradient)  # c_a c_b N_ij at (a, i), (b, j)
            return np.asarray(added.swapaxes(1, 2).reshape(2 * d, 2 * d)[rows])

        into = {pair: index for index, pair in enumerate(zip(*map(list, rows), strict=True))}
        for column, (a, b) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
            unit = np.zeros((d, d))
            if b < d:  # E[delta_a delta_b]
                unit[a, b] = unit[b, a] = 1.0
                F[:, column] = source(noise.homogeneous(unit))
                T[:, into[a, b]] += F[:, column]
            elif a < d and b == 2 * d:  # E[delta_a]
                F[:, column] = source(noise(unit, np.eye(d)[a]) - noise(unit, np.zeros(d)))
            elif a == 2 * d:
                F[:, column] = source(noise(unit, np.zeros(d)))
        return cls(T, F, B)

    def squared(self) -> Self:
        """Return the maps of twice as many steps."""
        T, F, B = self.T, self.F, self.B
        return type(self)(2 * T + T @ T, 2 * F + T @ F + F @ B, 2 * B + B @ B)

    def apply(self, vectors: FloatArray) -> FloatArray:
        """Return packed vectors (K, n)."""
        C, r = np.split(vectors, [len(self.T)], axis=1)
        return np.concatenate([C + C @ self.T.T + r @ self.F.T, r + r @ self.B.T], axis=1)


def _symmetric_square(step: MeanStep) -> FloatArray:
    """Return E_B (d, 6, 6): the change of the products of (delta, v, 1) of each mode by a step."""
    change = np.zeros((len(step.change), 3, 3))
    change[:, :2, :2], change[:, :2, 2] = step.change, step.drift.T
    identity = np.eye(3)

    def paired(first: FloatArray, second: FloatArray) -> FloatArray:
        # of m_p m_q under first (x) second, p <= q
        B: FloatArray = first[..., _LEFT, :][..., _LEFT] * second[..., _RIGHT, :][..., _RIGHT]
        crossed = first[..., _LEFT, :][..., _RIGHT] * second[..., _RIGHT, :][..., _LEFT]
        B[..., _LEFT != _RIGHT] += crossed[..., _LEFT != _RIGHT]
        return B

    one = np.broadcast_to(identity, change.shape)
    return paired(change, one) + paired(one, change) + paired(change, change)


def _affine_change(step: MeanStep) -> FloatArray:
    """Return the change (2d + 1, 2d + 1) of the means of (delta, v, 1) of all modes by a step."""
    d = len(step.change)
    affine = np.zeros((2 * d + 1, 2 * d + 1))
    i = np.arange(d)
    for a in range(2):
        for b in range(2):
            affine[a * d + i, b * d + i] = step.change[:, a, b]
    affine[:-1, -1] = step.drift.ravel()
    return affine


def _square_map(change: FloatArray) -> FloatArray:
    """Return the map of packed symmetric matrices M -> D M + M D' + D M D', D the `change`."""
    n = len(change)
    i, j = np.triu_indices(n)
    identity = np.eye(n)

    def paired(first: FloatArray, second: FloatArray) -> FloatArray:
        # entry (i, j) of first M second' from the entries (k <= l) of M
        straight: FloatArray = first[np.ix_(i, i)] * second[np.ix_(j, j)]
        crossed = first[np.ix_(i, j)] * second[np.ix_(j, i)]
        return straight + np.where(i == j, 0.0, crossed)

    return paired(change, identity) + paired(identity, change) + paired(change, change)


def _packed(M: FloatArray) -> FloatArray:
    """Return the upper triangle of a symmetric matrix (n, n) as a vector."""
    packed: FloatArray = M[np.triu_indices(len(M))]
    return packed


def _unpacked(vectors: FloatArray, n: int) -> FloatArray:
    """Return symmetric matrices (K, n, n) from their upper triangles (K, n (n + 1)/2)."""
    i, j = np.triu_indices(n)
    M = np.empty((len(vectors), n, n))
    M[:, i, j] = M[:, j, i] = vectors
    return M
