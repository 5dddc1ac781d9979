r"""Gauss panels on an interval, and integrals of positive functions that span many decades.

A function is known by its logarithm at the n Gauss nodes of every panel. Its integral from either
end of the interval to each node is the sum of whole panels and of the integral of the local
interpolant, both positive, added as logarithms: nothing is subtracted, so that a tail of 10^-300
has the relative accuracy of the whole.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import legendre

from linsgd.domains import FloatArray
from linsgd.jit import kernel

FINE, COARSE = 24, 20  # nodes a panel; what they give differs by the error of the coarse
SMALLEST = 1e-13  # last Legendre coefficients of the coarse expansion, where it is resolved
LARGEST_DROP = 6.0  # of a logarithm over a panel: I_20(3) = 4e-14 of the largest coefficient
NARROWEST = 1e-10  # width of a panel over that of the interval
MOST_PANELS = 4000


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Gauss-Legendre nodes on [-1, 1], their weights, and operators on values at the nodes.

    Attributes
    ----------
    points, weights : ndarray (n,)
        Of Gauss.
    coefficients : ndarray (n, n)
        To Legendre coefficients.
    from_left, from_right : ndarray (n, n)
        Integrals from -1 to each node and from each node to 1.
    derivative : ndarray (n, n)
        Of the interpolant.
    """

    points: FloatArray
    weights: FloatArray
    coefficients: FloatArray
    from_left: FloatArray
    from_right: FloatArray
    derivative: FloatArray

    @classmethod
    @functools.cache
    def of(cls, n: int) -> "Rule":
        """Return the rule of n nodes."""
        x, weights = legendre.leggauss(n)
        values = legendre.legvander(x, n)  # P_k(x_i), k = 0..n
        degree = 2 * np.arange(n) + 1
        coefficients = degree[:, None] / 2 * values[:, :n].T * weights
        # int_-1^x P_k = (P_(k+1)(x) - P_(k-1)(x))/(2k + 1), and 1 + x for k = 0
        below = np.column_stack([-np.ones(n), values[:, : n - 1]])
        primitive = (values[:, 1:] - below) / degree
        left = primitive @ coefficients
        right = np.ascontiguousarray(left[::-1, ::-1])
        slopes = [legendre.legval(x, legendre.legder(unit)) for unit in np.eye(n)]
        derivative = np.transpose(slopes) @ coefficients
        return cls(x, weights, coefficients, left, right, derivative)


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """An interval cut into panels.

    Attributes
    ----------
    rule : Rule
        The same on every panel.
    edges : ndarray (P + 1,)
        Ascending.
    """

    rule: Rule
    edges: FloatArray

    @property
    def half(self) -> FloatArray:
        """Half the widths (P, 1)."""
        return np.diff(self.edges)[:, None] / 2

    @property
    def nodes(self) -> FloatArray:
        """The nodes (P, n)."""
        return self.edges[:-1, None] + self.half * (1 + self.rule.points)

    def derivative(self, values: FloatArray) -> FloatArray:
        """Return the derivative at the nodes of a function given at the nodes (P, n)."""
        slope: FloatArray = values @ self.rule.derivative.T / self.half
        return slope

    def primitive(self, values: FloatArray) -> FloatArray:
        """Return the integral from the left end to the nodes of a function of either sign."""
        whole = (values @ self.rule.weights) * self.half[:, 0]
        before = np.concatenate([[0.0], np.cumsum(whole)[:-1]])
        inside: FloatArray = values @ self.rule.from_left.T * self.half
        return before[:, None] + inside

    def log_from_left(self, log_values: FloatArray) -> FloatArray:
        """Return log int_left^x of a positive function at the nodes x (P, n)."""
        found = np.empty(log_values.shape)
        half = np.diff(self.edges) / 2
        _accumulate(log_values, half, self.rule.weights, self.rule.from_left, 1, found)
        return found

    def log_from_right(self, log_values: FloatArray) -> FloatArray:
        """Return log int_x^right of a positive function at the nodes x (P, n)."""
        found = np.empty(log_values.shape)
        half = np.diff(self.edges) / 2
        _accumulate(log_values, half, self.rule.weights, self.rule.from_right, -1, found)
        return found

    def log_integral(self, log_values: FloatArray) -> float:
        """Return log of the integral of a positive function over the interval."""
        top = float(log_values.max())
        scaled = np.exp(log_values - top) @ self.rule.weights
        return top + float(np.log(scaled @ self.half[:, 0]))


@kernel
def _accumulate(
    log_values: Any, half: Any, weights: Any, integrals: Any, direction: int, found: Any
) -> None:
    """Fill in the logarithms of the integrals from the end where the direction starts."""
    count, n = log_values.shape
    scaled = np.empty(n)
    before = -np.inf  # log of the integral over the panels passed
    for step in range(count):
        i = step if direction > 0 else count - 1 - step
        top = max(before, log_values[i].max())
        passed = np.exp(before - top)
        whole = 0.0
        for k in range(n):
            scaled[k] = np.exp(log_values[i, k] - top) * half[i]
            whole += weights[k] * scaled[k]
        for k in range(n):
            inside = 0.0
            for m in range(n):
                inside += integrals[k, m] * scaled[m]
            # rounding may leave the smallest integrals of a resolved panel at or below zero
            found[i, k] = top + np.log(max(passed + inside, 1e-300))
        before = top + np.log(passed + whole)


def resolved_edges(
    functions: Callable[[FloatArray], list[FloatArray]], edges: FloatArray
) -> FloatArray:
    """Return panel edges on which every function is resolved, or at most `MOST_PANELS` panels.

    Parameters
    ----------
    functions : callable
        x (m, n) -> the functions' values (m, n). The first is a logarithm, which may change by
        `LARGEST_DROP` over a panel.
    edges : ndarray (P + 1,)
        Panels to begin with, halved until the functions are resolved.
    """
    rule = Rule.of(COARSE)
    narrowest = NARROWEST * (edges[-1] - edges[0])
    left, right = edges[:-1], edges[1:]
    done = [edges[:1]]  # right ends of the panels that need not be halved
    count = 0
    while left.size:
        half = (right - left)[:, None] / 2
        nodes = left[:, None] + half * (1 + rule.points)
        halved = _unresolved(rule, functions(nodes)) & (right - left > narrowest)
        if count + left.size > MOST_PANELS:
            halved[:] = False
        done.append(right[~halved])
        count += int((~halved).sum())
        middle = (left + right)[halved] / 2
        left, right = np.append(left[halved], middle), np.append(middle, right[halved])
    return np.sort(np.concatenate(done))


def _unresolved(rule: Rule, functions: list[FloatArray]) -> Any:
    """Return which panels are too wide for one of the functions."""
    too_wide = np.ptp(functions[0], axis=1) > LARGEST_DROP
    for values in functions:
        expansion = np.abs(values @ rule.coefficients.T)
        scale = np.maximum(expansion.max(axis=1), 1e-300)
        last = expansion[:, -2:].max(axis=1)
        too_wide |= last > SMALLEST * scale * rule.points.size
    return too_wide
