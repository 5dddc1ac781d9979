r"""Limits of the tail exponent for Gaussian features without momentum.

Small steps: one batch with |x|^2 near (1 + y) b / lr sends W far out; minimising the cost of that
against all powers, with lr weight_decay fixed,

    alpha lr lambda_max(H) / b -> y / 2 = 1.79556...,      y (log y - 1) = 1 - lr weight_decay,

where a diffusion, which depends on the variance of the noise only, gives 1. The difference is, for
isotropic features of variance 1 and with c = lr / b, -(b - 1) / (2 log y) c log(1/c) + O(c) without
decay: of order lr at batch 1 only.

Near the stability edge log R is as good as Gaussian: alpha ~ -2 rho / Var log R, with a relative
error of the order of the distance to the edge.

Many features, isotropic of variance 1, batch 1, lr = g / d, g < 2: alpha / d -> theta(g), with an
error of order 1 / d,

    max_{u, v} [ theta log((1 - g u)^2 + g^2 u v) - u - (v - 1 - log v) ] = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result
from linsgd.theory.tails.bounded_steps import label_exponent
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.result import TailStatus
from linsgd.theory.tails.setting import Setting

REGIMES = ("small_steps", "edge", "many_features")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class AsymptoticExponent(Result):
    """The tail exponent by an asymptotic law.

    Attributes
    ----------
    value : float
        The exponent that the law gives; nan where there is none.
    order : str
        The order of its relative error as the limit is approached.
    error : float
        The value of that small quantity: the relative error up to a factor of a few, no bound.
    status : TailStatus
        "power_law", "degenerate" or "no_stationary_law".
    """

    value: float
    order: str
    error: float
    status: TailStatus


class _Law(NamedTuple):
    """The exponent of an asymptotic law, the order of its relative error, and that error's size."""

    value: float
    order: str
    error: float


def asymptotic_exponent(problem: LinearRegression, sgd: SGD, regime: str) -> AsymptoticExponent:
    r"""Return the tail exponent in the limit of small steps, the stability edge or many features.

    Parameters
    ----------
    problem : LinearRegression
        Gaussian features, of any spectrum for small steps, else isotropic.
    sgd : SGD
        Without momentum; for many features batch 1 and no weight decay.
    regime : {"small_steps", "edge", "many_features"}
        The limit.

    Returns
    -------
    AsymptoticExponent
        The value with the order of its error; `tail_exponent` computes the exponent itself.

    Raises
    ------
    ValueError
        If the regime has no law for this problem and optimizer.

    See Also
    --------
    tail_exponent

    Notes
    -----
    alpha -> 1.7956 b / (lr lambda_max(H)) as lr -> 0 (less with weight decay); alpha -> -2 rho /
    Var log R as lr tends to the almost-sure threshold, where R is the factor by which one step
    stretches a vector; alpha -> theta(g) d with lr tr H = g < 2 fixed as d -> inf.

    References
    ----------
    .. [1] H. Kesten, "Random difference equations and renewal theory for products of random
       matrices", Acta Mathematica 131, 1973.

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.01)
    >>> round(linsgd.asymptotic_exponent(problem, sgd, "small_steps").value, 3)
    179.556
    >>> round(linsgd.tail_exponent(problem, sgd).value, 3)
    178.889
    """
    accept(problem, sgd)
    domains.choice("regime", regime, REGIMES)
    setting = Setting.of(problem, sgd)
    if missing := _needs(setting, regime):
        domains.refuse("problem and sgd", "this setting", f"{missing} with regime = {regime!r}")
    laws = {"small_steps": _small_steps, "edge": _edge, "many_features": _many_features}
    law = laws[regime](setting)
    value, status = law.value, TailStatus.POWER_LAW
    if value <= 0:
        value, status = math.nan, TailStatus.NO_STATIONARY_LAW
    elif setting.has_fixed_point:
        value, status = math.nan, TailStatus.DEGENERATE
    else:
        value = min(value, label_exponent(problem))
    return AsymptoticExponent(value=value, order=law.order, error=law.error, status=status)


