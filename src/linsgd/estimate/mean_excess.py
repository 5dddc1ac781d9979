r"""Hill's estimate of a tail exponent, without a bias.

With order statistics X_(1) >= X_(2) >= ... the mean of log X_(i) - log X_(k+1) over the k largest
is the likeliest gamma = 1/alpha of a Pareto tail, with variance gamma^2/k (Hill 1975). It is
biased where the tail is a power law only in the limit, and finite where it is none: `spacings` fits
that bias and the status tells the two apart.
"""

import math

from scipy.stats import norm

from linsgd.domains import FloatArray


def value(logs: FloatArray, k: int) -> float:
    """Return alpha from the k largest values; `logs` of all values, in falling order."""
    gamma = _gamma(logs, k)
    return 1 / gamma if gamma > 0 else math.inf


def interval(logs: FloatArray, k: int, confidence: float) -> tuple[float, float]:
    """Return the interval of alpha by the normal limit; [0, inf] if the k largest are equal."""
    gamma = _gamma(logs, k)
    relative = float(norm.ppf((1 + confidence) / 2)) / math.sqrt(k)
    if gamma == 0:
        return 0.0, math.inf
    return 1 / (gamma * (1 + relative)), 1 / (gamma * max(1 - relative, 1e-300))


def drift(logs: FloatArray, k: int) -> float:
    """Return the difference of the estimates from k and from k / 4 values, in standard errors."""
    whole = _gamma(logs, k)
    part = _gamma(logs, k // 4)
    return abs(whole - part) / (whole * math.sqrt(3 / k)) if whole > 0 else math.inf


def _gamma(logs: FloatArray, k: int) -> float:
    return float((logs[:k] - logs[k]).mean())
