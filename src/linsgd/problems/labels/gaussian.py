"""Gaussian label noise."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from linsgd.domains import FloatArray


@dataclass(frozen=True, slots=True)
class GaussianNoise:
    """Standard normal label noise."""

    name: ClassVar[str] = "gaussian"
    variance: ClassVar[float] = 1.0
    kurtosis: ClassVar[float] = 3.0

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` independent values (n,)."""
        return rng.standard_normal(n)