def _needs(setting: Setting, regime: str) -> str:
    """Return the unmet requirement of a regime, or ''."""
    if regime == "small_steps":
        if not setting.gaussian or setting.momentum:
            return "Gaussian features and momentum 0"
        return "" if setting.step_size * setting.decay < 1 else "lr * weight_decay < 1"
    if missing := quadrature.covers(setting):
        return missing
    if regime == "many_features":
        return "" if setting.batch == 1 and not setting.decay else "batch 1 and weight_decay 0"
    return ""


def _small_steps(setting: Setting) -> _Law:
    c = setting.step_size * float(setting.spectrum.max()) / setting.batch
    value = small_step_constant(setting.step_size * setting.decay) / c
    if setting.batch == 1:
        return _Law(value, "lr", c)
    return _Law(value, "lr log(1 / lr)", c * abs(math.log(c)))


def _edge(setting: Setting) -> _Law:
    distance = 1 - setting.step_size / quadrature.almost_sure_threshold(setting).value
    value = quadrature.radial_law(setting).near_edge_exponent()
    return _Law(value, "1 - lr / edge", abs(distance))


def _many_features(setting: Setting) -> _Law:
    d = setting.dimension
    g = setting.step_size * float(setting.spectrum.sum())
    if not g < 2:
        lr = setting.step_size / setting.scale
        domains.refuse("lr", lr, f"(0, {2 * lr / g:.6g}) with regime = 'many_features'")
    return _Law(many_features_constant(g) * d, "1 / d", 1 / d)


def small_step_constant(decay: float = 0.0) -> float:
    """Return the limit y / 2 of alpha lr lambda_max(H) / b as lr -> 0.

    Parameters
    ----------
    decay : float
        lr * weight_decay, fixed, in [0, 1).

    Returns
    -------
    float
        y / 2 with y (log y - 1) = 1 - decay.

    Examples
    --------
    >>> round(small_step_constant(), 13)
    1.7955607383343
    """
    domains.real("decay", decay, "[0, 1)")

    def excess(y: float) -> float:
        return float(y * (np.log(y) - 1) - (1 - decay))

    return float(brentq(excess, np.e, 4.0, xtol=1e-15, rtol=1e-15)) / 2


def many_features_constant(g: float) -> float:
    """Return the limit theta of alpha / d as d -> inf with lr = g / d, batch 1.

    Parameters
    ----------
    g : float
        In (0, 2).

    Returns
    -------
    float
        theta.

    Examples
    --------
    >>> round(many_features_constant(1.0), 4)
    1.4164
    """
    domains.real("g", g, "(0, 2)")
    return float(brentq(lambda theta: _largest_rate(theta, g), 1e-6, 4 / g + 2, xtol=1e-13))


def _largest_rate(theta: float, g: float) -> float:
    """Return the maximum over u > 0 of the rate, v at its best, by a grid refined about its peak.

    The first grid is fine, as the rate at u = 0 is 0 too and the other peak may be far and narrow.
    """
    low = 1e-9
    high = 20.0 * (1 + theta) / min(g, 1.0)
    for size in (200_000, 400, 400, 400, 400):
        u = np.linspace(low, high, size)
        rates = _rate(theta, g, u)
        peak = int(rates.argmax())
        low = u[max(peak - 2, 0)]
        high = u[min(peak + 2, u.size - 1)]
    return float(rates[peak])


def _rate(theta: float, g: float, u: FloatArray) -> FloatArray:
    """Return max_v theta log((1 - g u)^2 + g^2 u v) - u - (v - 1 - log v), for u (n,)."""
    distance = (1 - g * u) ** 2
    q = g * g * u
    # the best v solves q v^2 = linear v + distance
    linear = q * (1 + theta) - distance
    v = (linear + np.sqrt(linear**2 + 4 * q * distance)) / (2 * q)
    rate: FloatArray = theta * np.log(distance + q * v) - u - (v - 1 - np.log(v))
    return rate
