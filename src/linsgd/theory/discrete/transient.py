r"""Exact moments of discrete SGD at any step, from any start.

Few steps are walked (`linsgd.theory.recurrence.steps`), O(d) a step along principal axes. Many
steps are taken by repeated squaring (`linsgd.theory.recurrence.jump`) where its matrices are small
and it is cheaper; else the walk ends once the law has become the stationary one to within rounding.
With infinite fourth moments of the features or infinite variance of the labels, the variance of
every mode that moves is infinite from the first step at which such noise acts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.existence import Existence, existence
from linsgd.theory.discrete.stationary import (
    INFINITE,
    mean_missing,
    stationary,
    stationary_state,
)
from linsgd.theory.initial_state import InitialState, initial_state
from linsgd.theory.recurrence.gradient_covariance import ModeNoise, Noise, first_infinite
from linsgd.theory.recurrence.jump import matrix_states, mode_states, squared_change
from linsgd.theory.recurrence.operators import EPS
from linsgd.theory.recurrence.pairs import PairCovariances
from linsgd.theory.recurrence.recurrence import Coefficients, Recurrence
from linsgd.theory.recurrence.steps import MatrixStep, MeanStep, ModeStep, State
from linsgd.theory.result import Moments, Start, moments_from_eigenbasis

SHORT_WALK = 1000  # steps that are always walked
LARGEST_MODE_JUMP = 200  # d up to which single modes jump: matrices of 3 d rows
LARGEST_MATRIX_JUMP = 32  # d up to which pairs of modes jump: matrices of about 2 d^2 rows
LOOK = 64  # steps between comparisons with the stationary law
FLOPS_PER_CALL = 1e5  # what the overhead of one step in NumPy costs, in multiplications


@dataclass(frozen=True, slots=True, eq=False)
class Transient:
    """The law at several steps: what `moments` returns, and the state it started from."""

    law: Moments
    begin: InitialState


def moments(problem: LinearRegression, sgd: SGD, steps: IntArray, start: Start) -> Moments:
    """Return the exact moments of SGD with independent batches at the `steps`, in any order."""
    return transient(Recurrence.of(problem, sgd), steps, start).law


def transient(
    recurrence: Recurrence, steps: IntArray, start: Start, exists: Existence | None = None
) -> Transient:
    """Return the exact moments at the `steps` (K,), in any order, and the state at step 0.

    `exists`, the existence of the stationary moments, is given if it is known already.
    """
    problem = recurrence.problem
    sgd = recurrence.sgd
    noise = recurrence.noise
    if exists is None:
        exists = existence(noise, recurrence.curvature, recurrence.coefficients)
    begin = begin_state(recurrence, exists, start)
    times, order = np.unique(steps, return_inverse=True)
    with np.errstate(over="ignore", invalid="ignore"):
        path, error = _path(recurrence, exists, begin, times)
    means, covariances = (np.stack(part) for part in zip(*path, strict=True))
    _mark_infinite(recurrence, begin, times, means, covariances)
    pairs = None
    if isinstance(noise, ModeNoise):
        initial = begin.covariance if begin.covariance.ndim == 3 else None
        pairs = PairCovariances(recurrence, begin.mean, steps, begin.fresh, initial)
    law = moments_from_eigenbasis(
        problem,
        sgd,
        status=exists.status,
        steps=steps,
        mean=means[order],
        covariance=covariances[order],
        error=error,
        pairs=None if pairs is None else pairs.unless_zero(),
    )
    if problem.fit is not None:
        law = _with_travelled_means(law, recurrence, begin, times, order)
    return Transient(law, begin)


def _with_travelled_means(
    law: Moments,
    recurrence: Recurrence,
    begin: InitialState,
    times: IntArray,
    order: NDArray[np.intp],
) -> Moments:
    """Return the law with means that are the start plus what the weights have travelled.

    The distance from w* of a mode that data hardly determine is huge and hardly changes, so that
    w* plus the distance would lose the digits of the mean.
    """
    problem = recurrence.problem
    at_rest = np.zeros(problem.dimension)
    if begin.fresh:
        w = at_rest
    elif begin.law is not None:
        w = begin.law.mean
    else:
        w = problem.optimum + problem.from_eigenbasis(begin.mean[0])
    with np.errstate(over="ignore", invalid="ignore"):
        travelled = _travelled(recurrence, begin, times)[order]
        mean = w + problem.from_eigenbasis(travelled[:, 0])
        velocity = problem.from_eigenbasis(begin.mean[1] + travelled[:, 1])
    known = np.isfinite(law.mean) & np.isfinite(mean)
    return replace(
        law,
        mean=np.where(known, mean, law.mean),
        velocity_mean=np.where(known, velocity, law.velocity_mean),
    )


def _travelled(recurrence: Recurrence, begin: InitialState, times: IntArray) -> FloatArray:
    """Return the means of (w, v) less those at the start (K, 2, d), along the eigenvectors.

    With z_0 the start, u = z - z_0 obeys u' = A u + f, f = (A - I) z_0 + drift, so that n steps are
    A^n u + (I + A + ... + A^(n-1)) f. A^n - I and the sums are doubled, as A^n itself would round
    away the decay of slow modes.
    """
    coefficients = recurrence.coefficients
    u = np.zeros((recurrence.curvature.size, 2))
    done = 0
    path = []
    change, force = _push(recurrence, coefficients, begin)
    for time in times:
        if begin.fresh and done == 0 < time:
            _, u = _push(recurrence, coefficients.undampened(), begin)
            done = 1
        # A^n - I and I + A + ... + A^(n-1) for n = 1, 2, 4, ...
        power = change
        total = np.broadcast_to(np.eye(2), change.shape)
        remaining = int(time) - done
        done = int(time)
        while remaining:
            if remaining & 1:
                moved = power @ u[..., None] + total @ force[..., None]
                u = u + moved[..., 0]
            total = 2 * total + power @ total
            power = squared_change(power)
            remaining >>= 1
        path.append(u.T)
    return np.stack(path)


def _push(
    recurrence: Recurrence, coefficients: Coefficients, begin: InitialState
) -> tuple[FloatArray, FloatArray]:
    """Return A - I (d, 2, 2) and the first move of the mean from the start (d, 2)."""
    step = MeanStep.make(coefficients, recurrence.curvature, recurrence.decayed_optimum)
    force = np.einsum("iab,bi->ia", step.change, begin.mean) + step.drift.T
    return step.change, force


def begin_state(recurrence: Recurrence, exists: Existence, start: Start) -> InitialState:
    """Return the moments at step 0, measured from the optimum."""
    problem = recurrence.problem
    center, eigenvectors = problem.optimum, problem.eigenvectors

    def settled() -> InitialState:
        law = stationary(recurrence, exists)
        return initial_state(law, center, eigenvectors, settled)

    return initial_state(start, center, eigenvectors, settled)


def _path(
    recurrence: Recurrence, exists: Existence, begin: InitialState, times: IntArray
) -> tuple[list[State], float]:
    """Return the states at the increasing `times`, and their estimated relative error."""
    noise = recurrence.noise.finite_part()
    coefficients = recurrence.coefficients
    modes = isinstance(noise, ModeNoise)
    state = State(begin.mean, begin.modes if modes else begin.matrices)
    last = int(times[-1])
    path = []
    if times[0] == 0:
        path = [state]
        times = times[1:]
    if times.size and begin.fresh:
        first, _ = _advance(recurrence, noise, coefficients.undampened())
        state = first(state)
        times = times - 1
    step, jump = _advance(recurrence, noise, coefficients)
    jumped = last > SHORT_WALK and _jumps(noise, last)
    if jumped:
        path += jump(state, times)
    else:
        end = None
        if exists.variance and last > LOOK:
            end = stationary_state(recurrence, exists.gap)
        path += _walk(step, state, times, end)
    # rounding accumulates over the time that the recursion remembers; that of the walk also where
    # a mode hardly decays in a step
    amplified = min(last + 1.0, 1 / exists.gap if exists.gap > 0 else np.inf)
    walked = 0.0 if jumped else min(last, 1 / max(_slowest_rate(recurrence), EPS))
    rounding = 16 * EPS * max(amplified, walked)
    return path, rounding + recurrence.problem.error * amplified


def _advance(
    recurrence: Recurrence, noise: Noise, coefficients: Coefficients
) -> tuple[Callable[[State], State], Callable[[State, IntArray], list[State]]]:
    """Return the map of a state to the next, and to those after several numbers of steps."""
    curvature, decayed = recurrence.curvature, recurrence.decayed_optimum
    if isinstance(noise, ModeNoise):
        one = ModeStep.make(coefficients, curvature, decayed)
        return partial(one, noise), partial(mode_states, one, noise)
    pair = MatrixStep.make(coefficients, curvature, decayed)
    return partial(pair, noise), partial(matrix_states, pair, noise)


def _jumps(noise: Noise, count: int) -> bool:
    """Return whether `count` steps are cheaper, and possible, by repeated squaring."""
    d = noise.eigenvalues.size
    if isinstance(noise, ModeNoise):
        return d <= LARGEST_MODE_JUMP
    # a squaring multiplies matrices of about 2 d^2 rows four times; a step averages over the rows
    rows = 2 * d * d
    squaring = 4 * rows**3
    averaging = 2 * d**2 if noise.data is None else noise.data.multiplications
    step = averaging + 30 * d**2 + FLOPS_PER_CALL
    cheaper = squaring * count.bit_length() < step * count
    return d <= LARGEST_MATRIX_JUMP and cheaper


def _slowest_rate(recurrence: Recurrence) -> float:
    """Return about the rate at which the slowest mode that moves is forgotten."""
    c, kappa = recurrence.coefficients, recurrence.curvature
    positive = kappa[kappa > 0]
    slowest = float(positive.min()) if positive.size else 0.0
    rate = c.lr * c.gradient_weight * slowest / (1 - c.momentum)
    return min(1.0, rate)


def _walk(
    step: Callable[[State], State],
    state: State,
    times: IntArray,
    end: tuple[State, float] | None,
) -> Iterator[State]:
    """Yield the states at the increasing `times`; once at the stationary state `end` stay there.

    Yields
    ------
    State
        At the next of the times.
    """
    done = 0
    for time in times:
        while done < time:
            if end is not None and done % LOOK == 0 and _reached(state, *end):
                state = end[0]
                done = int(times[-1])
                break
            state = step(state)
            done = done + 1
        yield state


def _reached(state: State, end: State, error: float) -> bool:
    """Return whether mean and covariance are those of `end` to a relative error."""
    for part, goal in zip(state, end, strict=True):
        distance = np.abs(part - goal).max()
        if not distance <= error * np.abs(goal).max():
            return False
    return True


def _mark_infinite(
    recurrence: Recurrence,
    begin: InitialState,
    times: IntArray,
    means: FloatArray,
    covariances: FloatArray,
) -> None:
    """Set variances that are infinite or too large for a float to inf, undefined moments to nan."""
    problem = recurrence.problem
    moved = problem.eigenvalues > 0
    second = begin.modes[0] + begin.mean[0] ** 2
    overflow = ~np.isfinite(covariances).reshape(len(times), -1).all(axis=1)
    infinite = (times >= first_infinite(recurrence.noise, second)) | overflow
    if covariances.ndim == 4:
        affected = np.multiply.outer(moved, moved)
        own = affected & np.eye(len(moved), dtype=bool)
        undefined = np.where(own, INFINITE[:, None, None], np.nan)
    else:
        affected = moved
        undefined = INFINITE[:, None]
    covariances[infinite] = np.where(affected, undefined, covariances[infinite])
    if mean_missing(problem):
        after_start = times >= 1
        means[after_start] = np.where(moved, np.nan, means[after_start])
    means[~np.isfinite(means)] = np.nan
