"""`simulate`: an ensemble of chains and its averages with their errors."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from linsgd import domains
from linsgd.blocks import Arrays, Progress, accept_calls, map_blocks
from linsgd.domains import FloatArray, IntArray
from linsgd.montecarlo.fold import Fold, Kept
from linsgd.montecarlo.observables.averaged_weights import AveragedWeights
from linsgd.montecarlo.observables.chain_average import ChainAverage, StateFunction
from linsgd.montecarlo.observables.observable import Average, Observable, increasing_steps
from linsgd.montecarlo.observables.state_moments import StateMoments
from linsgd.montecarlo.observables.states import STATES
from linsgd.montecarlo.random.seeds import Seed
from linsgd.montecarlo.tiles import Tiles
from linsgd.montecarlo.walks.engine import Engine, Precision, walks
from linsgd.optimizers.averages import AVERAGES, IterateAverage
from linsgd.optimizers.optimizer import Optimizer
from linsgd.optimizers.schedule import Schedule
from linsgd.optimizers.scheduled_sgd import ScheduledSGD
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result, Status, rounded, summary
from linsgd.variates import LANES

SMALLEST_BLOCK = 256  # chains a scheduled block
MOST_BLOCKS = 256  # a look is cut into; more would cost a scheduler more than they spread
FIRST_LOOK = 1024  # chains at the first look of `until`; each look doubles them

Recorded = Observable | StateFunction | IterateAverage

# Parts of the mean and of the covariance of (w, v), by the names that predictions give them.
PARTS: Mapping[str, tuple[str, str]] = {
    "velocity_mean": ("mean", "v"),
    "position_covariance": ("covariance", "ww"),
    "cross_covariance": ("covariance", "wv"),
    "velocity_covariance": ("covariance", "vv"),
}


class EnsembleStatus(Status):
    """How an ensemble ended."""

    OK = "ok"
    DIVERGED = "diverged"  # a recorded average overflowed
    # by KeyboardInterrupt: the averages are over the chains of `chains`
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Ensemble(Result):
    """Averages over independent chains.

    The moments have the names and the shapes that `linsgd.moments` gives them, K first unless the
    simulation was asked for a single number of steps. They are
    recorded by `StateMoments`, which ``record=`` may leave out.

    Attributes
    ----------
    status : EnsembleStatus
        ok, diverged or interrupted.
    steps : ndarray (K,)
        The steps asked for.
    chains : int
        Chains averaged, from chain 0 on.
    looks : int
        How often `until` was judged; 0 without it.
    seed : int
        Of the streams.
    engine, dtype : str
        As asked for.
    values, errors : mapping of str to ndarray
        What was recorded and its standard errors; inf where there is one tile of 64 chains only.
    states : ndarray (K, chains, 2d) or None
        The states (w, v) themselves, in the problem's coordinates, where ``record=`` had `States`.

    See Also
    --------
    linsgd.moments : The exact law and its approximations.

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0, 0.5]), linsgd.SGD(lr=0.1)
    >>> run = linsgd.simulate(problem, sgd, steps=50)
    >>> exact = linsgd.moments(problem, sgd, steps=50)
    >>> lower, upper = run.interval("excess_loss")
    >>> bool(lower < exact.excess_loss < upper), run.position_variance.shape
    (True, (2,))
    """

    status: EnsembleStatus
    steps: IntArray
    chains: int
    looks: int
    seed: int
    engine: Engine
    dtype: Precision
    values: Mapping[str, FloatArray]
    errors: Mapping[str, FloatArray]
    states: FloatArray | None = field(default=None, repr=False)

    def value(self, name: str) -> FloatArray:
        """Return a recorded average by its name."""
        return self._named(self.values, name)

    def standard_error(self, name: str = "mean") -> FloatArray:
        """Return the standard errors of a recorded average, in its shape."""
        return self._named(self.errors, name)

    def interval(self, name: str, confidence: float = 0.99) -> tuple[FloatArray, FloatArray]:
        """Return the ends of a confidence interval for each number of a recorded average.

        Tiles of 64 chains are independent replicates: the half-width is the standard error times
        the quantile of Student's law with one degree of freedom less than there are tiles. It holds
        as far as the means of tiles are normal; where the law has no fourth moment, variances and
        losses have no standard error, whatever the chains that were drawn say.

        Parameters
        ----------
        name : str
            Of an average.
        confidence : float
            Of the interval of a single number, in (0, 1).

        Returns
        -------
        lower, upper : ndarray or float
            In the shape of the average; infinite where there is one tile only.
        """
        domains.real("confidence", confidence, "(0, 1)")
        value = self.value(name)
        error = self.standard_error(name)
        freedom = (self.chains + LANES - 2) // LANES - 1  # a tile of one chain adds nothing
        quantile = stdtrit(freedom, (1 + confidence) / 2) if freedom > 0 else np.inf
        with np.errstate(invalid="ignore"):  # diverged averages, and inf times an error of 0
            half = np.where(error == 0, 0.0, quantile * error)[()]
            return value - half, value + half

    def mean(self) -> FloatArray:
        """Return the mean of (w, v) at `steps`: (K, 2d), or (2d,) for a single number of steps."""
        return self.value("mean")

    def covariance(self) -> FloatArray:
        """Return the unbiased covariance of (w, v): (K, 2d, 2d), or (2d, 2d) for a single step."""
        return self.value("covariance")

    @property
    def velocity_mean(self) -> FloatArray:
        """The mean of v (d,) in the problem's coordinates."""
        return self.value("velocity_mean")

    @property
    def position_variance(self) -> FloatArray:
        """Var w (d,) along the eigenvectors of H, in the order of ``problem.eigenvalues``."""
        return self.value("position_variance")

    @property
    def velocity_variance(self) -> FloatArray:
        """Var v (d,) along the eigenvectors of H."""
        return self.value("velocity_variance")

    @property
    def position_velocity_covariance(self) -> FloatArray:
        """Cov(w, v) (d,) along each eigenvector of H."""
        return self.value("position_velocity_covariance")

    @property
    def excess_loss(self) -> FloatArray:
        """E[L(w)] - min L, above the minimum of the regularised loss; a float for a single step."""
        return self.value("excess_loss")

    @property
    def excess_risk(self) -> FloatArray:
        """E[R(w)] - R(w*), without the regularisation; a float for a single step."""
        return self.value("excess_risk")

    def position_covariance(self) -> FloatArray:
        """Return Cov(w, w) (d, d) in the problem's coordinates."""
        return self.value("position_covariance")

    def velocity_covariance(self) -> FloatArray:
        """Return Cov(v, v) (d, d) in the problem's coordinates."""
        return self.value("velocity_covariance")

    def cross_covariance(self) -> FloatArray:
        """Return Cov(w, v) (d, d) in the problem's coordinates: entry (i, j) is Cov(w_i, v_j)."""
        return self.value("cross_covariance")

    def rows(self) -> list[tuple[str, str]]:
        """Return what is printed: the run, and the first numbers of each average with errors."""
        run = [
            (name, str(getattr(self, name)))
            for name in ("status", "steps", "chains", "seed", "engine", "dtype")
        ]
        averages = [(name, _first(value, self.errors[name])) for name, value in self.values.items()]
        kept = [] if self.states is None else [(STATES, summary(self.states))]
        return run + averages + kept

    def _named(self, averages: Mapping[str, FloatArray], name: str) -> FloatArray:
        """Return an average or a part of one; the radial engine's mean has no such parts."""
        whole, halves = PARTS.get(name, ("", ""))
        if whole not in averages or self.engine == "radial":
            average = averages[domains.choice("name", name, tuple(averages))]
            return average[()]  # a number in place of an array without axes
        d = averages[whole].shape[-1] // 2
        part = {"w": slice(d), "v": slice(d, None)}
        index: Any = (Ellipsis, *(part[half] for half in halves))
        selected: FloatArray = averages[whole][index]
        return selected


