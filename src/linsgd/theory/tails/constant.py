r"""Steps that are always the same: the batch is the whole data set, or vectors are equal up to sign.

Along an eigenvector of H one step of (w, v) is the 2 x 2 matrix M = M0 + h M1, and with r the
largest of their spectral radii, rho = log r and h(s) = r^s. With t the trace of M and D = t^2 - 4
det M, the radius is (|t| + sqrt(D)) / 2, or sqrt(t^2 - D) / 2 where D < 0. No moment is infinite if
r < 1: the law is a point, or that of the labels.
"""

import math

import numpy as np

from linsgd.theory.tails.moments.second_moment import step_matrices
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

_UNIT = float(np.finfo(float).eps)


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    return "" if setting.constant else "steps that are all the same"


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return log r; -inf where a step forgets everything."""
    M0, M1 = step_matrices(setting)
    M = M0 + setting.spectrum[:, None, None] * M1
    trace, determinant = np.trace(M, axis1=1, axis2=2), np.linalg.det(M)
    D = trace**2 - 4 * determinant
    radius = (
        np.where(
            D < 0, np.sqrt(np.maximum(trace**2 - D, 0)), np.abs(trace) + np.sqrt(np.maximum(D, 0))
        )
        / 2
    )
    size = np.square(M).sum(axis=(1, 2))
    error = (np.sqrt(np.abs(D) + 32 * _UNIT * size) - np.sqrt(np.abs(D))) / 2 + 8 * _UNIT * np.sqrt(
        size
    )
    largest, bounds = (
        float(radius.max()),
        (float((radius - error).max()), float((radius + error).max())),
    )
    if largest == 0:
        return Interval(-math.inf, -math.inf, -math.inf)
    return Interval(math.log(largest), *(math.log(x) if x > 0 else -math.inf for x in bounds))


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s)."""
    if s == 0:
        return Interval(0.0, 0.0, 0.0)
    return Interval(*(s * x for x in lyapunov(setting)))


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return inf: every moment of products that shrink is finite."""
    return Interval(math.inf, math.inf, math.inf)
