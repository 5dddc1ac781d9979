"""Elimination of the states of a Markov chain without subtraction.

States are removed one by one, and the probability of leaving a state is the sum of its exits, never
one minus a number close to one (Grassmann, Taksar, Heyman [1]_): passage times of 10^20 steps keep
their digits. A matrix P (M, M) holds transition probabilities; its diagonal is not read.

.. [1] W. K. Grassmann, M. I. Taksar, D. P. Heyman, "Regenerative analysis and steady state
   distributions for Markov chains", Operations Research 33 (1985).
"""

from typing import Any

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.jit import kernel


def stationary_law(P: FloatArray, order: IntArray) -> FloatArray:
    """Return the stationary probabilities (M,), eliminating the last of an order (M,) first."""
    ordered = np.ascontiguousarray(P[np.ix_(order, order)])
    probabilities = np.empty(order.size)
    _stationary(ordered, probabilities)
    found = np.empty(order.size)
    found[order] = probabilities
    return found


def eliminated(P: FloatArray, order: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the factors of I - P on some states in this order, with the rates of leaving them."""
    inside = np.ascontiguousarray(P[np.ix_(order, order)])
    outside = np.ones(len(P), dtype=bool)
    outside[order] = False
    killed = P[order][:, outside].sum(axis=1)
    leaving = np.empty(len(inside))
    _eliminate(inside, killed, leaving)
    return inside, leaving


def solved(factors: tuple[FloatArray, FloatArray], right: FloatArray) -> FloatArray:
    """Return (I - P)^-1 right on the states of the factors."""
    values = right.copy()
    _substitute(*factors, values)
    return values


@kernel
def _stationary(P: Any, probabilities: Any) -> None:
    """Fill in the stationary law; overwrites P."""
    M = P.shape[0]
    for n in range(M - 1, 0, -1):
        leaving = 0.0
        for j in range(n):
            leaving += P[n, j]
        for i in range(n):
            P[i, n] /= leaving
        for i in range(n):
            share = P[i, n]
            if share > 0:
                for j in range(n):
                    P[i, j] += share * P[n, j]
    probabilities[0] = 1.0
    total = 1.0
    for n in range(1, M):
        weight = 0.0
        for i in range(n):
            weight += probabilities[i] * P[i, n]
        probabilities[n] = weight
        total += weight
    for n in range(M):
        probabilities[n] /= total


@kernel
def _eliminate(P: Any, killed: Any, leaving: Any) -> None:
    """Eliminate the states from the last on; overwrites P and killed."""
    for n in range(P.shape[0] - 1, -1, -1):
        total = killed[n]
        for j in range(n):
            total += P[n, j]
        leaving[n] = total
        for i in range(n):
            share = P[i, n] / total
            if share > 0:
                killed[i] += share * killed[n]
                for j in range(n):
                    P[i, j] += share * P[n, j]


@kernel
def _substitute(P: Any, leaving: Any, values: Any) -> None:
    """Solve (I - P) u = values with the factors; overwrites values by u."""
    for n in range(P.shape[0] - 1, -1, -1):
        for i in range(n):
            values[i] += P[i, n] / leaving[n] * values[n]
    for n in range(P.shape[0]):
        total = values[n]
        for j in range(n):
            total += P[n, j] * values[j]
        values[n] = total / leaving[n]
