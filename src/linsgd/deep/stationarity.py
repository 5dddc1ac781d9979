r"""Is a run stationary? The fluctuation-dissipation relation along directions.

On a quadratic loss with independent batches, at stationarity and for any unbiased noise,

    sum kappa Var x / 2 = (1 + momentum) / (4 lr (1 - dampening)) sum lr^2 E v^2,

exactly in discrete time and without Nesterov (S. Yaida 2018, for the relation). The ratio of the
sides is 1; it is below 1 while the run still spreads and above 1 while its centre drifts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from linsgd import domains
from linsgd.deep.record import PhaseSpaceRecord
from linsgd.domains import FloatArray
from linsgd.estimate.tail_index import EstimateStatus
from linsgd.optimizers.sgd import SGD
from linsgd.result import Result

BLOCKS = 20  # of time, of which one at a time is left out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Stationarity(Result):
    """The two sides of the fluctuation-dissipation relation.

    Attributes
    ----------
    ratio, lower, upper : float
        Excess loss over (1 + momentum)/(4 lr (1 - dampening)) times the squared step: 1 at
        stationarity. The interval is that of a jackknife over 20 blocks of time; it is too narrow
        where a mode relaxes over longer than a block.
    excess_loss, dissipation : float
        The two sides.
    steps : int
        Recorded steps.
    confidence : float
        Of the interval.
    status : EstimateStatus
        Whether the steps are enough.
    """

    ratio: float
    lower: float
    upper: float
    excess_loss: float
    dissipation: float
    steps: int
    confidence: float
    status: EstimateStatus


def stationarity(
    record: PhaseSpaceRecord, curvature: ArrayLike, sgd: SGD, *, confidence: float = 0.99
) -> Stationarity:
    """Test the stationarity of a recorded run along its directions.

    Parameters
    ----------
    record : PhaseSpaceRecord
        With directions, of torch.optim.SGD.
    curvature : array_like (m,)
        Of the unregularised loss along them.
    sgd : SGD
        The optimizer, without Nesterov, with independent batches.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    Stationarity
        The ratio of the two sides.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or the record holds no directions or no velocities.
    """
    domains.exact_type("sgd", sgd, (SGD,))
    domains.exact_type("record", record, (PhaseSpaceRecord,))
    m = record.position.shape[1]
    if m == 0 or record.reason:
        domains.refuse("record", record.reason or "without directions", "velocities along some")
    if sgd.nesterov or sgd.sampling != "independent":
        given = f"nesterov = {sgd.nesterov} with sampling = {sgd.sampling!r}"
        domains.refuse("sgd", given, "nesterov False with sampling 'independent'")
    kappa = domains.array("curvature", curvature, (m,)) + sgd.weight_decay
    confidence = domains.real("confidence", confidence, "(0, 1)")
    weight = sgd.lr * (1 + sgd.momentum) / (4 * sgd.gradient_weight)
    square = record.position**2 @ kappa / 2
    speed = weight * (record.velocity**2).sum(axis=1)
    return _ratio(square, record.position, speed, kappa, confidence)


def _ratio(
    square: FloatArray, x: FloatArray, speed: FloatArray, kappa: FloatArray, confidence: float
) -> Stationarity:
    """Return the ratio of the sides, and its jackknife over blocks of time."""

    def sides(kept: NDArray[np.integer[Any]]) -> tuple[float, float]:
        centre = x[kept].mean(axis=0)
        return float(square[kept].mean() - centre**2 @ kappa / 2), float(speed[kept].mean())

    n = len(x)
    enough = n >= 2 * BLOCKS
    excess, dissipation = sides(np.arange(n)) if n else (math.nan, math.nan)
    ratio = excess / dissipation if dissipation > 0 else math.nan
    half = math.inf
    if enough and dissipation > 0:
        block = np.arange(n) * BLOCKS // n
        without = [sides(np.flatnonzero(block != i)) for i in range(BLOCKS)]
        ratios = np.array([a / b for a, b in without])
        error = (BLOCKS - 1) / math.sqrt(BLOCKS) * ratios.std(ddof=1)
        half = float(student.ppf((1 + confidence) / 2, BLOCKS - 1) * error)
    return Stationarity(
        ratio=ratio,
        lower=ratio - half,
        upper=ratio + half,
        excess_loss=excess,
        dissipation=dissipation,
        steps=n,
        confidence=confidence,
        status=EstimateStatus.OK if enough else EstimateStatus.NOT_ENOUGH_DATA,
    )
