r"""The state at the end of an epoch, by moments of random permutations.

Without momentum, and with batches that fill the epoch, Var w at the start of an epoch is of order
lr^3: each epoch leaves lr^2 Z behind, Z = sum_{i < j} H_j xi_i over its batches.
"""

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.theory.epochs.response import EpochResponse
from linsgd.theory.epochs.rows import Rows
from linsgd.theory.recurrence.recurrence import Coefficients

BLOCK = 1024  # rows whose products with all rows are held at once


def left_at_the_end(
    rows: Rows, response: EpochResponse, coefficients: Coefficients, within: FloatArray
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


def _left_over(rows: Rows, n: int, b: int) -> FloatArray:
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


def _ordered_pairs(rows: Rows, q: FloatArray, after: IntArray, before: IntArray) -> FloatArray:
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


def _exchanged(rows: Rows) -> FloatArray:
    """Return X = sum over r, s of (x_s'g_r) (x_r'g_s) x_s x_r' (d, d), in blocks of rows."""
    count, d = rows.x.shape
    total = np.zeros((d, d))
    for start in range(0, count, BLOCK):
        x = rows.x[start : start + BLOCK]
        g = rows.g[start : start + BLOCK]
        products = (x @ rows.g.T) * (g @ rows.x.T)
        total += x.T @ (products @ rows.x)
    return total
