r"""Finite volumes of Scharfetter and Gummel for a diffusion on an interval.

Between cells of width h the conductance of the flux is

    k = (D/h) e^-(Psi_i + Psi_j)/2 (z/2)/sinh(z/2),        z = Psi_j - Psi_i,

so that e^-Psi is stationary at the centers to rounding. The generator Q of the cells' masses has
rates at least 0 and columns that sum to 0: exp(Q t) is a sum of non-negative matrices, which
neither lose mass nor make a cell negative.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray

TERMS = 20  # of the exponential series of a matrix of norm at most 1/2


@dataclass(frozen=True, slots=True, eq=False)
class FiniteVolume:
    """Equal cells with the rates between neighbours.

    Attributes
    ----------
    centers : ndarray (M,)
        Of the cells.
    width : float
        h.
    up, down : ndarray (M - 1,)
        Rates from cell i to i + 1 and from i + 1 to i.
    """

    centers: FloatArray
    width: float
    up: FloatArray
    down: FloatArray

    @classmethod
    def of(
        cls,
        psi: FloatArray,
        diffusion: Callable[[FloatArray], FloatArray],
        low: float,
        high: float,
        cells: int,
    ) -> "FiniteVolume":
        """Return the cells for Psi at edges and centers (2 cells + 1,)."""
        x = np.linspace(low, high, 2 * cells + 1)
        width = (high - low) / cells
        d = diffusion(x[2:-1:2])  # at the inner edges
        z = np.diff(psi[1::2])
        bernoulli = np.where(z == 0, 1.0, z / np.where(z == 0, 1.0, np.expm1(z)))
        up = d / width**2 * bernoulli
        down = d / width**2 * (bernoulli + z)
        return cls(x[1::2], width, up, down)

    def evolve(self, masses: FloatArray, times: FloatArray) -> FloatArray:
        """Return the masses (K, M) at times (K,)."""
        found = np.empty((times.size, masses.size))
        order = np.argsort(times, kind="stable")
        now, done = masses, 0.0
        for i in order:
            if times[i] > done:
                now, done = self._propagator(float(times[i]) - done) @ now, float(times[i])
                now = now / now.sum()
            found[i] = now
        return found

    def _propagator(self, time: float) -> FloatArray:
        """Return exp(Q t): the series of q + Q >= 0 for a short time, then squared."""
        M = self.centers.size
        leaving = np.zeros(M)
        leaving[:-1] += self.up
        leaving[1:] += self.down
        q = leaving.max()
        squarings = max(0, int(np.ceil(np.log2(max(2 * q * time, 1e-300)))))
        short = time / 2**squarings
        rates = np.diag(q - leaving) + np.diag(self.up, -1) + np.diag(self.down, 1)
        term = np.eye(M)
        total = np.eye(M)
        for k in range(1, TERMS):
            term = term @ rates * (short / k)
            total += term
        for _ in range(squarings + 1):
            total /= total.sum(axis=0)  # columns of a stochastic matrix
            if _ < squarings:
                total = total @ total
        return total
