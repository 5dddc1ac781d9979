"""Chains whose steps are given the samples of their batches, drawn by NumPy.

One generator a chain, from (seed, chain); draws are made for `PERIOD` steps at a time. Positions
are about the optimum, so that the labels less the optimum's prediction are the label noise, or the
residuals of data.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.jit import specialised
from linsgd.montecarlo.updates.update import BatchUpdate, make_batch_step
from linsgd.montecarlo.walks.custom import PERIOD, CustomWalks
from linsgd.montecarlo.walks.walks import Advance
from linsgd.problems.features import FiniteData
from linsgd.variates import LANES


class BatchWalks(CustomWalks):
    """Chains of a `BatchUpdate`, on any problem with independent batches."""

    __slots__ = ()

    def tile(self, tile: int) -> Advance:
        """Start the chains 64 tile to 64 tile + 63."""
        domains.choice("sampling", self.sgd.sampling, ("independent",))
        chains = range(LANES * tile, LANES * (tile + 1))
        generators = [np.random.default_rng([self.seed, chain]) for chain in chains]
        update = self.update
        assert isinstance(update, BatchUpdate)
        rows = update.rows(self.sgd.batch_size)
        step_chains = specialised(make_batch_step, update)
        W, V, _ = (np.ascontiguousarray(x.swapaxes(-1, -2)) for x in self.begin())
        step = 0
        X = np.empty(0)
        E = np.empty(0)

        def advance(at: IntArray) -> NDArray[Any]:
            nonlocal step, X, E
            out = np.empty((len(at), 2 * self.problem.dimension, LANES), self.dtype)
            for k, stop in enumerate(at):
                while step < stop:
                    if step % PERIOD == 0:
                        X, E = self._draw_rows(rows, generators)
                    step_chains(update, step, W, V, X[step % PERIOD], E[step % PERIOD])
                    step += 1
                out[k] = np.concatenate([W, V], axis=1).T
            return out

        return advance

    def _draw_rows(
        self, rows: int, generators: list[np.random.Generator]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Draw features (PERIOD, 64, rows, d) and labels about the optimum (PERIOD, 64, rows)."""
        drawn = [self._samples(PERIOD * rows, rng) for rng in generators]
        X = np.stack([x.reshape(PERIOD, rows, -1) for x, _ in drawn], axis=1)
        E = np.stack([e.reshape(PERIOD, rows) for _, e in drawn], axis=1)
        return X.astype(self.dtype), E.astype(self.dtype)

    def _samples(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draw n samples: features (n, d) and labels about the optimum (n,)."""
        problem = self.problem
        law = self.problem.features
        if isinstance(law, FiniteData):
            chosen = rng.integers(len(law.y), size=n)
            return law.X[chosen], law.y[chosen] - law.X[chosen] @ problem.optimum
        assert problem.noise is not None
        x = law.sample(n, rng)
        return x, problem.noise_std * problem.noise.sample(n, rng)
