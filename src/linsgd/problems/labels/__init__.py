"""Laws of the label noise e in y = x'w* + e.

They are standardised to unit variance, or to unit scale where that is infinite.
"""

from typing import Literal, TypeAlias

import numpy as np

from linsgd import domains
from linsgd.problems.labels.gaussian import GaussianNoise
from linsgd.problems.labels.laplace import LaplaceNoise
from linsgd.problems.labels.law import LabelNoise
from linsgd.problems.labels.rademacher import RademacherNoise
from linsgd.problems.labels.student import StudentNoise

__all__ = [
    "NAMED",
    "GaussianNoise",
    "LabelNoise",
    "LaplaceNoise",
    "NoiseName",
    "RademacherNoise",
    "StudentNoise",
    "label_noise",
]

LAWS = (GaussianNoise, RademacherNoise, LaplaceNoise, StudentNoise)
NoiseName: TypeAlias = Literal["gaussian", "rademacher", "laplace"]
NAMED: dict[str, LabelNoise] = {
    law.name: law for law in (GaussianNoise(), RademacherNoise(), LaplaceNoise())
}


def label_noise(noise: str | LabelNoise) -> LabelNoise:
    """Return the law that `noise` names, or `noise` itself if it is one."""
    if isinstance(noise, LabelNoise):
        return _checked(noise)
    name = domains.choice("noise", noise, [*NAMED, "student"])
    if name == "student":
        domains.refuse(
            "noise",
            noise,
            "linsgd.StudentNoise(dof=...), as a Student-t law needs its degrees of freedom",
        )
    return NAMED[name]


def _checked(noise: LabelNoise) -> LabelNoise:
    """Refuse a subclass of a law that ships, and one's own law of impossible moments."""
    if type(noise) not in LAWS and isinstance(noise, LAWS):
        domains.refuse_type("noise", noise, "a law that ships, or a class of LabelNoise itself")
    if noise.variance not in (1.0, np.inf):
        domains.refuse("noise.variance", noise.variance, "1, or inf for a law of unit scale")
    domains.real("noise.kurtosis", noise.kurtosis, "[1, inf]")
    domains.real("noise.tail_exponent", noise.tail_exponent, "(0, inf]")
    return noise
