r"""Gauss panels on an interval, and integrals of positive functions that span many decades.

A function is known by its logarithm at the n Gauss nodes of every panel. Its integral from either
end of the interval to each node is the sum of whole panels and of the integral of the local
interpolant, both positive, added as logarithms: nothing is subtracted, so that a tail of 10^-300
has the relative accuracy of the whole.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre

from linsgd.domains import FloatArray

FINE, COARSE = 16, 12  # nodes a panel; what they give differs by the error of the coarse
SMALLEST = 1e-13  # Legendre coefficients at the end of an expansion, where it is resolved
LARGEST_DROP = 8.0  # of a logarithm over a panel
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
    def of(cls, n: int) -> "Rule":
        """Return the rule of n nodes."""
        x, w = legendre.leggauss(n)
        values = legendre.legvander(x, n)  # P_k(x_i), k = 0..n
        k = np.arange(n)
        coefficients = (2 * k[:, None] + 1) / 2 * values[:, :n].T * w
        # int_-1^x P_k = (P_(k+1)(x) - P_(k-1)(x))/(2k + 1), and 1 + x for k = 0
        below = np.column_stack([-np.ones(n), values[:, : n - 1]])
        primitive = (values[:, 1:] - below) / (2 * k + 1)
        left = primitive @ coefficients
        slopes = np.array([legendre.legval(x, legendre.legder(e)) for e in np.eye(n)]).T
        return cls(x, w, coefficients, left, left[::-1, ::-1].copy(), slopes @ coefficients)


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
        return self._log_cumulative(log_values, self.rule.from_left, forward=True)

    def log_from_right(self, log_values: FloatArray) -> FloatArray:
        """Return log int_x^right of a positive function at the nodes x (P, n)."""
        return self._log_cumulative(log_values, self.rule.from_right, forward=False)

    def log_integral(self, log_values: FloatArray) -> float:
        """Return log of the integral of a positive function over the interval."""
        return float(np.logaddexp.reduce(self._log_whole(log_values)))

    def _log_whole(self, log_values: FloatArray) -> FloatArray:
        top = log_values.max(axis=1)
        scaled = np.exp(log_values - top[:, None]) @ self.rule.weights
        whole: FloatArray = top + np.log(scaled * self.half[:, 0])
        return whole

    def _log_cumulative(
        self, log_values: FloatArray, integrals: FloatArray, *, forward: bool
    ) -> FloatArray:
        top = log_values.max(axis=1)[:, None]
        inside = np.exp(log_values - top) @ integrals.T * self.half
        whole = self._log_whole(log_values)
        ordered = whole if forward else whole[::-1]
        before = np.concatenate([[-np.inf], np.logaddexp.accumulate(ordered)[:-1]])
        outside = before if forward else before[::-1]
        # rounding may leave the smallest integrals of a resolved panel at or below zero
        positive = np.maximum(inside, np.finfo(float).tiny)
        return np.asarray(np.logaddexp(outside[:, None], top + np.log(positive)))


def resolved_edges(
    functions: Callable[[FloatArray], list[FloatArray]], low: float, high: float, pieces: int
) -> FloatArray:
    """Return panel edges on which every function is resolved; None of them if that fails.

    Parameters
    ----------
    functions : callable
        x (m, n) -> the functions' values (m, n). The first is a logarithm, which may change by
        `LARGEST_DROP` over a panel.
    low, high : float
        The interval.
    pieces : int
        Panels to begin with.
    """
    rule = Rule.of(FINE)
    edges = np.linspace(low, high, pieces + 1)
    while True:
        panels = Panels(rule, edges)
        values = functions(panels.nodes)
        coarse = np.ptp(values[0], axis=1) > LARGEST_DROP
        for each in values:
            expansion = np.abs(each @ rule.coefficients.T)
            scale = np.maximum(expansion.max(axis=1), 1e-300)
            coarse |= expansion[:, -2:].max(axis=1) > SMALLEST * scale * FINE
        width = np.diff(edges)
        coarse &= width > 1e-10 * (high - low)
        if not coarse.any() or edges.size > MOST_PANELS:
            return edges
        middle = (edges[:-1] + edges[1:])[coarse] / 2
        edges = np.sort(np.concatenate([edges, middle]))
