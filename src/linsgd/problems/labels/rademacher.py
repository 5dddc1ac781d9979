"""Label noise of independent signs."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.draws import SignDraws
from linsgd.problems.labels.law import LabelNoise


@dataclass(frozen=True, slots=True)
class RademacherNoise(LabelNoise):
    """Label noise of -1 or +1 with equal chance."""

    name: ClassVar[str] = "rademacher"

    @property
    def kurtosis(self) -> float:
        """1: the least there is."""
        return 1.0

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` independent values (n,)."""
        return rng.choice(np.array([-1.0, 1.0]), n)

    def draws(self) -> SignDraws:
        """Return the kernel code."""
        return SignDraws()
