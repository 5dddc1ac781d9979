"""The chain of positions on Gauss panels, at one resolution."""

import itertools
from functools import cached_property

import numpy as np
from numpy.polynomial import legendre
from scipy.sparse.linalg import ArpackNoConvergence, eigs

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.theory.fokker_planck.elimination import eliminated, solved, stationary_law
from linsgd.theory.fokker_planck.jumps import Jumps, rest

NODES = 16  # a panel
RESOLVED = 2.0  # least noise over the mean distance of nodes: I_16(4) = 3e-9
ITERATIONS = 500
CONVERGED = 1e-14  # relative change of an eigenvalue in an iteration
EIGENVECTOR = 1e-5  # its relative residual then, about the root of that
LARGEST = 8  # eigenvalues looked at
LEAST_OTHER = 1e-8  # of 1 - |mu|, which is found by subtraction, for the solution's tolerance


class PositionChain:
    """The chain between the nodes of panels.

    Parameters
    ----------
    jumps : Jumps
        The step.
    low, high : float
        The domain.
    count : int
        About the number of nodes.
    cuts : tuple of float
        Points of the domain that are to be edges of panels.
    """

    def __init__(
        self, jumps: Jumps, low: float, high: float, count: int, cuts: tuple[float, ...]
    ) -> None:
        self.jumps, self.low, self.high = jumps, low, high
        self.spacing = (high - low) / count
        ends = [low, *sorted(cuts), high]
        edges = [low]
        for a, b in itertools.pairwise(ends):
            panels = max(1, round((b - a) / (NODES * self.spacing)))
            edges += np.linspace(a, b, panels + 1)[1:].tolist() if b > a else []
        points, weights = legendre.leggauss(NODES)
        half = np.diff(edges)[:, None] / 2
        self.nodes: FloatArray = (np.array(edges[:-1])[:, None] + half * (1 + points)).ravel()
        self.weights: FloatArray = (half * weights).ravel()
        self.widened = RESOLVED * self.spacing
        least = float(jumps.spread(self.nodes, self.widened).min())
        if least < self.widened:
            known = f"[{self.widened:.3g}, inf): more points resolve less noise"
            domains.refuse("std", least, known)

    @cached_property
    def P(self) -> FloatArray:
        """The transition probabilities (M, M)."""
        return self.jumps.transitions(self.nodes, self.nodes, self.weights, self.widened)

    @cached_property
    def stationary(self) -> FloatArray:
        """The stationary probabilities (M,)."""
        return stationary_law(self.P, self._toward(rest(self.jumps, self.nodes)))

    def leak(self) -> float:
        """Return the stationary probability that a step would end beyond the domain."""
        return float(self.stationary @ self.jumps.beyond(self.nodes, self.low, self.high))

    def occupation(self, low: float, high: float) -> float:
        """Return the stationary probability between two edges."""
        return float(self.stationary[(self.nodes > low) & (self.nodes < high)].sum())

    def passage(self, start: float, target: float) -> float:
        """Return the mean number of steps from `start` until beyond `target`, an edge."""
        alive = self.nodes < target if start < target else self.nodes > target
        order = self._toward(target)
        order = order[alive[order]]
        times = solved(eliminated(self.P, order), np.ones(order.size))
        origin = np.array([start])
        first = self.jumps.transitions(origin, self.nodes, self.weights, self.widened)[0]
        return 1 + float(first[order] @ times)

    def gap(self) -> float:
        """Return 1 - |mu| of the second eigenvalue mu, or nan where it is not found.

        The mu nearest to 1 comes without subtraction; among the others, which may be negative or
        complex, one may be larger in modulus.
        """
        slow = self._slowest()
        start = np.cos(np.arange(self.nodes.size))
        try:
            values = eigs(self.P, LARGEST, v0=start, return_eigenvectors=False)
        except ArpackNoConvergence:
            return np.nan
        nearest = values[np.argsort(abs(1 - values))]
        others = 1 - abs(nearest[2:] if np.isfinite(slow) else nearest[1:])
        other = float(others.min())
        if slow <= other:
            return slow
        return other if other > LEAST_OTHER else np.nan

    def _slowest(self) -> float:
        """Return 1 - mu of the mu nearest to 1, or nan where it is complex.

        By inverse iteration, killed at the most probable point.
        """
        law = self.stationary
        order = self._toward(float(self.nodes[law.argmax()]))[1:]
        factors = eliminated(self.P, order)
        u = np.zeros(self.nodes.size)
        u[order] = solved(factors, np.ones(order.size))
        u -= law @ u
        before = 0.0
        for _ in range(ITERATIONS):
            u /= np.sqrt(law @ u**2)
            image = np.zeros(u.size)
            # (I - P)^-1 on functions that vanish at the root, of mean-free u
            image[order] = solved(factors, u[order])
            image -= law @ image
            growth = float(law @ (u * image))
            if abs(growth - before) < CONVERGED * abs(growth):
                residual = np.sqrt(law @ (image - growth * u) ** 2)
                return 1 / growth if residual < EIGENVECTOR * growth else np.nan
            u, before = image, growth
        return np.nan

    def _toward(self, goal: float) -> IntArray:
        """Return the nodes in the order of their distance from the goal.

        Elimination takes the last first: a far point leaves towards the goal, with a probability
        that does not underflow.
        """
        return np.argsort(np.abs(self.nodes - goal), kind="stable")
