"""All batches of a data set up to order, with their probabilities: expectations as finite sums.

Drawn with replacement, rows that are equal up to sign are one row of larger probability.
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
    """Return whether the features are data, in at most two dimensions, of enumerable batches."""
    if not isinstance(setting.features, FiniteData) or setting.dimension > 2:
        return False
    X = setting.features.X
    # rows up to sign
    rows = np.unique(X[:, :, None] * X[:, None, :], axis=0) if setting.replacement else X
    number = count(len(rows), setting)
    return number <= MOST and number * setting.batch <= _MOST_DRAWN


def count(n: int, setting: Setting) -> int:
    """Return the number of batches of `n` rows up to order."""
    if setting.replacement:
        return math.comb(n + setting.batch - 1, setting.batch)
    return math.comb(n, setting.batch)


def means(values: FloatArray, setting: Setting) -> tuple[FloatArray, FloatArray]:
    """Return the mean of a function of the rows over every batch.

    Parameters
    ----------
    values : ndarray (n, ...)
        The function at each row.
    setting : Setting
        Batch size and replacement.

    Returns
    -------
    means : ndarray (K, ...)
        Of every batch up to order.
    probability : ndarray (K,)
        With replacement the multinomial b! / prod_i k_i! prod_i p_i^{k_i}.
    """
    b = setting.batch
    times = np.ones(len(values), dtype=np.int64)
    if setting.replacement:
        values, times = np.unique(values, axis=0, return_counts=True)
        drawn = list(itertools.combinations_with_replacement(range(len(values)), b))
    else:
        drawn = list(itertools.combinations(range(len(values)), b))
    rows = np.array(drawn)  # (K, b)
    log_weight = np.log(times)[rows].sum(axis=1)
    # a row that is drawn k times contributes 1/k!; equal rows are neighbours
    run = np.ones(len(rows))
    for k in range(1, b):
        repeated = rows[:, k] == rows[:, k - 1]
        run = np.where(repeated, run + 1, 1.0)
        log_weight -= np.log(run)
    total = np.zeros((len(rows), *values.shape[1:]))
    for row in rows.T:
        total += values[row]
    weight = np.exp(log_weight - log_weight.max())
    return total / b, weight / weight.sum()
