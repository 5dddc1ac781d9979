r"""A diffusion in two dimensions with any diffusion matrix: density, gap, first passage, evolution.

    dp/dt = div(p grad L + (1 - a) p div D + D grad p),

with (div D)_j = sum_i d_i D_ij, and a = 0 (Ito, the limit of SGD), 1/2 or 1. It is solved as a
Markov chain on three grids (`grid_2d`, `banded_chain`), whose answers are extrapolated to spacing
0: errors of the second and the fourth order are removed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike
from scipy.interpolate import RegularGridInterpolator
from scipy.sparse import eye_array

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.potentials import Potential
from linsgd.result import Result
from linsgd.theory.fokker_planck.banded_chain import BandedChain
from linsgd.theory.fokker_planck.diffusion_1d import CONFINED, WEIGHT, Convention
from linsgd.theory.fokker_planck.grid_2d import Grid2D, Loss, Matrix
from linsgd.theory.fokker_planck.log_number import (
    UNRESOLVED,
    LogNumber,
    extrapolated,
    log_number,
)
from linsgd.theory.fokker_planck.regions_2d import Region, indicator, mass, runs_along

POINTS = 201
SMALLEST_GAP = 1e-250
LARGEST_CHANGE = 0.5  # of log of a resolved gap between two grids
MOST_JUMPS = 200_000  # of the fastest point, in an evolution
NEGLIGIBLE = 1e-17  # of a Poisson law


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PlaneDensity(Result):
    """A density on the plane, in time.

    Attributes
    ----------
    x, y : ndarray (M,), (N,)
        Coordinates of the points.
    times : ndarray (K,)
        As given; infinity for the stationary law.
    density : ndarray (K, M, N)
        Per unit of x and y; at least 0, of total mass 1.
    error : ndarray (K,)
        Estimated integral of the absolute error, from a grid of twice the spacing.
    """

    x: FloatArray
    y: FloatArray
    times: FloatArray
    density: FloatArray
    error: FloatArray


class Diffusion2D:
    r"""The diffusion dX = -grad L dt + sqrt(2 D(X)) dW on a rectangle with reflecting sides.

    Parameters
    ----------
    potential : callable, sympy.Expr or Potential
        L(x, y), vectorised over arrays of one shape; an expression in the symbols x and y; or a
        loss of two coordinates of `linsgd.potentials`.
    diffusion : float, array_like (2, 2) or callable
        D, symmetric and positive definite; a callable of x, y (...) returns (..., 2, 2), or (...)
        for a multiple of the unit matrix.
    domain : tuple of tuples
        ((x_low, x_high), (y_low, y_high)), which holds the density. L and D are read up to 0.2 %
        of the width beyond it.
    convention : {"ito", "stratonovich", "anti_ito"}
        The factor 1 - a of the divergence of D in the flux: 1, 1/2 or 0. SGD's limit is Ito.
    points : int
        Points in each direction of the finest grid, 4 k + 1 from 41 to 321.

    Raises
    ------
    ValueError
        If a value lies outside its domain: D is not symmetric or not positive definite, or so
        anisotropic that jumps of more than 3 cells would be needed; L or D is not finite; the
        density is not confined.

    See Also
    --------
    Diffusion1D : One dimension, to full accuracy.

    References
    ----------
    .. [1] W. K. Grassmann, M. I. Taksar, D. P. Heyman, "Regenerative analysis and steady state
       distributions for Markov chains", Operations Research 33 (1985).

    Examples
    --------
    >>> import linsgd
    >>> bowl = linsgd.fokker_planck.Diffusion2D(
    ...     lambda x, y: x**2 / 2 + y**2, [[1.0, 0.3], [0.3, 0.5]], ((-8, 8), (-6, 6)), points=81
    ... )
    >>> round(bowl.spectral_gap().value, 4)
    1.0
    """

    def __init__(
        self,
        potential: Any,
        diffusion: Any,
        domain: tuple[tuple[float, float], tuple[float, float]],
        convention: Convention = "ito",
        points: int = POINTS,
    ) -> None:
        try:
            (x_low, x_high), (y_low, y_high) = domain
        except (TypeError, ValueError):
            domains.refuse("domain", domain, "two pairs of numbers ((low, high), (low, high))")
        self.domain = (
            _interval("domain[0]", x_low, x_high),
            _interval("domain[1]", y_low, y_high),
        )
        self.convention = domains.choice("convention", convention, tuple(WEIGHT))
        self.points = domains.integer("points", points, "[41, 321]")
        if points % 4 != 1:
            domains.refuse("points", points, "4 k + 1, for the two coarser grids")
        self._loss, self._matrix = _loss(potential), _matrix(diffusion)
        self._check_values()
        intervals = points - 1
        self._grids = [self._grid(n + 1) for n in (intervals, intervals * 3 // 4, intervals // 2)]
        self._chains: list[BandedChain] = []
        self._check_confined()

    def __repr__(self) -> str:
        (a, b), (c, d) = self.domain
        return (
            f"Diffusion2D on [{a:g}, {b:g}] x [{c:g}, {d:g}], {self.convention}, "
            f"{self.points} x {self.points} points"
        )

    def stationary_density(self) -> PlaneDensity:
        """Return the stationary density on the finest grid."""
        fine, coarse = self._grids[0], self._grids[2]
        density = self._density(fine, self._rooted()[0].stationary())
        other = self._density(coarse, self._rooted()[2].stationary())
        return PlaneDensity(
            x=fine.x,
            y=fine.y,
            times=np.array([np.inf]),
            density=density[None],
            error=np.array([_distance(fine, density, other)]),
        )

    def occupation(self, region: Region) -> LogNumber:
        """Return the stationary probability of a region.

        Parameters
        ----------
        region : callable
            Of arrays x, y of one shape: whether a point belongs to it. A boundary that is not along
            points of the grid is found by bisection; where it bends within a cell the error is of
            the second order in the spacing.
        """
        logs = []
        for grid, chain in zip(self._grids, self._rooted(), strict=True):
            _inside(grid, region)
            law = chain.stationary().reshape(grid.x.size, grid.y.size)
            logs.append(float(np.log(mass(region, grid.x, grid.y, law))))
        return self._extrapolated_at_border(logs, region)

    def spectral_gap(self) -> LogNumber:
        """Return the smallest real part of a decay rate, per unit of time.

        A gap below 1e-250, or that differs by more than half between two grids, is unresolved.
        """
        gaps = [chain.gap() for chain in self._rooted()]
        if min(gaps) < SMALLEST_GAP:
            return UNRESOLVED
        logs = [float(np.log(gap)) for gap in gaps]
        return UNRESOLVED if abs(logs[0] - logs[2]) > LARGEST_CHANGE else extrapolated(logs)

    def mean_first_passage_time(self, start: tuple[float, float], target: Region) -> LogNumber:
        """Return the mean time from a point to a region.

        Parameters
        ----------
        start : tuple of float
            A point of the domain outside the region.
        target : callable
            Of arrays x, y of one shape: whether a point belongs to the region. A border that does
            not run along points of the grid is found by bisection.
        """
        x = domains.real("start[0]", start[0], f"[{self.domain[0][0]!r}, {self.domain[0][1]!r}]")
        y = domains.real("start[1]", start[1], f"[{self.domain[1][0]!r}, {self.domain[1][1]!r}]")
        if indicator(target, np.array([x]), np.array([y])).any():
            domains.refuse("start", start, "a point outside the target")
        logs = []
        for grid in self._grids:
            dead = _inside(grid, target)
            chain = BandedChain.killed(grid.rates_until(target, dead), grid.y.size, dead)
            times = chain.solve(np.ones(grid.size)).reshape(grid.x.size, -1)
            logs.append(float(np.log(_interpolated(grid, times, x, y))))
        return self._extrapolated_at_border(logs, target)

    def _extrapolated_at_border(self, logs: list[float], region: Region) -> LogNumber:
        """Return the limit of spacing 0, whose error knows whether the grids share the border."""
        if all(runs_along(region, grid.x, grid.y) for grid in self._grids):
            return extrapolated(logs)
        # the error depends on where the border cuts the cells: only the size of the second order
        # is known of it
        limit = (logs[0] * 16 / 9 - logs[1]) / (16 / 9 - 1)
        spread = max(logs) - min(logs)
        return log_number(limit, limit + spread, rounding=1e-11)

    def evolve(self, density: Loss, times: ArrayLike) -> PlaneDensity:
        """Return the density at later times, on the grid of half the points.

        Parameters
        ----------
        density : callable
            The density at time 0, of arrays x, y of one shape, at least 0; scaled to mass 1.
        times : array_like (K,)
            Each at least 0.

        Notes
        -----
        By uniformisation: a mean over the number of jumps of a Poisson process, of non-negative
        terms. The cost grows with the time, and more than 200,000 jumps are refused.
        """
        given = domains.array("times", np.atleast_1d(np.asarray(times, dtype=float)), (None,))
        if given.min() < 0:
            domains.refuse("times", float(given.min()), "[0, inf)")
        fine, coarse = self._grids[2], self._grid((self.points - 1) // 4 + 1)
        frames, errors = [], []
        for time in given:
            found = self._density(fine, _jumped(fine, _start(fine, density), float(time)))
            other = self._density(coarse, _jumped(coarse, _start(coarse, density), float(time)))
            frames.append(found)
            errors.append(_distance(fine, found, other))
        return PlaneDensity(
            x=fine.x, y=fine.y, times=given, density=np.array(frames), error=np.array(errors)
        )

    def _grid(self, points: int) -> Grid2D:
        (a, b), (c, d) = self.domain
        x, y = np.linspace(a, b, points), np.linspace(c, d, points)
        return Grid2D.of(self._loss, self._matrix, WEIGHT[self.convention], x, y)

    def _rooted(self) -> list[BandedChain]:
        """Return the chains of the grids, eliminated toward the most probable point."""
        if not self._chains:
            for grid in self._grids:
                root = self._lowest(grid)
                self._chains.append(BandedChain.of(grid.rates(), grid.y.size, root))
        return self._chains

    def _lowest(self, grid: Grid2D) -> int:
        """Return the index of the point with the least loss."""
        X, Y = np.meshgrid(grid.x, grid.y, indexing="ij")
        return int(self._loss(X, Y).argmin())

    def _density(self, grid: Grid2D, law: FloatArray) -> FloatArray:
        area = (grid.x[1] - grid.x[0]) * (grid.y[1] - grid.y[0])
        density: FloatArray = law.reshape(grid.x.size, grid.y.size) / area
        return density

    def _check_values(self) -> None:
        (a, b), (c, d) = self.domain
        X, Y = np.meshgrid(np.linspace(a, b, 81), np.linspace(c, d, 81), indexing="ij")
        D, loss = self._matrix(X, Y), self._loss(X, Y)
        lowest = np.linalg.eigvalsh(np.where(np.isfinite(D), D, 0.0))[..., 0]
        asymmetry = np.abs(D[..., 0, 1] - D[..., 1, 0])
        largest = np.abs(D).max(axis=(-2, -1))
        checks = (
            ("potential", np.isfinite(loss), "finite"),
            ("diffusion", np.isfinite(D).all(axis=(-2, -1)), "finite"),
            ("diffusion", asymmetry <= 1e-12 * largest, "symmetric matrices"),
            ("diffusion", lowest > 0, "positive definite matrices"),
        )
        for name, holds, domain in checks:
            if not holds.all():
                i, j = np.argwhere(~holds)[0]
                value = loss[i, j] if name == "potential" else D[i, j].tolist()
                domains.refuse(f"{name} at ({X[i, j]:.6g}, {Y[i, j]:.6g})", value, domain)

    def _check_confined(self) -> None:
        """Refuse a domain at whose sides L/D exceeds its least value by too little."""
        grid = self._grids[2]
        X, Y = np.meshgrid(grid.x, grid.y, indexing="ij")
        loss = self._loss(X, Y)
        largest = np.linalg.eigvalsh(self._matrix(X, Y))[..., 1]
        height = (loss - loss.min()) / largest
        sides = ((X, 0), (X, -1)), ((Y, 0), (Y, -1))
        for axis, pair in enumerate(sides):
            for coordinate, end in pair:
                if height.take(end, axis=axis).min() < CONFINED:
                    at = coordinate.take(end, axis=axis).flat[0]
                    lowest = float(height.take(end, axis=axis).min())
                    given = f"(L - min L)/D = {lowest:.3g} on the side {'xy'[axis]} = {at:g}"
                    domains.refuse("domain", given, f"sides with at least {CONFINED:g}: widen it")


def _interval(name: str, low: Any, high: Any) -> tuple[float, float]:
    low = domains.real(f"{name}[0]", low)
    return low, domains.real(f"{name}[1]", high, f"({low!r}, inf)")


def _loss(given: Any) -> Loss:
    """Return L(x, y) of arrays."""
    if isinstance(given, Potential):
        if given.dimension != 2:
            domains.refuse("potential", given, "losses of two coordinates")
        return lambda x, y: given(np.stack([x, y], axis=-1))
    if isinstance(given, sympy.Expr):
        if not given.free_symbols <= set(sympy.symbols("x y")):
            domains.refuse("potential", given, "an expression in the symbols x and y")
        function = sympy.lambdify(sympy.symbols("x y"), given, "numpy")
    elif callable(given):
        function = given
    else:
        domains.refuse_type("potential", given, "a function of x and y, or a loss of two variables")
    return lambda x, y: np.broadcast_to(np.asarray(function(x, y), dtype=float), x.shape)


def _matrix(given: Any) -> Matrix:
    """Return D(x, y) (..., 2, 2) of arrays (...)."""
    if not callable(given):
        if np.ndim(given) == 0:
            constant = domains.real("diffusion", given, "(0, inf)") * np.eye(2)
        else:
            constant = domains.array("diffusion", given, (2, 2))
        return lambda x, y: np.broadcast_to(constant, (*x.shape, 2, 2))

    def matrix(x: FloatArray, y: FloatArray) -> FloatArray:
        values = np.asarray(given(x, y), dtype=float)
        if values.shape == x.shape:
            values = values[..., None, None] * np.eye(2)
        if values.shape != (*x.shape, 2, 2):
            domains.refuse("diffusion", f"values of shape {values.shape}", "(..., 2, 2) or (...)")
        return values

    return matrix


def _inside(grid: Grid2D, region: Region) -> Any:
    """Return the mask (M,) of the points of a region."""
    X, Y = np.meshgrid(grid.x, grid.y, indexing="ij")
    inside = indicator(region, X, Y)
    if inside.all() or not inside.any():
        domains.refuse("region", region, "a region with some points of the grid, but not all")
    return inside.ravel()


def _interpolated(grid: Grid2D, values: FloatArray, x: float, y: float) -> float:
    """Return the cubic interpolant of a function at a point."""
    interpolant = RegularGridInterpolator((grid.x, grid.y), values, method="cubic")
    return float(interpolant([[x, y]])[0])


def _distance(grid: Grid2D, density: FloatArray, coarse: FloatArray) -> float:
    """Return the integral of |density - coarse|/3, at the points of the coarse grid."""
    area = 4 * (grid.x[1] - grid.x[0]) * (grid.y[1] - grid.y[0])
    return float(np.abs(density[::2, ::2] - coarse).sum() * area / 3)


def _start(grid: Grid2D, density: Loss) -> FloatArray:
    X, Y = np.meshgrid(grid.x, grid.y, indexing="ij")
    if not callable(density):
        domains.refuse_type("density", density, "a function of arrays x, y")
    values = np.asarray(density(X, Y), dtype=float)
    if values.shape != X.shape or not np.all(values >= 0) or not values.any():
        domains.refuse("density", density, "a function of x, y with values >= 0, not all 0")
    law: FloatArray = values.ravel() / values.sum()
    return law


def _jumped(grid: Grid2D, law: FloatArray, time: float) -> FloatArray:
    """Return the law after a time: a Poisson mean of laws after n jumps."""
    generator = grid.generator()
    fastest = float(-generator.diagonal().min())
    jumps = fastest * time
    if jumps > MOST_JUMPS:
        domains.refuse("times", time, f"[0, {MOST_JUMPS / fastest:.3g}] on this grid")
    jump = generator / fastest + eye_array(law.size)  # no entry is negative
    total = np.zeros(law.size)
    log_weight, n = -jumps, 0
    while n <= jumps or log_weight > np.log(NEGLIGIBLE):
        if log_weight > np.log(NEGLIGIBLE):
            total += np.exp(log_weight) * law
        law = jump @ law
        n += 1
        log_weight += np.log(jumps / n) if jumps > 0 else -np.inf
    scaled: FloatArray = total / total.sum()
    return scaled
