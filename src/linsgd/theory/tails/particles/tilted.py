r"""Steps of the products drawn as the s-th moment sees them, with likelihood ratios that keep the weights tame.

E |M u|^s is carried by steps that are rare under the law of the batch. Here the norm is the adapted
one of `linsgd.theory.tails.moments.second_moment`, u = (w, v) is one vector, u'= H^{1/2} w, and the
batch of Gaussian features is C ~ chi2_b and z ~ N(0, I) across u':

    H_b w = H^{1/2} [ C u' + sqrt(C) |u'| z ] / b,
    X = |M u|^2 = B + 2 r y'z + r^2 z'D z,      r = sqrt(C) |u'|,

with B quadratic in C, y linear, D diagonal. First sqrt(C) is drawn from its density times an
approximation of E[X^{s/2} | C] (that of a Gamma variable with the mean and the variance of X), on
bins. Then z: since log X <= log X0 + (X - X0)/X0, tilting by exp(tau X) with tau = s/(2 X0) leaves
a Gaussian law of precision K = 1 - 2 tau r^2 D across u' and a *bounded* ratio X^{s/2} exp(-tau X).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from linsgd.domains import FloatArray, IntArray
from linsgd.theory.tails.particles.adapted_norm import Frame, dot

_PLAIN = 0.02  # share of the untilted law in a proposal: no ratio exceeds its inverse
_BIN = 0.35  # of sqrt(C), whose standard deviation is 0.7 for every batch
_STEEPEST = 0.9  # of 2 tau r^2 max D, which must stay below 1


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
        first, last = max(math.sqrt(self.batch) - 5, 0.0), math.sqrt(self.batch + 4 * s) + 5
        bins = int((last - first) / _BIN)
        return first, bins, (last - first) / bins

    def pull(
        self, state: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return H_b w (n, d) and the log likelihood ratio (n,)."""
        u = state[:, 0] * self.root
        m = np.maximum(dot(u, u), 1e-300)
        hat = u / np.sqrt(m)[:, None]
        z = rng.standard_normal(u.shape)
        if s == 0:
            C, ratio = 2 * rng.standard_gamma(self.batch / 2, len(u)), np.zeros(len(u))
            z -= hat * dot(hat, z)[:, None]
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
        Q0 = dot(drift.reshape(len(u), -1), dual.reshape(len(u), -1))
        e = self.root * (c[0] * dual[:, 0] + c[1] * dual[:, 1]) / self.batch
        D = self.root**2 * np.einsum("a,b,abi->i", c, c, self.frame.form) / self.batch**2
        Du, e_along = D * u, dot(e, hat)
        along = dot(Du, hat)
        e_across, Du_across = e - hat * e_along[:, None], Du - hat * along[:, None]
        curve = along / np.sqrt(m)  # hat'D hat
        square = D.sum() - curve  # traces of D and D D across u
        fourth = np.maximum((D * D).sum() - 2 * hat**2 @ D**2 + curve**2, 0.0)
        mean = np.stack(
            [Q0, 2 * e_along * np.sqrt(m) + m * square, m * curve]
        )  # of X, in powers of C
        tilt = np.stack(
            [dot(e_across, e_across), 2 * dot(e_across, Du_across), dot(Du_across, Du_across)]
        )
        variance = np.stack(
            [4 * m * tilt[0], 4 * m * tilt[1] + 2 * m**2 * fourth, 4 * m * tilt[2]]
        )  # C, C^2, C^3
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
        along_k = dot(hat, Kh)
        shift = Kb - Kh * (dot(hat, Kb) / along_k)[:, None]
        z = np.sqrt(K) * z
        z += shift - Kh * (dot(hat, z) / along_k)[:, None]
        normaliser = (dot(shift, b) + np.log(K).sum(axis=1) - np.log(along_k)) / 2
        rise = 2 * dot(b, z) / (2 * tau) + r * r * dot(D * z, z)  # X - B
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
        p, q = (
            (mean / top).astype(np.float32)[..., None],
            (variance / top**2).astype(np.float32)[..., None],
        )
        X = np.maximum(p[0] + C * (p[1] + C * p[2]), 1e-30)
        V = C * (q[0] + C * (q[1] + C * q[2]))
        spread, half = np.maximum(V / (X * X), 1e-6), np.float32(s / 2)
        log_target = (
            half * np.log(X)
            + (1 / spread + half - np.float32(0.5)) * np.log1p(half * spread)
            - half
        )
        log_target += self._log_density(y)
        log_target -= log_target.max(axis=1, keepdims=True)
        cumulated = np.cumsum(np.exp(log_target), axis=1)
        chosen = (cumulated < (rng.random(n) * cumulated[:, -1])[:, None]).sum(axis=1)
        slopes = _slopes(log_target, np.minimum(chosen, bins - 1))
        tilted = first + width * (
            np.minimum(chosen, bins - 1) + np.log1p(rng.random(n) * np.expm1(slopes)) / slopes
        )
        plain = np.sqrt(2 * rng.standard_gamma(b / 2, n))
        root_c = np.where(rng.random(n) < _PLAIN, plain, tilted)
        place = (root_c - first) / width
        bin_ = np.clip(place.astype(int), 0, bins - 1)
        slopes = _slopes(log_target, bin_)
        mass = log_target[np.arange(n), bin_] - np.log(cumulated[:, -1] * width)
        log_tilted = mass + slopes * (place - bin_) + np.log(slopes / np.expm1(slopes))
        log_tilted[(place < 0) | (place >= bins)] = -np.inf
        log_density = self._log_density(root_c)
        return root_c, log_density - np.logaddexp(
            math.log(_PLAIN) + log_density, math.log(1 - _PLAIN) + log_tilted
        )

    def _log_density(self, y: FloatArray) -> FloatArray:
        """Return the log density of sqrt(C)."""
        b = self.batch
        density: FloatArray = (
            (b - 1) * np.log(y) - y * y / 2 - (b / 2 - 1) * np.log(2) - gammaln(b / 2)
        )
        return density


def _slopes(log_values: FloatArray, at: IntArray) -> FloatArray:
    """Return the slopes per bin (n,) of log values (n, bins) at one bin of each row; never 0."""
    rows, last = np.arange(len(at)), log_values.shape[1] - 1
    after, before = np.minimum(at + 1, last), np.maximum(at - 1, 0)
    slopes = (log_values[rows, after] - log_values[rows, before]).astype(np.float64) / (
        after - before
    )
    clipped: FloatArray = np.clip(slopes, -20, 20)
    return np.where(np.abs(clipped) < 1e-6, 1e-6, clipped)
