"""Displacement of the Langevin equation and of the first-order diffusion, from any start."""

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.diffusion.ornstein_uhlenbeck import diffusion
from linsgd.theory.displacement.compression import half_plane, parabola
from linsgd.theory.displacement.terms import (
    diffusion_terms,
    langevin_terms,
    stationary_langevin_terms,
    summed,
)
from linsgd.theory.langevin.process import langevin
from linsgd.theory.result import MomentsStatus, Start


def langevin_displacement(
    problem: LinearRegression, sgd: SGD, k: IntArray, start: Start
) -> tuple[MomentsStatus, FloatArray]:
    """Return the status and the three sums (3, K) of `linsgd.theory.displacement.terms`."""
    process = langevin(problem, sgd)
    modes, lr = process.modes, process.lr
    begin = process.initial_state(start)
    z = lr * process.gradient_weight * process.curvature
    q, region = modes.own_intensity, parabola(sgd.momentum)
    if isinstance(start, str):
        measures = (q / (4 * modes.damping))[None]
        return process.status, summed(
            stationary_langevin_terms(sgd.momentum), z, measures, region, k
        )
    xx, xv, vv = begin.second_moments
    measures = np.stack([lr**2 * vv, lr * xv, modes.w2 * xx, q])
    return process.status, summed(langevin_terms(sgd.momentum), z, measures, region, k)


def diffusion_displacement(
    problem: LinearRegression, sgd: SGD, k: IntArray, start: Start
) -> tuple[MomentsStatus, FloatArray]:
    """Return the status and the three sums (3, K) of `linsgd.theory.displacement.terms`."""
    process = diffusion(problem, sgd)
    begin = process.initial_state(start)
    q = process.intensity if process.intensity.ndim == 1 else np.diagonal(process.intensity)
    # theta E x^2, which stays finite at stationarity where theta is 0
    confined = q / 2 if isinstance(start, str) else process.rate * begin.second_moments[0]
    z = process.rate * (1 - sgd.momentum)
    measures = np.stack([confined, q])
    return process.status, summed(diffusion_terms(sgd.momentum), z, measures, half_plane, k)
