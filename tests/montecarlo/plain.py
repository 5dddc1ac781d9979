"""The algorithm as a reader of torch.optim.SGD's documentation would write it in NumPy, one buffer,
no rotation.
"""

import numpy as np

from linsgd import FiniteData


def batches(problem, sgd, chains, rng):
    # (X, y) of shapes (chains, b, d), (chains, b), for ever
    law, b = problem.features, sgd.batch_size
    if isinstance(law, FiniteData):
        yield from data_batches(law, sgd, chains, rng)
    while True:
        X = law.sample(chains * b, rng).reshape(chains, b, -1)
        e = problem.noise_std * problem.noise.sample(chains * b, rng).reshape(chains, b)
        yield X, X @ problem.optimum + e


def data_batches(data, sgd, chains, rng):
    N, b, shuffled = len(data.y), sgd.batch_size, None
    while True:
        if shuffled is None or sgd.sampling != "fixed":
            shuffled = np.argsort(rng.random((chains, N)), axis=1)
        walk = rng.integers(N, size=(chains, b)) if sgd.replacement else shuffled
        last = N // b * b if sgd.sampling != "independent" else b
        for first in range(0, last, b):
            rows = walk[:, first : first + b]
            yield data.X[rows], data.y[rows]


def plain_sgd(problem, sgd, steps, chains, rng, start=None):
    """Return the states (chains, 2d) after `steps` steps."""
    d = problem.dimension
    w, buf = np.zeros((chains, d)), np.zeros((chains, d))
    if start is not None:
        w, buf = w + start[0], buf - start[1]
    for k, (X, y) in zip(range(steps), batches(problem, sgd, chains, rng), strict=False):
        residual = np.einsum("cbd,cd->cb", X, w) - y
        g = np.einsum("cbd,cb->cd", X, residual) / sgd.batch_size + sgd.weight_decay * w
        undampened = sgd.momentum == 0 or (k == 0 and start is None)
        buf = sgd.momentum * buf + (1.0 if undampened else 1 - sgd.dampening) * g
        w = w - sgd.lr * (g + sgd.momentum * buf if sgd.nesterov else buf)
    return np.concatenate([w, -buf], axis=1)
