r"""Linear response to the noise of epochs, frozen at the minimum: exact in lr (h + weight_decay).

An epoch has n = floor(N/b) batches; the rows left over are dropped, as by torch's DataLoader with
drop_last=True. Where the gradient noise xi_j of batch j does not depend on w, with C the covariance
of the gradients of the rows,

    Cov(xi_j, xi_k) = C ((N/b) 1_{j=k} - 1)/(N - 1)    in one epoch,

and z = (w - mu, v) obeys z' = A z + c xi mode by mode. In units of C_ij/(N - 1), with the responses
u_m = A^m c and s_p = u_0 + ... + u_{p-1}, the noise of the first p steps of an epoch gives

    B_p = (N/b) sum_{m < p} u_m u_m' - s_p s_p'.

Reshuffled epochs are independent: P_0 = A_i^n P_0 A_j^n' + B_n at the start of an epoch and P_p =
A_i^p P_0 A_j^p' + B_p at phase p. In a fixed order, drawn once, the noise has period n, and so has
z: z = sum_m r_m xi_{n-1-m} with r_m = A^m (1 - A^n)^{-1} c, at every phase of the same law over
orders. If n b = N, sum_j xi_j = 0, and the sums are taken over responses less their mean.
"""

from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.recurrence.recurrence import Coefficients


@dataclass(frozen=True, slots=True, eq=False)
class EpochResponse:
    """The responses of every mode within an epoch.

    Attributes
    ----------
    changes : ndarray (n + 1, d, 2, 2)
        A^p - 1.
    unit : ndarray (2,)
        c.
    kicks : ndarray (n, d, 2)
        u_m - c.
    curvature : ndarray (d,)
        h + weight_decay.
    rows : int
        N.
    ratio : float
        N/b.
    """

    changes: FloatArray
    unit: FloatArray
    kicks: FloatArray
    curvature: FloatArray
    rows: int
    ratio: float

    @classmethod
    def of(
        cls, curvature: FloatArray, coefficients: Coefficients, rows: int, batch: int
    ) -> "EpochResponse":
        """Return the responses of an epoch of floor(rows/batch) batches."""
        n = rows // batch
        c = coefficients.noise_vector()
        change = coefficients.mode_change(curvature)
        changes = np.zeros((n + 1, *change.shape))
        for p in range(n):
            # A^(p+1) - 1 = (A - 1) + A (A^p - 1)
            changes[p + 1] = change + changes[p] + change @ changes[p]
        return cls(changes, c, changes[:n] @ c, curvature, rows, rows / batch)

    @property
    def batches(self) -> int:
        """The number n of batches in an epoch."""
        return len(self.kicks)

    @property
    def responses(self) -> FloatArray:
        """The u_m (n, d, 2)."""
        return self.kicks + self.unit

    def pairs(self, p: int) -> FloatArray:
        """Return B_p (2, 2, d, d) for p < n, or B_n without cancellation."""
        return self._quadratic(self.kicks[:p], self.unit, whole=p == self.batches)

    def reshuffled(self) -> FloatArray:
        """Return P_0 (2, 2, d, d) of reshuffled epochs, 0 for flat modes."""
        E, d = self.changes[-1], self.curvature.size
        one = np.eye(2)
        # 1 - A_i^n (x) A_j^n, from the changes
        system = -np.einsum("iab,ce->iacbe", E, one)[:, None]
        system = system - np.einsum("ab,jce->jacbe", one, E)[None]
        system = system - np.einsum("iab,jce->ijacbe", E, E)
        flat = np.minimum.outer(self.curvature, self.curvature) <= 0
        equations = system.reshape(d, d, 4, 4)
        equations = np.where(flat[:, :, None, None], np.eye(4), equations)
        B_n = np.where(flat, 0.0, self.pairs(self.batches)).reshape(4, d, d)
        found = np.linalg.solve(equations, np.moveaxis(B_n, 0, -1)[..., None])[..., 0]
        law: FloatArray = np.moveaxis(found, -1, 0).reshape(2, 2, d, d)
        return law

    def at_phase(self, start: FloatArray, p: int) -> FloatArray:
        """Return P_p (2, 2, d, d) from P_0."""
        moved = self.changes[p] + np.eye(2)
        carried = np.einsum("iab,bcij,jec->aeij", moved, start, moved, optimize=True)
        law: FloatArray = carried + self.pairs(p) if p else start
        return law

    def mean_position(self, start: FloatArray) -> FloatArray:
        """Return the form (d, d) of the mean of w over the phases 0, ..., n - 1, from P_0.

        Batch j moves the mean by s_{n-1-j}/n.
        """
        # of the start, moved by the mean of A^p
        moved = np.mean(self.changes[:-1], axis=0) + np.eye(2)
        w_row = moved[:, 0]
        kept = np.einsum("ib,bcij,jc->ij", w_row, start, w_row, optimize=True)
        # of the noise
        after = np.cumsum(self.responses, axis=0)[:-1]
        nothing = np.zeros((1, *self.kicks.shape[1:]))
        sums = np.concatenate([nothing, after]) / self.batches
        own = self._quadratic(sums, 0 * self.unit, whole=True)
        form: FloatArray = kept + own[0, 0]
        return form

    def cyclic(self) -> FloatArray:
        """Return the r_m (n, d, 2) of a fixed order, 0 for flat modes."""
        flat = self.curvature <= 0
        # r_0 = (1 - A^n)^{-1} c
        system = np.where(flat[:, None, None], np.eye(2), -self.changes[-1])
        c = np.broadcast_to(self.unit, (flat.size, 2))
        first = np.linalg.solve(system, c[..., None])
        moved = self.changes[:-1] + np.eye(2)
        found: FloatArray = np.where(flat[:, None], 0.0, (moved @ first)[..., 0])
        return found

    def fixed(self) -> FloatArray:
        """Return P (2, 2, d, d) of a fixed order."""
        r = self.cyclic()
        return self._quadratic(r - r[0], r[0], whole=True)

    def _quadratic(self, moved: FloatArray, base: FloatArray, *, whole: bool) -> FloatArray:
        """Return (N/b) sum_m u_m u_m' - s s' (2, 2, d, d) of u_m = base + moved_m (p, d, 2)."""
        count, d = len(moved), self.curvature.size
        total = np.sum(moved, axis=0) + count * base
        if whole:
            # (N/b) sum (u - mean)(u - mean)' + (N/(n b) - 1) s s'
            spread = moved - moved.mean(axis=0)
            weight = self.ratio / count - 1
        else:
            spread, weight = moved + base, -1.0
        U, s = spread.reshape(count, 2 * d), total.reshape(2 * d)
        form = self.ratio * (U.T @ U) + weight * np.outer(s, s)
        found: FloatArray = form.reshape(d, 2, d, 2).transpose(1, 3, 0, 2)
        return found
