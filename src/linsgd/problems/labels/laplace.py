"""Double-exponential label noise."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from linsgd.domains import FloatArray


@dataclass(frozen=True, slots=True)
class LaplaceNoise:
    """Double-exponential label noise of unit variance."""

    name: ClassVar[str] = "laplace"
    variance: ClassVar[float] = 1.0
    kurtosis: ClassVar[float] = 6.0

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` independent values (n,)."""
        return rng.laplace(scale=np.sqrt(0.5), size=n)
