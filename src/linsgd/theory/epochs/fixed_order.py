r"""A fixed order in time, from a point: responses to each batch of the order, walked step by step.

Every epoch meets the same n batches. With m the mean of z = (w, v) from the regularised solution,
mu its stationary value and D_r = x_r x_r' - H, a row of batch i causes by the step k

    Y_ir = sum over the steps s < k at which batch i acted of A^{k-1-s} c (g_r + D_r (m_s - mu)_w),
    (Y_ir)_a = sum_c (D_r)_ac Phi_i,ac + g_ra rho_i,a.

The batches have the covariance C ((N/b) 1_{i=j} - 1)/(N - 1); hence at step s of batch i

    m' = A m + c mean_r D_r ((N/b) Y_ir - sum_j Y_jr)_w/(N - 1),
    Cov z = ((N/b) sum_i mean_r Y_ir Y_ir' - mean_r (sum_i Y_ir)(sum_i Y_ir)')/(N - 1),

to which the growth of the noise in the stationary law is added, at each step in the share that Var
w has of its stationary value. The limit is the stationary law of
`linsgd.theory.epochs.frozen_noise`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.theory.epochs.frozen_noise import EpochLaw
from linsgd.theory.epochs.rows import Rows
from linsgd.theory.epochs.transient import LONGEST, SETTLED, State
from linsgd.theory.recurrence.recurrence import Coefficients


@dataclass(frozen=True, slots=True, eq=False)
class OrderWalk:
    """A fixed order of one optimizer.

    Attributes
    ----------
    rows : Rows
        The data.
    coefficients : Coefficients
        Of a step.
    law : EpochLaw
        The linear response, and the growth of the noise.
    mean : ndarray (2, d)
        Stationary, from the regularised solution.
    """

    rows: Rows
    coefficients: Coefficients
    law: EpochLaw
    mean: FloatArray

    def path(self, start: FloatArray, times: IntArray, *, fresh: bool) -> Iterator[State]:
        """Yield the states at increasing `times` from a mean (2, d) without variance.

        Yields
        ------
        State
            At the next of the times.

        Raises
        ------
        ValueError
            If the law has not settled after the steps that are walked.
        """
        response = self.law.response
        n, d = response.batches, self.mean.shape[1]
        m, Phi = start, np.zeros((n, 2, d, d))
        rho, growing = np.zeros((n, 2, d)), np.zeros((n, 2, d))
        A, c = response.changes[1] + np.eye(2), response.unit
        first = self.coefficients.undampened() if fresh else self.coefficients
        A_s, c_s = first.mode_matrix(response.curvature), first.noise_vector()
        done = 0
        for time in map(int, times):
            while done < time:
                if done % n == 0 and self._settled(m, rho):
                    done, growing = time, rho
                    break
                if done > LONGEST:
                    domains.refuse("steps", time, f"[0, {done}] as the order has not settled")
                i, away = done % n, m[0] - self.mean[0]
                m = np.einsum("dab,bd->ad", A_s, m) + np.outer(c_s, self._drive(rho, Phi, i))
                share = max(self._share(rho), 0.0)
                rho = np.einsum("dab,nbd->nad", A_s, rho)
                growing = np.einsum("dab,nbd->nad", A_s, growing)
                Phi = np.einsum("dab,nbdc->nadc", A_s, Phi)
                rho[i] += c_s[:, None]
                growing[i] += np.sqrt(share) * c_s[:, None]
                Phi[i] += c_s[:, None, None] * away
                A_s, c_s, done = A, c, done + 1
            yield m, self._covariance(rho, growing, Phi)

    def _settled(self, m: FloatArray, rho: FloatArray) -> bool:
        """Return whether mean and responses of the modes that are held are stationary."""
        response = self.law.response
        held = response.curvature > 0
        cyclic = response.cyclic()[::-1].transpose(0, 2, 1)
        scale = np.abs(cyclic).max(axis=(0, 2))
        gap = np.abs(np.where(held, rho - cyclic, 0.0)).max(axis=(0, 2))
        away = np.where(held, m - self.mean, 0.0) ** 2
        variances = np.diagonal(self.law.blocks[0], axis1=1, axis2=2)[[0, 2]].max(axis=1)
        settled = (gap <= SETTLED * scale) & (away.max(axis=1) <= SETTLED * variances)
        return bool(settled.all())

    def _share(self, rho: FloatArray) -> float:
        """Return sum_i h_i Var w_i over its stationary value, of frozen noise."""
        rows, law = self.rows, self.law
        w = rho[:, 0]
        form = law.response.ratio * np.sum(w**2, axis=0) - np.sum(w, axis=0) ** 2
        variance = np.diag(rows.covariance) * form / max(len(rows.g) - 1, 1)
        limit = float(rows.h @ np.diag(law.blocks[0, 0]))
        return float(rows.h @ variance) / limit if limit > 0 else 0.0

    def _drive(self, rho: FloatArray, Phi: FloatArray, i: int) -> FloatArray:
        """Return how batch i, by what it and the others did before, moves the mean gradient."""
        ratio, rows = self.law.response.ratio, self.rows
        weighted = ratio * rho[i, 0] - rho[:, 0].sum(axis=0)
        crossed = ratio * Phi[i, 0] - Phi[:, 0].sum(axis=0)
        caused = self._caused(weighted, crossed)
        drive: FloatArray = rows.mean_deviation(caused) / max(len(rows.g) - 1, 1)
        return drive

    def _caused(self, rho: FloatArray, Phi: FloatArray) -> FloatArray:
        """Return sum_c (D_r)_ac Phi_ac + g_ra rho_a (N, d)."""
        rows = self.rows
        own: FloatArray = rows.x * (rows.x @ Phi.T) - rows.h * np.diag(Phi) + rows.g * rho
        return own

    def _covariance(self, rho: FloatArray, growing: FloatArray, Phi: FloatArray) -> FloatArray:
        """Return Cov z (2, 2, d, d)."""
        rows, law = self.rows, self.law
        ratio, N = law.response.ratio, len(rows.g)
        squares = np.zeros((2, 2, *Phi.shape[-2:]))
        total = np.zeros((2, *rows.g.shape))
        for own, crossed in zip(rho, Phi, strict=True):
            Y = np.stack([self._caused(own[k], crossed[k]) for k in (0, 1)])
            squares += np.einsum("and,bne->abde", Y, Y, optimize=True) / N
            total += Y
        products = np.einsum("and,bne->abde", total, total, optimize=True) / N
        frozen = (ratio * squares - products) / max(N - 1, 1)
        white = np.einsum("nad,nbe->abde", growing, growing)
        summed = growing.sum(axis=0)
        alike = (ratio * white - np.einsum("ad,be->abde", summed, summed)) / max(N - 1, 1)
        grown = (law.structured - rows.covariance) * alike + law.unstructured * white
        return np.asarray(frozen + grown)
