"""Quadrature rules of the chi-square law, normalised, for integrands that grow like a power."""

from functools import lru_cache

import numpy as np
from scipy.optimize import brentq

from linsgd.domains import FloatArray

DEPTH = 42.0  # exp(-DEPTH) is below the rounding error of a sum that counts
_STEP = 0.55 / 30  # of sinh nodes, over 30 widths: the trapezoidal rule then errs below exp(-DEPTH)
_UNIFORM = 30  # widths within which nodes are uniform


def log_density(k: float, log_x: FloatArray) -> FloatArray:
    """Return the log density of log chi2_{2k} up to a constant: 0 at its peak, k (v - expm1(v)).

    v = log(x / 2k); the form is exact to rounding near the peak.
    """
    v = log_x - np.log(2 * k)
    density: FloatArray = k * (v - np.expm1(v))
    return density


@lru_cache(maxsize=64)
def log_mass(k: float) -> float:
    """Return the log integral of exp(k (v - expm1(v))) over v.

    By quadrature, without the cancellation of gammaln at large k.
    """
    window = (_depth(k, -1), _depth(k, 1))
    width = 1 / np.sqrt(k + 4)
    v, log_step = sinh_nodes(0.0, width, window, 1.0)
    return log_sum(k * (v - np.expm1(v)) + log_step)


def log_nodes(
    k: float, tilt: float, reach: float, coarse: float = 1.0
) -> tuple[FloatArray, FloatArray]:
    """Return nodes log X (n,) and log weights (n,), not normalised, for X ~ chi2_{2k}.

    They serve integrands that grow like X^tilt and peak up to `reach`.
    """
    peak = float(np.log(max(reach, 2 * k)))
    low = np.log(2 * k) + _depth(k, -1)
    high = peak + _depth(k, 1)
    width = 1 / np.sqrt(k + tilt + 4)
    log_x, log_step = sinh_nodes(peak, width, (low, high), coarse)
    return log_x, log_density(k, log_x) + log_step


def gauss_rule(dof: float, n: int) -> tuple[FloatArray, FloatArray]:
    """Return `n` nodes and weights that are exact on polynomials of degree 2n - 1.

    By the eigenvalues of the Jacobi matrix of Laguerre's polynomials (Golub, Welsch 1969).
    """
    k = np.arange(n)
    diagonal = 2 * k + dof / 2
    beside = np.sqrt(k[1:] * (k[1:] + dof / 2 - 1))
    jacobi = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    nodes, vectors = np.linalg.eigh(jacobi)
    return 2 * nodes, vectors[0] ** 2


def sinh_nodes(
    centre: float, width: float, window: tuple[float, float], coarse: float
) -> tuple[FloatArray, FloatArray]:
    """Return nodes x (n,) over `window` and log dx (n,), x = centre + scale sinh(u), u uniform.

    They are uniform within 30 widths of the centre and ever sparser beyond; `coarse` multiplies
    their distance.
    """
    low, high = window
    scale = _UNIFORM * width
    step = coarse * _STEP
    first = np.floor(np.arcsinh((low - centre) / scale) / step)
    last = np.ceil(np.arcsinh((high - centre) / scale) / step)
    u = np.arange(first, last + 1) * step
    # dx = scale cosh(u) du
    return centre + scale * np.sinh(u), np.log(step * scale * np.cosh(u))


def log_sum(log_weight: FloatArray) -> float:
    """Return log sum exp."""
    return float(np.logaddexp.reduce(log_weight))


@lru_cache(maxsize=64)
def _depth(k: float, sign: int) -> float:
    """Return the v of that sign at which the log density k (v - expm1(v)) has fallen to -DEPTH."""

    def fall(v: float) -> float:
        return float(k * (np.expm1(sign * v) - sign * v) - DEPTH)

    bound = DEPTH / k + 1 if sign < 0 else np.sqrt(2 * DEPTH / k)
    return sign * float(brentq(fall, 0, bound))
