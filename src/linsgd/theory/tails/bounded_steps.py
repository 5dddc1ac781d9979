r"""When no power law can form: bounded features and steps that never stretch.

Without momentum A = I - lr (H_B + decay) is symmetric. If lr (lambda_max(H_B) + decay) <= 2 for
every batch B that can occur then |A| <= 1 always, and as long as h(2) < 1, E|A_k...A_1|^s <=
E|A_k...A_1|^2 for s >= 2 decays: every moment of the stationary law is finite. (h(2) = 1 needs lr
lambda_max = 2 and a direction that every batch reflects.) If it exceeds 2 for one batch, the same
batch again and again stretches without bound with positive probability, and the tail is a power
law. Drawing with replacement, the worst batch repeats the longest row: lambda_max(H_B) = max |x|^2.

Whether a product is at most 2 is decided in rational arithmetic, from the doubles as they are;
where it exceeds 2 by rounding alone, or is 2 to rounding and the rows had to be rotated, lightness
is said to be numerical.
"""

import itertools
import math
from fractions import Fraction

import numpy as np

from linsgd.problems.features import (
    FiniteData,
    RademacherFeatures,
    StudentFeatures,
    UniformFeatures,
)
from linsgd.problems.labels import StudentNoise
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee
from linsgd.theory.tails.setting import Setting

_ROUNDING = 1e-12  # of a largest eigenvalue, relatively, with room to spare
MOST_BATCHES = 20_000  # without replacement, batches are enumerated up to here


def largest_curvature(setting: Setting) -> tuple[float, float]:
    """Return bounds on the supremum of lambda_max(H_B) over the batches that can occur; inf for unbounded features."""
    total, law = float(setting.spectrum.sum()), setting.features
    if isinstance(law, RademacherFeatures):
        return total, total
    if isinstance(law, UniformFeatures):
        return 3 * total, 3 * total
    if not isinstance(law, FiniteData):
        return math.inf, math.inf
    lengths = np.sort(np.einsum("ni,ni->n", law.X, law.X))[::-1]
    if setting.replacement or setting.batch == 1:
        return float(lengths[0]), float(lengths[0])
    return _without_replacement(law, setting.batch, float(lengths[: setting.batch].mean()))


def _without_replacement(data: FiniteData, b: int, upper: float) -> tuple[float, float]:
    if math.comb(len(data.y), b) <= MOST_BATCHES:
        batches = itertools.combinations(range(len(data.y)), b)
        exact = max(float(np.linalg.norm(data.X[list(rows)], 2)) ** 2 for rows in batches) / b
        return exact, exact
    whole = float(np.linalg.norm(data.X, 2)) ** 2 / b
    lead = np.linalg.svd(data.X, full_matrices=False)[2][0]
    aligned = np.sort((data.X @ lead) ** 2)[
        -b:
    ].mean()  # the batch most along the leading direction
    return float(aligned), min(upper, whole)


def lightness(setting: Setting) -> tuple[str, Guarantee]:
    """Return why every moment is finite, or nothing where that is not known, and what that is worth."""
    if setting.momentum:
        return "", Guarantee.RIGOROUS
    _, upper = largest_curvature(setting)
    steepest = setting.lr * (upper + setting.decay)
    if not steepest <= 2 * (1 + _ROUNDING):
        return "", Guarantee.RIGOROUS
    if steepest < 2 * (1 - _ROUNDING):
        reason = f"lr times the curvature is at most {steepest:.6g} < 2 for every batch: no step stretches"
        return reason, Guarantee.RIGOROUS
    if not _contracts(setting):
        return "", Guarantee.RIGOROUS
    reason = "lr times the curvature is at most 2 for every batch: no step stretches"
    return (
        (reason, Guarantee.RIGOROUS)
        if _at_most_two(setting)
        else (f"{reason}, to rounding", Guarantee.NUMERICAL)
    )


def _at_most_two(setting: Setting) -> bool:
    """Whether lr (lambda_max + decay) <= 2 in exact arithmetic; False where that is not decided."""
    law, lr, decay = setting.features, Fraction(setting.lr), Fraction(setting.decay)
    if isinstance(law, FiniteData):
        if setting.dimension > 1 or not (setting.replacement or setting.batch == 1):
            return False
        curvature = Fraction(float(np.abs(law.X).max())) ** 2
    else:
        widest = 3 if isinstance(law, UniformFeatures) else 1
        curvature = widest * sum((Fraction(float(each)) for each in setting.spectrum), Fraction(0))
    return lr * (curvature + decay) <= 2


def _contracts(setting: Setting) -> bool:
    """Whether every direction shrinks in mean square, E|A u|^2 < |u|^2, which |A| <= 1 leaves open."""
    h, lr = setting.spectrum, setting.lr
    curvature = h + setting.decay
    fourth = setting.features.fourth_moment(np.eye(setting.dimension))
    noise = (fourth - np.diag(h * h)) / setting.batch  # at most that, without replacement
    shrunk = np.diag(2 * lr * curvature - lr**2 * curvature**2) - lr**2 * noise
    return bool(np.linalg.eigvalsh(shrunk).min() > _ROUNDING)


def largest_order(setting: Setting) -> float:
    """Return the order from which on E|A u|^s is infinite: dof / 2 for Student features, whose squares A holds."""
    return setting.features.dof / 2 if isinstance(setting.features, StudentFeatures) else math.inf


def label_exponent(problem: LinearRegression) -> float:
    """Return the tail exponent of the labels alone, which W cannot lose; inf where their tails are light."""
    return (
        problem.noise.dof
        if isinstance(problem.noise, StudentNoise) and problem.noise_std > 0
        else math.inf
    )
