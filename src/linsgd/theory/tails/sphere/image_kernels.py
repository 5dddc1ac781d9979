"""Loops over the nodes of the law of A u: lines of nodes along one direction, and sums of Chebyshev polynomials."""

import numpy as np
from numba import njit

from linsgd.domains import FloatArray, IntArray


@njit(cache=True, nogil=True, error_model="numpy")
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
    """Return X, mean (n, d), log weight and squared size after a normal variable along `lever`, nodes of all lines.

    Line i holds the nodes table[first_i:last_i] about its centre; the weights' logarithms with the
    tilt come last.
    """
    d, total = mean.shape[1], (last - first).sum()
    new_X, new_mean = np.empty(total), np.empty((total, d))
    weight, tilted = np.empty(total), np.empty(total)
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
            weight[k] = log_weight[i] - z * z / 2 + log_steps[j] - 0.9189385332046727
            tilted[k] = weight[k] + 0.5 * s * np.log(max(size + spread, 1e-300))
            k += 1
    return new_X, new_mean, weight, tilted


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def sums(
    omega: FloatArray, weight: FloatArray, grown: FloatArray, degree: int
) -> tuple[FloatArray, FloatArray]:
    """Return sum_n weight_n T_j T_k (omega_n) for j, k < degree (no k on one axis), flat, and the same with `grown`."""
    axes, count = omega.shape
    other = degree if axes == 2 else 1
    total, total_grown = np.zeros((degree, other)), np.zeros((degree, other))
    first, second = np.ones(degree), np.ones(other)
    for n in range(count):
        x = omega[0, n]
        first[1] = x
        for j in range(2, degree):
            first[j] = 2 * x * first[j - 1] - first[j - 2]
        if axes == 2:
            x = omega[1, n]
            second[1] = x
            for j in range(2, degree):
                second[j] = 2 * x * second[j - 1] - second[j - 2]
        for j in range(degree):
            a, b = first[j] * weight[n], first[j] * grown[n]
            for k in range(other):
                total[j, k] += a * second[k]
                total_grown[j, k] += b * second[k]
    return total.ravel(), total_grown.ravel()
