"""Features uniform on an interval."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.features.law import PrincipalAxesLaw


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UniformFeatures(PrincipalAxesLaw):
    """Features uniform on [-sqrt(3 l), sqrt(3 l)], independent along the principal axes."""

    name: ClassVar[str] = "uniform"

    @property
    def excess(self) -> float:
        """-6/5: the excess kurtosis of a uniform variable."""
        return -1.2

    def white(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Draw white vectors z; the last axis of `shape` is d."""
        return rng.uniform(-np.sqrt(3), np.sqrt(3), shape)
