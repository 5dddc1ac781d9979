r"""Modified loss, probability current, temperatures and entropy production of the stationary Langevin law.

With P the stationary covariance of zeta = (w - mu, v), A the drift and D half the noise intensity,
per step,

    p(zeta) ~ exp(-Phi / T),    Phi = (T/2) zeta' P^{-1} zeta,    J = (-A + D P^{-1}) zeta p.

Where modes do not share noise J = (lr v, -(z/lr) (w - mu)) p: every mode rotates along the ellipses
of Phi at sqrt(z) a step, from w > mu to v < 0, also where it is overdamped.

Under time reversal v changes sign, and the irreversible part of J is (-G v + D_vv (P^{-1} zeta)_v)
p, G = 2 u. Its dissipation, with (P^{-1} P)_vv = I and tr(D_vv (P^{-1})_vv) = G d from
stationarity, is

    Sigma = G (G tr(D_vv^{-1} P_vv) - d) = -G sum_ij (D_vv^{-1})_ij (D_vv)_ij k_ij / (1 + k_ij) >=
    0, k_ij = (z_i - z_j)^2 / (2 G^2 (z_i + z_j)),

in nats a step: zero if and only if the noise does not correlate modes of different stiffness, that
is, commutes with H. The modes may have any temperatures; they exchange no heat then.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.result import Result, Status
from linsgd.theory.langevin.phase_space import Modes, mismatch


class DissipationStatus(Status):
    """Whether an entropy production exists."""

    OK = "ok"
    NULL_SPACE = "null_space"  # some modes have neither force nor noise: those that have both
    SINGULAR_NOISE = (
        "singular_noise"  # the noise has lower rank than the modes it correlates: infinite
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class EntropyProduction(Result):
    """Stationary entropy production.

    Attributes
    ----------
    value : float
        Nats a step, >= 0; inf where the noise is singular and does not commute with H.
    error : float
        Absolute error (numerical), from the condition of the noise.
    status : DissipationStatus
        What the value means.
    """

    value: float
    error: float
    status: DissipationStatus


def modified_loss(
    modes: Modes, temperature: float, position: FloatArray, velocity: FloatArray
) -> FloatArray:
    """Return Phi at points (..., d) along the eigenvectors; inf off the support of the stationary law."""
    zeta = np.concatenate([position, velocity], axis=-1)
    if modes.intensity.ndim == 1:
        xx, _, vv = modes.stationary_variance()
        return temperature * energy(zeta, np.concatenate([xx, vv]))
    return temperature * energy(zeta, stationary_matrix(modes))


def energy(zeta: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return zeta' covariance^{-1} zeta / 2 (...) of points (..., n), covariance (n,) or (n, n); inf off its range."""
    if covariance.ndim == 1:
        return _half_square(zeta, covariance)
    own = np.diagonal(covariance)
    scale = np.where(own > 0, np.sqrt(own), 1.0)
    variances, axes = np.linalg.eigh(covariance / np.multiply.outer(scale, scale))
    rounding = len(own) * np.finfo(float).eps
    return _half_square(zeta / scale @ axes, np.where(variances > rounding, variances, 0.0))


def current(modes: Modes, position: FloatArray, velocity: FloatArray) -> FloatArray:
    """Return J / p (..., 2, d) at points (..., d) along the eigenvectors: the change of w and of v a step."""
    lr, z = modes.lr, modes.stiffness
    flow_w = lr * velocity
    if modes.intensity.ndim == 1:
        return np.stack([flow_w, -z / lr * position], axis=-2)
    zeta = np.concatenate([position, velocity], axis=-1)
    force = np.linalg.solve(stationary_matrix(modes), zeta[..., None])[..., 0][..., z.size :]
    half = modes.intensity / lr**2 / 2
    return np.stack(
        [flow_w, -z / lr * position - 2 * modes.damping * velocity + force @ half], axis=-2
    )


def entropy_production(modes: Modes) -> EntropyProduction:
    """Return the entropy that the stationary state produces a step."""

    def share() -> FloatArray:
        k = mismatch(modes.stiffness, modes.damping)
        return 2 * modes.damping * k / (1 + k)

    return exchange(modes.intensity, share, modes.stiffness > 0)


def exchange(
    noise: FloatArray, share: Callable[[], FloatArray], bound: NDArray[np.bool_]
) -> EntropyProduction:
    """Return -sum_ij (noise^{-1})_ij noise_ij share_ij over the modes that are `bound` and have noise.

    Parameters
    ----------
    noise : ndarray (d,) or (d, d)
        Covariance, up to a factor.
    share : callable
        Returns what each correlated pair dissipates (d, d); asked only where modes share noise.
    bound : ndarray of bool (d,)
        The modes with a force.

    Returns
    -------
    EntropyProduction
        0 without correlation; inf where the noise between bound modes is singular.
    """
    own = noise if noise.ndim == 1 else np.diagonal(noise)
    alive = (own > 0) & bound
    status = DissipationStatus.OK if alive.all() else DissipationStatus.NULL_SPACE
    if noise.ndim == 1:
        return EntropyProduction(value=0.0, error=0.0, status=status)
    root, pairs = np.sqrt(own[alive]), np.ix_(alive, alive)
    correlation = noise[pairs] / np.multiply.outer(root, root)
    shared = correlation * share()[pairs]
    if not shared.any():
        return EntropyProduction(value=0.0, error=0.0, status=status)
    if np.linalg.cond(correlation) > 1 / np.finfo(float).eps:
        return EntropyProduction(value=np.inf, error=0.0, status=DissipationStatus.SINGULAR_NOISE)
    terms = np.linalg.inv(correlation) * shared
    error = 4 * np.finfo(float).eps * np.linalg.cond(correlation) * float(np.abs(terms).sum())
    return EntropyProduction(value=max(-float(terms.sum()), 0.0), error=error, status=status)


def stationary_matrix(modes: Modes) -> FloatArray:
    """Return the stationary covariance of (w, v) (2d, 2d) along the eigenvectors."""
    domains.matrix_size("a (2d, 2d) covariance", modes.stiffness.size)
    xx, xv, vv = modes.stationary_blocks()
    return np.block([[xx, xv], [xv.T, vv]])


def _half_square(values: FloatArray, variances: FloatArray) -> FloatArray:
    off_support = np.where(np.abs(values) > 1e-12, np.inf, 0.0)
    total: FloatArray = np.sum(
        np.divide(values**2, variances, out=off_support, where=variances > 0), axis=-1
    )
    return total / 2
