r"""Reshuffled epochs on finite data: the stationary law at each phase of the epoch, to leading order in lr.

An epoch walks through n = floor(N/b) disjoint batches of a random permutation of N rows. At the
regularised solution the gradient g_i of row i has covariance C over the rows, and batches j, k of
one epoch have noise covariance

    Cov(xi_j, xi_k) = C ((N/b) 1_{j=k} - 1)/(N - 1):

their sum cancels if b divides N. With R_m (a negative number of order lr) what a unit of gradient
has done to w after m steps at zero curvature, V_m the same for v, and Gamma the mean over rows of x
x' g, the law at phase p is

* mean: mu - S (H + weight_decay)^{-1} Gamma, S = -sum_{j <= n} sum_{m < j} R_m/((N - 1) n), at every phase: order lr;
* Var v: order 1, and Cov(w, v): order lr, as quadratic forms in the weights of all past batches;
* Var w: order lr^2, a quadratic form likewise, if b divides N;
  else of order lr, as the noise left over by each epoch accumulates: |R_inf| (N/b - n) C_ij/((N -
  1) (h_i + h_j));
* Var w at the start of an epoch, without momentum, b dividing N: order lr^3, from the permutation moments of
  Z = sum_{i < j} H_j xi_i, of which each epoch leaves lr^2 behind: lr^3 Cov(Z)_ij/(n (h_i + h_j)).

Each is the leading term, up to a factor 1 + O(lr); where its coefficient vanishes (Cov(w, v) at the
start of an epoch without momentum) the truth is smaller by one order. Derived here; checked by
enumerating every order of the rows.
"""

from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.moments import Moments, MomentsStatus, law
from linsgd.theory.recurrence.recurrence import Method

ORDER = "leading in lr: mean shift lr, Var v 1, Cov(w, v) lr, Var w lr^{power}; each up to a factor 1 + O(lr)"
FORGOTTEN = 1e-18  # weight at which a past epoch no longer counts


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The data along the eigenvectors of H, and the rows' gradients at the regularised solution."""

    x: FloatArray
    g: FloatArray
    H: FloatArray
    decay: float

    @property
    def covariance(self) -> FloatArray:
        """C (d, d)."""
        C: FloatArray = self.g.T @ self.g / len(self.g)
        return C

    @property
    def curvature_gradient(self) -> FloatArray:
        """(D_i g_i) (N, d), D_i = x_i x_i' - H."""
        own: FloatArray = self.x * np.sum(self.x * self.g, axis=1)[:, None] - self.g * self.H
        return own


def stationary(problem: LinearRegression, sgd: SGD) -> Moments:
    """Return the stationary law at the phases 0, ..., n - 1, counted in steps since the epoch began."""
    sgd.check(problem)
    if not isinstance(problem.features, FiniteData):
        domains.refuse(
            "sampling", sgd.sampling, "'independent', unless the problem is a finite data set"
        )
    rows, h = _rows(problem, sgd), problem.eigenvalues + sgd.weight_decay
    total, b = len(rows.g), sgd.batch_size
    n, method = total // b, Method.of(sgd)
    divides = total == n * b
    blocks, mean = _fast(rows, method, n, b), _means(rows, h, method, n)
    pairs = h[:, None] + h
    inverse = np.divide(1.0, pairs, out=np.zeros_like(pairs), where=pairs > 0)
    if not divides:
        limit = _unit_responses(method, 1)[2]
        slow = limit * (total / b - n) / (total - 1) * rows.covariance * inverse
        blocks[:, 0] = slow
        blocks[:, 1] -= slow * h * method.gradient_weight / (1 - method.momentum)
    elif sgd.momentum == 0:
        blocks[0, 0] = method.lr**3 * _left_over(rows, n, b) * inverse / n
    shift = problem.to_eigenbasis(problem.solution(sgd.weight_decay) - problem.optimum)
    mean[:, 0] += shift
    return law(
        problem,
        sgd,
        status=MomentsStatus.OK if h.min() > 0 else MomentsStatus.NULL_SPACE,
        steps=np.arange(n),
        order=ORDER.format(power=_power(sgd, divides=divides)),
        error=1e-12,
        mean=mean,
        covariance=np.diagonal(blocks, axis1=2, axis2=3).copy(),
        blocks=blocks,
    )


def _power(sgd: SGD, *, divides: bool) -> str:
    if not divides:
        return "1"
    return "2" if sgd.momentum > 0 else "2 (lr^3 at phase 0)"


def _rows(problem: LinearRegression, sgd: SGD) -> _Rows:
    assert problem.fit is not None
    solution, x = problem.solution(sgd.weight_decay), problem.fit.rows
    shift = problem.to_eigenbasis(solution - problem.optimum)
    residual = problem.fit.residuals - x @ shift
    g = sgd.weight_decay * problem.to_eigenbasis(solution) - x * residual[:, None]
    return _Rows(x, g, problem.eigenvalues, sgd.weight_decay)


