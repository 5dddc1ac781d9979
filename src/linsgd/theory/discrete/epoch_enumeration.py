r"""Exact stationary moments of reshuffled epochs on few rows, by a sum over sets of rows.

A batch B moves (w, v, 1) by an affine map M_B, and the second moment by K_B = M_B (x) M_B. Over the
orders in which the rows of a set U of p b rows may come in batches, the mean of the products is

    S(U) = mean over B in U of K_B S(U without B),    S(empty) = 1,

which meets every set once instead of every order. O_p, the mean of S(U) over the sets of p b rows,
takes the second moment at the start of an epoch to phase p, and the stationary one solves m = O_n
m, its last entry being 1.
"""

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.existence import RESOLUTION
from linsgd.theory.discrete.stationary import INFINITE
from linsgd.theory.recurrence.recurrence import Coefficients
from linsgd.theory.result import Moments, MomentsStatus, moments_from_eigenbasis

MOST_ROWS = 24
MOST_PRODUCTS = 20_000  # of a batch's map with the maps of the rows before it
MOST_ENTRIES = 8e6  # of all maps of one size of sets
Mask = NDArray[np.bool_]
Walk = dict[int, FloatArray]  # from a set of rows, as bits, to the map of second moments


def fits(problem: LinearRegression, sgd: SGD) -> bool:
    """Return whether all sets of rows of reshuffled epochs can be summed in about a second."""
    if problem.fit is None or sgd.sampling != "epoch":
        return False
    N, b = len(problem.fit.rows), sgd.batch_size
    if N > MOST_ROWS:
        return False
    d = _moving(problem, sgd).sum()
    sizes = [b * p for p in range(N // b)]
    products = sum(math.comb(N, s) * math.comb(N - s, b) for s in sizes)
    largest = max(math.comb(N, s) for s in sizes)
    return products <= MOST_PRODUCTS and largest * (2 * d + 1) ** 4 <= MOST_ENTRIES


def enumerated(problem: LinearRegression, sgd: SGD) -> Moments:
    """Return the exact stationary law at every phase of reshuffled epochs."""
    moving = _moving(problem, sgd)
    d = int(moving.sum())
    operators = _phase_operators(_batch_maps(problem, sgd, moving))
    status, gap = _existence(operators[-1], d)
    n = len(operators) - 1
    mean = np.zeros((n, 2, moving.size))
    blocks = np.zeros((n, 3, moving.size, moving.size))
    within = np.ix_(moving, moving)
    if status is MomentsStatus.OK:
        start = _fixed_point(operators[-1])
        for p, operator in enumerate(operators[:-1]):
            square = (operator @ start).reshape(2 * d + 1, 2 * d + 1)
            centre = square[-1, :-1]
            spread = square[:-1, :-1] - np.outer(centre, centre)
            mean[p][:, moving] = centre.reshape(2, d)
            blocks[p, 0][within] = spread[:d, :d]
            blocks[p, 1][within] = spread[:d, d:]
            blocks[p, 2][within] = spread[d:, d:]
        if d < moving.size:
            status = MomentsStatus.NULL_SPACE
    else:
        mean[:, :, moving] = np.nan
        for block, value in enumerate(INFINITE):
            blocks[:, block][:, moving, moving] = value
    return moments_from_eigenbasis(
        problem,
        sgd,
        status=status,
        steps=np.arange(n),
        order="exact",
        error=(2 * d + 1) ** 2 * np.finfo(float).eps / max(gap, 1e-300) + problem.error,
        mean=mean,
        covariance=blocks,
    )


def _moving(problem: LinearRegression, sgd: SGD) -> Mask:
    """Return which modes move (d,): those that the data or the decay hold."""
    moving: Mask = problem.eigenvalues + sgd.weight_decay > 0
    return moving


def _batch_maps(problem: LinearRegression, sgd: SGD, moving: Mask) -> Walk:
    """Return K_B of every batch, in the coordinates w - w*."""
    assert problem.fit is not None
    x, b = problem.fit.rows[:, moving], sgd.batch_size
    c = Coefficients.of(sgd).noise_vector()
    pull = sgd.weight_decay * problem.to_eigenbasis(problem.optimum)[moving]
    N, d = x.shape
    # without a gradient v' = momentum v and w' = w + lr v' (Nesterov: w + lr momentum v')
    m = sgd.momentum
    lookahead = m if sgd.nesterov else 1
    coast = np.array([[1, sgd.lr * m * lookahead], [0, m]])
    still = np.eye(2 * d + 1)
    still[:-1, :-1] = np.kron(coast, np.eye(d))
    maps: Walk = {}
    for batch in itertools.combinations(range(N), b):
        rows, residuals = x[list(batch)], problem.fit.residuals[list(batch)]
        gradient = np.zeros((d, 2 * d + 1))
        gradient[:, :d] = rows.T @ rows / b + sgd.weight_decay * np.eye(d)
        gradient[:, -1] = pull - rows.T @ residuals / b
        M = still.copy()
        M[:-1] += np.kron(c[:, None], gradient)
        bits = sum(1 << r for r in batch)
        maps[bits] = np.asarray(np.kron(M, M), dtype=np.float64)
    return maps


def _phase_operators(batches: Walk) -> list[FloatArray]:
    """Return O_0, ..., O_n."""
    size = len(next(iter(batches.values())))
    level: Walk = {0: np.eye(size)}
    nothing = np.zeros((size, size))
    operators = [np.eye(size)]
    while True:
        sums: Walk = {}
        counts: dict[int, int] = {}
        for (before, product), (batch, K) in itertools.product(level.items(), batches.items()):
            if before & batch:
                continue
            after = before | batch
            sums[after] = sums.get(after, nothing) + K @ product
            counts[after] = counts.get(after, 0) + 1
        if not sums:
            return operators
        level = {rows: each / counts[rows] for rows, each in sums.items()}
        total = sum(level.values(), nothing)
        operators.append(np.asarray(total / len(level), dtype=np.float64))


def _existence(operator: FloatArray, d: int) -> tuple[MomentsStatus, float]:
    """Return the status, and 1 less the spectral radius of the second moment over an epoch."""
    D = 2 * d + 1
    tensor = operator.reshape(D, D, D, D)
    linear = tensor[:-1, -1, :-1, -1]
    entries = (2 * d) ** 2
    square = tensor[:-1, :-1, :-1, :-1].reshape(entries, entries)
    if np.abs(np.linalg.eigvals(linear)).max() >= 1 - RESOLUTION:
        return MomentsStatus.UNSTABLE, 0.0
    gap = 1 - float(np.abs(np.linalg.eigvals(square)).max())
    status = MomentsStatus.OK if gap > RESOLUTION else MomentsStatus.INFINITE_VARIANCE
    return status, gap


def _fixed_point(operator: FloatArray) -> FloatArray:
    """Return m = O m with last entry 1."""
    identity = np.eye(len(operator))
    system, target = identity - operator, np.zeros(len(operator))
    # the last equation is replaced by m_last = 1
    system[-1], target[-1] = identity[-1], 1.0
    return np.asarray(np.linalg.solve(system, target), dtype=np.float64)
