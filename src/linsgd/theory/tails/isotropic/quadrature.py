"""Isotropic Gaussian features without momentum, in double precision: the law of one factor R.

The error is a backward error: the value belongs to a learning rate that differs by less than
`BACKWARD_ERROR` relatively, so that its own error is that times the conditioning |d value / d log
lr|.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from linsgd.theory.tails.isotropic.radial import LARGEST_ORDER, Quadrature, RadialLaw
from linsgd.theory.tails.result import ZERO, Interval
from linsgd.theory.tails.sample_budget import UNLIMITED, SampleBudget
from linsgd.theory.tails.setting import Setting

BACKWARD_ERROR = 3e-13
_ROUNDING = 4 * float(np.finfo(float).eps)
_SMALL_STEP = 1.8  # alpha c tends to 1.7956 from below as the learning rate falls
_COARSE = 1.5  # half the points of two dimensions, for ten digits
_CANCELS = 0.05  # shrinkage below which the exact derivative cancels
_PROBE = 1e-4  # relative change of lr that measures the conditioning
_UP = 0.7  # of log lr, in the search for a sign of rho


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if the method applies."""
    if not (setting.gaussian and setting.isotropic):
        return "isotropic Gaussian features"
    return "momentum 0" if setting.momentum else ""


def radial_law(setting: Setting) -> RadialLaw:
    """Return the law of R; features of variance v are white ones with step size v lr."""
    step = setting.step_size * float(setting.spectrum.mean()) / setting.batch
    return RadialLaw(setting.dimension, setting.batch, setting.shrinkage, step)


def lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return E log R."""
    value = radial_law(setting).log_moment(0.0)[1]
    return _with_error(value, sensitivity(setting, 0.0))


def log_spectral(setting: Setting, s: float, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return log h(s) = log E R^s."""
    if s == 0:
        return ZERO
    return _with_error(radial_law(setting).log_moment(s)[0], sensitivity(setting, s))


def _with_error(value: float, slope: float) -> Interval:
    return Interval.about(value, BACKWARD_ERROR * abs(slope) + _ROUNDING * abs(value))


def sensitivity(setting: Setting, s: float, nodes: Quadrature | None = None) -> float:
    """Return d log h(s) / d log lr, at s = 0 that of the Lyapunov exponent.

    As log R = log a + log R(1, c / a), with the derivative at constant a that of `nodes`, and a
    difference quotient where a is near 0.
    """
    a = setting.shrinkage
    decayed = setting.step_size * setting.decay
    if abs(a) > _CANCELS:
        nodes = nodes or radial_law(setting).quadrature(s)
        return (nodes.sensitivity(s) - (s or 1.0) * decayed) / a

    def value(factor: float) -> float:
        law = radial_law(setting.at(setting.step_size * factor))
        log_h, slope = law.log_moment(s, _COARSE)
        return log_h if s else slope

    rise = value(1 + _PROBE) - value(1 - _PROBE)
    return rise / (2 * _PROBE)


def exponent(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return the root of log E R^s by Newton's method; [LARGEST_ORDER, inf] where it is larger."""
    law = radial_law(setting)
    # the smaller of the two limits, each right at its end
    start = min(law.near_edge_exponent(), _SMALL_STEP / law.c, LARGEST_ORDER / 2)
    rough = newton(lambda s: law.log_moment(s, _COARSE), start, 1e-4)
    if rough > LARGEST_ORDER:
        return Interval.between(LARGEST_ORDER, math.inf)
    nodes = law.quadrature(rough)
    alpha = newton(nodes.log_moment, rough, 1e-14)
    _, slope = nodes.log_moment(alpha)
    shift = sensitivity(setting, alpha, nodes) / slope
    return _with_error(alpha, shift)


def newton(log_h: Callable[[float], tuple[float, float]], start: float, tolerance: float) -> float:
    """Return the positive root of a convex function that leaves 0 downwards.

    From the right of the root Newton's steps are monotone; from its left they are capped to a
    factor 2, and rounding cannot send them below a tenth. Stops at the tolerance, or when rounding
    makes the steps grow again.

    Parameters
    ----------
    log_h : callable
        From s to the function and its slope.
    start : float
        First s.
    tolerance : float
        Relative, of a step.

    Returns
    -------
    float
        The root, or a number above `LARGEST_ORDER` if the root is.
    """
    s, last_move = start, np.inf
    while s <= LARGEST_ORDER:
        value, slope = log_h(s)
        new = 2 * s
        if slope > 0:
            new = min(new, max(0.1 * s, s - value / slope))
        move = abs(new - s)
        stalled = last_move <= 1e-9 * s and move >= last_move
        if move <= tolerance * s or stalled:
            return min(s, new)
        s, last_move = new, move
    return s


def almost_sure_threshold(setting: Setting) -> Interval:
    """Return the step size at which the Lyapunov exponent turns positive."""
    d = setting.dimension
    b = setting.batch
    variance = float(setting.spectrum.mean())
    # at most the step size at which h(2) = 1, so that rho < 0
    mean_square = 2 / (setting.decay + variance * (1 + (d + 1) / b))

    def rho(log_step: float) -> float:
        return radial_law(setting.at(math.exp(log_step))).log_moment(0.0)[1]

    low = high = math.log(mean_square) - 1e-3
    while rho(high) < 0:
        low, high = high, high + _UP
    root = brentq(rho, low, high, xtol=1e-15, rtol=1e-15)
    step = math.exp(float(root))
    return Interval.about(step, BACKWARD_ERROR * step)
