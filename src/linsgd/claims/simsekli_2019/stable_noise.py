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

WELLS_REACH = 12.0
WELLS_CELLS = 600
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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TwoWells:
    """Chains of SGD with stable noise on wells (w - m)^2/2 of two minima, parted at 0.

    Attributes
    ----------
    alpha, scale : float
        Index of the noise, and lr times its scale.
    lr : float
        Learning rate.
    minima : tuple of float
        Left and right.
    steps : int
        Steps from either minimum, side by side.
    """

    alpha: float
    scale: float
    lr: float
    minima: tuple[float, float]
    steps: int

    @property
    def cost(self) -> int:
        """Steps of a chain from both minima."""
        return 2 * self.steps

    def fingerprint(self) -> str:
        """Return a hash of what is simulated."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Return w at the last step (1, len(chains), 2)."""
        law, (left, right) = Stable(self.alpha, self.scale), self.minima
        blocks = []
        for rng in _blocks(chains, seed):
            w = np.tile([left, right], (BLOCK, 1))
            for _ in range(self.steps):
                kicks = law.sample(2 * BLOCK, rng).reshape(BLOCK, 2)
                w += kicks - self.lr * (w - np.where(w > 0, right, left))
            blocks.append(w[None])
        return np.concatenate(blocks, axis=1)

    def right_share(self) -> FloatArray:
        """Return the exact P(w > 0) at the last step from each minimum (2,), to about 1e-3.

        Transitions between cells of a grid, from the midpoint of each; all that lies beyond the
        grid is in its last cells.
        """
        edges, (left, right) = np.linspace(-WELLS_REACH, WELLS_REACH, WELLS_CELLS + 1), self.minima
        middles = (edges[1:] + edges[:-1]) / 2
        drifted = middles - self.lr * (middles - np.where(middles > 0, right, left))
        inner = Stable(self.alpha, self.scale).cdf((edges[1:-1] - drifted[:, None]).ravel())
        below = np.pad(inner.reshape(WELLS_CELLS, -1), ((0, 0), (1, 0)))
        below = np.pad(below, ((0, 0), (0, 1)), constant_values=1.0)
        transition = np.diff(below, axis=1)
        share = (middles > 0).astype(np.float64)
        for _ in range(self.steps):
            share = transition @ share
        return np.asarray(np.interp(self.minima, middles, share))


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
