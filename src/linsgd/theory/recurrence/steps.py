r"""One step of the exact recursion on means and covariances, of single modes or of all pairs.

With delta = w - w*, one step changes the mean of (delta, v) and its covariance C by

    mean' = A mean + c weight_decay w*,
    C_ij' = A_i C_ij A_j' + c c' N_ij(C_ww + mean_w mean_w', mean_w).

Covariances are kept as Cov(w, w), Cov(w, v), Cov(v, v): shape (3, d) of single modes, which
suffices for features along principal axes, or (3, d, d) of all pairs.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.recurrence.gradient_covariance import ModeNoise, Noise
from linsgd.theory.recurrence.recurrence import Coefficients


class State(NamedTuple):
    """Mean (2, d) of (delta, v) and covariance (3, d) or (3, d, d), along the eigenvectors of H."""

    mean: FloatArray
    covariance: FloatArray


@dataclass(frozen=True, eq=False)
class MeanStep:
    """The matrices of one step of the mean.

    Attributes
    ----------
    change : ndarray (d, 2, 2)
        A - I of each mode.
    c : ndarray (2,)
        The change of (w, v) by a unit of gradient.
    drift : ndarray (2, d)
        c weight_decay w*: the pull of the decay at w*.
    """

    change: FloatArray
    c: FloatArray
    drift: FloatArray

    @classmethod
    def make(
        cls, coefficients: Coefficients, curvature: FloatArray, decayed_optimum: FloatArray
    ) -> Self:
        """Evaluate the step for curvatures (d,) and weight_decay w* along the eigenvectors (d,)."""
        c = coefficients.noise_vector()
        drift = np.multiply.outer(c, decayed_optimum)
        return cls(coefficients.mode_change(curvature), c, drift)

    @cached_property
    def A(self) -> FloatArray:
        """The step matrices A (d, 2, 2)."""
        return self.change + np.eye(2)

    def mean(self, mean: FloatArray) -> FloatArray:
        """Return the means (2, d) after the step."""
        moved: FloatArray = np.einsum("iab,bi->ai", self.A, mean) + self.drift
        return moved


@dataclass(frozen=True, eq=False)
class ModeStep(MeanStep):
    """A step of single modes: means (2, d) and covariances (3, d), in O(d)."""

    @cached_property
    def transport(self) -> FloatArray:
        """The map (3, 3, d) of E w^2, E w v, E v^2 under A."""
        (p, q), (r, m) = np.moveaxis(self.A, 0, -1)
        return np.array(
            [
                [p * p, 2 * p * q, q * q],
                [p * r, p * m + q * r, q * m],
                [r * r, 2 * r * m, m * m],
            ]
        )

    @cached_property
    def noise_products(self) -> FloatArray:
        """The products c_w^2, c_w c_v, c_v^2 (3,)."""
        c_w, c_v = self.c
        return np.array([c_w**2, c_w * c_v, c_v**2])

    def __call__(self, noise: ModeNoise, state: State) -> State:
        """Return the state after the step."""
        mean, C = state
        D = C[0] + mean[0] ** 2
        added = np.multiply.outer(self.noise_products, noise.diagonal(D))
        moved = np.einsum("abi,bi->ai", self.transport, C)
        return State(self.mean(mean), moved + added)


@dataclass(frozen=True, eq=False)
class MatrixStep(MeanStep):
    """A step of all pairs of modes: means (2, d) and covariances (3, d, d)."""

    def __call__(self, noise: Noise, state: State) -> State:
        """Return the state after the step."""
        mean, (ww, wv, vv) = state
        delta = mean[0]
        D = ww + np.multiply.outer(delta, delta)
        gradient = noise(D, delta)
        # A_i C_ij A_j' with A = [[p, q], [r, s]] for every pair of modes: A_i first, by rows of C
        p, q, r, s = np.moveaxis(self.A, 0, -1).reshape(4, -1)
        p_i, q_i, r_i, s_i = (part[:, None] for part in (p, q, r, s))
        w_w = p_i * ww + q_i * wv.T
        w_v = p_i * wv + q_i * vv
        v_w = r_i * ww + s_i * wv.T
        v_v = r_i * wv + s_i * vv
        # then A_j', by columns, and c c' N_ij
        a, b = self.c
        ww = _symmetric(w_w * p + w_v * q + a**2 * gradient)
        wv = w_w * r + w_v * s + a * b * gradient
        vv = _symmetric(v_w * r + v_v * s + b**2 * gradient)
        return State(self.mean(mean), np.array([ww, wv, vv]))


def _symmetric(M: FloatArray) -> FloatArray:
    """Remove the antisymmetric rounding, which the recursion could amplify."""
    half: FloatArray = (M + M.T) / 2
    return half
