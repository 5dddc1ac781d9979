"""Quadrature rules of the chi-square law, normalised, for integrands that grow like a power."""

from functools import lru_cache

import numpy as np
from scipy.optimize import brentq

from linsgd.domains import FloatArray

DEPTH = 42.0  # exp(-DEPTH) is below the rounding error of a sum that counts


def log_density(k: float, log_x: FloatArray) -> FloatArray:
    """Log density of log chi2_{2k} up to a constant: 0 at its peak, exact to rounding near it."""
    v = log_x - np.log(2 * k)
    density: FloatArray = k * (v - np.expm1(v))
    return density


@lru_cache(maxsize=64)
def log_mass(k: float) -> float:
    """Return the log integral of exp(k (v - expm1(v))) over v, without the cancellation of gammaln at large k."""
    nodes, log_step = sinh_nodes(0.0, 1 / np.sqrt(k + 4), (_depth(k, -1), _depth(k, 1)), 1.0)
    return log_sum(k * (nodes - np.expm1(nodes)) + log_step)


def log_nodes(
    k: float, tilt: float, reach: float, coarse: float = 1.0
) -> tuple[FloatArray, FloatArray]:
    """Return log X and log weights, not normalised, for X ~ chi2_{2k}.

    They serve integrands that grow like X^tilt and peak up to `reach`.
    """
    lowest = np.log(2 * k) + _depth(k, -1)
    highest = np.log(max(reach, 2 * k)) + _depth(k, 1)
    width = 1 / np.sqrt(k + tilt + 4)
    log_x, log_step = sinh_nodes(float(np.log(max(reach, 2 * k))), width, (lowest, highest), coarse)
    return log_x, log_density(k, log_x) + log_step


def gauss_rule(dof: float, n: int) -> tuple[FloatArray, FloatArray]:
    """Return the `n` nodes and weights that are exact on polynomials of degree 2n - 1 (Golub, Welsch 1969)."""
    k = np.arange(n)
    beside = np.sqrt(k[1:] * (k[1:] + dof / 2 - 1))
    nodes, vectors = np.linalg.eigh(
        np.diag(2 * k + dof / 2) + np.diag(beside, 1) + np.diag(beside, -1)
    )
    return 2 * nodes, vectors[0] ** 2


def sinh_nodes(
    centre: float, width: float, window: tuple[float, float], coarse: float
) -> tuple[FloatArray, FloatArray]:
    """Return nodes over `window`, uniform within `width` * 30 of `centre` and ever sparser beyond, and log steps."""
    scale = 30 * width
    step = coarse * 0.55 / 30
    first, last = (np.arcsinh((end - centre) / scale) / step for end in window)
    u = np.arange(np.floor(first), np.ceil(last) + 1) * step
    return centre + scale * np.sinh(u), np.log(step * scale * np.cosh(u))


def log_sum(log_weight: FloatArray) -> float:
    """Return log sum exp."""
    return float(np.logaddexp.reduce(log_weight))


@lru_cache(maxsize=64)
def _depth(k: float, sign: int) -> float:
    """Return the v of that sign at which the log density k (v - expm1(v)) has fallen to -DEPTH."""
    bound = DEPTH / k + 1 if sign < 0 else np.sqrt(2 * DEPTH / k)
    return sign * float(brentq(lambda v: k * (np.expm1(sign * v) - sign * v) - DEPTH, 0, bound))
