r"""Batches too many to enumerate, in the plane: the operator of `projective_line` over evenly sampled batches.

E |M u|^s F(M u) is smooth in a batch's b vectors but for a kink on a small set. Batches are
scrambled Sobol points (Owen 1997): uniform features are such points, Student-t vectors have their
angle and radius, data the rows they point to in order of length, and the error falls up to nearly
as points^{-3/2}. Half of the Student-t batches have a first vector of heavier tail, and all their
likelihood ratio, so that what is summed is bounded up to orders (dof - 1) / 2.

Each of `SCRAMBLINGS` independent ones gives a number; a Student-t interval of their mean is widened
by what the last refinement of the grid of directions changed. Where scramblings differ by more than
`_EVEN`, few batches carry the sum: `linsgd.theory.tails.particles.population` finds those, and
nothing is returned here.
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
from linsgd.theory.tails.moments import even_moments
from linsgd.theory.tails.moments.bracket import exact_moments
from linsgd.theory.tails.plane import planar_steps
from linsgd.theory.tails.plane.periodic_grid import Grid
from linsgd.theory.tails.plane.planar_steps import Atoms
from linsgd.theory.tails.plane.projective_line import LARGEST_ORDER, Operator
from linsgd.theory.tails.replicas import half_width
from linsgd.theory.tails.result import UNKNOWN, Interval
from linsgd.theory.tails.setting import Setting

MOST = 1000  # vectors in a batch
SCRAMBLINGS = 8
_POINTS, _PILOT = 2**16, 2**12  # batches
_NUMBERS = (
    2**22
)  # coordinates at most in one scrambling, which has fewer batches where they are large
_GOAL, _ROUGH = (
    1e-6,
    1e-3,
)  # change by refinement, and width of the pilot's bounds, at which a grid is enough
_MOST_NODES = 300
_EVEN = 1e-3  # standard deviation between scramblings, of log h or relative to the exponent
_SPREAD = 1.0  # tail exponent of the first vector in half of the Student-t batches
Vectors = tuple[
    FloatArray, FloatArray
]  # white vectors or rows (n, b, d), and likelihood ratios (n,)


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    if setting.dimension != (1 if setting.momentum else 2):
        return "two features without momentum, or one with it"
    law, b = setting.features, setting.batch
    sampled = isinstance(law, UniformFeatures | FiniteData) or (
        isinstance(law, StudentFeatures) and not setting.momentum
    )
    if not sampled or not planar_steps.covers(setting):
        return (
            "more batches of data, uniform or Student features than can be enumerated or integrated"
        )
    return "" if b <= MOST else f"a batch of at most {MOST}"


def batches(setting: Setting, points: int, seed: list[int]) -> Atoms:
    """Return the steps of scrambled batches."""
    b, d, law = setting.batch, setting.dimension, setting.features
    numbers = b if isinstance(law, FiniteData) else b * d
    points = min(points, 2 ** int(math.log2(_NUMBERS / numbers)))
    even = qmc.Sobol(numbers, rng=np.random.default_rng(seed)).random(points).reshape(points, b, -1)
    x, likelihood = _drawn(setting, even)
    return Atoms.of_curvatures(setting, np.einsum("nbi,nbj->nij", x, x) / b, likelihood / points)


def _drawn(setting: Setting, even: FloatArray) -> Vectors:
    """Return vectors along the eigenvectors of H and likelihood ratios."""
    law, certain = setting.features, np.ones(len(even))
    if isinstance(law, FiniteData):
        rows = law.X[np.argsort(np.einsum("ni,ni->n", law.X, law.X))]
        return rows[_chosen(even[..., 0], len(rows), setting.replacement)], certain
    z, ratio = (
        _student(even, law.dof)
        if isinstance(law, StudentFeatures)
        else (math.sqrt(3) * (2 * even - 1), certain)
    )
    return z * np.sqrt(setting.spectrum), ratio


def _chosen(even: FloatArray, n: int, replacement: bool) -> IntArray:
    """Return the rows (points, b) that points of the cube stand for, each among those that are left."""
    b = even.shape[1]
    drawn = (even * (n if replacement else n - np.arange(b))).astype(np.int64)
    for k in range(1, 0 if replacement else b):
        drawn[:, :k].sort(axis=1)
        for earlier in drawn[:, :k].T:
            drawn[:, k] += drawn[:, k] >= earlier
    return drawn


def _student(even: FloatArray, dof: float) -> Vectors:
    """Return white vectors, the first of half of the batches by P(|z| > r) = (1 + r^2 / (dof - 2))^{-_SPREAD / 2}."""
    exponent = np.full(even.shape[:2], -2 / dof)
    exponent[: len(even) // 2, 0] = -2 / _SPREAD  # points in a row are even among themselves
    log_size = exponent * np.log1p(-even[..., 0])  # of 1 + r^2 / (dof - 2)
    with np.errstate(over="ignore"):
        ratio = _SPREAD / dof * np.exp((dof - _SPREAD) / 2 * log_size).mean(axis=1)
    angle, radius = np.pi * even[..., 1], np.sqrt((dof - 2) * np.expm1(log_size))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2), 2 / (1 + ratio)


def _operator(setting: Setting, points: int, seed: list[int], log_radius: float = 0.0) -> Operator:
    return Operator.of(setting, batches(setting, points, seed), log_radius)


@dataclass(frozen=True, slots=True, eq=False)
class Scramblings:
    """Operators of independent scramblings in one norm, and a grid to begin with."""

    operators: tuple[Operator, ...]
    grid: Grid

    @classmethod
    def of(cls, setting: Setting, seed: int, s: float) -> "Scramblings":
        """Return what suits functions of order s, as a pilot finds it; below order 1 its few kinks would mislead."""
        pilot = _operator(setting, _PILOT, [seed, SCRAMBLINGS])
        attempt, grid = pilot.refined(
            pilot.grid(), partial(pilot.log_spectral, s=max(s, 1.0)), _ROUGH
        )
        rough = attempt.found.value
        log_radius = 2 * rough / s if s > 2 and rough == rough else 0.0
        return cls(
            tuple(_operator(setting, _POINTS, [seed, k], log_radius) for k in range(SCRAMBLINGS)),
            grid,
        )

    def mean(self, number: Callable[[Operator, Grid], float], scale: float = 1.0) -> Interval:
        """Return the mean of a number and its interval, nothing where scramblings differ by more than their scale."""
        first, *others = self.operators
        finer, fine, change = self.grid, number(first, self.grid), math.inf
        while change > _GOAL * scale and finer.nodes.size < _MOST_NODES:
            finer = finer.halved(np.ones(finer.nodes.size, dtype=np.bool_))
            fine, change = (new := number(first, finer)), abs(new - fine)
        values = np.array([fine, *(number(each, finer) for each in others)])
        alike = values.std(ddof=1) < _EVEN * scale
        return (
            Interval.about(float(values.mean()), half_width(values) + change) if alike else UNKNOWN
        )


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return rho."""
    return Scramblings.of(setting, seed, 0.0).mean(lambda each, grid: each.poisson(grid)[0])


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s)."""
    if s > LARGEST_ORDER:
        return UNKNOWN
    if s == 0:
        return Interval(0.0, 0.0, 0.0)
    return Scramblings.of(setting, seed, s).mean(
        lambda each, grid: math.log(each.perron(grid, s).h)
    )


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log h by steps of Newton's method, if it agrees with the even moments; else what these say."""
    lower, upper = even_moments.bracket(exact_moments(setting))
    nothing = Interval(math.nan, lower, min(upper, largest_order(setting)))
    s = (
        _operator(setting, _PILOT, [seed, SCRAMBLINGS])
        .exponent(largest_order(setting), _ROUGH)
        .value
    )
    if s != s:
        return nothing
    scramblings = Scramblings.of(setting, seed, s)

    def root(each: Operator, grid: Grid) -> float:
        found = each.perron(grid, s)
        return s - math.log(found.h) / found.slope

    for _ in range(2):
        s = root(scramblings.operators[0], scramblings.grid)
    found = scramblings.mean(root, s)
    agrees = found.value == found.value and max(lower, found.lower) <= min(upper, found.upper)
    return (
        Interval(found.value, max(lower, found.lower), min(upper, found.upper))
        if agrees
        else nothing
    )
