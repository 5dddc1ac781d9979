r"""A diffusion on an interval: stationary law, spectral gap and first passage to full accuracy.

With the loss L as potential and the diffusion D(x) the equation is

    dX = -L'(X) dt + sqrt(2 D(X)) dW,

read with a = 0 (Ito, the limit of SGD), 1/2 (Stratonovich) or 1 (anti-Ito). The stationary density
is exp(-Psi) with Psi = int L'/D + (1 - a) log D, up to a factor. With p the density and F its
distribution function,

    mean passage from x up to y:  int_x^y e^Psi(z)/D(z) int_(-inf)^z e^-Psi,
    flux J of the slowest mode:   J(x) / gap = int F(min(x, z)) (1 - F(max(x, z))) J(z)/(D p)(z) dz.

Every integrand is positive, so that cumulative integrals from both ends (`panels`) give each number
with the relative accuracy of the interpolation, however small the gap is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import sympy
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.theory.fokker_planck.finite_volume import FiniteVolume
from linsgd.theory.fokker_planck.log_number import LogNumber, log_number
from linsgd.theory.fokker_planck.panels import COARSE, FINE, Panels, Rule, resolved_edges

Convention: TypeAlias = Literal["ito", "stratonovich", "anti_ito"]
Function: TypeAlias = Callable[[FloatArray], FloatArray]

WEIGHT = {"ito": 0.0, "stratonovich": 0.5, "anti_ito": 1.0}
CONFINED = 25.0  # -log of the density at an end against its maximum
MOST_ITERATIONS = 2000
CELLS = 400  # of the finite volumes for time evolution


class Diffusion1D:
    r"""The diffusion dX = -L'(X) dt + sqrt(2 D(X)) dW on an interval with reflecting ends.

    Parameters
    ----------
    potential : callable or sympy.Expr
        L, vectorised over arrays; smooth on the domain.
    diffusion : float, callable or sympy.Expr
        D > 0. For SGD with gradient covariance C(x) it is lr C(x)/(2 batch_size), and time is
        lr * steps.
    domain : tuple of float
        The interval (low, high), which must hold the density unless `reflecting`.
    convention : {"ito", "stratonovich", "anti_ito"}
        How the noise is read where D varies. SGD's limit is Ito.
    reflecting : bool
        Whether the ends are walls of the problem, so that the density may be large there.

    Raises
    ------
    ValueError
        If a value lies outside its domain: D is not positive, the potential is not finite, or the
        density is not confined.

    See Also
    --------
    MarkovKernel : The discrete algorithm that the diffusion approximates.

    References
    ----------
    .. [1] X. Dai, Y. Zhu, "On large batch training and sharp minima: a Fokker-Planck perspective"
       (2020), arXiv 2112.00987, for the equation as a model of SGD.
    .. [2] C. W. Gardiner, "Handbook of Stochastic Methods", section 5.2, for first passage.

    Examples
    --------
    >>> import linsgd
    >>> well = linsgd.fokker_planck.Diffusion1D(lambda x: 10 * (x**2 - 1) ** 2, 1.0, (-2.2, 2.2))
    >>> gap = well.spectral_gap()
    >>> f"{gap.value:.7e}"
    '7.8357092e-04'
    >>> f"{well.mean_first_passage_time(-1.0, 1.0).value:.5f}"
    '2552.70914'
    """

    def __init__(
        self,
        potential: Any,
        diffusion: Any,
        domain: tuple[float, float],
        convention: Convention = "ito",
        *,
        reflecting: bool = False,
    ) -> None:
        try:
            low, high = domain
        except (TypeError, ValueError):
            domains.refuse("domain", domain, "a pair (low, high) of numbers")
        self.low = domains.real("domain[0]", low)
        self.high = domains.real("domain[1]", high, f"({self.low!r}, inf)")
        self.potential = _function("potential", potential)
        self.diffusion = _function("diffusion", diffusion)
        self.convention = domains.choice("convention", convention, tuple(WEIGHT))
        self.reflecting = domains.boolean("reflecting", reflecting)
        self._check_values(np.linspace(self.low, self.high, 1001))
        edges = resolved_edges(self._resolved, self.low, self.high, pieces=16)
        self._levels = [_Level.of(self, edges, n) for n in (FINE, COARSE)]
        self._check_confined()

    def __repr__(self) -> str:
        return (
            f"Diffusion1D on [{self.low:g}, {self.high:g}], {self.convention}, "
            f"{self._levels[0].panels.nodes.size} nodes"
        )

    def stationary_density(self, x: ArrayLike) -> FloatArray:
        """Return the stationary density (K,) at points (K,) of the domain, per unit of x.

        Parameters
        ----------
        x : array_like (K,)
            Inside the domain.
        """
        points = domains.array("x", np.atleast_1d(np.asarray(x, dtype=float)), (None,))
        self._check_inside("x", points)
        level = self._levels[0]
        density = np.empty(points.shape)
        for i, point in enumerate(points):
            density[i] = np.exp(-level.psi_at(self, float(point)) - level.log_mass)
        return density

    def occupation(self, low: float, high: float) -> LogNumber:
        """Return the stationary probability of an interval.

        Parameters
        ----------
        low, high : float
            Inside the domain, low < high.
        """
        low, high = self._interval(low, high)
        logs = [
            level.log_integral_between(self, low, high, sign=-1) - level.log_mass
            for level in self._levels
        ]
        return log_number(*logs)

    def spectral_gap(self) -> LogNumber:
        """Return the smallest positive decay rate of the Fokker-Planck equation, per unit of time.

        Raises
        ------
        RuntimeError
            If the iteration does not converge.
        """
        return log_number(*(level.log_gap() for level in self._levels))

    def mean_first_passage_time(self, start: float, target: float) -> LogNumber:
        """Return the mean time from one point of the domain to another.

        Parameters
        ----------
        start, target : float
            Inside the domain, different.
        """
        return self.passage_moments(start, target)[0]

    def passage_moments(self, start: float, target: float) -> tuple[LogNumber, LogNumber]:
        """Return mean and second moment of the first passage time.

        Parameters
        ----------
        start, target : float
            Inside the domain, different.
        """
        points = domains.array("start, target", [start, target], (None,))
        self._check_inside("start, target", points)
        if start == target:
            domains.refuse("target", target, f"any point but the start {start}")
        pairs = [level.log_passage(self, float(start), float(target)) for level in self._levels]
        first, second = zip(*pairs, strict=True)
        return log_number(*first), log_number(*second)

    def evolve(
        self, density: Callable[[FloatArray], FloatArray], times: ArrayLike, cells: int = CELLS
    ) -> "Evolution":
        """Return the density at later times, by finite volumes.

        Parameters
        ----------
        density : callable
            The density at time 0, at least 0; scaled to mass 1.
        times : array_like (K,)
            Each at least 0.
        cells : int
            Number of equal cells, from 10 to 2000; the error is of the second order in their width.

        Returns
        -------
        Evolution
            Cell averages; mass 1 to rounding, and none negative.
        """
        cells = domains.integer("cells", cells, "[10, 2000]")
        moments = domains.array("times", np.atleast_1d(np.asarray(times, dtype=float)), (None,))
        if moments.min() < 0:
            domains.refuse("times", float(moments.min()), "[0, inf)")
        volume = FiniteVolume.of(self.psi_on(cells), self.diffusion, self.low, self.high, cells)
        start = np.asarray(density(volume.centers), dtype=float)
        if start.shape != volume.centers.shape or not np.all(start >= 0) or not start.any():
            domains.refuse("density", density, "a function with values (K,) >= 0, not all 0")
        masses = volume.evolve(start / start.sum(), moments)
        return Evolution(volume.centers, moments, masses / volume.width)

    def psi_on(self, cells: int) -> FloatArray:
        """Return Psi at the centers and edges of equal cells (2 cells + 1,)."""
        x = np.linspace(self.low, self.high, 2 * cells + 1)
        level = self._levels[0]
        return np.array([level.psi_at(self, float(point)) for point in x])

    def _resolved(self, x: FloatArray) -> list[FloatArray]:
        """Return L/D, whose exponential is integrated, and D at the nodes."""
        d = self.diffusion(x)
        ratio = self.potential(x) / d
        middle = ratio[:, ratio.shape[1] // 2 : ratio.shape[1] // 2 + 1]
        bounded = np.clip(ratio - middle, -50, 50)
        return [ratio, np.exp(-bounded), np.exp(bounded), d]

    def _check_values(self, x: FloatArray) -> None:
        d, potential = self.diffusion(x), self.potential(x)
        for name, values in (("potential", potential), ("diffusion", d)):
            if not np.isfinite(values).all():
                at = float(x[~np.isfinite(values)][0])
                domains.refuse(f"{name} at x = {at:.6g}", float(values[x == at][0]), "finite")
        if d.min() <= 0:
            at = float(x[d.argmin()])
            domains.refuse(f"diffusion at x = {at:.6g}", float(d.min()), "(0, inf)")

    def _check_confined(self) -> None:
        psi = self._levels[0].psi
        lowest = psi.min()
        for end, value in ((self.low, psi[0, 0]), (self.high, psi[-1, -1])):
            if not self.reflecting and value - lowest < CONFINED:
                what = f"density {math.exp(lowest - value):.2g} of its maximum at x = {end:g}"
                known = "a domain that holds the density: widen it, or say reflecting=True"
                domains.refuse("domain", what, known)

    def _check_inside(self, name: str, points: FloatArray) -> None:
        outside = (points < self.low) | (points > self.high)
        if outside.any():
            domains.refuse(name, float(points[outside][0]), f"[{self.low:g}, {self.high:g}]")

    def _interval(self, low: float, high: float) -> tuple[float, float]:
        inside = f"[{self.low!r}, {self.high!r}]"
        low = domains.real("low", low, inside)
        return low, domains.real("high", high, f"({low!r}, {self.high!r}]")


@dataclass(frozen=True, slots=True, eq=False)
class Evolution:
    """A density in time.

    Attributes
    ----------
    x : ndarray (M,)
        Centers of the cells.
    times : ndarray (K,)
        As given.
    density : ndarray (K, M)
        Cell averages.
    """

    x: FloatArray
    times: FloatArray
    density: FloatArray


@dataclass(frozen=True, eq=False)
class _Level:
    """The panels at one resolution, with Psi and log D at the nodes (P, n)."""

    panels: Panels
    psi: FloatArray
    log_d: FloatArray
    drift: FloatArray  # int L'/D from the left end, at the nodes

    @classmethod
    def of(cls, process: Diffusion1D, edges: FloatArray, n: int) -> "_Level":
        panels = Panels(Rule.of(n), edges)
        x = panels.nodes
        d, potential = process.diffusion(x), process.potential(x)
        if np.ptp(d) == 0:
            drift = potential / d
        else:
            # int L'/D = L/D + int L D'/D^2; about the panel's own level, so that little cancels
            drift = panels.primitive(panels.derivative(potential) / d)
        weight = WEIGHT[process.convention]
        return cls(panels, drift + (1 - weight) * np.log(d), np.log(d), drift)

    @cached_property
    def log_mass(self) -> float:
        """Log of the integral of e^-Psi."""
        return self.panels.log_integral(-self.psi)

    def log_gap(self) -> float:
        """Return log of the spectral gap: inverse iteration on the flux, all terms positive."""
        below = self.panels.log_from_left(-self.psi) - self.log_mass  # log F
        above = self.panels.log_from_right(-self.psi) - self.log_mass  # log (1 - F)
        resistance = self.psi - self.log_d + self.log_mass  # log 1/(D p)
        flux, before = below + above, -np.inf
        for _ in range(MOST_ITERATIONS):
            source = resistance + flux
            inner = above + self.panels.log_from_left(below + source)
            outer = below + self.panels.log_from_right(above + source)
            image = np.logaddexp(inner, outer)
            # Rayleigh's quotient in the inner product with weight 1/(D p)
            gap = self.panels.log_integral(source + flux) - self.panels.log_integral(source + image)
            flux = image + gap
            if abs(gap - before) < 2e-16 * max(1.0, abs(gap)):
                return gap
            before = gap
        return gap

    def log_passage(self, process: Diffusion1D, start: float, target: float) -> tuple[float, float]:
        """Return logs of the first two moments of the passage time."""
        mirrored = target < start
        low, high = min(start, target), max(start, target)
        cut = self.cut_at(process, [low, high])
        x = cut.panels.nodes
        cumulative = cut.panels.log_from_right if mirrored else cut.panels.log_from_left
        outward = cut.panels.log_from_left if mirrored else cut.panels.log_from_right
        between = (x > low) & (x < high)
        # the time from z to the target, for z on the way and beyond the start
        toward = x > low if mirrored else x < high
        resistance = cut.psi - cut.log_d
        step = np.where(toward, resistance + cumulative(-cut.psi), -np.inf)
        time = outward(_finite(step))
        delayed = np.where(between, resistance + cumulative(_finite(-cut.psi + time)), -np.inf)
        first = cut.panels.log_integral(_finite(np.where(between, step, -np.inf)))
        second = np.log(2) + cut.panels.log_integral(_finite(delayed))
        return first, second

    def log_integral_between(
        self, process: Diffusion1D, low: float, high: float, sign: int
    ) -> float:
        """Return log of the integral of exp(sign Psi) between two points."""
        cut = self.cut_at(process, [low, high])
        inside = (cut.panels.nodes > low) & (cut.panels.nodes < high)
        return cut.panels.log_integral(_finite(np.where(inside, sign * cut.psi, -np.inf)))

    def cut_at(self, process: Diffusion1D, points: list[float]) -> "_Level":
        """Return the level with panels that end at the points."""
        edges = np.unique(np.concatenate([self.panels.edges, points]))
        width = process.high - process.low
        keep = np.concatenate([[True], np.diff(edges) > 1e-13 * width])
        for point in points:
            keep |= edges == point
        return _Level.of(process, edges[keep], self.panels.rule.points.size)

    def psi_at(self, process: Diffusion1D, x: float) -> float:
        """Return Psi at one point, by the interpolant of its panel."""
        i = int(np.clip(np.searchsorted(self.panels.edges, x) - 1, 0, len(self.psi) - 1))
        t = (x - self.panels.edges[i]) / self.panels.half[i, 0] - 1
        d = float(process.diffusion(np.array([x]))[0])
        coefficients = self.panels.rule.coefficients @ self.drift[i]
        drift = float(np.polynomial.legendre.legval(t, coefficients))
        return drift + (1 - WEIGHT[process.convention]) * math.log(d)


def _finite(logs: FloatArray) -> FloatArray:
    """Replace the logarithm of 0 by one that is negligible, for sums in logarithms."""
    return np.where(np.isneginf(logs), -1e300, logs)


def _function(name: str, given: Any) -> Function:
    """Return a number, a SymPy expression or a callable as a function of arrays."""
    if isinstance(given, sympy.Expr):
        symbols = sorted(given.free_symbols, key=str)
        if len(symbols) > 1:
            domains.refuse(name, given, "an expression in one symbol")
        compiled = sympy.lambdify(symbols or [sympy.Symbol("x")], given, "numpy")
        return lambda x: np.broadcast_to(np.asarray(compiled(x), dtype=float), x.shape)
    if callable(given):
        return lambda x: np.broadcast_to(np.asarray(given(x), dtype=float), x.shape)
    value = domains.real(name, given)
    return lambda x: np.full(x.shape, value)
