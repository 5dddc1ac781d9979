r"""When no power law can form: bounded features and steps that never stretch.

Without momentum A = I - lr (H_B + decay) is symmetric. If lr (lambda_max(H_B) + decay) < 2 for every batch B that can
occur then |A| <= 1 always and every moment of the stationary law is finite. If it exceeds 2 for one batch, the same
batch again and again stretches without bound with positive probability, and the tail is a power law. Drawing with
replacement, the worst batch repeats the longest row, so that lambda_max(H_B) = max |x|^2.
"""

import itertools
import math

import numpy as np

from linsgd.features import FiniteData, RademacherFeatures, UniformFeatures
from linsgd.theory.tails.setting import Setting

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
    aligned = np.sort((data.X @ lead) ** 2)[-b:].mean()  # the batch most along the leading direction
    return float(aligned), min(upper, whole)


def reason_for_lightness(setting: Setting) -> str:
    """Return why every moment is finite, or nothing where that is not known."""
    if setting.momentum:
        return ""
    _, upper = largest_curvature(setting)
    steepest = setting.lr * (upper + setting.decay)
    return f"lr times the curvature is at most {steepest:.6g} < 2 for every batch: no step stretches" * (steepest < 2)
