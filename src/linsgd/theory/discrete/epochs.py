r"""Epochs on finite data, reshuffled or in a fixed order: the stationary law at each phase.

An epoch walks through n = floor(N/b) disjoint batches of a random permutation of N rows, drawn
anew for every epoch or once. The law is the linear response to the noise frozen at the regularised
solution (`linsgd.theory.discrete.epoch_noise`), exact in lr kappa with kappa = h + weight_decay and
for every ratio N/b; its dependence on w enters to first order where it leads:

* the mean: with D_r = x_r x_r' - H, g_r the gradients of the rows and T_ik = mean over r of
  (D_r)_ik g_rk, the batch j of an epoch feels the drive -T (u_0 + ... + u_{j-1})_w/(N - 1), as the
  rows that moved w are the others; order lr;
* the growth of the noise: D_j w_j adds a noise with the covariance K(Cov(w_j, w_k)) ((N/b) 1_{j=k}
  - 1)/(N - 1) between batches, K(M) = mean over r of D_r M D_r. What of w is constant over an epoch
  adds K to C; what varies within it is correlated over short times only and adds white noise. Both
  follow from the frozen law by iteration;
* Var w at the start of a reshuffled epoch, without momentum and b dividing N: order lr^3. Each
  epoch leaves lr^2 Z behind, Z = sum_{i < j} H_j xi_i over its batches, whose covariance follows
  from moments of random permutations.

Else Var v is of order 1, Cov(w, v) of order lr, and Var w of order lr^2 if b divides N, of order lr
if not: an epoch then leaves noise behind that accumulates. Neglected is a factor 1 + O(lr), of
which the growth of the noise is kept approximately; `Moments.order` says by how much that growth
changes the variance of independent batches. The expansion has no meaning where the mean of
independent batches diverges; the status is then "unstable". Few rows are enumerated instead
(`linsgd.theory.discrete.epoch_enumeration`), which is exact. Derived here.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.least_squares import LeastSquares
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.epoch_enumeration import enumerated, fits
from linsgd.theory.discrete.epoch_noise import EpochResponse
from linsgd.theory.discrete.existence import mean_diverges
from linsgd.theory.discrete.stationary import INFINITE
from linsgd.theory.discrete.stationary import stationary as independent_law
from linsgd.theory.recurrence.recurrence import (
    Coefficients,
    Recurrence,
    pair_response,
    unit_response,
)
from linsgd.theory.result import Moments, MomentsStatus, moments_from_eigenbasis

ORDER = (
    "exact in lr (h + weight_decay) for noise frozen at the minimum; leading in lr: mean shift lr, "
    "Var v 1, Cov(w, v) lr, Var w lr^{power}; each up to a factor 1 + O(lr), as the noise grows "
    "with the distance, which changes the variance of independent batches by {change}"
)
ERROR = 1e-12  # relative, of the sums over an epoch
ITERATIONS = 4  # of the growth of the noise
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

    def spread(self, M: FloatArray) -> FloatArray:
        """Return K(M) = mean over rows of D_r M D_r (d, d)."""
        law_of_x = FiniteData(self.x, np.zeros(len(self.x)))
        HMH = self.h[:, None] * M * self.h
        own: FloatArray = law_of_x.fourth_moment(M) - HMH
        return own

    @property
    def curvature_gradient(self) -> FloatArray:
        """The vectors q_r = D_r g_r (N, d), D_r = x_r x_r' - H."""
        along_x = np.sum(self.x * self.g, axis=1)
        own: FloatArray = self.x * along_x[:, None] - self.g * self.h
        return own


def stationary(problem: LinearRegression, sgd: SGD) -> Moments:
    """Return the stationary law at the phases 0, ..., n - 1, in steps since the epoch began."""
    fit = finite_fit(problem, sgd)
    if fits(problem, sgd):
        return enumerated(problem, sgd)
    return perturbed(problem, sgd, fit)


def finite_fit(problem: LinearRegression, sgd: SGD) -> LeastSquares:
    """Return the algebra of the finite data that epochs need."""
    sgd.check(problem)
    if problem.fit is None:
        known = "'independent', unless the problem is a finite data set"
        domains.refuse("sampling", sgd.sampling, known)
    return problem.fit


