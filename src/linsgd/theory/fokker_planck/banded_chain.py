r"""A Markov chain in continuous time whose jumps join nearby indices, by elimination.

States are removed one by one (Grassmann, Taksar, Heyman): the rate of leaving a state is the sum
of its exits, so that nothing is subtracted and small rates keep their digits. The elimination runs
from both ends of the band to a root, toward the mass.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray, IntArray
from linsgd.jit import kernel

LONGEST_SPACE = 60  # of Arnoldi's method
CONVERGED = 1e-13
FOUND = 1e-9  # relative residual of a rate


@dataclass(frozen=True, slots=True, eq=False)
class BandedChain:
    """A chain after the elimination of all states but the root, and but those that are killed.

    Attributes
    ----------
    rates : ndarray (M, 2 band + 1)
        Overwritten by the factors.
    leaving : ndarray (M,)
        Rates of leaving, in the chain that is left.
    remaining : ndarray (K, 3)
        The states in the order of their elimination, each with the range [first, last) of those in
        the band that were left.
    root : int
        Not eliminated; where there is none, -1.
    """

    rates: FloatArray
    leaving: FloatArray
    remaining: IntArray
    root: int

    @classmethod
    def of(cls, rates: FloatArray, line: int, root: int) -> "BandedChain":
        """Return the chain with a root; `line` is the length of the lines of the grid."""
        low = root // line * line
        remaining = _toward(len(rates), rates.shape[1] // 2, low, low + line, root)
        leaving = np.zeros(len(rates))
        _eliminate(rates, np.zeros(len(rates)), leaving, remaining)
        return cls(rates, leaving, remaining, root)

    @classmethod
    def killed(cls, rates: FloatArray, line: int, dead: Any) -> "BandedChain":
        """Return the chain that ends at the states of a mask."""
        count, width = rates.shape
        band = width // 2
        inside = np.arange(count)[:, None] + np.arange(-band, band + 1)
        ends = np.zeros(inside.shape, dtype=bool)
        valid = (inside >= 0) & (inside < count)
        ends[valid] = dead[inside[valid]]
        lost = np.where(ends, rates, 0.0).sum(axis=1)
        rates[ends] = 0.0
        rates[dead] = 0.0
        low = int(np.flatnonzero(dead)[dead.sum() // 2]) // line * line
        remaining = _toward(count, band, low, low + line, low)
        remaining = np.vstack([remaining, [[low, low, low]]])
        remaining = remaining[~dead[remaining[:, 0]]]
        leaving = np.zeros(count)
        _eliminate(rates, lost, leaving, remaining)
        return cls(rates, leaving, remaining, -1)

    def stationary(self) -> FloatArray:
        """Return the stationary law (M,)."""
        law = np.zeros(len(self.rates))
        law[self.root] = 1.0
        _stationary(self.rates, self.leaving, self.remaining, law)
        scaled: FloatArray = law / law.sum()
        return scaled

    def solve(self, right: FloatArray) -> FloatArray:
        """Return u with -Q u = right, and 0 at the root or where the chain has ended."""
        u = np.zeros(len(self.rates))
        alive = self.remaining[:, 0]
        u[alive] = right[alive]
        _solve(self.rates, self.leaving, self.remaining, u)
        return u

    def gap(self) -> float:
        """Return the smallest real part of a rate.

        The space grows until the slowest rate stands.
        """
        rate = before = np.inf
        for H, beyond in self._spaces():
            times = np.linalg.eigvals(H)
            rate = float((1 / times).real.min())
            stands = abs(rate - before) <= CONVERGED * abs(rate)
            if stands or beyond <= CONVERGED * abs(times).max():
                break
            before = rate
        return rate

    def slow_rates(self) -> NDArray[np.complex128]:
        """Return the rates that the longest space has found, those near 0 among them."""
        *_, (H, beyond) = self._spaces()
        times, vectors = np.linalg.eig(H)
        residual = beyond * abs(vectors[-1])
        rates: NDArray[np.complex128] = 1 / times[residual <= FOUND * abs(times)]
        return rates

    def _spaces(self) -> Iterator[tuple[FloatArray, float]]:
        """Build Krylov spaces of -Q^-1, orthogonal in the stationary law.

        Yields
        ------
        tuple of ndarray (k, k) and float
            Arnoldi's matrix, and the norm of what the space lacks.
        """
        law = self.stationary()
        root_law = np.sqrt(law)
        present = root_law > 0
        u = self.solve(np.ones(law.size))
        u -= law @ u
        basis = [u * root_law / np.sqrt(law @ u**2)]
        H = np.zeros((LONGEST_SPACE + 1, LONGEST_SPACE))
        for k in range(LONGEST_SPACE):
            u = np.divide(basis[k], root_law, out=np.zeros(law.size), where=present)
            image = self.solve(u)
            image = (image - law @ image) * root_law
            for _ in range(2):
                overlap = np.array(basis) @ image
                H[: k + 1, k] += overlap
                image = image - overlap @ np.array(basis)
            H[k + 1, k] = np.linalg.norm(image)
            yield H[: k + 1, : k + 1], float(H[k + 1, k])
            basis.append(image / H[k + 1, k])


def _toward(count: int, band: int, low: int, high: int, root: int) -> IntArray:
    """Return the order from both ends to the line [low, high), and in it from both to the root.

    Each state comes with the range of those of the band that are left.
    """
    above = np.arange(count - 1, high - 1, -1)
    below = np.arange(low)
    right = np.arange(high - 1, root, -1)
    left = np.arange(low, root)
    ranges = [
        (above, np.maximum(above - band, 0), above),
        (below, below + 1, np.minimum(below + band + 1, high)),
        (right, np.maximum(right - band, low), right),
        (left, left + 1, np.minimum(left + band, root) + 1),
    ]
    return np.concatenate([np.column_stack(each) for each in ranges])


@kernel
def _eliminate(rates: Any, killed: Any, leaving: Any, remaining: Any) -> None:
    """Eliminate the states in their order; overwrites rates and killed."""
    band = rates.shape[1] // 2
    for step in range(len(remaining)):
        n, first, last = remaining[step]
        total = killed[n]
        for j in range(first, last):
            total += rates[n, j - n + band]
        leaving[n] = total
        row = rates[n, first - n + band : last - n + band]
        for i in range(first, last):
            share = rates[i, n - i + band] / total
            if share > 0:
                killed[i] += share * killed[n]
                target = rates[i, first - i + band : last - i + band]
                for j in range(row.size):
                    target[j] += share * row[j]


@kernel
def _solve(rates: Any, leaving: Any, remaining: Any, values: Any) -> None:
    """Solve -Q u = values on the eliminated states; overwrites values by u."""
    band = rates.shape[1] // 2
    for step in range(len(remaining)):
        n, first, last = remaining[step]
        part = values[n] / leaving[n]
        for i in range(first, last):
            values[i] += rates[i, n - i + band] * part
    for step in range(len(remaining) - 1, -1, -1):
        n, first, last = remaining[step]
        total = values[n]
        for j in range(first, last):
            total += rates[n, j - n + band] * values[j]
        values[n] = total / leaving[n]


@kernel
def _stationary(rates: Any, leaving: Any, remaining: Any, law: Any) -> None:
    """Fill in the weights of the eliminated states from that of the root."""
    band = rates.shape[1] // 2
    for step in range(len(remaining) - 1, -1, -1):
        n, first, last = remaining[step]
        total = 0.0
        for i in range(first, last):
            total += law[i] * rates[i, n - i + band]
        law[n] = total / leaving[n]
