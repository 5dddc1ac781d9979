"""Double-exponential label noise."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.draws import Draws
from linsgd.problems.labels.law import LabelNoise
from linsgd.variates import LANES, bits, log, unit


@dataclass(frozen=True, slots=True)
class LaplaceNoise(LabelNoise):
    """Double-exponential label noise of unit variance."""

    name: ClassVar[str] = "laplace"

    @property
    def kurtosis(self) -> float:
        """6: of a double-exponential variable."""
        return 6.0

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` independent values (n,)."""
        return rng.laplace(scale=np.sqrt(0.5), size=n)

    def draws(self) -> "LaplaceDraws":
        """Return the kernel code."""
        return LaplaceDraws(math.sqrt(0.5))


class _Mean(NamedTuple):
    size: float  # E |e|


class LaplaceDraws(_Mean, Draws):
    """An exponential variable with a random sign."""

    @staticmethod
    def fill(draws: Any, S: Any, Z: Any, rows: int) -> None:
        """Write -E|e| ln u, with the sign from the lowest bit, which u does not use."""
        for i in range(rows):
            for j in range(LANES):
                word = bits(S, j)
                size = -draws.size * log(unit(word))
                Z[i, j] = size if word & np.uint64(1) != np.uint64(0) else -size
