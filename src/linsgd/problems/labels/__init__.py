"""Laws of the label noise e in y = x'w* + e.

They are standardised to unit variance, or to unit scale where that is infinite.
"""

from linsgd import domains
from linsgd.problems.labels.gaussian import GaussianNoise
from linsgd.problems.labels.laplace import LaplaceNoise
from linsgd.problems.labels.rademacher import RademacherNoise
from linsgd.problems.labels.student import StudentNoise

__all__ = [
    "GaussianNoise",
    "LabelNoise",
    "LaplaceNoise",
    "RademacherNoise",
    "StudentNoise",
    "label_noise",
]

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
