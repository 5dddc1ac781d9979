"""A potential or a diffusion as a function of arrays, whichever way it is given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import sympy
from scipy.interpolate import CubicSpline

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.potentials import Potential

Function: TypeAlias = Callable[[FloatArray], FloatArray]

FEWEST_SAMPLES = 9
ACCEPTED = (
    "a number, a function of an array, a SymPy expression, a loss of linsgd.potentials, a list of "
    "functions (their mean) or samples (x, values)"
)


@dataclass(frozen=True, slots=True, eq=False)
class Coefficient:
    """A function of the position, and where it is known.

    Attributes
    ----------
    fine, coarse : callable
        Vectorised; they differ for samples, where the coarse one reads every other sample.
    knots : ndarray (K,)
        Abscissae between which it is smooth; empty where it is smooth everywhere.
    """

    fine: Function
    coarse: Function
    knots: FloatArray

    @classmethod
    def of(cls, name: str, given: Any) -> "Coefficient":
        """Return the function that an argument of this name gives."""
        if isinstance(given, tuple):
            return cls._of_samples(name, given)
        if isinstance(given, sympy.Expr):
            function = _of_expression(name, given)
        elif isinstance(given, Potential) and given.dimension != 1:
            domains.refuse(name, given, "losses of one coordinate")
        elif callable(given):
            function = given
        elif isinstance(given, Sequence) and given and all(callable(loss) for loss in given):
            function = _mean(given)
        elif isinstance(given, str | Sequence):
            domains.refuse_type(name, given, ACCEPTED)
        else:
            number = domains.real(name, given)
            function = _constant(number)
        full = _full(function, name)
        return cls(full, full, np.empty(0))

    @classmethod
    def _of_samples(cls, name: str, samples: tuple[Any, ...]) -> "Coefficient":
        """Return the cubic spline through samples (x, values)."""
        if len(samples) != 2:
            domains.refuse(name, samples, "two arrays (x, values)")
        x = domains.array(f"{name}[0]", samples[0], (None,))
        values = domains.array(f"{name}[1]", samples[1], x.shape)
        if x.size < FEWEST_SAMPLES or np.any(np.diff(x) <= 0):
            domains.refuse(f"{name}[0]", x, f"at least {FEWEST_SAMPLES} ascending abscissae")
        others = np.unique(np.append(np.arange(0, x.size, 2), x.size - 1))
        fine = CubicSpline(x, values, extrapolate=False)
        coarse = CubicSpline(x[others], values[others], extrapolate=False)
        return cls(_full(fine, name), _full(coarse, name), x)


def _full(function: Callable[[FloatArray], Any], name: str) -> Function:
    """Return the function with values of the shape of its argument, or refuse other shapes."""

    def full(x: FloatArray) -> FloatArray:
        values = np.asarray(function(x), dtype=float)
        if values.shape not in ((), x.shape):
            given = f"a function with values of shape {values.shape} at x of shape {x.shape}"
            domains.refuse(name, given, "a function of arrays, or a number")
        return np.broadcast_to(values, x.shape)

    return full


def _constant(number: float) -> Function:
    return lambda x: np.full(x.shape, number)


def _mean(losses: Sequence[Callable[[FloatArray], Any]]) -> Function:
    def mean(x: FloatArray) -> FloatArray:
        total = np.zeros(x.shape)
        for loss in losses:
            total += loss(x)
        return total / len(losses)

    return mean


def _of_expression(name: str, expression: sympy.Expr) -> Function:
    symbols = sorted(expression.free_symbols, key=str)
    if len(symbols) > 1:
        domains.refuse(name, expression, "an expression in one symbol")
    compiled: Function = sympy.lambdify(symbols or [sympy.Symbol("x")], expression, "numpy")
    return compiled
