r"""Sums of products of correlated normal variables: S = sum_{i<=b} X_i Y_i, corr(X, Y) = rho.

With X, Y standard, S = (1 + rho)/2 C - (1 - rho)/2 C' for independent C, C' ~ chi2_b, so that the
cumulants are

    kappa_n = b (n - 1)!/2 [(1 + rho)^n + (-1)^n (1 - rho)^n].

Given Q = sum X_i^2 ~ chi2_b, S is normal with mean rho Q and variance (1 - rho^2) Q. The density is

    f(s) = |s|^nu e^{rho s/(1 - rho^2)} K_nu(|s|/(1 - rho^2))
           / (2^nu sqrt(pi (1 - rho^2)) Gamma(b/2)),    nu = (b - 1)/2,

with exponential tails of rates 1/(1 + rho) and 1/(1 - rho): every moment is finite for every b.
The distribution function is the normal one averaged over Q, by the trapezoidal rule in log Q, which
converges exponentially.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, kve, ndtr
from scipy.stats import chi2

from linsgd.domains import FloatArray

_NODES = 400  # of the average over Q; halving their number changes no distance by 1e-10
_REMAINDER = 1e-18  # probability of Q beyond either end of the nodes
_GRID = np.linspace(-4.5, 4.5, 181)  # standard deviations in which a distance is sought


@dataclass(frozen=True, slots=True)
class ProductNormal:
    """The law of S for `b` products of correlation `rho` in [-1, 1]."""

    rho: float
    b: int

    def cumulant(self, order: int) -> float:
        """Return kappa_n, n >= 1."""
        signs = (1 + self.rho) ** order + (-1) ** order * (1 - self.rho) ** order
        return float(self.b * math.factorial(order - 1) / 2 * signs)

    @property
    def skewness(self) -> float:
        """kappa_3 / kappa_2^{3/2}, in proportion to b^{-1/2}."""
        return self.cumulant(3) / math.sqrt(self.cumulant(2)) ** 3

    @property
    def excess_kurtosis(self) -> float:
        """kappa_4 / kappa_2^2, in proportion to 1/b."""
        return self.cumulant(4) / self.cumulant(2) ** 2

    def log_density(self, s: FloatArray) -> FloatArray:
        """Return log f(s) at s (n,); for |rho| = 1 that of a chi-squared variable."""
        if abs(self.rho) == 1:
            found: FloatArray = chi2.logpdf(self.rho * s, self.b)
            return found
        nu, rest = (self.b - 1) / 2, 1 - self.rho**2
        size = np.maximum(np.abs(s), 1e-290)
        log_of_bessel = log_bessel(nu, size / rest)
        constant = nu * math.log(2) + 0.5 * math.log(math.pi * rest) + gammaln(self.b / 2)
        return nu * np.log(size) + self.rho * s / rest + log_of_bessel - constant

    def cdf(self, s: FloatArray) -> FloatArray:
        """Return P(S <= s) at s (n,), to 1e-10."""
        if abs(self.rho) == 1:
            below: FloatArray = chi2.cdf(self.rho * s, self.b)
            return below if self.rho > 0 else 1 - below
        Q, weight = self._nodes()
        standardised = (s[:, None] - self.rho * Q) / np.sqrt((1 - self.rho**2) * Q)
        found: FloatArray = ndtr(standardised) @ weight
        return found

    def kolmogorov(self) -> float:
        """Return sup |P(Z <= z) - Phi(z)| of the standardised sum Z."""

        def gap(z: FloatArray) -> FloatArray:
            s = self.cumulant(1) + math.sqrt(self.cumulant(2)) * z
            return np.abs(self.cdf(s) - ndtr(z))

        gaps = gap(_GRID)
        best = int(gaps.argmax())
        step = _GRID[1] - _GRID[0]
        bounds = (_GRID[best] - step, _GRID[best] + step)
        finer = minimize_scalar(
            lambda z: -float(gap(np.array([z]))[0]), bounds=bounds, method="bounded"
        )
        return max(float(gaps[best]), -float(finer.fun))

    def _nodes(self) -> tuple[FloatArray, FloatArray]:
        """Return values of Q and their probabilities (m,)."""
        lower, upper = chi2.ppf(_REMAINDER, self.b), chi2.isf(_REMAINDER, self.b)
        log_q = np.linspace(math.log(max(lower, 1e-290)), math.log(upper), _NODES)
        Q = np.exp(log_q)
        # density of log Q, up to a constant
        log_weight = self.b / 2 * log_q - Q / 2
        weight = np.exp(log_weight - log_weight.max())
        return Q, weight / weight.sum()


def log_bessel(nu: float, x: FloatArray) -> FloatArray:
    """Return log K_nu(x) for x > 0, where K overflows by the uniform expansion (DLMF 10.41.4)."""
    scaled = kve(nu, x)
    usual = np.isfinite(scaled) & (scaled > 0)
    z = x / max(nu, 1.0)
    root = np.hypot(1.0, z)
    p = 1 / root
    eta = root + np.log(z / (1 + root))
    # u_1, u_2, u_3 of DLMF 10.41.10
    u1 = (3 * p - 5 * p**3) / 24
    u2 = (81 * p**2 - 462 * p**4 + 385 * p**6) / 1152
    u3 = (30375 * p**3 - 369603 * p**5 + 765765 * p**7 - 425425 * p**9) / 414720
    n = max(nu, 1.0)
    series = 1 - u1 / n + u2 / n**2 - u3 / n**3
    expansion = 0.5 * np.log(math.pi / (2 * n)) - n * eta - 0.5 * np.log(root) + np.log(series)
    return np.where(usual, np.log(np.where(usual, scaled, 1.0)) - x, expansion)