def simulate(
    problem: LinearRegression,
    sgd: Optimizer,
    steps: ArrayLike,
    chains: int = 1024,
    seed: Seed = 0,
    start: tuple[ArrayLike, ArrayLike] | None = None,
    record: Recorded | Sequence[Recorded] | None = None,
    engine: Engine = "full",
    dtype: Precision = "float64",
    until: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    schedule: Schedule | None = None,
    momentum_schedule: Schedule | None = None,
    batch_schedule: Schedule | None = None,
) -> Ensemble:
    """Run independent chains of the optimizer and average over them.

    The result is the same to the last bit for any executor, any number of workers and any
    interruption and resumption, on one type of processor and one set of versions; elsewhere it
    agrees to rounding.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        The optimizer.
    steps : int or array_like (K,) of int
        When to look, increasing; the last ends the simulation.
    chains : int
        How many chains, at least 2; with `until` the most.
    seed : int, SeedSequence or Generator
        In [0, 2**64).
    start : tuple (w, v) of array_like (d,), optional
        Where the optimizer goes on from, v = -buf. By default it starts fresh at w = 0, first step
        undampened.
    record : observable, function f(w, v), or sequence of them, optional
        What to average in place of ``StateMoments()``: also ``Autocovariance``,
        ``SquaredDisplacement``, ``Exceedance``, ``FirstPassage``, ``BlockLogs``, in memory that
        does not grow with the steps. A function of the positions and the velocities (n, d) of n
        chains that returns a value of each, (n,) or (n, ...), is averaged at `steps` under its own
        name (``ChainAverage``). ``States()`` keeps the states of all chains. A ``TailAverage`` or
        an ``ExponentialAverage`` gives the mean and the variance of that average of the weights.
    engine : {"full", "reduced", "radial"}
        "full" is the algorithm itself. "reduced" has the same law at O(d) a step, for Gaussian
        features and noise; "radial" at O(1) if besides H = h I, d >= 2, and weight_decay = 0 or w*
        = 0, for radial observables only.
    dtype : {"float64", "float32"}
        Precision of states and draws. float32's normal draws end at 6.56 standard deviations, so it
        is refused for observables of tails.
    until : float, optional
        Relative precision, in (0, 1): look at 1024, 2048, 4096, ... chains and stop when for each
        average the norm of its errors is below `until` times its norm; of those of ``StateMoments``
        only the covariance counts. Errors judged at a stopping time are slightly too small.
    checkpoint : path, optional
        Folder that keeps finished blocks; started again with the same arguments the simulation goes
        on from them. Refused with a function f(w, v), whose change a block could not show.
    executor : concurrent.futures.Executor, optional
        Where blocks of 256 chains or more are computed; by default threads.
    progress : callable, optional
        Called with (blocks done, blocks in all).
    schedule, momentum_schedule, batch_schedule : Schedule, optional
        Factors of the learning rate, of the momentum and of the batch size of an `SGD`, step by
        step; the momentum must stay in (0, 1), batch sizes must be whole numbers.

    Returns
    -------
    Ensemble
        Averages and their standard errors. After a KeyboardInterrupt those over the finished
        chains, status interrupted.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or the engine does not simulate the problem.

    Examples
    --------
    >>> from linsgd import SGD, LinearRegression
    >>> ensemble = simulate(LinearRegression.gaussian([1.0]), SGD(lr=0.1), steps=200, chains=4096)
    >>> float(ensemble.covariance()[0, 0]), float(ensemble.standard_error("covariance")[0, 0])
    (0.05..., 0.001...)
    """
    at = increasing_steps("steps", steps)
    stepper = sgd
    given = (schedule, momentum_schedule, batch_schedule)
    if any(each is not None for each in given):
        stepper = ScheduledSGD.of(_plain(sgd), *given, int(at[-1]))
    described = walks(problem, stepper, seed, start, engine, dtype)
    accept_calls(executor, progress)
    observables = _observables(record, dtype)
    table = _table(observables)
    tiles = Tiles(walks=described, record=observables, at=at)
    chains = domains.integer("chains", chains, "[2, inf)")
    looks = _looks(chains, until, table)
    if checkpoint is not None and any(type(o) is ChainAverage for o in observables):
        domains.refuse("checkpoint", checkpoint, "None where a function f(w, v) is recorded")
    for observable in observables:
        observable.needs(tiles.at)
        observable.recorder(described, tiles.at)
    sums = _Sums(table)
    status, looked = _run(tiles, looks, until, sums, checkpoint, executor, progress)
    single = np.ndim(steps) == 0
    values = {name: sums.shaped(name, fold.mean, single) for name, fold in sums.folds.items()}
    errors = {name: sums.shaped(name, fold.error(), single) for name, fold in sums.folds.items()}
    states = sums.kept[STATES].chains(sums.chains) if STATES in sums.kept else None
    if not all(np.isfinite(value).all() for value in values.values()):
        status = EnsembleStatus.DIVERGED
    return Ensemble(
        status=status,
        steps=tiles.at,
        chains=sums.chains,
        looks=looked,
        seed=described.seed,
        engine=engine,
        dtype=dtype,
        values=values,
        errors=errors,
        states=None if states is None else sums.shaped(STATES, states, single),
    )


