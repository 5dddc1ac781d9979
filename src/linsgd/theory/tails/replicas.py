"""The confidence interval of the mean of independent, nearly normal estimates of one number."""

import math

from scipy.stats import t as student

from linsgd.domains import FloatArray

CONFIDENCE = 0.999


def half_width(values: FloatArray) -> float:
    """Return half the width of Student's interval of the mean of `values` (n,) at `CONFIDENCE`."""
    n = values.size
    quantile = float(student.ppf((1 + CONFIDENCE) / 2, n - 1))
    return quantile * float(values.std(ddof=1)) / math.sqrt(n)
