"""Displacement of the algorithm itself, from its stationary law or from any start."""

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.existence import existence
from linsgd.theory.discrete.stationary import stationary
from linsgd.theory.discrete.transient import Transient, transient
from linsgd.theory.displacement import epochs
from linsgd.theory.displacement.compression import ERROR, ellipse
from linsgd.theory.displacement.terms import Answer, exact_stationary_terms, summed
from linsgd.theory.recurrence.recurrence import Coefficients, Recurrence
from linsgd.theory.result import Moments, Start


def displacement(problem: LinearRegression, sgd: SGD, k: IntArray, start: Start) -> Answer:
    """Return the answer of `linsgd.theory.displacement.terms`."""
    if sgd.sampling != "independent":
        return epochs.displacement(problem, sgd, k, start)
    recurrence = Recurrence.of(problem, sgd)
    exists = existence(recurrence.noise, recurrence.curvature, recurrence.coefficients)
    if isinstance(start, str):
        domains.choice("start", start, ("stationary",))
        law = stationary(recurrence, exists)
        if not sgd.nesterov:
            return law.status, ERROR, _stationary(recurrence, law, k)
        if not np.isfinite(law.position_variance).all():
            return law.status, ERROR, np.full((3, k.size), np.inf)
        start = law
    around = np.concatenate([k - 1, k, k + 1])
    times, where = np.unique(around, return_inverse=True)
    before, here, after = where.reshape(3, -1)
    found = transient(recurrence, times, start, exists)
    far = _from_start(recurrence, found, times)
    local = _one_step(recurrence, found.law, here, after)
    slope = (far[after] - far[before]) / 2
    return found.law.status, ERROR, np.stack([far[here], local, slope])


def squared_step(
    coefficients: Coefficients,
    curvature: FloatArray,
    xv: FloatArray,
    vv: FloatArray,
    vv_after: FloatArray,
) -> FloatArray:
    """Return E (w' - w)^2 of each mode over one step.

    Without Nesterov w' - w = lr v', with it lr ((1 + momentum) v' - momentum v), where
    v' = A_vx x + A_vv v + noise.

    Parameters
    ----------
    coefficients : Coefficients
        Of the step.
    curvature : ndarray (d,)
        h + weight_decay.
    xv, vv : ndarray (..., d)
        E x v and E v^2 before the step, x = w - mu.
    vv_after : ndarray (..., d)
        E v'^2.
    """
    m = coefficients.momentum if coefficients.nesterov else 0.0
    A = coefficients.mode_matrix(curvature)
    crossed = A[:, 1, 0] * xv + A[:, 1, 1] * vv  # E v v'
    # E ((1 + m) v' - m v)^2
    gained = (1 + m) ** 2 * vv_after - 2 * m * (1 + m) * crossed
    square = gained + m**2 * vv
    return coefficients.lr**2 * square


def _stationary(recurrence: Recurrence, law: Moments, k: IntArray) -> FloatArray:
    """Return the three sums (3, K) from the stationary law, without Nesterov."""
    sgd = recurrence.sgd
    z = sgd.lr * sgd.gradient_weight * recurrence.curvature
    var_y = sgd.lr**2 * law.velocity_variance
    terms = exact_stationary_terms(sgd.momentum)
    return summed(terms, z, var_y[None], ellipse(sgd.momentum), k)


def _from_start(recurrence: Recurrence, found: Transient, times: IntArray) -> FloatArray:
    """Return E|w_k - w_0|^2 at the `times`.

    It is |E w_k - E w_0|^2 + tr Var w_k + tr Var w_0 - 2 tr Cov(w_k, w_0), the last by the first
    row of A^k.
    """
    law = found.law
    begin = found.begin
    problem = recurrence.problem
    distance = problem.to_eigenbasis(law.mean - problem.optimum)
    moved = distance - begin.mean[0]
    xx, xv, _ = begin.modes
    spread = law.position_variance
    if begin.modes.any():
        A = recurrence.coefficients.mode_matrix(recurrence.curvature)
        first_rows = [np.linalg.matrix_power(A, int(k))[:, 0] for k in times]
        from_x, from_v = np.moveaxis(np.stack(first_rows), -1, 0)
        covariance = from_x * xx + from_v * xv
        spread = spread + xx - 2 * covariance
    with np.errstate(over="ignore"):
        distance = np.sum(moved**2, axis=-1)
        far: FloatArray = distance + np.sum(spread, axis=-1)
    return far


def _one_step(recurrence: Recurrence, law: Moments, here: IntArray, after: IntArray) -> FloatArray:
    """Return E|w' - w|^2 from the laws at the indices `here` and `after`."""
    problem, coefficients = recurrence.problem, recurrence.coefficients
    solution = problem.solution(recurrence.sgd.weight_decay)
    x = problem.to_eigenbasis(law.mean - solution)[here]
    v = problem.to_eigenbasis(law.velocity_mean)
    with np.errstate(over="ignore", invalid="ignore"):
        vv = law.velocity_variance + v**2
        xv = law.position_velocity_covariance[here] + x * v[here]
        step = squared_step(coefficients, recurrence.curvature, xv, vv[here], vv[after])
    return np.asarray(step.sum(axis=-1))
