"""Chains on any feature law with a sampler: a NumPy generator a chain, from (seed, chain).

Draws are made for `PERIOD` steps at a time, counted from step 0, so that a chain does not depend on
where it is read.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray, IntArray
from linsgd.jit import specialised
from linsgd.montecarlo.updates.update import make_step
from linsgd.montecarlo.walks.walks import Advance, Walks
from linsgd.optimizers.optimizer import loss_decay
from linsgd.variates import LANES

PERIOD = 32


class CustomWalks(Walks):
    """Chains on a law known by its `sample` only."""

    __slots__ = ()

    @property
    def centre(self) -> FloatArray:
        """The optimum."""
        return self.problem.optimum

    def tile(self, tile: int) -> Advance:
        """Start the chains 64 tile to 64 tile + 63."""
        chains = range(LANES * tile, LANES * (tile + 1))
        generators = [np.random.default_rng([self.seed, chain]) for chain in chains]
        update = self.update
        step_chains = specialised(make_step, update)
        W, V, M = (np.ascontiguousarray(x.swapaxes(-1, -2)) for x in self.begin())
        step = 0
        X = np.empty(0)
        e = np.empty(0)

        def advance(at: IntArray) -> NDArray[Any]:
            nonlocal step, X, e
            out = np.empty((len(at), 2 * self.problem.dimension, LANES), self.dtype)
            for k, stop in enumerate(at):
                while step < stop:
                    if step % PERIOD == 0:
                        X, e = self._draw(generators)
                    G = self._gradient(W, X[:, step % PERIOD], e[:, step % PERIOD])
                    step_chains(update, step, W, V, M, G)
                    step += 1
                out[k] = np.concatenate([W, V], axis=1).T
            return out

        return advance

    def _draw(self, generators: list[np.random.Generator]) -> tuple[FloatArray, FloatArray]:
        """Draw features (64, PERIOD, b, d) and label noise (64, PERIOD, b)."""
        problem = self.problem
        b = self.sgd.batch_size
        assert problem.noise is not None
        X = np.stack([problem.features.sample(PERIOD * b, rng) for rng in generators])
        e = (
            np.stack([problem.noise.sample(PERIOD * b, rng) for rng in generators])
            * problem.noise_std
        )
        return X.reshape(LANES, PERIOD, b, -1), e.reshape(LANES, PERIOD, b)

    def _gradient(self, W: NDArray[Any], X: FloatArray, e: FloatArray) -> NDArray[Any]:
        """Return the gradients (64, d) at W on features (64, b, d) and label noise (64, b)."""
        residual = np.einsum("cbd,cd->cb", X, W) - e
        G = np.einsum("cbd,cb->cd", X, residual) / self.sgd.batch_size
        G += loss_decay(self.sgd) * (W + self.centre)
        return np.asarray(G, self.dtype)
