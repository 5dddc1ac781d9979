r"""Exact mean and variance of averages of SGD's weights along a run.

With z = (w - w*, v), E[z_k | z_{k-1}] = T_k z_{k-1} + const and a_k = r_k a_{k-1} + (1 - r_k) w_k,
mode by mode and with q_k = T_k Cov(z_{k-1}, a_{k-1}) = Cov(z_k, a_{k-1}),

    Cov(z_k, a_k) = r_k q_k + (1 - r_k) Cov(z_k, w_k),
    Var a_k = r_k^2 Var a_{k-1} + 2 r_k (1 - r_k) (q_k)_w + (1 - r_k)^2 Var w_k,

for gradients linear in w, whatever the noise. Cov z_k are the exact moments at every step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.averages import AVERAGES, IterateAverage, retained
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee, Result
from linsgd.theory.moments import moments
from linsgd.theory.result import MomentsStatus, Start

LONGEST = 200_000  # steps: each is visited


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class AveragedMoments(Result):
    """Exact moments of an average of the weights.

    Attributes
    ----------
    status : MomentsStatus
        Whether the stationary second moment of w exists; at finite steps all numbers hold.
    steps : ndarray (K,)
        Times in steps.
    mean : ndarray (K, d)
        E a in the problem's coordinates.
    variance : ndarray (K, d)
        Var a along the eigenvectors of H.
    position_covariance : ndarray (K, d)
        Cov(w, a) along the eigenvectors of H.
    excess_risk : ndarray (K,)
        E[R(a)] - R(w*).
    error : float
        Estimated relative error.
    guarantee : Guarantee
        "numerical".
    """

    status: MomentsStatus
    steps: IntArray
    mean: FloatArray
    variance: FloatArray
    position_covariance: FloatArray
    excess_risk: FloatArray
    error: float
    guarantee: Guarantee = Guarantee.NUMERICAL


def averaged_moments(
    problem: LinearRegression,
    sgd: SGD,
    steps: ArrayLike,
    average: IterateAverage,
    start: Start = None,
) -> AveragedMoments:
    r"""Return the exact mean and variance of an average of SGD's weights.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        With independent batches.
    steps : array_like (K,) of int
        Times in steps, each in [0, 200000].
    average : TailAverage or ExponentialAverage
        Which average.
    start : None, "stationary", (w, v) or Moments
        As in `moments`.

    Returns
    -------
    AveragedMoments
        At the steps.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    moments : Of the weights themselves.
    linsgd.TailAverage : The average, which `simulate` records.

    Notes
    -----
    .. math:: \mathrm{Var}\, a_k = r_k^2 \mathrm{Var}\, a_{k-1} + 2 r_k (1 - r_k)
        \mathrm{Cov}(w_k, a_{k-1}) + (1 - r_k)^2 \mathrm{Var}\, w_k.

    References
    ----------
    .. [1] B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging",
       SIAM Journal on Control and Optimization 30 (1992).

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.2, batch_size=4)
    >>> law = linsgd.averaged_moments(problem, sgd, [1000], linsgd.TailAverage())
    >>> print((1000 * law.variance).round(4))
    [[0.2625]]
    """
    at = domains.step_list("steps", steps)
    if at.max() > LONGEST:
        domains.refuse("steps", int(at.max()), f"[0, {LONGEST}]")
    domains.exact_type("average", average, AVERAGES)
    law = moments(problem, sgd, np.arange(int(at.max()) + 1), start)
    blocks = law.mode_covariances()  # (K, 3, d): Var w, Cov(w, v), Var v
    distance = problem.to_eigenbasis(law.mean - problem.optimum)
    a, variance, pair = _walk(problem, sgd, average, blocks, distance, start is None)
    risk = (problem.eigenvalues * (variance + a**2)).sum(axis=1) / 2
    return AveragedMoments(
        status=law.status,
        steps=at,
        mean=problem.optimum + problem.from_eigenbasis(a[at]),
        variance=variance[at],
        position_covariance=pair[at],
        excess_risk=risk[at],
        error=law.error,
    )


def _walk(
    problem: LinearRegression,
    sgd: SGD,
    average: IterateAverage,
    blocks: FloatArray,
    distance: FloatArray,
    fresh: bool,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return E a - w*, Var a and Cov(w, a) (K, d) at every step, along the eigenvectors."""
    a, variance, pair = (np.empty_like(distance) for _ in range(3))
    a[0], variance[0], pair[0] = distance[0], blocks[0, 0], blocks[0, 0]
    with_w, with_v = blocks[0, 0], blocks[0, 1]  # Cov(w, a), Cov(v, a)
    for k in range(1, len(a)):
        r = retained(average, k)
        weight = 1.0 if fresh and k == 1 else sgd.gradient_weight
        gradient = (problem.eigenvalues + sgd.weight_decay) * with_w
        v = sgd.momentum * with_v - weight * gradient
        moved = sgd.momentum * v - gradient if sgd.nesterov else v
        w = with_w + sgd.lr * moved  # Cov(w_k, a_{k-1})
        a[k] = r * a[k - 1] + (1 - r) * distance[k]
        variance[k] = r**2 * variance[k - 1] + 2 * r * (1 - r) * w + (1 - r) ** 2 * blocks[k, 0]
        with_w = r * w + (1 - r) * blocks[k, 0]
        with_v = r * v + (1 - r) * blocks[k, 1]
        pair[k] = with_w
    return a, variance, pair
