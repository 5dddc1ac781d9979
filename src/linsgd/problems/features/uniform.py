"""Features uniform on an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.draws import Draws
from linsgd.problems.features.law import PrincipalAxesLaw
from linsgd.variates import LANES, bits, unit


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

    def draws(self) -> UniformDraws:
        """Return the kernel code."""
        return UniformDraws(math.sqrt(3.0))


class _Bound(NamedTuple):
    bound: float  # of |z|


class UniformDraws(_Bound, Draws):
    """Coordinates uniform between plus and minus a bound."""

    @staticmethod
    def fill(draws: Any, S: Any, Z: Any, rows: int) -> None:
        """Write (2 u - 1) times the bound."""
        for i in range(rows):
            for j in range(LANES):
                Z[i, j] = (2.0 * unit(bits(S, j)) - 1.0) * draws.bound
