r"""Observables of a chain, computed from its snapshots z = (w, v) of shape (K, n, 2d).

Nearly every claim measures a linear or a quadratic form of one snapshot; events compare such a form
with a threshold that is stated beforehand. All are plain data, so that they travel to other
processes.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from linsgd.domains import FloatArray


class Observable(Protocol):
    """A function from snapshots (K, n, 2d) to one row a chain (n, m)."""

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """(z - centre)' directions (n, m) of the snapshot at index `at`."""

    centre: FloatArray
    directions: FloatArray
    at: int = -1

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        return np.asarray(states[self.at] - self.centre) @ self.directions


@dataclass(frozen=True, slots=True, eq=False)
class Quadratic:
    """A quadratic form (n, m) as a sum of p products.

    With y = z - centre at one snapshot, sum_p (y'left_p) (y'right_p) weights_pm.

    Attributes
    ----------
    centre : ndarray (2d,)
        Subtracted from the state.
    left, right : ndarray (2d, p)
        The factors of each product.
    weights : ndarray (p, m)
        How the products add up to m observables.
    at : int
        Index of the snapshot.
    """

    centre: FloatArray
    left: FloatArray
    right: FloatArray
    weights: FloatArray
    at: int = -1

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        z = states[self.at] - self.centre
        products: FloatArray = ((z @ self.left) * (z @ self.right)) @ self.weights
        return products


@dataclass(frozen=True, slots=True, eq=False)
class LaggedProduct:
    """((z_earlier - centre)'left * (z_later - centre)'right) weights (n, m), two snapshots."""

    centre: FloatArray
    left: FloatArray
    right: FloatArray
    weights: FloatArray
    earlier: int
    later: int

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        before, after = states[self.earlier] - self.centre, states[self.later] - self.centre
        products: FloatArray = ((before @ self.left) * (after @ self.right)) @ self.weights
        return products


@dataclass(frozen=True, slots=True, eq=False)
class Displacement:
    """weight |directions'(z_later - z_earlier)|^2 between two snapshots (n, 1)."""

    directions: FloatArray
    earlier: int
    later: int
    weight: float

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        moved = (states[self.later] - states[self.earlier]) @ self.directions
        squares: FloatArray = self.weight * np.sum(moved**2, axis=1, keepdims=True)
        return squares


@dataclass(frozen=True, slots=True, eq=False)
class Exceeds:
    """1 where an observable is larger than its threshold, else 0 (n, m)."""

    observable: Observable
    thresholds: FloatArray

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        return (self.observable(states) > self.thresholds).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Several observables side by side (n, m_1 + m_2 + ...)."""

    parts: tuple[Observable, ...]

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        return np.concatenate([part(states) for part in self.parts], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Total:
    """A weighted sum of observables of equal length (n, m)."""

    parts: tuple[Observable, ...]
    weights: tuple[float, ...]

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        terms = [
            weight * part(states) for weight, part in zip(self.weights, self.parts, strict=True)
        ]
        total: FloatArray = np.sum(terms, axis=0)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """An observable of chains whose weight is the last column of the states (n, m)."""

    observable: Observable

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain times its weight (n, m)."""
        weighted: FloatArray = self.observable(states[..., :-1]) * states[-1][:, -1:]
        return weighted
