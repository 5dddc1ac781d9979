r"""How often SGD is far out: tail probabilities down to 1e-12, by weighted ensembles.

The distance |w - w*| is cut into shells, each a factor wider than the last. After every step the
walkers in a shell are replaced by a fixed number of copies that carry the shell's total weight in
equal parts (Huber and Kim 1996): the mean weight of any set stays what it was, and walkers stand
where brute force has none. The weight beyond t, averaged over the steps after settling, is P(|w -
w*| > t). Nothing about the tail is assumed; independent replicas give the error, and the two halves
of the steps say whether the weights had settled. With momentum w swings through w* at full speed on
its way out, and the shells are those of |w - w*|^2 + lr |v|^2 / lambda_max(H), which a swing keeps
up to friction.

At small learning rates w goes far by single huge features, which no shell makes likelier. Gaussian
features are therefore drawn by strata: the component of the first sample along w - w* is a normal
variable, and fixed shares of each shell draw its size beyond the quantiles of 0.1 and ever less,
their weights being multiplied by the stratum's probability over its share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtri
from scipy.stats import t as student

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.jit import specialised
from linsgd.montecarlo.updates.table import UPDATES
from linsgd.montecarlo.updates.update import make_step
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData, GaussianFeatures
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee, Result, Status

SHELL = 1.6  # ratio of the radii of a shell
_FREE = 20  # steps before the first split
# b / lr: the squared feature that sends w far out most cheaply at small lr, 1 + y in `asymptotics`
_FAR = 4.6
_RARE = 5  # strata besides the likely one, which has half of the walkers
_CHANCE = 1e-4  # of calling settled weights drifting, over all thresholds


class RareEventStatus(Status):
    """Whether the probabilities are those of a stationary law."""

    OK = "ok"
    DRIFTING = "drifting"  # the weights still change: settle longer, or no stationary law exists
    # beyond a threshold there was nothing: light tails, or too few steps to get there
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RareEvents(Result):
    """Tail probabilities of the distance to the optimum.

    Attributes
    ----------
    thresholds, probability, lower, upper : ndarray (m,)
        t, P(|w - w*| > t) and its interval.
    relative_error : ndarray (m,)
        Standard error over probability; inf, and the interval [0, 1], beyond what was reached.
    confidence : float
        Of each interval.
    walker_steps : int
        The steps that were taken: the cost.
    status : RareEventStatus
        "ok"; "drifting" where the second half of the steps differs from the first (nan where
        walkers overflowed): in a weight by more than chance or by a factor of two, or by a factor
        of two in the typical distance; "unseen" where no walker came beyond a threshold.
    """

    thresholds: FloatArray
    probability: FloatArray
    lower: FloatArray
    upper: FloatArray
    relative_error: FloatArray
    confidence: float
    walker_steps: int
    status: RareEventStatus
    guarantee: Guarantee = Guarantee.STATISTICAL

    def local_exponent(self) -> FloatArray:
        """Return -d log P / d log t between neighbouring thresholds (m - 1,); nan if unreached."""
        unreached = np.full(self.probability.size, np.nan)
        logs = np.log(self.probability, out=unreached, where=self.probability > 0)
        slope: FloatArray = -np.diff(logs) / np.diff(np.log(self.thresholds))
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
        Steps averaged over, at least 2, after how many that are not.
    walkers : int
        A shell, at least 2; features are drawn by strata from 10.
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
    >>> problem, sgd = LinearRegression.gaussian([1.0]), SGD(lr=1.0)
    >>> found = rare_events(problem, sgd, [10.0, 100.0], steps=200, replicas=4)
    >>> bool(found.probability[1] < found.probability[0] < 0.2)
    True
    """
    accept(problem, sgd)
    sgd.check(problem)
    if sgd.sampling != "independent" or not sgd.replacement:
        domains.refuse("sgd", sgd, "independent batches with replacement")
    t = domains.array("thresholds", thresholds, (None,))
    if t[0] <= 0 or np.any(np.diff(t) <= 0):
        domains.refuse("thresholds", t.tolist(), "increasing positive numbers")
    for name, value in (("walkers", walkers), ("replicas", replicas), ("steps", steps)):
        domains.integer(name, value, "[2, inf)")
    domains.integer("settling", settling, "[0, inf)")
    domains.integer("seed", seed, "[0, inf)")
    domains.real("confidence", confidence, "(0, 1)")

    streams = np.random.SeedSequence(seed).spawn(replicas)
    runs = [
        _Replica(problem, sgd, t, walkers, np.random.default_rng(s)).run(steps, settling)
        for s in streams
    ]
    halves = np.array([means for means, _ in runs])
    probabilities = halves[..., :-1].mean(axis=1)
    mean, error = _mean_and_error(probabilities)
    width = float(student.ppf((1 + confidence) / 2, replicas - 1)) * error
    seen = mean != 0  # nan: overflow
    return RareEvents(
        thresholds=t,
        probability=mean,
        lower=np.where(seen, np.maximum(mean - width, 0.0), 0.0),
        upper=np.where(seen, np.minimum(mean + width, 1.0), 1.0),
        relative_error=np.divide(error, mean, out=np.full(t.size, np.inf), where=seen),
        confidence=confidence,
        walker_steps=sum(cost for _, cost in runs),
        status=_status(halves),
    )


