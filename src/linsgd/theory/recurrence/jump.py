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
from linsgd.theory.recurrence.packed import kept_entries, packed, unpacked
from linsgd.theory.recurrence.steps import MatrixStep, MeanStep, ModeStep, State

# p and q of the products m_p m_q, p <= q, of a mode's (delta, v, 1)
_LEFT = np.array([0, 0, 1, 0, 1, 2])
_RIGHT = np.array([0, 1, 1, 2, 2, 2])
_MEAN_PRODUCTS = slice(3, 5)  # delta times 1 and v times 1: the means themselves
_ONE = 5  # 1 times 1


class Jump(Protocol):
    """A power of the step, applied to vectors: covariances, then products of means."""

    def squared(self) -> Self:
        """Return the square of the power."""

    def apply(self, vectors: FloatArray) -> FloatArray:
        """Return vectors (K, ...) after so many steps."""


def vectors_at(step: Jump, start: FloatArray, counts: IntArray) -> FloatArray:
    """Return the vectors (K, ...) at step counts (K,), from `start` (...) and one step."""
    shape = (counts.size, *start.shape)
    vectors = np.broadcast_to(start, shape).copy()
    longest = int(counts.max()).bit_length()
    for bit in range(longest):
        now = (counts >> bit) & 1 == 1
        if now.any():
            vectors[now] = step.apply(vectors[now])
        if bit + 1 < longest:
            step = step.squared()
    return vectors


def squared_change(E: FloatArray) -> FloatArray:
    """Return 2 E + E E (..., n, n), the difference of (I + E)^2 from the identity."""
    square: FloatArray = 2 * E + E @ E
    return square


def mode_states(step: ModeStep, noise: ModeNoise, state: State, counts: IntArray) -> list[State]:
    """Return the states of single modes at step counts (K,); O(d^3 log k)."""
    mean, C = state
    d = C.shape[1]
    extended = np.vstack([mean, np.ones(d)])
    products = extended[_LEFT] * extended[_RIGHT]
    start = np.concatenate([C.ravel(), products.ravel()])
    found = vectors_at(_ModeJump.of(step, noise), start, counts)
    covariances, products = np.split(found, [3 * d], axis=1)
    covariances = covariances.reshape(-1, 3, d)
    means = products.reshape(-1, 6, d)[:, _MEAN_PRODUCTS]
    return [State(m, C) for m, C in zip(means, covariances, strict=True)]


