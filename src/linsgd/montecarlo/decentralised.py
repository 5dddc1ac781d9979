"""Decentralised and local SGD on any graph, brute force in NumPy.

Each node draws a batch of its own: w_i' = sum_j G_ij w_j - lr g_i(w_i), or with `local_steps` = tau
w_i' = w_i - lr g_i(w_i) and after every tau-th step w_i <- sum_j G_ij w_j.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.montecarlo.random.seeds import Seed, integer_seed
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression


def decentralised_positions(
    problem: LinearRegression,
    sgd: SGD,
    gossip: ArrayLike,
    steps: int,
    chains: int = 1024,
    seed: Seed = 0,
    local_steps: int | None = None,
) -> FloatArray:
    """Simulate decentralised or local SGD from w = 0 and return the nodes' weights.

    Parameters
    ----------
    problem : LinearRegression
        What is learned; rows of data are drawn with replacement.
    sgd : SGD
        Of each node, without momentum.
    gossip : array_like (N, N)
        The weights G, of any graph.
    steps : int
        Steps of each node, at least 0.
    chains : int
        Independent networks, at least 1.
    seed : int, SeedSequence or Generator
        In [0, 2**64).
    local_steps : int, optional
        Own steps between exchanges; by default neighbours are averaged at every step, beside the
        gradient at the node's own weights.

    Returns
    -------
    ndarray (chains, N, d)
        The weights after the last step.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0, 0.5]), linsgd.SGD(lr=0.1)
    >>> ring = np.roll(np.eye(5), 1, axis=0) / 2 + np.eye(5) / 2
    >>> linsgd.decentralised_positions(problem, sgd, ring, steps=20, chains=8).shape
    (8, 5, 2)
    """
    accept(problem, sgd)
    sgd.check(problem)
    if sgd.momentum > 0 or sgd.sampling != "independent" or not sgd.replacement:
        given = f"momentum = {sgd.momentum}, sampling = {sgd.sampling!r}"
        domains.refuse("sgd", given, "momentum 0, independent batches with replacement")
    G = domains.array("gossip", gossip, (None, None))
    if G.shape[0] != G.shape[1]:
        domains.refuse("gossip", f"array of shape {G.shape}", "a square matrix")
    steps = domains.integer("steps", steps, "[0, inf)")
    chains = domains.integer("chains", chains, "[1, inf)")
    every = None if local_steps is None else domains.integer("local_steps", local_steps, "[1, inf)")
    rng, N = np.random.default_rng(integer_seed(seed)), len(G)
    w = np.zeros((chains, N, problem.dimension))
    for k in range(1, steps + 1):
        gradient = _gradient(problem, sgd, w, rng)
        if every is None:
            w = G @ w - sgd.lr * gradient
        else:
            w = w - sgd.lr * gradient
            w = G @ w if k % every == 0 else w
    return w


def _gradient(
    problem: LinearRegression, sgd: SGD, w: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Draw a batch for each node and return its gradient at the node's weights (chains, N, d)."""
    chains, N, d = w.shape
    b, law = sgd.batch_size, problem.features
    n = chains * N * b
    if isinstance(law, FiniteData):
        rows = rng.integers(len(law.y), size=n)
        x, y = law.X[rows], law.y[rows]
    else:
        assert problem.noise is not None
        x = law.sample(n, rng)
        y = x @ problem.optimum + problem.noise_std * problem.noise.sample(n, rng)
    x, y = x.reshape(chains, N, b, d), y.reshape(chains, N, b)
    residual = np.einsum("cnbd,cnd->cnb", x, w) - y
    gradient: FloatArray = np.einsum("cnbd,cnb->cnd", x, residual) / b
    return gradient + sgd.weight_decay * w