def perturbed(problem: LinearRegression, sgd: SGD, fit: LeastSquares) -> Moments:
    """Return the stationary law by linear response to the frozen noise."""
    rows = _rows(problem, fit, sgd)
    n = len(rows.g) // sgd.batch_size
    kappa = problem.eigenvalues + sgd.weight_decay
    coefficients = Coefficients.of(sgd)
    shift = problem.to_eigenbasis(problem.solution(sgd.weight_decay) - problem.optimum)
    change = "an unknown share"
    if mean_diverges(kappa, coefficients):
        status = MomentsStatus.UNSTABLE
        moved = problem.eigenvalues > 0
        mean = np.tile(np.where(moved, np.nan, [shift, 0 * shift]), (n, 1, 1))
        blocks = np.tile(np.where(moved, INFINITE[:, None], 0.0), (n, 1, 1))
    else:
        status = MomentsStatus.OK if kappa.min() > 0 else MomentsStatus.NULL_SPACE
        response = EpochResponse.of(kappa, coefficients, len(rows.g), sgd.batch_size)
        mean = _means(rows, response, coefficients, sgd.sampling)
        mean[:, 0] += shift
        blocks = _covariances(rows, response, coefficients, sgd.sampling)
        change = _neglected(problem, sgd, rows)
    divides = len(rows.g) == n * sgd.batch_size
    return moments_from_eigenbasis(
        problem,
        sgd,
        status=status,
        steps=np.arange(n),
        order=ORDER.format(power=_power(sgd, divides=divides), change=change),
        error=ERROR + problem.error,
        mean=mean,
        covariance=blocks,
    )


def _neglected(problem: LinearRegression, sgd: SGD, rows: _Rows) -> str:
    """Return the largest change of a variance of independent batches by the noise's growth."""
    recurrence = Recurrence.of(problem, replace(sgd, sampling="independent", replacement=False))
    law = independent_law(recurrence)
    if not np.isfinite(law.position_variance).all():
        return "infinitely much"
    kappa, N, b = recurrence.curvature, len(rows.g), sgd.batch_size
    response = unit_response(kappa, kappa, recurrence.coefficients)[0]
    frozen = response * np.diag(rows.covariance)
    frozen *= (N - b) / (b * max(N - 1, 1))
    noisy = frozen > 0
    ratios = law.position_variance[noisy] / frozen[noisy]
    return f"{np.abs(ratios - 1).max(initial=0.0):.2g}"


def _power(sgd: SGD, *, divides: bool) -> str:
    """Return the power of lr that leads Var w, as text; `divides` tells whether b divides N."""
    if sgd.sampling == "fixed":
        return "2" if divides else "0"
    if not divides:
        return "1"
    return "2" if sgd.momentum > 0 else "2 (lr^3 at phase 0)"


def _rows(problem: LinearRegression, fit: LeastSquares, sgd: SGD) -> _Rows:
    """Return the data along the eigenvectors of H, with the gradients at the ridge solution."""
    x, solution = fit.rows, problem.solution(sgd.weight_decay)
    shift = problem.to_eigenbasis(solution - problem.optimum)
    residual = fit.residuals - x @ shift
    of_decay = sgd.weight_decay * problem.to_eigenbasis(solution)
    g = of_decay - x * residual[:, None]
    return _Rows(x, g, problem.eigenvalues, sgd.weight_decay)


@dataclass(frozen=True, slots=True, eq=False)
class EpochLaw:
    """The linear response to the noise of epochs, and the noise.

    Attributes
    ----------
    response : EpochResponse
        Of every mode.
    structured : ndarray (d, d)
        Covariance of the noise whose batches cancel as those of C do, in place of C.
    unstructured : ndarray (d, d)
        Covariance of white noise.
    within : ndarray (d, d)
        Covariance of w about its mean over an epoch.
    blocks : ndarray (n, 3, d, d)
        Cov(w, w), Cov(w, v), Cov(v, v) at each phase.
    """

    response: EpochResponse
    structured: FloatArray
    unstructured: FloatArray
    within: FloatArray
    blocks: FloatArray


def epoch_law(problem: LinearRegression, sgd: SGD, fit: LeastSquares) -> EpochLaw:
    """Return the law about the mean, for a stable mean."""
    kappa = problem.eigenvalues + sgd.weight_decay
    response = EpochResponse.of(kappa, Coefficients.of(sgd), len(fit.rows), sgd.batch_size)
    return _law(_rows(problem, fit, sgd), response, Coefficients.of(sgd), sgd.sampling)


def _law(
    rows: _Rows, response: EpochResponse, coefficients: Coefficients, sampling: str
) -> EpochLaw:
    """Iterate the growth of the noise with the covariance of w."""
    pairs = max(len(rows.g) - 1, 1)
    forms, slow = _frozen_forms(response, sampling)
    white = _white_form(response, coefficients, sampling)
    structured, unstructured = rows.covariance, np.zeros_like(rows.covariance)
    within = np.zeros_like(structured)
    for _ in range(ITERATIONS):
        mean = structured * slow / pairs + unstructured * white[0]
        within = structured * (forms[:, 0].mean(axis=0) - slow) / pairs
        structured = rows.covariance + rows.spread(mean)
        unstructured = (response.ratio - 1) / pairs * rows.spread(within)
    blocks = forms * structured / pairs + white * unstructured
    return EpochLaw(response, structured, unstructured, within, blocks)


