r"""Exact stationary moments of discrete SGD with its state-dependent noise.

With s = mu - w* the ridge shift and P the unit response, the position covariance M solves M = P o
N(M + s s'). Along principal axes its diagonal is, with u_i = P_ii/(1 - q rho_i^2 P_ii) and T the
feedback of `linsgd.theory.recurrence.gradient_covariance`,

    M_ii = u_i (q rho_i^2 s_i^2 + rho_i (c T + noise_std^2)/b),
    T (1 - G) = sum_i rho_i s_i^2 (1 + q rho_i^2 u_i) + (noise_std^2/b) sum_i rho_i^2 u_i.

Else (1 - K) M = P o N(s s') is solved by conjugate gradients in the variable P^{-1/2} o M, in which
K is symmetric; the error is bounded by the residual over 1 minus the spectral radius of K.
"""

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from linsgd.domains import LARGEST_MATRIX, FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.moments import Moments, MomentsStatus, law
from linsgd.theory.recurrence.gradient_covariance import MatrixNoise, ModeNoise, gradient_noise_law
from linsgd.theory.recurrence.pairs import Pairs
from linsgd.theory.recurrence.recurrence import (
    Method,
    mode_gains,
    position_response,
    spectral_radius,
    unit_response,
)

EPS = float(np.finfo(float).eps)
RESOLUTION = 64 * EPS  # a gap that rounding could have made


def stationary(problem: LinearRegression, sgd: SGD) -> Moments:
    """Return the exact stationary moments of SGD with independent batches."""
    noise, h = gradient_noise_law(problem, sgd), problem.eigenvalues + sgd.weight_decay
    return stationary_at(problem, sgd, noise, *existence(problem, noise, h, Method.of(sgd)))


def stationary_at(
    problem: LinearRegression,
    sgd: SGD,
    noise: ModeNoise | MatrixNoise,
    status: MomentsStatus,
    gap: float,
) -> Moments:
    """Return the exact stationary moments, given what `existence` says of them."""
    h, method = problem.eigenvalues + sgd.weight_decay, Method.of(sgd)
    shift = problem.to_eigenbasis(problem.solution(sgd.weight_decay) - problem.optimum)
    if status in (MomentsStatus.UNSTABLE, MomentsStatus.INFINITE_VARIANCE):
        return _without_variance(problem, sgd, status, shift)
    mean = np.stack([shift, np.zeros_like(shift)])
    if isinstance(noise, ModeNoise):
        covariance, error = _modes(noise, h, method, shift, gap)
        error += problem.error / gap
        pairs = pairs_of(problem, sgd, noise, start=mean, steps=None)
        return law(
            problem, sgd, status=status, mean=mean, covariance=covariance, error=error, pairs=pairs
        )
    blocks, error = _matrix(noise, h, method, shift, gap)
    error += problem.error / gap
    covariance = np.diagonal(blocks, axis1=-2, axis2=-1).copy()
    return law(
        problem, sgd, status=status, mean=mean, covariance=covariance, error=error, blocks=blocks
    )


def existence(
    problem: LinearRegression, noise: ModeNoise | MatrixNoise, h: FloatArray, method: Method
) -> tuple[MomentsStatus, float]:
    """Return which stationary moments exist, and the distance of the recursion from losing its second moment."""
    if h.max() >= method.largest_stable_curvature():
        return MomentsStatus.UNSTABLE, 0.0
    if any(noise.heavy):
        return MomentsStatus.INFINITE_VARIANCE, 0.0
    if isinstance(noise, ModeNoise):
        own, feedback = mode_gains(noise, h, method)
        gap = min(1 - own, 1 - feedback)
    else:
        gap = 1 - spectral_radius(noise, h, method)
    if gap <= RESOLUTION:
        return MomentsStatus.INFINITE_VARIANCE, 0.0
    return (MomentsStatus.OK if h.min() > 0 else MomentsStatus.NULL_SPACE), gap


