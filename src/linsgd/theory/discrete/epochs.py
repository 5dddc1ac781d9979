r"""Reshuffled epochs on finite data: the stationary law at each phase, to leading order in lr.

An epoch walks through n = floor(N/b) disjoint batches of a random permutation of N rows. At the
regularised solution the gradient g_r of row r has covariance C over the rows, and batches j, k of
one epoch have noise covariance

    Cov(xi_j, xi_k) = C ((N/b) 1_{j=k} - 1)/(N - 1):

their sum cancels if b divides N. Let R_m, a negative number of order lr, be the response of w after
m steps to a unit of gradient at zero curvature, V_m that of v, and Gamma the mean over rows of
D_r g_r, D_r = x_r x_r' - H. The law at phase p, with kappa = h + weight_decay, is

* mean: mu - S Gamma/kappa at every phase, S = -sum_{j <= n} sum_{m < j} R_m/((N - 1) n): order lr;
* Var v: order 1, and Cov(w, v): order lr, quadratic forms in the weights of all past batches;
* Var w: order lr^2, likewise a quadratic form, if b divides N;
  else of order lr, because each epoch leaves noise behind that accumulates:
  |R_inf| (N/b - n) C_ij/((N - 1) (kappa_i + kappa_j));
* Var w at the start of an epoch, without momentum, b dividing N: order lr^3. Each epoch leaves
  lr^2 Z behind, Z = sum_{i < j} H_j xi_i over its batches, whose covariance follows from moments of
  random permutations: lr^3 Cov(Z)_ij/(n (kappa_i + kappa_j)).

Each is the leading term, up to a factor 1 + O(lr); where its coefficient vanishes (Cov(w, v) at the
start of an epoch without momentum) the truth is smaller by one order. The expansion has no meaning
where the mean of independent batches diverges; the status is then "unstable". Derived here; checked
by enumerating every order of the rows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.least_squares import LeastSquares
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.existence import mean_diverges
from linsgd.theory.discrete.stationary import INFINITE
from linsgd.theory.recurrence.recurrence import Coefficients
from linsgd.theory.result import Moments, MomentsStatus, moments_from_eigenbasis

ORDER = (
    "leading in lr: mean shift lr, Var v 1, Cov(w, v) lr, Var w lr^{power}; "
    "each up to a factor 1 + O(lr)"
)
FORGOTTEN = 1e-18  # weight at which a past epoch no longer counts
ERROR = 1e-12  # relative, of the sums over past batches
BLOCK = 1024  # rows whose products with all rows are held at once


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The data along the eigenvectors of H.

    Attributes
    ----------
    x, g : ndarray (N, d)
        Features, and gradients at the regularised solution.
    h : ndarray (d,)
        Eigenvalues of H.
    decay : float
        weight_decay.
    """

    x: FloatArray
    g: FloatArray
    h: FloatArray
    decay: float

    @property
    def covariance(self) -> FloatArray:
        """The covariance C of the gradients (d, d)."""
        C: FloatArray = self.g.T @ self.g / len(self.g)
        return C

    @property
    def curvature_gradient(self) -> FloatArray:
        """The vectors q_r = D_r g_r (N, d), D_r = x_r x_r' - H."""
        own: FloatArray = self.x * np.sum(self.x * self.g, axis=1)[:, None] - self.g * self.h
        return own


def stationary(problem: LinearRegression, sgd: SGD) -> Moments:
    """Return the stationary law at the phases 0, ..., n - 1, in steps since the epoch began."""
    sgd.check(problem)
    if problem.fit is None:
        known = "'independent', unless the problem is a finite data set"
        domains.refuse("sampling", sgd.sampling, known)
    rows, kappa = _rows(problem, problem.fit, sgd), problem.eigenvalues + sgd.weight_decay
    n, coefficients = len(rows.g) // sgd.batch_size, Coefficients.of(sgd)
    shift = problem.to_eigenbasis(problem.solution(sgd.weight_decay) - problem.optimum)
    if mean_diverges(kappa, coefficients):
        status, moved = MomentsStatus.UNSTABLE, problem.eigenvalues > 0
        mean = np.tile(np.where(moved, np.nan, [shift, 0 * shift]), (n, 1, 1))
        blocks = np.tile(np.where(moved, INFINITE[:, None], 0.0), (n, 1, 1))
    else:
        status = MomentsStatus.OK if kappa.min() > 0 else MomentsStatus.NULL_SPACE
        mean = _means(rows, kappa, coefficients, n)
        mean[:, 0] += shift
        blocks = _covariances(rows, kappa, coefficients, sgd.batch_size)
    return moments_from_eigenbasis(
        problem,
        sgd,
        status=status,
        steps=np.arange(n),
        order=ORDER.format(power=_power(sgd, divides=len(rows.g) == n * sgd.batch_size)),
        error=ERROR + problem.error,
        mean=mean,
        covariance=blocks,
    )


