"""Which walk simulates a problem, and which is refused."""

from typing import Any

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.montecarlo.random.laws import CODES
from linsgd.montecarlo.walks.custom import CustomWalks
from linsgd.montecarlo.walks.data import DataWalks
from linsgd.montecarlo.walks.linear import LinearWalks
from linsgd.montecarlo.walks.one_feature import LineWalks
from linsgd.montecarlo.walks.radial import RadialWalks
from linsgd.montecarlo.walks.reduced import ReducedWalks
from linsgd.montecarlo.walks.walks import Walks
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData, GaussianFeatures, PrincipalAxesLaw
from linsgd.problems.labels import GaussianNoise
from linsgd.problems.linear_regression import LinearRegression

DTYPES = {"float64": np.float64, "float32": np.float32}


def walks(
    problem: LinearRegression, sgd: SGD, seed: int, start: Any, engine: str, dtype: str
) -> Walks:
    """Check the arguments and return the walks of `engine` on `problem`."""
    accept(problem, sgd)
    sgd.check(problem)
    chosen = ENGINES[domains.choice("engine", engine, tuple(ENGINES))](problem, sgd, dtype)
    return chosen(
        problem=problem,
        sgd=sgd,
        seed=domains.integer("seed", seed, "[0, 18446744073709551616)"),
        start=None if start is None else _phase_space(start, problem.dimension),
        dtype=DTYPES[domains.choice("dtype", dtype, tuple(DTYPES))],
    )


def _full(problem: LinearRegression, sgd: SGD, dtype: str) -> type[Walks]:
    law = problem.features
    if isinstance(law, FiniteData):
        return DataWalks
    if (
        isinstance(law, GaussianFeatures)
        and law.dimension == 1
        and problem.noise == GaussianNoise()
    ):
        return LineWalks
    return LinearWalks if isinstance(law, PrincipalAxesLaw) and law.name in CODES else CustomWalks


def _reduced(problem: LinearRegression, sgd: SGD, dtype: str) -> type[Walks]:
    law = problem.features
    if not (isinstance(law, GaussianFeatures) and problem.noise == GaussianNoise()):
        given = f"'reduced' with {getattr(law, 'name', 'other')} features and {getattr(problem.noise, 'name', 'no')} noise"
        domains.refuse("engine", given, "'full', unless features and label noise are Gaussian")
    return ReducedWalks


def _radial(problem: LinearRegression, sgd: SGD, dtype: str) -> type[Walks]:
    _reduced(problem, sgd, dtype)
    h = problem.eigenvalues
    if h.size < 2 or (h != h[0]).any():
        domains.refuse(
            "engine",
            f"'radial' with eigenvalues {h}",
            "'full' or 'reduced', unless H = h I with d >= 2",
        )
    if sgd.weight_decay > 0 and problem.optimum.any():
        given = f"'radial' with weight_decay = {sgd.weight_decay} and an optimum other than 0"
        domains.refuse("engine", given, "'full' or 'reduced', as |w - w*| is then no Markov chain")
    if dtype != "float64":
        domains.refuse("dtype", dtype, "'float64' for engine = 'radial'")
    return RadialWalks


ENGINES = {"full": _full, "reduced": _reduced, "radial": _radial}


def _phase_space(start: Any, d: int) -> tuple[FloatArray, FloatArray]:
    if not (isinstance(start, tuple) and len(start) == 2):
        domains.refuse(
            "start",
            start,
            f"None or arrays (w, v) of shape ({d},); a law cannot start a simulation",
        )
    w, v = start
    return domains.array("start[0]", w, (d,)), domains.array("start[1]", v, (d,))
