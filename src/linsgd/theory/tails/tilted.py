r"""Steps of the products drawn as the s-th moment sees them, with likelihood ratios that keep the weights tame.

E |M u|^s is carried by steps that are rare under the law of the batch. Here the norm is the adapted one of
`linsgd.theory.tails.second_moment`, u = (w, v) is one vector, u'= H^{1/2} w, and the batch of Gaussian features is
C ~ chi2_b and z ~ N(0, I) across u':

    H_b w = H^{1/2} [ C u' + sqrt(C) |u'| z ] / b,
    X = |M u|^2 = B + 2 r y'z + r^2 z'D z,      r = sqrt(C) |u'|,

with B quadratic in C, y linear, D diagonal. First sqrt(C) is drawn from its density times an approximation of
E[X^{s/2} | C] (that of a Gamma variable with the mean and the variance of X), on bins. Then z: since
log X <= log X0 + (X - X0)/X0, tilting by exp(tau X) with tau = s/(2 X0) leaves a Gaussian law of precision
K = 1 - 2 tau r^2 D across u' and a *bounded* ratio X^{s/2} exp(-tau X). Rows of a data set are drawn in proportion
to X^{s/2} of a batch that holds the row.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import gammaln

from linsgd.domains import FloatArray, IntArray
from linsgd.features import FiniteData
from linsgd.theory.tails.second_moment import SecondMoment, axes, step_matrices
from linsgd.theory.tails.setting import Setting

_PLAIN = 0.02  # share of the untilted law in a proposal: no ratio exceeds its inverse
_BIN = 0.35  # of sqrt(C), whose standard deviation is 0.7 for every batch
_STEEPEST = 0.9  # of 2 tau r^2 max D, which must stay below 1


class Kernel(Protocol):
    """Draws one step of many vectors."""

    def width(self, s: float) -> int:
        """Return how many numbers it holds for each vector, so that blocks of vectors can be kept in the cache."""

    def pull(self, state: FloatArray, s: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return H_b w (n, d) and the log likelihood ratio (n,) for unit vectors (n, 2, d)."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The deterministic part of a step, and the adapted norm."""

    fixed: FloatArray
    column: FloatArray
    form: FloatArray

    @classmethod
    def of(cls, setting: Setting, log_radius: float = 0.0) -> "Frame":
        """Return the frame for h(s)^{2/s} near exp(log_radius); Euclidean where no adapted norm is known."""
        fixed, push = step_matrices(setting)
        known = SecondMoment.of(setting)
        plain = np.multiply.outer(np.eye(2), np.ones(setting.dimension))
        return cls(fixed, push[:, 0], plain if known is None else known.form(log_radius))

    def dual(self, state: FloatArray) -> FloatArray:
        """Return Q u (n, 2, d)."""
        if self.form.ndim == 3:
            return np.stack([self.form[a, 0] * state[:, 0] + self.form[a, 1] * state[:, 1] for a in (0, 1)], axis=1)
        n, _, d = state.shape
        whole = self.form.transpose(0, 2, 1, 3).reshape(2 * d, 2 * d)
        dual: FloatArray = (state.reshape(n, 2 * d) @ whole).reshape(n, 2, d)
        return dual

    def scale(self) -> FloatArray:
        """Return the norm of each position alone (d,)."""
        diagonal: FloatArray = np.sqrt(self.form[0, 0] if self.form.ndim == 3 else np.diagonal(self.form[0, 0]))
        return diagonal

    def squared(self, state: FloatArray) -> FloatArray:
        """Return |u|^2 (n,)."""
        return _dot(state.reshape(len(state), -1), self.dual(state).reshape(len(state), -1))

    def drift(self, state: FloatArray) -> FloatArray:
        """Return the next state without the gradient (n, 2, d)."""
        w, v = state[:, 0], state[:, 1]
        return np.stack([self.fixed[a, 0] * w + self.fixed[a, 1] * v for a in (0, 1)], axis=1)

    def moved(self, state: FloatArray, pull: FloatArray) -> FloatArray:
        """Return the next state (n, 2, d)."""
        return self.drift(state) + self.column[:, None] * pull[:, None]


def kernel_of(setting: Setting, frame: Frame) -> Kernel:
    """Return how this setting's steps are drawn."""
    if setting.gaussian:
        return GaussianKernel(frame, np.sqrt(setting.spectrum), setting.batch)
    Q = axes(setting)
    if isinstance(setting.features, FiniteData):
        X = setting.features.X
        return DataKernel(frame, X if Q is None else X @ Q, setting.batch, setting.replacement)
    return PlainKernel(setting, Q)