def pairs_of(
    problem: LinearRegression,
    sgd: SGD,
    noise: ModeNoise,
    *,
    start: FloatArray,
    steps: IntArray | None,
    fresh: bool = False,
    initial: FloatArray | None = None,
) -> Pairs | None:
    """Return what the covariances between modes follow from; None where all vanish or d is too large for a matrix."""
    if problem.dimension > LARGEST_MATRIX or (steps is None and not start.any()):
        return None
    return Pairs(
        eigenvalues=problem.eigenvalues,
        optimum=problem.to_eigenbasis(problem.optimum),
        coupling=noise.pair,
        weight_decay=sgd.weight_decay,
        lr=sgd.lr,
        momentum=sgd.momentum,
        gradient_weight=sgd.gradient_weight,
        nesterov=sgd.nesterov,
        steps=steps,
        fresh=fresh,
        start=start,
        initial=initial,
    )


def _modes(
    noise: ModeNoise, h: FloatArray, method: Method, shift: FloatArray, gap: float
) -> tuple[FloatArray, float]:
    rho = noise.eigenvalues
    response = unit_response(h, h, method)[[0, 1, 3]]
    own = noise.own * rho**2
    u = response[0] / (1 - own * response[0])
    feedback = np.sum(rho * shift**2 * (1 + own * u)) + noise.label * np.sum(rho**2 * u)
    feedback /= 1 - noise.common * np.sum(rho**2 * u)
    position = u * (own * shift**2 + rho * (noise.common * feedback + noise.label))
    gradient = noise.diagonal(position + shift**2)
    edge = 1 - float(h.max()) / method.largest_stable_curvature()
    return np.stack([position, response[1] * gradient, response[2] * gradient]), 16 * EPS / min(
        gap, edge
    )


def _matrix(
    noise: MatrixNoise, h: FloatArray, method: Method, shift: FloatArray, gap: float
) -> tuple[FloatArray, float]:
    d = h.size
    root = np.sqrt(position_response(h, method))
    source = root * noise(np.multiply.outer(shift, shift), shift)

    def minus_gain(x: FloatArray) -> FloatArray:
        Y = x.reshape(d, d)
        return (Y - root * noise.homogeneous(root * Y)).ravel()

    operator = LinearOperator((d * d, d * d), matvec=minus_gain, dtype=np.float64)
    solution, _ = cg(operator, source.ravel(), rtol=1e-15, atol=0.0, maxiter=1000)
    residual = float(np.linalg.norm(minus_gain(solution) - source.ravel()))
    M = root * solution.reshape(d, d)
    gradient = noise((M + M.T) / 2 + np.multiply.outer(shift, shift), shift)
    shape = (d, d)
    response = unit_response(np.broadcast_to(h[:, None], shape), np.broadcast_to(h, shape), method)[
        [0, 1, 3]
    ]
    scale = float(np.linalg.norm(solution)) or 1.0
    return response * gradient, max(residual / scale, 16 * EPS) / gap


def _without_variance(
    problem: LinearRegression, sgd: SGD, status: MomentsStatus, shift: FloatArray
) -> Moments:
    """Return what is left where the variance is infinite; directions that no gradient moves stay at rest."""
    moved = problem.eigenvalues > 0
    lost = status is MomentsStatus.UNSTABLE or mean_missing(problem)
    centre = np.where(moved & lost, np.nan, shift)
    mean = np.stack([centre, np.where(moved & lost, np.nan, 0.0)])
    covariance = np.where(moved, np.array([[np.inf], [np.nan], [np.inf]]), 0.0)
    return law(problem, sgd, status=status, mean=mean, covariance=covariance, error=EPS)


def mean_missing(problem: LinearRegression) -> bool:
    """Say whether the label noise has no mean, so that the weights have none."""
    dof = getattr(problem.noise, "dof", np.inf)
    return bool(problem.noise_std > 0 and dof <= 1)
