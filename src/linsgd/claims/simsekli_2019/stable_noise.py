r"""SGD on a quadratic driven by symmetric stable noise, and stable noise alone: the experiments.

w' = (1 - lr h) w + lr scale S with S of the stable law of unit scale. The recursion is written out
here in NumPy, from the sampler of `linsgd.Stable`.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray
from linsgd.judge.experiment import canonical
from linsgd.judge.intervals import BLOCK
from linsgd.stable import Stable

NODES = 500  # resolve a kick of a sixtieth of the width


def _blocks(chains: range, seed: int) -> list[np.random.Generator]:
    """Return the generator of each block of 256 chains."""
    numbers = range(chains.start // BLOCK, chains.stop // BLOCK)
    return [np.random.default_rng([seed, number]) for number in numbers]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StableDraws:
    """Chains of `count` independent stable values for each of some indices.

    Attributes
    ----------
    alphas : tuple of float (m,)
        The indices, one a coordinate.
    count : int
        Values a chain.
    """

    alphas: tuple[float, ...]
    count: int

    @property
    def cost(self) -> int:
        """Values of a chain."""
        return self.count * len(self.alphas)

    def fingerprint(self) -> str:
        """Return a hash of what is drawn."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Return values (count, len(chains), m)."""
        blocks = []
        for rng in _blocks(chains, seed):
            values = [Stable(alpha).sample(self.count * BLOCK, rng) for alpha in self.alphas]
            blocks.append(np.stack([x.reshape(self.count, BLOCK) for x in values], axis=2))
        return np.concatenate(blocks, axis=1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StableSGD:
    """Chains of SGD on a quadratic with stable noise, in several settings side by side.

    Attributes
    ----------
    alpha : float
        Index of the noise.
    factors, scales : ndarray (m,)
        1 - lr h and lr times the noise's scale in each setting.
    steps : int
        Steps from w = 0.
    """

    alpha: float
    factors: FloatArray
    scales: FloatArray
    steps: int

    @property
    def cost(self) -> int:
        """Steps times settings of a chain."""
        return self.steps * len(self.scales)

    def fingerprint(self) -> str:
        """Return a hash of what is simulated."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Return w at the last step, and the largest |w| on the way (2, len(chains), m)."""
        law, m = Stable(self.alpha), len(self.scales)
        blocks = []
        for rng in _blocks(chains, seed):
            w = np.zeros((BLOCK, m))
            farthest = np.zeros((BLOCK, m))
            for _ in range(self.steps):
                kicks = law.sample(BLOCK * m, rng).reshape(BLOCK, m)
                w = self.factors * w + self.scales * kicks
                farthest = np.maximum(farthest, np.abs(w))
            blocks.append(np.stack([w, farthest]))
        return np.concatenate(blocks, axis=1)


def stationary_scale(alpha: float, factor: FloatArray, scale: FloatArray) -> FloatArray:
    """Return the scale of the stationary law: scale^alpha/(1 - |factor|^alpha) is its power."""
    found: FloatArray = scale / (1 - np.abs(factor) ** alpha) ** (1 / alpha)
    return found


def survival(alpha: float, factor: float, scale: float, width: float, steps: int) -> float:
    """Return P(|w_k| <= width for k = 1, ..., steps) from w = 0.

    The transition density on Gauss-Legendre nodes of [-width, width], applied `steps` times.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    x, mass, law = width * nodes, width * weights, Stable(alpha, scale)
    density = law.pdf(x)
    kernel = law.pdf(x[:, None] - factor * x) * mass
    for _ in range(steps - 1):
        density = kernel @ density
    return float(density @ mass)
