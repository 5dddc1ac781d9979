r"""Confidence intervals for a mean, one for each thing that can be known of a law beforehand.

No sample shows what it did not draw: an event of probability p is absent from n chains with
probability (1 - p)^n, whatever it would have added to the mean. So each interval rests on a premise
that is stated before any chain is drawn. With n independent chains and error share s:

    Event           0 or 1: Clopper and Pearson's interval, exact.
    Bounded         inside [a, b]: empirical Bernstein (Maurer and Pontil 2009), each side of
                    mean +- (sqrt(2 V L / n) + 7 (b - a) L / (3 (n - 1))), L = log(4/s), V the
                    sample variance.
    KnownVariance   variance at most v: Catoni's estimator over the means of blocks of 256 chains
                    (2012, proposition 2.4), centre +- sqrt(2 v L / (n - 512 L)), L = log(2/s). A
                    theorem at every n and for every law; never narrower than Student's interval.
    KnownSkewness   skewness at most g: Student's interval over block means at a quarter of the
                    share, from the n on at which 400 g^2 <= n. Below that n, the whole line.
    Unknown         nothing: the whole line.

Student's interval is no theorem at finite n. Its error is governed by skewness / sqrt(n), and 400
is where it was measured to hold at an error of 1e-5 (validation/calibration.py).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import stats

from linsgd.domains import FloatArray

BLOCK = 256  # chains a judging block
CAUTION = 4.0  # Student's interval works at this fraction of its share
ENOUGH = 400.0  # chains that Student's interval takes, over the squared skewness
LEAST, MOST = 0.25, 3.0  # of an estimated variance: between them the variance was found to lie
HALVINGS = 40  # of the bracket of Catoni's estimate: to 1e-12 of its width


@dataclass(frozen=True, slots=True, eq=False)
class BlockSums:
    """The sums that the judge keeps of the chains: three a block of 256 and component.

    Attributes
    ----------
    sums : ndarray (blocks, m)
        Sums over the chains of each block.
    scatter, cubes : ndarray (blocks, m)
        Sums of squared and of cubed deviations from the block's own mean.
    """

    sums: FloatArray
    scatter: FloatArray
    cubes: FloatArray

    @property
    def chains(self) -> int:
        """The number of chains n."""
        return len(self.sums) * BLOCK

    @property
    def means(self) -> FloatArray:
        """The mean of each block (blocks, m)."""
        return self.sums / BLOCK

    @property
    def skewness(self) -> FloatArray:
        """The sample skewness of a chain (m,), from deviations inside the blocks; 0 where none."""
        variance = self.scatter.mean(axis=0) / (BLOCK - 1)
        third = self.cubes.mean(axis=0) * BLOCK / ((BLOCK - 1) * (BLOCK - 2))
        skewness: FloatArray = np.divide(
            third, variance**1.5, out=np.zeros_like(third), where=variance > 0
        )
        return skewness


class Premise(Protocol):
    """The knowledge of an observable's law before any chain is drawn."""

    def interval(self, seen: BlockSums, share: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper ends (m,) that miss the mean with probability at most `share`."""

    def chains_needed(self, share: float, width: FloatArray) -> tuple[float, float]:
        """Return how many chains it takes, at least and at most, for an interval of +- width (m,).

        As far as it is known; what depends on an unknown variance or probability is left out.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """The observable is 0 or 1."""

    def interval(self, seen: BlockSums, share: float) -> tuple[FloatArray, FloatArray]:
        """Return Clopper and Pearson's interval."""
        return clopper_pearson(seen.sums.sum(axis=0), seen.chains, share)

    def chains_needed(self, share: float, width: FloatArray) -> tuple[float, float]:
        """Return 0: the interval depends on the probability, which is not known beforehand."""
        return 0.0, 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """The observable lies in [lower, upper]."""

    lower: float
    upper: float

    def interval(self, seen: BlockSums, share: float) -> tuple[FloatArray, FloatArray]:
        """Return the empirical Bernstein interval."""
        n, means = seen.chains, seen.means
        mean = means.mean(axis=0)
        between = BLOCK * ((means - mean) ** 2).sum(axis=0)
        variance = (seen.scatter.sum(axis=0) + between) / (n - 1)
        log = np.log(4 / share)
        spread = 7 * (self.upper - self.lower) * log / (3 * (n - 1))
        radius = np.sqrt(2 * variance * log / n) + spread
        return np.maximum(mean - radius, self.lower), np.minimum(mean + radius, self.upper)

    def chains_needed(self, share: float, width: FloatArray) -> tuple[float, float]:
        """Return where the part of the interval that does not depend on the variance fits."""
        log = float(np.log(4 / share))
        needed = 7 * (self.upper - self.lower) * log / (3 * float(np.min(width)))
        return needed, needed


@dataclass(frozen=True, slots=True, eq=False)
class KnownVariance:
    """The variance of the observable is at most `variance` (m,)."""

    variance: FloatArray

    def interval(self, seen: BlockSums, share: float) -> tuple[FloatArray, FloatArray]:
        """Return Catoni's interval, widened to hold Student's."""
        centre, radius = _catoni(seen.means, self.variance / BLOCK, float(np.log(2 / share)))
        lower, upper = student(seen.means, share)
        return np.minimum(lower, centre - radius), np.maximum(upper, centre + radius)

    def chains_needed(self, share: float, width: FloatArray) -> tuple[float, float]:
        """Return the n at which sqrt(2 v L / (n - 512 L)) is the width."""
        log = float(np.log(2 / share))
        needed = 2 * log * (BLOCK + _largest_ratio(self.variance, width))
        return needed, needed


@dataclass(frozen=True, slots=True, eq=False)
class KnownSkewness:
    """The skewness of the observable is at most `skewness` in absolute value.

    An estimate of its variance (m,), where there is one, says how many chains it takes; the
    interval does not rest on it.
    """

    skewness: float
    variance: FloatArray | None = None

    def interval(self, seen: BlockSums, share: float) -> tuple[FloatArray, FloatArray]:
        """Return Student's interval, or the whole line where the chains are too few.

        A component whose sample is more skewed than was stated needs what its sample says.
        """
        line = whole_line(seen.sums.shape[1])
        if seen.chains < ENOUGH * self.skewness**2:
            return line
        enough = seen.chains >= ENOUGH * seen.skewness**2
        lower, upper = student(seen.means, share / CAUTION)
        return np.where(enough, lower, line[0]), np.where(enough, upper, line[1])

    def chains_needed(self, share: float, width: FloatArray) -> tuple[float, float]:
        """Return 400 times the squared skewness, or what the estimated variance takes."""
        skewed = ENOUGH * self.skewness**2
        if self.variance is None:
            return skewed, skewed
        quantile = float(stats.norm.isf(share / CAUTION / 2))
        noisy = quantile**2 * _largest_ratio(self.variance, width)
        return max(skewed, LEAST * noisy), max(skewed, MOST * noisy)


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """Nothing is known of the observable's law, for the stated reason."""

    reason: str

    def interval(self, seen: BlockSums, share: float) -> tuple[FloatArray, FloatArray]:
        """Return the whole line."""
        return whole_line(seen.sums.shape[1])

    def chains_needed(self, share: float, width: FloatArray) -> tuple[float, float]:
        """Return infinity."""
        return np.inf, np.inf


def _largest_ratio(variance: FloatArray, width: FloatArray) -> float:
    """Return the largest variance over a squared width, infinite where a width is 0."""
    squares = np.square(width)
    never = np.full(np.broadcast(variance, squares).shape, np.inf)
    return float(np.max(np.divide(variance, squares, out=never, where=squares > 0)))


def whole_line(components: int) -> tuple[FloatArray, FloatArray]:
    """Return the interval that excludes nothing, for each component."""
    line = np.full(components, np.inf)
    return -line, line


def clopper_pearson(events: FloatArray, trials: int, share: float) -> tuple[FloatArray, FloatArray]:
    """Return the exact two-sided interval for a probability from counted events.

    Examples
    --------
    >>> lower, upper = clopper_pearson(np.array([8192.0]), 16384, 0.01)
    >>> print(f"{lower[0]:.3f} {upper[0]:.3f}")
    0.490 0.510
    """
    lower = np.where(
        events > 0, stats.beta.ppf(share / 2, np.maximum(events, 1), trials - events + 1), 0.0
    )
    misses = np.maximum(trials - events, 1)
    upper = np.where(events < trials, stats.beta.isf(share / 2, events + 1, misses), 1.0)
    return lower, upper


def student(means: FloatArray, share: float) -> tuple[FloatArray, FloatArray]:
    """Student's interval over independent means (n, m)."""
    error = means.std(axis=0, ddof=1) / np.sqrt(len(means))
    radius = stats.t.isf(share / 2, len(means) - 1) * error
    mean = means.mean(axis=0)
    return mean - radius, mean + radius


def _catoni(x: FloatArray, variance: FloatArray, log: float) -> tuple[FloatArray, FloatArray]:
    """Catoni's estimate of the mean of x (n, m) and its radius (m,), at error 2 exp(-log).

    The estimate is the root t of sum_i psi(a (x_i - t)) = 0 with
    psi(u) = sign(u) log(1 + |u| + u^2 / 2) and a^2 = 2 log / (n (v + r^2)), r the radius:
    |t - E x| <= r = sqrt(2 v log / (n - 2 log)).
    """
    n = len(x)
    if n <= 2 * log:
        return x.mean(axis=0), np.full(x.shape[1], np.inf)
    radius = np.sqrt(2 * variance * log / (n - 2 * log))
    low, high = x.min(axis=0), x.max(axis=0)
    smallest = (1e-12 * (high - low)) ** 2 + np.finfo(float).tiny  # a scale where v is 0
    scale = np.sqrt(2 * log / (n * np.maximum(variance + radius**2, smallest)))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        u = scale * (x - middle)
        rises = (np.sign(u) * np.log1p(np.abs(u) + u**2 / 2)).sum(axis=0) > 0
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    return (low + high) / 2, radius
