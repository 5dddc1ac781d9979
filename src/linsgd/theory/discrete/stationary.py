r"""Exact stationary moments of discrete SGD with its state-dependent noise.

With s = mu - w* the ridge shift and P the unit response, the position covariance M solves
M = P o N(M + s s'). Along principal axes, with u_i = P_ii/(1 - own h_i^2 P_ii), T the feedback and
own, common, label the constants of `linsgd.theory.recurrence.gradient_covariance`, its diagonal is

    M_ii = u_i (own h_i^2 s_i^2 + h_i (common T + label)),
    T (1 - G) = sum_i h_i s_i^2 (1 + own h_i^2 u_i) + label sum_i h_i^2 u_i.

Else (1 - K) M = P o N(s s') is solved by conjugate gradients in the variable P^{-1/2} o M, in which
K is symmetric; the error is bounded by the residual over 1 minus the spectral radius of K.
"""

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.existence import Existence, existence
from linsgd.theory.recurrence.gradient_covariance import MatrixNoise, ModeNoise
from linsgd.theory.recurrence.operators import EPS, solve_feedback
from linsgd.theory.recurrence.pairs import PairCovariances
from linsgd.theory.recurrence.recurrence import Recurrence, pair_response, unit_response
from linsgd.theory.recurrence.steps import State
from linsgd.theory.result import Moments, MomentsStatus, moments_from_eigenbasis


def stationary(recurrence: Recurrence, exists: Existence | None = None) -> Moments:
    """Return the exact stationary moments of SGD with independent batches.

    Parameters
    ----------
    recurrence : Recurrence
        Of the problem and the optimizer.
    exists : Existence, optional
        Of its stationary moments, if it is known already.
    """
    if exists is None:
        exists = existence(recurrence.noise, recurrence.curvature, recurrence.coefficients)
    if not exists.variance:
        return _without_variance(recurrence, exists.status)
    state, error = stationary_state(recurrence, exists.gap)
    modes = isinstance(recurrence.noise, ModeNoise)
    pairs = PairCovariances(recurrence, state.mean) if modes else None
    return moments_from_eigenbasis(
        recurrence.problem,
        recurrence.sgd,
        status=exists.status,
        mean=state.mean,
        covariance=state.covariance,
        error=error + recurrence.problem.error / exists.gap,
        pairs=None if pairs is None else pairs.unless_zero(),
    )


def stationary_state(recurrence: Recurrence, gap: float) -> tuple[State, float]:
    """Return the stationary moments along the eigenvectors, and their relative rounding error.

    Parameters
    ----------
    recurrence : Recurrence
        With stationary moments.
    gap : float
        As in `Existence`.
    """
    noise, shift = recurrence.noise, recurrence.shift
    mean = np.stack([shift, np.zeros_like(shift)])
    if isinstance(noise, ModeNoise):
        covariance = _modes(recurrence, noise)
        residual = 16 * EPS
    else:
        covariance, residual = _matrix(recurrence, noise)
    limit = recurrence.coefficients.largest_stable_curvature()
    edge = float(1 - recurrence.curvature.max() / limit)
    error = max(residual, 16 * EPS) / min(gap, edge)
    return State(mean, covariance), error


def mean_missing(problem: LinearRegression) -> bool:
    """Return whether the label noise has no mean, so that the weights have none."""
    noise = problem.noise
    return noise is not None and problem.noise_std > 0 and noise.tail_exponent <= 1


def _modes(recurrence: Recurrence, noise: ModeNoise) -> FloatArray:
    """Return the covariances (3, d) of single modes, in closed form."""
    h = noise.eigenvalues
    kappa = recurrence.curvature
    shift = recurrence.shift
    ww, wv, _, vv = unit_response(kappa, kappa, recurrence.coefficients)
    own = noise.own * h**2
    u = ww / (1 - own * ww)
    # T (1 - G) = sum_i h_i s_i^2 (1 + own h_i^2 u_i) + label sum_i h_i^2 u_i
    from_shift = np.sum(h * shift**2 * (1 + own * u))
    fed_back = np.sum(h**2 * u)
    T = from_shift + noise.label * fed_back
    T /= 1 - noise.common * fed_back
    # M_ii = u_i (own h_i^2 s_i^2 + h_i (common T + label))
    shared = noise.common * T + noise.label
    position = u * (own * shift**2 + h * shared)
    gradient = noise.diagonal(position + shift**2)
    return np.stack([position, wv * gradient, vv * gradient])


def _matrix(recurrence: Recurrence, noise: MatrixNoise) -> tuple[FloatArray, float]:
    """Return the covariances (3, d, d) of all pairs of modes, and the relative residual."""
    shift = recurrence.shift
    response = pair_response(recurrence.curvature, recurrence.coefficients)[[0, 1, 3]]
    root = np.sqrt(response[0])
    ss = np.multiply.outer(shift, shift)

    def gain(X: FloatArray) -> FloatArray:
        image: FloatArray = root * noise.homogeneous(root * X)
        return image

    # (1 - K) M = P o N(s s') in the variable P^{-1/2} o M, then N(M + s s')
    solution, residual = solve_feedback(gain, root * noise(ss, shift))
    gradient = noise(root * solution + ss, shift)
    return response * gradient, residual


def _without_variance(recurrence: Recurrence, status: MomentsStatus) -> Moments:
    """Return what is left where the variance is infinite; null directions stay at rest."""
    problem, shift = recurrence.problem, recurrence.shift
    moved = problem.eigenvalues > 0
    lost = status is MomentsStatus.UNSTABLE or mean_missing(problem)
    centre = np.where(moved & lost, np.nan, shift)
    velocity = np.where(moved & lost, np.nan, 0.0)
    return moments_from_eigenbasis(
        problem,
        recurrence.sgd,
        status=status,
        mean=np.stack([centre, velocity]),
        covariance=np.where(moved, INFINITE[:, None], 0.0),
        error=EPS,
    )


INFINITE = np.array([np.inf, np.nan, np.inf])  # Var w, Cov(w, v), Var v of infinite variance
