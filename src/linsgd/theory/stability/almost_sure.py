"""The learning rate at which the Lyapunov exponent turns positive and no stationary law exists.

Below it the products of the steps contract almost surely. It is the root of rho in the step size,
found with a rough rho by the first method of `linsgd.theory.tails.methods` that has one, and then
bounded by step sizes at which the method's bounds on rho show its sign.
"""

import itertools
import math
from typing import NamedTuple

from scipy.optimize import brentq

from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.tails.direct_sum import invariant_blocks
from linsgd.theory.tails.methods import METHODS, Method
from linsgd.theory.tails.moments.second_moment import SecondMoment
from linsgd.theory.tails.result import ANY_POSITIVE, Interval
from linsgd.theory.tails.sample_budget import SampleBudget
from linsgd.theory.tails.setting import Setting

_PROBE = 0.02  # relative change of the step size that measures the slope of rho
_STRIDE, _FARTHEST = 0.3, 10.0  # of log step_size, in the search for a sign of rho
_WIDENING = 1.5  # of bounds at which the sign of rho is not certain
_CONTRACTING_STEPS = 60  # strides downwards to a step size that contracts


class AlmostSureThreshold(NamedTuple):
    """Bounds on the critical learning rate; `confidence` of bounds that were sampled, else None."""

    lower: float
    upper: float
    confidence: float | None


class RootTolerances(NamedTuple):
    """How the root of rho is searched.

    Attributes
    ----------
    tolerance : float
        Of the log step size at which the rough rho vanishes.
    margin : float
        Distance of the bounds from the root, over the error of rho divided by its slope.
    attempts : int
        Times that the bounds are widened.
    """

    tolerance: float
    margin: float
    attempts: int


_COMPUTED = RootTolerances(tolerance=1e-9, margin=1.1, attempts=8)
_SAMPLED = RootTolerances(tolerance=1e-3, margin=2.0, attempts=3)


def almost_sure_threshold(
    problem: LinearRegression, sgd: SGD, seed: int | None = None
) -> AlmostSureThreshold:
    """Return bounds on the lr at which the Lyapunov exponent turns positive.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        Momentum, decay and batch are kept, its lr is ignored.
    seed : int, optional
        Allows sampling where no operator resolves the threshold: then a confidence interval.

    Returns
    -------
    AlmostSureThreshold
        Lower and upper bound, and the confidence of a sampled one. They are 2e-13 apart relatively
        for isotropic Gaussian features without momentum; about 1e-5 with momentum, and for two
        uneven Gaussian features without, 1e-3 for three, in minutes; 1e-8 for one feature of
        another law; (0, inf) for settings that need sampling. Where products decompose into blocks
        (`linsgd.theory.tails.direct_sum`), the least over these.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> found = almost_sure_threshold(problem, linsgd.SGD(lr=1.0, batch_size=2))
    >>> found.lower < 2.6845103508207 < found.upper
    True
    """
    accept(problem, sgd)
    setting = Setting.of(problem, sgd)
    found = [_of_block(block, seed) for block in invariant_blocks(setting)]
    # from step sizes, lr (1 - dampening) in units of the setting, to learning rates
    unit = setting.scale * sgd.gradient_weight
    confidences = [each.confidence for each in found if each.confidence is not None]
    return AlmostSureThreshold(
        min(each.lower for each in found) / unit,
        min(each.upper for each in found) / unit,
        min(confidences, default=None),
    )


def _searches(method: Method, setting: Setting) -> bool:
    """Return whether a method can search the threshold of a setting."""
    searched = method.rough_lyapunov is not None or method.almost_sure_threshold is not None
    return searched and not method.covers(setting)


def _of_block(setting: Setting, seed: int | None) -> AlmostSureThreshold:
    """Return bounds on the step size by the first method that resolves it."""
    best, confidence = ANY_POSITIVE, None
    for method in METHODS:
        allowed = method.confidence is None or seed is not None
        if not (allowed and _searches(method, setting)):
            continue
        found = _by_method(setting, method, seed or 0)
        if found.resolved or found.lower > best.lower:
            best, confidence = found, _confidence(method)
        if found.resolved:
            break
    return AlmostSureThreshold(best.lower, best.upper, confidence)


def _confidence(method: Method) -> float | None:
    """Return the confidence that neither sign of rho was wrong in any attempt."""
    if method.confidence is None:
        return None
    return 1 - _SAMPLED.attempts * (1 - method.confidence)


def _by_method(setting: Setting, method: Method, seed: int) -> Interval:
    """Return the step size at which rho changes sign.

    Its bounds are step sizes at which the method's bounds on rho, each sampled with a seed of its
    own, show the sign. Without a value where that fails.
    """
    if method.almost_sure_threshold is not None:
        return method.almost_sure_threshold(setting)
    search = _Search(setting, method, seed)
    low, high = search.sign_change()
    if low is None:
        return ANY_POSITIVE
    above_low = Interval.between(math.exp(low), math.inf)
    if high is None:
        return above_low
    tolerances = _COMPUTED if method.confidence is None else _SAMPLED
    root = float(brentq(search.rough, low, high, xtol=tolerances.tolerance))
    rise = search.rough(root + _PROBE) - search.rough(root - _PROBE)
    slope = rise / (2 * _PROBE)
    rho = search.fine(root)
    if not rho.resolved:
        return above_low
    # one step of Newton's iteration, then bounds on both sides that show the sign
    root -= rho.value / slope
    error = tolerances.margin * rho.width / 2 / slope + 2 * tolerances.tolerance
    for _ in range(tolerances.attempts):
        lower = root - error
        upper = root + error
        if search.fine(lower).upper < 0 < search.fine(upper).lower:
            return Interval(math.exp(root), math.exp(lower), math.exp(upper))
        error *= _WIDENING
    return above_low


class _Search:
    """rho of a setting as a function of the log step size."""

    def __init__(self, setting: Setting, method: Method, seed: int) -> None:
        self.setting = setting
        self.method = method
        self.seed = seed
        self.seeds = itertools.count(seed + 1)

    def rough(self, log_step: float) -> float:
        """Return rho without bounds, with the same random numbers at every step size."""
        assert self.method.rough_lyapunov is not None
        at = self.setting.at(math.exp(log_step))
        return self.method.rough_lyapunov(at, SampleBudget(self.seed))

    def fine(self, log_step: float) -> Interval:
        """Return rho with bounds, by random numbers of its own."""
        at = self.setting.at(math.exp(log_step))
        return self.method.lyapunov(at, SampleBudget(next(self.seeds)))

    def sign_change(self) -> tuple[float | None, float | None]:
        """Return log step sizes at which rough rho is negative and positive.

        None in place of one that is not found.
        """
        low = self._contracting()
        if low is None:
            return None, None
        high = low + _STRIDE
        while not (value := self.rough(high)) > 0:
            if math.isnan(value) or high > low + _FARTHEST:
                return low, None
            low, high = high, high + _STRIDE
        return low, high

    def _contracting(self) -> float | None:
        """Return a log step size at which h(2) < 1, or where h(2) is not known rough rho < 0."""
        largest_curvature = float(self.setting.spectrum.max()) + self.setting.decay
        log_step = -math.log(largest_curvature)
        for _ in range(_CONTRACTING_STEPS):
            moment = SecondMoment.of(self.setting.at(math.exp(log_step)))
            log_growth = self.rough(log_step) if moment is None else moment.log_mu().upper
            if log_growth < 0:
                return log_step
            log_step -= _STRIDE
        return None
