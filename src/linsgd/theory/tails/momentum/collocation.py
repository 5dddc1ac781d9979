r"""Transfer operators by collocation on polynomials, with a posteriori bounds.

h(s) is the spectral radius of P_s f(u) = E |M u|^s f(M u) on directions u, with a positive
eigenfunction f. Polynomials that satisfy P_s f = h f on enough points (by least squares) give an
approximate f, and for any positive f

    min P_s f / f  <=  h(s)  <=  max P_s f / f      (Collatz, Wielandt).

The bounds are those extremes over other points, integrated by a finer rule, so that they include
the error of the basis and of the rule both. In the same way, for any g, the Lyapunov exponent lies
between the extremes of

    E log |M u| + P_0 g - g,

which is constant where g solves the Poisson equation.
"""

import math
from typing import NamedTuple, Protocol

import numpy as np
from scipy.optimize import brentq

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.theory.tails.result import UNKNOWN, Interval

LARGEST_ORDER = 64.0
_TRUSTED = 1.01  # ratios that spread more may hide points where f is negative
_FEW = 2  # degrees that are tried for the sign of log h
_GOAL = 1e-8  # width of the bounds on log h at which the degree is enough
_ROUNDING, _ROUNDING_RHO = 1e-12, 1e-13  # of log(P_s f / f) and of E log|M u| + P_0 g - g
_LOWEST = 1e-3  # root below which no bracket is searched
_SECANTS = 3


class Rows(NamedTuple):
    """The basis (n, m), P_s of it (n, m), and E log|M u| (n,) at n points of the sphere."""

    basis: FloatArray
    applied: FloatArray
    growth: FloatArray


class PolynomialOperator(Protocol):
    """A transfer operator discretised by polynomials."""

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degrees of polynomials, to be tried in turn."""

    def log_spectral(self, s: float, degree: int) -> Interval:
        """Return log h(s) with its bounds."""


def spectral_radius(collocated: Rows, tested: Rows) -> Interval:
    """Return log h from the collocated points, with Collatz-Wielandt bounds at the tested ones."""
    matrix, *_ = np.linalg.lstsq(collocated.basis, collocated.applied, rcond=None)
    values, vectors = np.linalg.eig(matrix)
    top = values.real.argmax()
    f = vectors[:, top].real
    f = f * np.sign((collocated.basis @ f).sum())
    # f and P f at the tested points
    here = tested.basis @ f
    there = tested.applied @ f
    if here.min() <= 0 or there.min() <= 0:
        return UNKNOWN
    ratios = there / here
    least = ratios.min()
    largest = ratios.max()
    if largest > _TRUSTED * least:
        return UNKNOWN
    lower = math.log(least) - _ROUNDING
    upper = math.log(largest) + _ROUNDING
    log_h = math.log(values[top].real)
    return Interval(min(max(log_h, lower), upper), lower, upper)


def poisson_solution(collocated: Rows, tested: Rows) -> Interval:
    """Return rho by solving E log|M u| = rho + g - P_0 g, with bounds at the tested points."""
    basis, applied, growth = collocated
    design = np.column_stack([np.ones_like(growth), basis - applied])
    solution, *_ = np.linalg.lstsq(design, growth, rcond=None)
    rho = float(solution[0])
    g = solution[1:]
    # E log|M u| - (g - P_0 g), which is rho where the equation holds
    rates = tested.growth - (tested.basis - tested.applied) @ g
    lower = float(rates.min()) - _ROUNDING_RHO
    upper = float(rates.max()) + _ROUNDING_RHO
    return Interval(min(max(rho, lower), upper), lower, upper)


def log_spectral(operator: PolynomialOperator, s: float, goal: float = _GOAL) -> Interval:
    """Return log h(s) with the first degree whose bounds are within the goal, or with the last."""
    domains.real("s", s, f"[-1, {LARGEST_ORDER:g}]")
    for degree in operator.degrees:
        found = operator.log_spectral(s, degree)
        if found.upper - found.lower < goal:
            break
    return found


def exponent(operator: PolynomialOperator) -> Interval:
    """Return the root of log h.

    It is searched with the lowest degree at which the sign of log h is certain, and bounded with as
    high a degree as that takes.
    """
    low, high = _sign_change(operator)
    if low == 0 or high == math.inf:
        return Interval.between(low, high)
    few = operator.degrees[_FEW - 1]

    def near(s: float) -> float:
        log_h = operator.log_spectral(s, few)
        return log_h.value / s if log_h.resolved else 0.0  # an unknown value ends the search

    found = _polished(operator, float(brentq(near, low, high, rtol=1e-3)))
    inside = low < found.lower <= found.upper < high
    return found if inside else Interval.between(low, high)


def _sign_change(operator: PolynomialOperator) -> tuple[float, float]:
    """Return orders between which log h turns positive; from 0 or to inf where none is found."""
    low, high, ratio = 0.0, 2.0, 2.0
    # upwards, in smaller steps where the polynomials fail
    while not (value := _sign(operator, high)) > 0:
        if value < 0:
            low = high
        elif low == 0 or ratio < 1.3:
            return low, math.inf
        else:
            ratio **= 0.5
        high = low * ratio
        if high > LARGEST_ORDER:
            return low, math.inf
    # downwards
    while low == 0 and high > _LOWEST:
        value = _sign(operator, high / 2)
        if value == 0:
            break
        low, high = (high / 2, high) if value < 0 else (0.0, high / 2)
    return low, high


def _sign(operator: PolynomialOperator, s: float) -> int:
    """Return the sign of log h(s) as the lowest degrees know it, or 0."""
    for degree in operator.degrees[:_FEW]:
        found = operator.log_spectral(s, degree)
        if found.lower > 0 or found.upper < 0:
            return 1 if found.lower > 0 else -1
    return 0


def _polished(operator: PolynomialOperator, start: float) -> Interval:
    """Return the root near `start`: secant steps of low degree, then bounds of higher degree."""
    few = operator.degrees[_FEW - 1]
    before, at = start * 1.001, start
    earlier, value = (operator.log_spectral(s, few).value for s in (before, at))
    for _ in range(_SECANTS):
        slope = (value - earlier) / (at - before)
        before = at
        earlier = value
        at = at - value / slope
        if not 0 < at < LARGEST_ORDER:
            return UNKNOWN
        value = operator.log_spectral(at, few).value
        if abs(at - before) < 1e-5 * at:
            break
    found = log_spectral(operator, at)
    ends = (at - log_h / slope for log_h in (found.value, found.upper, found.lower))
    return Interval(*ends)
