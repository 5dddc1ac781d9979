r"""Samplers of the steps of laws other than the Gaussian one, and their choice.

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
from linsgd.theory.tails.particles.adapted_norm import AdaptedNorm, StepSampler, dot
from linsgd.theory.tails.particles.tilted import GaussianSampler
from linsgd.theory.tails.setting import Setting

_UNTILTED = 0.02  # share of the uniform law in a proposal for rows: no ratio exceeds its inverse
_SMALLEST = 1e-12  # |M u|^2 over that of the largest row, below which rows are drawn alike


def sampler_of(setting: Setting, norm: AdaptedNorm) -> StepSampler:
    """Return the sampler of a setting's steps."""
    if setting.gaussian:
        return GaussianSampler(norm, np.sqrt(setting.spectrum), setting.batch)
    if isinstance(setting.features, StudentFeatures):
        return StudentSampler(np.sqrt(setting.spectrum), setting.features.dof, setting.batch)
    if isinstance(setting.features, FiniteData):
        return DataSampler(norm, setting.features.X, setting.batch, setting.replacement)
    return PlainSampler(setting)


@dataclass(frozen=True, slots=True, eq=False)
class DataSampler:
    """Rows (N, d) of a data set, in the eigenbasis of H."""

    norm: AdaptedNorm
    rows: FloatArray
    batch: int
    replacement: bool

    def width(self, s: float) -> int:
        """Return the numbers held for each vector."""
        return len(self.rows)

    def gradients(
        self, state: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return H_b w (n, d) and the log likelihood ratio (n,)."""
        w = state[:, 0]
        N = len(self.rows)
        b = self.batch
        residual = w @ self.rows.T  # x'w of every row (n, N)
        log_ratio = np.zeros(len(w))
        if not self.replacement:
            # the b smallest of N random numbers
            order = rng.random(residual.shape).argpartition(b - 1, axis=1)
            chosen = order[:, :b]
        elif s == 0:
            chosen = rng.integers(N, size=(len(w), b))
        else:
            log_powers = self._log_powers(state, residual, s)
            chosen, log_ratio = self._tilted(log_powers, rng)
        return self._gradient(residual, chosen), log_ratio

    def _tilted(
        self, log_powers: FloatArray, rng: np.random.Generator
    ) -> tuple[IntArray, FloatArray]:
        """Return rows (n, b), most of the batch uniform, and log ratios (n,).

        Each row is drawn by its power |M u|^s with probability (1 - _UNTILTED) / b, so that a batch
        has about one of them: the law of a row is (1 - share) / N + share power / total.
        """
        n, N = log_powers.shape
        cumulated = np.cumsum(np.exp(log_powers), axis=1)
        total = cumulated[:, -1:]
        share = (1 - _UNTILTED) / self.batch
        chosen = rng.integers(N, size=(n, self.batch))
        by_power = rng.random(chosen.shape) < share
        # inversion of all vectors at once: vector i occupies [i, i + 1] of the cumulated powers
        vector = np.arange(n)[:, None]
        ends = (cumulated / total + vector.astype(np.float64)).ravel()
        places = (vector + rng.random(chosen.shape))[by_power]
        found = np.searchsorted(ends, places)
        first = np.broadcast_to(vector * N, chosen.shape)[by_power]
        chosen[by_power] = np.minimum(found - first, N - 1)
        # 1 / ratio = prod over the batch of (1 - share) + share N power / total
        mass = np.exp(np.take_along_axis(log_powers, chosen, axis=1)) / total
        log_ratio: FloatArray = -np.log(1 - share + share * N * mass).sum(axis=1)
        return chosen, log_ratio

    def _gradient(self, residual: FloatArray, chosen: IntArray) -> FloatArray:
        """Return the mean of x x'w over the chosen rows."""
        picked = np.take_along_axis(residual, chosen, axis=1)
        gradient: FloatArray = np.einsum("nk,nki->ni", picked, self.rows[chosen]) / self.batch
        return gradient

    def _log_powers(self, state: FloatArray, residual: FloatArray, s: float) -> FloatArray:
        """Return log |M u|^s (n, N), up to a constant, of each row with the mean of the others.

        |M u|^2 = |base + r y|^2 = |base|^2 + r (2 base'Q y + r y'Q y), r = x'w, y = column x / b.
        Single precision, as these are proposals.
        """
        n = len(state)
        N = len(self.rows)
        b = self.batch
        H = self.rows.T @ self.rows / N
        others = (1 - 1 / b) * state[:, 0] @ H
        base = self.norm.moved(state, others)
        y = self.norm.column[:, None] * self.rows[:, None] / b
        Qy = self.norm.dual(y).reshape(N, -1)
        # the coefficients of 1, r and r^2
        constant = self.norm.squared(base).astype(np.float32)
        slope = (2 * base.reshape(n, -1) @ Qy.T).astype(np.float32)
        curve = dot(y.reshape(N, -1), Qy).astype(np.float32)
        r = residual.astype(np.float32)
        squared = constant[:, None] + r * (slope + curve * r)
        squared /= squared.max(axis=1, keepdims=True)
        log_squared: FloatArray = np.log(np.maximum(squared, np.float32(_SMALLEST)))
        return np.float32(s / 2) * log_squared


@dataclass(frozen=True, slots=True, eq=False)
class StudentSampler:
    """Student-t features along their principal axes; `root` (d,) is H^{1/2}."""

    root: FloatArray
    dof: float
    batch: int

    def width(self, s: float) -> int:
        """Return the numbers held for each vector."""
        return self.root.size * self.batch

    def gradients(
        self, state: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return H_b w (n, d) and the log likelihood ratio (n,)."""
        u = state[:, 0] * self.root
        n = len(u)
        b = self.batch
        dof = self.dof
        z = rng.standard_normal((n, b, self.root.size))
        V = rng.chisquare(dof, (n, b))
        length = np.maximum(np.sqrt(dot(u, u)), 1e-150)
        direction = u / length[:, None]
        along = np.einsum("nbi,ni->nb", z, direction)
        log_ratio = np.zeros(n)
        if s > 0:
            self._tilt(z, V, along, direction, s, rng)
            log_ratio = self._log_ratio(along, V, s)
        # H_b w = (1/b) sum x x'w,  x x'w = H^{1/2} z z'u (dof - 2) / V
        total = np.einsum("nbi,nb->ni", z, along / V)
        factor = length * (dof - 2) / b
        gradient: FloatArray = self.root * total * factor[:, None]
        return gradient, log_ratio

    def _tilt(
        self,
        z: FloatArray,
        V: FloatArray,
        along: FloatArray,
        direction: FloatArray,
        s: float,
        rng: np.random.Generator,
    ) -> None:
        """Redraw one sample in half of the batches in proportion to T^{2s}, in place."""
        n, b = V.shape
        tilted = np.flatnonzero(rng.random(n) < 0.5)
        count = tilted.size
        one = (tilted, rng.integers(b, size=count))
        # V ~ chi2_{dof - 2s} and z_1^2 ~ chi2_{1 + 2s}
        V[one] = rng.chisquare(self.dof - 2 * s, count)
        drawn = np.sqrt(rng.chisquare(1 + 2 * s, count))
        change = drawn - along[one]
        z[one] += direction[tilted] * change[:, None]
        along[one] = drawn

    def _log_ratio(self, along: FloatArray, V: FloatArray, s: float) -> FloatArray:
        """Return log 2 / (1 + the batch's mean of T^{2s} / E T^{2s}) (n,).

        E T^{2s} = Gamma(s + 1/2) / Gamma(1/2) Gamma(dof/2 - s) / Gamma(dof/2).
        """
        b, dof = self.batch, self.dof
        log_mean = gammaln(s + 0.5) - gammaln(0.5) + gammaln(dof / 2 - s) - gammaln(dof / 2)
        squared = np.maximum(along**2, 1e-300) / V
        log_tilts = s * np.log(squared) - log_mean
        log_batch = np.logaddexp.reduce(log_tilts, axis=1) - math.log(b)
        log_ratio: FloatArray = math.log(2) - np.logaddexp(0, log_batch)
        return log_ratio


@dataclass(frozen=True, slots=True, eq=False)
class PlainSampler:
    """Any law that can be sampled, without a tilt."""

    setting: Setting

    def width(self, s: float) -> int:
        """Return the numbers held for each vector."""
        return self.setting.dimension * self.setting.batch

    def gradients(
        self, state: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return H_b w (n, d) and the log likelihood ratio (n,)."""
        n = len(state)
        b = self.setting.batch
        x = self.setting.features.sample(n * b, rng).reshape(n, b, -1)
        residual = np.einsum("nbi,ni->nb", x, state[:, 0])
        return np.einsum("nbi,nb->ni", x, residual) / b, np.zeros(n)
