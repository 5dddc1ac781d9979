r"""Confidence intervals that the judge trusts, one for each kind of observable.

With n independent chains and error share s:

    event           Clopper-Pearson: exact for the number of chains that show the event;
    bounded         empirical Bernstein (Maurer and Pontil 2009): each side of
                    mean ± (sqrt(2 V L / n) + 7 (b - a) L / (3 (n - 1))), L = log(4/s), V the sample
                    variance;
    third_moment    Student-t over the means of blocks of 256 chains, at a quarter of the share. It is no theorem at
                    finite n: it leans on the central limit theorem, whose error a finite E|Y|^3
                    bounds (Berry-Esseen), and its calibration is measured;
    heavy           none: no interval for a mean is honest there. The answer is the whole line, hence undecided. So it
                    is where a chain has left the floating-point numbers.

A variance counts as third_moment only where the sixth moment of its variable is finite.
"""

from enum import StrEnum

import numpy as np
from scipy import stats

from linsgd.domains import FloatArray

BLOCK = 256  # chains a judging block
CAUTION = 4.0  # Student-t works at this fraction of its share


class Tail(StrEnum):
    """What the regime guarantees of an observable, and with it which interval may be used."""

    EVENT = "event"  # 0 or 1
    BOUNDED = "bounded"  # inside stated bounds
    THIRD_MOMENT = "third_moment"  # E|Y|^3 is finite
    HEAVY = "heavy"  # nothing is guaranteed


def confidence(
    tail: Tail, sums: FloatArray, scatter: FloatArray, share: float, support: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Return a two-sided confidence interval for each mean.

    Parameters
    ----------
    tail : Tail
        What is guaranteed of the observable.
    sums : ndarray (blocks, ...)
        Sums over the 256 chains of each block.
    scatter : ndarray (blocks, ...)
        Sums of squared deviations from the block's own mean.
    share : float
        The error allowed to each interval, in (0, 1).
    support : tuple of float
        Bounds of a bounded observable; not used otherwise.

    Returns
    -------
    tuple of ndarray (...)
        Lower and upper ends.

    Examples
    --------
    >>> sums = np.full((64, 1), 128.0)
    >>> lower, upper = confidence(Tail.EVENT, sums, sums / 2, 0.01, (0, 1))
    >>> print(f"{lower[0]:.3f} {upper[0]:.3f}")
    0.490 0.510
    """
    line = np.full(sums.shape[1:], np.inf)
    if tail is Tail.HEAVY or not np.isfinite(sums).all():
        return -line, line
    if tail is Tail.EVENT:
        return clopper_pearson(sums.sum(axis=0), len(sums) * BLOCK, share)
    if tail is Tail.BOUNDED:
        return _empirical_bernstein(sums, scatter, share, support)
    return _student(sums, share / CAUTION)


def clopper_pearson(events: FloatArray, trials: int, share: float) -> tuple[FloatArray, FloatArray]:
    """Return the exact two-sided interval for a probability from the number of events in independent trials."""
    lower = np.where(
        events > 0, stats.beta.ppf(share / 2, np.maximum(events, 1), trials - events + 1), 0.0
    )
    misses = np.maximum(trials - events, 1)
    upper = np.where(events < trials, stats.beta.isf(share / 2, events + 1, misses), 1.0)
    return lower, upper


def _empirical_bernstein(
    sums: FloatArray, scatter: FloatArray, share: float, support: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    n = len(sums) * BLOCK
    means = sums / BLOCK
    mean = means.mean(axis=0)
    variance = (scatter.sum(axis=0) + BLOCK * ((means - mean) ** 2).sum(axis=0)) / (n - 1)
    log = np.log(4 / share)
    radius = np.sqrt(2 * variance * log / n) + 7 * (support[1] - support[0]) * log / (3 * (n - 1))
    return np.maximum(mean - radius, support[0]), np.minimum(mean + radius, support[1])


def _student(sums: FloatArray, share: float) -> tuple[FloatArray, FloatArray]:
    means = sums / BLOCK
    error = means.std(axis=0, ddof=1) / np.sqrt(len(means))
    radius = stats.t.isf(share / 2, len(means) - 1) * error
    mean = means.mean(axis=0)
    return mean - radius, mean + radius
