"""Elliptical Student-t features."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.draws import Draws, NormalDraws
from linsgd.problems.features.law import PrincipalAxesLaw
from linsgd.variates import LANES, gamma


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StudentFeatures(PrincipalAxesLaw):
    """Elliptical Student-t features of covariance H: a Gaussian vector over a random scale.

    Parameters
    ----------
    covariance : array_like (d,) or (d, d)
        Eigenvalues along the coordinates, or a symmetric positive semidefinite matrix.
    dof : float
        Degrees of freedom, in (2, inf). The fourth moment is infinite for dof <= 4.
    """

    name: ClassVar[str] = "student"
    dof: float = field(kw_only=True)

    def __post_init__(self) -> None:
        PrincipalAxesLaw.__post_init__(self)
        object.__setattr__(self, "dof", domains.real("dof", self.dof, "(2, inf)"))

    @property
    def radial(self) -> float:
        """(dof-2)/(dof-4), or inf."""
        return (self.dof - 2) / (self.dof - 4) if self.dof > 4 else np.inf

    def white(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Draw white vectors z; the last axis of `shape` is d."""
        scale = np.sqrt((self.dof - 2) / rng.chisquare(self.dof, (*shape[:-1], 1)))
        return rng.standard_normal(shape) * scale

    def draws(self) -> StudentFeaturesDraws:
        """Return the kernel code."""
        return StudentFeaturesDraws(self.dof)


class _Dof(NamedTuple):
    dof: float


class StudentFeaturesDraws(_Dof, Draws):
    """A normal vector times sqrt((dof - 2) / chi2_dof), one factor for all its coordinates."""

    fill = staticmethod(NormalDraws.fill)

    @staticmethod
    def factors(draws: Any, S: Any, C: Any, samples: int) -> None:
        """Write a factor for each sample."""
        for q in range(samples):
            for j in range(LANES):
                C[q, j] = math.sqrt((draws.dof - 2.0) / (2.0 * gamma(S, j, 0.5 * draws.dof)))
