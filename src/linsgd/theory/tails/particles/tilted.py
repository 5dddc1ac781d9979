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
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from linsgd.domains import FloatArray, IntArray
from linsgd.theory.tails.particles.adapted_norm import AdaptedNorm, dot

RealArray: TypeAlias = NDArray[np.floating[Any]]  # of either precision

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


class _Bins(NamedTuple):
    """Bins of sqrt(C): where they begin, their width and their number."""

    first: float
    width: float
    number: int

    @property
    def middles(self) -> FloatArray:
        """The middles of the bins."""
        return self.first + self.width * np.arange(0.5, self.number, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class GaussianSampler:
    """Gaussian features along their principal axes; `root` (d,) is H^{1/2}."""

    norm: AdaptedNorm
    root: FloatArray
    batch: int

    def width(self, s: float) -> int:
        """Return the numbers held for each vector."""
        return max(self.root.size, self._bins(s).number)

    def _bins(self, s: float) -> _Bins:
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
            C = 2 * rng.standard_gamma(self.batch / 2, len(u))
            z -= direction * dot(direction, z)[:, None]
            log_ratio = np.zeros(len(u))
        else:
            X = self._quadratic(state, u, squared, direction)
            C, C_ratio = self._tilted_energy(X, s, rng)
            z, z_ratio = self._tilted_normal(X, C, z, s)
            log_ratio = C_ratio + z_ratio
        # H_b w = H^{1/2} [C u' + sqrt(C) |u'| z] / b
        along = C[:, None] * u
        across = np.sqrt(C * squared)[:, None] * z
        return self.root * (along + across) / self.batch, log_ratio

    def _quadratic(
        self, state: FloatArray, u: FloatArray, squared: FloatArray, direction: FloatArray
    ) -> _Quadratic:
        """Return X = |M0 u + column H_b w|^2.

        `u` and `direction` (n, d) are u' and u' / |u'|, `squared` (n,) is |u'|^2.
        """
        n, b = len(u), self.batch
        drift = self.norm.drift(state)
        dual = self.norm.dual(drift)
        constant = dot(drift.reshape(n, -1), dual.reshape(n, -1))
        # |M u|^2 = constant + 2 e'g + g'D g for the gradient g = C u' + sqrt(C) |u'| z
        c = self.norm.column
        e = self.root * (c[0] * dual[:, 0] + c[1] * dual[:, 1]) / b
        D = self.root**2 * np.einsum("a,b,abi->i", c, c, self.norm.form) / b**2
        Du = D * u
        # the parts of e and D u' along u', and what is left across it
        length = np.sqrt(squared)
        e_along = dot(e, direction)
        Du_along = dot(Du, direction)
        e = e - direction * e_along[:, None]
        Du = Du - direction * Du_along[:, None]
        # tr D and tr D^2 across u', where u'D u' / |u'|^2 is missing
        curve = Du_along / length
        trace = D.sum() - curve
        square = (D * D).sum() - 2 * direction**2 @ D**2 + curve**2
        square = np.maximum(square, 0.0)
        # E[X | C] = constant + C (2 e'u' + |u'|^2 tr D) + C^2 u'D u'
        linear = 2 * e_along * length + squared * trace
        mean = np.stack([constant, linear, squared * curve])
        # Var[X | C] = 4 r^2 |y|^2 + 2 r^4 tr D^2, with r^2 = C |u'|^2 and y = e + C D u'
        first = 4 * squared * dot(e, e)
        second = 8 * squared * dot(e, Du) + 2 * squared**2 * square
        third = 4 * squared * dot(Du, Du)
        variance = np.stack([first, second, third])
        return _Quadratic(squared, direction, e, Du, D, mean, variance)

    def _tilted_normal(
        self, X: _Quadratic, C: FloatArray, z: FloatArray, s: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return z (n, d) across u', drawn in proportion to exp(tau X), and log ratios (n,).

        `z` is standard normal. With the precision K^{-1} = 1 - 2 tau r^2 D and b = 2 tau r y, z is
        normal of covariance K and mean K b, given that it is across u'.
        """
        r = np.sqrt(C * X.squared)
        tau = self._tilt(X, C, r, s)
        K = 1 / (1 - 2 * tau[:, None] * (r * r)[:, None] * X.D)
        y = X.e + C[:, None] * X.Du
        b = 2 * (tau * r)[:, None] * y
        # conditioning on h'z = 0, h = u' / |u'|:  z -> z - K h (h'z) / (h'K h)
        Kb = K * b
        Kh = K * X.direction
        hKh = dot(X.direction, Kh)
        shift = Kb - Kh * (dot(X.direction, Kb) / hKh)[:, None]
        z = np.sqrt(K) * z
        z = z + shift - Kh * (dot(X.direction, z) / hKh)[:, None]
        # log E exp(tau (X - B)) = (b'shift + log det K - log h'K h) / 2
        log_normaliser = (dot(shift, b) + np.log(K).sum(axis=1) - np.log(hKh)) / 2
        # X - B = 2 r y'z + r^2 z'D z
        rise = dot(b, z) / tau + r * r * dot(X.D * z, z)
        return z, log_normaliser - tau * rise

    def _tilt(self, X: _Quadratic, C: FloatArray, r: FloatArray, s: float) -> FloatArray:
        """Return tau = s / (2 X0) (n,) about X0 = E X + (s / 2) Var X / E X, or less.

        It is cut so that 2 tau r^2 D stays below 1 and the tilted law is normal.
        """
        mean = _polynomial(X.mean, C)
        variance = C * _polynomial(X.variance, C)
        X0 = mean + s / 2 * variance / mean
        least = s * r * r * X.D.max() / _STEEPEST
        tau: FloatArray = s / 2 / np.maximum(X0, least)
        return tau

    def _tilted_energy(
        self, X: _Quadratic, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return C (n,) and its log likelihood ratio.

        sqrt(C) is drawn from a density that is log-linear on bins, mixed with its own.
        """
        n = X.mean.shape[1]
        bins = self._bins(s)
        log_target = self._log_target(X, s, bins.middles)
        cumulated = np.cumsum(np.exp(log_target), axis=1)
        total = cumulated[:, -1]
        # a bin by inversion, and a place in it by the inverse of (e^{slope x} - 1) / (e^slope - 1)
        level = rng.random(n) * total
        chosen = (cumulated < level[:, None]).sum(axis=1)
        chosen = np.minimum(chosen, bins.number - 1)
        slopes = _slopes(log_target, chosen)
        place = np.log1p(rng.random(n) * np.expm1(slopes)) / slopes
        tilted = bins.first + bins.width * (chosen + place)
        # in a small share of the draws the untilted law
        plain = np.sqrt(2 * rng.standard_gamma(self.batch / 2, n))
        root_c = np.where(rng.random(n) < _UNTILTED, plain, tilted)
        log_plain = self._log_density(root_c)
        log_tilted = _log_linear_density(bins, log_target, total, root_c)
        mixture = np.logaddexp(
            math.log(_UNTILTED) + log_plain, math.log(1 - _UNTILTED) + log_tilted
        )
        return root_c**2, log_plain - mixture

    def _log_target(self, X: _Quadratic, s: float, y: FloatArray) -> FloatArray:
        """Return log E[X^{s/2} | C = y^2] and the log density of y (n, bins), largest value 0.

        For a Gamma variable of mean X and relative variance v,
        log E X^{s/2} = (s/2) log X + log Gamma(1/v + s/2) - log Gamma(1/v) + (s/2) log v, by
        Stirling's formula (s/2) log X + (1/v + s/2 - 1/2) log(1 + v s/2) - s/2. Single precision,
        as this is a proposal.
        """
        C = (y * y).astype(np.float32)
        # in units of the constant part of X
        unit = np.maximum(X.mean[0], _TINY)
        of_mean = (X.mean / unit).astype(np.float32)
        of_variance = (X.variance / unit**2).astype(np.float32)
        mean = np.maximum(_polynomial(of_mean[..., None], C), 1e-30)
        variance = C * _polynomial(of_variance[..., None], C)
        v = np.maximum(variance / (mean * mean), 1e-6)
        # log E X^{s/2}
        half = np.float32(s / 2)
        shape = 1 / v + half - np.float32(0.5)
        log_target: FloatArray = half * np.log(mean) + (shape * np.log1p(half * v) - half)
        log_target += self._log_density(y)
        log_target -= log_target.max(axis=1, keepdims=True)
        return log_target

    def _log_density(self, y: FloatArray) -> FloatArray:
        """Return the log density of sqrt(C), a chi variable of b degrees of freedom."""
        b = self.batch
        log_mass = (b / 2 - 1) * np.log(2) + gammaln(b / 2)
        density: FloatArray = (b - 1) * np.log(y) - y * y / 2 - log_mass
        return density


def _polynomial(coefficients: RealArray, C: RealArray) -> RealArray:
    """Return c_0 + c_1 C + c_2 C^2, by Horner's rule."""
    constant, linear, quadratic = coefficients
    value: RealArray = constant + C * (linear + C * quadratic)
    return value


def _log_linear_density(
    bins: _Bins, log_target: FloatArray, total: FloatArray, y: FloatArray
) -> FloatArray:
    """Return the log density at y (n,) that is log-linear on each bin; -inf outside the bins.

    A bin has the mass exp(log_target) / total, and at x of its width the density
    mass slope e^{slope x} / (e^slope - 1) / width.
    """
    place = (y - bins.first) / bins.width
    at = np.clip(place.astype(int), 0, bins.number - 1)
    slopes = _slopes(log_target, at)
    rows = np.arange(len(y))
    log_mass = log_target[rows, at] - np.log(total * bins.width)
    log_first = np.log(slopes / np.expm1(slopes))
    density: FloatArray = log_mass + slopes * (place - at) + log_first
    outside = (place < 0) | (place >= bins.number)
    density[outside] = -np.inf
    return density


def _slopes(log_values: FloatArray, at: IntArray) -> FloatArray:
    """Return the slopes per bin (n,) of log values (n, bins) at one bin of each row; never 0."""
    rows = np.arange(len(at))
    last = log_values.shape[1] - 1
    after = np.minimum(at + 1, last)
    before = np.maximum(at - 1, 0)
    rise = log_values[rows, after] - log_values[rows, before]
    slopes = np.clip(rise.astype(np.float64) / (after - before), -20, 20)
    return np.where(np.abs(slopes) < 1e-6, 1e-6, slopes)
