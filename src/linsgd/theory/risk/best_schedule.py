r"""The learning rates that minimise the exact risk after a number of steps.

Without momentum T_K is a smooth function of the learning rates eta_0, ..., eta_{K-1}. With M the
second moments on the nodes of `modes`, f_j = 1 - eta kappa_j and L_j the derivative of T_K by M_j
after a step, the recursion run backwards gives the derivative before it and by the learning rate,

    L_j <- (f_j^2 + eta^2 own h_j^2) L_j + weight_j common eta^2 sum_i fed_i L_i,
    dT_K/d eta = sum_j L_j (-2 f_j kappa_j M_j + 2 eta G_j),

with G the gradient noise of the mode: a gradient costs two runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.jit import summing
from linsgd.optimizers.accept import OPTIMIZERS, accept
from linsgd.optimizers.schedule import Schedule
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.power_law import PowerLaw
from linsgd.result import Result
from linsgd.theory.risk.coverage import check_along_axes
from linsgd.theory.risk.node_curve import NodeCurve
from linsgd.theory.risk.risk_curve import risk_curve
from linsgd.theory.risk.spectrum import finite_problem

BLOCKS = 500  # learning rates that are optimised, at most; each serves an equal share of the steps
MOST_STEPS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BestSchedule(Result):
    """The schedule of least final risk.

    Attributes
    ----------
    schedule : Schedule
        Its factors, of the learning rate of the optimizer that was given.
    lr : ndarray (B,)
        The learning rates, each kept for an equal share of the steps.
    excess_risk : float
        At the end.
    error : float
        Estimated relative error of `excess_risk` under this schedule.
    slope : float
        The largest relative change of the risk by a relative change of one learning rate inside
        its bounds; 0 at an exact minimum.
    """

    schedule: Schedule
    lr: FloatArray
    excess_risk: float
    error: float
    slope: float


def best_schedule(
    problem: LinearRegression | PowerLaw, sgd: SGD, steps: int, blocks: int | None = None
) -> BestSchedule:
    r"""Return the learning-rate schedule that minimises the exact excess risk after `steps` steps.

    Parameters
    ----------
    problem : LinearRegression or PowerLaw
        Features along principal axes, or a power law.
    sgd : SGD
        Without momentum and weight decay. Its learning rate is where the search starts; the batch
        size stays.
    steps : int
        The budget, from 1 to 10^6.
    blocks : int, optional
        Number of learning rates, each kept for an equal share of the steps; by default one a step,
        up to 500.

    Returns
    -------
    BestSchedule
        The schedule, its final risk, and how far from a minimum it is.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    risk_curve : The risk under any schedule.

    Notes
    -----
    The gradient is that of the exact recursion, by its adjoint; L-BFGS-B searches over
    :math:`\log \eta`. The risk is not convex in the learning rates: the minimum is a local one.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.1], optimum=[1.0, 1.0], noise_std=0.5)
    >>> best = linsgd.best_schedule(problem, linsgd.SGD(lr=0.5), steps=100, blocks=20)
    >>> bool(best.lr[0] > 5 * best.lr[-1])
    True
    """
    accept(problem, sgd, OPTIMIZERS, (LinearRegression, PowerLaw))
    steps = domains.integer("steps", steps, f"[1, {MOST_STEPS}]")
    most = min(steps, BLOCKS)
    blocks = most if blocks is None else domains.integer("blocks", blocks, f"[1, {most}]")
    if sgd.momentum > 0 or sgd.weight_decay > 0:
        value = max(sgd.momentum, sgd.weight_decay)
        domains.refuse("momentum or weight_decay", value, "0: the best schedule of plain SGD")
    problem = finite_problem(problem)
    check_along_axes(problem, sgd)
    curve = NodeCurve.of(problem, sgd, steps)
    block = np.arange(steps) * blocks // steps
    objective = _Objective(curve, block, blocks)
    start = np.full(blocks, np.log(min(sgd.lr, curve.critical_lr() / 2)))
    highest = np.log(2 / curve.nodes.kappa.max())
    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(start[0] - 30, highest)] * blocks,
        options={"maxiter": 500, "maxfun": 2000, "ftol": 1e-15, "gtol": 1e-9},
    )
    lr = np.exp(found.x)
    schedule = Schedule.from_factors(lr[block] / sgd.lr)
    final = risk_curve(problem, sgd, [steps], schedule)
    inside = (found.x > start[0] - 30) & (found.x < highest)
    return BestSchedule(
        schedule=schedule,
        lr=lr,
        excess_risk=float(final.excess_risk[0]),
        error=float(final.error[0]),
        slope=float(np.abs(found.jac * inside).max()),
    )


class _Objective:
    """log T_K and its gradient by the logarithms of the learning rates."""

    def __init__(self, curve: NodeCurve, block: Any, blocks: int) -> None:
        self.nodes = curve.nodes
        self.block = block
        self.blocks = blocks
        self.noise = curve.noise.of_batch(curve.run.sgd.batch_size)

    def __call__(self, log_lr: FloatArray) -> tuple[float, FloatArray]:
        nodes = self.nodes
        lr = np.exp(log_lr)[self.block]
        paths = np.empty((lr.size + 1, nodes.h.size))
        slopes = np.empty(lr.size)
        paths[0] = nodes.moments[0]
        own, common, label = self.noise
        total = _risk_and_slopes(
            nodes.h, nodes.kappa, nodes.weight, nodes.fed, lr, own, common, label, paths, slopes
        )
        if not np.isfinite(total):
            return 1e10, np.zeros(self.blocks)
        gradient = np.bincount(self.block, weights=slopes * lr, minlength=self.blocks)
        return float(np.log(total)), gradient / total


@summing
def _risk_and_slopes(
    h: Any,
    kappa: Any,
    weight: Any,
    fed: Any,
    lr: Any,
    own: float,
    common: float,
    label: float,
    paths: Any,
    slopes: Any,
) -> float:
    """Fill in the second moments after each step and dT_K/d eta; return T_K."""
    steps = lr.size
    totals = np.zeros(steps + 1)
    for k in range(steps + 1):
        for j in range(h.size):
            totals[k] += weight[j] * paths[k, j]
        if k == steps:
            break
        feedback = common * totals[k] + label
        for j in range(h.size):
            factor = 1 - lr[k] * kappa[j]
            gradient = own * h[j] * h[j] * paths[k, j] + fed[j] * feedback
            paths[k + 1, j] = factor * factor * paths[k, j] + lr[k] * lr[k] * gradient
    adjoint = weight.copy()
    for k in range(steps - 1, -1, -1):
        feedback = common * totals[k] + label
        slope, back = 0.0, 0.0
        for j in range(h.size):
            factor = 1 - lr[k] * kappa[j]
            gradient = own * h[j] * h[j] * paths[k, j] + fed[j] * feedback
            # d (factor^2 E theta^2 + lr^2 gradient) / d lr
            pull = -2 * factor * kappa[j] * paths[k, j] + 2 * lr[k] * gradient
            slope += adjoint[j] * pull
            back += fed[j] * adjoint[j]
        slopes[k] = slope
        for j in range(h.size):
            factor = 1 - lr[k] * kappa[j]
            kept = factor * factor + lr[k] * lr[k] * own * h[j] * h[j]
            adjoint[j] = kept * adjoint[j] + weight[j] * common * lr[k] * lr[k] * back
    return float(totals[steps])
