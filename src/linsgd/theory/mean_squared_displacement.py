r"""Mean-squared displacement of the weights, its local exponent, and bounds on the exponent.

    global_msd = E|w_{s+k} - w_s|^2,    local_msd = E|w_{s+k+1} - w_{s+k}|^2,
    exponent = d log global_msd / d log k.

Each is a sum over modes, whose terms are in `linsgd.theory.displacement.terms`; over long spectra
it is taken over few nodes. The exponent of the discrete walk is
k (M(k + 1) - M(k - 1)) / (2 M(k)), exactly 1 for M ~ k and 2 for M ~ k^2.

From stationarity the Langevin sum is 2 Var(x) (1 - R): ballistic (exponent 2) below
(1 + momentum)/(1 - momentum) steps, diffusive (1) up to (1 - momentum)/(lr kappa), then saturated
at 2 sum Var(x), which for noise sigma^2 H is (lr sigma^2 / (b (1 - momentum))) times the effective
dimension sum h/(h + weight_decay). A spectrum h_l ~ l^-a, a > 1, gives 1/a in between.

Stationarity allows no lasting exponent above 1: the sum's is a mean over its modes', and a mode of
the Langevin equation has at most 1/(1 - tau/k), tau = (1 + momentum)/(2 (1 - momentum)) = 1/(2 u).
Let s = u k and T' = S as in `linsgd.theory.langevin.propagator`; the bound says (k - tau) S <= T.
An overdamped mode obeys it from k = tau on: T - (k - tau) S is least where S is largest, and there
it is positive because e^a >= 1 + a + a^2/2 with a = -r1 log(r1/r2) / (r2 - r1). A ringing mode of
frequency u D has the exponent

    s (D + 1/D) sin(D s) e^-s / (1 - e^-s (cos(D s) + sin(D s)/D)),

which obeys it while D + 1/D <= e^s / s, and for s >= 10 at every D <= 1. Stable modes have
1 + D^2 < 4 / u^2: the bound holds from k = 20 tau up to momentum 0.998, and above it from the later
s at which e^s / s = (2/u) / sqrt(1 - u^2/4). The algorithm's own modes obey it there too (checked
numerically over all stable modes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.references import KUNIN_2024
from linsgd.result import Result
from linsgd.theory.langevin.propagator import damping_rate
from linsgd.theory.result import MomentsStatus, Start
from linsgd.theory.theories import TheoryName, answer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Displacement(Result):
    """Mean-squared displacements of the weights.

    Attributes
    ----------
    status : MomentsStatus
        As in `linsgd.moments`.
    theory : str
        "exact", "langevin" or "diffusion".
    steps : ndarray (K,)
        k, in steps.
    global_msd : ndarray (K,)
        E|w_{s+k} - w_s|^2, s the start.
    local_msd : ndarray (K,)
        E|w_{s+k+1} - w_{s+k}|^2; for "langevin" lr^2 E|v|^2 at k.
    exponent : ndarray (K,)
        d log global_msd / d log k at k.
    error : float
        Estimated relative error of the displacements: numerical, for epochs of many rows with what
        their theory neglects; of the exponent, times k for the exact one.
    """

    references = (KUNIN_2024,)
    status: MomentsStatus
    theory: str
    steps: IntArray
    global_msd: FloatArray
    local_msd: FloatArray
    exponent: FloatArray
    error: float


def displacement(
    problem: LinearRegression,
    sgd: SGD,
    steps: ArrayLike,
    start: Start = "stationary",
    theory: TheoryName = "exact",
) -> Displacement:
    r"""Return the mean-squared displacement of the weights over given numbers of steps.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        The optimizer: for the differential equations without Nesterov. For ``sampling="epoch"`` or
        ``"fixed"`` the walk begins at the start of an epoch, in the stationary law or at a point;
        exact on few rows, else up to a factor 1 + O(lr), which `error` estimates.
    steps : array_like of int (K,)
        k >= 1.
    start : "stationary", None, (w, v) or Moments
        The law at the origin of time: the theory's stationary one; a fresh optimizer at w = 0; a
        point; a law.
    theory : {"exact", "langevin", "diffusion"}
        The discrete algorithm itself, or the literature's stochastic differential equations.

    Returns
    -------
    Displacement
        At each of the steps.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    autocorrelation : From which the stationary displacement follows.

    Notes
    -----
    From stationarity, without Nesterov and for any unbiased noise, with :math:`\eta v` the
    displacement of a step and the powers P, U of a mode's step matrix,

    .. math:: E|w_{s+k} - w_s|^2 = \eta^2 \sum_i \mathrm{Var}\, v_i
        \left[(1 + \beta) \frac{1 - P_k}{z} - \beta U_k\right]_i,
        \qquad z_i = \eta (1 - \tau) (h_i + \lambda).

    Eigenvalues :math:`h_l \sim l^{-a}`, a > 1, give the exponent 1/a between the fastest and the
    slowest relaxation.

    References
    ----------
    .. [1] D. Kunin et al., "The Limiting Dynamics of SGD: Modified Loss, Phase-Space Oscillations,
       and Anomalous Diffusion", Neural Computation 36 (2024).

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.1, 0.01])
    >>> sgd = linsgd.SGD(lr=0.05, batch_size=16, momentum=0.9)
    >>> linsgd.displacement(problem, sgd, [1, 100, 10_000]).exponent.round(2)
    array([1.88, 0.09, 0.  ])
    """
    find = answer("displacement", lambda t: t.displacement, theory, problem, sgd)
    k = domains.step_list("steps", steps)
    if k.min() < 1:
        domains.refuse("steps", int(k.min()), "[1, 2**62]")
    status, error, (far, local, slope) = find(problem, sgd, k, start)
    # d log msd / d log k = slope / (msd / k)
    moves = (far > 0) & np.isfinite(far)
    exponent = np.full(k.shape, np.nan)
    np.divide(slope, far / k, out=exponent, where=moves)
    return Displacement(
        status=status,
        theory=theory,
        steps=k,
        global_msd=far,
        local_msd=local,
        exponent=exponent,
        error=error,
    )


def effective_dimension(problem: LinearRegression, weight_decay: float) -> float:
    """Return sum h / (h + weight_decay): about the number of directions with h > weight_decay."""
    h = problem.eigenvalues
    positive = h[h > 0]
    return float(np.sum(positive / (positive + weight_decay)))


def exponent_bound(steps: ArrayLike, momentum: float) -> FloatArray:
    """Return the bound on the exponent from stationarity, 1 / (1 - tau / k), where it holds.

    Parameters
    ----------
    steps : array_like of int (K,)
        k.
    momentum : float
        In [0, 1).

    Returns
    -------
    ndarray (K,)
        With tau = (1 + momentum) / (2 (1 - momentum)); nan where single stable modes may exceed it:
        below 20 tau, and above momentum 0.998 a little longer.

    Examples
    --------
    >>> exponent_bound([100, 1000, 10_000], 0.9).round(4)
    array([   nan, 1.0096, 1.001 ])
    """
    from scipy.special import lambertw

    k = np.asarray(domains.step_list("steps", steps), dtype=np.float64)
    u = damping_rate(domains.real("momentum", momentum, "[0, 1)"))
    # the s with e^s / s = (2/u) / sqrt(1 - u^2/4)
    argument = -u / 2 * np.sqrt(1 - u**2 / 4)
    ringing = float(-lambertw(argument, -1).real)
    holds = u * k >= max(10.0, ringing)  # u k = k / (2 tau)
    bound = np.full_like(k, np.nan)
    return np.divide(k, k - 1 / (2 * u), out=bound, where=holds)
