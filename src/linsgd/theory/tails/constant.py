r"""Steps that are always the same.

The batch is the whole data set, or all vectors are equal up to sign. Along an eigenvector of H one
step of (w, v) is the 2 x 2 matrix M = M0 + h M1, and with r the largest of their spectral radii,
rho = log r and h(s) = r^s. With t the trace of M and D = t^2 - 4 det M, the radius is (|t| +
sqrt(D)) / 2, or sqrt(t^2 - D) / 2 where D < 0. No moment is infinite if r < 1: the law is a point,
or that of the labels.
"""

import math

import numpy as np

from linsgd.theory.tails.moments.second_moment import step_matrices
from linsgd.theory.tails.result import INFINITE, ZERO, Interval
from linsgd.theory.tails.sample_budget import UNLIMITED, SampleBudget
from linsgd.theory.tails.setting import Setting

_UNIT = float(np.finfo(float).eps)
_SMALLEST = -1e3  # rho with which a threshold is searched where a step may be 0


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if the method applies."""
    return "" if setting.constant else "steps that are all the same"


def lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return log r; -inf where one step annihilates every vector."""
    M0, M1 = step_matrices(setting)
    M = M0 + setting.spectrum[:, None, None] * M1
    trace = np.trace(M, axis1=1, axis2=2)
    determinant = np.linalg.det(M)
    D = trace**2 - 4 * determinant
    # radius: |lambda| of a complex pair where D < 0, else the larger real eigenvalue
    root = np.sqrt(np.abs(D))
    modulus = np.sqrt(np.maximum(trace**2 - D, 0))
    larger = np.abs(trace) + root
    radius = np.where(D < 0, modulus, larger) / 2
    # rounding moves D by 32 units of |M|^2, and the radius directly by 8 units of |M|
    squared = np.square(M).sum(axis=(1, 2))
    moved = np.sqrt(np.abs(D) + 32 * _UNIT * squared)
    error = (moved - root) / 2 + 8 * _UNIT * np.sqrt(squared)
    largest = float(radius.max())
    if largest == 0:
        return Interval.exactly(-math.inf)
    lower = float((radius - error).max())
    upper = float((radius + error).max())
    return Interval(math.log(largest), _log(lower), _log(upper))


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def rough_lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> float:
    """Return log r, or a large negative number for a zero step."""
    return max(lyapunov(setting).value, _SMALLEST)


def log_spectral(setting: Setting, s: float, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return log h(s) = s log r."""
    if s == 0:
        return ZERO
    log_r = lyapunov(setting)
    return Interval(s * log_r.value, s * log_r.lower, s * log_r.upper)


def exponent(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return inf: every moment of products that shrink is finite."""
    return INFINITE
