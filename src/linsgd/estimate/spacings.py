r"""Maximum likelihood of a tail exponent from scaled spacings, with a fitted second-order bias.

With order statistics X_(1) >= X_(2) >= ... of n values, the scaled spacings
U_i = i (log X_(i) - log X_(i+1)) are independent exponential variables (Renyi), of mean
gamma(i / n) where 1 / gamma(p) = -d log p / d log X is the local exponent at the quantile X of tail
probability p. For a Pareto tail it is constant, and the likeliest constant is Hill's estimate
(1975). For other laws gamma(p) may approach its limit gamma arbitrarily slowly, and Hill's estimate
is biased. So the mean is fitted with its second-order term (Feuerverger and Hall 1999; Beirlant,
Dierckx, Goegebeur and Matthys 1999),

    gamma(p) = gamma + (gamma(q) - gamma) (lambda(q) / lambda(p))^theta,    gamma >= 0,  theta >= 1,

from the threshold q inwards, where lambda(p) = phi(z) / p at the normal quantile z of p, about
(2 log 1/p)^(1/2). Powers of lambda fall more slowly than powers of p; over the decades of a sample
they replace these, as lambda^-theta falls as p^(theta / lambda^2) does. The slowest, theta = 1, is
that of the log-normal law, for which gamma = 0 and the form is exact; exponential, normal and
Weibull laws have gamma = 0 and about theta = 2. Hence gamma = 0 means that there is no exponent,
and a finite interval of alpha excludes it.

With w = gamma / (gamma + gamma(q)) and g(p) = w + (1 - 2 w) (lambda(q) / lambda(p))^theta the mean
is m g. For given (theta, w) the loss k log m + sum(U / g) / m + sum log g exceeds its minimum by c
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

_THETA = np.geomspace(
    1, 12, 17
)  # a power of p is steeper than the last over every sample's decades
_MOST = 0.98  # of w: the local exponent at the threshold is at most 49 times the limit
_COARSE, _FINE = 33, 129  # values of w on all of [0, _MOST], then around the likely ones
_UNLIKELY = 40.0  # a loss beyond that of any confidence that a double can hold
_BINS = 80  # of neighbouring spacings, whose means hardly differ
_FEWEST = 6  # inner spacings whose sum is compared with its fit


@dataclass(frozen=True, slots=True)
class Fit:
    """The likelihood of the spacings.

    Attributes
    ----------
    count : int
        The number of spacings.
    gamma : ndarray (T, W)
        The likeliest gamma for each theta and w.
    loss : ndarray (T, W)
        Minus its log-likelihood, less the minimum over theta and w.
    power_law : float
        The score, in standard errors, by which gamma = 0 is excluded.
    misfit : float
        The largest deviation of a sum of inner spacings from its fit, in standard errors.
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
    """Fit the spacings of even rank (half 0) or of odd rank (half 1) among the k largest values.

    The halves are independent, so that a tail chosen by one can be measured by the other.

    Parameters
    ----------
    logs : ndarray (n,)
        Logarithms of all values, in falling order.
    k : int
        How many of the largest values are fitted, below n.
    half : {0, 1}
        The parity of the ranks.

    Returns
    -------
    Fit or None
        None if all spacings are 0.
    """
    counts, sums, depths = _binned(logs, k, half)
    if not sums.any():
        return None
    fade = (_depth((k + 0.5) / (logs.size + 1)) / depths) ** _THETA[:, None]
    # first over all w, for the loss of gamma = 0; then finely where the loss is not hopeless
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
    """Return number, sum and depth lambda of the spacings in each of at most `_BINS` bins."""
    ranks = np.arange(2 - half, k + 1, 2)
    starts = np.unique(np.geomspace(1, ranks.size + 1, _BINS)[:-1].astype(np.int64)) - 1
    counts = np.diff(starts, append=ranks.size)
    sums = np.add.reduceat(ranks * (logs[ranks - 1] - logs[ranks]), starts)
    places = np.add.reduceat(np.log(ranks / (logs.size + 1)), starts) / counts
    return counts, sums, _depth(np.exp(places))


def _depth(p: ArrayLike) -> FloatArray:
    """Return lambda(p) = phi(z) / p, the hazard of the normal law at its quantile z of p."""
    p = np.asarray(p)
    depth: FloatArray = norm.pdf(norm.isf(p)) / p
    return depth


def _shape(w: FloatArray, fade: FloatArray) -> FloatArray:
    """Return g = w + (1 - 2 w) fade, (T, W, bins), from w (W,) and fade (T, bins)."""
    shape: FloatArray = w[:, None] + (1 - 2 * w)[:, None] * fade[:, None, :]
    return shape


def _likeliest(
    w: FloatArray, fade: FloatArray, counts: IntArray, sums: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the likeliest m and its loss, (T, W), for each theta and w."""
    shape = _shape(w, fade)
    k = counts.sum()
    scale = (1 / shape) @ sums / k
    return scale, k * np.log(scale) + np.log(shape) @ counts


def _misfit(counts: IntArray, sums: FloatArray) -> float:
    """Return the largest score of partial sums of standard exponential variables (bins,).

    Under the fit a partial sum of k_1 of k variables, less k_1, has variance k_1 (1 - k_1 / k).
    """
    inner = np.cumsum(counts)[:-1]
    k = counts.sum()
    scores = np.abs(np.cumsum(sums - counts)[:-1]) / np.sqrt(inner * (1 - inner / k))
    return float(scores[inner >= _FEWEST].max(initial=0.0))


def _inverse(gamma: float) -> float:
    return float(1 / gamma) if gamma > 0 else math.inf
