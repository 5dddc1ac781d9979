"""Every batch of a data set up to order, with its probability: what makes expectations over batches finite sums.

Drawn with replacement, rows that are equal up to sign are one row, likelier than others.
"""

import itertools
import math

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.features import FiniteData
from linsgd.theory.tails.setting import Setting

MOST = 200_000  # batches
_MOST_DRAWN = 4_000_000  # rows in all of them


def few(setting: Setting) -> bool:
    """Return whether the features are data, in two dimensions at most, whose batches can be enumerated."""
    if not isinstance(setting.features, FiniteData) or setting.dimension > 2:
        return False
    X = setting.features.X
    rows = np.unique(X[:, :, None] * X[:, None, :], axis=0) if setting.replacement else X
    batches = count(len(rows), setting)
    return batches <= MOST and batches * setting.batch <= _MOST_DRAWN


def count(n: int, setting: Setting) -> int:
    """Return the number of batches of `n` rows up to order."""
    return (
        math.comb(n + setting.batch - 1, setting.batch)
        if setting.replacement
        else math.comb(n, setting.batch)
    )


def means(values: FloatArray, setting: Setting) -> tuple[FloatArray, FloatArray]:
    """Return the mean over every batch of `values` (n, ...), one of each row: (K, ...), and probabilities (K,)."""
    b, times = setting.batch, np.ones(len(values), dtype=np.int64)
    if setting.replacement:
        values, times = np.unique(values, axis=0, return_counts=True)
    choose = (
        itertools.combinations_with_replacement if setting.replacement else itertools.combinations
    )
    rows = np.array(list(choose(range(len(values)), b)))
    run, log_weight = np.ones(len(rows)), np.log(times)[rows].sum(axis=1)
    for k in range(1, b):
        run = np.where(rows[:, k] == rows[:, k - 1], run + 1, 1.0)
        log_weight -= np.log(run)  # of k! for a row drawn k times
    total = sum((values[drawn] for drawn in rows.T), np.zeros_like(values[:1]))
    weight = np.exp(log_weight - log_weight.max())
    return total / b, weight / weight.sum()
