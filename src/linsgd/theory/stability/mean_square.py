r"""The learning rate at which the second moment of SGD's iterates ceases to converge.

There the operator K of `linsgd.theory.recurrence.recurrence` reaches spectral radius one. Without
Nesterov this is a symmetric eigenvalue problem for x = 1/lr, with m the momentum and
a = 1 - dampening. Along principal axes the largest root of 1 = sum_i alpha_i/(x - beta_i), the
largest eigenvalue of a diagonal plus a rank-one matrix,

    alpha_i = common a h_i^2 / (2 (1 - m) kappa_i),
    beta_i  = a kappa_i / (2 (1 + m)) + own a h_i^2 / (2 (1 - m) kappa_i);

else the largest eigenvalue of the map of symmetric matrices

    M -> a ((1 + m) N_1(M) + ((1 - m) kappa_i kappa_j - m (kappa_i - kappa_j)^2/(1 - m)) o M)
         / ((1 - m) (1 + m) (kappa_i + kappa_j)).

With Nesterov the spectral radius is solved for in lr. The mean converges wherever the second moment
does, so the threshold is at most that of the mean. All is computed in units in which the largest
curvature is 1.
"""

from collections.abc import Callable

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.recurrence.gradient_covariance import MatrixNoise, ModeNoise
from linsgd.theory.recurrence.operators import EPS, largest_eigenvalue
from linsgd.theory.recurrence.recurrence import (
    Coefficients,
    Recurrence,
    mode_gains,
    spectral_radius,
)

CLOSED_FORM_ERROR = 64 * EPS  # relative, of the root of the sum over modes
OPERATOR_ERROR = 1e-12  # relative, of eigenvalues of operators and of roots in lr
COARSE_ERROR = 1e-9  # an eigenvalue known worse is replaced by a root in lr, ten times as costly
NEWTON_STEPS = 100  # each at least doubles the distance from the pole: 50 suffice for 10^15 modes


def mean_threshold(recurrence: Recurrence) -> float:
    """Return the learning rate at which the mean of the fastest mode diverges."""
    limit = recurrence.coefficients.at(1.0).largest_stable_curvature()
    with np.errstate(over="ignore"):
        return float(np.divide(limit, recurrence.curvature.max()))


def mean_square_threshold(recurrence: Recurrence) -> tuple[float, float]:
    """Return the smallest lr at which the second moment diverges, and its relative error."""
    noise, coefficients = recurrence.noise, recurrence.coefficients
    if noise.infinite.features:
        return 0.0, 0.0
    unit = float(recurrence.curvature.max())
    kappa = recurrence.curvature / unit
    top = coefficients.at(1.0).largest_stable_curvature()  # of the mean, in units of 1 / unit
    scaled = noise.in_units(unit)
    if isinstance(scaled, ModeNoise):
        lr = _mode_threshold(scaled, kappa, coefficients, top)
        error = CLOSED_FORM_ERROR
    else:
        lr, error = _operator_threshold(scaled, kappa, coefficients, top)
        error += recurrence.problem.error
    with np.errstate(over="ignore"):
        return float(np.divide(lr, unit)), error


def _mode_threshold(
    noise: ModeNoise, kappa: FloatArray, coefficients: Coefficients, top: float
) -> float:
    """Return the threshold of single modes, at most `top`."""
    if not coefficients.nesterov:
        return min(_secular_root(noise, kappa, coefficients), top)

    def gain(lr: float) -> float:
        return mode_gains(noise, kappa, coefficients.at(lr))[1]  # inf beyond its first pole

    return _root(gain, top)


def _operator_threshold(
    noise: MatrixNoise, kappa: FloatArray, coefficients: Coefficients, top: float
) -> tuple[float, float]:
    """Return the threshold of all pairs of modes, at most `top`, and its relative error."""
    if not coefficients.nesterov:
        lr, rounding = _heavy_ball_threshold(noise, kappa, coefficients)
        if rounding < COARSE_ERROR:
            return min(lr, top), max(rounding, OPERATOR_ERROR)

    def radius(lr: float) -> float:
        return spectral_radius(noise, kappa, coefficients.at(lr))

    return _root(radius, top), OPERATOR_ERROR


def _secular_root(noise: ModeNoise, kappa: FloatArray, coefficients: Coefficients) -> float:
    """Return lr = 1/x for the largest root x of 1 = sum_i alpha_i / (x - beta_i).

    1 - sum alpha/(x - beta) is increasing and concave beyond the largest pole, so that Newton's
    iteration from the largest alpha_i + beta_i, which is no larger than the root, increases to it.
    """
    m, a = coefficients.momentum, coefficients.gradient_weight
    positive = kappa > 0
    kappa = kappa[positive]
    h = noise.eigenvalues[positive]
    # the gain of a mode over lr, as lr -> 0: P_ii ~ lr a / (2 (1 - m) kappa)
    gain = a * h**2 / (2 * (1 - m) * kappa)
    alpha = noise.common * gain
    beta = a * kappa / (2 * (1 + m)) + noise.own * gain
    x = float((alpha + beta).max())
    for _ in range(NEWTON_STEPS):
        felt = (alpha > 0) & (x > beta)  # an alpha below the rounding of beta moves no root
        if not felt.any():
            break
        distance = x - beta[felt]
        terms = alpha[felt] / distance
        slope = float(np.sum(terms / distance))
        next_x = x + (float(terms.sum()) - 1) / slope
        if not next_x > x * (1 + EPS):
            break
        x = next_x
    return 1 / x


def _root(gain: Callable[[float], float], top: float) -> float:
    """Solve gain(lr) = 1 below `top`, for a gain that rises from 0 and may pass to inf."""
    from scipy.optimize import brentq

    def shortfall(lr: float) -> float:
        value = gain(lr)
        return lr / value - lr if value > 0 else lr

    upper = top * (1 - 1e-14)
    if shortfall(upper) >= 0:
        return top
    lower = upper / 2
    while shortfall(lower) < 0:
        lower /= 16
    return float(brentq(shortfall, lower, upper, xtol=1e-300, rtol=1e-15))


def _heavy_ball_threshold(
    noise: MatrixNoise, kappa: FloatArray, coefficients: Coefficients
) -> tuple[float, float]:
    """Return the inverse of the largest eigenvalue of the map, and its relative rounding error."""
    m, a = coefficients.momentum, coefficients.gradient_weight
    total = kappa[:, None] + kappa
    gap = kappa[:, None] - kappa
    scale = a / ((1 - m) * (1 + m))
    square = np.divide(scale, total, out=np.zeros_like(total), where=total > 0)
    root = np.sqrt(square)
    curvature = (1 - m) * kappa[:, None] * kappa - m / (1 - m) * gap**2

    def operator(M: FloatArray) -> FloatArray:
        noisy = (1 + m) * noise.homogeneous(root * M)
        return root * (noisy + curvature * root * M)

    largest = largest_eigenvalue(operator, kappa.size)
    # rounding is relative to the largest modulus, which near momentum 1 is that of pairs of very
    # different curvature
    of_curvature = float(np.abs(root**2 * curvature).max())
    modulus = max(largest, of_curvature)
    if largest <= 0:
        return np.inf, np.inf
    return 1 / largest, 8 * EPS * modulus / largest
