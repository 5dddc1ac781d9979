"""Moments of the underdamped Langevin equation as the result that every theory returns."""

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.langevin.gradient_noise import NoiseChoice
from linsgd.theory.langevin.process import UnderdampedLangevin, langevin
from linsgd.theory.langevin.propagator import blocks
from linsgd.theory.result import Moments, Start, moments_from_eigenbasis

EPS = float(np.finfo(float).eps)
# of the relative error of the variances, lr kappa / (2 (1 + momentum)), and of the mean at a fixed
# time lr k
ORDER = "lr"


def stationary(problem: LinearRegression, sgd: SGD, noise: NoiseChoice = None) -> Moments:
    """Return the stationary moments of the Langevin equation; arguments as in `linsgd.langevin`."""
    process = langevin(problem, sgd, noise)
    begin = process.initial_state("stationary")
    return _result(problem, sgd, process, begin.mean, begin.covariance, None, 16 * EPS)


def moments(
    problem: LinearRegression,
    sgd: SGD,
    steps: ArrayLike,
    start: Start = None,
    noise: NoiseChoice = None,
    matched: bool = False,
) -> Moments:
    """Return the moments of the Langevin equation at `steps` (K,).

    Parameters
    ----------
    problem, sgd, noise
        As in `linsgd.langevin`.
    steps, start, matched
        As in `UnderdampedLangevin.mean`.

    Returns
    -------
    Moments
        With K first in every shape.
    """
    times = domains.step_list("steps", steps)
    process = langevin(problem, sgd, noise)
    begin = process.initial_state(start, matched)
    modes = process.modes
    pairs = begin.covariance.ndim == 3 or modes.intensity.ndim == 2
    initial = begin.matrices if pairs else begin.covariance
    evolve = modes.blocks if pairs else modes.variance
    means, covariances = [], []
    for block in blocks(times, modes.w2.size):
        e = modes.propagator(block)
        means.append(modes.mean(e, begin.mean))
        covariances.append(evolve(e, initial))
    mean = np.concatenate(means)
    covariance = np.concatenate(covariances)
    # the propagator loses accuracy with the phase of the fastest mode
    phase = float(np.sqrt(modes.w2.max())) * float(times.max())
    error = 16 * EPS * (1 + phase)
    return _result(problem, sgd, process, mean, covariance, times, error)


def _result(
    problem: LinearRegression,
    sgd: SGD,
    process: UnderdampedLangevin,
    mean: FloatArray,
    covariance: FloatArray,
    steps: IntArray | None,
    error: float,
) -> Moments:
    """Make the result from the moments of (w - mu, v) along the eigenvectors."""
    shift = problem.to_eigenbasis(process.center - problem.optimum)
    return moments_from_eigenbasis(
        problem,
        sgd,
        status=process.status,
        mean=mean + np.stack([shift, np.zeros_like(shift)]),
        covariance=covariance,
        steps=steps,
        order=ORDER,
        error=error,
    )
