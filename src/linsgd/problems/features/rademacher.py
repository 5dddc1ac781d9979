"""Features of independent signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.draws import SignDraws
from linsgd.problems.features.law import PrincipalAxesLaw


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RademacherFeatures(PrincipalAxesLaw):
    """Features with independent signs along the principal axes."""

    name: ClassVar[str] = "rademacher"

    @property
    def excess(self) -> float:
        """-2: a sign has fourth moment 1."""
        return -2.0

    def white(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Draw white vectors z; the last axis of `shape` is d."""
        return rng.choice(np.array([-1.0, 1.0]), shape)

    def draws(self) -> SignDraws:
        """Return the kernel code."""
        return SignDraws()
