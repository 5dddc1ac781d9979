r"""Any random step of the plane: the transfer operator on directions, on an adaptive grid.

h(s) is the spectral radius of P F(u) = E |M u|^s F(M u / |M u|) on functions of the angle of u, in
[0, pi). F has kinks near the directions that single steps annihilate, and features of all widths
where eigenvalues are uneven; it is written on the grid of `periodic_grid`, refined where P F / F
differs most from h(s). For any F and any constant c >= 0, added (where F + c > 0 everywhere) or
taken away (and then only where F > c),

    inf (P F - c P 1) / (F - c)  <=  h(s)  <=  sup (P F + c P 1) / (F + c)     (Collatz, Wielandt):

a c > 0 helps where F vanishes in a direction, as with steps that commute. The bounds are these
extremes over the nodes and two points of every interval, a quarter farther from h(s) than was seen.
In the same way rho lies between the extremes of E log|M u| + E g(M u) - g(u) for any g: that of the
Poisson equation is nearly constant.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.linalg import lu_factor, lu_solve
from scipy.sparse.linalg import ArpackError, eigs

from linsgd.domains import FloatArray
from linsgd.theory.tails.bounded_steps import largest_order
from linsgd.theory.tails.convexity import bracket, newton_step
from linsgd.theory.tails.moments.even_moments import exact_moments
from linsgd.theory.tails.plane import planar_steps
from linsgd.theory.tails.plane.periodic_grid import Grid
from linsgd.theory.tails.plane.planar_steps import PlanarStep
from linsgd.theory.tails.result import UNKNOWN, ZERO, Interval
from linsgd.theory.tails.sample_budget import UNLIMITED, SampleBudget
from linsgd.theory.tails.setting import Setting

SMALLEST_ORDER, LARGEST_ORDER = 1e-4, planar_steps.LARGEST_ORDER
_ENOUGH_NODES, _MOST_NODES = 200, 1000  # from the former on, useless refinement stops
_MOST_IMAGES = 1e8  # of all the nodes of a grid
_COARSE, _FINER = 0.2, 0.85  # step of rules of integration, and how much finer the tests are
_CONSTANTS = (0.0, 1e-12, 1e-10, 1e-8, 1e-6)  # c, with F at most 1
_FLOOR = 1e-8  # of F in relative residuals
_SAFETY = 0.25  # of the distance of a bound from the value that was seen
_REFINED = 0.03  # intervals with a residual of more than this, over the largest, are halved
_GOAL, _GOAL_RHO = 1e-9, 1e-8  # widths of the bounds at which the grid is enough
_ROUGH, _ROUGH_RHO, _ROUGH_H = 1e-4, 1e-3, 0.1  # the same in searches
_TRUSTED = 1e-2  # bounds that are farther apart come without a value
_LEAST = 1e-300
_SMALL = 0.5  # order whose h bounds rho
_NEWTON, _CLOSE = 25, 1e-3  # steps at most, doublings included, and a relative last step
_DENSE = 100  # nodes up to which all eigenvalues are found
_SHIFT, _INVERSE_ITERATIONS = 1e-10, 4  # of the eigenvalue, relatively; errors fall by shift / gap

covers = planar_steps.covers


class Attempt(NamedTuple):
    """The results of one grid.

    Attributes
    ----------
    found : Interval
        The number.
    residual : ndarray (n,)
        The largest residual in each interval of the grid.
    slope : float
        Of log h in s.
    """

    found: Interval
    residual: FloatArray
    slope: float = math.nan


class Perron(NamedTuple):
    """The leading eigenvalue on a grid.

    Attributes
    ----------
    matrix : ndarray (n, n)
        The operator on the nodes.
    h : float
        Its largest eigenvalue, 0 where that is not found.
    F : ndarray (n,)
        The eigenvector, with largest entry 1.
    slope : float
        Of log h in s.
    """

    matrix: FloatArray
    h: float
    F: FloatArray
    slope: float


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """The transfer operator of a step, with directions and lengths measured in the norm |R u|."""

    step: PlanarStep
    R: FloatArray

    @classmethod
    def of(cls, setting: Setting, step: PlanarStep, log_radius: float = 0.0) -> "Operator":
        """Return the operator in the adapted norm for h(s)^{2/s} near exp(log_radius)."""
        return cls(step, planar_steps.adapted_root(setting, log_radius))

    def grid(self) -> Grid:
        """Return the grid to begin with."""
        return Grid.around(self.step.annihilated() @ self.R.T)

    def rows(self, grid: Grid, angles: FloatArray, s: float, coarse: float) -> FloatArray:
        """Return P F and E |M u|^s log|M u| F(M u) at angles (m,), in terms of F on the nodes.

        Shape (2, m, n).
        """
        back = np.linalg.inv(self.R)

        def images(u: FloatArray) -> planar_steps.Weighted:
            vectors, weights = self.step.images(back @ u, coarse)
            return vectors @ self.R.T, weights

        return grid.rows(angles, images, s)

    def perron(self, grid: Grid, s: float) -> Perron:
        """Return the largest eigenvalue on the nodes."""
        A, grown = self.rows(grid, grid.nodes, s, _COARSE)
        h = _largest_eigenvalue(A)
        if not h > 0:
            return Perron(A, 0.0, np.ones(len(A)), math.nan)
        F, dual = _positive_eigenvectors(A, h)
        # d log h / ds = dual'(grown F) / dual'F / h
        slope = float(dual @ (grown @ F) / (dual @ F) / h)
        return Perron(A, h, F, slope)

    def log_spectral(self, grid: Grid, s: float) -> Attempt:
        """Return log h(s) on a grid."""
        A, h, F, slope = self.perron(grid, s)
        if not h > 0:
            return Attempt(UNKNOWN, np.zeros(len(A)))
        # P F and F between the nodes
        tested = grid.between
        P, _ = self.rows(grid, tested, s, _FINER * _COARSE)
        there = P @ F
        here = grid.values(tested) @ F
        # P F, F and P 1 on the nodes and between them
        PF = np.concatenate([A @ F, there])
        ones = np.concatenate([A.sum(axis=1), P.sum(axis=1)])
        lower, upper = _bounds(h, PF, np.concatenate([F, here]), ones)
        value = min(max(h, lower), upper)
        log_h = Interval(math.log(value), math.log(lower), math.log(upper))
        residual = np.abs(there / h - here) / (np.abs(here) + _FLOOR)
        return Attempt(log_h, _of_intervals(residual), slope)

    def poisson(self, grid: Grid) -> tuple[float, FloatArray]:
        """Return rho and g on the nodes (n,) with E log|M u| = rho + g - P g.

        nan where there is more than one stationary law of the direction.
        """
        A, grown = self.rows(grid, grid.nodes, 0.0, _COARSE)
        # g is known up to a constant: its first entry is 0, and rho takes that column
        system = np.eye(len(A)) - A
        system[:, 0] = 1.0
        try:
            g = np.linalg.solve(system, grown.sum(axis=1))
        except np.linalg.LinAlgError:
            g = np.full(len(A), np.nan)
        rho = float(g[0])
        g[0] = 0.0
        return rho, g

    def lyapunov(self, grid: Grid) -> Attempt:
        """Return rho on a grid."""
        rho, g = self.poisson(grid)
        if math.isnan(rho):
            return Attempt(UNKNOWN, np.zeros(len(g)))
        tested = grid.between
        P, grown = self.rows(grid, tested, 0.0, _FINER * _COARSE)
        # E log|M u| + P g - g - rho between the nodes
        error = grown.sum(axis=1) + (P - grid.values(tested)) @ g - rho
        # g is as large as it likes where the direction all but has two stationary laws
        rounding = 1e-13 * max(1.0, float(np.abs(g).max()))
        lower = rho + (1 + _SAFETY) * min(float(error.min()), 0.0) - rounding
        upper = rho + (1 + _SAFETY) * max(float(error.max()), 0.0) + rounding
        return Attempt(Interval(rho, lower, upper), _of_intervals(np.abs(error)))

    def refined(
        self, grid: Grid, attempt: Callable[[Grid], Attempt], goal: float
    ) -> tuple[Attempt, Grid]:
        """Return the attempt with the narrowest bounds on ever finer grids, and the last grid."""
        best = Attempt(UNKNOWN, np.empty(0))
        widths = [math.inf] * 3
        _, weights = self.step.images(np.array([1.0, 0.0]), _COARSE)
        most = min(_MOST_NODES, int(_MOST_IMAGES / len(weights)))
        while True:
            new = attempt(grid)
            if new.found.width < best.found.width:
                best = new
            widths.append(best.found.width)
            # on large grids three refinements must at least halve the width
            stuck = grid.nodes.size > _ENOUGH_NODES and widths[-1] > widths[-4] / 2
            tolerated = max(_REFINED * new.residual.max(), goal / 8)
            finer = grid.halved(new.residual > tolerated)
            can_grow = grid.nodes.size < finer.nodes.size <= most
            if widths[-1] < goal or stuck or not can_grow:
                return best, grid
            grid = finer

    def exponent(self, most: float, goal: float = _GOAL) -> Interval:
        """Return the root of log h below `most`, by Newton's method.

        From the right of the root, where convexity lets no step go too far; first s is doubled
        until it is there.
        """
        grid, s, below = self.grid(), 1.0, 0.0
        for _ in range(_NEWTON):
            rough = _ROUGH * min(s, 1.0)
            at, grid = self.refined(grid, partial(self.log_spectral, s=s), rough)
            log_h = at.found
            further = min(2 * s, (s + most) / 2)
            if log_h.upper < 0 and further <= LARGEST_ORDER:
                below, s = s, further
                continue
            narrow = log_h.lower > 0 or log_h.width < _TRUSTED * min(s, 1.0)
            if not (at.slope > 0 and log_h.upper > 0 and narrow):
                break
            before = s
            s = s - log_h.value / at.slope
            if abs(s - before) < _CLOSE * s:
                return self._polished(grid, s, goal / at.slope)
            if not s > SMALLEST_ORDER:
                break
        above = s if below < s and log_h.lower > 0 else most
        return Interval.between(below, above)

    def _polished(self, grid: Grid, s: float, goal: float) -> Interval:
        """Return the root of log h near s, by a step of Newton's method on every finer grid."""

        def attempt(grid: Grid) -> Attempt:
            nonlocal s
            log_h, residual, slope = self.log_spectral(grid, s)
            if not (slope > 0 and log_h.resolved):
                return Attempt(UNKNOWN, residual)
            root = newton_step(s, log_h, slope)
            s = root.value
            return Attempt(root, residual / slope)

        return self.refined(grid, attempt, goal)[0].found


