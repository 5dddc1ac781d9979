"""The risk step by step, under any schedule: the recursion of `modes` on the nodes."""

from typing import Any

import numpy as np

from linsgd.domains import FloatArray
from linsgd.jit import summing
from linsgd.theory.risk.modes import Nodes

MOMENTUM = 3  # column of the hyperparameters


def walked(nodes: Nodes, hyperparameters: FloatArray) -> tuple[FloatArray, Nodes]:
    """Return T before each step (K,) and the nodes after the last.

    Parameters
    ----------
    nodes : Nodes
        The state before the first step.
    hyperparameters : ndarray (K, 7)
        Of each step: c_w, c_v, A_wv, A_vv, own, common, label.
    """
    moments = nodes.moments.copy()
    means = nodes.means.copy()
    totals = np.empty(len(hyperparameters))
    spectrum = (nodes.h, nodes.kappa, nodes.weight, nodes.fed, nodes.shifted)
    # without momentum and velocity the positions alone obey a closed recursion
    has_velocity = moments[1:].any() or hyperparameters[:, MOMENTUM].any()
    if not (has_velocity or means.any()):
        _walk_positions(*spectrum, nodes.constant, moments[0], hyperparameters, totals)
    else:
        _walk_phase_space(*spectrum, nodes.constant, moments, means, hyperparameters, totals)
    return totals, nodes.at(moments, means)


@summing
def _walk_positions(
    h: Any,
    kappa: Any,
    weight: Any,
    fed: Any,
    shifted: Any,
    constant: float,
    M: Any,
    hyperparameters: Any,
    totals: Any,
) -> None:
    for k in range(totals.size):
        c = hyperparameters[k, 0]
        own = hyperparameters[k, 4]
        common = hyperparameters[k, 5]
        label = hyperparameters[k, 6]
        total = constant
        for j in range(h.size):
            total += weight[j] * M[j]
        totals[k] = total
        feedback = common * total + label
        for j in range(h.size):
            factor = 1 + c * kappa[j]
            square = M[j]
            own_risk = h[j] * h[j] * square + shifted[j]
            gradient = own * own_risk + fed[j] * feedback
            M[j] = factor * factor * square + c * c * gradient


@summing
def _walk_phase_space(
    h: Any,
    kappa: Any,
    weight: Any,
    fed: Any,
    shifted: Any,
    constant: float,
    M: Any,
    U: Any,
    hyperparameters: Any,
    totals: Any,
) -> None:
    for k in range(totals.size):
        c_w, c_v, q, m, own, common, label = hyperparameters[k]
        total = constant
        for j in range(h.size):
            total += weight[j] * (M[0, j] + U[0, j])
        totals[k] = total
        feedback = common * total + label
        for j in range(h.size):
            # A = [[p, q], [r, m]]
            p = 1 + c_w * kappa[j]
            r = c_v * kappa[j]
            x = M[0, j]
            y = M[1, j]
            z = M[2, j]
            u = U[0, j]
            v = U[1, j]
            own_risk = h[j] * h[j] * (x + u) + shifted[j]
            gradient = own * own_risk + fed[j] * feedback
            # the second moments become A M A' + c c' E gradient^2
            carried_ww = p * p * x + 2 * p * q * y + q * q * z
            carried_wv = p * r * x + (p * m + q * r) * y + q * m * z
            carried_vv = r * r * x + 2 * r * m * y + m * m * z
            M[0, j] = carried_ww + c_w * c_w * gradient
            M[1, j] = carried_wv + c_w * c_v * gradient
            M[2, j] = carried_vv + c_v * c_v * gradient
            U[0, j] = p * u + q * v
            U[1, j] = r * u + m * v
