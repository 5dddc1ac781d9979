"""`simulate`: an ensemble of chains and its averages with their errors."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.blocks import Progress, map_blocks
from linsgd.domains import FloatArray, IntArray
from linsgd.montecarlo.fold import Fold
from linsgd.montecarlo.observables.observable import Observable, step_argument
from linsgd.montecarlo.observables.state_moments import StateMoments
from linsgd.montecarlo.tiles import Tiles
from linsgd.montecarlo.walks.engine import walks
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result, Status, rounded
from linsgd.variates import LANES

SMALLEST_BLOCK = 256  # chains a scheduled block
MOST_BLOCKS = 256  # a look is cut into; more would cost a scheduler more than they spread
FIRST_LOOK = 1024  # chains at the first look of `until`; each look doubles them


class EnsembleStatus(Status):
    """What became of an ensemble."""

    OK = "ok"
    DIVERGED = "diverged"  # a recorded average overflowed
    INTERRUPTED = (
        "interrupted"  # by KeyboardInterrupt: the averages are over the chains of `chains`
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Ensemble(Result):
    """Averages over independent chains.

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
    """

    status: EnsembleStatus
    steps: IntArray
    chains: int
    looks: int
    seed: int
    engine: str
    dtype: str
    values: Mapping[str, FloatArray]
    errors: Mapping[str, FloatArray]

    def value(self, name: str) -> FloatArray:
        """Return a recorded average by its name."""
        return self.values[domains.choice("name", name, tuple(self.values))]

    def standard_error(self, name: str = "mean") -> FloatArray:
        """Return the standard errors of a recorded average, in its shape."""
        return self.errors[domains.choice("name", name, tuple(self.errors))]

    def mean(self) -> FloatArray:
        """Return the mean of (w, v) at `steps`: (K, 2d), or (2d,) for a single number of steps."""
        return self.value("mean")

    def covariance(self) -> FloatArray:
        """Return the unbiased covariance of (w, v): (K, 2d, 2d), or (2d, 2d) for a single step."""
        return self.value("covariance")

    def rows(self) -> list[tuple[str, str]]:
        """Return what is printed: the run, and the first numbers of each average with errors."""
        run = [
            (name, str(getattr(self, name)))
            for name in ("status", "steps", "chains", "seed", "engine", "dtype")
        ]
        return run + [
            (name, _first(value, self.errors[name])) for name, value in self.values.items()
        ]


def simulate(
    problem: LinearRegression,
    sgd: SGD,
    steps: ArrayLike,
    chains: int = 1024,
    seed: int = 0,
    start: tuple[ArrayLike, ArrayLike] | None = None,
    record: Observable | Sequence[Observable] | None = None,
    engine: str = "full",
    dtype: str = "float64",
    until: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
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
    seed : int
        In [0, 2**64).
    start : tuple (w, v) of array_like (d,), optional
        Where the optimizer goes on from, v = -buf. By default it starts fresh at w = 0, first step
        undampened.
    record : observable or sequence of them, optional
        What to average in place of ``StateMoments()``: also ``Autocovariance``,
        ``SquaredDisplacement``, ``Exceedance``, ``FirstPassage``, ``BlockLogs``. Memory does not
        grow with the steps.
    engine : {"full", "reduced", "radial"}
        "full" is the algorithm itself. "reduced" has the same law at O(d) a step, for Gaussian
        features and noise; "radial" at O(1) if besides H = h I, d >= 2, and weight_decay = 0 or w*
        = 0, for radial observables only.
    dtype : {"float64", "float32"}
        Precision of states and draws. float32's normal draws end at 6.56 standard deviations, so it
        is refused for observables of tails.
    until : float, optional
        Relative precision, in (0, 1): look at 1024, 2048, 4096, ... chains and stop when for each
        average but the mean the norm of its errors is below `until` times its norm. Errors judged
        at a stopping time are slightly too small.
    checkpoint : path, optional
        Folder that keeps finished blocks; started again with the same arguments the simulation goes
        on from them.
    executor : concurrent.futures.Executor, optional
        Where blocks of 256 chains or more are computed; by default threads.
    progress : callable, optional
        Called with (blocks done, blocks in all).

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
    described = walks(problem, sgd, seed, start, engine, dtype)
    record = _observables(record, dtype)
    tiles = Tiles(walks=described, record=record, at=step_argument("steps", steps))
    chains = domains.integer("chains", chains, "[2, inf)")
    for observable in record:
        observable.needs(tiles.at)
        observable.recorder(described, tiles.at)
    folds, done, looks, status = _fold(
        tiles,
        _looks(chains, until),
        until,
        checkpoint=checkpoint,
        executor=executor,
        progress=progress,
    )
    squeezed = np.ndim(steps) == 0
    values = {name: _frozen(fold.mean, name, squeezed) for name, fold in folds.items()}
    errors = {name: _frozen(fold.error(), name, squeezed) for name, fold in folds.items()}
    if not all(np.isfinite(value).all() for value in values.values()):
        status = EnsembleStatus.DIVERGED
    return Ensemble(
        status=status,
        steps=tiles.at,
        chains=done,
        looks=looks,
        seed=described.seed,
        engine=engine,
        dtype=dtype,
        values=values,
        errors=errors,
    )


def _observables(
    record: Observable | Sequence[Observable] | None, dtype: str
) -> tuple[Observable, ...]:
    if record is None:
        return (StateMoments(),)
    observables = tuple(record) if isinstance(record, Sequence) else (record,)
    for observable in observables:
        if not hasattr(observable, "recorder"):
            domains.refuse("record", observable, "observables such as linsgd.StateMoments()")
        if observable.needs_float64 and dtype != "float64":
            given = f"{dtype!r} with {type(observable).__name__}, whose tails its normal draws cut"
            domains.refuse("dtype", given, "'float64'")
    if len({type(observable) for observable in observables}) < max(len(observables), 1):
        domains.refuse("record", observables, "at least one observable, no two of a kind")
    return observables


def _looks(chains: int, until: float | None) -> list[range]:
    """Return the chains added at each look."""
    ends = [chains]
    if until is not None:
        domains.real("until", until, "(0, 1)")
        ends = [*(FIRST_LOOK << k for k in range(64) if FIRST_LOOK << k < chains), chains]
    return [range(a, b) for a, b in zip([0, *ends], ends, strict=False)]


def _blocks(chains: range) -> list[range]:
    """Cut chains into blocks of whole tiles."""
    size = max(SMALLEST_BLOCK, LANES * -(-len(chains) // (LANES * MOST_BLOCKS)))
    return [chains[i : i + size] for i in range(0, len(chains), size)]


def _fold(
    tiles: Tiles,
    looks: list[range],
    until: float | None,
    *,
    progress: Progress | None,
    **where: Any,
) -> tuple[dict[str, Fold], int, int, EnsembleStatus]:
    """Fold the tiles in order; also return the chains folded, the looks taken, the status."""
    folds: dict[str, Fold] = {}
    blocks = [_blocks(look) for look in looks]
    done, key, total = 0, tiles.key(), sum(map(len, blocks))
    for k, in_look in enumerate(blocks):
        before = sum(map(len, blocks[:k]))
        told = None if progress is None else lambda n, _, before=before: progress(before + n, total)
        try:
            for block, averages in zip(
                in_look, map_blocks(tiles, in_look, key=key, progress=told, **where), strict=True
            ):
                _add(folds, block, averages)
                done = block.stop
        except KeyboardInterrupt:
            if not folds:
                raise
            return folds, done, k, EnsembleStatus.INTERRUPTED
        if until is not None and _precision(folds) <= until:
            return folds, done, k + 1, EnsembleStatus.OK
    return folds, done, len(looks) if until is not None else 0, EnsembleStatus.OK


def _add(folds: dict[str, Fold], block: range, averages: Mapping[str, FloatArray]) -> None:
    for i, first in enumerate(block[::LANES]):
        lanes = min(LANES, block.stop - first)
        for name, average in averages.items():
            folds.setdefault(name, Fold()).add(
                average[i], lanes - 1 if name == "covariance" else lanes
            )


def _precision(folds: Mapping[str, Fold]) -> float:
    """Return the largest relative error over the averages but the mean, in norm."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = [
            np.linalg.norm(fold.error()) / np.linalg.norm(fold.mean)
            for name, fold in folds.items()
            if name != "mean"
        ]
    return float(max(ratios))


def _frozen(average: FloatArray, name: str, squeezed: bool) -> FloatArray:
    average = average[0] if squeezed and name in ("mean", "covariance") else average
    average.flags.writeable = False
    return average


def _first(value: FloatArray, error: FloatArray) -> str:
    """Return the first six numbers of an average with their errors."""
    pairs = zip(value.ravel()[:6].tolist(), error.ravel()[:6].tolist(), strict=True)
    return ", ".join(rounded(v, e) for v, e in pairs) + (", ..." if value.size > 6 else "")
