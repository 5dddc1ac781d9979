"""The law of the iterates after as many steps as bring it close to its stationary limit."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.moments import moments, stationary_moments
from linsgd.theory.result import Moments, Start

FIRST = 16  # steps


def settled_law(
    problem: LinearRegression,
    sgd: SGD,
    measured: Callable[[Moments], FloatArray],
    start: Start = None,
    *,
    tolerance: float,
    longest: int,
    negligible: ArrayLike = 0.0,
) -> tuple[Moments, bool]:
    """Return the exact law at the first power of two at which it is close to its limit.

    Parameters
    ----------
    problem, sgd : LinearRegression, SGD
        With a stationary law.
    measured : callable
        From a law to the numbers (m,) that must be close to their limits.
    start : None, (w, v) or Moments
        As in `linsgd.moments`.
    tolerance : float
        Relative distance that counts as close.
    longest : int
        Where the search ends, a power of two of at least 16.
    negligible : float or array_like (m,)
        Absolute distance that counts as close.

    Returns
    -------
    tuple (law, settled)
        The moments at that step, as of one step (1, ...), and False if even the law at `longest` is
        farther away.
    """
    limit = measured(stationary_moments(problem, sgd))
    allowed = tolerance * np.abs(limit) + np.asarray(negligible)
    steps = FIRST
    law = moments(problem, sgd, [steps], start)
    while not (np.abs(measured(law.at(0)) - limit) <= allowed).all():
        if steps >= longest:
            return law, False
        # the law at 2 k follows from that at k in k steps
        law = later(problem, sgd, law, [steps])
        steps *= 2
    return law, True


def later(problem: LinearRegression, sgd: SGD, law: Moments, lags: ArrayLike) -> Moments:
    """Return the exact law `lags` (K,) steps after the only one of `law`, at its own clock."""
    after = moments(problem, sgd, lags, law.at(0))
    begin = np.asarray(law.steps)
    return replace(after, steps=after.steps + begin, error=after.error + law.error)