def _covariances(
    rows: _Rows, response: EpochResponse, coefficients: Coefficients, sampling: str
) -> FloatArray:
    """Return Cov(w, w), Cov(w, v), Cov(v, v) at each phase (n, 3, d, d)."""
    law = _law(rows, response, coefficients, sampling)
    blocks = law.blocks
    if coefficients.momentum == 0 and sampling == "epoch":
        blocks[0, 0] += _permuted(rows, response, coefficients, law.within)
    return blocks


def _frozen_forms(response: EpochResponse, sampling: str) -> tuple[FloatArray, FloatArray]:
    """Return the forms of ww, wv, vv at every phase (n, 3, d, d), and that of the mean of w.

    In units of C/(N - 1); the mean of w is over the steps of an epoch (d, d).
    """
    n = response.batches
    if sampling == "fixed":
        forms = np.tile(_upper_blocks(response.fixed()), (n, 1, 1, 1))
        total = response.cyclic().sum(axis=0)[:, 0]
        # the mean over the period feels only the sum of the noise
        return forms, (response.ratio / n - 1) * np.outer(total, total)
    start = response.reshuffled()
    laws = [response.at_phase(start, p) for p in range(n)]
    forms = np.stack([_upper_blocks(law) for law in laws])
    return forms, response.mean_position(start)


def _upper_blocks(law: FloatArray) -> FloatArray:
    """Return the blocks ww, wv, vv (3, d, d) of a symmetric law (2, 2, d, d)."""
    return np.stack([law[0, 0], law[0, 1], law[1, 1]])


def _white_form(response: EpochResponse, coefficients: Coefficients, sampling: str) -> FloatArray:
    """Return Cov of ww, wv, vv (3, d, d) by noise of unit covariance without correlation."""
    flat = np.minimum.outer(response.curvature, response.curvature) <= 0
    if sampling == "fixed":
        r = response.cyclic()
        return _upper_blocks(np.einsum("mia,mjb->abij", r, r))
    held = np.where(response.curvature > 0, response.curvature, 1.0)
    found: FloatArray = np.where(flat, 0.0, pair_response(held, coefficients)[[0, 1, 3]])
    return found


def _permuted(
    rows: _Rows, response: EpochResponse, coefficients: Coefficients, within: FloatArray
) -> FloatArray:
    """Return what moments of random permutations change in Var w at the start of an epoch (d, d).

    For batches that fill the epoch: lr^4 Cov Z less what frozen and white noise hold of it at small
    lr; faded in stiff modes as their motion within the epoch is.
    """
    n, N, lr = response.batches, len(rows.g), coefficients.lr
    b = N // n
    if n * b != N or n == 1:
        return np.zeros_like(within)
    p = np.arange(n)
    # mean over phases of (N/b) p - p^2, less that of the mean of w
    at_phase = np.mean(n * p - p**2)
    of_mean = n * np.sum((p / n - np.mean(p / n)) ** 2)
    free = (at_phase - of_mean) * rows.covariance / (N - 1)
    white = n * (n - 1) / (N - 1) * rows.spread(free)
    kept = np.exp(n * np.log(np.abs(1 - lr * response.curvature)))
    pairs = 1 - np.multiply.outer(kept, kept)
    left = lr**4 * (_left_over(rows, n, b) - white)
    faded = left * np.trace(within) / (lr**2 * np.trace(free))
    found: FloatArray = np.divide(faded, pairs, out=np.zeros_like(left), where=pairs > 0)
    return found