def _plain(sgd: Optimizer) -> SGD:
    """Return the optimizer that a schedule is for."""
    if type(sgd) is not SGD:
        domains.refuse_type("sgd", sgd, "exactly of type linsgd.SGD where a schedule is given")
    return sgd


def _observables(
    record: Recorded | Sequence[Recorded] | None, dtype: str
) -> tuple[Observable, ...]:
    """Return what is recorded, functions as averages over chains."""
    if record is None:
        return (StateMoments(),)
    given = record if isinstance(record, Sequence) and not isinstance(record, str) else (record,)
    observables = tuple(map(_observable, given))
    for observable in observables:
        if observable.needs_float64 and dtype != "float64":
            named = f"{dtype!r} with {type(observable).__name__}, whose tails its normal draws cut"
            domains.refuse("dtype", named, "'float64'")
    return observables


def _observable(given: Any) -> Observable:
    expected = "observables such as linsgd.StateMoments(), or functions f(w, v)"
    if isinstance(given, type):
        domains.refuse("record", f"the class {given.__name__}", f"an instance, {given.__name__}()")
    if isinstance(given, AVERAGES):
        return AveragedWeights(given)
    if hasattr(given, "recorder") and hasattr(given, "averages"):
        observable: Observable = given
        return observable
    if not callable(given):
        domains.refuse("record", given, expected)
    return ChainAverage(given)


