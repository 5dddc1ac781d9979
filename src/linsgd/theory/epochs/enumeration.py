r"""Exact moments of reshuffled epochs on few rows, by a sum over sets of rows.

A batch B moves (w, v, 1) by an affine map M_B, and the second moment by K_B = M_B (x) M_B. Over the
orders in which the rows of a set U of p b rows may come in batches, the mean of the products is

    S(U) = mean over B in U of K_B S(U without B),    S(empty) = 1,

which meets every set once instead of every order. O_p, the mean of S(U) over the sets of p b rows,
takes the second moment at the start of an epoch to phase p; in time it is O_p O_n^q m, and the
stationary one solves m = O_n m, its last entry being 1.
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.existence import RESOLUTION
from linsgd.theory.discrete.stationary import INFINITE
from linsgd.theory.epochs.batch_maps import Maps, Mask, batch_maps, moving_modes
from linsgd.theory.epochs.transient import State
from linsgd.theory.result import Moments, MomentsStatus, moments_from_eigenbasis

MOST_ROWS = 24
MOST_PRODUCTS = 20_000  # of a batch's map with the maps of the rows before it
MOST_ENTRIES = 8e6  # of all maps of one size of sets


def fits(problem: LinearRegression, sgd: SGD, modes: int | None = None) -> bool:
    """Return whether all sets of rows of reshuffled epochs can be summed in about a second.

    `modes` are those whose moments are wanted; None for those that move.
    """
    if problem.fit is None or sgd.sampling != "epoch":
        return False
    N, b = len(problem.fit.rows), sgd.batch_size
    if N > MOST_ROWS:
        return False
    d = int(moving_modes(problem, sgd).sum()) if modes is None else modes
    sizes = [b * p for p in range(N // b)]
    products = sum(math.comb(N, s) * math.comb(N - s, b) for s in sizes)
    largest = max(math.comb(N, s) for s in sizes)
    return products <= MOST_PRODUCTS and largest * (2 * d + 1) ** 4 <= MOST_ENTRIES


def enumerated(problem: LinearRegression, sgd: SGD) -> Moments:
    """Return the exact stationary law at every phase of reshuffled epochs."""
    moving = moving_modes(problem, sgd)
    d = int(moving.sum())
    operators = phase_operators(batch_maps(problem, sgd, moving))
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


def phase_operators(batches: Maps, first: Maps | None = None) -> list[FloatArray]:
    """Return O_0, ..., O_n from the maps of batches, at the first step those of `first`."""
    squares = _squares(batches)
    before = squares if first is None else _squares(first)
    size = len(next(iter(squares.values())))
    level: Maps = {0: np.eye(size)}
    nothing = np.zeros((size, size))
    operators = [np.eye(size)]
    acting = before
    while True:
        sums: Maps = {}
        counts: dict[int, int] = {}
        for (rows, product), (batch, K) in itertools.product(level.items(), acting.items()):
            if rows & batch:
                continue
            after = rows | batch
            sums[after] = sums.get(after, nothing) + K @ product
            counts[after] = counts.get(after, 0) + 1
        if not sums:
            return operators
        level = {rows: each / counts[rows] for rows, each in sums.items()}
        total = sum(level.values(), nothing)
        operators.append(np.asarray(total / len(level), dtype=np.float64))
        acting = squares


def _squares(maps: Maps) -> Maps:
    """Return K_B = M_B (x) M_B of every batch."""
    return {rows: np.asarray(np.kron(M, M), dtype=np.float64) for rows, M in maps.items()}


def path(
    problem: LinearRegression, sgd: SGD, start: State, times: IntArray, *, fresh: bool
) -> Iterator[State]:
    """Yield the exact states at increasing `times` from a law at the start of an epoch.

    Yields
    ------
    State
        Mean (2, d) of (w - w*, v) and covariance (2, 2, d, d), at the next of the times.
    """
    every: Mask = np.ones(problem.dimension, dtype=bool)
    maps = batch_maps(problem, sgd, every)
    operators = phase_operators(maps)
    n, done = len(operators) - 1, 0
    square = _second_moment(start)
    first = phase_operators(maps, batch_maps(problem, sgd, every, fresh=True)) if fresh else None
    for time in map(int, times):
        if first is not None:
            if time < n:
                yield _state(first[time] @ square)
                continue
            square, done, first = first[n] @ square, n, None
        epochs, phase = divmod(time - done, n)
        square = np.linalg.matrix_power(operators[n], epochs) @ square
        done += epochs * n
        yield _state(operators[phase] @ square)


def squared_displacement(problem: LinearRegression, sgd: SGD, times: IntArray) -> FloatArray:
    """Return E|w_k - w_0|^2 (K,) from the stationary law at the start of an epoch.

    As E (z_k | z_0) = L_p L_n^q z_0 + const, Cov(z_k, z_0) = L_p L_n^q Cov z_0.
    """
    moving = moving_modes(problem, sgd)
    d = int(moving.sum())
    operators = phase_operators(batch_maps(problem, sgd, moving))
    n = len(operators) - 1
    start = _fixed_point(operators[-1])
    mean, P = _state(start)
    P_0 = P.transpose(0, 2, 1, 3).reshape(2 * d, 2 * d)
    linear = [_mean_map(operator, d) for operator in operators]
    found = []
    for k in map(int, times):
        epochs, p = divmod(k, n)
        moved, spread = _state(operators[p] @ start)
        L = linear[p] @ np.linalg.matrix_power(linear[n], epochs)
        square = np.trace(spread[0, 0]) + np.trace(P[0, 0]) - 2 * np.trace((L @ P_0)[:d, :d])
        found.append(square + np.sum((moved[0] - mean[0]) ** 2))
    return np.array(found)


def _mean_map(operator: FloatArray, d: int) -> FloatArray:
    """Return the linear part (2 d, 2 d) of the mean map."""
    D = 2 * d + 1
    linear: FloatArray = operator.reshape(D, D, D, D)[:-1, -1, :-1, -1]
    return linear


def _second_moment(state: State) -> FloatArray:
    """Return E (z, 1)(z, 1)' (D^2,) of z = (w - w*, v)."""
    mean = np.append(state[0].ravel(), 1.0)
    square = np.outer(mean, mean)
    size = mean.size - 1
    square[:-1, :-1] += state[1].transpose(0, 2, 1, 3).reshape(size, size)
    return square.ravel()


def _state(square: FloatArray) -> State:
    """Return mean and covariance from the second moment of (z, 1)."""
    D = math.isqrt(square.size)
    d = (D - 1) // 2
    matrix = square.reshape(D, D)
    centre = matrix[-1, :-1]
    spread = matrix[:-1, :-1] - np.outer(centre, centre)
    return centre.reshape(2, d), spread.reshape(2, d, 2, d).transpose(0, 2, 1, 3)


def _existence(operator: FloatArray, d: int) -> tuple[MomentsStatus, float]:
    """Return the status, and 1 less the spectral radius of the second moment over an epoch."""
    D = 2 * d + 1
    tensor = operator.reshape(D, D, D, D)
    linear = _mean_map(operator, d)
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
