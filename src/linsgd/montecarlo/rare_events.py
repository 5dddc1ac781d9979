r"""How often SGD is far out: tail probabilities down to 1e-12, by weighted ensembles.

The distance |w - w*| is cut into shells, each a factor wider than the last. After every step the walkers in a shell are
replaced by a fixed number of copies that carry the shell's total weight in equal parts (Huber and Kim 1996): the mean
weight of any set stays what it was, and walkers stand where brute force has none. The weight beyond t, averaged over
the steps after settling, is P(|w - w*| > t). Nothing about the tail is assumed; independent replicas give the error.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.features import FiniteData
from linsgd.optimizer import SGD
from linsgd.problem import LinearRegression
from linsgd.result import Guarantee, Result

SHELL = 1.6  # ratio of the radii of a shell
_FREE = 20  # steps before the first split


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RareEvents(Result):
    """Tail probabilities of the distance to the optimum.

    Attributes
    ----------
    thresholds, probability, lower, upper : ndarray (m,)
        t, P(|w - w*| > t) and its interval.
    relative_error : ndarray (m,)
        Standard error over probability.
    confidence : float
        Of each interval.
    walker_steps : int
        The steps that were taken: the cost.
    """

    thresholds: FloatArray
    probability: FloatArray
    lower: FloatArray
    upper: FloatArray
    relative_error: FloatArray
    confidence: float
    walker_steps: int
    guarantee: Guarantee = Guarantee.STATISTICAL

    def local_exponent(self) -> FloatArray:
        """Return -d log P / d log t between neighbouring thresholds (m - 1,)."""
        slope: FloatArray = -np.diff(np.log(self.probability)) / np.diff(np.log(self.thresholds))
        return slope


def rare_events(
    problem: LinearRegression,
    sgd: SGD,
    thresholds: ArrayLike,
    *,
    steps: int = 1000,
    settling: int = 300,
    walkers: int = 100,
    replicas: int = 8,
    seed: int = 0,
    confidence: float = 0.99,
) -> RareEvents:
    """Estimate P(|w - w*| > t) in the stationary law at far thresholds.

    Parameters
    ----------
    problem : LinearRegression
        Any features and labels.
    sgd : SGD
        With independent batches, drawn with replacement.
    thresholds : array_like (m,)
        Increasing positive distances t.
    steps, settling : int
        Steps averaged over, after how many that are not.
    walkers : int
        A shell, at least 2.
    replicas : int
        Independent repetitions, at least 2.
    seed : int
        At least 0.
    confidence : float
        Of each interval, in (0, 1).

    Returns
    -------
    RareEvents
        Probabilities with their errors and the cost.

    Raises
    ------
    ValueError
        If an argument lies outside its domain.

    Examples
    --------
    >>> found = rare_events(LinearRegression.gaussian([1.0]), SGD(lr=1.0), [10.0, 100.0], steps=200, replicas=4)
    >>> bool(found.probability[1] < found.probability[0] < 0.2)
    True
    """
    sgd.check(problem)
    if sgd.sampling != "independent" or not sgd.replacement:
        domains.refuse("sgd", sgd, "independent batches with replacement")
    t = domains.array("thresholds", thresholds, (None,))
    if t[0] <= 0 or np.any(np.diff(t) <= 0):
        domains.refuse("thresholds", t.tolist(), "increasing positive numbers")
    for name, value, least in (("walkers", walkers, 2), ("replicas", replicas, 2), ("steps", steps, 1)):
        domains.integer(name, value, f"[{least}, inf)")
    domains.integer("settling", settling, "[0, inf)")
    domains.integer("seed", seed, "[0, inf)")
    domains.real("confidence", confidence, "(0, 1)")
    streams = np.random.SeedSequence(seed).spawn(replicas)
    runs = [_Walk(problem, sgd, t, walkers, np.random.default_rng(s)).run(steps, settling) for s in streams]
    estimates, cost = np.array([run[0] for run in runs]), sum(run[1] for run in runs)
    mean, error = estimates.mean(axis=0), estimates.std(axis=0, ddof=1) / math.sqrt(replicas)
    width = float(student.ppf((1 + confidence) / 2, replicas - 1)) * error
    return RareEvents(
        thresholds=t,
        probability=mean,
        lower=np.maximum(mean - width, 0.0),
        upper=mean + width,
        relative_error=error / np.maximum(mean, 1e-300),
        confidence=confidence,
        walker_steps=cost,
    )


class _Walk:
    """One replica: positions and velocities (n, d) of weighted walkers."""

    def __init__(
        self, problem: LinearRegression, sgd: SGD, thresholds: FloatArray, walkers: int, rng: np.random.Generator
    ) -> None:
        self.problem, self.sgd, self.thresholds, self.walkers, self.rng = problem, sgd, thresholds, walkers, rng
        self.optimum = problem.solution(sgd.weight_decay)
        self.w = np.tile(self.optimum, (walkers, 1))
        self.v = np.zeros_like(self.w)
        self.weight = np.full(walkers, 1 / walkers)
        self.innermost = 0.0

    def run(self, steps: int, settling: int) -> tuple[FloatArray, int]:
        """Return the mean weight beyond each threshold and the steps taken."""
        total, cost = np.zeros(self.thresholds.size), 0
        for k in range(settling + steps):
            cost += len(self.w)
            self._step()
            distance = np.sqrt(np.sum((self.w - self.optimum) ** 2, axis=1))
            if k == _FREE:  # the shells begin where half of the walkers are by then
                self.innermost = min(float(np.median(distance)), self.thresholds[0]) or self.thresholds[0]
            if k >= settling:
                total += (distance[:, None] > self.thresholds).T @ self.weight
            if k >= _FREE:
                self._split(distance)
        return total / steps, cost

    def _step(self) -> None:
        sgd, (x, y) = self.sgd, self._batch()
        residual = np.einsum("nbi,ni->nb", x, self.w) - y
        gradient = np.einsum("nbi,nb->ni", x, residual) / sgd.batch_size + sgd.weight_decay * self.w
        self.v = sgd.momentum * self.v - sgd.gradient_weight * gradient
        ahead = sgd.momentum * self.v - gradient if sgd.nesterov else self.v
        self.w = self.w + sgd.lr * ahead

    def _batch(self) -> tuple[FloatArray, FloatArray]:
        """Return features (n, b, d) and labels (n, b)."""
        n, b, law = len(self.w), self.sgd.batch_size, self.problem.features
        if isinstance(law, FiniteData):
            rows = self.rng.integers(len(law.y), size=(n, b))
            return law.X[rows], law.y[rows]
        x = law.sample(n * b, self.rng).reshape(n, b, -1)
        y = x @ self.problem.optimum
        if self.problem.noise is not None:
            y = y + self.problem.noise_std * self.problem.noise.sample(n * b, self.rng).reshape(n, b)
        return x, y

    def _split(self, distance: FloatArray) -> None:
        """Replace the walkers of each shell by `walkers` copies of equal weight, drawn systematically."""
        radius = np.maximum(distance / self.innermost, 1e-300)
        last = math.ceil(math.log(self.thresholds[-1] / self.innermost) / math.log(SHELL)) + 1
        shell = np.clip(np.floor(np.log(radius) / math.log(SHELL)), -1, last).astype(np.int64)
        order = np.argsort(shell, kind="stable")
        heaviness = self.weight[order]
        starts = np.flatnonzero(np.diff(shell[order], prepend=-2))
        totals = np.add.reduceat(heaviness, starts)
        ends = np.append(starts[1:], len(order))
        chosen = []
        for start, end, total in zip(starts, ends, totals, strict=True):
            points = (np.arange(self.walkers) + self.rng.random()) / self.walkers * total
            picked = np.searchsorted(np.cumsum(heaviness[start:end]), points)
            chosen.append(order[start + np.minimum(picked, end - start - 1)])
        kept = np.concatenate(chosen)
        self.w, self.v = self.w[kept], self.v[kept]
        self.weight = np.repeat(totals / self.walkers, self.walkers)
