"""What the claims of this folder share: the paper, one Gaussian feature, and how two numbers with bounds compare."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import sympy

from linsgd.claims.citations import HODGKINSON_MAHONEY
from linsgd.claims.subjects import Subject
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Claim, Enclosure, Simulation, Source
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.tails.exponents import tail_exponent

ONE_FEATURE = LinearRegression.gaussian([1.0])

Bounds = tuple[FloatArray, FloatArray]


def claim(
    subject: Subject,
    name: str,
    *,
    statement: str,
    source: Source,
    formula: sympy.Basic,
    regime: str,
    components: tuple[str, ...],
    prediction: FloatArray,
    acceptance: Acceptance,
    mutants: Mapping[str, FloatArray],
    evidence: Simulation | Enclosure,
) -> Claim:
    """Make a claim of this paper."""
    return Claim(
        id=f"hodgkinson_mahoney_2021/{name}",
        problem=subject.name,
        statement=statement,
        citation=HODGKINSON_MAHONEY,
        source=source,
        formula=formula,
        regime=regime,
        components=components,
        prediction=prediction,
        acceptance=acceptance,
        mutants=mutants,
        evidence=evidence,
    )


@lru_cache
def alpha_of(**options: float) -> float:
    """Return what theory predicts for the exponent of one feature; the options are those of `SGD`."""
    return tail_exponent(ONE_FEATURE, SGD(**options)).value  # type: ignore[arg-type]


def difference(one: FloatArray, other: FloatArray) -> Bounds:
    """Subtract bounds (2,): the ends (1,) of what the difference can be."""
    return np.array([one[0] - other[1]]), np.array([one[1] - other[0]])


def smallest_fall(bounds: FloatArray) -> Bounds:
    """Return the ends (1,) of the smallest fall of the logarithm along a series of bounds (n, 2)."""
    logs = np.log(bounds)
    lower, upper = logs[:-1, 0] - logs[1:, 1], logs[:-1, 1] - logs[1:, 0]
    return lower.min(keepdims=True), upper.min(keepdims=True)
