r"""Importance sampling of one Gaussian step under the s-tilted measure, with bounded ratios.

E |M u|^s is carried by steps that are rare under the law of the batch. Here the norm is the adapted
one of `linsgd.theory.tails.moments.second_moment`, u = (w, v) is one vector, u'= H^{1/2} w, and the
batch of Gaussian features is C ~ chi2_b and z ~ N(0, I) across u':

    H_b w = H^{1/2} [ C u' + sqrt(C) |u'| z ] / b,
    X = |M u|^2 = B + 2 r y'z + r^2 z'D z,      r = sqrt(C) |u'|,

with B quadratic in C, y = e + C D u' linear, D diagonal. First sqrt(C) is drawn from its density
times an approximation of E[X^{s/2} | C] (that of a Gamma variable with the mean and the variance of
X), on bins. Then z: since log X <= log X0 + (X - X0)/X0, tilting by exp(tau X) with tau = s/(2 X0)
leaves a Gaussian law of precision K = 1 - 2 tau r^2 D across u' and a *bounded* ratio X^{s/2}
exp(-tau X).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from linsgd.domains import FloatArray, IntArray
from linsgd.theory.tails.particles.adapted_norm import AdaptedNorm, dot

_UNTILTED = 0.02  # share of the untilted law in a proposal: no ratio exceeds its inverse
_BIN = 0.35  # of sqrt(C), whose standard deviation is 0.7 for every batch
_STEEPEST = 0.9  # of 2 tau r^2 max D, which must stay below 1
_TINY = 1e-300


class _Quadratic(NamedTuple):
    """X = |M u|^2 as a polynomial in z, for n vectors.

    Attributes
    ----------
    squared : ndarray (n,)
        |u'|^2.
    direction : ndarray (n, d)
        u' / |u'|.
    e, Du : ndarray (n, d)
        y = e + C Du, both across u'.
    D : ndarray (d,)
        The diagonal of the quadratic form.
    mean : ndarray (3, n)
        E[X | C], coefficients of 1, C, C^2.
    variance : ndarray (3, n)
        Var[X | C], coefficients of C, C^2, C^3.
    """

    squared: FloatArray
    direction: FloatArray
    e: FloatArray
    Du: FloatArray
    D: FloatArray
    mean: FloatArray
    variance: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class GaussianSampler:
    """Gaussian features along their principal axes; `root` (d,) is H^{1/2}."""

    norm: AdaptedNorm
    root: FloatArray
    batch: int

    def width(self, s: float) -> int:
        """Return the numbers held for each vector."""
        return max(self.root.size, self._bins(s).number)

    def _bins(self, s: float) -> "_Bins":
        """Return the bins of sqrt(C)."""
        first = max(math.sqrt(self.batch) - 5, 0.0)
        last = math.sqrt(self.batch + 4 * s) + 5
        number = int((last - first) / _BIN)
        return _Bins(first, (last - first) / number, number)

    def gradients(
        self, state: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return H_b w (n, d) and the log likelihood ratio (n,)."""
        u = state[:, 0] * self.root
        squared = np.maximum(dot(u, u), _TINY)
        direction = u / np.sqrt(squared)[:, None]
        z = rng.standard_normal(u.shape)
        if s == 0:
            C, log_ratio = 2 * rng.standard_gamma(self.batch / 2, len(u)), np.zeros(len(u))
            z -= direction * dot(direction, z)[:, None]
        else:
            X = self._quadratic(state, u, squared, direction)
            C, C_ratio = self._tilted_energy(X, s, rng)
            z, z_ratio = self._tilted_normal(X, C, z, s)
            log_ratio = C_ratio + z_ratio
        gradient = C[:, None] * u + np.sqrt(C * squared)[:, None] * z
        return self.root * gradient / self.batch, log_ratio

    def _quadratic(
        self, state: FloatArray, u: FloatArray, m: FloatArray, direction: FloatArray
    ) -> _Quadratic:
        """Return X = |M0 u + column H_b w|^2, with m = |u'|^2."""
        c, form, b = self.norm.column, self.norm.form, self.batch
        drift = self.norm.drift(state)
        dual = self.norm.dual(drift)
        constant = dot(drift.reshape(len(u), -1), dual.reshape(len(u), -1))
        # |M u|^2 = constant + 2 e'g + g'D g for the gradient g = C u' + sqrt(C) |u'| z
        e = self.root * (c[0] * dual[:, 0] + c[1] * dual[:, 1]) / b
        D = self.root**2 * np.einsum("a,b,abi->i", c, c, form) / b**2
        Du = D * u
        e_along, Du_along = dot(e, direction), dot(Du, direction)
        e = e - direction * e_along[:, None]
        Du = Du - direction * Du_along[:, None]
        # tr D and tr D^2 across u', with u'D u' / |u'|^2
        curve = Du_along / np.sqrt(m)
        trace = D.sum() - curve
        square = (D * D).sum() - 2 * direction**2 @ D**2 + curve**2
        square = np.maximum(square, 0.0)
        # E X = constant + C (2 e'u' + |u'|^2 tr D) + C^2 u'D u'
        linear = 2 * e_along * np.sqrt(m) + m * trace
        mean = np.stack([constant, linear, m * curve])
        # Var X = 4 r^2 |y|^2 + 2 r^4 tr D^2
        ee, eD, DD = dot(e, e), dot(e, Du), dot(Du, Du)
        variance = np.stack([4 * m * ee, 8 * m * eD + 2 * m**2 * square, 4 * m * DD])
        return _Quadratic(m, direction, e, Du, D, mean, variance)

    def _tilted_normal(
        self, X: _Quadratic, C: FloatArray, z: FloatArray, s: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return z (n, d) across u', drawn in proportion to exp(tau X), and log ratios (n,).

        `z` is standard normal. With the precision K^{-1} = 1 - 2 tau r^2 D and b = 2 tau r y, z is
        normal of covariance K and mean K b, given that it is across u'.
        """
        r = np.sqrt(C * X.squared)
        mean = X.mean[0] + C * (X.mean[1] + C * X.mean[2])
        variance = C * (X.variance[0] + C * (X.variance[1] + C * X.variance[2]))
        X0 = mean + s / 2 * variance / mean
        tau = s / 2 / np.maximum(X0, s * r * r * X.D.max() / _STEEPEST)
        K = 1 / (1 - 2 * tau[:, None] * (r * r)[:, None] * X.D)
        b = 2 * (tau * r)[:, None] * (X.e + C[:, None] * X.Du)
        # conditioning on direction'z = 0 takes away K direction
        Kb, Kh = K * b, K * X.direction
        along = dot(X.direction, Kh)
        shift = Kb - Kh * (dot(X.direction, Kb) / along)[:, None]
        z = np.sqrt(K) * z
        z = z + shift - Kh * (dot(X.direction, z) / along)[:, None]
        # E exp(tau (X - B)), and X - B
        log_normaliser = (dot(shift, b) + np.log(K).sum(axis=1) - np.log(along)) / 2
        rise = dot(b, z) / tau + r * r * dot(X.D * z, z)
        return z, log_normaliser - tau * rise

    def _tilted_energy(
        self, X: _Quadratic, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return C (n,) and its log likelihood ratio.

        sqrt(C) is drawn from a density that is log-linear on bins, mixed with its own.
        """
        n, bins = X.mean.shape[1], self._bins(s)
        log_target = self._log_target(X, s, bins.middles)
        cumulated = np.cumsum(np.exp(log_target), axis=1)
        # a bin, a place in it, or a draw from the untilted law
        uniform = (rng.random(n) * cumulated[:, -1])[:, None]
        chosen = np.minimum((cumulated < uniform).sum(axis=1), bins.number - 1)
        slopes = _slopes(log_target, chosen)
        place = np.log1p(rng.random(n) * np.expm1(slopes)) / slopes
        tilted = bins.first + bins.width * (chosen + place)
        plain = np.sqrt(2 * rng.standard_gamma(self.batch / 2, n))
        root_c = np.where(rng.random(n) < _UNTILTED, plain, tilted)
        # the densities of both at the place that was drawn
        place = (root_c - bins.first) / bins.width
        bin_ = np.clip(place.astype(int), 0, bins.number - 1)
        slopes = _slopes(log_target, bin_)
        log_mass = log_target[np.arange(n), bin_] - np.log(cumulated[:, -1] * bins.width)
        log_tilted = log_mass + slopes * (place - bin_) + np.log(slopes / np.expm1(slopes))
        log_tilted[(place < 0) | (place >= bins.number)] = -np.inf
        log_plain = self._log_density(root_c)
        mixture = np.logaddexp(
            math.log(_UNTILTED) + log_plain, math.log(1 - _UNTILTED) + log_tilted
        )
        return root_c**2, log_plain - mixture

    def _log_target(self, X: _Quadratic, s: float, y: FloatArray) -> FloatArray:
        """Return log E[X^{s/2} | C = y^2] and the log density of y (n, bins), largest value 0.

        For a Gamma variable of mean X and relative variance v,
        log E X^{s/2} = (s/2) log X + log Gamma(1/v + s/2) - log Gamma(1/v) + (s/2) log v, by
        Stirling's formula. Single precision, as this is a proposal.
        """
        C = (y * y).astype(np.float32)
        top = np.maximum(X.mean[0], _TINY)
        p = (X.mean / top).astype(np.float32)[..., None]
        q = (X.variance / top**2).astype(np.float32)[..., None]
        mean = np.maximum(p[0] + C * (p[1] + C * p[2]), 1e-30)
        variance = C * (q[0] + C * (q[1] + C * q[2]))
        spread, half = np.maximum(variance / (mean * mean), 1e-6), np.float32(s / 2)
        gamma = (1 / spread + half - np.float32(0.5)) * np.log1p(half * spread) - half
        log_target: FloatArray = half * np.log(mean) + gamma
        log_target += self._log_density(y)
        log_target -= log_target.max(axis=1, keepdims=True)
        return log_target

    def _log_density(self, y: FloatArray) -> FloatArray:
        """Return the log density of sqrt(C), a chi variable of b degrees of freedom."""
        b = self.batch
        log_mass = (b / 2 - 1) * np.log(2) + gammaln(b / 2)
        density: FloatArray = (b - 1) * np.log(y) - y * y / 2 - log_mass
        return density


class _Bins(NamedTuple):
    """Bins of sqrt(C): where they begin, their width and their number."""

    first: float
    width: float
    number: int

    @property
    def middles(self) -> FloatArray:
        """The middles of the bins."""
        return self.first + self.width * np.arange(0.5, self.number, dtype=np.float64)


def _slopes(log_values: FloatArray, at: IntArray) -> FloatArray:
    """Return the slopes per bin (n,) of log values (n, bins) at one bin of each row; never 0."""
    rows, last = np.arange(len(at)), log_values.shape[1] - 1
    after, before = np.minimum(at + 1, last), np.maximum(at - 1, 0)
    rise = (log_values[rows, after] - log_values[rows, before]).astype(np.float64)
    slopes: FloatArray = np.clip(rise / (after - before), -20, 20)
    return np.where(np.abs(slopes) < 1e-6, 1e-6, slopes)
