r"""Homogenised SGD: the risk of a stochastic differential equation in place of the algorithm.

Gradient flow with noise of covariance (eta/b) H (T + sigma^2), for plain SGD on Gaussian features:

    dM/dt = -2 eta h M + (eta^2/b) h (T + sigma^2),        t in steps,

which turns into Volterra's equation T = F + K * (T + sigma^2) with the sums over the spectrum

    F(t) = sum h m exp(-2 eta h t),        K(t) = (eta^2/b) sum h^2 exp(-2 eta h t).

Against the exact recursion it replaces (1 - eta h)^2 by exp(-2 eta h) and drops the mode's own
noise eta^2 h^2 M/b. Laplace's transform solves it, T^ = (F^ + sigma^2 K^/s)/(1 - K^), on Talbot's
contour.
"""

import numpy as np

from linsgd.domains import FloatArray, IntArray
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
        total = (forgetting + noise.label * feeding / s) / (1 - noise.common * feeding)
        totals[i] = np.real(weights @ total)
    return totals
