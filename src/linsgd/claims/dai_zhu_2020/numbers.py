"""Shared by the claims: the potentials, and drafts of numerical claims."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike

from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.problems.potentials import DoubleWell, Polynomial
from linsgd.theory.fokker_planck import Diffusion1D

SHARP, FLAT = 8.0, 2.0
WELLS = DoubleWell((SHARP, FLAT), (-1.0, 1.5))
TILTED = DoubleWell((SHARP, FLAT), (-1.0, 1.5), (0.05, 0.0))
QUARTIC = Polynomial([0, 0, -0.5, 0, 0.25])
TOP = -0.1666667  # between the wells, where 2 |x + 1| = |x - 1.5|
BARRIER = 0.25  # of the quartic

T, L_a, L_f, L_s, h_a, h_f, h_s, eta, M, c = sympy.symbols("T L_a L_f L_s h_a h_f h_s eta M c")


def numerical(
    statement: str,
    source: Source,
    formula: sympy.Basic,
    regime: str,
    components: tuple[str, ...],
    prediction: ArrayLike,
    width: ArrayLike,
    reason: str,
    mutants: Mapping[str, ArrayLike],
    measured: Callable[[], tuple[FloatArray, FloatArray]],
    citation: str = "",
) -> Draft:
    """Return the draft of a claim that is measured by numbers with an error (value, error)."""

    def enclose() -> tuple[FloatArray, FloatArray]:
        value, error = measured()
        return value - error, value + error

    predicted = np.atleast_1d(np.asarray(prediction, dtype=np.float64))
    return Draft(
        statement=statement,
        source=source,
        formula=formula,
        regime=f"{regime}; no simulation",
        components=components,
        prediction=predicted,
        acceptance=Acceptance.interval(predicted, width, reason),
        mutants={
            name: np.broadcast_to(np.asarray(wrong, dtype=np.float64), predicted.shape)
            for name, wrong in mutants.items()
        },
        evidence=Enclosure(enclose=enclose),
        citation=citation,
    )


def log_ratio(process: Diffusion1D) -> tuple[float, float]:
    """Return the log of the flat over the sharp well's mass, and its error."""
    flat, sharp = process.occupation(TOP, process.high), process.occupation(process.low, TOP)
    return flat.log - sharp.log, flat.error + sharp.error


def pairs(values: list[tuple[float, float]]) -> tuple[FloatArray, FloatArray]:
    """Return a list of (value, error) as two arrays."""
    value, error = np.array(values, dtype=np.float64).T
    return value, error


def log_time(process: Any, start: float, target: float) -> tuple[float, float]:
    """Return the log of a mean passage time, and its error."""
    found = process.mean_first_passage_time(start, target)
    return found.log, found.error + 4e-16 * abs(found.log)


def slope(low: tuple[float, float], high: tuple[float, float], apart: float) -> tuple[float, float]:
    """Return a difference quotient and its error."""
    return (high[0] - low[0]) / apart, (high[1] + low[1]) / abs(apart)


def diffusion(loss: Any, level: Any, low: float = -3.5, high: float = 6.5) -> Diffusion1D:
    """Return the Fokker-Planck equation of a loss."""
    return Diffusion1D(loss, level, (low, high))
