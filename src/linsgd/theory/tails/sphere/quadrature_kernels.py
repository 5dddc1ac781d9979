"""Compiled loops over the nodes of the law of A u: lines of nodes, and sums of polynomials."""

import math

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.jit import inlined, kernel, summing

_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


@kernel
def along_lines(
    X: FloatArray,
    mean: FloatArray,
    log_weight: FloatArray,
    lever: FloatArray,
    others: float,
    s: float,
    centre: FloatArray,
    first: IntArray,
    last: IntArray,
    table: FloatArray,
    log_steps: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Add one normal variable z: replace each node by a line of nodes mean + X z lever.

    Parameters
    ----------
    X, mean, log_weight : ndarray (m,), (m, d), (m,)
        The nodes so far.
    lever : ndarray (d,)
        The direction of the new variable.
    others : float
        Sum of the squares of the directions that are still to come.
    s : float
        Order of the moment.
    centre, first, last : ndarray (m,)
        Line i has the nodes z = centre_i + table[first_i:last_i].
    table, log_steps : ndarray (t,)
        Distances from a centre and the logs of their steps.

    Returns
    -------
    X, mean, log_weight : ndarray (n,), (n, d), (n,)
        The nodes of all lines.
    tilted : ndarray (n,)
        Log weights with log |A u|^s, in whose mean square the variables to come are included.
    """
    d = mean.shape[1]
    total = (last - first).sum()
    new_X = np.empty(total)
    new_mean = np.empty((total, d))
    weight = np.empty(total)
    tilted = np.empty(total)
    k = 0
    for i in range(X.size):
        spread = others * (8 + s) * X[i] * X[i]
        for j in range(first[i], last[i]):
            z = centre[i] + table[j]
            size = 0.0
            for axis in range(d):
                y = mean[i, axis] + X[i] * z * lever[axis]
                new_mean[k, axis] = y
                size += y * y
            new_X[k] = X[i]
            # the normal density times the step
            weight[k] = log_weight[i] - z * z / 2 + log_steps[j] - _LOG_ROOT_2PI
            tilted[k] = weight[k] + 0.5 * s * np.log(max(size + spread, 1e-300))
            k += 1
    return new_X, new_mean, weight, tilted


@inlined
def _fill_chebyshev(x: float, values: FloatArray) -> None:
    """Set values (n,) to T_0(x), T_1(x), ... by T_{j+1} = 2 x T_j - T_{j-1}; n >= 2."""
    values[0] = 1.0
    values[1] = x
    for j in range(2, values.size):
        values[j] = 2 * x * values[j - 1] - values[j - 2]


@summing
def sums(
    omega: FloatArray, weight: FloatArray, grown: FloatArray, degree: int
) -> tuple[FloatArray, FloatArray]:
    """Return sum_n weight_n T_j(omega_0n) T_k(omega_1n) for j, k < degree, and with `grown`.

    Parameters
    ----------
    omega : ndarray (1 or 2, n)
        Coordinates; with one axis there is no k.
    weight, grown : ndarray (n,)
        Two sets of weights.
    degree : int
        Number of polynomials on each axis.

    Returns
    -------
    tuple of ndarray
        Both sums, flat.
    """
    axes, count = omega.shape
    other = degree if axes == 2 else 1
    total = np.zeros((degree, other))
    total_grown = np.zeros((degree, other))
    first = np.ones(degree)
    second = np.ones(other)
    for n in range(count):
        _fill_chebyshev(omega[0, n], first)
        if axes == 2:
            _fill_chebyshev(omega[1, n], second)
        for j in range(degree):
            a = first[j] * weight[n]
            b = first[j] * grown[n]
            for k in range(other):
                total[j, k] += a * second[k]
                total_grown[j, k] += b * second[k]
    return total.ravel(), total_grown.ravel()
