"""Regime, frequency and damping of each mode, in every theory that has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.references import KUNIN_2024
from linsgd.result import Result
from linsgd.theory.relaxation import no_nesterov
from linsgd.theory.theories import answer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Oscillation(Result):
    """Regime, frequency and damping of each mode, in the order of ``problem.eigenvalues``.

    Attributes
    ----------
    theory : str
        "exact" or "langevin".
    regime : ndarray of str (d,)
        "underdamped", "overdamped" or "alternating"; "critical" where the two roots agree to
        rounding.
    frequency : ndarray (d,)
        Radians a step; pi where the mode alternates.
    damping : ndarray (d,)
        Rate of the slowest exponential a step: negative where the mode diverges, inf if it vanishes
        after one step (deadbeat).
    underdamped_above, alternating_above : float
        Thresholds of lr (h + weight_decay); inf where there is none.
    """

    references = (KUNIN_2024,)
    theory: str
    regime: NDArray[np.str_]
    frequency: FloatArray
    damping: FloatArray
    underdamped_above: float
    alternating_above: float


def oscillation(
    problem: LinearRegression, sgd: SGD, theory: Literal["exact", "langevin"] = "exact"
) -> Oscillation:
    r"""Return how each mode relaxes.

    Parameters
    ----------
    problem : LinearRegression
        The problem, of which the spectrum matters.
    sgd : SGD
        The optimizer, without Nesterov.
    theory : {"exact", "langevin"}
        The algorithm itself, or its underdamped Langevin equation.

    Returns
    -------
    Oscillation
        Per mode.

    Raises
    ------
    ValueError
        If an argument is outside its domain, or with Nesterov momentum.

    See Also
    --------
    autocorrelation : What the modes' noise remembers in time.
    langevin : The equation itself.

    Notes
    -----
    With :math:`z = \eta (1 - \tau) (h + \lambda)`, :math:`\tau` the dampening, a mode of the
    algorithm oscillates for :math:`(1 - \sqrt\beta)^2 < z < (1 + \sqrt\beta)^2` and alternates
    beyond; one of the Langevin equation oscillates for :math:`z > (1 - \beta)^2 / (2 (1 + \beta))`.

    References
    ----------
    .. [1] D. Kunin et al., "The Limiting Dynamics of SGD", Neural Computation 36 (2024).

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([0.01, 1.0])
    >>> linsgd.oscillation(problem, linsgd.SGD(lr=0.1, momentum=0.9)).regime
    array(['overdamped', 'underdamped'], dtype='<U11')
    """
    relaxation = answer("oscillation", lambda t: t.oscillation, theory, problem, sgd)
    no_nesterov(sgd)
    a = sgd.gradient_weight
    curvature = problem.eigenvalues + sgd.weight_decay
    modes = relaxation(sgd.lr * a * curvature, sgd.momentum)
    return Oscillation(
        theory=theory,
        regime=modes.regime,
        frequency=modes.frequency,
        damping=modes.damping,
        underdamped_above=modes.underdamped_above / a,
        alternating_above=modes.alternating_above / a,
    )
