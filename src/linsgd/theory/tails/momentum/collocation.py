r"""Transfer operators by collocation, with bounds that hold for what was found.

h(s) is the spectral radius of P_s f(u) = E |M u|^s f(M u) on directions u, with a positive
eigenfunction f. Polynomials that satisfy P_s f = h f on enough points (by least squares) give an
approximate f, and for any positive f

    min P_s f / f  <=  h(s)  <=  max P_s f / f      (Collatz, Wielandt).

The bounds are those extremes over other points, integrated by a finer rule, so that they see the
error of the basis and of the rule both. In the same way, for any g, the Lyapunov exponent lies
between the extremes of

    E log |M u| + P_0 g - g,

which is constant where g solves the Poisson equation.
"""

from typing import Protocol

import numpy as np
from scipy.optimize import brentq

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.theory.tails.result import UNKNOWN, Interval

LARGEST_ORDER = 64.0
_TRUSTED = 1.01  # ratios that spread more may hide points where f is negative
_FEW = 2  # degrees that are tried for the sign of log h
_GOAL = 1e-8  # width of the bounds on log h at which the degree is enough

Rows = tuple[FloatArray, FloatArray]  # the basis, and P_s of it, at points (points, basis)


class Step(Protocol):
    """A random step whose transfer operator is discretised by polynomials."""

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degrees of polynomials, to be tried in turn."""

    def log_spectral(self, s: float, degree: int) -> Interval:
        """Return log h(s) with its bounds."""


def enclosed(collocated: Rows, tested: Rows) -> Interval:
    """Return log h from collocation, with Collatz-Wielandt bounds at the tested points."""
    basis, applied = collocated
    values, vectors = np.linalg.eig(np.linalg.lstsq(basis, applied, rcond=None)[0])
    top = values.real.argmax()
    f = vectors[:, top].real
    f = f * np.sign((basis @ f).sum())
    here, there = tested[0] @ f, tested[1] @ f
    if here.min() <= 0 or there.min() <= 0:
        return UNKNOWN
    ratios = there / here
    if ratios.max() > _TRUSTED * ratios.min():
        return UNKNOWN
    lower, upper = np.log(ratios.min()) - 1e-12, np.log(ratios.max()) + 1e-12
    return Interval(
        float(np.clip(np.log(values[top].real), lower, upper)), float(lower), float(upper)
    )


def stationary(
    collocated: tuple[FloatArray, FloatArray, FloatArray],
    tested: tuple[FloatArray, FloatArray, FloatArray],
) -> Interval:
    """Return rho from the basis, P_0 of it and the mean log growth, with bounds at the tested points."""
    basis, applied, growth = collocated
    design = np.column_stack([np.ones_like(growth), basis - applied])
    solution = np.linalg.lstsq(design, growth, rcond=None)[0]
    basis, applied, growth = tested
    rates = growth - (basis - applied) @ solution[1:]
    lower, upper = float(rates.min()) - 1e-13, float(rates.max()) + 1e-13
    return Interval(float(np.clip(solution[0], lower, upper)), lower, upper)


def log_spectral(step: Step, s: float, goal: float = _GOAL) -> Interval:
    """Return log h(s) with the first degree whose bounds are within the goal, or with the last."""
    domains.real("s", s, f"[-1, {LARGEST_ORDER:g}]")
    for degree in step.degrees:
        found = step.log_spectral(s, degree)
        if found.upper - found.lower < goal:
            break
    return found


def exponent(step: Step) -> Interval:
    """Return the root of log h, found with as few polynomials as know its sign, bounded with as many as it takes."""

    def rough(s: float) -> float:
        for degree in step.degrees[:_FEW]:
            found = step.log_spectral(s, degree)
            if found.lower > 0 or found.upper < 0:
                return found.value / s
        return float("nan")

    low, high, ratio = 0.0, 2.0, 2.0
    while high <= LARGEST_ORDER and not (value := rough(high)) > 0:
        if value < 0:
            low = high
        elif low == 0 or ratio < 1.3:
            return Interval(float("nan"), low, float("inf"))
        else:
            ratio **= 0.5  # too far for this norm
        high = low * ratio
    if high > LARGEST_ORDER:
        return Interval(float("nan"), low, float("inf"))
    while low == 0 and high > 1e-3 and (value := rough(high / 2)) == value:
        low, high = (high / 2, high) if value < 0 else (0.0, high / 2)
    if low == 0:
        return Interval(float("nan"), 0.0, high)
    few = step.degrees[_FEW - 1]

    def near(s: float) -> float:
        return (
            float(np.nan_to_num(step.log_spectral(s, few).value)) / s
        )  # an unknown value ends the search

    found = _polished(step, float(brentq(near, low, high, rtol=1e-3)))
    return found if low < found.lower <= found.upper < high else Interval(float("nan"), low, high)


def _polished(step: Step, start: float) -> Interval:
    """Return the root near `start`, by secant steps with few polynomials and a last one with bounds."""
    few = step.degrees[_FEW - 1]
    before, at = start * 1.001, start
    earlier, value = (step.log_spectral(s, few).value for s in (before, at))
    for _ in range(3):
        slope = (value - earlier) / (at - before)
        before, earlier, at = at, value, at - value / slope
        if not 0 < at < LARGEST_ORDER:
            return UNKNOWN
        value = step.log_spectral(at, few).value
        if abs(at - before) < 1e-5 * at:
            break
    found = log_spectral(step, at)
    return Interval(at - found.value / slope, at - found.upper / slope, at - found.lower / slope)
