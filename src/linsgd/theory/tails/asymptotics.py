r"""Limits of the tail exponent for Gaussian features without momentum: small steps, the stability edge, many features.

Small steps: one batch with |x|^2 near (1 + y) b / lr sends W far out; minimising the cost of that against all powers,

    alpha lr lambda_max(H) / b -> y / 2 = 1.79556...,   y (log y - 1) = 1 - lr weight_decay  (lr weight_decay fixed),

where a diffusion, which knows the variance of the noise only, would say 1. What is left is, for isotropic features of
variance 1 and with c = lr / b, -(b - 1) / (2 log y) c log(1/c) + O(c) without decay: of order lr at batch 1 only.

Near the stability edge log R is as good as Gaussian: alpha ~ -2 rho / Var log R (`RadialLaw.near_edge_exponent`),
with a relative error of the order of the distance to the edge.

Many features, isotropic of variance 1, batch 1, lr = g / d, g < 2: alpha / d -> theta(g), with an error of order 1 / d,

    max_{u, v} [ theta log((1 - g u)^2 + g^2 u v) - u - (v - 1 - log v) ] = 0.
"""

import numpy as np
from scipy.optimize import brentq

from linsgd import domains
from linsgd.domains import FloatArray


def small_step_constant(decay: float = 0.0) -> float:
    """Return the limit of alpha lr lambda_max(H) / b as lr -> 0 with lr * weight_decay = `decay` fixed, in [0, 1).

    Examples
    --------
    >>> round(small_step_constant(), 13)
    1.7955607383343
    """
    domains.real("decay", decay, "[0, 1)")
    return float(brentq(lambda y: y * (np.log(y) - 1) - (1 - decay), np.e, 4.0, xtol=1e-15, rtol=1e-15)) / 2


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
    for size in (200_000, *(400,) * 4):  # the value at u = 0 is 0 too: a coarse grid would miss the far peak
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
