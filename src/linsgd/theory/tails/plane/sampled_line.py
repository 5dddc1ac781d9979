r"""Batches too many to enumerate, in the plane: the operator of `projective_line` over samples.

E |M u|^s F(M u) is smooth in a batch's b vectors but for a kink on a small set. Batches are
scrambled Sobol points (Owen 1997): uniform features are such points, Student-t vectors have their
angle and radius, data the rows they point to in order of length, and the error falls up to nearly
as points^{-3/2}. Half of the Student-t batches have a first vector of heavier tail, and all their
likelihood ratio, so that what is summed is bounded up to orders (dof - 1) / 2.

Each of `SCRAMBLINGS` independent ones gives a number; a Student-t interval of their mean is widened
by the change in the last refinement of the grid of directions. Where scramblings differ by more
than `_EVEN`, few batches carry the sum, and no value is returned:
`linsgd.theory.tails.particles.population` is the method for that case.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import qmc

from linsgd.domains import FloatArray, IntArray
from linsgd.problems.features import FiniteData, StudentFeatures, UniformFeatures
from linsgd.theory.tails.bounded_steps import largest_order
from linsgd.theory.tails.convexity import bracket
from linsgd.theory.tails.moments.even_moments import exact_moments
from linsgd.theory.tails.plane import planar_steps
from linsgd.theory.tails.plane.periodic_grid import Grid
from linsgd.theory.tails.plane.planar_steps import Atoms
from linsgd.theory.tails.plane.projective_line import LARGEST_ORDER, Operator
from linsgd.theory.tails.replicas import half_width
from linsgd.theory.tails.result import UNKNOWN, ZERO, Interval
from linsgd.theory.tails.sample_budget import UNLIMITED, SampleBudget
from linsgd.theory.tails.setting import Setting

MOST = 1000  # vectors in a batch
SCRAMBLINGS = 8
_POINTS, _PILOT = 2**16, 2**12  # batches
_NUMBERS = 2**22  # coordinates at most in one scrambling; fewer batches where these are large
_GOAL, _ROUGH = 1e-6, 1e-3  # change by refinement, and width of the pilot's bounds, that will do
_MOST_NODES = 300
_EVEN = 1e-3  # standard deviation between scramblings, of log h or relative to the exponent
_HEAVIER = 1.0  # tail exponent of the first vector in half of the Student-t batches
_NEWTON = 2  # steps on the pilot's grid

Vectors = tuple[FloatArray, FloatArray]
"""White vectors or rows (n, b, d), and likelihood ratios (n,)."""


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if the method applies."""
    if setting.dimension != (1 if setting.momentum else 2):
        return "two features without momentum, or one with it"
    law = setting.features
    data_or_uniform = isinstance(law, UniformFeatures | FiniteData)
    student = isinstance(law, StudentFeatures) and not setting.momentum
    enumerable = not planar_steps.covers(setting)
    if not (data_or_uniform or student) or enumerable:
        return (
            "more batches of data, uniform or Student features than can be enumerated or integrated"
        )
    return "" if setting.batch <= MOST else f"a batch of at most {MOST}"


def batches(setting: Setting, points: int, seed: list[int]) -> Atoms:
    """Return the steps of scrambled batches, `points` of them or as many as memory allows."""
    b = setting.batch
    d = setting.dimension
    law = setting.features
    numbers = b if isinstance(law, FiniteData) else b * d
    allowed = 2 ** int(math.log2(_NUMBERS / numbers))
    points = min(points, allowed)
    sobol = qmc.Sobol(numbers, rng=np.random.default_rng(seed))
    even = sobol.random(points).reshape(points, b, -1)
    x, likelihood = _drawn(setting, even)
    curvature = np.einsum("nbi,nbj->nij", x, x) / b
    return Atoms.of_curvatures(setting, curvature, likelihood / points)


def _drawn(setting: Setting, even: FloatArray) -> Vectors:
    """Return vectors along the eigenvectors of H at points of the cube (n, b, .)."""
    law = setting.features
    certain = np.ones(len(even))
    if isinstance(law, FiniteData):
        by_length = np.argsort(np.einsum("ni,ni->n", law.X, law.X))
        rows = law.X[by_length]
        return rows[_chosen(even[..., 0], len(rows), setting.replacement)], certain
    if isinstance(law, StudentFeatures):
        z, ratio = _student(even, law.dof)
    else:
        z = math.sqrt(3) * (2 * even - 1)
        ratio = certain
    return z * np.sqrt(setting.spectrum), ratio


def _chosen(even: FloatArray, n: int, replacement: bool) -> IntArray:
    """Return the rows (points, b) at points of the cube (points, b).

    Without replacement each is one of those that are left: a number drawn among n - k is raised by
    one for each earlier row, in order, that is not above it.
    """
    b = even.shape[1]
    if replacement:
        return (even * n).astype(np.int64)
    drawn = (even * (n - np.arange(b))).astype(np.int64)
    for k in range(1, b):
        drawn[:, :k].sort(axis=1)
        for earlier in drawn[:, :k].T:
            drawn[:, k] += drawn[:, k] >= earlier
    return drawn