def _power(sgd: SGD, *, divides: bool) -> str:
    if not divides:
        return "1"
    return "2" if sgd.momentum > 0 else "2 (lr^3 at phase 0)"


def _rows(problem: LinearRegression, fit: LeastSquares, sgd: SGD) -> _Rows:
    solution, x = problem.solution(sgd.weight_decay), fit.rows
    residual = fit.residuals - x @ problem.to_eigenbasis(solution - problem.optimum)
    g = sgd.weight_decay * problem.to_eigenbasis(solution) - x * residual[:, None]
    return _Rows(x, g, problem.eigenvalues, sgd.weight_decay)


def _covariances(rows: _Rows, kappa: FloatArray, coefficients: Coefficients, b: int) -> FloatArray:
    """Return Cov(w, w), Cov(w, v), Cov(v, v) at each phase (n, 3, d, d)."""
    total, m = len(rows.g), coefficients.momentum
    n = total // b
    blocks = _fast_covariances(rows, coefficients, n, b)
    pairs = kappa[:, None] + kappa
    inverse = np.divide(1.0, pairs, out=np.zeros_like(pairs), where=pairs > 0)
    if total > n * b:
        # |R_inf| (N/b - n) C_ij / ((N - 1) (kappa_i + kappa_j)), and its drift in v
        limit = _unit_responses(coefficients, 1)[2]
        slow = limit * (total / b - n) / (total - 1) * rows.covariance * inverse
        blocks[:, 0] = slow
        blocks[:, 1] -= slow * kappa * coefficients.gradient_weight / (1 - m)
    elif m == 0 and n > 1:
        blocks[0, 0] = coefficients.lr**3 * _left_over(rows, n, b) * inverse / n
    return blocks


def _unit_responses(coefficients: Coefficients, count: int) -> tuple[FloatArray, FloatArray, float]:
    """Return R_m and V_m for m = 1, ..., count, and -R_inf, at zero curvature.

    V_m = c_v momentum^(m - 1), and R_m sums it from R_1 = c_w.
    """
    c, A = coefficients.noise_vector(), coefficients.mode_matrix(np.zeros(1))[0]
    decay = coefficients.momentum ** np.arange(count)
    travelled = c[1] * A[0, 1] / (1 - coefficients.momentum)
    limit = -c[0] - travelled
    return -limit - travelled * decay, c[1] * decay, float(limit)


def _fast_covariances(rows: _Rows, coefficients: Coefficients, n: int, b: int) -> FloatArray:
    """Return the covariances (n, 3, d, d) of the fluctuation about the slow motion.

    With weights u_{e,j}, v_{e,j} of batch j in the e-th past epoch, a form is
    C sum_e ((N/b) sum_j u v - sum_j u sum_j v)/(N - 1), as batches of different epochs are
    independent.
    """
    total, m = len(rows.g), coefficients.momentum
    epochs = 2 + (int(np.log(FORGOTTEN) / (n * np.log(m))) if m > 0 else 0)
    R, V, limit = _unit_responses(coefficients, (epochs + 1) * n)
    past = np.arange(epochs)[:, None]
    forms = np.empty((n, 3))
    for phase in range(n):
        age = (phase or n) - np.arange(1, n + 1) + n * past  # steps since batch j, less one
        lived = age >= 0
        # the part of the response that has not yet settled at R_inf
        position = np.where(lived, R[age] + limit * (past > 0), 0.0)
        velocity = np.where(lived, V[age], 0.0)
        pairs = [(position, position), (position, velocity), (velocity, velocity)]
        forms[phase] = [np.sum(total / b * (u * v).sum(1) - u.sum(1) * v.sum(1)) for u, v in pairs]
        # what past epochs have left in w correlates with v if b does not divide N
        settled = -limit * (past[:, 0] > 0) * (total / b - n)
        forms[phase, 1] += np.sum(settled * velocity.sum(1))
    blocks: FloatArray = forms[:, :, None, None] * rows.covariance / max(total - 1, 1)
    return blocks


