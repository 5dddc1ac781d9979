r"""Settings in which no power law can form: bounded features and steps that never stretch.

Without momentum A = I - step_size (H_B + decay) is symmetric. If step_size (lambda_max(H_B) +
decay) <= 2 for every batch B that can occur then |A| <= 1 always, and as long as h(2) < 1,
E|A_k...A_1|^s <= E|A_k...A_1|^2 for s >= 2 decays: every moment of the stationary law is finite.
(h(2) = 1 needs step_size lambda_max = 2 and a direction that every batch reflects.) If it exceeds 2
for one batch, the same batch again and again stretches without bound with positive probability, and
the tail is a power law. Drawing with replacement, the worst batch repeats the longest row:
lambda_max(H_B) = max |x|^2.

Whether a product is at most 2 is decided in rational arithmetic, from the doubles as they are;
where it exceeds 2 by rounding alone, or is 2 to rounding and the rows had to be rotated, the
guarantee is numerical.
"""

import itertools
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from linsgd import domains
from linsgd.problems.features import (
    FiniteData,
    GaussianFeatures,
    RademacherFeatures,
    StudentFeatures,
    UniformFeatures,
)
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee
from linsgd.theory.tails.setting import AlongAxes, Setting

_ROUNDING = 1e-12  # of a largest eigenvalue, relatively: some thousand units of rounding
LIGHT = (GaussianFeatures, RademacherFeatures, UniformFeatures, FiniteData)  # all moments finite
MOST_BATCHES = 20_000  # without replacement, batches are enumerated up to here


class MomentsFinite(NamedTuple):
    """Why every moment is finite, "" where that is not known, and the guarantee of the reason."""

    reason: str
    guarantee: Guarantee


_NOT_KNOWN = MomentsFinite("", Guarantee.RIGOROUS)


def largest_curvature(setting: Setting) -> tuple[float, float]:
    """Return bounds on the supremum of lambda_max(H_B) over all batches; inf for unbounded x."""
    total = float(setting.spectrum.sum())
    law = setting.features
    if isinstance(law, RademacherFeatures):  # |x|^2 = tr H
        return total, total
    if isinstance(law, UniformFeatures):  # x_i^2 <= 3 h_i
        return 3 * total, 3 * total
    if not isinstance(law, FiniteData):
        return math.inf, math.inf
    squares = np.sort(np.einsum("ni,ni->n", law.X, law.X))[::-1]
    if setting.replacement or setting.batch == 1:
        return float(squares[0]), float(squares[0])
    return _without_replacement(law, setting.batch, float(squares[: setting.batch].mean()))


def _without_replacement(data: FiniteData, b: int, trace: float) -> tuple[float, float]:
    """Return bounds on the supremum over batches of b different rows.

    `trace` is the largest trace of H_B, an upper bound. Another is lambda_max of all rows over b;
    the batch of the rows that are longest along the leading direction gives a lower bound.
    """
    n = len(data.y)
    if math.comb(n, b) <= MOST_BATCHES:
        batches = itertools.combinations(range(n), b)
        norms = (float(np.linalg.norm(data.X[list(rows)], 2)) for rows in batches)
        largest = max(norms) ** 2 / b
        return largest, largest
    _, sizes, directions = np.linalg.svd(data.X, full_matrices=False)
    along_first = (data.X @ directions[0]) ** 2
    longest = np.sort(along_first)[-b:]
    lower = float(longest.mean())
    upper = float(sizes[0]) ** 2 / b
    return lower, min(trace, upper)


def all_moments_finite(setting: Setting) -> MomentsFinite:
    """Return why every moment of the stationary law is finite, where |A| <= 1 always."""
    if setting.momentum:
        return _NOT_KNOWN
    _, curvature = largest_curvature(setting)
    steepest = setting.step_size * (curvature + setting.decay)
    if not steepest <= 2 * (1 + _ROUNDING):
        return _NOT_KNOWN
    if steepest < 2 * (1 - _ROUNDING):
        most = f"at most {steepest:.6g} < 2"
        reason = f"lr times the curvature is {most} for every batch: no step stretches"
        return MomentsFinite(reason, Guarantee.RIGOROUS)
    if not _second_moment_contracts(setting):
        return _NOT_KNOWN
    reason = "lr times the curvature is at most 2 for every batch: no step stretches"
    if _at_most_two(setting):
        return MomentsFinite(reason, Guarantee.RIGOROUS)
    return MomentsFinite(f"{reason}, to rounding", Guarantee.NUMERICAL)


def _at_most_two(setting: Setting) -> bool:
    """Return whether step_size (lambda_max + decay) <= 2 in exact arithmetic.

    False where that is not decided.
    """
    law = setting.features
    if isinstance(law, FiniteData):
        single = setting.replacement or setting.batch == 1
        if setting.dimension > 1 or not single:
            return False
        longest = Fraction(float(np.abs(law.X).max()))
        curvature = longest**2
    else:
        trace = sum((Fraction(float(h)) for h in setting.spectrum), Fraction(0))
        curvature = trace * (3 if isinstance(law, UniformFeatures) else 1)
    steepest = Fraction(setting.step_size) * (curvature + Fraction(setting.decay))
    return steepest <= 2


def _second_moment_contracts(setting: Setting) -> bool:
    """Return whether E|A u|^2 < |u|^2 for every u, which |A| <= 1 does not imply.

    I - E A^2 = 2 lr (H + decay) - lr^2 (H + decay)^2 - lr^2 Cov(H_B), the last at most its value
    with replacement.
    """
    h, lr = setting.spectrum, setting.step_size
    curvature = h + setting.decay
    mean = np.diag(2 * lr * curvature - lr**2 * curvature**2)
    fourth = setting.features.fourth_moment(np.eye(setting.dimension))
    covariance = (fourth - np.diag(h * h)) / setting.batch
    lost = mean - lr**2 * covariance
    return bool(np.linalg.eigvalsh(lost).min() > _ROUNDING)


def largest_order(setting: Setting) -> float:
    """Return the order from which on E|A u|^s is infinite.

    That is dof / 2 for Student-t features, as A holds their squares. A law of one's own declares
    its `tail_exponent`, the order from which on E|x|^p is infinite: no sample shows it.
    """
    law = setting.features
    if isinstance(law, AlongAxes):
        law = law.law
    if isinstance(law, StudentFeatures):
        return law.dof / 2
    if type(law) in LIGHT:
        return math.inf
    declared = getattr(law, "tail_exponent", None)
    if declared is None:
        domains.refuse(
            "law.tail_exponent",
            "not declared",
            "the order in (0, inf] from which on E|x|^p is infinite, which a feature law of one's "
            "own declares before tails are asked for (math.inf: all moments are finite)",
        )
    return domains.real("law.tail_exponent", declared, "(0, inf]") / 2


def label_exponent(problem: LinearRegression) -> float:
    """Return the tail exponent of the labels, an upper bound of that of W; inf for light tails."""
    if problem.noise is None or problem.noise_std == 0:
        return math.inf
    return problem.noise.tail_exponent
