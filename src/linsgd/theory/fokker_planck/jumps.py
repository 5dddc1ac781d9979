r"""Transition densities of one step x' = m_k(x) + std(x) z, k drawn with probability q_k.

Without noise of its own (the batches of a finite sum) a step has no density; it is widened by
Gaussian noise of a given standard deviation.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from scipy.special import ndtr

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.potentials import FiniteSum
from linsgd.theory.fokker_planck.coefficient import Function

MOST_BATCHES = 1000
TINY = 1e-9  # noise of steps without noise, over the domain
SETTLING = 10_000  # steps without noise


@dataclass(frozen=True, slots=True, eq=False)
class Jumps:
    """The law of a step.

    Attributes
    ----------
    means : callable
        From positions (M,) to the means (K, M) of the next one.
    shares : ndarray (K,)
        Their probabilities.
    std : callable or None
        From positions (M,) to standard deviations (M,); None where the means are all there is.
    """

    means: Callable[[FloatArray], FloatArray]
    shares: FloatArray
    std: Function | None

    @classmethod
    def gaussian(cls, update: Function, std: Function) -> "Jumps":
        """Return steps with one mean."""

        def means(x: FloatArray) -> FloatArray:
            mean = np.broadcast_to(np.asarray(update(x), dtype=float), x.shape)
            return _finite("update", x, mean)[None]

        def spread(x: FloatArray) -> FloatArray:
            return _finite("std", x, np.broadcast_to(np.asarray(std(x), dtype=float), x.shape))

        return cls(means, np.ones(1), spread)

    @classmethod
    def of_batches(cls, potential: FiniteSum, sgd: SGD) -> "Jumps":
        """Return the steps of SGD with batches drawn with replacement.

        The batch in which term i is drawn c_i times has the probability b!/(prod c_i! n^b).
        """
        n, b = len(potential.coefficients), sgd.batch_size
        count = math.comb(n + b - 1, b)
        if count > MOST_BATCHES:
            domains.refuse("potential", f"sum with {count} batches", f"at most {MOST_BATCHES}")
        drawn = combinations_with_replacement(range(n), b)
        counts = np.array([np.bincount(batch, minlength=n) for batch in drawn])
        repeated = [math.prod(map(math.factorial, row)) for row in counts.tolist()]
        shares = np.array([math.factorial(b) / (each * n**b) for each in repeated])
        terms = potential.terms

        def means(x: FloatArray) -> FloatArray:
            slopes = np.stack([np.asarray(term.gradient(x)) for term in terms])
            found: FloatArray = x - sgd.lr / b * (counts @ slopes)
            return found

        return cls(means, shares, None)

    def mean(self, x: FloatArray) -> FloatArray:
        """Return the mean of the next position (M,)."""
        found: FloatArray = self.shares @ self.means(x)
        return found

    def spread(self, x: FloatArray, widened: float) -> FloatArray:
        """Return the standard deviations (M,), `widened` where there is no noise of its own."""
        return np.full(x.shape, widened) if self.std is None else self.std(x)

    def beyond(self, x: FloatArray, low: float, high: float) -> FloatArray:
        """Return the probabilities (M,) of steps beyond an interval, without widening."""
        spread = self.spread(x, TINY * (high - low))
        means = self.means(x)
        outside = ndtr((low - means) / spread) + ndtr((means - high) / spread)
        found: FloatArray = self.shares @ outside
        return found

    def transitions(
        self, x: FloatArray, nodes: FloatArray, weights: FloatArray, widened: float
    ) -> FloatArray:
        """Return the probabilities (R, M) of steps from positions (R,) to weighted nodes (M,).

        Each row has the sum 1: steps to anywhere else are drawn again.
        """
        spread = self.spread(x, widened)[:, None]
        total = np.zeros((x.size, nodes.size))
        for share, mean in zip(self.shares, self.means(x), strict=True):
            square = ((nodes - mean[:, None]) / spread) ** 2 / 2
            density = np.exp(square.min(axis=1, keepdims=True) - square) * weights
            total += share / density.sum(axis=1, keepdims=True) * density
        return total


def rest(jumps: Jumps, nodes: FloatArray) -> float:
    """Return where the mean step comes to rest, from the middle of nodes (M,)."""
    means = jumps.mean(nodes)
    x = float(nodes[nodes.size // 2])
    for _ in range(SETTLING):
        x = float(np.interp(x, nodes, means))
    return x


def _finite(name: str, x: FloatArray, values: FloatArray) -> FloatArray:
    finite = np.isfinite(values)
    if not finite.all():
        at = float(x[~finite][0])
        domains.refuse(f"{name}({at:.6g})", "not finite", "finite numbers on the domain")
    return values
