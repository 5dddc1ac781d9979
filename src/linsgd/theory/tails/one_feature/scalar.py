r"""One feature without momentum, of few values, uniform or Student-t: h(s) = E|A|^s as a sum or an integral.

The products factor, A = a - lr q with q the batch's mean of x^2. For a data set q has as many
values as there are batches up to order, for signs one; for the two others `student_sum` and
`uniform_sum` integrate over its law.
"""

import math

import numpy as np
from scipy.optimize import brentq

from linsgd.problems.features import (
    FiniteData,
    RademacherFeatures,
    StudentFeatures,
    UniformFeatures,
)
from linsgd.theory.tails.bounded_steps import largest_order
from linsgd.theory.tails.one_feature import batches
from linsgd.theory.tails.one_feature.factor import Factor, FactorLaw
from linsgd.theory.tails.one_feature.student_sum import LARGEST_ORDER, student_factor
from linsgd.theory.tails.one_feature.uniform_sum import UniformFactor
from linsgd.theory.tails.result import UNKNOWN_ORDER, Interval
from linsgd.theory.tails.setting import Setting


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    law = setting.features
    if setting.momentum or law.dimension > 1:
        return "one feature, momentum 0"
    if isinstance(law, RademacherFeatures | StudentFeatures | UniformFeatures):
        return ""
    return "" if batches.few(setting) else "few batches of data"


def factor_of(setting: Setting) -> FactorLaw:
    """Return the law of log|A|."""
    law, q, probability = setting.features, setting.spectrum, np.ones(1)
    a, c = setting.shrinkage, setting.lr * float(setting.spectrum[0]) / setting.batch
    if isinstance(law, StudentFeatures):
        return student_factor(law.dof, setting.batch, a, c)
    if isinstance(law, UniformFeatures):
        return UniformFactor(setting.batch, a, 3 * c)
    if isinstance(law, FiniteData):
        q, probability = batches.means(law.X[:, 0] ** 2, setting)
    with np.errstate(divide="ignore"):
        return Factor(np.log(np.abs(a - setting.lr * q)), np.log(probability))


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return E log|A|; -inf where A vanishes with positive probability."""
    factor = factor_of(setting)
    value = factor.log_moment(0.0)[1]
    return (
        Interval.about(value, factor.error(0.0))
        if value > -np.inf
        else Interval(value, value, value)
    )


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
        return UNKNOWN_ORDER
    if (
        factor.log_moment(high)[0] < 0
    ):  # the root is within rounding error of the pole, if there is one
        return Interval(pole if pole < LARGEST_ORDER else math.nan, high, pole)
    alpha = float(brentq(lambda s: factor.log_moment(s)[0] / s, low, high, xtol=1e-300, rtol=1e-15))
    error = factor.error(alpha) / factor.log_moment(alpha)[1] + 1e-15 * alpha
    return Interval(alpha, alpha - error, min(alpha + error, pole))
