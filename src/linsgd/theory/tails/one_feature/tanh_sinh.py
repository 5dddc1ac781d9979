"""The tanh-sinh rule on [0, 1], for integrands that may have kinks or poles at the ends."""

from typing import NamedTuple

import numpy as np

from linsgd.domains import FloatArray


class UnitRule(NamedTuple):
    """Nodes x (n,) of [0, 1], 1 - x (n,), each exact near its own end, and weights (n,)."""

    x: FloatArray
    complement: FloatArray
    weight: FloatArray


def tanh_sinh(end: float, step: float) -> UnitRule:
    """Return the nodes x = 1 / (1 + exp(-pi sinh t)) for t from -`end` to `end` by `step`.

    They crowd doubly exponentially at both ends.
    """
    t = np.arange(-end, end, step)
    steepness = np.pi * np.sinh(t)
    x = 1 / (1 + np.exp(-steepness))
    complement = 1 / (1 + np.exp(steepness))
    # dx/dt = pi cosh(t) x (1 - x)
    weight = np.pi * np.cosh(t) * x * complement * step
    return UnitRule(x, complement, weight)