def _largest_eigenvalue(A: FloatArray) -> float:
    """Return the largest real part of the eigenvalues of A (n, n), 0 where it is not found."""
    if len(A) <= _DENSE:
        return float(np.linalg.eigvals(A).real.max())
    start = np.ones(len(A))
    try:
        values = eigs(A, k=1, which="LR", v0=start, maxiter=200, return_eigenvectors=False)
    except ArpackError:
        return 0.0
    return float(values.real[0])


def _positive_eigenvectors(A: FloatArray, h: float) -> tuple[FloatArray, FloatArray]:
    """Return right and left eigenvectors of A (n, n) at its largest eigenvalue h.

    Inverse iteration from the vector of ones, which has a part in every nonnegative eigenvector.
    Where h is a multiple eigenvalue, as of products that two groups of directions do not mix, each
    vector is the projection of ones on its eigenspace, so that their product is positive. Their
    largest entries are 1.
    """
    shifted = lu_factor(h * (1 + _SHIFT) * np.eye(len(A)) - A)
    vectors = []
    for transposed in (0, 1):
        vector = np.ones(len(A))
        for _ in range(_INVERSE_ITERATIONS):
            vector = lu_solve(shifted, vector, trans=transposed)
            vector /= vector[np.abs(vector).argmax()]
        vectors.append(vector)
    return vectors[0], vectors[1]


