r"""The exponent of a tail from its spacings, with the bias that a slow approach to a power law leaves.

With order statistics X_(1) >= X_(2) >= ... of n values, the scaled spacings U_i = i (log X_(i) -
log X_(i+1)) are independent exponential variables (Renyi), of mean gamma(i / n) where 1 / gamma(p)
= -d log p / d log X is the local exponent at the quantile X of tail probability p. For a Pareto
tail it is constant, and the likeliest constant is Hill's (1975). Elsewhere gamma(p) comes to its
limit gamma as slowly as the law pleases, and Hill's estimate is biased. So the mean is fitted with
its second-order term (Feuerverger and Hall 1999; Beirlant, Dierckx, Goegebeur and Matthys 1999),

    gamma(p) = gamma + (gamma(q) - gamma) (lambda(q) / lambda(p))^theta,    gamma >= 0,  theta >= 1,

from the threshold q inwards, where lambda(p) = phi(z) / p at the normal quantile z of p, about (2
log 1/p)^(1/2). Powers of lambda are slower than those of p, and over the decades of a sample as
good: they fall as p^(theta / lambda^2) does. The slowest, theta = 1, is that of the log-normal law,
for which gamma = 0 and the form is exact; exponential, normal and Weibull laws have gamma = 0 and
about theta = 2. So gamma = 0 says "no exponent", and an interval of alpha that ends has excluded
it.

With w = gamma / (gamma + gamma(q)) and g(p) = w + (1 - 2 w) (lambda(q) / lambda(p))^theta the mean
is m g. For given (theta, w) the loss k log m + sum(U / g) / m + sum log g exceeds its least by c
where y = sum(U / g) / (k m) solves y - 1 - log y = c / k: on two branches of Lambert's function.
The profile-likelihood interval of alpha = 1 / (m w) is the union over theta and w.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import lambertw
from scipy.stats import norm

from linsgd.domains import FloatArray, IntArray

_THETA = np.geomspace(1, 12, 17)
_MOST = 0.98  # of w: the local exponent at the threshold is at most 49 times the limit
_COARSE, _FINE = 33, 129  # values of w, the second time among the likely ones
_UNLIKELY = 40.0  # a loss beyond that of any confidence that a double can hold
_BINS = 80  # of neighbouring spacings, whose means hardly differ
_FEWEST = 6  # inner spacings whose sum is compared with its fit


@dataclass(frozen=True, slots=True)
class Fit:
    """The likelihood of the spacings.

    Attributes
    ----------
    count : int
        How many spacings.
    gamma : ndarray (T, W)
        The likeliest gamma for each theta and w.
    loss : ndarray (T, W)
        Minus its log-likelihood, less the least of all.
    power_law : float
        By how many standard errors gamma = 0 is excluded.
    misfit : float
        By how many the sum of the inner spacings is off its fit, at worst.
    """

    count: int
    gamma: FloatArray
    loss: FloatArray
    power_law: float
    misfit: float

    @property
    def value(self) -> float:
        """The likeliest alpha."""
        return _inverse(self.gamma.flat[self.loss.argmin()])

    def interval(self, confidence: float, bias: float = 0.0) -> tuple[float, float]:
        """Return the profile-likelihood interval of alpha, widened by a bias in standard errors."""
        slack = (norm.ppf((1 + confidence) / 2) + bias) ** 2 / 2 - self.loss
        near = slack >= 0
        place = -np.exp(-1 - slack[near] / self.count)
        most, least = (self.gamma[near] / -lambertw(place, branch).real for branch in (0, -1))
        return _inverse(most.max()), _inverse(least.min())


def fit(logs: FloatArray, k: int, half: int) -> Fit | None:
    """Fit the spacings of even rank (half 0) or of odd rank (half 1) to k, given the falling logarithms of all values.

    The two halves are independent: what one has chosen the other measures. None where all spacings
    are 0.
    """
    counts, sums, depths = _binned(logs, k, half)
    if not sums.any():
        return None
    fade = (_depth((k + 0.5) / (logs.size + 1)) / depths) ** _THETA[:, None]
    coarse = np.linspace(0, _MOST, _COARSE)
    _, loss = _likeliest(coarse, fade, counts, sums)
    light = loss[:, 0].min()
    likely = coarse[(loss < loss.min() + _UNLIKELY).any(axis=0)]
    w = np.linspace(max(likely[0] - coarse[1], 0.0), min(likely[-1] + coarse[1], _MOST), _FINE)
    scale, loss = _likeliest(w, fade, counts, sums)
    best = np.unravel_index(loss.argmin(), loss.shape)
    means = scale[best] * _shape(w, fade)[best]
    return Fit(
        count=int(counts.sum()),
        gamma=scale * w,
        loss=loss - loss[best],
        power_law=math.sqrt(2 * max(light - loss[best], 0.0)),
        misfit=_misfit(counts, sums / means),
    )


def _binned(logs: FloatArray, k: int, half: int) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return number, sum and mean depth of the spacings in each of some bins."""
    ranks = np.arange(2 - half, k + 1, 2)
    starts = np.unique(np.geomspace(1, ranks.size + 1, _BINS)[:-1].astype(np.int64)) - 1
    counts = np.diff(starts, append=ranks.size)
    sums = np.add.reduceat(ranks * (logs[ranks - 1] - logs[ranks]), starts)
    places = np.add.reduceat(np.log(ranks / (logs.size + 1)), starts) / counts
    return counts, sums, _depth(np.exp(places))


def _depth(p: ArrayLike) -> FloatArray:
    """Return lambda(p), the hazard of the normal law."""
    p = np.asarray(p)
    depth: FloatArray = norm.pdf(norm.isf(p)) / p
    return depth


def _shape(w: FloatArray, fade: FloatArray) -> FloatArray:
    """Return g of each theta, w and bin."""
    shape: FloatArray = w[:, None] + (1 - 2 * w)[:, None] * fade[:, None, :]
    return shape


def _likeliest(
    w: FloatArray, fade: FloatArray, counts: IntArray, sums: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return m and the loss of each theta and w."""
    shape, k = _shape(w, fade), counts.sum()
    scale = (1 / shape) @ sums / k
    return scale, k * np.log(scale) + np.log(shape) @ counts


def _misfit(counts: IntArray, sums: FloatArray) -> float:
    """Return the largest score of the inner sums of what should be standard exponential variables."""
    inner, k = np.cumsum(counts)[:-1], counts.sum()
    scores = np.abs(np.cumsum(sums - counts)[:-1]) / np.sqrt(inner * (1 - inner / k))
    return float(scores[inner >= _FEWEST].max(initial=0.0))


def _inverse(gamma: float) -> float:
    return float(1 / gamma) if gamma > 0 else math.inf
