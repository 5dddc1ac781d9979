"""Gaussian label noise."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.draws import NormalDraws
from linsgd.problems.labels.law import LabelNoise


@dataclass(frozen=True, slots=True)
class GaussianNoise(LabelNoise):
    """Standard normal label noise."""

    name: ClassVar[str] = "gaussian"

    @property
    def kurtosis(self) -> float:
        """3: of a normal variable."""
        return 3.0

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` independent values (n,)."""
        return rng.standard_normal(n)

    def draws(self) -> NormalDraws:
        """Return the kernel code."""
        return NormalDraws()
