"""Laws of the label noise e in y = x'w* + e, of unit variance, or unit scale where that is inf."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from linsgd import domains
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


@dataclass(frozen=True, slots=True)
class RademacherNoise:
    """Label noise of -1 or +1 with equal chance."""

    name: ClassVar[str] = "rademacher"
    variance: ClassVar[float] = 1.0
    kurtosis: ClassVar[float] = 1.0

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` independent values (n,)."""
        return rng.choice(np.array([-1.0, 1.0]), n)


@dataclass(frozen=True, slots=True)
class LaplaceNoise:
    """Double-exponential label noise of unit variance."""

    name: ClassVar[str] = "laplace"
    variance: ClassVar[float] = 1.0
    kurtosis: ClassVar[float] = 6.0

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` independent values (n,)."""
        return rng.laplace(scale=np.sqrt(0.5), size=n)


@dataclass(frozen=True, slots=True)
class StudentNoise:
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


LabelNoise = GaussianNoise | RademacherNoise | LaplaceNoise | StudentNoise

_BY_NAME: dict[str, LabelNoise] = {
    law.name: law for law in (GaussianNoise(), RademacherNoise(), LaplaceNoise())
}


def label_noise(noise: str | LabelNoise) -> LabelNoise:
    """Return the law that `noise` names, or `noise` itself if it is one."""
    if isinstance(noise, GaussianNoise | RademacherNoise | LaplaceNoise | StudentNoise):
        return noise
    name = domains.choice("noise", noise, [*_BY_NAME, "student"])
    if name == "student":
        domains.refuse(
            "noise",
            noise,
            "linsgd.StudentNoise(dof=...), as a Student-t law needs its degrees of freedom",
        )
    return _BY_NAME[name]
