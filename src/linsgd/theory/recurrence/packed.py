"""Symmetric matrices (n, n) as vectors of their n (n + 1)/2 entries i <= j, row by row."""

from functools import lru_cache

import numpy as np

from linsgd.domains import FloatArray, IntArray


@lru_cache(maxsize=64)
def kept_entries(n: int) -> tuple[IntArray, IntArray]:
    """Return the rows i and the columns j >= i of the entries that are kept."""
    i, j = np.triu_indices(n)
    return np.asarray(i), np.asarray(j)


def packed(M: FloatArray) -> FloatArray:
    """Return the kept entries of a symmetric matrix (n, n)."""
    entries: FloatArray = M[kept_entries(len(M))]
    return entries


def unpacked(entries: FloatArray, n: int) -> FloatArray:
    """Return the symmetric matrices (..., n, n) of kept entries (..., n (n + 1)/2)."""
    i, j = kept_entries(n)
    M = np.empty((*entries.shape[:-1], n, n))
    M[..., i, j] = entries
    M[..., j, i] = entries
    return M
