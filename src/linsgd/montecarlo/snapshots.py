"""Phase-space states of chosen chains at chosen steps."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linsgd import domains
from linsgd.montecarlo.observables.observable import increasing_steps
from linsgd.montecarlo.random.seeds import Seed
from linsgd.montecarlo.walks.engine import Engine, Precision, walks
from linsgd.optimizers.optimizer import Optimizer
from linsgd.problems.linear_regression import LinearRegression
from linsgd.variates import LANES


def snapshots(
    problem: LinearRegression,
    sgd: Optimizer,
    steps: ArrayLike,
    chains: range,
    seed: Seed = 0,
    start: tuple[ArrayLike, ArrayLike] | None = None,
    engine: Engine = "full",
    dtype: Precision = "float64",
) -> NDArray[Any]:
    """Simulate some chains of an ensemble and return their states at some steps.

    Chain i is the same to the last bit in whatever range it is asked for. Chains are simulated in
    tiles of 64 consecutive ones, so ranges that begin and end at multiples of 64 waste nothing.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        The optimizer.
    steps : array_like (K,) of int
        Increasing step counts, each at least 0.
    chains : range
        ``range(a, b)`` with a a multiple of 64.
    seed : int
        In [0, 2**64).
    start : tuple (w, v) of array_like (d,), optional
        Where the optimizer goes on from, v = -buf. By default it starts fresh at w = 0, first step
        undampened.
    engine : {"full", "reduced", "radial"}
        "full" is the algorithm itself. "reduced" has the same law at O(d) a step, for Gaussian
        features and noise; "radial" at O(1) a step if besides H = h I, d >= 2, and weight_decay = 0
        or w* = 0.
    dtype : {"float64", "float32"}
        Precision of states and draws. Normal draws end at 8.49 standard deviations in float64, 6.56
        in float32.

    Returns
    -------
    ndarray (K, len(chains), 2 d)
        (w, v) in the problem's coordinates; a diverged chain holds inf or nan. For the radial
        engine (K, len(chains), 3): |w - w*|, and the parts of v along w - w* and across it, the
        last non-negative.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> from linsgd import LinearRegression, SGD
    >>> problem = LinearRegression.gaussian([1.0, 0.5])
    >>> states = snapshots(problem, SGD(lr=0.1, momentum=0.9), steps=[0, 100], chains=range(128))
    >>> states.shape, bool((states[0] == 0).all())
    ((2, 128, 4), True)
    """
    at = increasing_steps("steps", steps)
    described = walks(problem, sgd, seed, start, engine, dtype)
    first, last = _whole_tiles(chains)
    tiles = [described.states(described.tile(tile)(at)) for tile in range(first, last)]
    return np.concatenate(tiles, axis=1)[:, : len(chains)]


def _whole_tiles(chains: Any) -> tuple[int, int]:
    if (
        not isinstance(chains, range)
        or chains.step != 1
        or len(chains) == 0
        or chains.start % LANES
    ):
        domains.refuse("chains", chains, f"range(a, b) with a a multiple of {LANES}, a < b")
    if chains.start < 0:
        domains.refuse("chains", chains, "range(a, b) with 0 <= a")
    return chains.start // LANES, -(-chains.stop // LANES)
