"""Steps on phase space: their deterministic part, the adapted norm, and the kernel that draws a batch's gradient."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.tails.moments.second_moment import SecondMoment, step_matrices
from linsgd.theory.tails.setting import Setting


class Kernel(Protocol):
    """Draws one step of many vectors."""

    def width(self, s: float) -> int:
        """Return how many numbers it holds for each vector, so that blocks of vectors can be kept in the cache."""

    def pull(
        self, state: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return H_b w (n, d) and the log likelihood ratio (n,) for unit vectors (n, 2, d)."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The deterministic part of a step, and the adapted norm."""

    fixed: FloatArray
    column: FloatArray
    form: FloatArray

    @classmethod
    def of(cls, setting: Setting, log_radius: float = 0.0) -> "Frame":
        """Return the frame for h(s)^{2/s} near exp(log_radius); Euclidean where no adapted norm is known."""
        fixed, push = step_matrices(setting)
        known = SecondMoment.of(setting)
        plain = np.multiply.outer(np.eye(2), np.ones(setting.dimension))
        return cls(fixed, push[:, 0], plain if known is None else known.form(log_radius))

    def dual(self, state: FloatArray) -> FloatArray:
        """Return Q u (n, 2, d)."""
        if self.form.ndim == 3:
            return np.stack(
                [self.form[a, 0] * state[:, 0] + self.form[a, 1] * state[:, 1] for a in (0, 1)],
                axis=1,
            )
        n, _, d = state.shape
        whole = self.form.transpose(0, 2, 1, 3).reshape(2 * d, 2 * d)
        dual: FloatArray = (state.reshape(n, 2 * d) @ whole).reshape(n, 2, d)
        return dual

    def scale(self) -> FloatArray:
        """Return the norm of each position alone (d,)."""
        diagonal: FloatArray = np.sqrt(
            self.form[0, 0] if self.form.ndim == 3 else np.diagonal(self.form[0, 0])
        )
        return diagonal

    def squared(self, state: FloatArray) -> FloatArray:
        """Return |u|^2 (n,)."""
        return dot(state.reshape(len(state), -1), self.dual(state).reshape(len(state), -1))

    def drift(self, state: FloatArray) -> FloatArray:
        """Return the next state without the gradient (n, 2, d)."""
        w, v = state[:, 0], state[:, 1]
        return np.stack([self.fixed[a, 0] * w + self.fixed[a, 1] * v for a in (0, 1)], axis=1)

    def moved(self, state: FloatArray, pull: FloatArray) -> FloatArray:
        """Return the next state (n, 2, d)."""
        return self.drift(state) + self.column[:, None] * pull[:, None]


def dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the inner products (n,) of the rows of two arrays (n, d)."""
    product: FloatArray = np.einsum("ni,ni->n", a, b)
    return product
