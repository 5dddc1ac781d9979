r"""Exact moments of discrete SGD at any step, from any start.

The recursion of `linsgd.theory.recurrence.steps` is walked, O(d) a step along principal axes;
there, for d up to `LARGEST_JUMP`, far steps are reached by `linsgd.theory.recurrence.jump`. A walk
ends early once the law has become the stationary one to within that law's own error. With infinite
fourth moments of the features or infinite variance of the labels, the variance of every mode that
moves is infinite from the first step at which such noise acts.
"""

from collections.abc import Callable

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.start import Origin, origin
from linsgd.theory.discrete.stationary import EPS, existence, mean_missing, pairs_of, stationary_at
from linsgd.theory.moments import Moments, MomentsStatus, Start, law
from linsgd.theory.recurrence.gradient_covariance import (
    MatrixNoise,
    ModeNoise,
    first_infinite,
    gradient_noise_law,
)
from linsgd.theory.recurrence.jump import Jump
from linsgd.theory.recurrence.recurrence import Method
from linsgd.theory.recurrence.steps import MatrixStep, ModeStep

LARGEST_JUMP = 200
SHORT_WALK = 1000
LOOK = 64  # steps between comparisons with the stationary law

State = tuple[
    FloatArray, FloatArray
]  # means (2, d); covariances (3, d) of modes or (3, d, d) of pairs
Advance = Callable[[FloatArray, FloatArray, int], State]


def transient(problem: LinearRegression, sgd: SGD, steps: IntArray, start: Start) -> Moments:
    """Return the exact moments of SGD with independent batches at each of the `steps`, given in any order."""
    noise = gradient_noise_law(problem, sgd)
    status, gap = existence(problem, noise, problem.eigenvalues + sgd.weight_decay, Method.of(sgd))
    begin = origin(problem, sgd, start)
    times, order = np.unique(steps, return_inverse=True)
    stable = status in (MomentsStatus.OK, MomentsStatus.NULL_SPACE)
    target = (
        stationary_at(problem, sgd, noise, status, gap) if stable and times[-1] > LOOK else None
    )
    with np.errstate(over="ignore", invalid="ignore"):
        path = _path(problem, sgd, noise, begin, times, target)
    means, covariances = (np.stack(part) for part in zip(*path, strict=True))
    _mark_infinite(problem, noise, begin, times, means, covariances)
    means, covariances = means[order], covariances[order]
    pairs = None
    if isinstance(noise, ModeNoise):
        initial = begin.covariance if begin.covariance.ndim == 3 else None
        pairs = pairs_of(
            problem, sgd, noise, start=begin.mean, steps=steps, fresh=begin.fresh, initial=initial
        )
    return law(
        problem,
        sgd,
        status=status,
        steps=steps,
        mean=means,
        covariance=covariances
        if covariances.ndim == 3
        else np.diagonal(covariances, axis1=2, axis2=3).copy(),
        error=(16 * EPS + problem.error)
        * min(float(times[-1]) + 1, 1 / gap if gap > 0 else np.inf),
        blocks=None if covariances.ndim == 3 else covariances,
        pairs=pairs,
    )


def _path(
    problem: LinearRegression,
    sgd: SGD,
    noise: ModeNoise | MatrixNoise,
    begin: Origin,
    times: IntArray,
    target: Moments | None,
) -> list[State]:
    """Walk or jump through the increasing `times`."""
    h = problem.eigenvalues + sgd.weight_decay
    decayed = sgd.weight_decay * problem.to_eigenbasis(problem.optimum)
    method, done, far = Method.of(sgd), 0, int(times[-1]) > SHORT_WALK
    state = (begin.mean, begin.modes if isinstance(noise, ModeNoise) else begin.matrices)
    end = None if target is None else _stationary_state(problem, noise, target)
    first = _advance(noise.finite_part(), method.undampened(), h, decayed, None, jump=False)
    then = _advance(noise.finite_part(), method, h, decayed, end, jump=far)
    path = []
    for time in times:
        if begin.fresh and done == 0 < time:
            state, done = first(*state, 1), 1
        state, done = then(*state, int(time) - done), int(time)
        path.append(state)
    return path


def _advance(
    noise: ModeNoise | MatrixNoise,
    method: Method,
    h: FloatArray,
    decayed: FloatArray,
    end: tuple[State, float] | None,
    *,
    jump: bool,
) -> Advance:
    """Return the map from a state and a number of steps to the state after them."""
    if isinstance(noise, ModeNoise):
        step = ModeStep.make(method, h, decayed)
        if jump and h.size <= LARGEST_JUMP:
            return Jump(step, noise)
        return lambda mean, C, count: _walk(lambda m, X: step(noise, m, X), (mean, C), count, end)
    pair = MatrixStep.make(method, h, decayed)
    return lambda mean, C, count: _walk(lambda m, X: pair(noise, m, X), (mean, C), count, end)


def _walk(
    step: Callable[[FloatArray, FloatArray], State],
    state: State,
    count: int,
    end: tuple[State, float] | None,
) -> State:
    for k in range(count):
        if end is not None and k % LOOK == 0 and _reached(state, *end):
            return end[0]
        state = step(*state)
    return state


def _reached(state: State, end: State, error: float) -> bool:
    return all(
        bool(np.abs(part - goal).max() <= error * np.abs(goal).max())
        for part, goal in zip(state, end, strict=True)
    )


def _stationary_state(
    problem: LinearRegression, noise: ModeNoise | MatrixNoise, target: Moments
) -> tuple[State, float]:
    mean = np.stack(
        [
            problem.to_eigenbasis(target.mean - problem.optimum),
            problem.to_eigenbasis(target.velocity_mean),
        ]
    )
    if target.blocks is not None:
        return (mean, target.blocks), target.error
    modes = np.stack(
        [target.position_variance, target.position_velocity_covariance, target.velocity_variance]
    )
    return (mean, modes), target.error


def _mark_infinite(
    problem: LinearRegression,
    noise: ModeNoise | MatrixNoise,
    begin: Origin,
    times: IntArray,
    means: FloatArray,
    covariances: FloatArray,
) -> None:
    """Say inf where a variance is infinite or beyond the largest float, and nan where a moment does not exist."""
    second = begin.modes[0] + begin.mean[0] ** 2
    infinite = (times >= first_infinite(noise, second)) | ~np.isfinite(covariances).reshape(
        len(times), -1
    ).all(axis=1)
    moved = problem.eigenvalues > 0
    if covariances.ndim == 4:
        on = np.multiply.outer(moved, moved)
        own = on & np.eye(len(moved), dtype=bool)
        lost = np.where(own, np.array([np.inf, np.nan, np.inf])[:, None, None], np.nan)
        covariances[infinite] = np.where(on, lost, covariances[infinite])
    else:
        lost = np.array([[np.inf], [np.nan], [np.inf]])
        covariances[infinite] = np.where(moved, lost, covariances[infinite])
    if mean_missing(problem):
        means[times >= 1] = np.where(moved, np.nan, means[times >= 1])
    means[~np.isfinite(means)] = np.nan
