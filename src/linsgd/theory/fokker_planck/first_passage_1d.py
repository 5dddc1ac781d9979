r"""The time T that a diffusion takes from one point up to another.

With the speed measure e^-Psi, the scale e^Psi/D and the lower end w of the domain,

    E T   = int_x^y g,               g(z) = e^Psi(z)/D(z) int_w^z e^-Psi,
    Var T = 2 int_x^y e^Psi(z)/D(z) int_w^z e^-Psi D g^2,

both of positive terms only. The law follows from the solution u of Lu = s u without flux at w:
E exp(-s T) = u(x)/u(y), so that P(T > t) has the Laplace transform (u(y) - u(x))/(s u(y)), which is
inverted on a hyperbola [1]_.

.. [1] J. A. C. Weideman, L. N. Trefethen, "Parabolic and hyperbolic contours for computing the
   Bromwich integral", Mathematics of Computation 76 (2007), table 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from linsgd.domains import FloatArray
from linsgd.jit import kernel
from linsgd.result import Result
from linsgd.theory.fokker_planck.spectrum_1d import Shooting
from linsgd.theory.fokker_planck.speed_and_scale import SpeedAndScale

SPACING, REACH, ANGLE = 1.081792140, 4.492075287, 1.172104229  # of the hyperbola, table 1 of [1]
ROUNDING = 1e-13  # of the sum over the hyperbola
POINTS, FEWER_POINTS = 14, 12  # on half of the hyperbola: the error is 10^-POINTS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PassageLaw(Result):
    """The law of a first passage time.

    Attributes
    ----------
    times : ndarray (K,)
        As given.
    survival : ndarray (K,)
        Probability of a longer time.
    error : ndarray (K,)
        Estimated absolute error, from two resolutions and two contours.
    """

    times: FloatArray
    survival: FloatArray
    error: FloatArray


def upward(process: SpeedAndScale, start: float, target: float) -> tuple[SpeedAndScale, float]:
    """Return the diffusion below its target and the start, mirrored if the target is lower."""
    cut = process.cut([start, target])
    if target < start:
        cut, start, target = cut.mirrored(), -start, -target
    return cut.between(float(cut.panels.edges[0]), target), start


def log_mean_and_variance(below_target: SpeedAndScale, start: float) -> tuple[float, float]:
    """Return logs of mean and variance of the passage from the start to the upper end."""
    panels = below_target.panels
    on_the_way = panels.nodes > start
    log_speed, log_scale = below_target.log_speed, below_target.log_scale
    slope = log_scale + panels.log_from_left(log_speed)  # log g
    mean = panels.log_integral(np.where(on_the_way, slope, -1e300))
    spread = log_speed + below_target.log_d + 2 * slope
    growth = log_scale + panels.log_from_left(spread)
    variance = panels.log_integral(np.where(on_the_way, growth, -1e300))
    return mean, float(np.log(2)) + variance


def survival(below_target: SpeedAndScale, start: float, time: float, points: int) -> float:
    """Return P(T > time) by the inverse Laplace transform on a hyperbola of 2 points."""
    shooting = Shooting.of(below_target)
    first = int(np.searchsorted(below_target.panels.edges, start))
    spacing, reach = SPACING / points, REACH * points / time
    total = 0.0
    for k in range(points):
        angle = 1j * (k + 0.5) * spacing - ANGLE
        s = reach * (1 + np.sin(angle))
        velocity = 1j * reach * np.cos(angle)
        late = _late(shooting.transfers(-s), shooting.middle, first)
        total += (np.exp(s * time) * late / s * velocity).imag
    return float(total * spacing / np.pi)


@kernel
def _late(transfers: Any, middle: Any, first: int) -> Any:
    """Return (u(y) - u(x))/u(y), with x the left edge of panel `first` and y the last edge."""
    u, flux, gained = 1.0 + 0.0j, 0.0j, 0.0j
    for i in range(len(transfers)):
        if i > 0:
            flux *= np.exp(middle[i] - middle[i - 1])
        T = transfers[i]
        # the matrix is 1 + small: its deviation comes without subtraction from the flux
        change = (T[0, 0] - 1) * u + T[0, 1] * flux
        flux = T[1, 0] * u + T[1, 1] * flux
        u += change
        if i >= first:
            gained += change
        size = abs(u) + abs(flux)
        u, flux, gained = u / size, flux / size, gained / size
    return gained / u
