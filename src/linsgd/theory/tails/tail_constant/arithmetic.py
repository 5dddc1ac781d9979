r"""Laws of log|A| that are arithmetic: then t^alpha P(|W| > t) has no limit.

For one feature from a data set A takes finitely many values; where the logarithms of all |A| are
multiples of one number, t^alpha P(|W| > t) oscillates in log t with that period (Rademacher
features in d = 1 are the extreme: one value, and no power law either).
"""

import math
from fractions import Fraction

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.features import FiniteData, RademacherFeatures
from linsgd.theory.tails.one_feature import batches
from linsgd.theory.tails.setting import Setting

MOST_VALUES = 1000  # of A
LARGEST_DENOMINATOR = 32  # of ratios of log|A| that are called rational
_ROUNDING = 1e-12


def period(setting: Setting) -> float:
    """Return the largest number whose multiples hold every log|A|, or 0.

    For one feature with few values; 0 for any other setting.
    """
    curvatures = _curvatures(setting)
    if not 0 < curvatures.size <= MOST_VALUES:
        return 0.0
    factors = np.abs(setting.shrinkage - setting.step_size * curvatures)
    logs = np.abs(np.log(factors[factors > _ROUNDING]))
    logs = logs[logs > _ROUNDING]
    if not logs.size:
        return 0.0
    # ratios to the smallest as fractions; the period is that over their common denominator
    least = float(logs.min())
    ratios = [Fraction(float(each / least)).limit_denominator(LARGEST_DENOMINATOR) for each in logs]
    misses = [abs(float(ratio) * least - each) for ratio, each in zip(ratios, logs, strict=True)]
    if max(misses) > _ROUNDING:
        return 0.0
    return least / math.lcm(*(ratio.denominator for ratio in ratios))


def _curvatures(setting: Setting) -> FloatArray:
    """Return the values (n,) of the batch's mean of x^2, none where they are too many."""
    law = setting.features
    none = np.empty(0)
    if setting.dimension > 1 or setting.momentum:
        return none
    if isinstance(law, RademacherFeatures):
        return setting.spectrum
    if not isinstance(law, FiniteData):
        return none
    squares = np.square(law.X).sum(axis=1)
    squares = np.unique(squares) if setting.replacement else squares
    if batches.count(squares.size, setting) > batches.MOST:
        return none
    return np.unique(batches.means(squares, setting)[0])
