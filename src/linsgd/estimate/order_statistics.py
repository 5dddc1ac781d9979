r"""What the largest values say of a tail: its exponent, and whether that drifts with the threshold.

With order statistics X_(1) >= X_(2) >= ... of n values and L_i = log X_(i) - log X_(k+1) over the k largest,

    Hill (1975):                         1 / alpha = mean L, of law Gamma(k, 1 / (k alpha)) for a Pareto tail;
    Dekkers, Einmahl, de Haan (1989):    gamma = M_1 + 1 - 1 / (2 (1 - M_1^2 / M_2)),      M_j = mean L^j,

the second estimating gamma = 1 / alpha, or gamma <= 0 for light tails, with variance (1 + gamma^2) / k where
gamma >= 0.

The scaled spacings U_i = i (log X_(i) - log X_(i+1)) are independent exponential variables (Renyi), of mean
1 / alpha(i / n) where alpha(p) = -d log p / d log X is the local exponent at the quantile X of tail probability p. It
is constant for a Pareto tail, and in one family to leading order with what has no exponent,

    alpha(p) ~ log(1/p)^theta:    theta = 0 power laws,  1/2 log-normal,  1 exponential, normal, Weibull.

At the true theta the U_i log(n/i)^theta have equal means; their correlation with log log(n/i), times sqrt(k), is the
score for a larger theta, and standard normal. Guillou and Hall (2001) choose thresholds by such a statistic of the
U_i; Gardes, Girard and Guillou (2011) treat the family.
"""

import math

import numpy as np
from scipy.stats import gamma as gamma_law
from scipy.stats import norm

from linsgd.domains import FloatArray


def estimate(logs: FloatArray, k: int, method: str) -> float:
    """Return alpha from the k largest values, given their falling logarithms."""
    gamma = float(_excesses(logs, k).mean()) if method == "hill" else _gamma(logs, k)
    return 1 / gamma if gamma > 0 else math.inf


def interval(logs: FloatArray, k: int, method: str, confidence: float) -> tuple[float, float]:
    """Return the interval of alpha: exact for Hill and a Pareto tail, by the normal limit for moments.

    Where the k values are equal, or a pair that moments cannot tell from equal ones, it is everything.
    """
    if math.isinf(_gamma(logs, k)):
        return 0.0, math.inf
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    if method == "hill":
        value = estimate(logs, k, method)
        low, high = (float(gamma_law.ppf(q, k)) / k for q in tails)
        return value * low, value * high
    gamma = _gamma(logs, k)
    error = float(norm.ppf(tails[1])) * math.sqrt((1 + max(gamma, 0.0) ** 2) / k)
    lower, upper = (1 / g if g > 0 else math.inf for g in (gamma + error, gamma - error))
    return lower, upper


def drift(logs: FloatArray, k: int, n: int, method: str) -> float:
    """Return by how many standard errors alpha rises with the threshold within the k largest of n values.

    For moments the estimates from k and k / 4 points are compared, whose difference has variance 3 (1 + gamma^2) / k.
    """
    if method == "hill":
        return rise(logs, k, n, 0.0)
    whole, part = (max(_gamma(logs, points), 0.0) for points in (k, k // 4))
    return (whole - part) / math.sqrt(3 * (1 + whole**2) / k)


def rise(logs: FloatArray, k: int, n: int, theta: float) -> float:
    """Return by how many standard errors alpha rises faster than log(1/p)^theta within the k largest of n values."""
    ranks = np.arange(1, k + 1)
    depth = np.log((n + 1) / ranks)
    spacings = -ranks * np.diff(logs[: k + 1]) * depth**theta
    place = np.log(depth) - np.log(depth).mean()
    scale = float(spacings.mean()) * math.sqrt(place @ place)
    return -float(place @ spacings) / scale if scale > 0 else 0.0


def _excesses(logs: FloatArray, k: int) -> FloatArray:
    excesses: FloatArray = logs[:k] - logs[k]
    return excesses


def _gamma(logs: FloatArray, k: int) -> float:
    excesses = _excesses(logs, k)
    first, second = float(excesses.mean()), float((excesses**2).mean())
    scatter = 1 - first**2 / second if second > 0 else 0.0
    return first + 1 - 0.5 / scatter if scatter > 0 else -math.inf