def _of_intervals(residual: FloatArray) -> FloatArray:
    """Return the larger of the residuals at the two points (2n,) of each interval (n,)."""
    largest: FloatArray = residual.reshape(-1, 2).max(axis=1)
    return largest


def _bounds(h: float, PF: FloatArray, F: FloatArray, ones: FloatArray) -> tuple[float, float]:
    """Return the narrowest bounds over the constants c, a quarter farther from h than was seen.

    PF, F and P 1 are given at points (m,).
    """
    lower, upper = 0.0, math.inf
    for c in _CONSTANTS:
        # sup (P F + c P 1) / (F + c)
        if (F + c).min() > 0:
            ratios = (PF + c * ones) / (F + c)
            upper = min(upper, float(ratios.max()))
        # inf (P F - c P 1) / (F - c) where F > c
        kept = c < F
        ratios = (PF - c * ones)[kept] / (F - c)[kept]
        lower = max(lower, float(ratios.min()))
    rounding = 1e-13 * h
    lower -= _SAFETY * abs(h - lower) + rounding
    upper += _SAFETY * abs(upper - h) + rounding
    return max(lower, _LEAST), upper


def lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return rho; where its bounds do not close, it is bounded above by log h(s) / s."""
    operator = Operator.of(setting, planar_steps.step_of(setting))
    found = operator.refined(operator.grid(), operator.lyapunov, _GOAL_RHO)[0].found
    if found.width < _TRUSTED:
        return found
    above = log_spectral(setting, _SMALL).upper / _SMALL
    return Interval.between(found.lower, min(found.upper, above))


def rough_lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> float:
    """Return rho to about 1e-3, nan where not even that is found."""
    operator = Operator.of(setting, planar_steps.step_of(setting))
    return operator.refined(operator.grid(), operator.lyapunov, _ROUGH_RHO)[0].found.value


def log_spectral(setting: Setting, s: float, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return log h(s), where s is not too large for the grid, in the norm suited to s."""
    if s > LARGEST_ORDER:
        return UNKNOWN
    if s == 0:
        return ZERO
    operator = Operator.of(setting, planar_steps.step_of(setting))
    attempt = partial(operator.log_spectral, s=s)
    rough = operator.refined(operator.grid(), attempt, _ROUGH_H)[0].found
    if s > 2 and rough.resolved:
        operator = Operator.of(setting, operator.step, 2 * rough.value / s)
    attempt = partial(operator.log_spectral, s=s)
    found = operator.refined(operator.grid(), attempt, _GOAL)[0].found
    narrow = found.width < _TRUSTED * min(s, 1.0)
    return found if narrow else Interval.between(found.lower, found.upper)


def exponent(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return the root of log h if it agrees with the even moments, else the bounds of these."""
    lower, upper = bracket(exact_moments(setting))
    operator = Operator.of(setting, planar_steps.step_of(setting))
    found = operator.exponent(largest_order(setting))
    bounds = found.within(lower, upper)
    if bounds.lower > bounds.upper:
        return Interval.between(lower, upper)
    narrow = found.width < _TRUSTED * found.value
    return found if narrow else Interval.between(bounds.lower, bounds.upper)
