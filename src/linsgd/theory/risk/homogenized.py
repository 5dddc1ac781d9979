r"""Homogenised SGD: the risk of a stochastic differential equation in place of the algorithm.

Gradient flow with noise of covariance (eta/b) H (T + sigma^2), for plain SGD on Gaussian features:

    dM/dt = -2 eta h M + (eta^2/b) h (T + sigma^2),        t in steps,

which turns into Volterra's equation T = F + K * (T + sigma^2) with the sums over the spectrum

    F(t) = sum h m exp(-2 eta h t),        K(t) = (eta^2/b) sum h^2 exp(-2 eta h t).

Against the exact recursion it replaces (1 - eta h)^2 by exp(-2 eta h) and drops the mode's own
noise eta^2 h^2 M/b. Laplace's transform solves it, T^ = (F^ + sigma^2 K^/s)/(1 - K^), on Talbot's
contour.

Under schedules the equation is walked step by step. With T linear inside a step of length dt and
r = 2 eta h dt, exponentials of r carry each mode,

    M' = e^-r M + (eta^2/b) h dt ((T + sigma^2) p_1(r) + (T' - T) p_2(r)),
    p_1(r) = (1 - e^-r)/r,        p_2(r) = (1 - p_1(r))/r,

and T' solves a linear equation, as T' = sum h M'. The error is of second order in dt, and removed
to that order by steps of 1 and of 1/2.
"""

import math
from typing import Any

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.jit import inlined, summing
from linsgd.theory.risk.contour import contour
from linsgd.theory.risk.modes import Nodes, NoiseFactors


def homogenized(nodes: Nodes, lr: float, noise: NoiseFactors, times: IntArray) -> FloatArray:
    """Return T (K,) of homogenised SGD at the times (K,), in steps, from the nodes at step 0."""
    totals = np.empty(times.shape)
    rate = 2 * lr * nodes.kappa
    for i, time in enumerate(times):
        if time == 0:
            totals[i] = nodes.total
            continue
        s, weights = contour(float(time))
        resolvent = 1 / (s[:, None] + rate)
        forgetting = resolvent @ (nodes.weight * nodes.moments[0])
        feeding = lr**2 * (resolvent @ (nodes.weight * nodes.fed))
        labels = noise.label * feeding / s
        total = (forgetting + labels) / (1 - noise.common * feeding)
        totals[i] = np.real(weights @ total)
    return totals


def homogenized_walk(nodes: Nodes, lr: FloatArray, noise: FloatArray) -> FloatArray:
    """Return T before each step and after the last (K + 1,), under any schedule.

    Parameters
    ----------
    nodes : Nodes
        At step 0.
    lr : ndarray (K,)
        Of every step.
    noise : ndarray (K, 2)
        The factors common and label of the batch of every step.
    """
    feed = nodes.fed * nodes.weight
    paths = []
    for parts in (1, 2):
        totals = np.empty(lr.size + 1)
        moments = nodes.moments[0].copy()
        _walk(nodes.kappa, nodes.weight, nodes.fed, feed, moments, lr, noise, parts, totals)
        paths.append(totals)
    extrapolated: FloatArray = (4 * paths[1] - paths[0]) / 3
    return extrapolated


@summing
def _walk(
    kappa: Any,
    weight: Any,
    fed: Any,
    feed: Any,
    M: Any,
    lr: Any,
    noise: Any,
    parts: int,
    totals: Any,
) -> None:
    """Fill in T before each step and after the last, each step in `parts` equal parts."""
    first = np.empty(M.size)
    second = np.empty(M.size)
    for k in range(lr.size + 1):
        total = 0.0
        for j in range(M.size):
            total += weight[j] * M[j]
        totals[k] = total
        if k == lr.size:
            break
        scale = lr[k] * lr[k] / parts
        common = noise[k, 0]
        label = noise[k, 1]
        for _ in range(parts):
            # T' = kept + scale ((common T + label) sum feed p_1 + common (T' - T) sum feed p_2)
            kept, early, late = 0.0, 0.0, 0.0
            for j in range(M.size):
                r = 2 * lr[k] * kappa[j] / parts
                first[j] = _early_share(r)
                second[j] = _late_share(r, first[j])
                M[j] *= 1 - r * first[j]
                kept += weight[j] * M[j]
                early += feed[j] * first[j]
                late += feed[j] * second[j]
            steady = scale * (common * total + label)
            after = kept + steady * early - scale * common * total * late
            after /= 1 - scale * common * late
            growing = scale * common * (after - total)
            for j in range(M.size):
                M[j] += fed[j] * (steady * first[j] + growing * second[j])
            total = after


@inlined
def _early_share(r: float) -> float:
    """Return p_1(r) = (1 - e^-r)/r."""
    return -math.expm1(-r) / r if r > 0 else 1.0


@inlined
def _late_share(r: float, first: float) -> float:
    """Return p_2(r) = (1 - p_1(r))/r, by its series where r is small."""
    if r < 1e-3:
        return 0.5 - r / 6 + r * r / 24 - r * r * r / 120
    return (1 - first) / r