def _means(rows: _Rows, kappa: FloatArray, coefficients: Coefficients, n: int) -> FloatArray:
    """Return the shifts of E w and E v at each phase (n, 2, d)."""
    m = coefficients.momentum
    gamma = rows.curvature_gradient.mean(axis=0) / max(len(rows.g) - 1, 1)
    R, _, _ = _unit_responses(coefficients, n)
    # the mean gradient at batch j is gamma times the response to the batches before it
    felt = -np.concatenate([[0.0], np.cumsum(R)[:-1]])
    shift = -np.divide(gamma * felt.mean(), kappa, out=np.zeros_like(kappa), where=kappa > 0)
    drive = np.multiply.outer(felt - felt.mean(), gamma)
    ages = (np.arange(n)[:, None] - 1 - np.arange(n)) % n  # of batch j, seen at each phase
    weights = coefficients.noise_vector()[1] * m**ages / (1 - m**n)
    means = np.empty((n, 2, kappa.size))
    means[:, 0], means[:, 1] = shift, weights @ drive
    return means


def _left_over(rows: _Rows, n: int, b: int) -> FloatArray:
    """Return Cov(Z) (d, d), Z = sum over batches i < j of H_j xi_i, for n b = N.

    With H_j = kappa + (sum of D_s over the rows s of batch j)/b and xi_i the mean of its g_r,

        Z = sum_i (n - 1 - i) kappa xi_i + (1/b^2) sum_{r before s} D_s g_r,

    where "r before s" means that r comes in an earlier batch. Moments of random permutations are
    sums over distinct rows, which sum_r g_r = 0 and sum_s D_s = 0 reduce to q_r = D_r g_r and

        M2 = sum_{r,s} D_s g_r g_r' D_s,  Mq = sum_r q_r q_r',  X = sum_{r,s} D_s g_r (D_r g_s)'.
    """
    N, place = n * b, np.repeat(np.arange(n), b)
    after, before = b * (n - 1 - place), b * place  # rows in later and in earlier batches
    q, kappa, C = rows.curvature_gradient, rows.h + rows.decay, rows.covariance
    # (sum_i w_i kappa xi_i)(...)' with w_i = n - 1 - i
    weights = np.arange(n - 1, -1, -1.0)
    spread = (N / b * np.sum(weights**2) - weights.sum() ** 2) / max(N - 1, 1)
    first = spread * kappa[:, None] * C * kappa
    # sum_i w_i kappa xi_i times (1/b^2) sum_{r before s} D_s g_r
    ordered, gq = after.sum(), rows.g.T @ q
    own, other = np.sum(after * after) / b, np.sum(after * before) / b
    two = max(N * (N - 1), 1)
    three = two * max(N - 2, 1)
    mixed = -(own + other) * gq / two + 2 * (ordered * after.sum() / b - own - other) * gq / three
    mixed = kappa[:, None] * mixed / b**3
    # E Z = -(pairs/b^2) mean of q / (N - 1)
    mean = -ordered / b**2 * q.mean(axis=0) / max(N - 1, 1)
    second = _ordered_pairs(rows, q, after, before) / b**4
    left: FloatArray = first + mixed + mixed.T + second - np.multiply.outer(mean, mean)
    return left


def _ordered_pairs(
    rows: _Rows, q: FloatArray, after: NDArray[Any], before: NDArray[Any]
) -> FloatArray:
    """Return E of (sum_{r before s} D_s g_r)(...)' (d, d) over random permutations.

    Two pairs (r, s), (r', s') share both rows, one row at the same end (fork), one row at opposite
    ends (chain), or none; the numbers of such places times the means over distinct rows are added.
    """
    N, C = len(q), rows.covariance
    law_of_x = FiniteData(rows.x, np.zeros(N))
    Mq = q.T @ q
    M2 = N**2 * (law_of_x.fourth_moment(C) - rows.h[:, None] * C * rows.h)
    X = _exchanged(rows)
    ordered, fork, chain = after.sum(), np.sum(after * (after - 1)), np.sum(after * before)
    distinct = ordered**2 - ordered - 2 * fork - 2 * chain
    two = max(N * (N - 1), 1)
    three = two * max(N - 2, 1)
    four = three * max(N - 3, 1)
    total = q.sum(axis=0)
    pairs: FloatArray = (
        ordered * (M2 - Mq) / two
        + 2 * fork * (2 * Mq - M2) / three
        + 2 * chain * (2 * Mq - X) / three
        + distinct * (np.multiply.outer(total, total) - 6 * Mq + M2 + X) / four
    )
    return pairs


def _exchanged(rows: _Rows) -> FloatArray:
    """Return X = sum over r, s of (x_s'g_r) (x_r'g_s) x_s x_r' (d, d), in blocks of rows."""
    total = np.zeros((rows.x.shape[1], rows.x.shape[1]))
    for start in range(0, len(rows.x), BLOCK):
        x, g = rows.x[start : start + BLOCK], rows.g[start : start + BLOCK]
        total += x.T @ (((x @ rows.g.T) * (g @ rows.x.T)) @ rows.x)
    return total
