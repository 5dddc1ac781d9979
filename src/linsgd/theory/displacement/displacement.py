r"""How far the weights travel: mean-squared displacement, its local exponent, and its bounds.

    global_msd = E|w_{s+k} - w_s|^2,    local_msd = E|w_{s+k+1} - w_{s+k}|^2,    exponent = d log global / d log k.

Each is a sum over modes, whose terms are in `linsgd.theory.displacement.terms`; over long spectra
it is taken over few nodes. The exponent of the discrete walk is k (M(k + 1) - M(k - 1)) / (2 M(k)),
exactly 1 for M ~ k and 2 for M ~ k^2.

From stationarity the Langevin sum is 2 Var(x) (1 - R): ballistic (exponent 2) below (1 +
momentum)/(1 - momentum) steps, diffusive (1) up to (1 - momentum)/(lr h), then saturated at 2 sum
Var(x), which for noise sigma^2 H is (lr sigma^2 / (b (1 - momentum))) times the effective dimension
sum rho/(rho + weight_decay). A spectrum rho_l ~ l^-a, a > 1, gives 1/a in between.

Stationarity allows no lasting exponent above 1: the sum's is a mean over its modes', and a mode of
the Langevin equation has at most 1/(1 - tau/k), tau = (1 + momentum)/(2 (1 - momentum)) = 1/(2 u).
Let s = u k and T' = S as in `linsgd.theory.langevin.propagator`; the bound says (k - tau) S <= T.
An overdamped mode obeys it from k = tau on: T - (k - tau) S is least where S is largest, and there
it is positive because e^a >= 1 + a + a^2/2 with a = -r1 log(r1/r2) / (r2 - r1). A ringing mode of
frequency u D has the exponent

    s (D + 1/D) sin(D s) e^-s / (1 - e^-s (cos(D s) + sin(D s)/D)),

which obeys it while D + 1/D <= e^s / s, and for s >= 10 at every D <= 1. Stable modes have 1 + D^2
< 4 / u^2: the bound holds from k = 20 tau up to momentum 0.998, and above it from the later s at
which e^s / s = (2/u) / sqrt(1 - u^2/4). The algorithm's own modes obey it there too (checked
numerically over all stable modes).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import lambertw

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result
from linsgd.theory.diffusion.ornstein_uhlenbeck import diffusion
from linsgd.theory.discrete import exact
from linsgd.theory.displacement.compression import ellipse, half_plane, parabola
from linsgd.theory.displacement.terms import (
    diffusion_terms,
    exact_stationary_terms,
    langevin_terms,
    stationary_langevin_terms,
    summed,
)
from linsgd.theory.langevin.process import langevin
from linsgd.theory.moments import THEORIES, Moments, MomentsStatus, Start
from linsgd.theory.recurrence.recurrence import Method

COMPRESSION = 1e-10


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
        Estimated relative error of the displacements (numerical); of the exponent, times k for the
        exact one.
    """

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
    theory: str = "exact",
) -> Displacement:
    """Mean-squared displacement of the weights over given numbers of steps.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        How; for the differential equations without Nesterov, for the exact walk with independent
        batches.
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

    Examples
    --------
    >>> problem = LinearRegression.gaussian([1.0, 0.1, 0.01])
    >>> travel = displacement(problem, SGD(lr=0.05, batch_size=16, momentum=0.9), [1, 100, 10_000])
    >>> travel.exponent.round(2)
    array([1.88, 0.09, 0.  ])
    """
    accept(problem, sgd)
    domains.choice("theory", theory, THEORIES)
    k = domains.step_list("steps", steps)
    if k.min() < 1:
        domains.refuse("steps", int(k.min()), "[1, 2**62]")
    if theory == "langevin":
        return _langevin(problem, sgd, k, start)
    if theory == "diffusion":
        return _diffusion(problem, sgd, k, start)
    if sgd.sampling == "epoch":
        domains.refuse("sampling", "epoch", "'independent' for the exact displacement")
    if start == "stationary" and not sgd.nesterov:
        return _exact_stationary(problem, sgd, k)
    return _exact(problem, sgd, k, start)


def effective_dimension(problem: LinearRegression, weight_decay: float) -> float:
    """Return sum rho / (rho + weight_decay), the number of directions that the data and not the decay hold."""
    rho = problem.eigenvalues[problem.eigenvalues > 0]
    return float(np.sum(rho / (rho + weight_decay)))


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
    k = np.asarray(domains.step_list("steps", steps), dtype=np.float64)
    m = domains.real("momentum", momentum, "[0, 1)")
    u = (1 - m) / (1 + m)
    ringing = float(
        -lambertw(-u / 2 * np.sqrt(1 - u**2 / 4), -1).real
    )  # the s of the module's docstring
    holds = u * k >= max(10.0, ringing)
    return np.divide(k, k - 1 / (2 * u), out=np.full_like(k, np.nan), where=holds)


def _langevin(problem: LinearRegression, sgd: SGD, k: IntArray, start: Start) -> Displacement:
    process = langevin(problem, sgd)
    modes, x = process.modes, process.lr * process.gradient_weight * process.curvature
    q, region = modes.own_intensity, parabola(sgd.momentum)
    if start == "stationary":
        measures = (q / (4 * modes.damping))[None]
        sums = summed(stationary_langevin_terms(sgd.momentum), x, measures, region, k)
    else:
        xx, xv, vv = _second_moments(*process.start(start))
        measures = np.stack([process.lr**2 * vv, process.lr * xv, modes.stiffness * xx, q])
        sums = summed(langevin_terms(sgd.momentum), x, measures, region, k)
    return _result(process.status, "langevin", k, sums)


