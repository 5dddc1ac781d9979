"""Block tridiagonal matrices: elimination from the last block to the first."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lu_factor, lu_solve

Blocks = NDArray[Any]  # (K, n, n)


@dataclass(frozen=True, slots=True, eq=False)
class BlockTridiagonal:
    """A matrix of K x K blocks of size n, of which three diagonals are not zero.

    Attributes
    ----------
    diagonal : ndarray (K, n, n)
        Blocks (k, k).
    upper, lower : ndarray (K - 1, n, n)
        Blocks (k, k + 1) and (k + 1, k).
    """

    diagonal: Blocks
    upper: Blocks
    lower: Blocks

    def shifted(self, shift: complex | float) -> "Factors":
        """Return the factors of the matrix + shift I."""
        count, n, _ = self.diagonal.shape
        identity = np.eye(n)
        factors: list[Any] = [None] * count
        ratios: list[Any] = [None] * count  # of block k + 1 to block k of a solution
        pivot = self.diagonal[-1] + shift * identity
        for k in range(count - 1, 0, -1):
            factors[k] = lu_factor(pivot, check_finite=False)
            ratios[k] = lu_solve(factors[k], self.lower[k - 1], check_finite=False)
            pivot = self.diagonal[k - 1] + shift * identity - self.upper[k - 1] @ ratios[k]
        factors[0] = lu_factor(pivot, check_finite=False)
        return Factors(factors, ratios, self.upper)


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """Factors of the pivots, and the ratios by which a block of a solution follows the one above.

    Attributes
    ----------
    pivots : list
        LU factors (K).
    ratios : list of ndarray (n, n)
        pivot_k^-1 lower_(k-1) for k = 1..K - 1.
    upper : ndarray (K - 1, n, n)
        Of the matrix.
    """

    pivots: list[Any]
    ratios: list[Any]
    upper: Blocks

    def solve(self, right: NDArray[Any]) -> NDArray[Any]:
        """Return the solution for a right side (K n,) or (K n, R)."""
        count = len(self.pivots)
        blocks = list(right.reshape(count, -1, *right.shape[1:]))
        for k in range(count - 1, -1, -1):
            if k < count - 1:
                blocks[k] = blocks[k] - self.upper[k] @ blocks[k + 1]
            blocks[k] = lu_solve(self.pivots[k], blocks[k], check_finite=False)
        for k in range(1, count):
            blocks[k] = blocks[k] - self.ratios[k] @ blocks[k - 1]
        return np.concatenate(blocks)
