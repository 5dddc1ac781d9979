r"""The tail exponent from three order statistics, light tails included.

With X_(1) >= X_(2) >= ... and k points, of which the fourth part, the half and all are compared,

    gamma = log2((X_(k/4) - X_(k/2)) / (X_(k/2) - X_(k)))

estimates gamma = 1/alpha, or gamma <= 0 for light tails, whatever location and scale, with variance
gamma^2 (2^(2 gamma + 1) + 1)/(2 (2^gamma - 1) log 2)^2 / (k/4) (Pickands 1975; Dekkers and de Haan
1989).
"""

import math

from scipy.stats import norm

from linsgd.domains import FloatArray


def value(logs: FloatArray, k: int) -> float:
    """Return alpha from the k largest values, inf for a light tail.

    `logs` are the logarithms of all values, in falling order.
    """
    return _inverse(_gamma(logs, k))


def interval(logs: FloatArray, k: int, confidence: float) -> tuple[float, float]:
    """Return the interval of alpha by the normal limit; [0, inf] if order statistics are equal."""
    gamma = _gamma(logs, k)
    if math.isinf(gamma):
        return 0.0, math.inf
    error = float(norm.ppf((1 + confidence) / 2)) * _deviation(gamma) / math.sqrt(k / 4)
    return _inverse(gamma + error), _inverse(gamma - error)


def drift(logs: FloatArray, k: int) -> float:
    """Return the difference of the estimates from k and from k / 4 values, in standard errors.

    The two share one order statistic only; the difference has about five times the variance of the
    first.
    """
    whole = _gamma(logs, k)
    part = _gamma(logs, k // 4)
    if math.isinf(whole) or math.isinf(part):
        return math.inf
    return abs(whole - part) / (_deviation(whole) * math.sqrt(5 / (k / 4)))


def _gamma(logs: FloatArray, k: int) -> float:
    """Return gamma, -inf where order statistics are equal or fewer than four."""
    if k < 4:
        return -math.inf
    # quotients of differences do not change if all values are divided by the smallest
    quarter, half, whole = (
        math.exp(min(logs[i] - logs[k - 1], 700.0)) for i in (k // 4 - 1, k // 2 - 1, k - 1)
    )
    if quarter <= half or half <= whole:
        return -math.inf
    return math.log2((quarter - half) / (half - whole))


def _deviation(gamma: float) -> float:
    """Return sqrt(k/4) times the standard deviation of gamma."""
    if abs(gamma) < 1e-6:  # the limit
        return math.sqrt(3) / (2 * math.log(2) ** 2)
    return abs(gamma * math.sqrt(2 ** (2 * gamma + 1) + 1) / (2 * (2**gamma - 1) * math.log(2)))


def _inverse(gamma: float) -> float:
    return 1 / gamma if gamma > 0 else math.inf
