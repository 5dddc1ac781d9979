"""The loss as an observable."""

import numpy as np

from linsgd.claims.case import Case
from linsgd.judge.observables import Quadratic


def excess_loss(case: Case, scale: float, at: int = -1) -> Quadratic:
    """Return (L(w) - min L) / scale of each chain, L with its weight decay."""
    minimum = case.problem.solution(case.sgd.weight_decay)
    h = case.problem.eigenvalues + case.sgd.weight_decay
    w, _ = case.all_directions
    centre = np.concatenate([minimum, np.zeros_like(minimum)])
    return Quadratic(centre, w, w, h[:, None] / (2 * scale), at)
