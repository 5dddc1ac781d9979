r"""The tail exponent from moments of log-excesses, light tails included.

With order statistics X_(1) >= X_(2) >= ... and L_i = log X_(i) - log X_(k+1) over the k largest,

    gamma = M_1 + 1 - 1 / (2 (1 - M_1^2 / M_2)),      M_j = mean L^j,

estimates gamma = 1 / alpha, or gamma <= 0 for light tails, with variance (1 + gamma^2) / k where
gamma >= 0 (Dekkers, Einmahl and de Haan 1989).
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
    """Return the interval of alpha by the normal limit; [0, inf] if the k largest are equal."""
    gamma = _gamma(logs, k)
    if math.isinf(gamma):
        return 0.0, math.inf
    error = float(norm.ppf((1 + confidence) / 2)) * math.sqrt((1 + max(gamma, 0.0) ** 2) / k)
    return _inverse(gamma + error), _inverse(gamma - error)


def drift(logs: FloatArray, k: int) -> float:
    """Return the difference of the estimates from k and from k / 4 values, in standard errors.

    Its variance is 3 (1 + gamma^2) / k.
    """
    whole, part = (max(_gamma(logs, points), 0.0) for points in (k, k // 4))
    return abs(whole - part) / math.sqrt(3 * (1 + whole**2) / k)


def _gamma(logs: FloatArray, k: int) -> float:
    excesses = logs[:k] - logs[k]
    first = float(excesses.mean())
    second = float((excesses**2).mean())
    scatter = 1 - first**2 / second if second > 0 else 0.0
    return first + 1 - 0.5 / scatter if scatter > 0 else -math.inf


def _inverse(gamma: float) -> float:
    return 1 / gamma if gamma > 0 else math.inf
