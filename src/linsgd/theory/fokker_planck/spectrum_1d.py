r"""Decay rates of a diffusion on an interval with reflecting ends.

With the density p, its distribution function F and a mode u,

    J = -D p u',        J' = lambda p u,        J = 0 at both ends.

The gap by inverse iteration on the flux, in which every term is positive:

    J(x)/lambda = int F(min(x, z)) (1 - F(max(x, z))) J(z)/(D p)(z) dz.

Any rate by shooting: (u, J) is carried from panel to panel by 2 x 2 matrices, and the number of
quadrants that it passes counts the rates below lambda. Errors are relative perturbations of p and
D p, which change every rate by as much, relatively, however far apart the rates are.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.jit import kernel
from linsgd.theory.fokker_planck.speed_and_scale import SpeedAndScale

Transfers = NDArray[Any]  # (P, 2, 2), real or complex

MOST_ITERATIONS = 2000
SMALLEST_LOG = -640.0  # of a rate that shooting can reach
NOT_CONVERGED = "spectral_gap: the second rate is too close to the first one; use decay_rates"


def log_gap(process: SpeedAndScale) -> float:
    """Return log of the spectral gap by inverse iteration."""
    process = process.without_tails()
    panels = process.panels
    log_density = process.log_speed - process.log_mass
    below = panels.log_from_left(log_density)  # log F
    above = panels.log_from_right(log_density)  # log (1 - F)
    resistance = process.log_scale + process.log_mass  # log 1/(D p)
    flux, before = below + above, -np.inf
    for _ in range(MOST_ITERATIONS):
        source = resistance + flux
        inner = above + panels.log_from_left(below + source)
        outer = below + panels.log_from_right(above + source)
        image = np.logaddexp(inner, outer)
        # Rayleigh's quotient in the inner product with weight 1/(D p)
        gap = panels.log_integral(source + flux) - panels.log_integral(source + image)
        if abs(gap - before) < 2e-15 * max(1.0, abs(gap)):
            return gap
        flux, before = image + gap, gap
    raise RuntimeError(NOT_CONVERGED)


def log_rates(process: SpeedAndScale, count: int, first: float) -> list[float]:
    """Return logs of the smallest `count` rates by shooting; `first` is log of the gap."""
    if first < SMALLEST_LOG:
        domains.refuse("spectral_gap().log", first, f"[{SMALLEST_LOG:g}, inf) for decay rates")
    shooting = Shooting.of(process)
    low, high = first - 0.9, first + 1.1
    known = {low: shooting.below(low)}
    while known.setdefault(high, shooting.below(high)) < count:
        high += high - low
    found = []
    for k in range(count):
        # an interval that holds the rate k alone
        left = max(log for log, below in known.items() if below <= k)
        right = min(log for log, below in known.items() if below > k)
        while known[left] != k or known[right] != k + 1:
            middle = (left + right) / 2
            known[middle] = shooting.below(middle)
            if known[middle] <= k:
                left = middle
            else:
                right = middle
        found.append(_root(shooting, left, right))
    return found


def _root(shooting: "Shooting", left: float, right: float) -> float:
    """Return log of the one rate between two logarithms."""
    at_left, at_right = shooting.mismatch(left), shooting.mismatch(right)
    if at_left * at_right >= 0:  # one of the ends is the rate, to rounding
        return left if abs(at_left) < abs(at_right) else right
    return float(brentq(shooting.mismatch, left, right, xtol=1e-15, rtol=1e-15))


@dataclass(frozen=True, eq=False)
class Shooting:
    """The equations of (u, J) on panels, with J in units of e^-middle on each.

    Attributes
    ----------
    weights : ndarray (n,)
        Of Gauss.
    speed, scale : ndarray (P, n)
        half e^-(Psi - middle) and half e^(Psi - middle)/D.
    of_speed, of_scale : ndarray (P, n, n)
        Integrals from the left end of the panel to the nodes, with these densities.
    middle : ndarray (P,)
        Mean of Psi on the panels, from its least.
    """

    weights: FloatArray
    speed: FloatArray
    scale: FloatArray
    of_speed: FloatArray
    of_scale: FloatArray
    middle: FloatArray

    @classmethod
    def of(cls, process: SpeedAndScale) -> "Shooting":
        """Return the equations."""
        panels = process.panels
        middle = process.psi.mean(axis=1)
        speed = panels.half * np.exp(middle[:, None] - process.psi)
        scale = panels.half * np.exp(process.log_scale - middle[:, None])
        of_speed = panels.rule.from_left * speed[:, None, :]
        of_scale = panels.rule.from_left * scale[:, None, :]
        level = middle - middle.min()
        return cls(panels.rule.weights, speed, scale, of_speed, of_scale, level)

    def below(self, log_rate: float) -> int:
        """Return the number of positive rates below a rate."""
        return int(_quadrants(self.transfers(np.exp(log_rate)), self.middle)) // 2

    def mismatch(self, log_rate: float) -> float:
        """Return the Wronskian of the solutions from both ends: 0 at a rate.

        They meet where the density is largest: toward an end a solution grows by rounding.
        """
        transfers = self.transfers(np.exp(log_rate))
        return float(_wronskian(transfers, self.middle, int(self.middle.argmin())))

    def transfers(self, rate: float | complex) -> Transfers:
        """Return the matrices of (u, J) from the left end of each panel to its right end.

        On a panel u = u_0 - int scale J and J = J_0 + rate int speed u.
        """
        count, n = self.speed.shape
        starts = np.eye(2)  # (u_0, J_0) of the two columns
        right = np.empty((count, n, 2))
        right[:, :, 0] = 1.0
        right[:, :, 1] = -self.of_scale.sum(axis=2)
        u = np.linalg.solve(np.eye(n) + rate * self._product, right)
        flux = starts[1] + rate * (self.of_speed @ u)
        u_end = starts[0] - np.einsum("n,pn,pnc->pc", self.weights, self.scale, flux)
        flux_end = starts[1] + rate * np.einsum("n,pn,pnc->pc", self.weights, self.speed, u)
        return np.stack([u_end, flux_end], axis=1)

    @functools.cached_property
    def _product(self) -> FloatArray:
        return self.of_scale @ self.of_speed


@kernel
def _quadrants(transfers: Any, middle: Any) -> Any:
    """Return the number of quadrants that (u, J) passes from (1, 0) at the left end."""
    u, flux = 1.0, 0.0
    passed = 0
    for i in range(len(transfers)):
        if i > 0:
            flux *= np.exp(middle[i] - middle[i - 1])
        before = _quadrant(u, flux)
        T = transfers[i]
        u, flux = T[0, 0] * u + T[0, 1] * flux, T[1, 0] * u + T[1, 1] * flux
        passed += (_quadrant(u, flux) - before) % 4
        size = abs(u) + abs(flux)
        u, flux = u / size, flux / size
    return passed


@kernel
def _wronskian(transfers: Any, middle: Any, meeting: int) -> Any:
    """Return u_l J_r - u_r J_l at the left edge of a panel, of vectors of size 1."""
    u, flux = 1.0, 0.0
    for i in range(meeting):
        T = transfers[i]
        u, flux = T[0, 0] * u + T[0, 1] * flux, T[1, 0] * u + T[1, 1] * flux
        flux *= np.exp(middle[i + 1] - middle[i])
        size = abs(u) + abs(flux)
        u, flux = u / size, flux / size
    u_right, flux_right = 1.0, 0.0
    for i in range(len(transfers) - 1, meeting - 1, -1):
        if i < len(transfers) - 1:
            flux_right *= np.exp(middle[i] - middle[i + 1])
        T = transfers[i]  # of determinant 1
        u_right, flux_right = (
            T[1, 1] * u_right - T[0, 1] * flux_right,
            T[0, 0] * flux_right - T[1, 0] * u_right,
        )
        size = abs(u_right) + abs(flux_right)
        u_right, flux_right = u_right / size, flux_right / size
    return u * flux_right - u_right * flux


@kernel
def _quadrant(u: float, flux: float) -> int:
    """Return 0, 1, 2, 3 counterclockwise."""
    if flux >= 0:
        return 0 if u > 0 else 1
    return 2 if u <= 0 else 3
