r"""One feature that takes few values, or is uniform, without momentum: h(s) = E|A|^s as a sum or an integral.

The products factor, A = a - lr q with q the batch's mean of x^2. For a data set q has as many values as there are
batches up to order; for signs one; for one uniform feature q = 3 h u^2 with u uniform on [0, 1], and the integral is
split at the zero of A, on either side of which nodes that crowd doubly exponentially make its kink and its logarithm
harmless.
"""

import math

import numpy as np
from scipy.optimize import brentq

from linsgd.domains import FloatArray
from linsgd.features import FiniteData, RademacherFeatures, StudentFeatures, UniformFeatures
from linsgd.theory.tails import batches
from linsgd.theory.tails.factor import Factor, FactorLaw
from linsgd.theory.tails.light import largest_order
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting
from linsgd.theory.tails.student_sum import LARGEST_ORDER, student_factor


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    law, b = setting.features, setting.batch
    if setting.momentum or law.dimension > 1:
        return "one feature, momentum 0"
    if isinstance(law, RademacherFeatures | StudentFeatures) or (isinstance(law, UniformFeatures) and b == 1):
        return ""
    return "" if batches.few(setting) else "few batches of data"


def factor_of(setting: Setting) -> FactorLaw:
    """Return the law of log|A|."""
    law, q, probability = setting.features, setting.spectrum, np.ones(1)
    if isinstance(law, StudentFeatures):
        scale = setting.lr * float(setting.spectrum[0]) / setting.batch
        return student_factor(law.dof, setting.batch, setting.shrinkage, scale)
    if isinstance(law, UniformFeatures):
        log_size, weight = _of_uniform(setting)
        return Factor(log_size, np.log(weight))
    if isinstance(law, FiniteData):
        q, probability = batches.means(law.X[:, 0] ** 2, setting)
    with np.errstate(divide="ignore"):
        return Factor(np.log(np.abs(setting.shrinkage - setting.lr * q)), np.log(probability))


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
    factor = factor_of(setting)
    value = factor.log_moment(0.0)[1]
    return Interval.about(value, factor.error(0.0)) if value > -np.inf else Interval(value, value, value)


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s)."""
    factor = factor_of(setting)
    return Interval.about(factor.log_moment(s)[0], factor.error(s))


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log h; [the order reached, inf] where there is none below `LARGEST_ORDER`."""
    factor, pole = factor_of(setting), largest_order(setting)
    low, high, last = 1e-6, 1.0, min(LARGEST_ORDER, math.nextafter(pole, 0.0))
    while high < last and factor.log_moment(high)[0] < 0:
        low, high = high, min(2 * high, last)
    if factor.log_moment(low)[0] >= 0:
        return Interval(math.nan, 0.0, math.inf)
    if factor.log_moment(high)[0] < 0:  # the root is within rounding error of the pole, if there is one
        return Interval(pole if pole < LARGEST_ORDER else math.nan, high, pole)
    alpha = float(brentq(lambda s: factor.log_moment(s)[0] / s, low, high, xtol=1e-300, rtol=1e-15))
    error = factor.error(alpha) / factor.log_moment(alpha)[1] + 1e-15 * alpha
    return Interval(alpha, alpha - error, min(alpha + error, pole))
