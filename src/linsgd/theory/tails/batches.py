"""Every batch of a data set up to order, with its probability: what makes expectations over batches finite sums."""

import itertools
import math

import numpy as np

from linsgd.domains import FloatArray
from linsgd.features import FiniteData
from linsgd.theory.tails.setting import Setting

MOST = 200_000


def few(setting: Setting) -> bool:
    """Whether the features are data whose batches can be enumerated."""
    return isinstance(setting.features, FiniteData) and count(len(setting.features.y), setting) <= MOST


def count(n: int, setting: Setting) -> int:
    """Return the number of batches of `n` rows up to order."""
    return math.comb(n + setting.batch - 1, setting.batch) if setting.replacement else math.comb(n, setting.batch)


def means(values: FloatArray, setting: Setting) -> tuple[FloatArray, FloatArray]:
    """Return the mean over every batch of `values` (n, ...), one of each row: (K, ...), and probabilities (K,)."""
    b = setting.batch
    choose = itertools.combinations_with_replacement if setting.replacement else itertools.combinations
    rows = np.array(list(choose(range(len(values)), b)))
    run, repeats = np.ones(len(rows)), np.ones(len(rows))  # repeats: the product of k! over rows drawn k times
    for k in range(1, b):
        run = np.where(rows[:, k] == rows[:, k - 1], run + 1, 1.0)
        repeats *= run
    total = sum((values[drawn] for drawn in rows.T), np.zeros_like(values[:1]))
    return total / b, 1 / repeats / np.sum(1 / repeats)
