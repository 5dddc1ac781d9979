r"""Stationary autocorrelation of each mode's position and velocity, exact and in the Langevin equation.

Langevin (R and V of `linsgd.theory.langevin.propagator`, at zero cross-covariance and any
temperature):

    E x(k) x(0) / Var x = R(k),        E v(k) v(0) / Var v = V(k),        int_0^inf V = 0.

Exact, for any unbiased noise of finite variance and independent batches: stationarity of Var x and
of Cov(x, y) alone gives Cov(x, y) = Var(y) / 2 and Var(y) (1 + momentum) = 2 z Var(x), y the
displacement a step, so that with the powers P, U, Q of `linsgd.theory.recurrence.heavy_ball` and z
= lr (1 - dampening) h

    E x_k x_0 / Var x = P_k + (momentum z / (1 + momentum)) U_k,        E v_k v_0 / Var v = Q_k - (z/2) U_k,

whose sum over all k, positive and negative, is 0.
"""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result
from linsgd.theory.langevin.oscillation import THEORIES, no_nesterov
from linsgd.theory.langevin.propagator import flow
from linsgd.theory.recurrence.heavy_ball import powers


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
        1 at lag 0. Those of a mode that no noise moves are the limits of weak noise.
    """

    theory: str
    steps: IntArray
    position: FloatArray
    velocity: FloatArray


def autocorrelation(
    problem: LinearRegression, sgd: SGD, steps: ArrayLike, theory: str = "exact"
) -> Autocorrelation:
    """Return the stationary autocorrelations of each mode.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        How; without Nesterov. For reshuffled epochs "exact" is as for independent batches, which
        they are not.
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
        If an argument is outside its domain, with Nesterov momentum, or where the exact mean
        diverges.

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.1, momentum=0.9)
    >>> linsgd.autocorrelation(problem, sgd, [0, 1, 10]).velocity.round(4)
    array([[ 1.    ],
           [ 0.85  ],
           [-0.5813]])
    """
    accept(problem, sgd)
    domains.choice("theory", theory, THEORIES)
    no_nesterov(sgd)
    lags = domains.step_list("steps", steps)
    z = sgd.lr * sgd.gradient_weight * (problem.eigenvalues + sgd.weight_decay)
    pair = exact_correlations if theory == "exact" else langevin_correlations
    position, velocity = pair(lags[:, None], sgd.momentum, z)
    return Autocorrelation(theory=theory, steps=lags, position=position, velocity=velocity)


def exact_correlations(
    k: IntArray, momentum: float, z: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the position and velocity autocorrelations at lags `k` of modes z = lr (1 - dampening) h."""
    if z.max() >= 2 * (1 + momentum):
        domains.refuse(
            "lr (1 - dampening) h",
            float(z.max()),
            f"[0, {2 * (1 + momentum):g}), where the mean converges",
        )
    power = powers(k, momentum, z)
    return power.P + momentum * z / (1 + momentum) * power.U, power.Q - z / 2 * power.U


def langevin_correlations(
    k: IntArray, momentum: float, z: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the position and velocity autocorrelations at lags `k` of modes z = lr (1 - dampening) h."""
    mode = flow(k, (1 - momentum) / (1 + momentum), 2 * z / (1 + momentum))
    return mode.R, mode.V