def _diffusion(problem: LinearRegression, sgd: SGD, k: IntArray, start: Start) -> Displacement:
    process = diffusion(problem, sgd)
    q = process.intensity if process.intensity.ndim == 1 else np.diagonal(process.intensity)
    if start == "stationary":
        pull = q / 2
    else:
        mean, covariance = process.start(start)
        pull = process.rate * (
            mean**2 + (covariance if covariance.ndim == 1 else np.diagonal(covariance))
        )
    x = process.rate * (1 - sgd.momentum)
    sums = summed(diffusion_terms(sgd.momentum), x, np.stack([pull, q]), half_plane, k)
    return _result(process.status, "diffusion", k, sums)


def _exact_stationary(problem: LinearRegression, sgd: SGD, k: IntArray) -> Displacement:
    stationary = exact.stationary(problem, sgd)
    x = sgd.lr * sgd.gradient_weight * (problem.eigenvalues + sgd.weight_decay)
    measures = (sgd.lr**2 * stationary.velocity_variance)[None]
    sums = summed(exact_stationary_terms(sgd.momentum), x, measures, ellipse(sgd.momentum), k)
    return _result(stationary.status, "exact", k, sums)


def _exact(problem: LinearRegression, sgd: SGD, k: IntArray, start: Start) -> Displacement:
    if start == "stationary":
        start = exact.stationary(problem, sgd)
        if not np.isfinite(start.position_variance).all():
            return _result(start.status, "exact", k, np.full((3, k.size), np.inf))
    times, where = np.unique(np.concatenate([k - 1, k, k + 1]), return_inverse=True)
    laws = exact.moments(problem, sgd, times, start)
    before, here, after = where.reshape(3, -1)
    far = _from_start(problem, sgd, laws, times, start)
    sums = np.stack(
        [far[here], _one_step(problem, sgd, laws, here, after), (far[after] - far[before]) / 2]
    )
    return _result(laws.status, "exact", k, sums)


def _from_start(
    problem: LinearRegression, sgd: SGD, laws: Moments, times: IntArray, start: Start
) -> FloatArray:
    """Return E|w_k - w_0|^2 at the `times` of `laws`."""
    if not isinstance(start, Moments):
        w0 = (
            np.asarray(start[0], dtype=np.float64)
            if isinstance(start, tuple)
            else np.zeros(problem.dimension)
        )
        settled: FloatArray = _total(laws.mean - w0) + laws.position_variance.sum(axis=-1)
        return settled
    A = Method.of(sgd).mode_matrix(problem.eigenvalues + sgd.weight_decay)
    first = np.stack([np.linalg.matrix_power(A, int(k))[:, 0] for k in times])
    kept = (
        first[..., 0] * start.position_variance + first[..., 1] * start.position_velocity_covariance
    )
    spread = laws.position_variance + start.position_variance - 2 * kept
    far: FloatArray = _total(laws.mean - start.mean) + spread.sum(axis=-1)
    return far


def _one_step(
    problem: LinearRegression, sgd: SGD, laws: Moments, here: IntArray, after: IntArray
) -> FloatArray:
    """Return E|w' - w|^2 from the laws at the indices `here` and `after`.

    Without Nesterov w' - w = lr v', with it lr ((1 + momentum) v' - momentum v).
    """
    square = _total(laws.velocity_mean) + np.asarray(laws.velocity_variance.sum(axis=-1))
    m = sgd.momentum if sgd.nesterov else 0.0
    A = Method.of(sgd).mode_matrix(problem.eigenvalues + sgd.weight_decay)
    x = problem.to_eigenbasis(laws.mean[here] - problem.solution(sgd.weight_decay))
    v = problem.to_eigenbasis(laws.velocity_mean[here])
    xv, vv = laws.position_velocity_covariance[here] + x * v, laws.velocity_variance[here] + v**2
    crossed = np.asarray(np.sum(A[:, 1, 0] * xv + A[:, 1, 1] * vv, axis=-1))
    local: FloatArray = (
        (1 + m) ** 2 * square[after] - 2 * m * (1 + m) * crossed + m**2 * square[here]
    )
    return sgd.lr**2 * local


def _total(vectors: FloatArray) -> FloatArray:
    """Return the squared length of vectors (..., d)."""
    return np.asarray(np.sum(vectors**2, axis=-1))


def _second_moments(
    mean: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return E x^2, E x v and E v^2 of each mode (d,)."""
    xx, xv, vv = covariance if covariance.ndim == 2 else np.diagonal(covariance, axis1=-2, axis2=-1)
    x, v = mean
    return xx + x**2, xv + x * v, vv + v**2


def _result(status: MomentsStatus, theory: str, k: IntArray, sums: FloatArray) -> Displacement:
    far, local, slope = sums
    exponent = np.divide(
        k * slope, far, out=np.full(k.shape, np.nan), where=(far > 0) & np.isfinite(far)
    )
    return Displacement(
        status=status,
        theory=theory,
        steps=k,
        global_msd=far,
        local_msd=local,
        exponent=exponent,
        error=COMPRESSION,
    )
