r"""One-pass SGD on Gaussian features with hyperparameters of every step, in plain NumPy.

Draws are standard normal vectors z of v coordinates; the features are R'z and the label is t'z + e.
Nothing is taken from a prediction: the minimum of the risk is a least-squares problem in R and t.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray
from linsgd.judge.experiment import canonical
from linsgd.judge.intervals import BLOCK, KnownSkewness
from linsgd.problems.power_law import PowerLaw

# A sum of squares of normal variables has skewness at most sqrt(8). What the noise that is
# proportional to the state adds is bounded by the sample's own skewness, which the interval checks.
MILD = KnownSkewness(4.0)

PER_STEP = "all moments of w_k finite; skewness of the risk of one chain at most 4"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OnePass:
    """Chains of SGD on fresh samples, and the excess risk of each at some steps.

    Attributes
    ----------
    root : ndarray (v, d)
        R.
    target : ndarray (v,)
        t.
    noise_std : float
        Of e.
    lr, momentum : ndarray (K,)
        Of every step.
    batch : ndarray (K,) of int
        Of every step.
    steps : tuple of int
        After which the risk is kept, at most K.
    kept : ndarray (K,), optional
        r of an average a' = r a + (1 - r) w', whose risk is kept in place of the iterate's.
    """

    root: FloatArray
    target: FloatArray
    noise_std: float
    lr: FloatArray
    momentum: FloatArray
    batch: FloatArray
    steps: tuple[int, ...]
    kept: FloatArray | None = None

    @property
    def cost(self) -> int:
        """Drawn normal variables of a chain."""
        return int(self.batch.sum()) * len(self.root)

    def fingerprint(self) -> str:
        """Return a hash of what is simulated."""
        parts = (self.root, self.target, self.noise_std, self.lr, self.momentum, self.batch)
        averaged = np.zeros(0) if self.kept is None else self.kept + 1.0
        text = "\n".join(canonical(part) for part in (*parts, self.steps, averaged.tolist()))
        return hashlib.sha256(f"one pass {text}".encode()).hexdigest()

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Return the excess risks (len(steps), len(chains), 1)."""
        blocks = range(chains.start // BLOCK, chains.stop // BLOCK)
        return np.concatenate([self._block(seed, block) for block in blocks], axis=1)[..., None]

    def _block(self, seed: int, block: int) -> FloatArray:
        """Return the excess risks of 256 chains (len(steps), 256)."""
        rng = np.random.default_rng([seed, block])
        best = np.linalg.lstsq(self.root, self.target)[0]
        w = np.zeros((BLOCK, self.root.shape[1]))
        buffer, average = np.zeros_like(w), w
        found = []
        for k in range(max(self.steps) + 1):
            if k in self.steps:
                found.append(((average - best) @ self.root.T) ** 2)
            if k == max(self.steps):
                break
            z = rng.standard_normal((BLOCK, int(self.batch[k]), len(self.root)))
            noise = self.noise_std * rng.standard_normal(z.shape[:2])
            residual = np.einsum("nbi,ni->nb", z, w @ self.root.T - self.target) - noise
            gradient = np.einsum("nbi,nb->ni", z, residual) @ self.root / self.batch[k]
            buffer = self.momentum[k] * buffer + gradient
            w = w - self.lr[k] * buffer
            r = 0.0 if self.kept is None else self.kept[k]
            average = r * average + (1 - r) * w
        risks: FloatArray = np.array(found).sum(axis=2) / 2
        return risks


@dataclass(frozen=True, slots=True, eq=False)
class RiskOver:
    """The risk at each of the steps over a scale (n, len(steps))."""

    scales: FloatArray

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, len(steps))."""
        ratios: FloatArray = states[:, :, 0].T / self.scales
        return ratios


def one_pass(
    law: PowerLaw,
    lr: FloatArray | float,
    batch: FloatArray | int,
    steps: tuple[int, ...],
    momentum: FloatArray | float = 0.0,
    kept: FloatArray | None = None,
) -> OnePass:
    """Return the experiment on a power law of finite dimension, constants repeated every step."""
    root = np.sqrt(law.eigenvalues())
    every = np.ones(max(steps))
    return OnePass(
        root=np.diag(root),
        target=root * law.optimum(),
        noise_std=law.noise_std,
        lr=lr * every,
        momentum=momentum * every,
        batch=np.asarray(batch * every, dtype=np.int64),
        steps=steps,
        kept=kept,
    )
