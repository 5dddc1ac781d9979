r"""The published block estimator on a table of batches and coordinates, and what misleads it.

For the sum Y of a block of m values x the estimator (Mohammadi, Mohammadpour, Ogata 2015) is

    1/alpha = (E log|Y| - E log|x|)/log m,

right for independent values of one strictly stable law. If Y and x are normal, of standard
deviations s_Y and s_x, it returns (E log s_Y - E log s_x)/log m whatever their tails: correlation
inside a block and unequal variances are read as a heavy tail. This value needs the covariance
alone; `surrogate` estimates it.

Values are cut into groups, each of one batch or of several successive ones. Batches are
independent, so the spread between groups gives the standard error.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma
from scipy.stats import t as student

from linsgd.domains import FloatArray

ADDED = 2.0**-52  # inside every logarithm, as the published code does


@dataclass(frozen=True, slots=True)
class Blocks:
    """How a table (P, M) is cut: `run` batches a group, `width` coordinates of each a block.

    More than one batch a group only where a block holds all coordinates.
    """

    run: int
    width: int

    @classmethod
    def of(cls, batches: int, coordinates: int, fewest: int) -> "Blocks":
        """Choose the largest block that is not above the square root of the number of values.

        At least `fewest` groups are left.
        """
        root = math.isqrt(batches * coordinates)
        if root < coordinates:
            return cls(1, root)
        return cls(max(1, min(root // coordinates, batches // fewest)), coordinates)

    @property
    def length(self) -> int:
        """Values in a block."""
        return self.run * self.width

    def cut(self, table: FloatArray) -> FloatArray:
        """Return the values (groups, blocks, length) of a table (P, M); the rest is left out."""
        groups = len(table) // self.run
        blocks = table.shape[1] // self.width
        used = table[: groups * self.run, : blocks * self.width]
        return used.reshape(groups, blocks, self.length)


@dataclass(frozen=True, slots=True)
class Inverse:
    """1/alpha and its standard error, from `groups` (n,) of independent values of it."""

    groups: FloatArray

    @property
    def value(self) -> float:
        """The mean over groups."""
        return float(self.groups.mean())

    @property
    def error(self) -> float:
        """Its standard error."""
        return float(self.groups.std(ddof=1)) / math.sqrt(self.groups.size)

    def interval_of_alpha(self, confidence: float) -> tuple[float, float]:
        """Return the interval of alpha; its upper end is inf where that of 1/alpha holds 0."""
        half = float(student.ppf((1 + confidence) / 2, self.groups.size - 1)) * self.error
        lowest = self.value - half
        return 1 / (self.value + half), 1 / lowest if lowest > 0 else math.inf


def inverse(values: FloatArray) -> Inverse:
    """Return the estimate of 1/alpha from values (groups, blocks, length)."""
    sums = np.log(np.abs(values.sum(axis=2)) + ADDED).mean(axis=1)
    singles = np.log(np.abs(values) + ADDED).mean(axis=(1, 2))
    return Inverse((sums - singles) / math.log(values.shape[2]))


def surrogate(values: FloatArray, table: FloatArray) -> Inverse:
    """Return what normal noise of the covariance of a table (P, M) gives, without drawing any.

    `groups` are the value plus the influence of each group on it, so that their mean is the value
    and their spread its error.
    """
    sums = values.sum(axis=2)
    groups = len(sums)
    length = values.shape[2]
    sum_variance = sums.var(axis=0, ddof=1)
    variance = table.var(axis=0, ddof=1)
    # E log s^2 of n normal values is log sigma^2 + psi((n - 1)/2) - log((n - 1)/2)
    of_sums = np.log(sum_variance).mean() - _log_bias(groups)
    of_singles = np.log(variance).mean() - _log_bias(len(table))
    centred = sums - sums.mean(axis=0)
    squares = ((table - table.mean(axis=0)) ** 2 / variance).mean(axis=1)
    run = len(table) // groups
    singles = squares[: groups * run].reshape(groups, run).mean(axis=1)
    influence = (centred**2 / sum_variance).mean(axis=1) - singles
    return Inverse((of_sums - of_singles + influence - influence.mean()) / (2 * math.log(length)))


def _log_bias(n: int) -> float:
    return float(digamma((n - 1) / 2)) - math.log((n - 1) / 2)
