"""Gaussian features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.draws import NormalDraws
from linsgd.problems.features.law import PrincipalAxesLaw


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GaussianFeatures(PrincipalAxesLaw):
    """Gaussian features x ~ N(0, H).

    Examples
    --------
    >>> GaussianFeatures([1.0, 0.5]).fourth_moment(np.eye(2))
    array([[3.5 , 0.  ],
           [0.  , 1.25]])
    """

    name: ClassVar[str] = "gaussian"

    def white(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Draw white vectors z; the last axis of `shape` is d."""
        return rng.standard_normal(shape)

    def draws(self) -> NormalDraws:
        """Return the kernel code."""
        return NormalDraws()