def matrix_states(
    step: MatrixStep, noise: MatrixNoise, state: State, counts: IntArray
) -> list[State]:
    """Return the states of all pairs of modes at step counts (K,); O(d^6 log k)."""
    mean, (ww, wv, vv) = state
    d = mean.shape[1]
    m = np.append(mean.ravel(), 1.0)
    C = np.block([[ww, wv], [wv.T, vv]])
    start = np.concatenate([packed(C), packed(np.outer(m, m))])
    found = vectors_at(_MatrixJump.of(step, noise), start, counts)
    entries = d * (2 * d + 1)  # of a packed covariance
    covariances = unpacked(found[:, :entries], 2 * d)
    products = unpacked(found[:, entries:], 2 * d + 1)
    states = []
    for C, r in zip(covariances, products, strict=True):
        blocks = np.array([C[:d, :d], C[:d, d:], C[d:, d:]])
        means = r[-1, :-1].reshape(2, d)
        states.append(State(means, blocks))
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
        h = noise.eigenvalues
        d = h.size
        i = np.arange(d)
        B = _symmetric_square(step)
        # gradient_i = h_i (own h_i D_i + common sum_j h_j D_j + label), D = C_ww + mean_w^2
        own = np.diag(noise.own * h**2)
        gradient: FloatArray = noise.common * np.multiply.outer(h, h) + own
        feedback = np.multiply.outer(step.noise_products, gradient)
        label = np.multiply.outer(step.noise_products, noise.label * h)

        T = np.zeros((3, d, 3, d))
        T[:, i, :, i] = B[:, :3, :3]
        T[:, :, 0] += feedback
        F = np.zeros((3, d, 6, d))
        F[:, :, 0] = feedback
        F[:, i, _ONE, i] = label
        return cls(T.reshape(3 * d, 3 * d), F.reshape(3 * d, 6 * d), B)

    def squared(self) -> Self:
        """Return the maps of twice as many steps."""
        T = self.T
        F = self.F
        B = self.B
        d = len(B)
        by_mode = F.reshape(3 * d, 6, d)
        FB = np.einsum("xpi,ipq->xqi", by_mode, B).reshape(F.shape)
        F_twice = 2 * F + T @ F + FB
        return type(self)(squared_change(T), F_twice, squared_change(B))

    def apply(self, vectors: FloatArray) -> FloatArray:
        """Return vectors (K, 9 d)."""
        d = len(self.B)
        C, r = np.split(vectors, [3 * d], axis=1)
        by_mode = r.reshape(-1, 6, d)
        Br = np.einsum("ipq,kqi->kpi", self.B, by_mode).reshape(r.shape)
        C_after = C + C @ self.T.T + r @ self.F.T
        return np.concatenate([C_after, r + Br], axis=1)


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
        T = _square_map(affine[:-1, :-1])
        B = _square_map(affine)
        F = np.zeros((len(T), len(B)))
        cc = np.outer(step.c, step.c)
        rows = kept_entries(2 * d)
        column_of = np.zeros((2 * d, 2 * d), dtype=np.intp)
        column_of[rows] = np.arange(len(T))

        def source(gradient: FloatArray) -> FloatArray:
            # c_a c_b N_ij at (a, i), (b, j)
            added = np.multiply.outer(cc, gradient).swapaxes(1, 2)
            return np.asarray(added.reshape(2 * d, 2 * d)[rows])

        no_mean = np.zeros(d)
        no_second = np.zeros((d, d))
        label = noise(no_second, no_mean)
        for column, (a, b) in enumerate(np.transpose(kept_entries(2 * d + 1))):
            if b < d:  # E[delta_a delta_b]
                unit = np.zeros((d, d))
                unit[a, b] = unit[b, a] = 1.0
                F[:, column] = source(noise.homogeneous(unit))
                T[:, column_of[a, b]] += F[:, column]
            elif a < d and b == 2 * d:  # E[delta_a]
                of_mean = noise(no_second, np.eye(d)[a]) - label
                F[:, column] = source(of_mean)
            elif a == 2 * d:  # 1
                F[:, column] = source(label)
        return cls(T, F, B)

    def squared(self) -> Self:
        """Return the maps of twice as many steps."""
        T = self.T
        F = self.F
        B = self.B
        F_twice = 2 * F + T @ F + F @ B
        return type(self)(squared_change(T), F_twice, squared_change(B))

    def apply(self, vectors: FloatArray) -> FloatArray:
        """Return packed vectors (K, n)."""
        C, r = np.split(vectors, [len(self.T)], axis=1)
        C_after = C + C @ self.T.T + r @ self.F.T
        r_after = r + r @ self.B.T
        return np.concatenate([C_after, r_after], axis=1)


def mode_affine_change(step: MeanStep) -> FloatArray:
    """Return the change (d, 3, 3) of the means of (delta, v, 1) of each mode by a step."""
    change = np.zeros((len(step.change), 3, 3))
    change[:, :2, :2] = step.change
    change[:, :2, 2] = step.drift.T
    return change


def _symmetric_square(step: MeanStep) -> FloatArray:
    """Return E_B (d, 6, 6): the change of the products of (delta, v, 1) of each mode by a step.

    As m changes by D m, m m' changes by D m m' + m m' D' + D m m' D'.
    """
    D = mode_affine_change(step)
    identity = np.broadcast_to(np.eye(3), D.shape)
    distinct = _LEFT != _RIGHT

    def entries(matrix: FloatArray, rows: IntArray, columns: IntArray) -> FloatArray:
        taken: FloatArray = matrix[..., rows, :][..., columns]
        return taken

    def paired(first: FloatArray, second: FloatArray) -> FloatArray:
        # the product (p, q) of first m m' second' from the products (k <= l) of m m'
        square = entries(first, _LEFT, _LEFT) * entries(second, _RIGHT, _RIGHT)
        crossed = entries(first, _LEFT, _RIGHT) * entries(second, _RIGHT, _LEFT)
        square[..., distinct] += crossed[..., distinct]
        return square

    return paired(D, identity) + paired(identity, D) + paired(D, D)


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


def _square_map(D: FloatArray) -> FloatArray:
    """Return the map of packed symmetric matrices M -> D M + M D' + D M D'."""
    n = len(D)
    i, j = kept_entries(n)
    identity = np.eye(n)

    def paired(first: FloatArray, second: FloatArray) -> FloatArray:
        # entry (i, j) of first M second' from the entries (k <= l) of M
        ij, ji = np.ix_(i, j), np.ix_(j, i)
        straight: FloatArray = first[np.ix_(i, i)] * second[np.ix_(j, j)]
        crossed = first[ij] * second[ji]
        return straight + np.where(i == j, 0.0, crossed)

    return paired(D, identity) + paired(identity, D) + paired(D, D)
