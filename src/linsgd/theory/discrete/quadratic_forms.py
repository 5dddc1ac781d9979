r"""The variance of quadratic forms of SGD's states, from the law and from single draws.

With z the states at the steps of a law about their exact means, A and B linear functions of them
and a constant matrix of weights, the form

    Q_m = sum_p W_pm (A_p z + a_p) (B_p z + b_p)

has for Gaussian z the variance that follows from the exact covariance of z, of which the part
between two steps k <= l is Cov(z_k) (T^(l-k))', T the mean's step. As z is a sum over draws (see
`linsgd.theory.discrete.draws`), its fourth cumulant adds

    b^(-3) sum_s kappa_4 of D_s,    D_s = sum_p W_pm (A_p R_s xi_n) (B_p R_s xi_n),

xi_n = x_n r_n the gradient of a row less its mean, R_s the response of the states to a draw s steps
before the last one, and kappa_4 of D_s its mean square less that of Gaussian xi of the same
covariance. The first draw sees the start; for the others r_n is the residual of a Gaussian state as
it is at the last step, and their mean gradient is neglected. Left out are third cumulants, and that
a chain which happens to be far away draws larger gradients for a while: the variance is an
estimate, exact for the form about its mean after one step. It says how many chains a measurement
takes, and no interval rests on it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.draws import residual_moments, responses, rows_of
from linsgd.theory.recurrence.recurrence import Coefficients
from linsgd.theory.result import Moments

SMALLEST = 0.01  # of the Gaussian variance, which negative cumulants leave
ALIGNED = 1 - 1e-6  # of a direction's squared length along one eigenvector


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Products:
    """Products of two linear functions of the states of a chain.

    Attributes
    ----------
    left, right : ndarray (K, 2 d, p)
        The factors, in the problem's coordinates of (w, v) at each of K steps.
    left_mean, right_mean : ndarray (p,)
        The means of the factors.
    weights : ndarray (p, m)
        How the products add up to m forms.
    """

    left: FloatArray
    right: FloatArray
    left_mean: FloatArray
    right_mean: FloatArray
    weights: FloatArray


def form_variance(
    problem: LinearRegression, sgd: SGD, law: Moments, start: Any, products: Products
) -> FloatArray | None:
    """Estimate the variance of quadratic forms of the states of SGD with independent batches.

    Parameters
    ----------
    problem : LinearRegression
        A data set, or a law all of whose moments are finite.
    sgd : SGD
        The optimizer.
    law : Moments
        Its exact law at K steps.
    start : tuple (w, v) of ndarray (d,), or None
        Where it starts; None at w = 0.
    products : Products
        The forms, each factor along one eigenvector of H.

    Returns
    -------
    ndarray (m,) or None
        The variance of each form; None if a factor is along no single eigenvector.
    """
    left = _rotated(problem, products.left)
    right = _rotated(problem, products.right)
    modes = np.stack([_modes(left), _modes(right)])
    if (modes < 0).any():
        return None
    gaussian = _gaussian(problem, sgd, law, left, right, products)
    R = responses(problem, sgd, int(np.asarray(law.steps)[-1]))
    # of draws on products (S, p)
    effect = _profile(law, R, left) * _profile(law, R, right)
    pairs, member = np.unique(np.sort(modes, axis=0), axis=1, return_inverse=True)
    begin = np.zeros(problem.dimension) if start is None else np.asarray(start[0])
    first = _at_start(problem, begin, pairs)
    rest = _at_law(problem, law, pairs)
    member = member.ravel()
    of_draws = _summed(effect[-1:], member, products.weights, first)
    of_draws += _summed(effect[:-1], member, products.weights, rest)
    of_draws *= _kept(problem, sgd) / sgd.batch_size**3
    return np.maximum(gaussian + of_draws, SMALLEST * gaussian)


def _rotated(problem: LinearRegression, factor: FloatArray) -> FloatArray:
    """Return factors (K, 2, d, p) along the eigenvectors of H."""
    K = len(factor)
    d = problem.dimension
    p = factor.shape[-1]
    coordinates_last = factor.reshape(K, 2, d, p).transpose(0, 1, 3, 2)
    rotated = problem.to_eigenbasis(coordinates_last.reshape(-1, d))
    return rotated.reshape(K, 2, p, d).transpose(0, 1, 3, 2)


def _modes(factor: FloatArray) -> IntArray:
    """Return the eigenvector of each factor (p,), -1 where it is along several."""
    share = (factor**2).sum(axis=(0, 1))
    alone = share.max(axis=0) >= ALIGNED * share.sum(axis=0)
    modes: IntArray = np.where(alone, share.argmax(axis=0), -1)
    return modes


def _gaussian(
    problem: LinearRegression,
    sgd: SGD,
    law: Moments,
    left: FloatArray,
    right: FloatArray,
    products: Products,
) -> FloatArray:
    """Return the variance (m,) of the forms were the states Gaussian."""
    p = left.shape[-1]
    factors = np.concatenate([left, right], axis=-1)
    covariance = _factor_covariance(problem, sgd, law, factors)
    AA = covariance[:p, :p]
    AB = covariance[:p, p:]
    BB = covariance[p:, p:]
    # Cov(A_p B_p, A_q B_q) of the deviations, and of what is linear in them
    a, b = products.left_mean, products.right_mean
    squares = AA * BB + AB * AB.T
    a_p, b_p = a[:, None], b[:, None]
    linear = a_p * a * BB + b_p * b * AA
    linear += a_p * b * AB.T + b_p * a * AB
    W = products.weights
    of_products = (squares + linear) @ W
    variance: FloatArray = (of_products * W).sum(axis=0)
    return variance


def _factor_covariance(
    problem: LinearRegression, sgd: SGD, law: Moments, factors: FloatArray
) -> FloatArray:
    """Return the covariance (q, q) of factors (K, 2, d, q) of the states at K steps."""
    T = Coefficients.of(sgd).mode_matrix(problem.eigenvalues + sgd.weight_decay)
    steps = np.asarray(law.steps)
    blocks = law.eigenbasis_blocks()
    total = np.zeros((factors.shape[-1],) * 2)
    for k in range(len(steps)):
        ww, wv, vv = blocks[k]
        C = np.array([[ww, wv], [wv.T, vv]])
        # the factors of the states from step k on, as functions of the state at step k
        own = factors[k]
        later = np.zeros_like(factors[k])
        for j in range(k + 1, len(steps)):
            power = np.linalg.matrix_power(T, int(steps[j] - steps[k]))
            later += np.einsum("iab,aiq->biq", power, factors[j])
        seen = np.einsum("abij,bjq->aiq", C, own)
        between = np.einsum("aip,aiq->pq", later, seen)
        total += np.einsum("aip,aiq->pq", own, seen) + between + between.T
    return total


def _kept(problem: LinearRegression, sgd: SGD) -> float:
    """Return what drawing without replacement leaves of a batch's fourth cumulant.

    To leading order in 1/N it is (1 - f) (1 - 6 f (1 - f)), f = b/N.
    """
    if sgd.replacement or not isinstance(problem.features, FiniteData):
        return 1.0
    f = sgd.batch_size / len(problem.features.X)
    return (1 - f) * (1 - 6 * f * (1 - f))


def _at_start(problem: LinearRegression, w: FloatArray, pairs: IntArray) -> FloatArray:
    """Return the fourth cumulants of xi at weights w, between pairs of eigenvectors (P, P)."""
    rows, residual = rows_of(problem)
    residuals = rows @ (w - problem.optimum) - residual
    xi = problem.to_eigenbasis(rows) * residuals[:, None]
    xi -= xi.mean(axis=0)
    return _less_gaussian(xi, np.ones(len(xi)), np.ones(len(xi)), pairs)


def _at_law(problem: LinearRegression, law: Moments, pairs: IntArray) -> FloatArray:
    """Return the fourth cumulants of xi at a Gaussian state as it is at the last step (P, P)."""
    rows, residual = rows_of(problem)
    about = law.mean[-1] - problem.optimum
    r = residual_moments(rows, residual, about, law.position_covariance()[-1])
    return _less_gaussian(problem.to_eigenbasis(rows), r[2], r[4], pairs)


def _less_gaussian(x: FloatArray, r2: FloatArray, r4: FloatArray, pairs: IntArray) -> FloatArray:
    """Return mean x_i x_j x_k x_l r4 less that of Gaussian x with the covariance mean x x' r2.

    For pairs (i, j) and (k, l); the number of pairs is small, that of rows may be large.
    """
    i, j = pairs
    u = x[:, i] * x[:, j]
    S = (x * r2[:, None]).T @ x / len(x)
    # Wick: E x_i x_j x_k x_l = S_ij S_kl + S_ik S_jl + S_il S_jk
    own = S[i, j]
    straight = S[np.ix_(i, i)] * S[np.ix_(j, j)]
    crossed = S[np.ix_(i, j)] * S[np.ix_(j, i)]
    gaussian = own[:, None] * own + straight
    gaussian += crossed
    fourth = (u * r4[:, None]).T @ u / len(x)
    cumulants: FloatArray = fourth - gaussian
    return cumulants


def _summed(
    effect: FloatArray, member: IntArray, weights: FloatArray, cumulants: FloatArray
) -> FloatArray:
    """Return the sum over draws (S, p) of what they add to the variance (m,), at batch size 1.

    `member` (p,) says to which pair of eigenvectors a product belongs.
    """
    added = np.empty(weights.shape[1])
    for m, W in enumerate(weights.T):
        used = W != 0
        chosen, place = np.unique(member[used], return_inverse=True)
        of_pair = np.zeros((len(chosen), len(effect)))
        np.add.at(of_pair, place, (effect * W)[:, used].T)
        fourth = cumulants[np.ix_(chosen, chosen)]
        added[m] = (of_pair @ of_pair.T * fourth).sum()
    return added


def _profile(law: Moments, R: FloatArray, factor: FloatArray) -> FloatArray:
    """Return what a draw s steps before the last one adds to each factor (S, p), over its x."""
    steps = np.asarray(law.steps)
    total = np.zeros((len(R), factor.shape[-1]))
    for k, own in zip(steps, factor, strict=True):
        missed = int(steps[-1] - k)  # later draws, which the state at step k has not seen
        seen = np.einsum("sia,aip->sp", R[: len(R) - missed], own)
        total[missed:] += seen
    return total
