"""Which walk simulates a problem, and which is refused."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.jit import COMPILES
from linsgd.montecarlo.random.laws import Samples
from linsgd.montecarlo.random.seeds import Seed, integer_seed
from linsgd.montecarlo.updates.sgd import SGDUpdate
from linsgd.montecarlo.updates.table import UPDATES
from linsgd.montecarlo.updates.update import BatchUpdate, Update
from linsgd.montecarlo.walks.batches import BatchWalks
from linsgd.montecarlo.walks.custom import CustomWalks
from linsgd.montecarlo.walks.data import DataWalks
from linsgd.montecarlo.walks.linear import LinearWalks
from linsgd.montecarlo.walks.one_feature import LineWalks
from linsgd.montecarlo.walks.radial import RadialWalks
from linsgd.montecarlo.walks.reduced import ReducedWalks
from linsgd.montecarlo.walks.walks import Walks
from linsgd.optimizers.accept import accept
from linsgd.optimizers.optimizer import Optimizer
from linsgd.optimizers.scheduled_sgd import ScheduledSGD
from linsgd.problems.features import FiniteData, GaussianFeatures
from linsgd.problems.labels import GaussianNoise
from linsgd.problems.linear_regression import LinearRegression

Engine: TypeAlias = Literal["full", "reduced", "radial"]
Precision: TypeAlias = Literal["float64", "float32"]
Choice: TypeAlias = Callable[[LinearRegression, Optimizer, type[Update], str], type[Walks]]

DTYPES: dict[Precision, Any] = {"float64": np.float64, "float32": np.float32}


def walks(
    problem: LinearRegression,
    sgd: Optimizer,
    seed: Seed,
    start: Any,
    engine: Engine,
    dtype: Precision,
) -> Walks:
    """Check the arguments and return the walks of `engine` on `problem`, paired with the update."""
    accept(problem, sgd, _accepted(sgd))
    if not COMPILES:
        domains.refuse("NUMBA_DISABLE_JIT", 1, "0 or unset, as chains need compiled kernels")
    sgd.check(problem)
    update = UPDATES[type(sgd)]
    if start is not None and update.slots:
        domains.refuse("start", start, f"None for {type(sgd).__name__}, whose state is not (w, v)")
    domains.choice("engine", engine, tuple(ENGINES))
    domains.choice("dtype", dtype, tuple(DTYPES))
    return ENGINES[engine](problem, sgd, update, dtype)(
        problem=problem,
        sgd=sgd,
        kind=update,
        seed=integer_seed(seed),
        start=None if start is None else _phase_space(start, problem.dimension),
        dtype=DTYPES[dtype],
    )


def _accepted(sgd: Optimizer) -> tuple[type, ...]:
    """Return the optimizers that may be given; a `ScheduledSGD` is made here, never given."""
    made_here = type(sgd) is ScheduledSGD
    return tuple(kind for kind in UPDATES if made_here or kind is not ScheduledSGD)


def _all_gaussian(problem: LinearRegression) -> bool:
    return type(problem.features) is GaussianFeatures and type(problem.noise) is GaussianNoise


def _turned(problem: LinearRegression, update: type[Update]) -> bool:
    """Return whether the step would differ along the eigenvectors of H."""
    return problem.eigenvectors is not None and not update.rotates


def _full(
    problem: LinearRegression, sgd: Optimizer, update: type[Update], dtype: str
) -> type[Walks]:
    law = problem.features
    if issubclass(update, BatchUpdate):
        return BatchWalks
    if type(law) is FiniteData:
        return DataWalks
    if _turned(problem, update) or Samples.of(problem, np.float64) is None:
        if isinstance(sgd, ScheduledSGD) and (sgd.batch_sizes != sgd.batch_size).any():
            domains.refuse("problem", problem, "laws that ship, under a batch schedule")
        return CustomWalks
    return LineWalks if _all_gaussian(problem) and problem.dimension == 1 else LinearWalks


def _reduced(
    problem: LinearRegression, sgd: Optimizer, update: type[Update], dtype: str
) -> type[Walks]:
    if not _all_gaussian(problem):
        noise = "no label noise" if problem.noise is None else type(problem.noise).__name__
        given = f"'reduced' with {type(problem.features).__name__} and {noise}"
        domains.refuse("engine", given, "'full', unless features and label noise are Gaussian")
    if issubclass(update, BatchUpdate):
        given = f"'reduced' with {update.__name__}"
        domains.refuse("engine", given, "'full' where a step takes the samples of its batch")
    if _turned(problem, update):
        given = f"'reduced' with {update.__name__} and a matrix H"
        domains.refuse("engine", given, "'full', unless H is given by its spectrum")
    return ReducedWalks


def _radial(
    problem: LinearRegression, sgd: Optimizer, update: type[Update], dtype: str
) -> type[Walks]:
    _reduced(problem, sgd, update, dtype)
    if update is not SGDUpdate:
        domains.refuse("engine", f"'radial' with {update.__name__}", "'full' but for linsgd.SGD")
    h = problem.eigenvalues
    if h.size < 2 or (h != h[0]).any():
        domains.refuse(
            "engine",
            f"'radial' with eigenvalues {h}",
            "'full' or 'reduced', unless H = h I with d >= 2",
        )
    if sgd.weight_decay > 0 and problem.optimum.any():
        given = f"'radial' with weight_decay = {sgd.weight_decay} and an optimum other than 0"
        domains.refuse("engine", given, "'full' or 'reduced', as |w - w*| is not Markovian then")
    if dtype != "float64":
        domains.refuse("dtype", dtype, "'float64' for engine = 'radial'")
    return RadialWalks


ENGINES: dict[Engine, Choice] = {"full": _full, "reduced": _reduced, "radial": _radial}


def _phase_space(start: Any, d: int) -> tuple[FloatArray, FloatArray]:
    if not (isinstance(start, tuple) and len(start) == 2):
        domains.refuse(
            "start",
            start,
            f"None or arrays (w, v) of shape ({d},); a law cannot start a simulation",
        )
    w, v = start
    return domains.array("start[0]", w, (d,)), domains.array("start[1]", v, (d,))
