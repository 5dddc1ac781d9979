r"""Any random step of the plane: the transfer operator on directions, on a grid that finds where it must be fine.

h(s) is the spectral radius of P F(u) = E |M u|^s F(M u / |M u|) on functions of the angle of u, in
[0, pi). F has kinks near the directions that single steps annihilate, and features of all widths
where eigenvalues are uneven; it is written on the grid of `periodic_grid`, refined where P F / F
differs most from h(s). For any F and any constant c >= 0, added (where F + c > 0 everywhere) or
taken away (and then only where F > c),

    inf (P F - c P 1) / (F - c)  <=  h(s)  <=  sup (P F + c P 1) / (F + c)       (Collatz, Wielandt):

a c > 0 helps where F vanishes in a direction, as with steps that commute. The bounds are these
extremes over the nodes and two points of every interval, a quarter farther from h(s) than was seen.
In the same way rho lies between the extremes of E log|M u| + E g(M u) - g(u) for any g: that of the
Poisson equation is nearly constant.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.linalg import lu_factor, lu_solve
from scipy.sparse.linalg import ArpackError, eigs

from linsgd.domains import FloatArray
from linsgd.theory.tails.bounded_steps import largest_order
from linsgd.theory.tails.moments import even_moments
from linsgd.theory.tails.moments.bracket import exact_moments
from linsgd.theory.tails.plane import planar_steps
from linsgd.theory.tails.plane.periodic_grid import Grid
from linsgd.theory.tails.plane.planar_steps import Step
from linsgd.theory.tails.result import UNKNOWN, Interval, width
from linsgd.theory.tails.setting import Setting

SMALLEST_ORDER, LARGEST_ORDER = 1e-4, planar_steps.LARGEST_ORDER
_ENOUGH_NODES, _MOST_NODES = (
    200,
    1000,
)  # from the former on, refinement stops where it does not help
_MOST_IMAGES = 1e8  # of all the nodes of a grid
_COARSE, _FINER = 0.2, 0.85  # step of rules of integration, and how much finer the tests are
_CONSTANTS = (0.0, 1e-12, 1e-10, 1e-8, 1e-6)  # c, with F at most 1
_GOAL, _GOAL_RHO, _ROUGH, _ROUGH_RHO = (
    1e-9,
    1e-8,
    1e-4,
    1e-3,
)  # widths of the bounds at which the grid is enough
_TRUSTED = 1e-2  # bounds that are farther apart come without a value
_LEAST = 1e-300
_SMALL = 0.5  # order whose h bounds rho
_NEWTON = 25  # steps at most, doublings included
_DENSE = 100  # nodes up to which all eigenvalues are found
_SHIFT, _INVERSE_ITERATIONS = 1e-10, 4  # of the eigenvalue, relatively; errors fall by shift / gap

covers = planar_steps.covers


class Attempt(NamedTuple):
    """Bounds, what is wrong in each interval of the grid (n,), and the slope of log h in s."""

    found: Interval
    residual: FloatArray
    slope: float = float("nan")


class Perron(NamedTuple):
    """The operator on the nodes, h, its eigenvector with largest entry 1, and the slope of log h in s."""

    matrix: FloatArray
    h: float
    F: FloatArray
    slope: float


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """The transfer operator of a step, with directions and lengths measured in the norm |R u|."""

    step: Step
    R: FloatArray

    @classmethod
    def of(cls, setting: Setting, step: Step, log_radius: float = 0.0) -> "Operator":
        """Return the operator in the norm of `second_moment` for h(s)^{2/s} near exp(log_radius)."""
        return cls(step, planar_steps.norm(setting, log_radius))

    def grid(self) -> Grid:
        """Return the grid to begin with."""
        return Grid.around(self.step.annihilated() @ self.R.T)

    def rows(self, grid: Grid, angles: FloatArray, s: float, coarse: float) -> FloatArray:
        """Return P F, and E |M u|^s log|M u| F(M u), at angles (m,) in terms of F on the nodes: (2, m, n)."""
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
            return Perron(A, 0.0, np.ones(len(A)), float("nan"))
        F, dual = _positive_eigenvectors(A, h)
        return Perron(A, h, F, float(dual @ (grown @ F) / (dual @ F) / h))

    def log_spectral(self, grid: Grid, s: float) -> Attempt:
        """Return log h(s)."""
        A, h, F, slope = self.perron(grid, s)
        if not h > 0:
            return Attempt(UNKNOWN, np.zeros(len(A)))
        tested = grid.between
        there, here = self.rows(grid, tested, s, _FINER * _COARSE)[0], grid.values(tested)
        values = [
            np.concatenate(pair)
            for pair in ((A @ F, there @ F), (F, here @ F), (A.sum(axis=1), there.sum(axis=1)))
        ]
        lower, upper = _bounds(h, *values)
        residual = np.abs(there @ F / h - here @ F) / (np.abs(here @ F) + _CONSTANTS[-2])
        log_h = Interval(
            float(np.clip(np.log(h), np.log(lower), np.log(upper))), np.log(lower), np.log(upper)
        )
        return Attempt(log_h, residual.reshape(-1, 2).max(axis=1), slope)

    def poisson(self, grid: Grid) -> tuple[float, FloatArray]:
        """Return rho and g on the nodes, nan where there is more than one stationary law of the direction."""
        A, grown = self.rows(grid, grid.nodes, 0.0, _COARSE)
        system = np.eye(len(A)) - A
        system[:, 0] = 1.0
        try:
            g = np.linalg.solve(system, grown.sum(axis=1))
        except np.linalg.LinAlgError:
            g = np.full(len(A), np.nan)
        rho, g[0] = float(g[0]), 0.0
        return rho, g

    def lyapunov(self, grid: Grid) -> Attempt:
        """Return rho."""
        rho, g = self.poisson(grid)
        if rho != rho:
            return Attempt(UNKNOWN, np.zeros(len(g)))
        tested = grid.between
        there, grown = self.rows(grid, tested, 0.0, _FINER * _COARSE)
        error = grown.sum(axis=1) + (there - grid.values(tested)) @ g - rho
        lower, upper = (
            rho + 1.25 * float(end) for end in (min(error.min(), 0), max(error.max(), 0))
        )
        # g is as large as it likes where the direction all but has two stationary laws
        rounding = 1e-13 * max(1.0, float(np.abs(g).max()))
        found = Interval(rho, lower - rounding, upper + rounding)
        return Attempt(found, np.abs(error).reshape(-1, 2).max(axis=1))

    def refined(
        self, grid: Grid, attempt: Callable[[Grid], Attempt], goal: float
    ) -> tuple[Attempt, Grid]:
        """Return the attempt with the narrowest bounds on ever finer grids, and the last grid."""
        best, widths = Attempt(UNKNOWN, np.empty(0)), [np.inf] * 3
        most = min(
            _MOST_NODES, int(_MOST_IMAGES / len(self.step.images(np.array([1.0, 0.0]), _COARSE)[1]))
        )
        while True:
            new = attempt(grid)
            best = new if width(new.found) < width(best.found) else best
            widths.append(width(best.found))
            stuck = grid.nodes.size > _ENOUGH_NODES and widths[-1] > widths[-4] / 2
            finer = grid.halved(new.residual > max(0.03 * new.residual.max(), goal / 8))
            if widths[-1] < goal or stuck or not grid.nodes.size < finer.nodes.size <= most:
                return best, grid
            grid = finer

    def exponent(self, most: float, goal: float = _GOAL) -> Interval:
        """Return the root of log h below `most`, by Newton's steps from its right: convexity lets none go too far."""
        grid, s, below = self.grid(), 1.0, 0.0
        for _ in range(_NEWTON):
            at, grid = self.refined(grid, partial(self.log_spectral, s=s), _ROUGH * min(s, 1.0))
            log_h = at.found
            if log_h.upper < 0 and (new := min(2 * s, (s + most) / 2)) <= LARGEST_ORDER:
                below, s = s, new
                continue
            if not (
                at.slope > 0
                and log_h.upper > 0
                and (log_h.lower > 0 or width(log_h) < _TRUSTED * min(s, 1.0))
            ):
                break
            before, s = s, s - log_h.value / at.slope
            if abs(s - before) < 1e-3 * s:
                return self._polished(grid, s, goal / at.slope)
            if not s > SMALLEST_ORDER:
                break
        return Interval(float("nan"), below, s if below < s and log_h.lower > 0 else most)

    def _polished(self, grid: Grid, s: float, goal: float) -> Interval:
        """Return the root of log h near s."""

        def attempt(grid: Grid) -> Attempt:
            nonlocal s
            log_h, residual, slope = self.log_spectral(grid, s)
            move = log_h.value / slope
            curved = (
                2 * move**2 / s
            )  # log h is convex, with a second derivative of the order of slope / s
            lower, upper = s - log_h.upper / slope - curved, s - log_h.lower / slope + curved
            s = float(np.clip(s - move, 0.9 * s, 1.1 * s))
            return Attempt(
                Interval(s, lower, upper) if slope > 0 and move == move else UNKNOWN,
                residual / abs(slope),
            )

        return self.refined(grid, attempt, goal)[0].found


