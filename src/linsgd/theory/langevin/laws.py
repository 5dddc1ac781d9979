"""Moments of the underdamped Langevin equation as the result that every theory returns."""

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.langevin.gradient_noise import Noise
from linsgd.theory.langevin.process import UnderdampedLangevin, langevin
from linsgd.theory.langevin.propagator import blocks
from linsgd.theory.moments import Moments, Start, law

EPS = float(np.finfo(float).eps)
ORDER = "lr"  # of the relative error of the variances, lr h / (2 (1 + momentum)), and of the mean at a fixed time lr k


def stationary(problem: LinearRegression, sgd: SGD, noise: Noise = None) -> Moments:
    """Return the stationary moments of the Langevin equation; arguments as in `linsgd.langevin`."""
    process = langevin(problem, sgd, noise)
    mean, covariance = process.start("stationary")
    return _result(problem, sgd, process, mean, covariance, None, 16 * EPS)


def moments(
    problem: LinearRegression,
    sgd: SGD,
    steps: ArrayLike,
    start: Start = None,
    noise: Noise = None,
    matched: bool = False,
) -> Moments:
    """Return the moments of the Langevin equation at `steps` (K,); arguments as in `linsgd.langevin` and its `mean`."""
    times = domains.step_list("steps", steps)
    process = langevin(problem, sgd, noise)
    mean, covariance = process.start(start, matched)
    modes = process.modes
    pairs = covariance.ndim == 3 or modes.intensity.ndim == 2
    if covariance.ndim == 2 and pairs:
        covariance = covariance[:, :, None] * np.eye(covariance.shape[-1])
    evolve = modes.blocks if pairs else modes.variance
    flows = (modes.flow(block) for block in blocks(times, modes.stiffness.size))
    parts = [(modes.mean(flow, mean), evolve(flow, covariance)) for flow in flows]
    path, evolved = (np.concatenate(part) for part in zip(*parts, strict=True))
    error = 16 * EPS * (1 + float(np.sqrt(modes.stiffness.max())) * float(times.max()))
    return _result(problem, sgd, process, path, evolved, times, error)


def _result(
    problem: LinearRegression,
    sgd: SGD,
    process: UnderdampedLangevin,
    mean: FloatArray,
    covariance: FloatArray,
    steps: IntArray | None,
    error: float,
) -> Moments:
    shift = problem.to_eigenbasis(process.center - problem.optimum)
    blocks = covariance if covariance.ndim - (steps is not None) == 3 else None
    return law(
        problem,
        sgd,
        status=process.status,
        mean=mean + np.stack([shift, np.zeros_like(shift)]),
        covariance=covariance if blocks is None else np.diagonal(blocks, axis1=-2, axis2=-1).copy(),
        steps=steps,
        order=ORDER,
        error=error,
        blocks=blocks,
    )
