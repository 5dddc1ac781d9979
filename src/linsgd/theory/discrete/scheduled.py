r"""Exact moments of SGD whose learning rate, batch size and momentum follow schedules.

The recursion of `linsgd.theory.recurrence.steps` on all pairs of modes, walked with the
hyperparameters of every step; its state is carried over, as v = -buf does not depend on lr.
"""

from dataclasses import replace

import numpy as np

from linsgd import domains
from linsgd.domains import IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.existence import existence
from linsgd.theory.discrete.transient import begin_state
from linsgd.theory.initial_state import InitialState
from linsgd.theory.recurrence.gradient_covariance import Noise, gradient_noise_law
from linsgd.theory.recurrence.operators import EPS
from linsgd.theory.recurrence.recurrence import Recurrence
from linsgd.theory.recurrence.steps import MatrixStep, State
from linsgd.theory.result import Moments, Start, moments_from_eigenbasis
from linsgd.theory.risk.run import Run, Schedules

LARGEST = 1000  # d, whose covariances are 3 d^2 numbers
LONGEST = 10**6  # steps, as all are walked


def moments(
    problem: LinearRegression, sgd: SGD, steps: IntArray, start: Start, schedules: Schedules
) -> Moments:
    """Return the exact moments under schedules at the `steps` (K,), in any order.

    Parameters
    ----------
    problem : LinearRegression
        Of at most 1000 features with finite fourth moments.
    sgd : SGD
        The hyperparameters at factors of 1, whose stationary moments the status is about.
    steps : ndarray (K,)
        Up to 10^6.
    start : None, "stationary", (w, v) or Moments
        As in `linsgd.moments`; "stationary" is the law at factors of 1.
    schedules : Schedules
        Factors of the hyperparameters.
    """
    last = int(steps.max())
    if last > LONGEST:
        domains.refuse("steps", last, f"[0, {LONGEST}] under a schedule")
    if problem.dimension > LARGEST:
        domain = f"[1, {LARGEST}] under a schedule; risk_curve serves any"
        domains.refuse("problem.dimension", problem.dimension, domain)
    if sgd.sampling != "independent":
        domains.refuse("sampling", sgd.sampling, "'independent' under a schedule")
    recurrence = Recurrence.of(problem, sgd)
    if any(recurrence.noise.infinite):
        domains.refuse("problem", problem, "finite fourth moments under a schedule")
    exists = existence(recurrence.noise, recurrence.curvature, recurrence.coefficients)
    begin = begin_state(recurrence, exists, start)
    run = Run.of(sgd, schedules, last, begin.fresh)
    times, order = np.unique(steps, return_inverse=True)
    with np.errstate(over="ignore", invalid="ignore"):
        path = _walk(recurrence, run, begin, times)
    means, covariances = (np.stack(part)[order] for part in zip(*path, strict=True))
    return moments_from_eigenbasis(
        problem,
        sgd,
        status=exists.status,
        steps=steps,
        mean=means,
        covariance=covariances,
        error=(16 * EPS + problem.error) * (last + 1.0),
    )


def _walk(recurrence: Recurrence, run: Run, begin: InitialState, times: IntArray) -> list[State]:
    """Return the states at the increasing times."""
    state, path = State(begin.mean, begin.matrices), []
    noises: dict[int, Noise] = {}
    wanted = set(times.tolist())
    for k in range(run.steps + 1):
        if k in wanted:
            path.append(state)
        if k == run.steps:
            break
        b = int(np.rint(run.batch_size(np.array([k]))[0]))
        if b not in noises:
            noises[b] = gradient_noise_law(recurrence.problem, replace(run.sgd, batch_size=b))
        coefficients = run.coefficients(k)
        step = MatrixStep.make(coefficients, recurrence.curvature, recurrence.decayed_optimum)
        state = step(noises[b], state)
    return path
