r"""Feller's description of a diffusion: its speed measure e^-Psi and its scale e^Psi/D.

    Psi = int L'/D + (1 - a) log D,        a = 0 (Ito), 1/2 (Stratonovich), 1 (anti-Ito),

known at the nodes of Gauss panels, together with log D.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.fokker_planck.coefficient import Function
from linsgd.theory.fokker_planck.panels import Panels

NO_MASS = 90.0  # -log of a density over its maximum; it weighs on no sum
CLOSEST = 1e-13  # distance of two edges over the width of the interval


@dataclass(frozen=True, slots=True, eq=False)
class Equation:
    """Potential L and diffusion D as functions, and the convention's weight 1 - a of log D."""

    potential: Function
    diffusion: Function
    weight: float

    def mirrored(self) -> "Equation":
        """Return the equation of -X."""
        L, D = self.potential, self.diffusion
        return Equation(lambda x: L(-x), lambda x: D(-x), self.weight)


@dataclass(frozen=True, eq=False)
class SpeedAndScale:
    """A diffusion on panels.

    Attributes
    ----------
    equation : Equation
        Where the values come from.
    panels : Panels
        On which they are resolved.
    psi, log_d, drift : ndarray (P, n)
        Psi, log D, and int L'/D from the left end, at the nodes.
    """

    equation: Equation
    panels: Panels
    psi: FloatArray
    log_d: FloatArray
    drift: FloatArray

    @classmethod
    def of(cls, equation: Equation, panels: Panels) -> "SpeedAndScale":
        """Return the values on panels."""
        x = panels.nodes
        d, potential = equation.diffusion(x), equation.potential(x)
        if np.ptp(d) == 0:
            drift = potential / d
        else:
            drift = panels.primitive(panels.derivative(potential) / d)
        log_d = np.log(d)
        return cls(equation, panels, drift + equation.weight * log_d, log_d, drift)

    @property
    def log_speed(self) -> FloatArray:
        """Log of the stationary density, up to a constant."""
        return -self.psi

    @property
    def log_scale(self) -> FloatArray:
        """Log of e^Psi/D, the resistance against the flux."""
        return self.psi - self.log_d

    @cached_property
    def log_mass(self) -> float:
        """Log of the integral of e^-Psi."""
        return self.panels.log_integral(self.log_speed)

    def log_probability(self, low: float, high: float) -> float:
        """Return log of the stationary probability of an interval.

        The panels are cut at its ends. The parts of e^-Psi outside it are added, so that the level
        of Psi, which is arbitrary, need not be carried from one set of panels to the other.
        """
        cut = self.cut([low, high])
        x = cut.panels.nodes
        inside = np.where((x > low) & (x < high), cut.log_speed, -1e300)
        return cut.panels.log_integral(inside) - cut.log_mass

    def cut(self, points: list[float]) -> "SpeedAndScale":
        """Return the same diffusion on panels that end at the points."""
        edges = np.unique(np.concatenate([self.panels.edges, points]))
        apart = np.diff(edges) > CLOSEST * (edges[-1] - edges[0])
        keep = np.append(True, apart)
        for point in points:
            keep |= edges == point
        return SpeedAndScale.of(self.equation, Panels(self.panels.rule, edges[keep]))

    def between(self, low: float, high: float) -> "SpeedAndScale":
        """Return the part between two edges of the panels."""
        first, last = np.searchsorted(self.panels.edges, [low, high])
        part = slice(first, last)
        panels = Panels(self.panels.rule, self.panels.edges[first : last + 1])
        return SpeedAndScale(
            self.equation, panels, self.psi[part], self.log_d[part], self.drift[part]
        )

    def without_tails(self) -> "SpeedAndScale":
        """Return the part without the ends where Psi rises monotonously and exceeds `NO_MASS`."""
        panel = self.psi.min(axis=1)
        light = panel - panel.min() > NO_MASS
        # a panel belongs to a tail if Psi falls inwards on it and on all panels farther out
        left = np.logical_and.accumulate(light & (np.diff(self.psi, axis=1) < 0).all(axis=1))
        rising = light & (np.diff(self.psi, axis=1) > 0).all(axis=1)
        right = np.logical_and.accumulate(rising[::-1])
        first, last = int(left.sum()), len(panel) - int(right.sum())
        return self.between(self.panels.edges[first], self.panels.edges[last])

    def mirrored(self) -> "SpeedAndScale":
        """Return the diffusion of -X."""
        panels = Panels(self.panels.rule, -self.panels.edges[::-1])
        flipped = [
            np.ascontiguousarray(values[::-1, ::-1])
            for values in (self.psi, self.log_d, self.drift)
        ]
        return SpeedAndScale(self.equation.mirrored(), panels, *flipped)

    def psi_at(self, x: FloatArray) -> FloatArray:
        """Return Psi (K,) at points (K,), by the interpolants of their panels."""
        edges, rule = self.panels.edges, self.panels.rule
        panel = np.clip(np.searchsorted(edges, x) - 1, 0, len(self.psi) - 1)
        t = (x - edges[panel]) / self.panels.half[panel, 0] - 1
        legendre = np.polynomial.legendre.legvander(t, rule.points.size - 1)
        expansion = self.drift[panel] @ rule.coefficients.T
        drift: FloatArray = np.sum(legendre * expansion, axis=1)
        return drift + self.equation.weight * np.log(self.equation.diffusion(x))
