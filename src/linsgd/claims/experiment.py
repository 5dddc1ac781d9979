"""An experiment: one ensemble of chains that one or several claims measure.

Its seed is a hash of the campaign's seed and of what is simulated, so that a claim sees the same
chains alone or in company. Numbers enter the hash to nine digits: the last bits, which differ
between machines, do not change it.
"""

import dataclasses
import hashlib
from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray
from linsgd.montecarlo.snapshots import snapshots
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Experiment:
    """An ensemble of independent chains, seen at a few steps.

    Attributes
    ----------
    problem, sgd : LinearRegression, SGD
        What is learned and how.
    steps : tuple of int
        Increasing steps at which the state (w, v) is kept.
    start : tuple of ndarray (d,), optional
        Initial (w, v); a fresh optimizer at w = 0 by default.
    """

    problem: LinearRegression
    sgd: SGD
    steps: tuple[int, ...]
    start: tuple[FloatArray, FloatArray] | None = None

    @property
    def cost(self) -> int:
        """Steps times features a chain."""
        return self.steps[-1] * self.problem.dimension

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

    def seed(self, seed: int) -> int:
        """Return this experiment's own seed, in [0, 2**64), under the campaign's seed."""
        digest = hashlib.sha256(f"{seed}:{self.fingerprint()}".encode()).digest()
        return int.from_bytes(digest[:8], "little")

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Simulate chains and return their states (w, v) at the steps, (len(steps), len(chains), 2 d)."""
        states: FloatArray = snapshots(
            self.problem, self.sgd, self.steps, chains, seed=seed, start=self.start
        )
        return states


def canonical(value: object) -> str:
    """Return a text of plain data that is equal for equal data on any machine."""
    if dataclasses.is_dataclass(value):
        inputs = (getattr(value, f.name) for f in dataclasses.fields(value) if f.init)
        return f"{type(value).__name__}({', '.join(map(canonical, inputs))})"
    if isinstance(value, np.ndarray):
        scale = float(np.abs(value).max()) or 1.0
        digits = np.rint(value / scale * 1e9).astype(np.int64)
        return f"array({value.shape}, {scale:.9g}, {hashlib.sha256(digits.tobytes()).hexdigest()})"
    return f"{value:.9g}" if isinstance(value, float) else repr(value)
