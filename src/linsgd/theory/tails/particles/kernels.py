r"""Steps of laws other than the Gaussian one, and the choice of who draws a step.

Rows of a data set are drawn in proportion to |M u|^s of a batch that holds the row. For Student-t
features, x = H^{1/2} z sqrt((dof - 2) / V) with z ~ N(0, I) and one V ~ chi2_dof for all
coordinates, |M u| is large because one sample of the batch is: half of the batches have one sample,
whichever, drawn in proportion to |x'w|^{2s}, that is T^{2s} with T = z_1 / sqrt(V) and z_1 along
H^{1/2} w. That takes z_1^2 ~ chi2_{1+2s} and V ~ chi2_{dof-2s}, and the ratio, 1 over the mean of 1
and the batch's mean of T^{2s} / E T^{2s}, is at most 2. The weights have a finite variance at every
order s < dof / 2.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from linsgd.domains import FloatArray, IntArray
from linsgd.problems.features import FiniteData, StudentFeatures
from linsgd.theory.tails.particles.adapted_norm import Frame, Kernel, dot
from linsgd.theory.tails.particles.tilted import GaussianKernel
from linsgd.theory.tails.setting import Setting

_PLAIN = 0.02  # share of the untilted law in a proposal for rows


def kernel_of(setting: Setting, frame: Frame) -> Kernel:
    """Return how this setting's steps are drawn."""
    if setting.gaussian:
        return GaussianKernel(frame, np.sqrt(setting.spectrum), setting.batch)
    if isinstance(setting.features, StudentFeatures):
        return StudentKernel(np.sqrt(setting.spectrum), setting.features.dof, setting.batch)
    if isinstance(setting.features, FiniteData):
        return DataKernel(frame, setting.features.X, setting.batch, setting.replacement)
    return PlainKernel(setting)


@dataclass(frozen=True, slots=True, eq=False)
class DataKernel:
    """Rows (N, d) of a data set, in the eigenbasis of H."""

    frame: Frame
    rows: FloatArray
    batch: int
    replacement: bool

    def width(self, s: float) -> int:
        """Return the numbers held for each vector."""
        return len(self.rows)

    def pull(
        self, state: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return H_b w (n, d) and the log likelihood ratio (n,)."""
        w, N, b = state[:, 0], len(self.rows), self.batch
        residual = w @ self.rows.T
        if not self.replacement:
            chosen = rng.random(residual.shape).argpartition(b - 1, axis=1)[:, :b]
            return self._gradient(residual, chosen), np.zeros(len(w))
        if s == 0:
            return self._gradient(residual, rng.integers(N, size=(len(w), b))), np.zeros(len(w))
        log_weight = np.float32(s / 2) * np.log(self._lengths(state, residual))
        cumulated = np.cumsum(np.exp(log_weight), axis=1)
        total, row = cumulated[:, -1:], np.arange(len(w))[:, None]
        ends = (cumulated / total + row.astype(np.float64)).ravel()
        share = (1 - _PLAIN) / b
        chosen = rng.integers(N, size=(len(w), b))
        meant = rng.random(chosen.shape) < share
        aim = (row + rng.random(chosen.shape))[meant]
        chosen[meant] = np.minimum(
            np.searchsorted(ends, aim) - np.broadcast_to(row * N, chosen.shape)[meant], N - 1
        )
        mass = np.exp(np.take_along_axis(log_weight, chosen, axis=1)) / total
        return self._gradient(residual, chosen), -np.log(1 - share + share * N * mass).sum(axis=1)

    def _gradient(self, residual: FloatArray, chosen: IntArray) -> FloatArray:
        picked = np.take_along_axis(residual, chosen, axis=1)
        gradient: FloatArray = np.einsum("nk,nki->ni", picked, self.rows[chosen]) / self.batch
        return gradient

    def _lengths(self, state: FloatArray, residual: FloatArray) -> FloatArray:
        """Return |M u|^2 (n, N) of the batch of one row and the mean of the others, over its largest."""
        H = self.rows.T @ self.rows / len(self.rows)
        base = self.frame.moved(state, (1 - 1 / self.batch) * state[:, 0] @ H)
        c = self.frame.column
        unit = (
            c[:, None] * self.rows[:, None] / self.batch
        )  # the push of each row per unit of residual
        dual = self.frame.dual(unit).reshape(len(self.rows), -1)
        curve = dot(unit.reshape(len(self.rows), -1), dual)
        slope = (2 * base.reshape(len(base), -1) @ dual.T).astype(np.float32)
        residual = residual.astype(np.float32)
        X = self.frame.squared(base).astype(np.float32)[:, None] + residual * (
            slope + curve.astype(np.float32) * residual
        )
        X /= X.max(axis=1, keepdims=True)
        lengths: FloatArray = np.maximum(X, np.float32(1e-12))
        return lengths


@dataclass(frozen=True, slots=True, eq=False)
class StudentKernel:
    """Student-t features along their principal axes; `root` (d,) is H^{1/2}."""

    root: FloatArray
    dof: float
    batch: int

    def width(self, s: float) -> int:
        """Return the numbers held for each vector."""
        return self.root.size * self.batch

    def pull(
        self, state: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return H_b w (n, d) and the log likelihood ratio (n,)."""
        u = state[:, 0] * self.root
        n, b, dof = len(u), self.batch, self.dof
        z, V = rng.standard_normal((n, b, self.root.size)), rng.chisquare(dof, (n, b))
        length = np.maximum(np.sqrt(dot(u, u)), 1e-150)
        hat = u / length[:, None]
        along = np.einsum("nbi,ni->nb", z, hat)
        ratio = np.zeros(n)
        if s > 0:
            chosen = np.flatnonzero(rng.random(n) < 0.5)
            sample = rng.integers(b, size=chosen.size)
            V[chosen, sample] = rng.chisquare(dof - 2 * s, chosen.size)
            drawn = np.sqrt(rng.chisquare(1 + 2 * s, chosen.size))
            z[chosen, sample] += hat[chosen] * (drawn - along[chosen, sample])[:, None]
            along[chosen, sample] = drawn
            normaliser = gammaln(s + 0.5) - gammaln(0.5) + gammaln(dof / 2 - s) - gammaln(dof / 2)
            log_tilts = s * np.log(np.maximum(along**2, 1e-300) / V) - normaliser
            ratio = math.log(2) - np.logaddexp(
                0, np.logaddexp.reduce(log_tilts, axis=1) - math.log(b)
            )
        pull: FloatArray = (
            self.root * np.einsum("nbi,nb->ni", z, along / V) * (length * (dof - 2) / b)[:, None]
        )
        return pull, ratio


@dataclass(frozen=True, slots=True, eq=False)
class PlainKernel:
    """Any law that can be sampled."""

    setting: Setting

    def width(self, s: float) -> int:
        """Return the numbers held for each vector."""
        return self.setting.dimension * self.setting.batch

    def pull(
        self, state: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return H_b w (n, d) and the log likelihood ratio (n,)."""
        n, b = len(state), self.setting.batch
        x = self.setting.features.sample(n * b, rng).reshape(n, b, -1)
        residual = np.einsum("nbi,ni->nb", x, state[:, 0])
        return np.einsum("nbi,nb->ni", x, residual) / b, np.zeros(n)
