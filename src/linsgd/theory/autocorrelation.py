"""Stationary autocorrelation of each mode's position and velocity, in every theory that has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.references import KUNIN_2024
from linsgd.result import Result
from linsgd.theory.relaxation import no_nesterov
from linsgd.theory.theories import answer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Autocorrelation(Result):
    """Normalised stationary autocorrelations, modes in the order of ``problem.eigenvalues``.

    Attributes
    ----------
    theory : str
        "exact" or "langevin".
    steps : ndarray (K,)
        Lags in steps.
    position, velocity : ndarray (K, d)
        1 at lag 0. Those of a mode without noise are the limits of weak noise.
    """

    references = (KUNIN_2024,)
    theory: str
    steps: IntArray
    position: FloatArray
    velocity: FloatArray


def autocorrelation(
    problem: LinearRegression,
    sgd: SGD,
    steps: ArrayLike,
    theory: Literal["exact", "langevin"] = "exact",
) -> Autocorrelation:
    r"""Return the stationary autocorrelations of each mode.

    Parameters
    ----------
    problem : LinearRegression
        The problem, of which the spectrum matters.
    sgd : SGD
        The optimizer, with independent batches and without Nesterov.
    steps : array_like of int (K,)
        Lags in steps, >= 0.
    theory : {"exact", "langevin"}
        The algorithm itself, for every unbiased noise, or its underdamped Langevin equation.

    Returns
    -------
    Autocorrelation
        Per lag and mode.

    Raises
    ------
    ValueError
        If an argument is outside its domain, with Nesterov momentum or epochs, or where the exact
        mean diverges.

    See Also
    --------
    oscillation : Frequency and damping of each mode.
    displacement : Mean-squared displacement, which the autocorrelation determines.

    Notes
    -----
    In the algorithm, with z = lr (1 - dampening) (h + weight_decay) and the powers
    [[P, beta U], [-z U, Q]] of a mode's step matrix,

    .. math:: \rho_w(k) = P_k + \frac{\beta z}{1 + \beta} U_k, \qquad
              \rho_v(k) = Q_k - \frac{z}{2} U_k.

    In the Langevin equation they are the diagonal entries of its propagator.

    References
    ----------
    .. [1] D. Kunin et al., "The Limiting Dynamics of SGD", Neural Computation 36 (2024).

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.1, momentum=0.9)
    >>> linsgd.autocorrelation(problem, sgd, [0, 1, 10]).velocity.round(4)
    array([[ 1.    ],
           [ 0.85  ],
           [-0.5813]])
    """
    correlations = answer("autocorrelation", lambda t: t.autocorrelation, theory, problem, sgd)
    no_nesterov(sgd)
    domains.choice("sgd.sampling", sgd.sampling, ("independent",))
    lags = domains.step_list("steps", steps)
    curvature = problem.eigenvalues + sgd.weight_decay
    z = sgd.lr * sgd.gradient_weight * curvature
    position, velocity = correlations(lags[:, None], sgd.momentum, z)
    return Autocorrelation(theory=theory, steps=lags, position=position, velocity=velocity)
