r"""Chains of SGD on a data set in strata: by how often they draw some of its rows.

A mean that is carried by chains which draw an outlying row twice or three times cannot be seen in
plain chains, where these are too rare. Here each block of 256 chains holds fixed numbers n_c of
chains that draw the marked rows c times in the steps from `begin` on, c = 0, 1, ..., J - 1, and n_J
chains that draw them J times or more. With P_c the exact probability of stratum c, a chain of it
has the weight 256 P_c / n_c, and the weighted mean of a block is unbiased for every observable.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.montecarlo.updates.table import UPDATES
from linsgd.montecarlo.walks.counted import CountedWalks, Counts
from linsgd.montecarlo.walks.data import Rows
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression
from linsgd.variates import LANES

PERIOD = 256  # chains a block
NEGLECTED = 1e-30  # probability of more draws than are followed
MOST = 200  # draws that are followed at all


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """How the chains of a block are split.

    Parameters
    ----------
    marked : ndarray of int
        The rows whose draws are counted.
    begin : int
        The first step that counts.
    chains : tuple of int
        Chains in the strata of 0, 1, ..., J - 1 draws and of J or more; 256 in all, none without.

    Raises
    ------
    ValueError
        If the chains of the strata do not add up to 256.
    """

    marked: IntArray
    begin: int
    chains: tuple[int, ...]

    def __post_init__(self) -> None:
        if min(self.chains) < 1 or sum(self.chains) != PERIOD or len(self.chains) < 2:
            domains.refuse("chains", self.chains, f"positive numbers that add up to {PERIOD}")

    def weights(self, problem: LinearRegression, sgd: SGD, steps: int) -> FloatArray:
        """Return the weights (256,) of the chains of a block; their mean is 1."""
        counted = steps - self.begin
        number = len(self.chains)
        share = stratum_probabilities(problem, sgd, len(self.marked), counted, number)
        if not share.all():
            domains.refuse("chains", self.chains, "one number for each stratum that can occur")
        return np.repeat(PERIOD * share / np.array(self.chains), self.chains)


def stratum_probabilities(
    problem: LinearRegression, sgd: SGD, marked: int, steps: int, strata: int
) -> FloatArray:
    """Return the probability of drawing marked rows 0, 1, ... times in some steps.

    Parameters
    ----------
    problem : LinearRegression
        A data set.
    sgd : SGD
        With independent batches.
    marked : int
        How many rows are marked.
    steps : int
        How many steps count.
    strata : int
        How many probabilities are returned; the last is that of as many draws or more.

    Returns
    -------
    ndarray (strata,)
        They add up to 1.
    """
    totals = _totals(len(_data(problem).y), sgd, marked, steps)[0]
    exact = np.zeros(strata)
    exact[: len(totals)] = totals[:strata]
    exact[-1] += totals[strata:].sum()
    return exact


def stratified_snapshots(
    problem: LinearRegression,
    sgd: SGD,
    steps: tuple[int, ...],
    chains: range,
    strata: Strata,
    seed: int,
    start: tuple[FloatArray, FloatArray] | None = None,
) -> FloatArray:
    """Simulate chains in strata and return their states with their weights.

    Parameters
    ----------
    problem : LinearRegression
        A data set.
    sgd : SGD
        With independent batches.
    steps : tuple of int
        Increasing steps at which the state is kept.
    chains : range
        Whole blocks of 256 chains.
    strata : Strata
        How a block is split.
    seed : int
        In [0, 2**64).
    start : tuple of ndarray (d,), optional
        Initial (w, v); a fresh optimizer at w = 0 by default.

    Returns
    -------
    ndarray (K, len(chains), 2 d + 1)
        (w, v) and the chain's weight.

    Raises
    ------
    ValueError
        If the problem is no data set or batches are not independent.
    """
    if sgd.sampling != "independent":
        domains.refuse("sampling", sgd.sampling, "'independent' where draws are counted")
    data = _data(problem)
    marked = len(strata.marked)
    size = len(data.y)
    order = np.concatenate([strata.marked, np.setdiff1d(np.arange(size), strata.marked)])
    weights = np.resize(strata.weights(problem, sgd, steps[-1]), len(chains))
    totals = _totals(size, sgd, marked, steps[-1] - strata.begin)
    last = len(strata.chains) - 1
    most = totals.shape[1] - 1
    beyond = np.where(np.arange(most + 1) < last, 0.0, totals[0])
    draws = np.repeat([*range(last), -1], strata.chains)
    walks = CountedWalks(
        problem=problem,
        sgd=sgd,
        kind=UPDATES[type(sgd)],
        seed=seed,
        start=start,
        dtype=np.float64,
        ordered=Rows(data.X[order], data.y[order], bool(sgd.replacement), False),
        counts=Counts(marked, strata.begin, _chances(totals, _in_one_step(size, sgd, marked))),
        draws=draws,
        random=np.cumsum(beyond) / beyond.sum(),
    )
    at = np.array(steps)
    tiles = range(chains.start // LANES, chains.stop // LANES)
    states = np.concatenate([walks.states(walks.tile(tile)(at)) for tile in tiles], axis=1)
    column = np.broadcast_to(weights[:, None], (*states.shape[:2], 1))
    return np.concatenate([states, column], axis=2)


def _data(problem: LinearRegression) -> FiniteData:
    if not isinstance(problem.features, FiniteData):
        domains.refuse("problem", problem.features, "data sets, whose rows can be counted")
    return problem.features


def _in_one_step(size: int, sgd: SGD, marked: int) -> FloatArray:
    """Return the probability p(h) of h marked rows in a batch (b + 1,)."""
    h = np.arange(sgd.batch_size + 1)
    if sgd.replacement:
        return np.asarray(stats.binom.pmf(h, sgd.batch_size, marked / size))
    return np.asarray(stats.hypergeom.pmf(h, size, marked, sgd.batch_size))


@lru_cache(maxsize=64)
def _totals(size: int, sgd: SGD, marked: int, steps: int) -> FloatArray:
    """Return R (steps + 1, most + 1): the probability of r draws in the last steps - t steps."""
    p = _in_one_step(size, sgd, marked)
    R = np.zeros((steps + 1, min(sgd.batch_size * steps, MOST) + 1))
    R[steps, 0] = 1.0
    for t in range(steps - 1, -1, -1):
        R[t] = np.convolve(R[t + 1], p)[: R.shape[1]]
    if R[0].sum() < 1 - NEGLECTED - 1e-12:
        domains.refuse("marked", f"{marked} rows", f"rows that come at most {MOST} times")
    more = R[0, ::-1].cumsum()[::-1]
    kept: FloatArray = R[:, : max(int((more > NEGLECTED).sum()), 2)].copy()
    kept.flags.writeable = False
    return kept


def _chances(R: FloatArray, p: FloatArray) -> FloatArray:
    """Return P(at most h draws in step t | r left) (steps, most + 1, min(b, most) + 1)."""
    steps = len(R) - 1
    most = R.shape[1] - 1
    p = p[: most + 1]
    joint = np.zeros((steps, most + 1, len(p)))
    for h in range(len(p)):
        joint[:, h:, h] = p[h] * R[1:, : most + 1 - h]
    total = np.maximum(joint.sum(axis=2, keepdims=True), np.finfo(float).tiny)
    chances: FloatArray = np.cumsum(joint / total, axis=2)
    chances[chances > 1 - 1e-12] = 1.0  # no rounding lets more be drawn than are left
    return chances
