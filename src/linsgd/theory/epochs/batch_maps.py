r"""The affine map of (w - w*, v, 1) by each batch of a few rows, along the eigenvectors of H."""

import itertools

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.recurrence.recurrence import Coefficients

Mask = NDArray[np.bool_]
Maps = dict[int, FloatArray]  # from the rows of a batch, as bits, to a map


def moving_modes(problem: LinearRegression, sgd: SGD) -> Mask:
    """Return which modes move (d,): those that the data or the decay hold."""
    moving: Mask = problem.eigenvalues + sgd.weight_decay > 0
    return moving


def batch_maps(problem: LinearRegression, sgd: SGD, moving: Mask, *, fresh: bool = False) -> Maps:
    """Return the map M (2 d + 1, 2 d + 1) of every batch; `fresh`: at a fresh optimizer's step."""
    assert problem.fit is not None
    x, b = problem.fit.rows[:, moving], sgd.batch_size
    coefficients = Coefficients.of(sgd)
    c = (coefficients.undampened() if fresh else coefficients).noise_vector()
    pull = sgd.weight_decay * problem.to_eigenbasis(problem.optimum)[moving]
    N, d = x.shape
    # without a gradient v' = momentum v and w' = w + lr v' (Nesterov: w + lr momentum v')
    m = sgd.momentum
    lookahead = m if sgd.nesterov else 1
    coast = np.array([[1, sgd.lr * m * lookahead], [0, m]])
    still = np.eye(2 * d + 1)
    still[:-1, :-1] = np.kron(coast, np.eye(d))
    maps: Maps = {}
    for batch in itertools.combinations(range(N), b):
        rows, residuals = x[list(batch)], problem.fit.residuals[list(batch)]
        gradient = np.zeros((d, 2 * d + 1))
        gradient[:, :d] = rows.T @ rows / b + sgd.weight_decay * np.eye(d)
        gradient[:, -1] = pull - rows.T @ residuals / b
        M = still.copy()
        M[:-1] += np.kron(c[:, None], gradient)
        maps[sum(1 << r for r in batch)] = M
    return maps
