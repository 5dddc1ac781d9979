"""Steps on phase space: their deterministic part, and the adapted norm of the second moment."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.tails.moments.second_moment import SecondMoment, step_matrices
from linsgd.theory.tails.setting import Setting


class StepSampler(Protocol):
    """Draws the gradient of one random batch for each of many vectors."""

    def width(self, s: float) -> int:
        """Return how many numbers are held for each vector, so that blocks fit the cache."""

    def gradients(
        self, state: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Draw a batch for each vector, by a law suited to the moment of order s.

        Parameters
        ----------
        state : ndarray (n, 2, d)
            Vectors (w, v) of unit norm.
        s : float
            Order.
        rng : numpy.random.Generator
            Source of random numbers.

        Returns
        -------
        gradient : ndarray (n, d)
            H_b w.
        log_ratio : ndarray (n,)
            Log likelihood ratio of the batch's law over the law that was drawn from.
        """


@dataclass(frozen=True, slots=True, eq=False)
class AdaptedNorm:
    """The adapted norm |u|^2 = u'Q u on phase space, and the deterministic part of a step.

    Attributes
    ----------
    fixed : ndarray (2, 2)
        M0, the step of (w, v) without gradient.
    column : ndarray (2,)
        What a gradient adds to (w, v).
    form : ndarray (2, 2, d) or (2, 2, d, d)
        Q.
    """

    fixed: FloatArray
    column: FloatArray
    form: FloatArray

    @classmethod
    def of(cls, setting: Setting, log_radius: float = 0.0) -> "AdaptedNorm":
        """Return the norm for h(s)^{2/s} near exp(log_radius); Euclidean where none is known."""
        fixed, push = step_matrices(setting)
        known = SecondMoment.of(setting)
        if known is None:
            form = np.multiply.outer(np.eye(2), np.ones(setting.dimension))
        else:
            form = known.form(log_radius)
        return cls(fixed, push[:, 0], form)

    def dual(self, state: FloatArray) -> FloatArray:
        """Return Q u (n, 2, d) of vectors (n, 2, d)."""
        if self.form.ndim == 3:  # Q is diagonal in the modes
            return _by_blocks(self.form, state)
        n, _, d = state.shape
        Q = self.form.transpose(0, 2, 1, 3).reshape(2 * d, 2 * d)
        flat = state.reshape(n, 2 * d) @ Q
        dual: FloatArray = flat.reshape(n, 2, d)
        return dual

    def scale(self) -> FloatArray:
        """Return the norm of a unit of each position alone (d,)."""
        position = self.form[0, 0]
        squared = position if position.ndim == 1 else np.diagonal(position)
        scale: FloatArray = np.sqrt(squared)
        return scale

    def squared(self, state: FloatArray) -> FloatArray:
        """Return |u|^2 (n,) of vectors (n, 2, d)."""
        n = len(state)
        return dot(state.reshape(n, -1), self.dual(state).reshape(n, -1))

    def drift(self, state: FloatArray) -> FloatArray:
        """Return M0 u (n, 2, d), the next state without the gradient."""
        return _by_blocks(self.fixed, state)

    def moved(self, state: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the next state (n, 2, d), given H_b w (n, d)."""
        return self.drift(state) + self.column[:, None] * gradient[:, None]


def _by_blocks(matrix: FloatArray, state: FloatArray) -> FloatArray:
    """Return the products of a 2 x 2 matrix, of numbers or of diagonals (d,), and (w, v)."""
    w = state[:, 0]
    v = state[:, 1]
    position = matrix[0, 0] * w + matrix[0, 1] * v
    velocity = matrix[1, 0] * w + matrix[1, 1] * v
    return np.stack([position, velocity], axis=1)


def dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the inner products (n,) of the rows of two arrays (n, d)."""
    product: FloatArray = np.einsum("ni,ni->n", a, b)
    return product
