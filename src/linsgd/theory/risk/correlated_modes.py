"""Curves where modes are correlated, walked over all pairs, and curves of infinite variance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.recurrence.gradient_covariance import (
    MatrixNoise,
    ModeNoise,
    gradient_noise_law,
)
from linsgd.theory.recurrence.recurrence import Recurrence
from linsgd.theory.recurrence.steps import MatrixStep, State
from linsgd.theory.risk.run import Run
from linsgd.theory.risk.spectrum import Start


def correlated_curve(
    problem: LinearRegression, run: Run, times: IntArray, start: Start | None
) -> FloatArray:
    """Return T (K,) at the times, in O(d^3) a step.

    Parameters
    ----------
    problem : LinearRegression
        A finite data set, or any law with fourth moments.
    run : Run
        The hyperparameters of every step.
    times : ndarray (K,)
        In any order.
    start : tuple (w, v) of ndarray (d,), optional
        A fresh optimizer at w = 0 by default.
    """
    d = problem.dimension
    recurrence = Recurrence.of(problem, run.sgd)
    w, v = start or (np.zeros(d), np.zeros(d))
    delta = problem.to_eigenbasis(w - problem.optimum)
    state = State(np.array([delta, problem.to_eigenbasis(v)]), np.zeros((3, d, d)))
    noises: dict[int, MatrixNoise] = {}
    found = np.empty(times.shape)
    for k in range(run.steps + 1):
        second = np.diagonal(state.covariance[0]) + state.mean[0] ** 2
        found[times == k] = problem.eigenvalues @ second
        if k == run.steps:
            break
        b = int(np.rint(run.batch_size(np.array([k]))[0]))
        if b not in noises:
            noises[b] = _row_noise(problem, run.sgd, b)
        coefficients = run.coefficients(k)
        step = MatrixStep.make(coefficients, recurrence.curvature, recurrence.decayed_optimum)
        state = step(noises[b], state)
    return found


def infinite_curve(
    problem: LinearRegression, noise: ModeNoise, times: IntArray, start: Start | None
) -> FloatArray:
    """Return the risk (K,) of infinite variance: finite at step 0 only."""
    w = np.zeros(problem.dimension) if start is None else start[0]
    off = problem.to_eigenbasis(w - problem.optimum)
    begun = float(problem.eigenvalues @ off**2) / 2
    stays = not any((noise.infinite.labels, noise.infinite.features and begun > 0))
    risk = np.where((times == 0) | stays, begun, np.inf)
    if stays:  # at w*, without label noise of infinite variance, the first step is finite
        risk = np.where(times <= 1, risk, np.inf)
    return risk


def _row_noise(problem: LinearRegression, sgd: SGD, batch_size: int) -> MatrixNoise:
    """Return the noise of a batch size where modes are correlated."""
    noise = gradient_noise_law(problem, replace(sgd, batch_size=batch_size))
    assert isinstance(noise, MatrixNoise)
    return noise
