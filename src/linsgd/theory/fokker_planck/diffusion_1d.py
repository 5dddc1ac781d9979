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
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.theory.fokker_planck import first_passage_1d, spectrum_1d
from linsgd.theory.fokker_planck.coefficient import Coefficient
from linsgd.theory.fokker_planck.evolution import Evolution
from linsgd.theory.fokker_planck.finite_volume import FiniteVolume
from linsgd.theory.fokker_planck.first_passage_1d import PassageLaw
from linsgd.theory.fokker_planck.log_number import LogNumber, log_number
from linsgd.theory.fokker_planck.panels import COARSE, FINE, Panels, Rule, resolved_edges
from linsgd.theory.fokker_planck.speed_and_scale import Equation, SpeedAndScale

Convention: TypeAlias = Literal["ito", "stratonovich", "anti_ito"]

WEIGHT = {"ito": 1.0, "stratonovich": 0.5, "anti_ito": 0.0}  # of log D in Psi
CONFINED = 25.0  # -log of the density at an end against its maximum
PIECES = 16  # panels to begin with
CELLS = 400  # of the finite volumes for time evolution
MOST_RATES = 40
LONGEST_EXPONENT = 50.0  # of L/D over a panel, where its exponential is looked at


class Diffusion1D:
    r"""The diffusion dX = -L'(X) dt + sqrt(2 D(X)) dW on an interval with reflecting ends.

    Parameters
    ----------
    potential : callable, sympy.Expr, tuple of arrays or list of callables
        L: a function vectorised over arrays such as a loss of `linsgd.potentials`, an expression in
        one symbol, samples (x, L) to be joined by a cubic spline, or losses whose mean it is. Where
        it has kinks, panels shrink around them.
    diffusion : float, or as for the potential
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
        self.convention = domains.choice("convention", convention, tuple(WEIGHT))
        self.reflecting = domains.boolean("reflecting", reflecting)
        L, D = Coefficient.of("potential", potential), Coefficient.of("diffusion", diffusion)
        self.potential, self.diffusion = L.fine, D.fine
        self._check_values(np.linspace(self.low, self.high, 1001))
        knots = np.concatenate([L.knots, D.knots, np.linspace(self.low, self.high, PIECES + 1)])
        inside = knots[(knots >= self.low) & (knots <= self.high)]
        edges = resolved_edges(self._resolved, np.unique(inside))
        weight = WEIGHT[self.convention]
        fine = Equation(L.fine, D.fine, weight)
        coarse = Equation(L.coarse, D.coarse, weight)
        self.on_panels = SpeedAndScale.of(fine, Panels(Rule.of(FINE), edges))
        self._coarse = SpeedAndScale.of(coarse, Panels(Rule.of(COARSE), edges))
        self._check_confined()

    def __repr__(self) -> str:
        return (
            f"Diffusion1D on [{self.low:g}, {self.high:g}], {self.convention}, "
            f"{self.on_panels.psi.size} nodes"
        )

    def stationary_density(self, x: ArrayLike) -> FloatArray:
        """Return the stationary density (K,) at points (K,) of the domain, per unit of x.

        Parameters
        ----------
        x : array_like (K,)
            Inside the domain.
        """
        points = self._points("x", x)
        density: FloatArray = np.exp(-self.on_panels.psi_at(points) - self.on_panels.log_mass)
        return density

    def occupation(self, low: float, high: float) -> LogNumber:
        """Return the stationary probability of an interval.

        Parameters
        ----------
        low, high : float
            Inside the domain, low < high.
        """
        low = domains.real("low", low, f"[{self.low!r}, {self.high!r}]")
        high = domains.real("high", high, f"({low!r}, {self.high!r}]")
        fine = self.on_panels.log_probability(low, high)
        return log_number(fine, self._coarse.log_probability(low, high))

    def spectral_gap(self) -> LogNumber:
        """Return the smallest positive decay rate of the Fokker-Planck equation, per unit of time.

        Raises
        ------
        RuntimeError
            If the second rate is within 1 % of the first; `decay_rates` separates them.
        """
        return log_number(spectrum_1d.log_gap(self.on_panels), spectrum_1d.log_gap(self._coarse))

    def decay_rates(self, count: int = 10) -> tuple[LogNumber, ...]:
        """Return the smallest positive decay rates in ascending order, per unit of time.

        Parameters
        ----------
        count : int
            From 1 to 40.

        Notes
        -----
        By shooting, which is independent of `spectral_gap`. Rates down to 1e-277.

        Examples
        --------
        >>> import linsgd
        >>> well = linsgd.fokker_planck.Diffusion1D(lambda x: x**2, 1.0, (-9, 9))
        >>> [round(rate.value, 9) for rate in well.decay_rates(3)]
        [2.0, 4.0, 6.0]
        """
        count = domains.integer("count", count, f"[1, {MOST_RATES}]")
        first = spectrum_1d.log_gap(self.on_panels)
        fine = spectrum_1d.log_rates(self.on_panels, count, first)
        coarse = spectrum_1d.log_rates(self._coarse, count, first)
        return tuple(map(log_number, fine, coarse))

    def mean_first_passage_time(self, start: float, target: float) -> LogNumber:
        """Return the mean time from one point of the domain to another.

        Parameters
        ----------
        start, target : float
            Inside the domain, different.
        """
        return self._mean_and_variance(start, target)[0]

    def first_passage_variance(self, start: float, target: float) -> LogNumber:
        """Return the variance of the time from one point of the domain to another.

        Parameters
        ----------
        start, target : float
            Inside the domain, different.
        """
        return self._mean_and_variance(start, target)[1]

    def passage_moments(self, start: float, target: float) -> tuple[LogNumber, LogNumber]:
        """Return mean and second moment of the first passage time.

        Parameters
        ----------
        start, target : float
            Inside the domain, different.
        """
        mean, variance = self._mean_and_variance(start, target)
        second = float(np.logaddexp(2 * mean.log, variance.log))
        # both terms are positive: the relative error is at most the larger of theirs
        error = max(2 * mean.error, variance.error)
        return mean, log_number(second, second, rounding=error)

    def first_passage_law(self, start: float, target: float, times: ArrayLike) -> PassageLaw:
        """Return the probability that the time from one point to another is longer.

        Parameters
        ----------
        start, target : float
            Inside the domain, different.
        times : array_like (K,)
            Positive.
        """
        start, target = self._passage(start, target)
        given = domains.array("times", np.atleast_1d(np.asarray(times, dtype=float)), (None,))
        if given.min() <= 0:
            domains.refuse("times", float(given.min()), "(0, inf)")
        fine = first_passage_1d.upward(self.on_panels, start, target)
        coarse = first_passage_1d.upward(self._coarse, start, target)
        found, error = np.empty(given.size), np.empty(given.size)
        for i, time in enumerate(given):
            late = first_passage_1d.survival(*fine, float(time), first_passage_1d.POINTS)
            other = first_passage_1d.survival(*coarse, float(time), first_passage_1d.FEWER_POINTS)
            found[i] = min(max(late, 0.0), 1.0)
            error[i] = abs(late - other) + first_passage_1d.ROUNDING
        return PassageLaw(times=given, survival=found, error=error)

    def evolve(
        self, density: Callable[[FloatArray], FloatArray], times: ArrayLike, cells: int = CELLS
    ) -> Evolution:
        """Return the density at later times, by finite volumes.

        Parameters
        ----------
        density : callable
            The density at time 0, at least 0; scaled to mass 1.
        times : array_like (K,)
            Each at least 0.
        cells : int
            Number of equal cells, from 20 to 2000; the error is of the second order in their width.

        Returns
        -------
        Evolution
            Cell averages; mass 1 to rounding, and none negative.
        """
        cells = domains.integer("cells", cells, "[20, 2000]")
        given = domains.array("times", np.atleast_1d(np.asarray(times, dtype=float)), (None,))
        if given.min() < 0:
            domains.refuse("times", float(given.min()), "[0, inf)")
        x, found = self._evolved(density, given, cells)
        x_coarse, other = self._evolved(density, given, cells // 2)
        error = np.empty(given.size)
        for i in range(given.size):
            difference = np.abs(np.interp(x, x_coarse, other[i]) - found[i])
            error[i] = difference.mean() * (self.high - self.low) / 3  # of the second order
        return Evolution(x=x, times=given, density=found, error=error)

    def psi_on(self, cells: int) -> FloatArray:
        """Return Psi at the centers and edges of equal cells (2 cells + 1,)."""
        return self.on_panels.psi_at(np.linspace(self.low, self.high, 2 * cells + 1))

    def _evolved(
        self, density: Callable[[FloatArray], FloatArray], times: FloatArray, cells: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return centers (M,) and densities (K, M)."""
        volume = FiniteVolume.of(self.psi_on(cells), self.diffusion, self.low, self.high, cells)
        if not callable(density):
            domains.refuse_type("density", density, "a function of arrays")
        start = np.asarray(density(volume.centers), dtype=float)
        if start.shape != volume.centers.shape or not np.all(start >= 0) or not start.any():
            domains.refuse("density", density, "a function with values (K,) >= 0, not all 0")
        masses = volume.evolve(start / start.sum(), times)
        return volume.centers, masses / volume.width

    def _mean_and_variance(self, start: float, target: float) -> tuple[LogNumber, LogNumber]:
        start, target = self._passage(start, target)
        moments = []
        for process in (self.on_panels, self._coarse):
            below_target, origin = first_passage_1d.upward(process, start, target)
            moments.append(first_passage_1d.log_mean_and_variance(below_target, origin))
        means, variances = zip(*moments, strict=True)
        return log_number(*means), log_number(*variances)

    def _resolved(self, x: FloatArray) -> list[FloatArray]:
        """Return L/D, whose exponential is integrated, and D at the nodes."""
        d = self.diffusion(x)
        ratio = self.potential(x) / d
        middle = ratio[:, ratio.shape[1] // 2, None]
        bounded = np.clip(ratio - middle, -LONGEST_EXPONENT, LONGEST_EXPONENT)
        return [ratio, np.exp(-bounded), np.exp(bounded), d]

    def _check_values(self, x: FloatArray) -> None:
        d, potential = self.diffusion(x), self.potential(x)
        for name, values in (("potential", potential), ("diffusion", d)):
            finite = np.isfinite(values)
            if not finite.all():
                at = int(finite.argmin())
                domains.refuse(f"{name} at x = {x[at]:.6g}", float(values[at]), "finite")
        if d.min() <= 0:
            at = int(d.argmin())
            domains.refuse(f"diffusion at x = {x[at]:.6g}", float(d[at]), "(0, inf)")

    def _check_confined(self) -> None:
        psi = self.on_panels.psi
        lowest = psi.min()
        ends = ((self.low, psi[0, 0], psi[0, -1]), (self.high, psi[-1, -1], psi[-1, 0]))
        for x, end, inner in ends:
            if self.reflecting or end - lowest >= CONFINED:
                continue
            given = f"density {math.exp(lowest - end):.2g} of its maximum at x = {x:g}"
            if end < inner:
                given += ", where it grows outwards: no confining potential, or a well cut off"
            remedy = "a domain that holds the density: widen it, or say reflecting=True"
            domains.refuse("domain", given, remedy)

    def _passage(self, start: float, target: float) -> tuple[float, float]:
        start, target = self._points("start, target", [start, target])
        if start == target:
            domains.refuse("target", float(target), f"any point but the start {start}")
        return float(start), float(target)

    def _points(self, name: str, x: ArrayLike) -> FloatArray:
        points = domains.array(name, np.atleast_1d(np.asarray(x, dtype=float)), (None,))
        outside = (points < self.low) | (points > self.high)
        if outside.any():
            domains.refuse(name, float(points[outside][0]), f"[{self.low:g}, {self.high:g}]")
        return points
