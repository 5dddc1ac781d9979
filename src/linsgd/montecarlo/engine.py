"""Which walk simulates a problem, and which is refused."""

from typing import Any

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.features import FiniteData, PrincipalAxesLaw
from linsgd.montecarlo.custom_walk import CustomWalks
from linsgd.montecarlo.data_walk import DataWalks
from linsgd.montecarlo.laws import CODES
from linsgd.montecarlo.linear_walk import LinearWalks
from linsgd.montecarlo.walk import Walks
from linsgd.optimizer import SGD
from linsgd.problem import LinearRegression

DTYPES = {"float64": np.float64, "float32": np.float32}


def walks(problem: LinearRegression, sgd: SGD, seed: int, start: Any, engine: str, dtype: str) -> Walks:
    """Check the arguments and return the walks of `engine` on `problem`."""
    sgd.check(problem)
    domains.choice("engine", engine, ("full",))
    chosen = _full(problem)
    return chosen(
        problem=problem,
        sgd=sgd,
        seed=domains.integer("seed", seed, "[0, 18446744073709551616)"),
        start=None if start is None else _phase_space(start, problem.dimension),
        dtype=DTYPES[domains.choice("dtype", dtype, tuple(DTYPES))],
    )


def _full(problem: LinearRegression) -> type[Walks]:
    law = problem.features
    if isinstance(law, FiniteData):
        return DataWalks
    return LinearWalks if isinstance(law, PrincipalAxesLaw) and law.name in CODES else CustomWalks


def _phase_space(start: Any, d: int) -> tuple[FloatArray, FloatArray]:
    if not (isinstance(start, tuple) and len(start) == 2):
        domains.refuse("start", start, f"None or arrays (w, v) of shape ({d},); a law cannot start a simulation")
    w, v = start
    return domains.array("start[0]", w, (d,)), domains.array("start[1]", v, (d,))
