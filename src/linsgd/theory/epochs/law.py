"""The moments of epochs: exact sums where the rows are few, else linear response."""

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.stationary import INFINITE
from linsgd.theory.epochs import enumeration, orders
from linsgd.theory.epochs.fixed_order import OrderWalk
from linsgd.theory.epochs.frozen_noise import epoch_law, perturbed
from linsgd.theory.epochs.rows import finite_fit, rows_of
from linsgd.theory.epochs.transient import EpochWalk, State, Stationary
from linsgd.theory.initial_state import InitialState, initial_state
from linsgd.theory.recurrence.operators import EPS
from linsgd.theory.recurrence.recurrence import Coefficients
from linsgd.theory.result import Moments, MomentsStatus, Start, moments_from_eigenbasis


def stationary(problem: LinearRegression, sgd: SGD) -> Moments:
    """Return the stationary law at the phases 0, ..., n - 1, in steps since the epoch began."""
    fit = finite_fit(problem, sgd)
    if enumeration.fits(problem, sgd):
        return enumeration.enumerated(problem, sgd)
    if orders.fits(problem, sgd):
        return orders.enumerated(problem, sgd)
    return perturbed(problem, sgd, fit)


def moments(problem: LinearRegression, sgd: SGD, steps: IntArray, start: Start) -> Moments:
    """Return the moments at the `steps`, in any order, from the start of an epoch."""
    fit = finite_fit(problem, sgd)
    law = stationary(problem, sgd)
    if isinstance(start, str) and sgd.sampling == "fixed":
        domains.choice("start", start, ("stationary",))
        return _repeated(problem, sgd, law, steps)
    begin = _begin(problem, law, start)
    times, where = np.unique(steps, return_inverse=True)
    exact = enumeration if sgd.sampling == "epoch" else orders
    if exact.fits(problem, sgd, problem.dimension):
        state = begin.mean, _matrices(begin)
        with np.errstate(over="ignore", invalid="ignore"):
            states = list(exact.path(problem, sgd, state, times, fresh=begin.fresh))
        order, error = "exact", 16 * EPS * (1.0 + times[-1]) + problem.error
    else:
        law = perturbed(problem, sgd, fit)
        order, error = law.order, law.error
        states = _responses(problem, sgd, law, begin, times)
    means, blocks = _stacked(states)
    return moments_from_eigenbasis(
        problem,
        sgd,
        status=law.status,
        steps=steps,
        order=order,
        error=error,
        mean=means[where],
        covariance=blocks[where],
    )


def _begin(problem: LinearRegression, law: Moments, start: Start) -> InitialState:
    """Return the moments at step 0, positions measured from w*."""
    centre, Q = problem.optimum, problem.eigenvectors

    def settled() -> InitialState:
        return initial_state(law.at(0), centre, Q, settled)

    return initial_state(start, centre, Q, settled)


def _repeated(problem: LinearRegression, sgd: SGD, law: Moments, steps: IntArray) -> Moments:
    """Return the stationary law of a fixed order at the steps: that of their phases."""
    phases = steps % len(law.mean)
    return moments_from_eigenbasis(
        problem,
        sgd,
        status=law.status,
        steps=steps,
        order=law.order,
        error=law.error,
        mean=_centres(problem, law)[phases],
        covariance=law.eigenbasis_blocks()[phases],
    )


def _centres(problem: LinearRegression, law: Moments) -> FloatArray:
    """Return E(w - w*) and E v (n, 2, d) along the eigenvectors of H."""
    distance = problem.to_eigenbasis(law.mean - problem.optimum)
    return np.stack([distance, problem.to_eigenbasis(law.velocity_mean)], axis=1)


def _responses(
    problem: LinearRegression, sgd: SGD, law: Moments, begin: InitialState, times: IntArray
) -> list[State]:
    """Return the states at increasing `times` by linear response."""
    if law.status is MomentsStatus.UNSTABLE:
        domains.refuse("lr", sgd.lr, "learning rates at which the mean is stable, for epochs")
    assert problem.fit is not None
    fit, shift = problem.fit, problem.solution(sgd.weight_decay) - problem.optimum
    ridge = np.stack([problem.to_eigenbasis(shift), np.zeros(problem.dimension)])
    rows, coefficients = rows_of(problem, fit, sgd), Coefficients.of(sgd)
    response = epoch_law(problem, sgd, fit)
    means = _centres(problem, law) - ridge
    start = begin.mean - ridge
    if sgd.sampling == "fixed":
        if begin.covariance.any():
            domains.refuse("start", "a law", "None, 'stationary' or a point (w, v), fixed order")
        order = OrderWalk(rows, coefficients, response, means[0])
        states = order.path(start, times, fresh=begin.fresh)
    else:
        blocks = law.eigenbasis_blocks()
        walk = EpochWalk(rows, response.response, coefficients, Stationary(means, _full(blocks)))
        states = walk.path((start, _matrices(begin)), times, fresh=begin.fresh)
    return [(mean + ridge, covariance) for mean, covariance in states]


def _matrices(begin: InitialState) -> FloatArray:
    """Return the covariances (2, 2, d, d) at the start."""
    found: FloatArray = _full(begin.matrices[None])[0]
    return found


def _full(blocks: FloatArray) -> FloatArray:
    """Return covariances (K, 2, 2, d, d) from the blocks ww, wv, vv (K, 3, d, d)."""
    ww, wv, vv = np.moveaxis(blocks, 1, 0)
    upper, lower = np.stack([ww, wv], axis=1), np.stack([np.swapaxes(wv, -1, -2), vv], axis=1)
    return np.stack([upper, lower], axis=1)


def _stacked(states: list[State]) -> tuple[FloatArray, FloatArray]:
    """Return the means (K, 2, d) and the blocks ww, wv, vv (K, 3, d, d)."""
    means = np.stack([mean for mean, _ in states])
    blocks = np.stack([[C[0, 0], C[0, 1], C[1, 1]] for _, C in states])
    overflow = ~np.isfinite(blocks).all(axis=(1, 2, 3))
    own = np.eye(blocks.shape[-1], dtype=bool)
    blocks[overflow] = np.where(own, INFINITE[:, None, None], np.nan)
    return means, blocks
