r"""How each mode returns to the minimum: its regime, its frequency and its damping, in the algorithm and in the SDE.

The mean of a mode follows e^{-r k} with, in the Langevin equation (u, z of
`linsgd.theory.langevin.process`) r^2 - 2 u r + z = 0, and in the algorithm with z = lr (1 -
dampening) h

    (1 - r)^2 - (1 + momentum - z) (1 - r) + momentum = 0,      mode ~ (1 - r)^k.

  regime        Langevin            exact                                      damping                  frequency
  overdamped    z < u^2             z < (1 - sqrt(momentum))^2                 the slower real rate     0
  underdamped   z > u^2             between the two                            u;  -log(momentum)/2     of the root
  alternating   never               z > (1 + sqrt(momentum))^2                 of the larger root       pi

In terms of lr h (1 - dampening) the Langevin threshold is (1 - momentum)^2 / (2 (1 + momentum)).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result, Status
from linsgd.theory.recurrence.heavy_ball import discriminant, roots

THEORIES = ("exact", "langevin")
ROUNDING = 8 * np.finfo(float).eps


class Regime(Status):
    """How a mode relaxes."""

    UNDERDAMPED = "underdamped"
    CRITICAL = "critical"
    OVERDAMPED = "overdamped"
    ALTERNATING = (
        "alternating"  # it changes sign at every step; the differential equation has no such regime
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Oscillation(Result):
    """Regime, frequency and damping of each mode, in the order of ``problem.eigenvalues``.

    Attributes
    ----------
    theory : str
        "exact" or "langevin".
    regime : ndarray of str (d,)
        The values of `Regime`; critical where the two roots agree to rounding.
    frequency : ndarray (d,)
        Radians a step; pi where the mode alternates.
    damping : ndarray (d,)
        Rate of the slowest exponential a step: negative where the mode diverges, inf where one step
        ends it.
    underdamped_above, alternating_above : float
        Thresholds of lr (rho + weight_decay); inf where there is none.
    """

    theory: str
    regime: NDArray[np.str_]
    frequency: FloatArray
    damping: FloatArray
    underdamped_above: float
    alternating_above: float


def oscillation(problem: LinearRegression, sgd: SGD, theory: str = "exact") -> Oscillation:
    """Return how each mode relaxes.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        How; without Nesterov.
    theory : {"exact", "langevin"}
        The algorithm itself, or its underdamped Langevin equation.

    Returns
    -------
    Oscillation
        Per mode.

    Raises
    ------
    ValueError
        If `theory` is another, or with Nesterov momentum.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([0.01, 1.0])
    >>> linsgd.oscillation(problem, linsgd.SGD(lr=0.1, momentum=0.9)).regime
    array(['overdamped', 'underdamped'], dtype='<U11')
    """
    accept(problem, sgd)
    domains.choice("theory", theory, THEORIES)
    no_nesterov(sgd)
    product = sgd.lr * (problem.eigenvalues + sgd.weight_decay)
    modes = _exact if theory == "exact" else _langevin
    regime, frequency, damping, lower, upper = modes(product * sgd.gradient_weight, sgd.momentum)
    return Oscillation(
        theory=theory,
        regime=regime,
        frequency=frequency,
        damping=damping,
        underdamped_above=lower / sgd.gradient_weight,
        alternating_above=upper / sgd.gradient_weight,
    )


def no_nesterov(sgd: SGD) -> None:
    """Raise ValueError with Nesterov momentum, for which these equations are not derived."""
    if sgd.nesterov:
        domains.refuse(
            "nesterov",
            True,
            "False: the underdamped Langevin equation and its modes are of plain momentum",
        )


def _langevin(
    product: FloatArray, momentum: float
) -> tuple[NDArray[np.str_], FloatArray, FloatArray, float, float]:
    u, z = (1 - momentum) / (1 + momentum), 2 * product / (1 + momentum)
    gap = np.sqrt(np.abs(u**2 - z))
    over = z <= u**2
    regime = np.where(np.abs(u**2 - z) <= ROUNDING * u**2, Regime.CRITICAL.value, _name(over))
    damping = np.where(over, z / (u + gap), u)
    return regime, np.where(over, 0.0, gap), damping, u * (1 - momentum) / 2, np.inf


def _exact(
    product: FloatArray, momentum: float
) -> tuple[NDArray[np.str_], FloatArray, FloatArray, float, float]:
    lower, upper = ((1 - momentum) / (1 + np.sqrt(momentum))) ** 2, (1 + np.sqrt(momentum)) ** 2
    log_modulus, angle = roots(momentum, product)
    over = discriminant(momentum, product) >= 0
    regime = np.where(over & (product > 1 + momentum), Regime.ALTERNATING.value, _name(over))
    edge = np.minimum(np.abs(product - lower) / lower, np.abs(product - upper) / upper)
    regime = np.where(edge <= ROUNDING, Regime.CRITICAL.value, regime)
    frequency = np.where(over, np.where(product > 1 + momentum, np.pi, 0.0), angle)
    return regime, frequency, -log_modulus, lower, upper


def _name(over: NDArray[np.bool_]) -> NDArray[np.str_]:
    return np.where(over, Regime.OVERDAMPED.value, Regime.UNDERDAMPED.value)
