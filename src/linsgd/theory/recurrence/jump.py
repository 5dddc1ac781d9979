r"""Moments at a far step without walking there, for features along principal axes.

On the 3 d covariances C of the modes and, for each mode, the six products r of its means (delta, v,
1), one step is

    C' = T C + F r,        r' = B r,

with T and F full through the feedback T of `linsgd.theory.recurrence.gradient_covariance`, and B
acting mode by mode. Two steps are the same with T T, T F + F B, B B: k steps cost O(d^3 log k).
"""

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.recurrence.gradient_covariance import ModeNoise
from linsgd.theory.recurrence.steps import ModeStep

_LEFT, _RIGHT = np.array([[0, 0], [0, 1], [1, 1], [0, 2], [1, 2], [2, 2]]).T


class Jump:
    """Powers of one step, by repeated squaring."""

    def __init__(self, step: ModeStep, noise: ModeNoise) -> None:
        self._squares = [(*_covariance_maps(step, noise), _product_map(step))]

    def __call__(
        self, mean: FloatArray, C: FloatArray, count: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return means (2, d) and covariances (3, d) after `count` steps."""
        d = C.shape[1]
        extended = np.vstack([mean, np.ones(d)])
        r, flat = extended[_LEFT] * extended[_RIGHT], C.ravel()
        for bit in range(count.bit_length()):
            if bit == len(self._squares):
                self._squares.append(_square(*self._squares[-1]))
            if count >> bit & 1:
                T, F, B = self._squares[bit]
                flat = T @ flat + F.reshape(3 * d, 6 * d) @ r.ravel()
                r = np.einsum("ipq,qi->pi", B, r)
        return r[3:5], flat.reshape(3, d)


def _covariance_maps(step: ModeStep, noise: ModeNoise) -> tuple[FloatArray, FloatArray]:
    """Return T (3d, 3d) and F (3d, 6, d)."""
    rho, i = noise.eigenvalues, np.arange(noise.eigenvalues.size)
    gradient = noise.common * np.multiply.outer(rho, rho) + np.diag(noise.own * rho**2)
    d, products = rho.size, step.noise_products
    T = np.zeros((3, d, 3, d))
    T[:, i, :, i] = np.moveaxis(step.transport, -1, 0)
    T[:, :, 0] += np.multiply.outer(products, gradient)
    F = np.zeros((3, d, 6, d))
    F[:, :, 0] = np.multiply.outer(products, gradient)
    F[:, i, 5, i] = np.multiply.outer(products, noise.label * rho)
    return T.reshape(3 * d, 3 * d), F.reshape(3 * d, 6, d)


def _product_map(step: ModeStep) -> FloatArray:
    """Return B (d, 6, 6), the symmetric square of the affine step of (delta, v, 1)."""
    affine = np.zeros((len(step.A), 3, 3))
    affine[:, :2, :2], affine[:, :2, 2], affine[:, 2, 2] = step.A, step.pull.T, 1.0
    one, other = affine[:, _LEFT], affine[:, _RIGHT]
    B: FloatArray = one[:, :, _LEFT] * other[:, :, _RIGHT]
    crossed = one[:, :, _RIGHT] * other[:, :, _LEFT]
    B[:, :, _LEFT != _RIGHT] += crossed[:, :, _LEFT != _RIGHT]
    return B


def _square(
    T: FloatArray, F: FloatArray, B: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    d = len(B)
    driven = (T @ F.reshape(3 * d, 6 * d)).reshape(3 * d, 6, d) + np.einsum("xpi,ipq->xqi", F, B)
    return T @ T, driven, B @ B
