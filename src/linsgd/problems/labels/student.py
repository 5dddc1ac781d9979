"""Student-t label noise."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.draws import Draws
from linsgd.problems.labels.law import LabelNoise
from linsgd.variates import LANES, fill_normals, gamma


@dataclass(frozen=True, slots=True)
class StudentNoise(LabelNoise):
    """Student-t label noise: unit variance if dof > 2, else unit scale and infinite variance.

    Parameters
    ----------
    dof : float
        Degrees of freedom, in (0, inf); moments of order `dof` and above are infinite.

    Examples
    --------
    >>> StudentNoise(dof=1.5).variance
    inf
    """

    dof: float
    name: ClassVar[str] = "student"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dof", domains.real("dof", self.dof, "(0, inf)"))

    @property
    def tail_exponent(self) -> float:
        """The degrees of freedom: moments of this order are infinite."""
        return self.dof

    @property
    def variance(self) -> float:
        """Variance of the standardised law: 1, or inf."""
        return 1.0 if self.dof > 2 else np.inf

    @property
    def kurtosis(self) -> float:
        """E e^4 / (E e^2)^2; inf where the fourth moment is."""
        return 3.0 * (self.dof - 2) / (self.dof - 4) if self.dof > 4 else np.inf

    @property
    def scale(self) -> float:
        """Factor from a textbook Student-t variable to the standardised law."""
        return float(np.sqrt((self.dof - 2) / self.dof)) if self.dof > 2 else 1.0

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` independent values (n,)."""
        return self.scale * rng.standard_t(self.dof, n)

    def draws(self) -> "StudentNoiseDraws":
        """Return the kernel code."""
        return StudentNoiseDraws(self.dof)


class _Dof(NamedTuple):
    dof: float


class StudentNoiseDraws(_Dof, Draws):
    """Textbook Student-t variables: standard normals times sqrt(dof / chi2_dof)."""

    @staticmethod
    def fill(draws: Any, S: Any, Z: Any, rows: int) -> None:
        """Write normals, then multiply each."""
        fill_normals(S, Z, rows)
        for i in range(rows):
            for j in range(LANES):
                Z[i, j] *= math.sqrt(draws.dof / (2.0 * gamma(S, j, 0.5 * draws.dof)))
