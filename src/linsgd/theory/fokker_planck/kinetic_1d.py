r"""The kinetic Fokker-Planck equation of momentum SGD.

    dX = V dt,        dV = -friction V dt - L'(X) dt + sqrt(2 friction T(X)) dW,

by Legendre polynomials in x and Hermite functions in v (`kinetic_operator`). Momentum SGD with
learning rate lr and momentum m follows it with time sqrt(lr) steps, friction (1 - m)/sqrt(lr) and
T = lr C(x)/(2 batch_size (1 - m)).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.result import Result
from linsgd.theory.fokker_planck import kinetic_modes
from linsgd.theory.fokker_planck.diffusion_1d import Diffusion1D
from linsgd.theory.fokker_planck.kinetic_operator import KineticOperator, hermite_projection
from linsgd.theory.fokker_planck.log_number import UNRESOLVED, LogNumber, log_number

POSITIONS, VELOCITIES = 100, 40
FEWER = 0.8  # functions of the second resolution, over those of the first
ROUNDING = 1e-13  # of a sum over all functions, relative
LARGEST_CHANGE = 0.5  # of log of a resolved gap between two resolutions
LARGEST_SHARE = 0.1  # of the error of the eigenvalue 0 in a gap that counts as resolved


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PhaseSpaceDensity(Result):
    """A density in phase space, in time.

    Attributes
    ----------
    x : ndarray (I,)
        Positions.
    v : ndarray (J,)
        Velocities.
    times : ndarray (K,)
        As given; infinity for the stationary law.
    density : ndarray (K, J, I)
        Per unit of x and v. Truncation may leave values below 0, of the size of the error.
    error : ndarray (K,)
        Estimated error relative to the largest density.
    """

    x: FloatArray
    v: FloatArray
    times: FloatArray
    density: FloatArray
    error: FloatArray


class Kinetic1D:
    r"""The process dX = V dt, dV = -friction V dt - L'(X) dt + sqrt(2 friction T(X)) dW.

    Parameters
    ----------
    potential : callable, sympy.Expr, tuple of arrays or list of callables
        L, as in `Diffusion1D`.
    friction : float
        Positive. For momentum SGD (1 - momentum)/sqrt(lr), time being sqrt(lr) steps.
    temperature : float, or as the potential
        T > 0. For momentum SGD lr C(x)/(2 batch_size (1 - momentum)).
    domain : tuple of float
        An interval (low, high) that holds the density.
    positions, velocities : int
        Numbers of functions of x, from 20 to 300, and of v, even, from 8 to 120. Low friction needs
        more functions of v, a high barrier more functions of x.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or the density is not confined.

    See Also
    --------
    Diffusion1D : The limit of large friction, in the time t/friction.

    Notes
    -----
    Where T varies, the reference temperature of the Hermite functions is the middle of its range.

    References
    ----------
    .. [1] H. Risken, "The Fokker-Planck Equation", chapter 10, for the expansion.

    Examples
    --------
    >>> import linsgd
    >>> oscillator = linsgd.fokker_planck.Kinetic1D(lambda x: x**2 / 2, 3.0, 1.0, (-9, 9))
    >>> f"{oscillator.spectral_gap().value:.9f}"  # (3 - sqrt(5))/2
    '0.381966011'
    """

    def __init__(
        self,
        potential: Any,
        friction: float,
        temperature: Any,
        domain: tuple[float, float],
        positions: int = POSITIONS,
        velocities: int = VELOCITIES,
    ) -> None:
        self.friction = domains.real("friction", friction, "(0, inf)")
        self.positions = domains.integer("positions", positions, "[20, 300]")
        self.velocities = domains.integer("velocities", velocities, "[8, 120]")
        if velocities % 2:
            domains.refuse("velocities", velocities, "even numbers")
        # Psi of the overdamped diffusion with D = T, up to the same confinement
        self._overdamped = Diffusion1D(potential, temperature, domain)
        self.low, self.high = self._overdamped.low, self._overdamped.high
        fewer = (int(FEWER * positions), 2 * int(FEWER * velocities / 2))
        self._sizes = ((self.positions, self.velocities), fewer)

    def __repr__(self) -> str:
        return (
            f"Kinetic1D on [{self.low:g}, {self.high:g}], friction {self.friction:g}, "
            f"{self.positions} x {self.velocities} functions"
        )

    def stationary_density(self, x: ArrayLike, v: ArrayLike) -> PhaseSpaceDensity:
        """Return the stationary density.

        Parameters
        ----------
        x : array_like (I,)
            Positions inside the domain.
        v : array_like (J,)
            Velocities.
        """
        places, speeds = self._grid(x, v)
        found = []
        for operator in self._operators():
            vector = kinetic_modes.stationary(operator, self.friction)
            found.append(operator.values(vector, places, speeds))
        error = np.abs(found[0] - found[1]).max() / found[0].max() + ROUNDING
        return PhaseSpaceDensity(
            x=places,
            v=speeds,
            times=np.array([np.inf]),
            density=found[0][None],
            error=np.array([error]),
        )

    def spectral_gap(self) -> LogNumber:
        """Return the smallest real part of a decay rate, per unit of time.

        Notes
        -----
        The smallest among the rates near 0 and, for low friction, near i times the frequency at the
        bottom of the deepest well. A gap that is no larger than the errors of the eigenvalue 0 of
        the stationary law, or that differs between two resolutions, is unresolved.
        """
        gaps = []
        for operator in self._operators():
            rates = kinetic_modes.slow_rates(operator, self.friction, self._frequency())
            gap = float(rates[1:].real.min())
            zero = float(abs(rates[0]))
            if gap <= 0 or zero > LARGEST_SHARE * gap:
                return UNRESOLVED
            gaps.append((np.log(gap), zero / gap))
        (fine, rounding), (coarse, _) = gaps
        if abs(fine - coarse) > LARGEST_CHANGE:
            return UNRESOLVED
        return log_number(float(fine), float(coarse), rounding)

    def mean_first_passage_time(self, start: float, target: float) -> LogNumber:
        """Return the mean time from a position, with thermal velocities, to another position.

        Parameters
        ----------
        start, target : float
            Inside the domain, different.

        Notes
        -----
        The density at the target is not smooth at v = 0, so that the error falls slowly with the
        number of velocities, about as its power -3/2. The error returned is the change from half
        the velocities; a time that changes by more than half is unresolved.
        """
        points = domains.array("start, target", [start, target], (2,))
        outside = (points < self.low) | (points > self.high)
        if outside.any():
            known = f"[{self.low:g}, {self.high:g}]"
            domains.refuse("start, target", float(points[outside][0]), known)
        if start == target:
            domains.refuse("target", target, f"any point but the start {start}")
        part, origin, end = self._overdamped.on_panels.cut([target]), start, target
        if target < start:
            part, origin, end = part.mirrored(), -start, -target
        part = part.between(float(part.panels.edges[0]), end)
        times = []
        for size in (self._sizes[0], (self._sizes[1][0], 2 * (self.velocities // 4))):
            operator = KineticOperator.of(part, self.friction, *size, absorbing=True)
            times.append(kinetic_modes.mean_passage(operator, origin))
        if min(times) <= 0 or abs(np.log(times[0] / times[1])) > LARGEST_CHANGE:
            return UNRESOLVED
        fine, coarse = np.log(times)
        return log_number(float(fine), float(coarse), ROUNDING)

    def evolve(
        self,
        density: Callable[[FloatArray, FloatArray], FloatArray],
        times: ArrayLike,
        x: ArrayLike,
        v: ArrayLike,
    ) -> PhaseSpaceDensity:
        """Return the density at later times.

        Parameters
        ----------
        density : callable
            The density at time 0 as a function of arrays x and v, about as wide in v as the
            stationary one, or narrower where the velocities resolve it; scaled to mass 1.
        times : array_like (K,)
            Ascending, each at least 0.
        x, v : array_like (I,), (J,)
            Where the density is wanted.
        """
        places, speeds = self._grid(x, v)
        given = domains.array("times", np.atleast_1d(np.asarray(times, dtype=float)), (None,))
        if given[0] < 0 or np.any(np.diff(given) < 0):
            domains.refuse("times", given, "ascending numbers of at least 0")
        fine, coarse = (
            self._evolved(operator, density, given, places, speeds)
            for operator in self._operators()
        )
        largest = np.abs(fine[0]).max(axis=(1, 2))
        truncated = np.abs(fine[0] - coarse[0]).max(axis=(1, 2)) / largest
        return PhaseSpaceDensity(
            x=places,
            v=speeds,
            times=given,
            density=fine[0],
            error=truncated + fine[1] + ROUNDING,
        )

    def _evolved(
        self,
        operator: KineticOperator,
        density: Callable[[FloatArray, FloatArray], FloatArray],
        times: FloatArray,
        x: FloatArray,
        v: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """Return densities (K, J, I), and errors of the steps in time (K,)."""
        vector, now, change = self._projected(operator, density), 0.0, 0.0
        frames, changes = [], []
        for time in times:
            vector, of_step = kinetic_modes.evolved(operator, vector, float(time) - now)
            change, now = change + of_step, float(time)
            frames.append(operator.values(vector, x, v))
            changes.append(change)
        return np.array(frames), np.array(changes)

    def _projected(
        self, operator: KineticOperator, density: Callable[[FloatArray, FloatArray], FloatArray]
    ) -> FloatArray:
        """Return a density as a vector of mass 1."""
        panels = operator.process.panels
        x, weights = panels.nodes.ravel(), (panels.half * panels.rule.weights).ravel()
        s, projection = hermite_projection(operator.size // operator.mass.size)
        v = s * np.sqrt(operator.temperature)
        if not callable(density):
            domains.refuse_type("density", density, "a function of arrays x, v")
        values = np.asarray(density(x[None, :], v[:, None]), dtype=float)
        if values.shape != (v.size, x.size) or not np.all(values >= 0) or not values.any():
            domains.refuse("density", density, "a function of x, v with values >= 0, not all 0")
        degrees = projection.T @ values  # (velocities, nodes)
        weighted = degrees * weights / operator.root_density(x)
        even = weighted[0::2] @ operator.even_at(x)
        odd = weighted[1::2] @ operator.odd_at(x)
        vector = np.stack([even, odd], axis=1).ravel()
        scaled: FloatArray = vector / (operator.mass @ even[0])
        return scaled

    def _operators(self) -> list[KineticOperator]:
        process = self._overdamped.on_panels
        return [KineticOperator.of(process, self.friction, *size) for size in self._sizes]

    def _frequency(self) -> float:
        """Return sqrt(L'') at the most probable position, or 0."""
        process = self._overdamped.on_panels
        panels = process.panels
        potential = process.equation.potential(panels.nodes)
        curvature = panels.derivative(panels.derivative(potential))
        deepest = curvature.ravel()[process.psi.argmin()]
        return float(np.sqrt(max(deepest, 0.0)))

    def _grid(self, x: ArrayLike, v: ArrayLike) -> tuple[FloatArray, FloatArray]:
        places = domains.array("x", np.atleast_1d(np.asarray(x, dtype=float)), (None,))
        speeds = domains.array("v", np.atleast_1d(np.asarray(v, dtype=float)), (None,))
        outside = (places < self.low) | (places > self.high)
        if outside.any():
            known = f"[{self.low:g}, {self.high:g}]"
            domains.refuse("x", float(places[outside][0]), known)
        return places, speeds
