"""The learning rate at which the Lyapunov exponent turns positive and the stationary law ceases to exist."""

import dataclasses
import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.tails import constant, replicas
from linsgd.theory.tails.direct_sum import parts
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.moments.second_moment import SecondMoment
from linsgd.theory.tails.momentum import transfer_operator as phase_space
from linsgd.theory.tails.momentum.transfer_operator import PhaseStep
from linsgd.theory.tails.one_feature import scalar
from linsgd.theory.tails.particles import population
from linsgd.theory.tails.particles.population import Population
from linsgd.theory.tails.plane import projective_line
from linsgd.theory.tails.result import UNKNOWN_ORDER, Interval
from linsgd.theory.tails.setting import Setting
from linsgd.theory.tails.sphere import transfer_operator as sphere

_PROBE = 0.02  # relative change of lr that measures the slope of rho


def almost_sure_threshold(
    problem: LinearRegression, sgd: SGD, seed: int | None = None
) -> tuple[float, float]:
    """Return bounds on the lr at which the Lyapunov exponent turns positive.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        Momentum, decay and batch are kept, its lr is ignored.
    seed : int, optional
        Allows to sample where no operator is known: then a confidence interval, at `CONFIDENCE`.

    Returns
    -------
    tuple of float
        Lower and upper bound: 2e-13 apart relatively for isotropic Gaussian features without
        momentum; about 1e-5 with momentum, and for two uneven Gaussian features without, 1e-3 for
        three, in minutes; 1e-8 for one feature of another law; (0, inf) for settings that need
        sampling. Where products fall into blocks (`direct_sum`), the least over these.

    Examples
    --------
    >>> import linsgd
    >>> lower, upper = almost_sure_threshold(linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=1.0, batch_size=2))
    >>> lower < 2.6845103508207 < upper
    True
    """
    found = [
        _by_sampling(part, seed) if _needs_sampling(part) else _by_operator(part)
        for part in parts(Setting.of(problem, sgd))
    ]
    lower, upper = min(each.lower for each in found), min(each.upper for each in found)
    return lower / sgd.gradient_weight, upper / sgd.gradient_weight


def sampled(problem: LinearRegression, sgd: SGD) -> bool:
    """Return whether some block of the products is served by no operator, at any learning rate."""
    return any(_needs_sampling(part) for part in parts(Setting.of(problem, sgd)))


def _needs_sampling(setting: Setting) -> bool:
    return all(
        solver.covers(setting) for solver in (quadrature, constant, phase_space, sphere, scalar)
    )


def _by_operator(setting: Setting) -> Interval:
    if not quadrature.covers(setting):
        return quadrature.almost_sure_threshold(setting)
    if not phase_space.covers(setting):
        return _turning(setting, _few_polynomials, phase_space.lyapunov, _OPERATOR)
    if not sphere.covers(setting):
        return _turning(setting, sphere.rough_lyapunov, sphere.lyapunov, _OPERATOR)
    exact = scalar if constant.covers(setting) else constant
    return _turning(
        setting, lambda at: max(exact.lyapunov(at).value, _DEEP), exact.lyapunov, _OPERATOR
    )


def _by_sampling(setting: Setting, seed: int | None) -> Interval:
    """Return bounds whose signs of rho were each seen with a seed of their own, or none after `ATTEMPTS` of them.

    In the plane nothing need be sampled where the operator on directions resolves rho.

    The same seed at every learning rate makes the few chains' rho smooth in it, so that its root
    can be searched.
    """
    if seed is None or population.covers(setting):
        return UNKNOWN_ORDER
    if not projective_line.covers(setting):
        found = _turning(
            setting, projective_line.rough_lyapunov, projective_line.lyapunov, _OPERATOR
        )
        if found.value == found.value:
            return found

    def few(at: Setting) -> float:
        return float(
            Population.of(at, population.PILOT).grow(seed, _PILOT_STEPS, population.SETTLING).mean()
        )

    seeds = itertools.count(seed + 1)
    return _turning(setting, few, lambda at: population.lyapunov(at, next(seeds)), _SAMPLES)


def _few_polynomials(setting: Setting) -> float:
    step = PhaseStep.of(setting, 0.0)
    return step.lyapunov(step.degrees[1]).value


class Care(NamedTuple):
    """How finely a root is searched, by how much its bounds exceed the error of rho, and how often they are widened."""

    tolerance: float
    margin: float
    attempts: int


ATTEMPTS = 3
CONFIDENCE = 1 - ATTEMPTS * (1 - replicas.CONFIDENCE)  # that neither sign was wrong in any attempt
_OPERATOR, _SAMPLES = Care(1e-9, 1.1, 8), Care(1e-3, 2.0, ATTEMPTS)
_DEEP = -1e3  # what a root is searched with where a step may be 0 and rho is -inf
_PILOT_STEPS = 2 * population.PILOT_STEPS


def _turning(
    setting: Setting,
    rough: Callable[[Setting], float],
    fine: Callable[[Setting], Interval],
    care: Care,
) -> Interval:
    """Return where rho changes sign, from a rough rho, with bounds at which the fine one is known to differ from 0."""

    def at(log_lr: float) -> Setting:
        return dataclasses.replace(setting, lr=float(np.exp(log_lr)))

    low = _contracting(setting, rough)
    if low is None:
        return UNKNOWN_ORDER
    high = low + 0.3
    while not (value := rough(at(high))) > 0:
        if value != value or high > low + 10:
            return Interval(float("nan"), float(np.exp(low)), float("inf"))
        low, high = high, high + 0.3
    root = float(brentq(lambda log_lr: rough(at(log_lr)), low, high, xtol=care.tolerance))
    slope = (rough(at(root + _PROBE)) - rough(at(root - _PROBE))) / (2 * _PROBE)
    here = fine(at(root))
    if here.value != here.value:
        return Interval(float("nan"), float(np.exp(low)), float("inf"))
    root -= here.value / slope
    error = care.margin * (here.upper - here.lower) / 2 / slope + 2 * care.tolerance
    for _ in range(care.attempts):
        if fine(at(root - error)).upper < 0 < fine(at(root + error)).lower:
            return Interval(*(float(np.exp(root + shift)) for shift in (0.0, -error, error)))
        error *= 1.5
    return Interval(float("nan"), float(np.exp(low)), float("inf"))


def _contracting(setting: Setting, rough: Callable[[Setting], float]) -> float | None:
    """Return the log of a learning rate at which the second moment contracts, or rho < 0 where there is none."""
    log_lr = -float(np.log(setting.spectrum.max() + setting.decay))
    for _ in range(60):
        at = dataclasses.replace(setting, lr=float(np.exp(log_lr)))
        moment = SecondMoment.of(at)
        if rough(at) < 0 if moment is None else moment.log_mu().upper < 0:
            return log_lr
        log_lr -= 0.3
    return None
