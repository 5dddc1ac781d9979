r"""Exact moments of a fixed order on few rows, by a sum over all orders of their batches.

In an order with the maps M_1, ..., M_n of z = (w - w*, v, 1), a start z_0 leads to
M_p ... M_1 (M_n ... M_1)^q z_0 after q n + p steps, and the stationary state at the start of an
epoch is the fixed point of M_n ... M_1.
"""

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

MOST_ENTRIES = 2e6  # of the maps of all orders


def fits(problem: LinearRegression, sgd: SGD, modes: int | None = None) -> bool:
    """Return whether all orders can be summed in about a second; `modes` as in `enumeration`."""
    if problem.fit is None or sgd.sampling != "fixed":
        return False
    N, b = len(problem.fit.rows), sgd.batch_size
    n = N // b
    if n > 10:
        return False
    orders = math.prod(math.comb(N - b * p, b) for p in range(n))
    d = int(moving_modes(problem, sgd).sum()) if modes is None else modes
    return orders * n * (2 * d + 1) ** 2 <= MOST_ENTRIES


def enumerated(problem: LinearRegression, sgd: SGD) -> Moments:
    """Return the exact stationary law of a fixed order, the same at every phase."""
    moving = moving_modes(problem, sgd)
    d, D = int(moving.sum()), moving.size
    maps = _order_maps(batch_maps(problem, sgd, moving))
    linear, force = _period(maps)
    mean, blocks = np.zeros((2, D)), np.zeros((3, D, D))
    radius = np.abs(np.linalg.eigvals(linear)).max()
    gap = 1 - float(radius)
    if gap > RESOLUTION:
        status = MomentsStatus.OK if d == D else MomentsStatus.NULL_SPACE
        z = np.linalg.solve(np.eye(2 * d) - linear, force)[..., 0]
        mean[:, moving] = z.mean(axis=0).reshape(2, d)
        C = np.cov(z, rowvar=False, ddof=0).reshape(2, d, 2, d)
        blocks[:, np.outer(moving, moving)] = np.reshape(
            [C[0, :, 0], C[0, :, 1], C[1, :, 1]], (3, d * d)
        )
    else:
        status = MomentsStatus.UNSTABLE
        mean[:, moving] = np.nan
        blocks[:, moving, moving] = INFINITE[:, None]
    n = len(maps)
    return moments_from_eigenbasis(
        problem,
        sgd,
        status=status,
        steps=np.arange(n),
        order="exact",
        error=(2 * d + 1) ** 2 * np.finfo(float).eps / max(gap, 1e-300) + problem.error,
        mean=np.tile(mean, (n, 1, 1)),
        covariance=np.tile(blocks, (n, 1, 1, 1)),
    )


def path(
    problem: LinearRegression, sgd: SGD, start: State, times: IntArray, *, fresh: bool
) -> Iterator[State]:
    """Yield the exact states at increasing `times` from a law that does not depend on the order.

    Yields
    ------
    State
        Mean (2, d) of (w - w*, v) and covariance (2, 2, d, d), at the next of the times.
    """
    d = problem.dimension
    every: Mask = np.ones(d, dtype=bool)
    maps = _order_maps(batch_maps(problem, sgd, every))
    first = _order_maps(batch_maps(problem, sgd, every, fresh=True))[0] if fresh else maps[0]
    n, orders = len(maps), len(maps[0])
    walked, done = np.tile(np.eye(2 * d + 1), (orders, 1, 1)), 0
    period = [_product([*maps[p:], *maps[:p]]) for p in range(n)] if times[-1] > n else []
    mean = np.append(start[0].ravel(), 1.0)
    spread = start[1].transpose(0, 2, 1, 3).reshape(2 * d, 2 * d)
    for time in map(int, times):
        while done < time:
            if done and time - done >= n:
                whole = np.linalg.matrix_power(period[done % n], (time - done) // n)
                walked, done = whole @ walked, time - (time - done) % n
            else:
                walked = (first if done == 0 else maps[done % n]) @ walked
                done += 1
        z = (walked @ mean)[:, :-1]
        linear = walked[:, :-1, :-1]
        carried = np.mean(linear @ spread @ linear.transpose(0, 2, 1), axis=0)
        C = np.cov(z, rowvar=False, ddof=0).reshape(2 * d, 2 * d) + carried
        yield z.mean(axis=0).reshape(2, d), C.reshape(2, d, 2, d).transpose(0, 2, 1, 3)


def squared_displacement(problem: LinearRegression, sgd: SGD, times: IntArray) -> FloatArray:
    """Return E|w_{s+k} - w_s|^2 (K,) along the stationary orbits of all orders."""
    moving = moving_modes(problem, sgd)
    d = int(moving.sum())
    maps = _order_maps(batch_maps(problem, sgd, moving))
    linear, force = _period(maps)
    z = np.linalg.solve(np.eye(2 * d) - linear, force)
    orbit = [np.concatenate([z, np.ones((len(z), 1, 1))], axis=1)]
    for each in maps[:-1]:
        orbit.append(each @ orbit[-1])
    w = np.stack(orbit)[:, :, :d, 0]
    moved = np.sum((w - w[0]) ** 2, axis=-1).mean(axis=1)
    found: FloatArray = moved[times % len(maps)]
    return found


def _period(maps: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return the linear part and the force of the map of a whole epoch, of each order."""
    whole = _product(maps)
    return whole[:, :-1, :-1], whole[:, :-1, -1:]


def _product(maps: list[FloatArray]) -> FloatArray:
    """Return the map of all steps, the first one acting first."""
    whole = maps[0]
    for each in maps[1:]:
        whole = each @ whole
    return whole


def _order_maps(maps: Maps) -> list[FloatArray]:
    """Return the maps (orders, 2 d + 1, 2 d + 1) of each of the n steps, over all orders."""
    orders: list[tuple[int, ...]] = [()]
    while True:
        longer = [(*order, batch) for order in orders for batch in maps if not batch & sum(order)]
        if not longer:
            return [np.stack([maps[batch] for batch in step]) for step in zip(*orders, strict=True)]
        orders = longer
