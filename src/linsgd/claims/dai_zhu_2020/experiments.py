"""Chains of the discrete algorithm on a potential: the experiments."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from linsgd.domains import FloatArray
from linsgd.judge.experiment import canonical
from linsgd.montecarlo.potentials.escape import exit_times
from linsgd.montecarlo.potentials.walk import chain_of, states_at, way_between
from linsgd.optimizers.sgd import SGD
from linsgd.problems.potentials import Potential


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Walks:
    """States (x, v) of chains after some steps.

    Attributes
    ----------
    name : str
        Of the potential, for the fingerprint.
    potential : Potential
        The loss.
    sgd : SGD
        The optimizer.
    noise : object
        As in `linsgd.simulate_escape`.
    start : float
        Where the chains begin.
    steps : int
        When they are seen.
    """

    name: str
    potential: Potential
    sgd: SGD
    noise: Any
    start: float
    steps: int

    @property
    def cost(self) -> int:
        """Steps of a chain."""
        return self.steps

    def fingerprint(self) -> str:
        """Return a hash of what is simulated."""
        parts = [self.name, canonical(self.sgd), str(self.noise), str(self.start), str(self.steps)]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Return the states (1, len(chains), 2)."""
        chain = chain_of(self.potential, self.sgd, self.noise)
        return states_at(chain, np.array([self.start]), [self.steps], chains, seed)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Exits:
    """Indicators of chains that passed a target within some steps, for several optimizers.

    Attributes
    ----------
    name : str
        Of the potential, for the fingerprint.
    potential : Potential
        The loss.
    settings : tuple of SGD
        The optimizers.
    noise : object
        As in `linsgd.simulate_escape`.
    start, target : float
        Where the chains begin, and what they must pass.
    steps : int
        Until when.
    """

    name: str
    potential: Potential
    settings: tuple[SGD, ...]
    noise: Any
    start: float
    target: float
    steps: int

    @property
    def cost(self) -> int:
        """Steps of a chain in all settings."""
        return self.steps * len(self.settings)

    def fingerprint(self) -> str:
        """Return a hash of what is simulated."""
        parts = [self.name, *map(canonical, self.settings), str(self.noise)]
        ends = [str(each) for each in (self.start, self.target, self.steps)]
        return hashlib.sha256(" ".join(parts + ends).encode()).hexdigest()

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Return 1 for each exit (1, len(chains), settings)."""
        way = way_between(self.potential, self.start, self.target)
        found = np.empty((1, len(chains), len(self.settings)))
        for i, sgd in enumerate(self.settings):
            chain = chain_of(self.potential, sgd, self.noise)
            found[0, :, i] = exit_times(chain, way, chains, self.steps, seed + i) > 0
        return found


@dataclass(frozen=True, slots=True)
class First:
    """The first snapshot's coordinates as they are (n, m)."""

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        found: FloatArray = states[0]
        return found


@dataclass(frozen=True, slots=True)
class ScaledSquare:
    """x^2 over a variance (n, 1)."""

    variance: float

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        squares: FloatArray = states[0][:, :1] ** 2 / self.variance
        return squares


@dataclass(frozen=True, slots=True)
class Beyond:
    """1 where x is beyond a point (n, 1)."""

    edge: float

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        beyond: FloatArray = (states[0][:, :1] >= self.edge).astype(np.float64)
        return beyond
