r"""Ensembles other than snapshots of SGD: averages, single steps, and paths under a tilted law.

Each block of 256 chains has a random generator of its own, so that any range of blocks can be
simulated alone.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import gamma

from linsgd.claims.experiment import SGDChains
from linsgd.domains import FloatArray
from linsgd.judge.intervals import BLOCK
from linsgd.montecarlo.snapshots import snapshots


@dataclass(frozen=True, slots=True, eq=False)
class Powers:
    """Powers of the absolute values of some columns of a snapshot (n, m)."""

    columns: tuple[int, ...]
    orders: tuple[float, ...]
    at: int = -1

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        powers: FloatArray = np.abs(states[self.at][:, self.columns]) ** np.array(self.orders)
        return powers


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Averages(SGDChains):
    """Averages of the states of SGD over its first k steps, for each k of `steps`."""

    def fingerprint(self) -> str:
        """Return a hash of what is simulated."""
        return f"averages {SGDChains.fingerprint(self)}"

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Simulate chains and return their averages (len(steps), len(chains), 2 d)."""
        every, last = range(1, self.steps[-1] + 1), np.array(self.steps)
        parts = []
        for block in _blocks(chains):
            path = snapshots(
                self.problem, self.sgd, list(every), block, seed=seed, start=self.start
            )
            parts.append(np.cumsum(path, axis=0)[last - 1] / last[:, None, None])
        averages: FloatArray = np.concatenate(parts, axis=1)
        return averages


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Stretches(SGDChains):
    """Single steps A = I - lr H_B, drawn independently."""

    def fingerprint(self) -> str:
        """Return a hash of what is simulated."""
        return f"stretches {SGDChains.fingerprint(self)}"

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Draw steps and return sigma_max(A), sigma_min(A) and |A e_1| (1, len(chains), 3)."""
        d, b = self.problem.dimension, self.sgd.batch_size
        parts = []
        for block in _blocks(chains):
            x = self.problem.features.sample(len(block) * b, _generator(seed, block)).reshape(
                -1, b, d
            )
            A = np.eye(d) - self.sgd.lr / b * np.einsum("nbi,nbj->nij", x, x)
            values = np.abs(np.linalg.eigvalsh(A))
            parts.append(
                np.stack(
                    [values.max(axis=1), values.min(axis=1), np.linalg.norm(A[:, 0], axis=1)],
                    axis=1,
                )
            )
        return np.concatenate(parts)[None]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TiltedMoments(SGDChains):
    r"""E|w_k|^order of one white Gaussian feature, batch 1, w_0 = w* = 0, by importance sampling.

    Paths follow the law of SGD up to a step J drawn evenly from 0..k, and from there the law under
    which every step weighs |A|^order more, h(order) being 1. The likelihood ratio of SGD's law to
    this mixture is

        (k + 1) / sum_{J=0}^k prod_{i>J} |A_i|^order,

    and |w_k|^order times it is bounded by powers of k and of the largest |lr x e| along the path:
    light-tailed, where |w_k|^order itself has variance growing like h(2 order)^k.

    Attributes
    ----------
    order : float
        The exponent alpha.
    """

    order: float

    def fingerprint(self) -> str:
        """Return a hash of what is simulated."""
        return f"tilted {self.order:.9g} {SGDChains.fingerprint(self)}"

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Return weighted |w_k|^order (len(steps), len(chains), 1), each k from its own paths."""
        parts = []
        for block in _blocks(chains):
            rng = _generator(seed, block)
            parts.append([self._moment(k, len(block), rng) for k in self.steps])
        return np.concatenate(parts, axis=1)[..., None]

    def _moment(self, k: int, n: int, rng: np.random.Generator) -> FloatArray:
        """Return |w_k|^order times its likelihood ratio for n paths (n,)."""
        lr, noise = self.sgd.lr, self.problem.noise_std
        begin = rng.integers(0, k + 1, n)  # J: the first step under the tilted law
        w, weight = np.zeros(n), np.ones(n)  # weight: sum_J prod_{i>J} |A_i|^order
        for step in range(k):
            # w' = A w + lr x e with A = 1 - lr x^2
            square = np.where(step >= begin, self._tilted(n, rng), rng.chisquare(1, n))
            A = 1 - lr * square
            w = A * w + lr * np.sqrt(square) * noise * rng.standard_normal(n)
            weight = weight * np.abs(A) ** self.order + 1
        moment: FloatArray = np.abs(w) ** self.order * (k + 1) / weight
        return moment

    def _tilted(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw x^2 from the chi-square density times |1 - lr x^2|^order.

        By rejection from the density times 1 + (lr x^2)^order, a mixture of two gamma laws.
        """
        s, lr = self.order, self.sgd.lr
        heavy = (2 * lr) ** s * gamma(s + 0.5) / gamma(0.5)
        kept = np.empty(0)
        while kept.size < n:
            shape = np.where(rng.random(2 * n) < heavy / (1 + heavy), s + 0.5, 0.5)
            square = 2 * rng.standard_gamma(shape)
            accepted = rng.random(2 * n) * (1 + (lr * square) ** s) < np.abs(1 - lr * square) ** s
            kept = np.concatenate([kept, square[accepted]])
        return kept[:n]


def _blocks(chains: range) -> Iterator[range]:
    """Cut a range of whole blocks into them."""
    return itertools.starmap(range, itertools.pairwise(range(chains.start, chains.stop + 1, BLOCK)))


def _generator(seed: int, block: range) -> np.random.Generator:
    return np.random.default_rng([seed, block.start // BLOCK])
