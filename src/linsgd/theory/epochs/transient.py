r"""Reshuffled epochs in time, from any law at the start of an epoch.

Let m be the mean of z = (w, v) from the regularised solution, mu its stationary value at the same
phase, P the covariance, u_m = A^m c the responses and D_r = x_r x_r' - H. In an epoch the gradient
of row r differs from the mean one by g_r + D_r (m - mu)_w. A row that acted at every step would
cause

    Y_r' = A Y_r + c (g_r + D_r (m - mu)_w),    Y_r = 0 at the start of the epoch.

Two batches of one epoch have -1/(N - 1) times the covariance of a row's gradient; hence, with C the
covariance of the rows' gradients,

    m'  = A m - c mean_r D_r Y_r,w/(N - 1),
    P_p = A^p P_0 A^p' + ((N/b) Q_p - mean_r Y_r Y_r')/(N - 1),    Q' = A Q A' + c c' (x) C.

The stationary law (`linsgd.theory.epochs.frozen_noise`) differs from the fixed point of this by the
growth of the noise with Cov w. Its value is therefore added at every phase and the same recursion
without growth, begun in the stationary law, subtracted; of the growth only that with the departure
of Cov w from its stationary value is left: K(M) = mean_r D_r M D_r, added to C, and held back
between batches as what is constant over the epoch. With time the law becomes the stationary one.
The mean is exact to second order in the fluctuations of the batches' gradients, the covariance up
to the factor 1 + O(lr) of the stationary law.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.theory.epochs.response import EpochResponse
from linsgd.theory.epochs.rows import Rows
from linsgd.theory.recurrence.recurrence import Coefficients

LONGEST = 10**6  # steps that are walked
SETTLED = 1e-14  # of the stationary law: departures that no longer count

# Mean (2, d) and covariance (2, 2, d, d) of (w, v) along the eigenvectors of H
State = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Stationary:
    """The stationary law at each phase, the means measured from the regularised solution.

    Attributes
    ----------
    mean : ndarray (n, 2, d)
        Of w and v.
    covariance : ndarray (n, 2, 2, d, d)
        Between w, v of two modes.
    """

    mean: FloatArray
    covariance: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class EpochWalk:
    """Reshuffled epochs of one optimizer.

    Attributes
    ----------
    rows : Rows
        The data.
    response : EpochResponse
        To frozen noise.
    coefficients : Coefficients
        Of a step.
    law : Stationary
        The limit.
    """

    rows: Rows
    response: EpochResponse
    coefficients: Coefficients
    law: Stationary

    def path(self, start: State, times: IntArray, *, fresh: bool) -> Iterator[State]:
        """Yield the states at increasing `times`, from a law at the start of an epoch.

        Yields
        ------
        State
            At the next of the times.

        Raises
        ------
        ValueError
            If the law has not settled after the steps that are walked.
        """
        n, done, state = self.response.batches, 0, start
        waiting = [int(time) for time in times]
        while waiting:
            if self._settled(state):
                yield from (self._remaining(state, time % n) for time in waiting)
                return
            if done > LONGEST:
                domains.refuse("steps", waiting[-1], f"[0, {done}] as the epochs have not settled")
            inside = [time - done for time in waiting if time < done + n]
            begin = self.coefficients.undampened() if fresh and done == 0 else self.coefficients
            states = self._epoch(state, begin)
            yield from (states[p] for p in inside)
            state, done = states[n], done + n
            waiting = waiting[len(inside) :]

    def _settled(self, state: State) -> bool:
        """Return whether no departure counts but those of the positions of flat modes."""
        return negligible(
            state, (self.law.mean[0], self.law.covariance[0]), self.response.curvature > 0
        )

    def _remaining(self, state: State, phase: int) -> State:
        """Return the stationary law at a phase, with what flat modes keep of the start."""
        flat = self.response.curvature <= 0
        mean = np.where(flat, state[0], self.law.mean[phase])
        kept = np.where(np.outer(flat, flat), state[1], self.law.covariance[phase])
        return mean, kept

    def _epoch(self, start: State, first: Coefficients) -> list[State]:
        """Return the states at the phases 0, ..., n; `first` are the coefficients of the step 0."""
        rows, response = self.rows, self.response
        N, d = rows.g.shape
        A, c = response.changes[1] + np.eye(2), response.unit
        A_p, c_p = first.mode_matrix(response.curvature), first.noise_vector()
        moved = np.broadcast_to(np.eye(2), A.shape)
        Y, Q = np.zeros((2, N, d)), np.zeros((2, 2, d, d))
        held_back = self._held_back(start)
        states = [start]
        for p in range(response.batches):
            m, P = states[-1]
            away = m[0] - self.law.mean[p, 0]
            g = rows.g + rows.deviate(away)
            C = g.T @ g / N + rows.spread(P[0, 0] - self.law.covariance[p, 0, 0])
            drive = -rows.mean_deviation(Y[0]) / max(N - 1, 1)
            m = np.einsum("dab,bd->ad", A_p, m) + np.multiply.outer(c_p, drive)
            Q = carried(A_p, Q) + np.multiply.outer(np.outer(c_p, c_p), C)
            Y = np.einsum("dab,bnd->and", A_p, Y) + np.multiply.outer(c_p, g)
            moved = A_p @ moved
            products = np.einsum("and,bne->abde", Y, Y, optimize=True) / N
            noise = (response.ratio * Q - products) / max(N - 1, 1)
            walked = carried(moved, start[1]) + noise - self._sums(p + 1) * held_back
            states.append((m, walked + self._growth(p + 1)))
            A_p, c_p = A, c
        return states

    def _held_back(self, start: State) -> FloatArray:
        """Return K/(N - 1) (d, d) of the departure of Cov w that is constant over an epoch."""
        slow = np.mean(self.response.changes[:-1], axis=0) + np.eye(2)
        departure = carried(slow, start[1] - self.law.covariance[0])[0, 0]
        return self.rows.spread(departure) / max(len(self.rows.g) - 1, 1)

    def _sums(self, p: int) -> FloatArray:
        """Return s_p s_p' (2, 2, d, d) of the responses s_p = u_0 + ... + u_{p-1}."""
        s = self.response.responses[:p].sum(axis=0)
        found: FloatArray = np.einsum("ia,jb->abij", s, s)
        return found

    def _growth(self, p: int) -> FloatArray:
        """Return the stationary law less the recursion without growth, begun in it."""
        law, pairs = self.law.covariance, max(len(self.rows.g) - 1, 1)
        moved = self.response.changes[p] + np.eye(2)
        frozen = self.response.pairs(p) * self.rows.covariance / pairs
        found: FloatArray = law[p % len(law)] - carried(moved, law[0]) - frozen
        return found


def negligible(state: State, limit: State, held: NDArray[np.bool_]) -> bool:
    """Return whether the departure of `state` from its limit is negligible in all modes `held`."""
    mean = np.where(held, state[0] - limit[0], 0.0)
    covariance = np.where(np.outer(held, held), state[1] - limit[1], 0.0)
    size = np.array([np.max(mean**2, axis=1), np.abs(covariance).max(axis=(1, 2, 3))])
    variances = np.diagonal(limit[1], axis1=2, axis2=3)
    scale = np.array([variances[0, 0].max(), variances[1, 1].max()])
    return bool((size <= SETTLED * scale).all())


def carried(A: FloatArray, P: FloatArray) -> FloatArray:
    """Return A_i P A_j' (2, 2, d, d) of the maps A (d, 2, 2) of modes."""
    found: FloatArray = np.einsum("iab,bcij,jec->aeij", A, P, A, optimize=True)
    return found