def _means(
    rows: _Rows, response: EpochResponse, coefficients: Coefficients, sampling: str
) -> FloatArray:
    """Return the shifts of E w and E v at each phase (n, 2, d)."""
    n, kappa = response.batches, response.curvature
    # T_ik = mean of (x_i x_k - h_i 1_{i=k}) g_k, and the mean of g is 0
    N = len(rows.g)
    T = rows.x.T @ (rows.x * rows.g) / N / max(N - 1, 1)
    if sampling == "fixed":
        r = response.cyclic()[:, :, 0]
        drive = T @ (response.ratio * r[-1] - r.sum(axis=0))
        drives = np.tile(drive, (n, 1))
    else:
        before = np.cumsum(response.responses[:, :, 0], axis=0)
        nothing = np.zeros((1, kappa.size))
        drives = np.concatenate([nothing, -before[:-1] @ T.T])
    # z_p = A^p z_0 + sum over the steps before, with z_n = z_0
    A, c = coefficients.mode_matrix(kappa), coefficients.noise_vector()
    walked = np.zeros((n + 1, kappa.size, 2))
    for p in range(n):
        kick = drives[p][:, None] * c
        walked[p + 1] = np.einsum("dab,db->da", A, walked[p]) + kick
    flat = kappa <= 0
    system = np.where(flat[:, None, None], np.eye(2), -response.changes[-1])
    moved = np.where(flat[:, None], 0.0, walked[-1])
    start = np.linalg.solve(system, moved[..., None])
    carried = ((response.changes[:-1] + np.eye(2)) @ start)[..., 0]
    means = np.where(flat[:, None], 0.0, walked[:-1] + carried)
    return means.transpose(0, 2, 1)


def _left_over(rows: _Rows, n: int, b: int) -> FloatArray:
    """Return Cov(Z) (d, d) less that of frozen noise, Z = sum over batches i < j of H_j xi_i.

    For n b = N. With H_j = kappa + (sum of D_s over the rows s of batch j)/b and xi_i the mean of
    its g_r,

        Z = sum_i (n - 1 - i) kappa xi_i + (1/b^2) sum_{r before s} D_s g_r,

    where "r before s" means that r comes in an earlier batch. Moments of random permutations are
    sums over distinct rows, which sum_r g_r = 0 and sum_s D_s = 0 reduce to q_r = D_r g_r and

        M2 = sum_{r,s} D_s g_r g_r' D_s,  Mq = sum_r q_r q_r',  X = sum_{r,s} D_s g_r (D_r g_s)'.
    """
    N = n * b
    place = np.repeat(np.arange(n), b)
    after, before = b * (n - 1 - place), b * place  # rows in later and in earlier batches
    q, kappa = rows.curvature_gradient, rows.h + rows.decay
    # (sum_i w_i kappa xi_i)(...)' is in the response to frozen noise already
    # sum_i w_i kappa xi_i times (1/b^2) sum_{r before s} D_s g_r, over two and three distinct rows
    ordered, gq = after.sum(), rows.g.T @ q
    own = np.sum(after * after) / b
    other = np.sum(after * before) / b
    apart = ordered * after.sum() / b - own - other
    two = max(N * (N - 1), 1)
    three = two * max(N - 2, 1)
    mixed = -(own + other) * gq / two + 2 * apart * gq / three
    mixed = kappa[:, None] * mixed / b**3
    # E Z = -(pairs/b^2) mean of q / (N - 1)
    mean = -ordered / b**2 * q.mean(axis=0) / max(N - 1, 1)
    second = _ordered_pairs(rows, q, after, before) / b**4
    left: FloatArray = mixed + mixed.T + second - np.multiply.outer(mean, mean)
    return left


def _ordered_pairs(
    rows: _Rows, q: FloatArray, after: NDArray[Any], before: NDArray[Any]
) -> FloatArray:
    """Return E of (sum_{r before s} D_s g_r)(...)' (d, d) over random permutations.

    Two pairs (r, s), (r', s') share both rows, one row at the same end (fork), one row at opposite
    ends (chain), or none; the numbers of such places times the means over distinct rows are added.
    """
    N = len(q)
    Mq = q.T @ q
    M2 = N**2 * rows.spread(rows.covariance)
    X = _exchanged(rows)
    ordered = after.sum()
    fork = np.sum(after * (after - 1))
    chain = np.sum(after * before)
    distinct = ordered**2 - ordered - 2 * fork - 2 * chain
    two = max(N * (N - 1), 1)
    three = two * max(N - 2, 1)
    four = three * max(N - 3, 1)
    total = q.sum(axis=0)
    no_row_shared = np.multiply.outer(total, total) - 6 * Mq + M2 + X
    pairs: FloatArray = (
        ordered * (M2 - Mq) / two
        + 2 * fork * (2 * Mq - M2) / three
        + 2 * chain * (2 * Mq - X) / three
        + distinct * no_row_shared / four
    )
    return pairs


def _exchanged(rows: _Rows) -> FloatArray:
    """Return X = sum over r, s of (x_s'g_r) (x_r'g_s) x_s x_r' (d, d), in blocks of rows."""
    count, d = rows.x.shape
    total = np.zeros((d, d))
    for start in range(0, count, BLOCK):
        x = rows.x[start : start + BLOCK]
        g = rows.g[start : start + BLOCK]
        products = (x @ rows.g.T) * (g @ rows.x.T)
        total += x.T @ (products @ rows.x)
    return total
