r"""The critical batch size: where doubling the batch no longer halves the steps.

With k(b) the least number of steps of batch b to a target risk, at the best constant learning rate
for each batch, doubling the batch saves the factor k(b)/k(2 b): 2 where noise dominates, 1 where
the steps themselves do. The critical batch size is where the factor is sqrt(2), half of the gain on
a logarithmic scale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import OPTIMIZERS, accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.power_law import PowerLaw
from linsgd.result import Result, Status
from linsgd.theory.risk.coverage import check_along_axes
from linsgd.theory.risk.node_curve import NodeCurve
from linsgd.theory.risk.spectrum import finite_problem

LARGEST = 2**40  # batch
LONGEST = 10**12  # steps
DECADES, SCAN = 5.0, 16  # below the edge of stability, and learning rates tried there
LOOKS, FINER = 49, 17  # steps at which the risk is looked at
FAR = 100.0  # log steps where the target is not reached
HALF = 0.5  # log2 of the factor at the critical batch size


class CriticalBatchStatus(Status):
    """Whether there is a critical batch size."""

    OK = "ok"
    # already at batch 1 the factor is below sqrt(2)
    BELOW_ONE = "below_one"
    # no learning rate reaches the target at any batch size up to 2^40
    OUT_OF_REACH = "out_of_reach"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CriticalBatch(Result):
    """The critical batch size, and the steps at powers of two.

    Attributes
    ----------
    status : CriticalBatchStatus
        "ok", or why there is none.
    batch_size : float
        Where doubling the batch saves a factor sqrt(2) of the steps, between two powers of two by
        interpolation of the factor's logarithm.
    lower, upper : int
        The powers of two between which it lies: the factor is above sqrt(2) at `lower` and below at
        `upper`.
    batch_sizes : ndarray (B,)
        Powers of two.
    steps : ndarray (B,)
        The least number of steps to the target at the best constant learning rate, interpolated
        between whole steps.
    lr : ndarray (B,)
        That learning rate.
    savings : ndarray (B - 1,)
        steps(b)/steps(2 b).
    """

    status: CriticalBatchStatus
    batch_size: float
    lower: int
    upper: int
    batch_sizes: IntArray
    steps: FloatArray
    lr: FloatArray
    savings: FloatArray


def critical_batch_size(
    problem: LinearRegression | PowerLaw, sgd: SGD, target: float
) -> CriticalBatch:
    r"""Return the batch size beyond which a doubled batch saves less than sqrt(2) of the steps.

    Parameters
    ----------
    problem : LinearRegression or PowerLaw
        Features along principal axes, or a power law; fresh samples.
    sgd : SGD
        Its momentum and decay are kept; learning rate and batch size are not used.
    target : float
        The excess risk to reach, below that at w = 0.

    Returns
    -------
    CriticalBatch
        The batch size with its bracket, and the steps that each batch needs.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    k(b) is the least number of steps after which some constant learning rate has the target as its
    exact excess risk. The search over learning rates is local, and ends within 1 % of the best one,
    where the steps change by less than 1e-3.

    Examples
    --------
    >>> import linsgd
    >>> law = linsgd.PowerLaw(exponent=1.5, source=0.5, dimension=50, noise_std=1.0)
    >>> found = linsgd.critical_batch_size(law, linsgd.SGD(lr=0.1), target=0.02)
    >>> found.lower <= found.batch_size <= found.upper
    True
    """
    accept(problem, sgd, OPTIMIZERS, (LinearRegression, PowerLaw))
    problem = finite_problem(problem)
    check_along_axes(problem, sgd)
    start = NodeCurve.of(problem, sgd).nodes.total / 2
    target = domains.real("target", target, f"(0, {start:g})")
    sizes: list[int] = []
    needed: list[tuple[float, float]] = []
    while not sizes or sizes[-1] < LARGEST:
        sizes.append(2 * sizes[-1] if sizes else 1)
        near = needed[-1][1] if needed else None
        needed.append(_fastest(problem, replace(sgd, batch_size=sizes[-1]), target, near))
        if (
            len(needed) > 2
            and np.isfinite(needed[-2][0])
            and np.log2(needed[-2][0] / needed[-1][0]) < HALF / 4
        ):
            break
    return _result(np.array(sizes), np.array(needed))


def _result(sizes: IntArray, needed: FloatArray) -> CriticalBatch:
    """Return the batch size where the factor crosses sqrt(2)."""
    reached = np.isfinite(needed[:, 0])
    sizes = sizes[reached]
    steps = needed[reached, 0]
    lr = needed[reached, 1]
    gains = np.log2(steps[:-1] / steps[1:])
    below = np.flatnonzero(gains < HALF)
    status = CriticalBatchStatus.OK
    value = np.nan
    lower = 0
    upper = 0
    if below.size == 0:
        status = CriticalBatchStatus.OUT_OF_REACH
    elif below[0] == 0:
        status = CriticalBatchStatus.BELOW_ONE
    else:
        i = int(below[0])
        lower = int(sizes[i - 1])
        upper = int(sizes[i])
        above = gains[i - 1]
        octaves = (above - HALF) / (above - gains[i])
        value = lower * 2 ** float(octaves)
    return CriticalBatch(
        status=status,
        batch_size=value,
        lower=lower,
        upper=upper,
        batch_sizes=sizes,
        steps=steps,
        lr=lr,
        savings=2.0**gains,
    )


def _fastest(
    problem: LinearRegression | PowerLaw, sgd: SGD, target: float, near: float | None
) -> tuple[float, float]:
    """Return the least number of steps to the target and the learning rate that takes it.

    The search is over all stable learning rates or, with the best one at half the batch in `near`,
    from just below it to beyond linear scaling.
    """
    edge = float(np.log(0.99 * NodeCurve.of(problem, sgd).critical_lr()))

    def log_steps(log_lr: float) -> float:
        at = _first_below(problem, replace(sgd, lr=float(np.exp(log_lr))), target)
        return float(np.log(at)) if np.isfinite(at) else FAR

    if near is None or not np.isfinite(near):
        grid = edge - np.log(10) * np.linspace(DECADES, 0, SCAN)
    else:
        offsets = np.array([-0.4, 0.3, 1.0])
        grid = np.minimum(np.log(near) + offsets, edge)
    values = np.array([log_steps(x) for x in grid])
    i = int(np.argmin(values))
    if values[i] == FAR:
        return np.inf, np.nan
    below = grid[max(i - 1, 0)]
    above = grid[min(i + 1, len(grid) - 1)]
    found = minimize_scalar(
        log_steps, bounds=(below, above), method="bounded", options={"xatol": 1e-2}
    )
    best, least = grid[i], values[i]
    if found.fun < least:
        best, least = found.x, found.fun
    return float(np.exp(least)), float(np.exp(best))


def _first_below(problem: LinearRegression | PowerLaw, sgd: SGD, target: float) -> float:
    """Return the number of steps at which the risk passes the target, or inf.

    The risk between whole steps is interpolated on logarithmic axes. With momentum, whose risk may
    oscillate, it is the first passage among geometric looks.
    """
    curve = NodeCurve.of(problem, sgd, LONGEST)
    looks = np.unique(np.geomspace(1, LONGEST, LOOKS).astype(np.int64))
    for last in (False, False, True):
        risk = curve.at(looks) / 2
        below = np.flatnonzero(risk <= target)
        if below.size == 0:
            return np.inf
        i = int(below[0])
        if i == 0:
            return float(looks[0])
        low = looks[i - 1]
        high = looks[i]
        if last or high - low == 1:
            break
        looks = np.unique(np.geomspace(low, high, FINER).astype(np.int64))
    before = risk[i - 1]
    share = np.log(before / target) / np.log(before / risk[i])
    return float(low * (high / low) ** share)
