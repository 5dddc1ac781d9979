r"""One feature that takes few values, or is uniform, without momentum: h(s) = E|A|^s as a sum or an integral.

The products factor, A = a - lr q with q the batch's mean of x^2. For a data set q has as many values as there are
batches up to order; for signs one; for one uniform feature q = 3 h u^2 with u uniform on [0, 1], and the integral is
split at the zero of A, on either side of which nodes that crowd doubly exponentially make its kink and its logarithm
harmless.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from linsgd.domains import FloatArray
from linsgd.features import FiniteData, RademacherFeatures, UniformFeatures
from linsgd.theory.tails import batches
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

LARGEST_ORDER = 1e6
_ROUNDING = 1e-14


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    law, b = setting.features, setting.batch
    if setting.momentum or law.dimension > 1:
        return "one feature, momentum 0"
    if isinstance(law, RademacherFeatures) or (isinstance(law, UniformFeatures) and b == 1):
        return ""
    return "" if batches.few(setting) else "few batches of data"


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """The values of log|A| (n,) and their probabilities."""

    log_size: FloatArray
    probability: FloatArray

    @classmethod
    def of(cls, setting: Setting) -> "Factor":
        """Return the law of the factor."""
        law, q, probability = setting.features, setting.spectrum, np.ones(1)
        if isinstance(law, UniformFeatures):
            return cls(*_of_uniform(setting))
        if isinstance(law, FiniteData):
            q, probability = batches.means(law.X[:, 0] ** 2, setting)
        with np.errstate(divide="ignore"):
            return cls(np.log(np.abs(setting.shrinkage - setting.lr * q)), probability)

    def log_moment(self, s: float) -> float:
        """Return log E|A|^s."""
        top = float(self.log_size.max())
        if s == 0 or top == -np.inf:
            return 0.0 if s == 0 else -np.inf
        return s * top + float(np.log(self.probability @ np.exp(s * (self.log_size - top))))

    def error(self, s: float) -> float:
        """Return the rounding error of log E|A|^s."""
        return _ROUNDING * (1 + s * abs(float(self.log_size.max())))


def _of_uniform(setting: Setting) -> tuple[FloatArray, FloatArray]:
    """Return log|A| and weights: A = 3 lr h (zero - u)(zero + u) from the distance to its zero, which keeps digits."""
    t = np.arange(-4.2, 4.2, 0.02)
    near, far = (1 / (1 + np.exp(sign * np.pi * np.sinh(t))) for sign in (-1, 1))
    weight = np.pi * np.cosh(t) * near * far * 0.02
    steepness, a = 3 * setting.lr * float(setting.spectrum[0]), setting.shrinkage
    if a <= 0:
        return np.log(steepness * near**2 - a), weight
    zero = math.sqrt(a / steepness)
    if zero >= 1:
        return np.log(steepness * (zero - 1 + far) * (zero + near)), weight
    below = np.log(steepness * zero * near * (2 * zero - zero * near))
    above = np.log(steepness * (1 - zero) * near * (2 * zero + (1 - zero) * near))
    return np.concatenate([below, above]), np.concatenate([zero * weight, (1 - zero) * weight])


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return E log|A|; -inf where A vanishes with positive probability."""
    factor = Factor.of(setting)
    value = float(factor.probability @ factor.log_size)
    return Interval.about(value, factor.error(1.0)) if value > -np.inf else Interval(value, value, value)


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s)."""
    factor = Factor.of(setting)
    return Interval.about(factor.log_moment(s), factor.error(s))


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log h; [the order reached, inf] where there is none below `LARGEST_ORDER`."""
    factor = Factor.of(setting)
    low, high = 1e-6, 1.0
    while high < LARGEST_ORDER and factor.log_moment(high) < 0:
        low, high = high, 2 * high
    if high >= LARGEST_ORDER or factor.log_moment(low) >= 0:
        return Interval(float("nan"), 0.0 if low < 1 else low, float("inf"))
    alpha = float(brentq(lambda s: factor.log_moment(s) / s, low, high, xtol=1e-300, rtol=1e-15))
    slope = (factor.log_moment(alpha * 1.001) - factor.log_moment(alpha * 0.999)) / (0.002 * alpha)
    return Interval.about(alpha, factor.error(alpha) / slope + 4 * np.finfo(float).eps * alpha)
