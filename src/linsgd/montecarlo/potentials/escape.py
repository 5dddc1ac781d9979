r"""`simulate_escape`: the mean number of steps until SGD leaves a well, however rare exits are.

"direct" runs chains until they exit or for `limit` steps. Where a chain was cut off, its exit time
is censored: only that it is longer is known. If exits have no memory, with the rate r a step, n
exits in the total time Z of all chains have the likelihood r^n e^{-r Z}; the mean exit time Z/n has
the interval [2 Z/q_+, 2 Z/q_-], q the quantiles of chi-square with 2 n + 2 and 2 n degrees of
freedom. Without censored chains nothing is assumed, and the mean has Student's interval.

"splitting" is the ratio c/p of `splitting`, from independent replicas.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from linsgd import domains
from linsgd.blocks import map_threads
from linsgd.domains import FloatArray, IntArray
from linsgd.jit import specialised
from linsgd.montecarlo.potentials import splitting
from linsgd.montecarlo.potentials.walk import (
    Chain,
    Noise,
    Way,
    chain_of,
    fill_exits,
    records,
    streams,
    way_between,
)
from linsgd.optimizers.sgd import SGD
from linsgd.problems.potentials import Potential
from linsgd.result import Guarantee, Result, Status
from linsgd.variates import LANES

Method: TypeAlias = Literal["splitting", "direct"]

LEVELS = 200  # between the start and the target
PILOT = 4000  # steps that measure the width of the well
LONGEST = 2_000_000_000  # steps a replica
COARSE = 0.5  # relative half-width beyond which an interval by splitting is not relied on


class EscapeStatus(Status):
    """Whether a mean exit time was measured."""

    OK = "ok"
    CENSORED = "censored"  # the mean and its interval assume that exits have no memory
    NO_EXITS = "no_exits"  # only a lower end is known: raise `limit`, or split
    # the replicas differ too much for their interval: more walkers or replicas
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class EscapeTime(Result):
    """A measured mean exit time.

    Attributes
    ----------
    mean, lower, upper : float
        Mean number of steps from the start until the target is passed, and its interval.
    confidence : float
        Of the interval.
    method : str
        "splitting" or "direct".
    walker_steps : int
        The steps that were taken: the cost.
    status : EscapeStatus
        Whether the mean was measured, and what its interval assumes.
    times : ndarray (n,) or None
        Of "direct": the exit time of each chain, or `limit` where it was cut off.
    exited : ndarray of bool (n,) or None
        Of "direct": whether a chain exited.
    guarantee : Guarantee
        "statistical".
    """

    mean: float
    lower: float
    upper: float
    confidence: float
    method: str
    walker_steps: int
    status: EscapeStatus
    times: IntArray | None = field(default=None, repr=False)
    exited: Any = field(default=None, repr=False)
    guarantee: Guarantee = Guarantee.STATISTICAL

    def survival(self, steps: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return Kaplan and Meier's estimate of P(exit time > steps), with its interval.

        Parameters
        ----------
        steps : array_like (K,)
            Numbers of steps up to the longest observed time.

        Returns
        -------
        survival, lower, upper : ndarray (K,)
            Clopper and Pearson's interval: all chains are cut off at one time, until which the
            estimate is the share of chains that have not exited.

        Raises
        ------
        ValueError
            If the method was "splitting", or a time is beyond the observed ones.
        """
        if self.times is None:
            domains.refuse(
                "method", self.method, "'direct': splitting has no chains from the start"
            )
        at = domains.step_list("steps", np.atleast_1d(np.asarray(steps)))
        if at.max() > self.times.max():
            domains.refuse("steps", int(at.max()), f"[0, {int(self.times.max())}]")
        n = self.times.size
        left = np.array([int(np.sum(self.exited & (self.times <= each))) for each in at])
        stay, share = n - left, 1 - self.confidence
        lower = np.where(stay > 0, stats.beta.ppf(share / 2, np.maximum(stay, 1), left + 1), 0.0)
        upper = np.where(left > 0, stats.beta.isf(share / 2, stay + 1, np.maximum(left, 1)), 1.0)
        return stay / n, lower, upper


