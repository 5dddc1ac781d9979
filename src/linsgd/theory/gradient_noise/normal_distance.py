r"""Distances of the law of a minibatch gradient from a normal law.

Along a direction, with skewness g1 and excess kurtosis g2 of the standardised gradient, Edgeworth's
expansion of the distribution function is

    F(z) - Phi(z) = -phi(z) [g1/6 (z^2 - 1) + g2/24 (z^3 - 3 z)
                             + g1^2/72 (z^5 - 10 z^3 + 15 z)] + O(b^{-3/2}),

and the theorem of Berry and Esseen bounds it by 0.469 E|P|^3/(Var P)^{3/2}/sqrt(b) (Shevtsova
2013). Jointly in d directions the gradient at the optimum is a normal vector on one random scale,
Q/b ~ chi2_b/b, and its total variation from the normal law depends on d/b: marginals become
normal as 1/b, the joint law only for b >> d.
"""

import math

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import gammaln
from scipy.stats import chi2

from linsgd.domains import FloatArray
from linsgd.theory.gradient_noise.product_normal import log_bessel

BERRY_ESSEEN = 0.469  # Shevtsova 2013, for independent summands of one law
_GRID = np.linspace(-6, 6, 2401)
_SHELLS = np.linspace(-25, 8, 2000)  # log(t/d) at which the densities are compared
_REMAINDER = 1e-14  # probability of Q beyond either end of an integral


def edgeworth(skewness: float, excess_kurtosis: float) -> float:
    """Return sup |F - Phi| of the two-term expansion."""
    z = _GRID
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    first = skewness / 6 * (z**2 - 1)
    second = excess_kurtosis / 24 * (z**3 - 3 * z)
    third = skewness**2 / 72 * (z**5 - 10 * z**3 + 15 * z)
    return float(np.abs(density * (first + second + third)).max())


def total_variation(d: int, b: int) -> float:
    """Return the total variation between sqrt(Q/b) z and z, z ~ N(0, I_d), Q ~ chi2_b.

    As functions of t = |z|^2 the normal density is the larger one between two values of t, so the
    distance is the difference of the probabilities of that shell.
    """
    log_t = math.log(d) + _SHELLS
    normal_larger = np.flatnonzero(_log_ratio(log_t, d, b) < 0)
    first, last = int(normal_larger[0]), int(normal_larger[-1])
    lower = _crossing(log_t[first - 1], log_t[first], d, b) if first else 0.0
    upper = _crossing(log_t[last], log_t[last + 1], d, b)
    normal = chi2.cdf(upper, d) - chi2.cdf(lower, d)
    return float(normal - _shell(d, b, lower, upper))


def _log_ratio(log_t: FloatArray, d: int, b: int) -> FloatArray:
    """Return the log density of T Q/b over that of T at t (n,), for T ~ chi2_d and Q ~ chi2_b.

    With nu = (b - d)/2, the density of T Q/b is the average over q of that of T at t b/q times b/q,
    2 (t b)^{nu/2} K_nu(sqrt(t b)) b^{d/2} t^{d/2 - 1} / (2^{(d + b)/2} Gamma(d/2) Gamma(b/2)).
    """
    nu, t = (b - d) / 2, np.exp(log_t)
    log_mixture = (
        (d / 2) * math.log(b)
        + (d / 2 - 1 + nu / 2) * log_t
        + nu / 2 * math.log(b)
        + log_bessel(abs(nu), np.sqrt(t * b))
        - ((d + b) / 2 - 1) * math.log(2)
        - gammaln(d / 2)
        - gammaln(b / 2)
    )
    found: FloatArray = log_mixture - chi2.logpdf(t, d)
    return found


def _crossing(below: float, above: float, d: int, b: int) -> float:
    """Return the t between two values of log t at which the densities are equal."""
    root = brentq(lambda s: float(_log_ratio(np.array([s]), d, b)[0]), below, above, xtol=1e-14)
    return math.exp(float(root))


def _shell(d: int, b: int, lower: float, upper: float) -> float:
    """Return P(lower < T Q/b < upper)."""
    first, last = float(chi2.ppf(_REMAINDER, b)), float(chi2.isf(_REMAINDER, b))

    def integrand(q: float) -> float:
        inside = chi2.cdf(upper * b / q, d) - chi2.cdf(lower * b / q, d)
        return float(inside * chi2.pdf(q, b))

    return float(quad(integrand, first, last, epsabs=1e-12, limit=400)[0])


def mardia_kurtosis(d: int, b: int) -> float:
    """Return E (g' C^{-1} g)^2 at the optimum: d (d + 2) (1 + 2/b), d (d + 2) for a normal law."""
    return d * (d + 2) * (1 + 2 / b)


def berry_esseen(third_absolute: float, b: int) -> float:
    """Return the bound of sup |F - Phi| for E|P|^3 of one standardised summand."""
    return BERRY_ESSEEN * third_absolute / math.sqrt(b)


def third_absolute_moment(rho: float) -> float:
    """Return E|P - E P|^3/(Var P)^{3/2} of a product P of normal variables of correlation rho."""

    def integrand(x: float) -> float:
        # given X = x, P is normal with mean rho x^2 and variance (1 - rho^2) x^2
        moment = _folded(rho * x * x - rho, math.sqrt(1 - rho * rho) * x)
        return moment * math.exp(-x * x / 2)

    moment = quad(integrand, 0, 12, points=[1.0], epsabs=1e-12, limit=200)[0]
    standardised: float = (1 + rho**2) ** 1.5
    return math.sqrt(2 / math.pi) * float(moment) / standardised


def _folded(mean: float, std: float) -> float:
    """Return E|N(mean, std^2)|^3."""
    if std == 0:
        return abs(mean) ** 3
    ratio = mean / std
    density = math.exp(-(ratio**2) / 2) * math.sqrt(2 / math.pi)
    absolute = (ratio**2 + 2) * density + ratio * (ratio**2 + 3) * math.erf(ratio / math.sqrt(2))
    return float(std**3 * absolute)
