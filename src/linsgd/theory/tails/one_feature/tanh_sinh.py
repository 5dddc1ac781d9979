"""The tanh-sinh rule: nodes of [0, 1] that crowd doubly exponentially at both ends, where integrands may have kinks."""

import numpy as np

from linsgd.domains import FloatArray


def crowded(end: float, step: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return nodes, exact near 0, what they leave to 1, exact near 1, and weights, for t from -`end` by `step`."""
    t = np.arange(-end, end, step)
    near, far = (1 / (1 + np.exp(sign * np.pi * np.sinh(t))) for sign in (-1, 1))
    return near, far, np.pi * np.cosh(t) * near * far * step
