"""An ensemble of SGD that one or several claims measure, as an experiment of the judge."""

import hashlib
from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray
from linsgd.judge.experiment import canonical
from linsgd.montecarlo.random_maps import map_states
from linsgd.montecarlo.snapshots import snapshots
from linsgd.montecarlo.strata import Strata, stratified_snapshots
from linsgd.optimizers.optimizer import Optimizer
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.random_map import RandomMap

ROWS = 8  # of a batch that take as long as the rest of a step
FEATURES = 32  # of a row that take as long as it takes to fetch it


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OptimizerChains:
    """Independent chains of an optimizer, seen at a few steps.

    Attributes
    ----------
    problem, sgd : LinearRegression, Optimizer
        What is learned and how.
    steps : tuple of int
        Increasing steps at which the state (w, v) is kept.
    start : tuple of ndarray (d,), optional
        Initial (w, v); a fresh optimizer at w = 0 by default.
    """

    problem: LinearRegression
    sgd: Optimizer
    steps: tuple[int, ...]
    start: tuple[FloatArray, FloatArray] | None = None

    @property
    def cost(self) -> int:
        """Steps times features of a chain.

        On data a step counts once for every 8 rows of its batch, and 32 features at least: so long
        it takes to fetch rows from memory.
        """
        steps, d = self.steps[-1], self.problem.dimension
        if self.problem.fit is None:
            return steps * d
        return steps * max(d, FEATURES) * -(-self.sgd.batch_size // ROWS)

    def fingerprint(self) -> str:
        """Return a hash of what is simulated."""
        parts = [self.sgd, self.steps, *(self.start or ())]
        problem = self.problem
        # What a data set's optimum and noise are follows from its rows.
        law = (
            []
            if isinstance(problem.features, FiniteData)
            else [problem.optimum, problem.noise_std, problem.noise]
        )
        text = "\n".join(canonical(part) for part in [problem.features, *law, *parts])
        return hashlib.sha256(text.encode()).hexdigest()

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Simulate chains and return their states (w, v) at the steps (len(steps), chains, 2 d)."""
        states: FloatArray = snapshots(
            self.problem, self.sgd, self.steps, chains, seed=seed, start=self.start
        )
        return states


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SGDChains(OptimizerChains):
    """Independent chains of SGD, seen at a few steps."""

    sgd: SGD


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MapChains:
    """Independent chains of a random map of a user's own, seen at a few steps.

    Attributes
    ----------
    map : RandomMap
        The update rule.
    steps : tuple of int
        Increasing steps at which the state is kept.
    start : ndarray (d,), optional
        Where all begin; by default 0.
    """

    map: RandomMap
    steps: tuple[int, ...]
    start: FloatArray | None = None

    @property
    def cost(self) -> int:
        """Steps times random numbers of a chain."""
        return self.steps[-1] * self.map.normals

    def fingerprint(self) -> str:
        """Return a hash of the function, its sizes, the steps and the start."""
        parts = [self.map.source, self.map.dimension, self.map.normals, self.steps, self.start]
        text = " ".join(canonical(part) for part in parts)
        return hashlib.sha256(text.encode()).hexdigest()

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Return the states (K, chains, d); nan where a chain left the range of floats."""
        start = np.zeros(self.map.dimension) if self.start is None else self.start
        return map_states(self.map, np.array(self.steps), chains, start, seed)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SideBySide:
    """Several ensembles of equal numbers of snapshots, a chain of each beside one of the others.

    Attributes
    ----------
    ensembles : tuple of SGDChains
        The ensembles.
    """

    ensembles: tuple[SGDChains, ...]

    @property
    def cost(self) -> int:
        """Steps times features of a chain of each."""
        return sum(each.cost for each in self.ensembles)

    def fingerprint(self) -> str:
        """Return a hash of what is simulated."""
        text = "side by side " + " ".join(each.fingerprint() for each in self.ensembles)
        return hashlib.sha256(text.encode()).hexdigest()

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Return the states (K, chains, sum of 2 d) of the ensembles in turn."""
        states = [each.sample(chains, (seed + i) % 2**64) for i, each in enumerate(self.ensembles)]
        return np.concatenate(states, axis=2)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StratifiedChains(SGDChains):
    """Chains of SGD on a data set in strata, with their weights.

    Attributes
    ----------
    strata : Strata
        How a block of 256 chains is split by its draws of some rows.
    """

    strata: Strata

    def fingerprint(self) -> str:
        """Return a hash of what is simulated."""
        return f"{SGDChains.fingerprint(self)} in {canonical(self.strata)}"

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Simulate chains; return states and weights (len(steps), chains, 2 d + 1)."""
        return stratified_snapshots(
            self.problem, self.sgd, self.steps, chains, self.strata, seed, self.start
        )
