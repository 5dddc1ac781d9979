r"""Relaxation and stationary autocorrelation of the modes of the underdamped Langevin equation.

With u and z of `linsgd.theory.langevin.propagator` the mean of a mode follows e^{-r t} for the two
roots of r^2 - 2 u r + z = 0:

  regime        z            damping                  frequency
  overdamped    z < u^2      the slower real rate     0
  underdamped   z > u^2      u                        sqrt(z - u^2)

In terms of lr (1 - dampening) kappa the threshold is (1 - momentum)^2 / (2 (1 + momentum)). At
stationarity Cov(x, v) = 0, so that at any temperature, with R and V of the propagator,

    E x(k) x(0) / Var x = R(k),        E v(k) v(0) / Var v = V(k),        int_0^inf V = 0.
"""

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.theory.langevin.propagator import damping_rate, sgd_propagator, squared_frequency
from linsgd.theory.relaxation import ROUNDING, Relaxation, damped_regime


def relaxation(z: FloatArray, momentum: float) -> Relaxation:
    """Return how modes of lr (1 - dampening) kappa = z relax (d,)."""
    u = damping_rate(momentum)
    w2 = squared_frequency(z, momentum)
    difference = u**2 - w2
    over = difference >= 0
    critical = np.abs(difference) <= ROUNDING * u**2
    gap = np.sqrt(np.abs(difference))
    slower_rate = w2 / (u + gap)
    return Relaxation(
        regime=damped_regime(over, critical),
        frequency=np.where(over, 0.0, gap),
        damping=np.where(over, slower_rate, u),
        underdamped_above=u * (1 - momentum) / 2,
        alternating_above=np.inf,
    )


def correlations(k: IntArray, momentum: float, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the position and velocity autocorrelations at lags `k` of modes of lr kappa a = z."""
    mode = sgd_propagator(k, momentum, z)
    return mode.R, mode.V