def _table(observables: Sequence[Observable]) -> dict[str, Average]:
    """Return the averages of all observables by their names."""
    entries = [entry for observable in observables for entry in observable.averages.items()]
    table = dict(entries)
    if not entries or len(table) < len(entries):
        given = [name for name, _ in entries]
        domains.refuse("record", given, "at least one observable, no two of one name")
    return table


def _looks(chains: int, until: float | None, table: Mapping[str, Average]) -> list[range]:
    """Return the chains added at each look."""
    ends = [chains]
    if until is not None:
        domains.real("until", until, "(0, 1)")
        if not any(average.judged for average in table.values()):
            domains.refuse("until", until, "None unless an average is recorded that it waits for")
        ends = [*(FIRST_LOOK << k for k in range(64) if FIRST_LOOK << k < chains), chains]
    return [range(a, b) for a, b in zip([0, *ends], ends, strict=False)]


def _blocks(chains: range) -> list[range]:
    """Cut chains into blocks of whole tiles."""
    size = max(SMALLEST_BLOCK, LANES * -(-len(chains) // (LANES * MOST_BLOCKS)))
    return [chains[i : i + size] for i in range(0, len(chains), size)]


@dataclass(slots=True)
class _Sums:
    """Sums over the tiles of the first chains, folded in tile order."""

    table: Mapping[str, Average]
    folds: dict[str, Fold] = field(default_factory=dict)
    kept: dict[str, Kept] = field(default_factory=dict)
    chains: int = 0

    def add(self, block: range, averages: Arrays) -> None:
        """Add the averages (tiles, ...) of a block of chains."""
        for i, first in enumerate(block[::LANES]):
            lanes = min(LANES, block.stop - first)
            for name, tiles in averages.items():
                average = self.table[name]
                if average.every_chain:
                    self.kept.setdefault(name, Kept()).add(tiles[i])
                else:
                    self.folds.setdefault(name, Fold()).add(tiles[i], lanes - average.lost)
        self.chains = block.stop

    def precision(self) -> float:
        """Return the largest relative error, in norm, over the averages that are judged."""
        judged = [fold for name, fold in self.folds.items() if self.table[name].judged]
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios = [np.linalg.norm(fold.error()) / np.linalg.norm(fold.mean) for fold in judged]
        return float(max(ratios))

    def shaped(self, name: str, average: FloatArray, single: bool) -> FloatArray:
        """Return an average read-only, without the axis of steps if there is a single one."""
        average = average[0] if single and self.table[name].per_step else average
        average = np.asarray(average)
        average.flags.writeable = False
        return average


def _run(
    tiles: Tiles,
    looks: list[range],
    until: float | None,
    sums: _Sums,
    checkpoint: str | os.PathLike[str] | None,
    executor: Executor | None,
    progress: Progress | None,
) -> tuple[EnsembleStatus, int]:
    """Add the tiles in order until a look is precise enough; return status and looks taken."""
    blocks = [_blocks(look) for look in looks]
    total = sum(map(len, blocks))
    key = "" if checkpoint is None else tiles.key()
    for k, in_look in enumerate(blocks):
        before = sum(map(len, blocks[:k]))
        told = None if progress is None else _shifted(progress, before, total)
        found = map_blocks(
            tiles, in_look, key=key, checkpoint=checkpoint, executor=executor, progress=told
        )
        try:
            for block, averages in zip(in_look, found, strict=True):
                sums.add(block, averages)
        except KeyboardInterrupt:
            if not sums.chains:
                raise
            return EnsembleStatus.INTERRUPTED, k
        if until is not None and sums.precision() <= until:
            return EnsembleStatus.OK, k + 1
    return EnsembleStatus.OK, 0 if until is None else len(looks)


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    """Return a function that counts the blocks of earlier looks as done."""
    return lambda done, _: progress(before + done, total)


def _first(value: FloatArray, error: FloatArray) -> str:
    """Return the first six numbers of an average with their errors."""
    pairs = zip(value.ravel()[:6].tolist(), error.ravel()[:6].tolist(), strict=True)
    return ", ".join(rounded(v, e) for v, e in pairs) + (", ..." if value.size > 6 else "")
