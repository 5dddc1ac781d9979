r"""Laws of log|A| that are arithmetic: then t^alpha P(|W| > t) has no limit.

For one feature from a data set A takes finitely many values; where the logarithms of all |A| are
multiples of one number, t^alpha P(|W| > t) oscillates in log t with that period (Rademacher
features in d = 1 are the extreme: one value, and no power law either).
"""

import math
from fractions import Fraction

import numpy as np

from linsgd.problems.features import FiniteData, RademacherFeatures
from linsgd.theory.tails.one_feature import batches
from linsgd.theory.tails.setting import Setting

MOST_VALUES, LARGEST_DENOMINATOR = (
    1000,
    32,
)  # of A, and of the ratios of log|A| that are called rational
_ROUNDING = 1e-12


def period(setting: Setting) -> float:
    """Return the largest number whose multiples hold every log|A| of one feature with few values, or 0."""
    law = setting.features
    if (
        setting.dimension > 1
        or setting.momentum
        or not isinstance(law, FiniteData | RademacherFeatures)
    ):
        return 0.0
    curvatures = setting.spectrum
    if isinstance(law, FiniteData):
        squares = np.square(law.X).sum(axis=1)
        squares = np.unique(squares) if setting.replacement else squares
        if batches.count(squares.size, setting) > batches.MOST:
            return 0.0
        curvatures = np.unique(batches.means(squares, setting)[0])
    if curvatures.size > MOST_VALUES:
        return 0.0
    factors = np.abs(setting.shrinkage - setting.lr * curvatures)
    logs = np.abs(np.log(factors[factors > _ROUNDING]))
    logs = logs[logs > _ROUNDING]
    if not logs.size:
        return 0.0
    shares = [
        Fraction(float(each / logs.min())).limit_denominator(LARGEST_DENOMINATOR) for each in logs
    ]
    if (
        max(abs(float(share) * logs.min() - each) for share, each in zip(shares, logs, strict=True))
        > _ROUNDING
    ):
        return 0.0
    return float(logs.min()) / math.lcm(*(share.denominator for share in shares))
