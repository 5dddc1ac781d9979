"""The learning rate at another batch size that reaches the same risk on as many samples."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

from linsgd import domains
from linsgd.optimizers.accept import OPTIMIZERS, accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.power_law import PowerLaw
from linsgd.result import Result, Status
from linsgd.theory.risk.coverage import check_along_axes
from linsgd.theory.risk.node_curve import NodeCurve
from linsgd.theory.risk.risk_curve import risk_curve
from linsgd.theory.risk.spectrum import finite_problem

SCAN = 48  # learning rates, in geometric progression, among which roots are bracketed
LOWEST = 1e-4  # of the edge of stability


class MatchStatus(Status):
    """Whether a learning rate reaches the same risk."""

    OK = "ok"
    # no stable learning rate reaches the risk: `lr` is that of the least risk
    OUT_OF_REACH = "out_of_reach"
    # the given optimizer is unstable
    UNSTABLE = "unstable"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class MatchedLr(Result):
    """The learning rate that a new batch size needs for equal risk at equal samples.

    Attributes
    ----------
    status : MatchStatus
        "ok", or that no stable learning rate reaches the risk.
    lr : float
        The learning rate; of those that match, the one next to linear scaling.
    error : float
        Relative, of `lr`.
    exponent : float
        log(lr ratio)/log(batch ratio): 1 for linear scaling, 1/2 for the square-root rule.
    steps : int
        At the new batch size.
    excess_risk, target : float
        Reached, and that of the given optimizer.
    """

    status: MatchStatus
    lr: float
    error: float
    exponent: float
    steps: int
    excess_risk: float
    target: float


def matched_lr(
    problem: LinearRegression | PowerLaw, sgd: SGD, steps: int, batch_size: int
) -> MatchedLr:
    r"""Return the learning rate at another batch size for equal exact risk at equal samples.

    Parameters
    ----------
    problem : LinearRegression or PowerLaw
        Features along principal axes, or a power law; fresh samples.
    sgd : SGD
        The optimizer whose risk is to be matched; its momentum and decay are kept.
    steps : int
        Its number of steps; steps * sgd.batch_size must be a multiple of the new batch size.
    batch_size : int
        The new batch size.

    Returns
    -------
    MatchedLr
        The learning rate with its error, and the exponent of the rule that it amounts to.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    risk_curve : The risk at all steps.

    Notes
    -----
    The learning rate :math:`\eta'` solves
    :math:`R(\eta', b', K b/b') = R(\eta, b, K)` for the exact excess risk R at step K.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.PowerLaw(exponent=1.5, source=0.5, dimension=100, noise_std=0.5)
    >>> match = linsgd.matched_lr(problem, linsgd.SGD(lr=0.02, batch_size=8), 4000, 16)
    >>> round(match.exponent, 2)
    1.0
    """
    accept(problem, sgd, OPTIMIZERS, (LinearRegression, PowerLaw))
    samples = domains.integer("steps", steps, "[1, 1000000000000]") * sgd.batch_size
    batch_size = domains.integer("batch_size", batch_size, f"[1, {samples}]")
    if samples % batch_size:
        domains.refuse("batch_size", batch_size, f"a divisor of the {samples} samples")
    problem = finite_problem(problem)
    check_along_axes(problem, sgd)
    base = risk_curve(problem, sgd, [steps])
    target = float(base.excess_risk[0])
    following = samples // batch_size
    fresh = replace(sgd, batch_size=batch_size)
    edge = NodeCurve.of(problem, fresh).critical_lr()

    def excess(log_lr: float) -> float:
        curve = risk_curve(problem, replace(fresh, lr=float(np.exp(log_lr))), [following])
        return float(np.log(curve.excess_risk[0] / target))

    shares = np.linspace(np.log(LOWEST), np.log(0.999), SCAN)
    grid = np.log(edge) + shares
    values = [excess(x) for x in grid]
    linear = np.log(sgd.lr * batch_size / sgd.batch_size)
    pairs = itertools.pairwise(zip(grid, values, strict=True))
    roots = [brentq(excess, a, b, xtol=1e-12) for (a, f), (b, g) in pairs if f * g <= 0]
    if base.status != "ok":
        status, found = MatchStatus.UNSTABLE, float("nan")
    elif roots:
        status = MatchStatus.OK
        found = min(roots, key=lambda x: abs(x - linear))
    else:
        status = MatchStatus.OUT_OF_REACH
        found = grid[int(np.argmin(values))]
    lr = float(np.exp(found))
    growth = np.log(batch_size / sgd.batch_size)
    return MatchedLr(
        status=status,
        lr=lr,
        error=_error(excess, found, float(base.error[0])),
        exponent=float(np.log(lr / sgd.lr) / growth) if growth else float("nan"),
        steps=following,
        excess_risk=target * float(np.exp(excess(found))) if np.isfinite(found) else float("nan"),
        target=target,
    )


def _error(excess: Callable[[float], float], root: float, risk_error: float) -> float:
    """Return the relative error of a root: that of the risks over the slope of their ratio."""
    if not np.isfinite(root):
        return float("nan")
    step = 1e-4
    slope = (excess(root + step) - excess(root - step)) / (2 * step)
    return float(1e-12 + 2 * risk_error / max(abs(slope), 1e-12))
