"""Isotropic Gaussian features without momentum, in double precision: every number from the law of one factor R.

The error is a backward error: the value belongs to a learning rate that differs by less than
`BACKWARD_ERROR` relatively, so that its own error is that times the conditioning |d value / d log
lr|.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from linsgd.theory.tails.isotropic.radial import LARGEST_ORDER, Quadrature, RadialLaw
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

BACKWARD_ERROR = 3e-13
_SMALL_STEP = 1.8  # alpha c tends to 1.7956 from below as the learning rate falls
_COARSE = 1.5  # half the points of two dimensions, for ten digits
_CANCELS = 0.05  # shrinkage below which the exact derivative cancels
_PROBE = 1e-4  # relative change of lr that measures the conditioning


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    if not (setting.gaussian and setting.isotropic):
        return "isotropic Gaussian features"
    return "momentum 0" if setting.momentum else ""


def radial_law(setting: Setting) -> RadialLaw:
    """Return the law of R; features of variance v are white ones with steps v lr."""
    step = setting.lr * float(setting.spectrum.mean()) / setting.batch
    return RadialLaw(setting.dimension, setting.batch, setting.shrinkage, step)


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return E log R."""
    value = radial_law(setting).log_moment(0.0)[1]
    return _with_error(value, sensitivity(setting, 0.0))


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s) = log E R^s."""
    if s == 0:
        return Interval(0.0, 0.0, 0.0)
    return _with_error(radial_law(setting).log_moment(s)[0], sensitivity(setting, s))


def _with_error(value: float, sensitivity: float) -> Interval:
    return Interval.about(
        value, BACKWARD_ERROR * abs(sensitivity) + 4 * np.finfo(float).eps * abs(value)
    )


def sensitivity(setting: Setting, s: float, nodes: Quadrature | None = None) -> float:
    """Return d log h(s) / d log lr, at s = 0 that of the Lyapunov exponent: log R = log a + log R(1, c / a)."""
    a, decayed = setting.shrinkage, setting.lr * setting.decay
    if abs(a) > _CANCELS:
        nodes = nodes or radial_law(setting).quadrature(s)
        return (nodes.sensitivity(s) - (s or 1.0) * decayed) / a
    above, below = (
        radial_law(dataclasses.replace(setting, lr=setting.lr * (1 + sign * _PROBE))).log_moment(
            s, _COARSE
        )[s == 0]
        for sign in (1, -1)
    )
    return (above - below) / (2 * _PROBE)


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log E R^s by Newton's method; [LARGEST_ORDER, inf] where it lies beyond."""
    law = radial_law(setting)
    start = min(
        law.near_edge_exponent(), _SMALL_STEP / law.c, LARGEST_ORDER / 2
    )  # right at either end
    rough = newton(lambda s: law.log_moment(s, _COARSE), start, 1e-4)
    if rough > LARGEST_ORDER:
        return Interval(float("nan"), LARGEST_ORDER, float("inf"))
    nodes = law.quadrature(rough)
    alpha = newton(nodes.log_moment, rough, 1e-14)
    shift = sensitivity(setting, alpha, nodes) / nodes.log_moment(alpha)[1]
    return Interval.about(alpha, BACKWARD_ERROR * abs(shift) + 4 * np.finfo(float).eps * alpha)


def newton(log_h: Callable[[float], tuple[float, float]], start: float, tolerance: float) -> float:
    """Return the positive root of a convex function that leaves 0 downwards, given value and slope; or beyond the cap.

    From the right of the root Newton's steps are monotone; from its left they are capped to a
    factor 2, and rounding cannot send them below a tenth. Stops at the tolerance, or when rounding
    makes the steps grow again.
    """
    s, last = start, np.inf
    while s <= LARGEST_ORDER:
        value, slope = log_h(s)
        new = min(2 * s, max(0.1 * s, s - value / slope)) if slope > 0 else 2 * s
        move = abs(new - s)
        if move <= tolerance * s or (last <= 1e-9 * s and move >= last):
            return min(s, new)
        s, last = new, move
    return s


def almost_sure_threshold(setting: Setting) -> Interval:
    """Return the lr at which the Lyapunov exponent turns positive."""
    d, b, variance = setting.dimension, setting.batch, float(setting.spectrum.mean())
    mean_square = 2 / (setting.decay + variance * (1 + (d + 1) / b))  # h(2) < 1 there, so rho < 0

    def rho(log_lr: float) -> float:
        return radial_law(dataclasses.replace(setting, lr=float(np.exp(log_lr)))).log_moment(0.0)[1]

    low = high = float(np.log(mean_square)) - 1e-3
    while rho(high) < 0:
        low, high = high, high + 0.7
    lr = float(np.exp(brentq(rho, low, high, xtol=1e-15, rtol=1e-15)))
    return Interval.about(lr, BACKWARD_ERROR * lr)