def _largest_eigenvalue(A: FloatArray) -> float:
    """Return the largest real part of the eigenvalues of A (n, n), 0 where it is not found."""
    if len(A) <= _DENSE:
        return float(np.linalg.eigvals(A).real.max())
    try:
        values = eigs(
            A, k=1, which="LR", v0=np.ones(len(A)), maxiter=200, return_eigenvectors=False
        )
    except ArpackError:
        return 0.0
    return float(values.real[0])


def _positive_eigenvectors(A: FloatArray, h: float) -> tuple[FloatArray, FloatArray]:
    """Return right and left eigenvectors of A (n, n) at its largest eigenvalue h, with largest entries 1.

    Inverse iteration from the vector of ones, which has a part in every nonnegative eigenvector.
    Where h is a multiple eigenvalue, as of products that two groups of directions do not mix, each
    vector is the projection of ones on its eigenspace, so that their product is positive.
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


def _bounds(h: float, PF: FloatArray, F: FloatArray, P1: FloatArray) -> tuple[float, float]:
    """Return the extremes of (P F + c P 1) / (F + c), farther apart by a quarter of their distances from h."""
    lower, upper = 0.0, np.inf
    for c in _CONSTANTS:
        above, kept = F + c, c < F
        if above.min() > 0:
            upper = min(upper, float(((PF + c * P1) / above).max()))
        lower = max(lower, float(((PF - c * P1)[kept] / (F - c)[kept]).min()))
    rounding = 1e-13 * h
    return max(lower - abs(h - lower) / 4 - rounding, _LEAST), upper + abs(upper - h) / 4 + rounding


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return rho; where its bounds do not close, h says more: rho <= log h(s) / s."""
    operator = Operator.of(setting, planar_steps.step_of(setting))
    found = operator.refined(operator.grid(), operator.lyapunov, _GOAL_RHO)[0].found
    if width(found) < _TRUSTED:
        return found
    above = log_spectral(setting, _SMALL).upper / _SMALL
    return Interval(float("nan"), found.lower, min(found.upper, above))