def _student(even: FloatArray, dof: float) -> Vectors:
    """Return white vectors at points of the cube (n, b, 2), by angle and radius.

    P(|z| > r) = (1 + r^2 / (dof - 2))^{-dof / 2}, with `_HEAVIER` for dof in the exponent for the
    first vector of half of the batches.
    """
    exponent = np.full(even.shape[:2], -2 / dof)
    exponent[: len(even) // 2, 0] = -2 / _HEAVIER  # points in a row are even among themselves
    # log(1 + r^2 / (dof - 2))
    log_size = exponent * np.log1p(-even[..., 0])
    # the true density over that of the mixture, 2 / (1 + mean ratio of a first vector's densities)
    with np.errstate(over="ignore"):
        tilts = _HEAVIER / dof * np.exp((dof - _HEAVIER) / 2 * log_size)
    likelihood = 2 / (1 + tilts.mean(axis=1))
    radius = np.sqrt((dof - 2) * np.expm1(log_size))
    angle = np.pi * even[..., 1]
    z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2)
    return z, likelihood


@dataclass(frozen=True, slots=True, eq=False)
class Scramblings:
    """Operators of independent scramblings in one norm, a grid to begin with, and the budget."""

    operators: tuple[Operator, ...]
    grid: Grid
    budget: SampleBudget

    @classmethod
    def of(cls, setting: Setting, budget: SampleBudget, s: float) -> "Scramblings":
        """Return what suits functions of order s, as a pilot finds it.

        Below order 1 the kinks of the few batches of a pilot would mislead.
        """
        pilot = _operator(setting, _PILOT, [budget.seed, SCRAMBLINGS])
        attempt = partial(pilot.log_spectral, s=max(s, 1.0))
        found, grid = pilot.refined(pilot.grid(), attempt, _ROUGH)
        log_radius = 0.0
        if s > 2 and found.found.resolved:
            log_radius = 2 * found.found.value / s
        operators = tuple(
            _operator(setting, _POINTS, [budget.seed, k], log_radius) for k in range(SCRAMBLINGS)
        )
        return cls(operators, grid, budget)

    def mean(self, number: Callable[[Operator, Grid], float], scale: float = 1.0) -> Interval:
        """Return the mean of a number over scramblings and its interval.

        No value where these differ by more than their scale.
        """
        first, *others = self.operators
        self.budget.plan((1 + 2 * len(self.operators)) * self._steps(self.grid))
        # the grid is halved everywhere until that changes the first number little
        grid, change = self.grid, math.inf
        of_first = self._number(number, first, grid)
        while change > _GOAL * scale and grid.nodes.size < _MOST_NODES:
            grid = grid.halved(np.ones(grid.nodes.size, dtype=np.bool_))
            finer = self._number(number, first, grid)
            change = abs(finer - of_first)
            of_first = finer
        of_others = [self._number(number, each, grid) for each in others]
        values = np.array([of_first, *of_others])
        if not values.std(ddof=1) < _EVEN * scale:
            return UNKNOWN
        return Interval.about(float(values.mean()), half_width(values) + change)

    def _number(
        self, number: Callable[[Operator, Grid], float], operator: Operator, grid: Grid
    ) -> float:
        """Return the number of one scrambling on a grid: a step of every batch at every node."""
        self.budget.take(self._steps(grid))
        return number(operator, grid)

    def _steps(self, grid: Grid) -> int:
        _, weights = self.operators[0].step.images(np.array([1.0, 0.0]), 1.0)
        return grid.nodes.size * len(weights)


def _operator(setting: Setting, points: int, seed: list[int], log_radius: float = 0.0) -> Operator:
    return Operator.of(setting, batches(setting, points, seed), log_radius)


def lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return rho."""
    scramblings = Scramblings.of(setting, budget, 0.0)
    return scramblings.mean(lambda each, grid: each.poisson(grid)[0])


def log_spectral(setting: Setting, s: float, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return log h(s)."""
    if s > LARGEST_ORDER:
        return UNKNOWN
    if s == 0:
        return ZERO
    scramblings = Scramblings.of(setting, budget, s)
    return scramblings.mean(lambda each, grid: math.log(each.perron(grid, s).h))


def exponent(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return the root of log h by Newton's method if it agrees with the even moments.

    Else the bounds of these.
    """
    lower, upper = bracket(exact_moments(setting))
    largest = largest_order(setting)
    unresolved = Interval.between(lower, min(upper, largest))
    pilot = _operator(setting, _PILOT, [budget.seed, SCRAMBLINGS])
    rough = pilot.exponent(largest, _ROUGH)
    if not rough.resolved:
        return unresolved
    s = rough.value
    scramblings = Scramblings.of(setting, budget, s)

    def root(each: Operator, grid: Grid) -> float:
        found = each.perron(grid, s)
        return s - math.log(found.h) / found.slope

    for _ in range(_NEWTON):
        s = root(scramblings.operators[0], scramblings.grid)
    found = scramblings.mean(root, s)
    bounds = found.within(lower, upper)
    return bounds if bounds.resolved and bounds.lower <= bounds.upper else unresolved