@dataclass(frozen=True, slots=True, eq=False)
class GaussianKernel:
    """Gaussian features along their principal axes; `root` (d,) is H^{1/2}."""

    frame: Frame
    root: FloatArray
    batch: int

    def width(self, s: float) -> int:
        """Return the numbers held for each vector."""
        return max(self.root.size, self._bins(s)[1])

    def _bins(self, s: float) -> tuple[float, int, float]:
        """Return where the bins of sqrt(C) begin, their number and their width."""
        first, last = max(math.sqrt(self.batch) - 5, 0.0), math.sqrt(self.batch + 2 * s) + 5
        bins = int((last - first) / _BIN)
        return first, bins, (last - first) / bins

    def pull(self, state: FloatArray, s: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return H_b w (n, d) and the log likelihood ratio (n,)."""
        u = state[:, 0] * self.root
        m = np.maximum(_dot(u, u), 1e-300)
        hat = u / np.sqrt(m)[:, None]
        z = rng.standard_normal(u.shape)
        if s == 0:
            C, ratio = 2 * rng.standard_gamma(self.batch / 2, len(u)), np.zeros(len(u))
            z -= hat * _dot(hat, z)[:, None]
        else:
            C, z, ratio = self._tilted(state, u, m, hat, z, s, rng)
        return self.root * (C[:, None] * u + np.sqrt(C * m)[:, None] * z) / self.batch, ratio

    def _tilted(
        self,
        state: FloatArray,
        u: FloatArray,
        m: FloatArray,
        hat: FloatArray,
        z: FloatArray,
        s: float,
        rng: np.random.Generator,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        drift, c = self.frame.drift(state), self.frame.column
        dual = self.frame.dual(drift)
        Q0 = _dot(drift.reshape(len(u), -1), dual.reshape(len(u), -1))
        e = self.root * (c[0] * dual[:, 0] + c[1] * dual[:, 1]) / self.batch
        D = self.root**2 * np.einsum("a,b,abi->i", c, c, self.frame.form) / self.batch**2
        Du, e_along = D * u, _dot(e, hat)
        along = _dot(Du, hat)
        e_across, Du_across = e - hat * e_along[:, None], Du - hat * along[:, None]
        curve = along / np.sqrt(m)  # hat'D hat
        square = D.sum() - curve  # traces of D and D D across u
        fourth = np.maximum((D * D).sum() - 2 * hat**2 @ D**2 + curve**2, 0.0)
        mean = np.stack([Q0, 2 * e_along * np.sqrt(m) + m * square, m * curve])  # of X, in powers of C
        tilt = np.stack([_dot(e_across, e_across), 2 * _dot(e_across, Du_across), _dot(Du_across, Du_across)])
        variance = np.stack([4 * m * tilt[0], 4 * m * tilt[1] + 2 * m**2 * fourth, 4 * m * tilt[2]])  # C, C^2, C^3
        root_c, ratio = self._scale(mean, variance, s, rng)
        C = root_c**2
        r = root_c * np.sqrt(m)
        X_mean = mean[0] + C * (mean[1] + C * mean[2])
        X_variance = C * (variance[0] + C * (variance[1] + C * variance[2]))
        X0 = X_mean + s / 2 * X_variance / X_mean
        tau = s / 2 / np.maximum(X0, s * r * r * D.max() / _STEEPEST)
        K = 1 / (1 - 2 * tau[:, None] * (r * r)[:, None] * D)  # inverse precision
        b = 2 * (tau * r)[:, None] * (e_across + C[:, None] * Du_across)
        Kb, Kh = K * b, K * hat
        along_k = _dot(hat, Kh)
        shift = Kb - Kh * (_dot(hat, Kb) / along_k)[:, None]
        z = np.sqrt(K) * z
        z += shift - Kh * (_dot(hat, z) / along_k)[:, None]
        normaliser = (_dot(shift, b) + np.log(K).sum(axis=1) - np.log(along_k)) / 2
        rise = 2 * _dot(b, z) / (2 * tau) + r * r * _dot(D * z, z)  # X - B
        return C, z, ratio + normaliser - tau * rise

    def _scale(
        self, mean: FloatArray, variance: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return sqrt(C) and its log likelihood ratio."""
        n, b = mean.shape[1], self.batch
        first, bins, width = self._bins(s)
        y: FloatArray = first + width * np.arange(0.5, bins, dtype=np.float64)
        C = (y * y).astype(np.float32)
        top = np.maximum(mean[0], 1e-300)
        p, q = (mean / top).astype(np.float32)[..., None], (variance / top**2).astype(np.float32)[..., None]
        X = np.maximum(p[0] + C * (p[1] + C * p[2]), 1e-30)
        V = C * (q[0] + C * (q[1] + C * q[2]))
        spread, half = np.maximum(V / (X * X), 1e-6), np.float32(s / 2)
        log_target = half * np.log(X) + (1 / spread + half - np.float32(0.5)) * np.log1p(half * spread) - half
        log_target += self._log_density(y)
        log_target -= log_target.max(axis=1, keepdims=True)
        cumulated = np.cumsum(np.exp(log_target), axis=1)
        chosen = (cumulated < (rng.random(n) * cumulated[:, -1])[:, None]).sum(axis=1)
        slopes = _slopes(log_target, np.minimum(chosen, bins - 1))
        tilted = first + width * (np.minimum(chosen, bins - 1) + np.log1p(rng.random(n) * np.expm1(slopes)) / slopes)
        plain = np.sqrt(2 * rng.standard_gamma(b / 2, n))
        root_c = np.where(rng.random(n) < _PLAIN, plain, tilted)
        place = (root_c - first) / width
        bin_ = np.clip(place.astype(int), 0, bins - 1)
        slopes = _slopes(log_target, bin_)
        within = np.exp(slopes * (place - bin_)) * slopes / np.expm1(slopes) * ((place >= 0) & (place < bins))
        mass = np.exp(log_target[np.arange(n), bin_]) / cumulated[:, -1]
        density = np.exp(self._log_density(root_c))
        return root_c, np.log(density / (_PLAIN * density + (1 - _PLAIN) * mass / width * within))

    def _log_density(self, y: FloatArray) -> FloatArray:
        """Return the log density of sqrt(C)."""
        b = self.batch
        density: FloatArray = (b - 1) * np.log(y) - y * y / 2 - (b / 2 - 1) * np.log(2) - gammaln(b / 2)
        return density


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

    def pull(self, state: FloatArray, s: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
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
        chosen[meant] = np.minimum(np.searchsorted(ends, aim) - np.broadcast_to(row * N, chosen.shape)[meant], N - 1)
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
        unit = c[:, None] * self.rows[:, None] / self.batch  # the push of each row per unit of residual
        dual = self.frame.dual(unit).reshape(len(self.rows), -1)
        curve = _dot(unit.reshape(len(self.rows), -1), dual)
        slope = (2 * base.reshape(len(base), -1) @ dual.T).astype(np.float32)
        residual = residual.astype(np.float32)
        X = self.frame.squared(base).astype(np.float32)[:, None] + residual * (
            slope + curve.astype(np.float32) * residual
        )
        X /= X.max(axis=1, keepdims=True)
        lengths: FloatArray = np.maximum(X, np.float32(1e-12))
        return lengths


@dataclass(frozen=True, slots=True, eq=False)
class PlainKernel:
    """Any law that can be sampled; `axes` (features, d) or None as of `second_moment.axes`."""

    setting: Setting
    axes: FloatArray | None

    def width(self, s: float) -> int:
        """Return the numbers held for each vector."""
        return self.setting.features.dimension * self.setting.batch

    def pull(self, state: FloatArray, s: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return H_b w (n, d) and the log likelihood ratio (n,)."""
        n, b = len(state), self.setting.batch
        x = self.setting.features.sample(n * b, rng)
        x = (x if self.axes is None else x @ self.axes).reshape(n, b, -1)
        residual = np.einsum("nbi,ni->nb", x, state[:, 0])
        return np.einsum("nbi,nb->ni", x, residual) / b, np.zeros(n)


def _slopes(log_values: FloatArray, at: IntArray) -> FloatArray:
    """Return the slopes per bin (n,) of log values (n, bins) at one bin of each row; never 0."""
    rows, last = np.arange(len(at)), log_values.shape[1] - 1
    after, before = np.minimum(at + 1, last), np.maximum(at - 1, 0)
    slopes = (log_values[rows, after] - log_values[rows, before]).astype(np.float64) / (after - before)
    clipped: FloatArray = np.clip(slopes, -20, 20)
    return np.where(np.abs(clipped) < 1e-6, 1e-6, clipped)


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    product: FloatArray = np.einsum("ni,ni->n", a, b)
    return product
