r"""SGD on linear regression as a linear recursion with random coefficients, one eigen-direction of H at a time.

With theta = w - mu (mu the regularised solution), h = rho + weight_decay for an eigenvalue rho of
H, and xi the gradient noise, one step is z' = A(h) z + c xi for z = (theta, v), where

    A(h) = [[1 - lr a h, lr momentum], [-a h, momentum]],                              c = -a (lr, 1),
    A(h) = [[1 - lr (1 + momentum) h, lr momentum^2], [-h, momentum]],  (Nesterov)     c = -(lr (1 + momentum), 1),

and a = 1 - dampening. If xi_i, xi_j had unit covariance, the stationary covariance of modes i and j
would be the solution P of P = A(h_i) P A(h_j)' + c c', rational in closed form (`unit_response`).
The noise is not given: its covariance N depends linearly on the second moment D = E[(w - w*)(w -
w*)'] (`linsgd.theory.recurrence.gradient_covariance`). So stationary moments exist if and only if
the mean is stable and the spectral radius of the positive operator

    K M = P o N_1(M)        (o entrywise; N_1 the homogeneous part of N)

is below one. N_1 is self-adjoint and P is positive, so K is similar to a symmetric operator. For
features along principal axes the diagonal of K is diagonal plus rank one, which gives everything in
O(d).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.theory.recurrence.gradient_covariance import MatrixNoise, ModeNoise


@dataclass(frozen=True, slots=True)
class Method:
    """The scalars of the optimizer that enter the recursion, with lr free to vary.

    Attributes
    ----------
    lr, momentum : float
        As in `SGD`.
    gradient_weight : float
        a = 1 - dampening.
    nesterov : bool
        Whether the gradient step looks ahead.
    """

    lr: float
    momentum: float
    gradient_weight: float
    nesterov: bool

    @classmethod
    def of(cls, sgd: SGD) -> "Method":
        """Read the scalars of `sgd`."""
        return cls(sgd.lr, sgd.momentum, sgd.gradient_weight, sgd.nesterov)

    def at(self, lr: float) -> "Method":
        """Return the same method at another learning rate."""
        return replace(self, lr=lr)

    def undampened(self) -> "Method":
        """Return the update of a fresh optimizer's first step, whose buffer is the whole gradient."""
        return replace(self, gradient_weight=1.0)

    def noise_vector(self) -> FloatArray:
        """Return c (2,): what one unit of gradient noise adds to (w, v)."""
        if self.nesterov:
            return np.array([-self.lr * (1 + self.momentum), -1.0])
        return np.array([-self.lr * self.gradient_weight, -self.gradient_weight])

    def mode_matrix(self, h: FloatArray) -> FloatArray:
        """Return A(h) (..., 2, 2) for curvatures h (...)."""
        c, m = self.noise_vector(), self.momentum
        pull = self.lr * m * (m if self.nesterov else 1.0)
        A = np.empty((*h.shape, 2, 2))
        A[..., 0, 0], A[..., 0, 1] = 1 + c[0] * h, pull
        A[..., 1, 0], A[..., 1, 1] = c[1] * h, m
        return A

    def largest_stable_curvature(self) -> float:
        """Return the h beyond which the mean of a mode diverges."""
        m = self.momentum
        return 2 * (1 + m) / (self.lr * (1 + 2 * m if self.nesterov else self.gradient_weight))


def unit_response(h: FloatArray, k: FloatArray, method: Method) -> FloatArray:
    """Stationary covariance of two modes driven by common noise of unit variance.

    Parameters
    ----------
    h, k : ndarray (...)
        Curvatures of the two modes, at least 0, both stable.
    method : Method
        The optimizer's scalars.

    Returns
    -------
    ndarray (4, ...)
        E[w_h w_k], E[w_h v_k], E[v_h w_k], E[v_h v_k]; zero where both curvatures are.
    """
    lr, m, a = method.lr, method.momentum, method.gradient_weight
    total, product = h + k, h * k
    if method.nesterov:
        scale = (1 - m) ** 2 * (1 + m) * total + lr * (
            m * (1 + m - m**2) * total**2
            - (1 + m**2 + 2 * m**3) * product
            + lr * m * product * ((3 * m**2 - 1) * total - lr * m * (1 + 2 * m) * product)
        )
        lookahead = lr * m * (1 + 2 * m) * product
        moments = [
            lr * (1 - m**2 + lr * m * ((1 + m - m**2) * total + lookahead)),
            lr * ((1 + m) * h - m**2 * total + lookahead),
            lr * ((1 + m) * k - m**2 * total + lookahead),
            (1 - m) * total + 2 * m * lr * product,
        ]
    else:
        scale = (1 - m) ** 2 * (1 + m) * total + a * lr * (
            m * (h - k) ** 2 - (1 - m) ** 2 * product
        )
        moments = [
            a * lr * (1 - m**2) + 0 * total,
            a**2 * lr * (h - m * k),
            a**2 * lr * (k - m * h),
            a**2 * (1 - m) * total,
        ]
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale != 0)
    return np.stack([moment * inverse for moment in moments])


def position_response(h: FloatArray, method: Method) -> FloatArray:
    """Return P of every pair of modes, position with position (d, d)."""
    shape = (h.size, h.size)
    position: FloatArray = unit_response(
        np.broadcast_to(h[:, None], shape), np.broadcast_to(h, shape), method
    )[0]
    return position


def mode_gains(noise: ModeNoise, h: FloatArray, method: Method) -> tuple[float, float]:
    """Return the largest own gain of a mode and the gain G of the feedback through T.

    K has spectral radius below one if and only if both are below one; G alone passes one again
    beyond its first pole.
    """
    response = noise.eigenvalues**2 * unit_response(h, h, method)[0]
    own = noise.own * response
    worst = float(own.max())
    return worst, float(np.sum(noise.common * response / (1 - own))) if worst < 1 else np.inf


def spectral_radius(noise: MatrixNoise, h: FloatArray, method: Method) -> float:
    """Return the spectral radius of K, whose symmetric form is M -> P^{1/2} o N_1(P^{1/2} o M)."""
    root = np.sqrt(position_response(h, method))
    if not noise.homogeneous(np.diag(root.diagonal())).any():
        return 0.0
    return largest_eigenvalue(lambda M: root * noise.homogeneous(root * M), h.size)


def largest_eigenvalue(operator: Callable[[FloatArray], FloatArray], d: int) -> float:
    """Return the largest eigenvalue of a self-adjoint operator on symmetric matrices (d, d), by Lanczos."""
    if d == 1:
        return float(operator(np.ones((1, 1)))[0, 0])

    def on_symmetric(x: FloatArray) -> FloatArray:
        M = x.reshape(d, d)
        return operator((M + M.T) / 2).ravel()

    linear = LinearOperator((d * d, d * d), matvec=on_symmetric, dtype=np.float64)
    start = np.eye(d).ravel()
    return float(eigsh(linear, k=1, which="LA", v0=start, return_eigenvectors=False)[0])
