"""Displacement of the Langevin equation and of the first-order diffusion, from any start."""

import numpy as np

from linsgd.domains import IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.diffusion.ornstein_uhlenbeck import diffusion
from linsgd.theory.displacement.compression import ERROR, half_plane, parabola
from linsgd.theory.displacement.terms import (
    Answer,
    diffusion_terms,
    langevin_terms,
    stationary_langevin_terms,
    summed,
)
from linsgd.theory.langevin.process import langevin
from linsgd.theory.result import Start


def langevin_displacement(problem: LinearRegression, sgd: SGD, k: IntArray, start: Start) -> Answer:
    """Return the answer of `linsgd.theory.displacement.terms`."""
    process = langevin(problem, sgd)
    modes, lr = process.modes, process.lr
    begin = process.initial_state(start)
    z = lr * process.gradient_weight * process.curvature
    q = modes.own_intensity
    if isinstance(start, str):
        terms = stationary_langevin_terms(sgd.momentum)
        measures = (q / (4 * modes.damping))[None]  # Var y
    else:
        terms = langevin_terms(sgd.momentum)
        xx, xv, vv = begin.second_moments
        measures = np.stack([lr**2 * vv, lr * xv, modes.w2 * xx, q])
    sums = summed(terms, z, measures, parabola(sgd.momentum), k)
    return process.status, ERROR, sums


def diffusion_displacement(
    problem: LinearRegression, sgd: SGD, k: IntArray, start: Start
) -> Answer:
    """Return the answer of `linsgd.theory.displacement.terms`."""
    process = diffusion(problem, sgd)
    begin = process.initial_state(start)
    intensity = process.intensity
    q = intensity if intensity.ndim == 1 else np.diagonal(intensity)
    # theta E x^2, which stays finite at stationarity where theta is 0
    confined = q / 2 if isinstance(start, str) else process.rate * begin.second_moments[0]
    z = process.rate * (1 - sgd.momentum)
    terms = diffusion_terms(sgd.momentum)
    sums = summed(terms, z, np.stack([confined, q]), half_plane, k)
    return process.status, ERROR, sums
