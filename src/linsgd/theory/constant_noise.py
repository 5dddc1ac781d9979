r"""SGD whose gradient noise does not depend on the weights: any covariance and preconditioner.

    v' = momentum v - (H w + n),      w' = w + L v',      Cov n = C,

is linear, z' = A z + B n with z = (w, v), A = [[I - L H, momentum L], [-H, momentum I]] and B =
-(L, I). Its stationary covariance solves the discrete Lyapunov equation S = A S A' + B C B'. The
position's part satisfies (Liu, Ziyin and Ueda 2021), with mu the momentum,

    (1 - mu)(L H S + S H L) - (1 + mu^2)/(1 - mu^2) L H S H L
        + mu/(1 - mu^2) (L H L H S + S H L H L) = L C L.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_discrete_lyapunov

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.result import Guarantee, Result
from linsgd.theory.result import MomentsStatus

LARGEST = 60  # d: the equation is solved as 4 d^2 linear ones


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ConstantNoise(Result):
    """The stationary covariance under constant gradient noise.

    Attributes
    ----------
    status : MomentsStatus
        ok or unstable.
    spectral_radius : float
        Of the step matrix A; a stationary law exists below 1.
    position_covariance, velocity_covariance, cross_covariance : ndarray (d, d)
        Cov w, Cov v and Cov(w, v); nan where unstable.
    residual : float
        Of the closed equation for the position's part, relative to L C L.
    guarantee : Guarantee
        "numerical".
    """

    status: MomentsStatus
    spectral_radius: float
    position_covariance: FloatArray
    velocity_covariance: FloatArray
    cross_covariance: FloatArray
    residual: float
    guarantee: Guarantee = Guarantee.NUMERICAL


def constant_noise(
    hessian: ArrayLike, noise: ArrayLike, lr: ArrayLike, momentum: float = 0.0
) -> ConstantNoise:
    r"""Return the stationary covariance of SGD under constant gradient noise.

    Parameters
    ----------
    hessian : array_like (d, d)
        The curvature H, positive semidefinite, d at most 60.
    noise : array_like (d, d)
        Covariance C of the gradient noise, positive semidefinite; it need not commute with H.
    lr : float or array_like (d, d)
        The learning rate, or a positive definite preconditioner L.
    momentum : float
        Heavy ball's, in [0, 1).

    Returns
    -------
    ConstantNoise
        Its status says whether the law exists.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    References
    ----------
    .. [1] K. Liu, L. Ziyin, M. Ueda, "Noise and Fluctuation of Finite Learning Rate Stochastic
       Gradient Descent", ICML 2021.

    Examples
    --------
    One feature: Var w = lr C (1 + momentum)/((1 - momentum) h (2 (1 + momentum) - lr h)).

    >>> import linsgd
    >>> print(linsgd.constant_noise([[1.0]], [[1.0]], 0.5, 0.5).position_covariance.round(6))
    [[0.6]]
    """
    H = _matrix("hessian", hessian)
    d = len(H)
    C = _matrix("noise", noise)
    L = domains.real("lr", lr, "(0, 1e75]") * np.eye(d) if np.ndim(lr) == 0 else _matrix("lr", lr)
    for name, matrix in (("noise", C), ("lr", L)):
        if len(matrix) != d:
            domains.refuse(name, f"array of shape {matrix.shape}", f"shape ({d}, {d})")
    if np.linalg.eigvalsh(L)[0] <= 0:
        domains.refuse("lr", "a singular matrix", "positive definite matrices")
    mu, eye = domains.real("momentum", momentum, "[0, 1)"), np.eye(d)
    A = np.block([[eye - L @ H, mu * L], [-H, mu * eye]])
    B = -np.vstack([L, eye])
    radius = float(np.abs(np.linalg.eigvals(A)).max())
    if radius >= 1:
        unknown = np.full((d, d), np.nan)
        return _result(MomentsStatus.UNSTABLE, radius, unknown, unknown, unknown, np.nan)
    S = solve_discrete_lyapunov(A, B @ C @ B.T)
    position, cross, velocity = S[:d, :d], S[:d, d:], S[d:, d:]
    wrong = float(np.abs(closed_equation(H, C, L, mu, position)).max())
    scale = float(np.abs(L @ C @ L).max()) or 1.0
    return _result(MomentsStatus.OK, radius, position, velocity, cross, wrong / scale)


def closed_equation(
    H: FloatArray, C: FloatArray, L: FloatArray, mu: float, S: FloatArray
) -> FloatArray:
    """Return left less right side (d, d) of the closed equation for the position's covariance."""
    LH = L @ H
    first = LH @ S + S @ LH.T
    second = LH @ S @ LH.T
    third = LH @ LH @ S + S @ LH.T @ LH.T
    whole = 1 - mu**2
    left = (1 - mu) * first - (1 + mu**2) / whole * second + mu / whole * third
    difference: FloatArray = left - L @ C @ L
    return difference


def _matrix(name: str, value: ArrayLike) -> FloatArray:
    """Return a positive semidefinite matrix of at most `LARGEST` rows."""
    matrix = domains.covariance(name, value)
    if matrix.ndim != 2 or len(matrix) > LARGEST:
        domains.refuse(name, f"array of shape {matrix.shape}", f"(d, d) with d at most {LARGEST}")
    return matrix


def _result(
    status: MomentsStatus,
    radius: float,
    position: FloatArray,
    velocity: FloatArray,
    cross: FloatArray,
    residual: float,
) -> ConstantNoise:
    return ConstantNoise(
        status=status,
        spectral_radius=radius,
        position_covariance=position,
        velocity_covariance=velocity,
        cross_covariance=cross,
        residual=residual,
    )