def simulate_escape(
    potential: Potential,
    sgd: SGD,
    start: ArrayLike,
    target: ArrayLike,
    *,
    noise: Noise = None,
    method: Method = "splitting",
    replicas: int = 64,
    walkers: int = 400,
    limit: int = 100_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> EscapeTime:
    r"""Measure the mean number of steps until SGD passes a target for the first time.

    Parameters
    ----------
    potential : Potential
        One of `linsgd.potentials`.
    sgd : SGD
        The optimizer: lr, batch_size and momentum. Weight decay belongs to the potential.
    start : float or array_like (d,)
        Where chains begin at rest, by default of use a minimum.
    target : float or array_like (d,)
        An exit is the first step with (x - start)'(target - start) >= \|target - start\|^2: in one
        dimension, at or beyond the target.
    noise : float, array_like (d, d), callable or Stable
        Of the gradient of one sample: its covariance, a number times the identity or a matrix; a
        function C(x) or C(x, y), the variance of each coordinate, which Numba compiles; or a stable
        law, independent in each coordinate. A batch has the mean of `batch_size` of them. None, by
        default, draws minibatches of a `FiniteSum`.
    method : {"splitting", "direct"}
        "splitting" reaches exit times of 10^12 steps and more; "direct" is for exits within
        `limit`, and for stable noise, whose exits are single jumps that splitting cannot help.
    replicas : int
        Independent replicas of the splitting, or chains of "direct"; from 8 on.
    walkers : int
        Of each replica, from 10 on.
    limit : int
        Steps after which a chain of "direct" is cut off.
    seed : int
        Of the streams, at least 0.
    confidence : float
        Of the interval.

    Returns
    -------
    EscapeTime
        The mean in steps, its interval and a status.

    Raises
    ------
    ValueError
        If an argument lies outside its domain.

    See Also
    --------
    linsgd.escape.kramers : The prediction at small temperature.
    linsgd.fokker_planck.MarkovKernel : The same number in one dimension, without sampling.

    References
    ----------
    .. [1] F. Cerou, A. Guyader, "Adaptive multilevel splitting for rare event analysis", Stochastic
       Analysis and Applications 25 (2007).
    .. [2] C.-E. Brehier et al., "Unbiasedness of some generalized adaptive multilevel splitting
       algorithms", Annals of Applied Probability 26 (2016).

    Examples
    --------
    >>> import linsgd
    >>> well = linsgd.potentials.Polynomial([0, 0, -0.5, 0, 0.25])  # x^4/4 - x^2/2
    >>> found = linsgd.simulate_escape(well, linsgd.SGD(lr=0.1), -1.0, 1.0, noise=1.0, seed=1)
    >>> bool(found.lower < 7055.09 < found.upper)
    True
    """
    chain = chain_of(potential, sgd, noise)
    way = way_between(potential, start, target)
    domains.choice("method", method, ("splitting", "direct"))
    replicas = domains.integer("replicas", replicas, "[8, 10000000]")
    walkers = domains.integer("walkers", walkers, "[10, 100000]")
    limit = domains.integer("limit", limit, "[1, 1e15]")
    seed = domains.integer("seed", seed, "[0, inf)") % 2**64
    confidence = domains.real("confidence", confidence, "(0, 1)")
    if method == "direct":
        return _direct(chain, way, replicas, limit, seed, confidence)
    if hasattr(chain.force, "alpha") and chain.force.alpha < 2:
        known = "'direct' for stable noise, which exits by one jump"
        domains.refuse("method", method, known)
    return _split(chain, way, replicas, walkers, seed, confidence)


def exit_times(chain: Chain, way: Way, chains: range, limit: int, seed: int) -> IntArray:
    """Return the exit times of chains, a whole number of tiles; -1 where longer than `limit`."""
    run = specialised(fill_exits, *records(chain))

    def tile(number: int) -> IntArray:
        times = np.empty(LANES, dtype=np.int64)
        run(chain, way, streams(seed, number), way.origin, limit, times)
        return times

    tiles = range(chains.start // LANES, -(-chains.stop // LANES))
    return np.concatenate(map_threads(tile, tiles))[: len(chains)]


def _direct(
    chain: Chain, way: Way, chains: int, limit: int, seed: int, confidence: float
) -> EscapeTime:
    found = exit_times(chain, way, range(chains), limit, seed)
    exited = found > 0
    times = np.where(exited, found, limit)
    total, exits = int(times.sum()), int(exited.sum())
    share = (1 - confidence) / 2
    if exits == chains:
        status, mean = EscapeStatus.OK, total / chains
        radius = stats.t.isf(share, chains - 1) * times.std(ddof=1) / np.sqrt(chains)
        lower, upper = mean - radius, mean + radius
    else:
        status = EscapeStatus.CENSORED if exits else EscapeStatus.NO_EXITS
        mean = total / exits if exits else np.inf
        lower = 2 * total / stats.chi2.isf(share, 2 * exits + 2)
        upper = 2 * total / stats.chi2.ppf(share, 2 * exits) if exits else np.inf
    return EscapeTime(
        mean=mean,
        lower=float(lower),
        upper=float(upper),
        confidence=confidence,
        method="direct",
        walker_steps=total,
        status=status,
        times=times,
        exited=exited,
    )


def _split(
    chain: Chain, way: Way, replicas: int, walkers: int, seed: int, confidence: float
) -> EscapeTime:
    """Return the ratio of the mean cycle to the mean probability of the replicas."""
    rows = np.array(map_threads(_Replica(chain, way, walkers, seed), range(replicas)))
    length, chance, steps = rows.T
    cost = int(steps.sum())
    mean_length, mean_chance = length.mean(), chance.mean()
    measured = bool((length > 0).all() and (chance >= 0).all() and mean_chance > 0)
    if not measured:
        mean, lower, upper, status = np.nan, 0.0, np.inf, EscapeStatus.UNRESOLVED
    else:
        mean = mean_length / mean_chance
        # p_r - c_r/mean has expectation 0: its spread is that of the ratio
        residual = chance - length / mean
        relative = residual.std(ddof=1) / np.sqrt(replicas) / mean_chance
        radius = float(stats.t.isf((1 - confidence) / 2, replicas - 1) * relative)
        lower, upper = mean * np.exp(-radius), mean * np.exp(radius)
        status = EscapeStatus.OK if radius < COARSE else EscapeStatus.UNRESOLVED
    return EscapeTime(
        mean=float(mean),
        lower=float(lower),
        upper=float(upper),
        confidence=confidence,
        method="splitting",
        walker_steps=cost,
        status=status,
    )


@dataclass(frozen=True, slots=True)
class _Replica:
    """One independent estimate: the mean cycle, the probability p and the steps taken."""

    chain: Chain
    way: Way
    walkers: int
    seed: int

    def __call__(self, number: int) -> tuple[float, float, float]:
        chain, way, start = self.chain, self.way, self.way.origin
        own = records(chain)
        S, N, d = streams(self.seed, number), self.walkers, start.size
        spread = specialised(splitting.spread, *own)(chain, way, S, 0, start, PILOT)
        first = min(max(float(spread), 1 / LEVELS), 0.5)
        settling = int(10 / (1 - chain.momentum)) + PILOT
        entries = np.empty((N, 2 * d))
        cycles = specialised(splitting.cycles, *own)
        length = cycles(chain, way, S, 0, start, first, settling, entries, LONGEST)
        if not length:
            return 0.0, -1.0, float(LONGEST)
        levels = np.zeros((N, LEVELS + 2), dtype=np.int64)
        states = np.zeros((N, LEVELS + 2, 2 * d))
        counts = np.zeros(N, dtype=np.int64)
        split = specialised(splitting.split, *own)
        chance, taken = split(chain, way, S, 0, entries, levels, states, counts, LONGEST)
        return length / N, chance, float(taken + length)