def rough_lyapunov(setting: Setting) -> float:
    """Return rho to about 1e-3, nan where not even that is found."""
    operator = Operator.of(setting, planar_steps.step_of(setting))
    return operator.refined(operator.grid(), operator.lyapunov, _ROUGH_RHO)[0].found.value


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s), where s is not too large for the grid."""
    if s > LARGEST_ORDER:
        return UNKNOWN
    if s == 0:
        return Interval(0.0, 0.0, 0.0)
    operator = Operator.of(setting, planar_steps.step_of(setting))
    rough = operator.refined(operator.grid(), partial(operator.log_spectral, s=s), 0.1)[0].found
    if s > 2 and rough.value == rough.value:
        operator = Operator.of(setting, operator.step, 2 * rough.value / s)
    found = operator.refined(operator.grid(), partial(operator.log_spectral, s=s), _GOAL)[0].found
    return (
        found
        if width(found) < _TRUSTED * min(s, 1.0)
        else Interval(float("nan"), found.lower, found.upper)
    )


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log h, if it agrees with the even moments; else what these say."""
    lower, upper = even_moments.bracket(exact_moments(setting))
    found = Operator.of(setting, planar_steps.step_of(setting)).exponent(largest_order(setting))
    bounds = Interval(float("nan"), max(lower, found.lower), min(upper, found.upper))
    if bounds.lower > bounds.upper:
        return Interval(float("nan"), lower, upper)
    return found if width(found) < _TRUSTED * found.value else bounds
