r"""One feature without momentum, of few values, uniform or Student-t: h(s) = E|A|^s.

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
from linsgd.theory.tails.result import ANY_POSITIVE, Interval
from linsgd.theory.tails.sample_budget import UNLIMITED, SampleBudget
from linsgd.theory.tails.setting import Setting

_SMALLEST_ORDER = 1e-6
_SMALLEST_RHO = -1e3  # rho with which a threshold is searched where a step may be 0


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if the method applies."""
    law = setting.features
    if setting.momentum or law.dimension > 1:
        return "one feature, momentum 0"
    if isinstance(law, RademacherFeatures | StudentFeatures | UniformFeatures):
        return ""
    return "" if batches.few(setting) else "few batches of data"


def factor_of(setting: Setting) -> FactorLaw:
    """Return the law of log|A|."""
    law, a = setting.features, setting.shrinkage
    c = setting.step_size * float(setting.spectrum[0]) / setting.batch
    if isinstance(law, StudentFeatures):
        return student_factor(law.dof, setting.batch, a, c)
    if isinstance(law, UniformFeatures):
        return UniformFactor(setting.batch, a, 3 * c)
    q = setting.spectrum
    probability = np.ones(1)
    if isinstance(law, FiniteData):
        q, probability = batches.means(law.X[:, 0] ** 2, setting)
    with np.errstate(divide="ignore"):
        log_size = np.log(np.abs(a - setting.step_size * q))
        return Factor(log_size, np.log(probability))


def lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return E log|A|; -inf where A vanishes with positive probability."""
    factor = factor_of(setting)
    _, value = factor.log_moment(0.0)
    if value == -math.inf:
        return Interval.exactly(value)
    return Interval.about(value, factor.error(0.0))


def rough_lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> float:
    """Return E log|A|, or a large negative number for -inf."""
    return max(lyapunov(setting).value, _SMALLEST_RHO)


def log_spectral(setting: Setting, s: float, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return log h(s)."""
    factor = factor_of(setting)
    return Interval.about(factor.log_moment(s)[0], factor.error(s))


def exponent(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return the root of log h; [the order reached, inf] where it is above `LARGEST_ORDER`."""
    factor = factor_of(setting)
    pole = largest_order(setting)

    def log_h(s: float) -> float:
        return factor.log_moment(s)[0]

    # upwards by doubling, to the pole at most
    last = min(LARGEST_ORDER, math.nextafter(pole, 0.0))
    low, high = _SMALLEST_ORDER, 1.0
    while high < last and log_h(high) < 0:
        low = high
        high = min(2 * high, last)
    if log_h(low) >= 0:
        return ANY_POSITIVE
    if log_h(high) < 0:  # the root is within rounding error of the pole, if there is one
        value = pole if pole < LARGEST_ORDER else math.nan
        return Interval(value, high, pole)
    alpha = float(brentq(lambda s: log_h(s) / s, low, high, xtol=1e-300, rtol=1e-15))
    _, slope = factor.log_moment(alpha)
    error = factor.error(alpha) / slope + 1e-15 * alpha
    return Interval(alpha, alpha - error, min(alpha + error, pole))
