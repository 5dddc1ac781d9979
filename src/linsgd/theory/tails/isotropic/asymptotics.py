r"""Limits of the tail exponent for Gaussian features without momentum: small steps, the stability edge, many features.

Small steps: one batch with |x|^2 near (1 + y) b / lr sends W far out; minimising the cost of that
against all powers,

    alpha lr lambda_max(H) / b -> y / 2 = 1.79556...,   y (log y - 1) = 1 - lr weight_decay  (lr weight_decay fixed),

where a diffusion, which knows the variance of the noise only, would say 1. What is left is, for
isotropic features of variance 1 and with c = lr / b, -(b - 1) / (2 log y) c log(1/c) + O(c) without
decay: of order lr at batch 1 only.

Near the stability edge log R is as good as Gaussian: alpha ~ -2 rho / Var log R, with a relative
error of the order of the distance to the edge.

Many features, isotropic of variance 1, batch 1, lr = g / d, g < 2: alpha / d -> theta(g), with an
error of order 1 / d,

    max_{u, v} [ theta log((1 - g u)^2 + g^2 u v) - u - (v - 1 - log v) ] = 0.
"""

import math
from dataclasses import dataclass

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
    """The tail exponent by the law of a limit.

    Attributes
    ----------
    value : float
        The exponent that the limit's law gives; nan where there is none.
    order : str
        Of what order its relative error is as the limit is approached.
    error : float
        That small quantity here: the relative error up to a factor of a few, no bound.
    status : TailStatus
        "power_law", "degenerate" or "no_stationary_law".
    """

    value: float
    order: str
    error: float
    status: TailStatus


def asymptotic_exponent(problem: LinearRegression, sgd: SGD, regime: str) -> AsymptoticExponent:
    r"""Return the tail exponent by the law of small steps, of the stability edge, or of many features.

    Parameters
    ----------
    problem : LinearRegression
        Gaussian features, of any spectrum for small steps, else isotropic.
    sgd : SGD
        Without momentum; for many features batch 1 and no weight decay.
    regime : {"small_steps", "edge", "many_features"}
        alpha -> 1.7956 b / (lr lambda_max(H)) as lr -> 0 (less with weight decay); alpha -> -2 rho
        / Var log R as lr tends to the almost-sure threshold; alpha -> theta(g) d with lr tr H = g <
        2 fixed as d -> inf.

    Returns
    -------
    AsymptoticExponent
        The value with the order of its error, which only `tail_exponent` knows.

    Raises
    ------
    ValueError
        If the regime has no law for this problem and optimizer.

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.01)
    >>> round(asymptotic_exponent(problem, sgd, "small_steps").value, 3)
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
    value, order, error = laws[regime](setting)
    status = TailStatus.POWER_LAW
    if value <= 0:
        value, status = math.nan, TailStatus.NO_STATIONARY_LAW
    elif setting.steady:
        value, status = math.nan, TailStatus.DEGENERATE
    else:
        value = min(value, label_exponent(problem))
    return AsymptoticExponent(value=value, order=order, error=error, status=status)


def _needs(setting: Setting, regime: str) -> str:
    """Return why the regime has no law, or nothing."""
    if regime == "small_steps" and setting.gaussian and not setting.momentum:
        return "" if setting.lr * setting.decay < 1 else "lr * weight_decay < 1"
    missing = quadrature.covers(setting)
    if regime == "many_features" and not missing:
        return "" if setting.batch == 1 and not setting.decay else "batch 1 and weight_decay 0"
    return "Gaussian features and momentum 0" if regime == "small_steps" else missing


def _small_steps(setting: Setting) -> tuple[float, str, float]:
    c = setting.lr * float(setting.spectrum.max()) / setting.batch
    plain = setting.batch == 1
    error = c if plain else c * abs(math.log(c))
    return (
        small_step_constant(setting.lr * setting.decay) / c,
        "lr" if plain else "lr log(1 / lr)",
        error,
    )


def _edge(setting: Setting) -> tuple[float, str, float]:
    distance = 1 - setting.lr / quadrature.almost_sure_threshold(setting).value
    return quadrature.radial_law(setting).near_edge_exponent(), "1 - lr / edge", abs(distance)


def _many_features(setting: Setting) -> tuple[float, str, float]:
    g = setting.lr * float(setting.spectrum.sum())
    if not g < 2:
        domains.refuse(
            "lr",
            setting.lr,
            f"(0, {2 / float(setting.spectrum.sum()):.6g}) with regime = 'many_features'",
        )
    return many_features_constant(g) * setting.dimension, "1 / d", 1 / setting.dimension


def small_step_constant(decay: float = 0.0) -> float:
    """Return the limit of alpha lr lambda_max(H) / b as lr -> 0 with lr * weight_decay = `decay` fixed, in [0, 1).

    Examples
    --------
    >>> round(small_step_constant(), 13)
    1.7955607383343
    """
    domains.real("decay", decay, "[0, 1)")
    return (
        float(
            brentq(lambda y: y * (np.log(y) - 1) - (1 - decay), np.e, 4.0, xtol=1e-15, rtol=1e-15)
        )
        / 2
    )


def many_features_constant(g: float) -> float:
    """Return the limit theta of alpha / d as d -> inf with lr = g / d, g in (0, 2), batch 1.

    Examples
    --------
    >>> round(many_features_constant(1.0), 4)
    1.4164
    """
    domains.real("g", g, "(0, 2)")
    return float(brentq(lambda theta: _best_exponent(theta, g), 1e-6, 4 / g + 2, xtol=1e-13))


def _best_exponent(theta: float, g: float) -> float:
    """Return the maximum over u > 0 of the exponent, v at its own best, by a grid that is refined about its peak."""
    low, high = 1e-9, 20.0 * (1 + theta) / min(g, 1.0)
    for size in (
        200_000,
        *(400,) * 4,
    ):  # the value at u = 0 is 0 too: a coarse grid would miss the far peak
        u = np.linspace(low, high, size)
        values = _exponent(theta, g, u)
        peak = int(values.argmax())
        low, high = u[max(peak - 2, 0)], u[min(peak + 2, u.size - 1)]
    return float(values[peak])


def _exponent(theta: float, g: float, u: FloatArray) -> FloatArray:
    distance, q = (1 - g * u) ** 2, g * g * u
    linear = q * (1 + theta) - distance  # the best v solves q v^2 = linear v + distance
    v = (linear + np.sqrt(linear**2 + 4 * q * distance)) / (2 * q)
    exponent: FloatArray = theta * np.log(distance + q * v) - u - (v - 1 - np.log(v))
    return exponent
