r"""The chain of pairs (x_(k-1), x_k) of SGD with momentum, at one resolution.

x_(k+1) = m(x_k) + momentum (x_k - x_(k-1)) + std(x_k) z leads from the pair (x_i, x_j) of points to
pairs (x_j, x_l), with the density of x_l as probability: an equally spaced sum, whose error is
exponentially small in (std/spacing)^2. At a target the sum is cut with Gregory's weights of order 6
[1]_. Pairs farther apart than some standard deviations of the velocity are left out.

.. [1] E. T. Whittaker, G. Robinson, "The Calculus of Observations", section 71.
"""

from functools import cached_property

import numpy as np
from scipy.interpolate import make_interp_spline

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.theory.fokker_planck.banded_chain import BandedChain
from linsgd.theory.fokker_planck.jumps import Jumps, rest

RESOLVED = 1.3  # least noise over the spacing
GREGORY = np.array([95 / 288, 317 / 240, 23 / 30, 793 / 720, 157 / 160])  # from the end on
MOST_ENTRIES = 50_000_000  # of the band


class PairChain:
    """The chain between pairs of equally spaced points.

    Parameters
    ----------
    jumps : Jumps
        The step of a chain at rest.
    momentum : float
        In (0, 1).
    low, high : float
        The domain.
    count : int
        Number of points.
    reach : float
        Largest difference of successive positions, in standard deviations of the velocity.
    target : float or None
        A point that becomes one of the grid.
    """

    def __init__(
        self,
        jumps: Jumps,
        momentum: float,
        low: float,
        high: float,
        count: int,
        reach: float,
        target: float | None = None,
    ) -> None:
        self.jumps, self.momentum = jumps, momentum
        self.spacing = (high - low) / (count - 1)
        self.nodes: FloatArray = np.linspace(low, high, count)
        if target is not None:
            self.nodes += target - self.nodes[np.abs(self.nodes - target).argmin()]
        spread = jumps.spread(self.nodes, 0.0)
        if spread.min() < RESOLVED * self.spacing:
            known = f"[{RESOLVED * self.spacing:.3g}, inf): more points resolve less noise"
            domains.refuse("std", float(spread.min()), known)
        thermal = float(spread.max()) / np.sqrt(1 - momentum**2)
        self.reach = int(np.ceil(reach * thermal / self.spacing))
        self.line = 2 * self.reach + 1
        entries = count * self.line * 2 * self.reach * (self.line + 2)
        if entries > MOST_ENTRIES:
            given = f"{count} points and {self.line} velocities"
            domains.refuse("points", given, "fewer, or a narrower domain, or more noise")

    def rates(self, at: int | None = None, side: int = 1) -> FloatArray:
        """Return the probabilities of steps, in a band, each row over its sum.

        With the index `at` of a target the sums over both of its sides have Gregory's weights; the
        chain ends at points on the given side (1 above, -1 below), whose nearest takes the weight
        of the target itself.
        """
        M, r = self.nodes.size, self.reach
        band = r * (self.line + 2)
        found = np.zeros((M * self.line, 2 * band + 1))
        mean, spread = self.jumps.mean(self.nodes), self.jumps.spread(self.nodes, 0.0)
        velocity = np.arange(-r, r + 1) * self.spacing
        weights = np.ones(M) if at is None else _end_weights(np.abs(np.arange(M) - at))
        for j in range(M):
            first, last = max(0, j - r), min(M, j + r + 1)
            ahead = mean[j] + self.momentum * velocity[:, None]
            square = ((self.nodes[first:last] - ahead) / spread[j]) ** 2 / 2
            density = np.exp(square.min(axis=1, keepdims=True) - square) * weights[first:last]
            if at is not None and first <= min(at, at + side) and max(at, at + side) < last:
                density[:, at + side - first] += density[:, at - first]
            density /= density.sum(axis=1, keepdims=True)
            # the pair (j, l) has the index l line + r + (l - j)
            index = np.arange(first, last) * (self.line + 1) + r - j
            rows = j * self.line + np.arange(self.line)
            found[rows[:, None], band + index - rows[:, None]] = density
        return found

    @property
    def weights(self) -> FloatArray:
        """Of the points in integrals (M,)."""
        return np.full(self.nodes.size, self.spacing)

    @cached_property
    def chain(self) -> BandedChain:
        """The chain after elimination toward rest at a minimum."""
        at = int(np.abs(self.nodes - rest(self.jumps, self.nodes)).argmin())
        return BandedChain.of(self.rates(), self.line, at * self.line + self.reach)

    def leak(self) -> float:
        """Return the stationary probability of the two ends of the domain."""
        return float(self.stationary[0] + self.stationary[-1])

    def occupation(self, low: float, high: float) -> float:
        """Return the stationary probability of an interval."""
        law = self.stationary
        return float(make_interp_spline(self.nodes, law, k=5).integrate(low, high)) / self.spacing

    @cached_property
    def stationary(self) -> FloatArray:
        """The stationary probabilities of the points (M,)."""
        law: FloatArray = self.chain.stationary().reshape(-1, self.line).sum(axis=1)
        return law

    def gap(self) -> float:
        """Return the smallest 1 - |mu| over the eigenvalues mu, but 1, that are found near 1."""
        rates = self.chain.slow_rates()
        # 1 - |1 - rate| without cancellation
        gaps = (2 * rates.real - abs(rates) ** 2) / (1 + abs(1 - rates))
        within = gaps[gaps > 0]  # rounding of the space may leave others
        return float(within.min()) if within.size else np.nan

    def passage(self, start: float, target: float) -> float:
        """Return the mean number of steps from rest at `start` until beyond `target`."""
        side = 1 if target > start else -1
        at = int(np.abs(self.nodes - target).argmin())
        dead = side * (np.arange(self.nodes.size) - at) > 0
        rates = self.rates(at, side)
        chain = BandedChain.killed(rates, self.line, np.repeat(dead, self.line))
        times = chain.solve(np.ones(len(rates))).reshape(-1, self.line)
        resting = make_interp_spline(self.nodes[~dead], times[~dead, self.reach], k=5)
        return float(resting(start))


def _end_weights(distance: IntArray) -> FloatArray:
    """Return the weights of points at these distances from the end of a sum, in spacings."""
    weights = np.ones(distance.shape)
    near = distance < GREGORY.size
    weights[near] = GREGORY[distance[near]]
    return weights