def _mean_and_error(replicas: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean over independent replicas (n, m) and its standard error."""
    spread = replicas.std(axis=0, ddof=1)
    error: FloatArray = spread / math.sqrt(len(replicas))
    return replicas.mean(axis=0), error


def _status(halves: FloatArray) -> RareEventStatus:
    """Compare the halves (replicas, 2, m + 1) by a paired Student test and a factor of two.

    While walkers are still on their way out replicas scatter as much as they drift, and the test
    alone sees nothing.
    """
    drift, error = _mean_and_error(halves[:, 1] - halves[:, 0])
    thresholds = drift.size - 1
    bound = float(student.isf(_CHANCE / (2 * thresholds), len(halves) - 1))
    within_chance = np.abs(drift[:-1]) <= bound * error[:-1]

    weights = halves[..., :-1]
    first, second = weights.mean(axis=0)
    within_two = (first <= 2 * second) & (second <= 2 * first)

    distance_settled = abs(drift[-1]) < math.log(2)
    if not (within_chance.all() and within_two.all() and distance_settled):
        return RareEventStatus.DRIFTING
    reached = weights.any(axis=(0, 1))
    return RareEventStatus.OK if reached.all() else RareEventStatus.UNSEEN


class _Replica:
    """One replica: positions and velocities (n, d) of weighted walkers."""

    def __init__(
        self,
        problem: LinearRegression,
        sgd: SGD,
        thresholds: FloatArray,
        walkers: int,
        rng: np.random.Generator,
    ) -> None:
        self.problem, self.sgd = problem, sgd
        self.thresholds = thresholds
        self.walkers = walkers
        self.rng = rng
        # the optimizer goes on from v = 0 at the optimum: no undampened first step
        self.update = UPDATES[type(sgd)].of(sgd, False, np.float64)
        self.make_step = specialised(make_step, self.update)
        self.optimum = problem.solution(sgd.weight_decay)
        self.w = np.tile(self.optimum, (walkers, 1))
        self.v = np.zeros_like(self.w)
        self.more = np.zeros((self.update.slots, *self.w.shape))
        self.weight = np.full(walkers, 1 / walkers)
        self.innermost = 0.0
        self.H = problem.covariance()
        self.swing = math.sqrt(sgd.lr / float(problem.eigenvalues.max())) if sgd.momentum else 0.0
        self.strata, self.counts = _strata(problem, sgd, walkers)

    def run(self, steps: int, settling: int) -> tuple[FloatArray, int]:
        """Return means (2, m + 1) over both halves of the steps averaged over, and the steps taken.

        They are of the weight beyond each threshold and of log(1 + distance / t_1), which tells a
        law that runs away.
        """
        half, cost = steps // 2, 0
        total = np.zeros((2, self.thresholds.size + 1))
        for k in range(settling + steps):
            cost += len(self.w)
            with np.errstate(over="ignore", invalid="ignore"):
                self._step(k)
                distance = np.sqrt(np.sum((self.w - self.optimum) ** 2, axis=1))
            if not np.isfinite(distance).all():
                return np.full_like(total, np.nan), cost
            reach = self._reach(distance)
            if k == _FREE:
                self._place_shells(reach)
            if k >= settling:
                total[int(k - settling >= half)] += self.weight @ self._seen(distance)
            if k >= _FREE:
                self._split(reach)
        return total / np.array([[half], [steps - half]]), cost

    def _step(self, k: int) -> None:
        """Make step number k by the optimizer's own update."""
        x, y = self._batch()
        residual = np.einsum("nbi,ni->nb", x, self.w) - y
        gradient = np.einsum("nbi,nb->ni", x, residual) / self.sgd.batch_size
        gradient += self.sgd.weight_decay * self.w
        self.make_step(self.update, k, self.w, self.v, self.more, gradient)

    def _reach(self, distance: FloatArray) -> FloatArray:
        """Return the distance (n,), or with momentum sqrt(|w - w*|^2 + lr |v|^2 / lambda_max)."""
        speed = np.sqrt(np.sum(self.v**2, axis=1))
        reach: FloatArray = np.hypot(distance, self.swing * speed)
        return reach

    def _place_shells(self, reach: FloatArray) -> None:
        """Begin the shells where half of the walkers are, or at the first threshold."""
        middle = min(float(np.median(reach)), self.thresholds[0])
        self.innermost = middle or self.thresholds[0]

    def _seen(self, distance: FloatArray) -> FloatArray:
        """Return whether each walker is beyond each threshold, and its log-distance (n, m + 1)."""
        beyond = distance[:, None] > self.thresholds
        return np.column_stack([beyond, np.log1p(distance / self.thresholds[0])])

    def _batch(self) -> tuple[FloatArray, FloatArray]:
        """Return features (n, b, d) and labels (n, b), in strata once the shells are full."""
        n = len(self.w)
        b = self.sgd.batch_size
        law = self.problem.features
        noise = self.problem.noise
        if isinstance(law, FiniteData):
            rows = self.rng.integers(len(law.y), size=(n, b))
            return law.X[rows], law.y[rows]
        x = law.sample(n * b, self.rng).reshape(n, b, -1)
        if isinstance(law, GaussianFeatures) and self.innermost:
            self._stratify(x[:, 0])
        y = x @ self.problem.optimum
        if noise is not None:
            e = noise.sample(n * b, self.rng).reshape(n, b)
            y = y + self.problem.noise_std * e
        return x, y

    def _stratify(self, x: FloatArray) -> None:
        """Redraw features x (n, d) along w - w* by strata; shells keep their weight.

        With u = w - w* the component z = x.u / sqrt(u'H u) is standard normal and independent of
        x - z H u / sqrt(u'H u). In a stratum |z| has a tail probability p uniform between two
        bounds: |z| = -ndtri(p / 2). The weight is multiplied by the stratum's probability over its
        share of the walkers.
        """
        away = self.w - self.optimum
        pull = away @ self.H
        variance = np.einsum("ni,ni->n", away, pull)
        moved = variance > 0
        norm = np.sqrt(np.where(moved, variance, 1.0))

        shells = len(x) // self.walkers
        of_shell = np.repeat(np.arange(self.counts.size), self.counts)
        stratum = self.rng.permuted(np.tile(of_shell, (shells, 1)), axis=1).ravel()
        likely = self.strata[stratum]
        unlikely = self.strata[stratum + 1]

        p = unlikely + (likely - unlikely) * self.rng.random(len(x))
        sign = self.rng.choice(np.array([-1.0, 1.0]), len(x))
        drawn = sign * -ndtri(p / 2)
        shift = np.where(moved, drawn - np.einsum("ni,ni->n", x, away) / norm, 0.0)
        x += (shift / norm)[:, None] * pull

        ratio = (likely - unlikely) * self.walkers / self.counts[stratum]
        self.weight = self.weight * np.where(moved, ratio, 1.0)

    def _split(self, reach: FloatArray) -> None:
        """Replace the walkers of each shell by `walkers` systematic copies of equal weight.

        Shell number s holds SHELL^s <= reach / innermost < SHELL^(s + 1); -1 is all within, the
        last all beyond. Copy i of a shell of total weight T is the walker at which the cumulative
        weight passes (i + u) T / walkers, u uniform.
        """
        radius = np.maximum(reach / self.innermost, 1e-300)
        farthest = math.log(self.thresholds[-1] / self.innermost) / math.log(SHELL)
        shell = np.floor(np.log(radius) / math.log(SHELL))
        shell = np.clip(shell, -1, math.ceil(farthest) + 1).astype(np.int64)

        order = np.argsort(shell, kind="stable")
        weight = self.weight[order]
        starts = np.flatnonzero(np.diff(shell[order], prepend=-2))
        ends = np.append(starts[1:], len(order))
        totals = np.add.reduceat(weight, starts)
        chosen = []
        for start, end, total in zip(starts, ends, totals, strict=True):
            points = (np.arange(self.walkers) + self.rng.random()) / self.walkers * total
            picked = np.searchsorted(np.cumsum(weight[start:end]), points)
            last = end - start - 1  # rounding may place the last point beyond the sum
            chosen.append(order[start + np.minimum(picked, last)])

        kept = np.concatenate(chosen)
        self.w = self.w[kept]
        self.v = self.v[kept]
        self.more = self.more[:, kept]
        self.weight = np.repeat(totals / self.walkers, self.walkers)


def _strata(problem: LinearRegression, sgd: SGD, walkers: int) -> tuple[FloatArray, IntArray]:
    """Return the falling chances that bound strata (m + 1,), and their walkers a shell (m,).

    The likely stratum, with chances of 0.1 to 1, has half of the walkers. The others are even in
    the logarithm of the chance, down to that of the squared feature b _FAR / lr, by which w gets
    far out.
    """
    rare = walkers // (2 * _RARE)
    if not rare:
        return np.array([1.0, 0.0]), np.array([walkers])
    step = sgd.lr * sgd.gradient_weight * float(problem.eigenvalues.max()) / (1 - sgd.momentum)
    size = math.sqrt(_FAR * sgd.batch_size / step)
    log_chance = math.log(2) + float(log_ndtr(-size))
    least = np.clip(log_chance, -300.0, math.log(0.02))
    tail = np.exp(np.linspace(math.log(0.1), least, _RARE + 1)[:-1])
    return np.array([1.0, *tail, 0.0]), np.array([walkers - _RARE * rare, *[rare] * _RARE])