def _unit_responses(method: Method, count: int) -> tuple[FloatArray, FloatArray, float]:
    """Return R_m and V_m for m = 1, ..., count, and -R_inf."""
    c, A = method.noise_vector(), method.mode_matrix(np.zeros(1))[0]
    decay = method.momentum ** np.arange(count)
    V = c[1] * decay
    limit = -c[0] - c[1] * A[0, 1] / (1 - method.momentum)
    R = -limit - c[1] * A[0, 1] / (1 - method.momentum) * decay
    return R, V, float(limit)


def _fast(rows: _Rows, method: Method, n: int, b: int) -> FloatArray:
    """Return Cov(w, w), Cov(w, v), Cov(v, v) of the fluctuation about the slow motion at each phase (n, 3, d, d)."""
    total = len(rows.g)
    epochs = (
        2 + int(np.log(FORGOTTEN) / (n * np.log(method.momentum))) if method.momentum > 0 else 2
    )
    R, V, limit = _unit_responses(method, (epochs + 1) * n)
    forms = np.empty((n, 3))
    for phase in range(n):
        age = (
            (phase or n) - np.arange(1, n + 1) + n * np.arange(epochs)[:, None]
        )  # steps since batch j, less one
        lived = age >= 0
        position = np.where(lived, R[age] + limit * (np.arange(epochs)[:, None] > 0), 0.0)
        velocity = np.where(lived, V[age], 0.0)
        pairs = [(position, position), (position, velocity), (velocity, velocity)]
        forms[phase] = [np.sum(total / b * (u * v).sum(1) - u.sum(1) * v.sum(1)) for u, v in pairs]
        carried = -limit * (np.arange(epochs) > 0) * (total / b - n)
        forms[phase, 1] += np.sum(carried * velocity.sum(1))
    blocks: FloatArray = forms[:, :, None, None] * rows.covariance / max(total - 1, 1)
    return blocks


def _means(rows: _Rows, h: FloatArray, method: Method, n: int) -> FloatArray:
    """Return the shifts of E w and E v at each phase (n, 2, d)."""
    gamma = rows.curvature_gradient.mean(axis=0) / max(len(rows.g) - 1, 1)
    R, _, _ = _unit_responses(method, n)
    felt = -np.concatenate([[0.0], np.cumsum(R)[:-1]])  # by batch j, of the batches before it
    shift = -np.divide(gamma * felt.mean(), h, out=np.zeros_like(h), where=h > 0)
    drive = np.multiply.outer(felt - felt.mean(), gamma)  # the mean gradient at batch j
    ages = (np.arange(n)[:, None] - 1 - np.arange(n)) % n  # of batch j, seen at each phase
    weights = method.noise_vector()[1] * method.momentum**ages / (1 - method.momentum**n)
    means = np.empty((n, 2, h.size))
    means[:, 0], means[:, 1] = shift, weights @ drive
    return means


def _left_over(rows: _Rows, n: int, b: int) -> FloatArray:
    """Return Cov(Z) (d, d), Z = sum over batches i < j of H_j xi_i, when b divides N and n b = N."""
    N, place = n * b, np.repeat(np.arange(n), b)
    after, before = b * (n - 1 - place), b * place  # how many rows come in later, earlier batches
    ordered, fork, chain = after.sum(), np.sum(after * (after - 1)), np.sum(after * before)
    q = rows.curvature_gradient
    C, Mq, gq = rows.covariance, q.T @ q, rows.g.T @ q
    law_of_x = FiniteData(rows.x, np.zeros(N))
    M2 = N**2 * (law_of_x.fourth_moment(C) - rows.H[:, None] * C * rows.H)
    X = _exchanged(rows)
    two, three = N * (N - 1), N * (N - 1) * max(N - 2, 1)
    four = three * max(N - 3, 1)
    distinct = ordered**2 - ordered - 2 * fork - 2 * chain
    second = (
        ordered * (M2 - Mq) / two
        + 2 * fork * (2 * Mq - M2) / three
        + 2 * chain * (2 * Mq - X) / three
    )
    second += distinct * (np.multiply.outer(q.sum(0), q.sum(0)) - 6 * Mq + M2 + X) / four
    h = rows.H + rows.decay
    weights = np.arange(n - 1, -1, -1.0)
    first = (N / b * np.sum(weights**2) - weights.sum() ** 2) / (N - 1) * h[:, None] * C * h
    own, other = np.sum(after * after) / b, np.sum(after * before) / b
    mixed = -(own + other) * gq / two + 2 * (ordered * after.sum() / b - own - other) * gq / three
    mixed = h[:, None] * mixed / b**3
    mean = -ordered / b**2 * q.mean(axis=0) / (N - 1)
    left: FloatArray = first + mixed + mixed.T + second / b**4 - np.multiply.outer(mean, mean)
    return left


def _exchanged(rows: _Rows) -> FloatArray:
    """Return sum over a, c of (D_c g_a) (D_a g_c)' = sum of (x_c'g_a) (x_a'g_c) x_c x_a', in blocks of rows."""
    total = np.zeros((rows.x.shape[1], rows.x.shape[1]))
    for start in range(0, len(rows.x), 1024):
        block = slice(start, start + 1024)
        total += rows.x[block].T @ (
            ((rows.x[block] @ rows.g.T) * (rows.g[block] @ rows.x.T)) @ rows.x
        )
    return total
