"""How a mode relaxes: the regimes, and the numbers that every theory gives for them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.result import Status

ROUNDING = 8 * float(np.finfo(float).eps)  # relative distance from a threshold that counts as on it


class Regime(Status):
    """How a mode relaxes."""

    UNDERDAMPED = "underdamped"
    CRITICAL = "critical"  # the two roots agree to rounding
    OVERDAMPED = "overdamped"
    # the sign changes at every step; a differential equation has no such regime
    ALTERNATING = "alternating"


class Relaxation(NamedTuple):
    """Regimes (d,), frequencies and damping rates (d,) a step, and thresholds of z.

    z = lr (1 - dampening) (h + weight_decay). A mode oscillates from `underdamped_above` to
    `alternating_above`, which is inf if it never alternates.
    """

    regime: NDArray[np.str_]
    frequency: FloatArray
    damping: FloatArray
    underdamped_above: float
    alternating_above: float


def damped_regime(over: NDArray[np.bool_], critical: NDArray[np.bool_]) -> NDArray[np.str_]:
    """Return "overdamped" where `over`, "critical" where that, else "underdamped"."""
    names = np.where(over, Regime.OVERDAMPED.value, Regime.UNDERDAMPED.value)
    return np.where(critical, Regime.CRITICAL.value, names)


def no_nesterov(sgd: SGD) -> None:
    """Raise ValueError with Nesterov momentum, for which these equations are not derived."""
    if sgd.nesterov:
        domains.refuse(
            "nesterov",
            True,
            "False: the underdamped Langevin equation and its modes are of plain momentum",
        )
