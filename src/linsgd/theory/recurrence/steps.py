r"""One step of the exact recursion on means and covariances, of the modes alone or of every pair of modes.

mean' = A mean + c weight_decay w*,        C' = A_i C A_j' + c c' N(C_ww + mean_w mean_w', mean_w).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.recurrence.gradient_covariance import MatrixNoise, ModeNoise
from linsgd.theory.recurrence.recurrence import Method


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The matrices of one step.

    Attributes
    ----------
    A : ndarray (d, 2, 2)
        Of each mode.
    c : ndarray (2,)
        What a unit of gradient adds to (w, v).
    pull : ndarray (2, d)
        c weight_decay w*, the drift towards zero that weight decay adds at w*.
    """

    A: FloatArray
    c: FloatArray
    pull: FloatArray

    @classmethod
    def make(cls, method: Method, h: FloatArray, decayed: FloatArray) -> Self:
        """Read the method at curvatures h; `decayed` is weight_decay w* along the eigenvectors (d,)."""
        c = method.noise_vector()
        return cls(method.mode_matrix(h), c, np.multiply.outer(c, decayed))

    def mean(self, mean: FloatArray) -> FloatArray:
        """Return the means (2, d) one step on."""
        moved: FloatArray = np.einsum("iab,bi->ai", self.A, mean) + self.pull
        return moved


@dataclass(frozen=True, eq=False)
class ModeStep(Step):
    """A step of the modes alone: means (2, d) and covariances (3, d), in O(d)."""

    @cached_property
    def transport(self) -> FloatArray:
        """The map (3, 3, d) of E w^2, E w v, E v^2 under A."""
        (p, q), (r, m) = np.moveaxis(self.A, 0, -1)
        return np.array(
            [[p * p, 2 * p * q, q * q], [p * r, p * m + q * r, q * m], [r * r, 2 * r * m, m * m]]
        )

    @cached_property
    def noise_products(self) -> FloatArray:
        """c_w^2, c_w c_v, c_v^2."""
        return np.array([self.c[0] ** 2, self.c[0] * self.c[1], self.c[1] ** 2])

    def __call__(
        self, noise: ModeNoise, mean: FloatArray, C: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return means and covariances one step on."""
        gradient = noise.diagonal(C[0] + mean[0] ** 2)
        moved = np.einsum("abi,bi->ai", self.transport, C) + np.multiply.outer(
            self.noise_products, gradient
        )
        return self.mean(mean), moved


@dataclass(frozen=True, slots=True, eq=False)
class MatrixStep(Step):
    """A step of every pair of modes: means (2, d) and covariances (3, d, d)."""

    def __call__(
        self, noise: MatrixNoise, mean: FloatArray, C: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return means and covariances one step on."""
        gradient = noise(C[0] + np.multiply.outer(mean[0], mean[0]), mean[0])
        ww, wv, vv = C
        blocks = np.array([[ww, wv], [wv.T, vv]])
        half = np.einsum("iab,bcij->acij", self.A, blocks)
        full = np.einsum("acij,jec->aeij", half, self.A) + np.multiply.outer(
            np.outer(self.c, self.c), gradient
        )
        return self.mean(mean), np.array(
            [_symmetric(full[0, 0]), full[0, 1], _symmetric(full[1, 1])]
        )


def _symmetric(M: FloatArray) -> FloatArray:
    """Remove the antisymmetric rounding, which the recursion could amplify."""
    half: FloatArray = (M + M.T) / 2
    return half
