"""One Gaussian feature of variance 1: its exponent, and how two numbers with bounds compare."""

from functools import lru_cache

import numpy as np

from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.tails.exponents import tail_exponent

ONE_FEATURE = LinearRegression.gaussian([1.0])

Bounds = tuple[FloatArray, FloatArray]


@lru_cache
def alpha_of(**options: float) -> float:
    """Return the predicted tail exponent of one feature; the options are those of `SGD`."""
    return tail_exponent(ONE_FEATURE, SGD(**options)).value  # type: ignore[arg-type]


def difference(one: FloatArray, other: FloatArray) -> Bounds:
    """Return the lower and upper end (1,) of one - other, from the bounds (2,) of each."""
    return np.array([one[0] - other[1]]), np.array([one[1] - other[0]])


def smallest_fall(bounds: FloatArray) -> Bounds:
    """Return the ends (1,) of the smallest fall of the logarithm along bounds (n, 2)."""
    logs = np.log(bounds)
    lower, upper = logs[:-1, 0] - logs[1:, 1], logs[:-1, 1] - logs[1:, 0]
    return lower.min(keepdims=True), upper.min(keepdims=True)
