r"""`simulate_wells`: how often SGD is in each of two wells, and how fast that settles.

Half of the chains begin in each well. With p_1(k) and p_2(k) the shares in the second well after k
steps, of chains that began in the first and in the second one,

    p_2(k) - p_1(k) ~ e^{-r k},    p_1(k)/(1 - p_2(k)) -> odds of the second well,

the former once all but the slowest relaxation has decayed. If the wells are crossed as by a Markov
chain on two states the odds are those at every k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from linsgd import domains
from linsgd.blocks import map_threads
from linsgd.domains import FloatArray, IntArray
from linsgd.montecarlo.potentials.walk import (
    Chain,
    Noise,
    Way,
    chain_of,
    states_at,
    way_between,
)
from linsgd.optimizers.sgd import SGD
from linsgd.problems.potentials import Potential
from linsgd.result import Guarantee, Result, Status
from linsgd.variates import LANES

GROUPS = 32  # of chains, for the jackknife


class WellsStatus(Status):
    """Whether occupation and rate were measured."""

    OK = "ok"
    # the wells were crossed too rarely, or had settled before the first of the steps
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class WellOccupation(Result):
    """Occupation of two wells and the relaxation between them, measured.

    Attributes
    ----------
    occupation, occupation_lower, occupation_upper : float
        Stationary probability of the second well, and its interval.
    rate, rate_lower, rate_upper : float
        Relaxation rate per step, and its interval.
    confidence : float
        Of each interval.
    chains : int
        Simulated in all.
    status : WellsStatus
        Whether both were measured.
    guarantee : Guarantee
        "statistical".
    """

    occupation: float
    occupation_lower: float
    occupation_upper: float
    rate: float
    rate_lower: float
    rate_upper: float
    confidence: float
    chains: int
    status: WellsStatus
    guarantee: Guarantee = Guarantee.STATISTICAL


def simulate_wells(
    potential: Potential,
    sgd: SGD,
    minima: tuple[ArrayLike, ArrayLike],
    saddle: ArrayLike,
    steps: tuple[int, int],
    *,
    noise: Noise = None,
    chains: int = 4096,
    seed: int = 0,
    confidence: float = 0.95,
) -> WellOccupation:
    """Measure the occupation of two wells and the rate at which it relaxes.

    Parameters
    ----------
    potential : Potential
        One of `linsgd.potentials`.
    sgd : SGD
        The optimizer: lr, batch_size and momentum.
    minima : pair of float or array_like (d,)
        Where the two halves of the chains begin.
    saddle : float or array_like (d,)
        A point of the plane, orthogonal to the line between the minima, that divides the wells.
    steps : pair of int
        Two numbers of steps, both after the wells have settled within; the rate is measured between
        them and the occupation at the second. Best about half of, and twice, the relaxation time.
    noise : float, array_like (d, d), callable or Stable
        As in `simulate_escape`.
    chains : int
        In all, from 1024 on; rounded up to a multiple of 4096.
    seed : int
        Of the streams, at least 0.
    confidence : float
        Of the intervals.

    Returns
    -------
    WellOccupation
        Both with intervals, by a jackknife over 32 groups of chains.

    Raises
    ------
    ValueError
        If an argument lies outside its domain.

    See Also
    --------
    simulate_escape : The two rates of a relaxation too slow to be seen.

    Examples
    --------
    >>> import linsgd
    >>> well = linsgd.potentials.Polynomial([0, 0, -0.5, 0, 0.25])
    >>> found = linsgd.simulate_wells(
    ...     well, linsgd.SGD(lr=0.1), (-1, 1), 0, (100, 600), noise=2.0, seed=1
    ... )
    >>> bool(found.occupation_lower < 0.5 < found.occupation_upper)
    True
    """
    chain = chain_of(potential, sgd, noise)
    try:
        first, second = minima
    except (TypeError, ValueError):
        domains.refuse("minima", minima, "a pair of points")
    way = way_between(potential, first, second)
    at = domains.step_list("steps", steps)
    if at.size != 2 or at[0] >= at[1]:
        domains.refuse("steps", steps, "two increasing numbers of steps")
    d = potential.dimension
    border = domains.array("saddle", np.atleast_1d(np.asarray(saddle)), (d,))
    edge = float((border - way.origin) @ way.direction)
    if not 0 < edge < 1:
        domains.refuse("saddle", saddle, "a point between the minima")
    chains = domains.integer("chains", chains, "[1024, 100000000]")
    seed = domains.integer("seed", seed, "[0, inf)") % 2**64
    confidence = domains.real("confidence", confidence, "(0, 1)")
    size = -(-chains // (2 * GROUPS * LANES)) * LANES  # chains a group and well
    ends = (way.origin, way.origin + way.direction / float(way.direction @ way.direction))
    run = _Group(chain, way, edge, ends, at, size, seed)
    shares = np.array(map_threads(run, range(GROUPS)))  # (groups, 2 wells, 2 steps)
    return _measured(shares, int(at[1] - at[0]), 2 * GROUPS * size, confidence)


def _measured(shares: FloatArray, apart: int, chains: int, confidence: float) -> WellOccupation:
    """Return occupation and rate with jackknife intervals on the scales of log odds and rate."""
    total = shares.sum(axis=0)
    without = (total - shares) / (GROUPS - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds, rate = (_log_odds(total / GROUPS), _rate(total / GROUPS, apart))
        spread_odds, spread_rate = _spread(_log_odds(without)), _spread(_rate(without, apart))
    t = float(stats.t.isf((1 - confidence) / 2, GROUPS - 1))
    fine = bool(np.isfinite([odds, rate, spread_odds, spread_rate]).all())
    known = fine and t * spread_rate < rate
    ends = odds + t * spread_odds * np.array([-1, 0, 1]) if fine else np.full(3, np.nan)
    low, middle, high = 1 / (1 + np.exp(-ends))
    return WellOccupation(
        occupation=float(middle),
        occupation_lower=float(low) if fine else 0.0,
        occupation_upper=float(high) if fine else 1.0,
        rate=float(rate) if fine else np.nan,
        rate_lower=float(rate - t * spread_rate) if known else 0.0,
        rate_upper=float(rate + t * spread_rate) if fine else np.inf,
        confidence=confidence,
        chains=chains,
        status=WellsStatus.OK if known else WellsStatus.UNRESOLVED,
    )


def _log_odds(shares: FloatArray) -> FloatArray:
    """Return log p_1/(1 - p_2) at the second of the steps, of shares (..., 2, 2)."""
    found: FloatArray = np.log(shares[..., 0, 1]) - np.log1p(-shares[..., 1, 1])
    return found


def _rate(shares: FloatArray, apart: int) -> FloatArray:
    """Return the decay of p_2 - p_1 per step."""
    gap = shares[..., 1, :] - shares[..., 0, :]
    found: FloatArray = (np.log(gap[..., 0]) - np.log(gap[..., 1])) / apart
    return found


def _spread(values: FloatArray) -> FloatArray:
    """Return the jackknife's standard error from the values without each group."""
    scatter = np.sum((values - values.mean()) ** 2)
    return np.asarray(np.sqrt((len(values) - 1) / len(values) * scatter))


@dataclass(frozen=True, slots=True)
class _Group:
    """Shares of a group of chains in the second well, from each well and at each step (2, 2)."""

    chain: Chain
    way: Way
    edge: float
    ends: tuple[FloatArray, FloatArray]
    at: IntArray
    size: int
    seed: int

    def __call__(self, group: int) -> FloatArray:
        d = self.way.origin.size
        shares = np.empty((2, 2))
        for well, start in enumerate(self.ends):
            first = (2 * group + well) * self.size
            own = range(first, first + self.size)
            states = states_at(self.chain, np.ascontiguousarray(start), self.at, own, self.seed)
            xi = (states[..., :d] - self.way.origin) @ self.way.direction
            shares[well] = (xi >= self.edge).mean(axis=1)
        return shares
