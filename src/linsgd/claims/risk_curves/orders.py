"""The order of an error in a small parameter, from halvings."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from linsgd.domains import FloatArray


def enclosed_order(
    error: Callable[[float], float], parameter: float, halvings: int = 5
) -> tuple[FloatArray, FloatArray]:
    """Enclose the order by the last two halvings of the parameter.

    The error of an estimate halves with the parameter, so that it is the difference of the last
    two; twice that is the half-width.

    Parameters
    ----------
    error : callable
        The error at a parameter, positive.
    parameter : float
        The largest one.
    halvings : int
        How often it is halved.
    """
    errors = [error(parameter / 2**j) for j in range(halvings + 1)]
    orders = [float(np.log2(large / small)) for large, small in pairwise(errors)]
    before, last = orders[-2:]
    half = 2 * abs(last - before)
    return np.array([last - half]), np.array([last + half])
