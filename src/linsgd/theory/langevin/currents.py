r"""Modified loss, probability current, temperatures and entropy production of the stationary Langevin law.

With P the stationary covariance of zeta = (w - mu, v), A the drift and D half the noise intensity, per step,

    p(zeta) ~ exp(-Phi / T),    Phi = (T/2) zeta' P^{-1} zeta,    J = (-A + D P^{-1}) zeta p.

Where modes do not share noise J = (lr v, -(z/lr) (w - mu)) p: every mode rotates along the ellipses of Phi at sqrt(z)
a step, from w > mu to v < 0, also where it is overdamped.

Under time reversal v changes sign, and the irreversible part of J is (-G v + D_vv (P^{-1} zeta)_v) p, G = 2 u. Its
dissipation, with (P^{-1} P)_vv = I and tr(D_vv (P^{-1})_vv) = G d from stationarity, is

    Sigma = G (G tr(D_vv^{-1} P_vv) - d) = -G sum_ij (D_vv^{-1})_ij (D_vv)_ij k_ij / (1 + k_ij) >= 0,
    k_ij = (z_i - z_j)^2 / (2 G^2 (z_i + z_j)),

in nats a step: zero if and only if the noise does not correlate modes of different stiffness, that is, commutes with
H. The modes may have any temperatures; they exchange no heat then.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.result import Result, Status
from linsgd.theory.langevin.phase_space import Modes, mismatch


class DissipationStatus(Status):
    """Whether an entropy production exists."""

    OK = "ok"
    NULL_SPACE = "null_space"  # some modes have neither force nor noise: those that have both
    SINGULAR_NOISE = "singular_noise"  # noise of lower rank than the modes it correlates: infinite


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


def modified_loss(modes: Modes, temperature: float, position: FloatArray, velocity: FloatArray) -> FloatArray:
    """Return Phi at points (..., d) along the eigenvectors; inf off the support of the stationary law."""
    if modes.intensity.ndim == 1:
        xx, _, vv = modes.stationary_variance()
        energy: FloatArray = _square(position, xx) + _square(velocity, vv)
        return temperature / 2 * energy
    zeta, (axes, variances) = np.concatenate([position, velocity], axis=-1), _principal(modes)
    scale = np.sqrt(np.diagonal(stationary_matrix(modes)))
    scaled = np.divide(zeta, scale, out=np.where(zeta == 0, 0.0, np.inf), where=scale > 0)
    outside = ~np.isfinite(scaled).all(axis=-1)
    inside: FloatArray = _square(np.where(outside[..., None], 0.0, scaled) @ axes, variances)
    return temperature / 2 * np.where(outside, np.inf, inside)


def current(modes: Modes, position: FloatArray, velocity: FloatArray) -> FloatArray:
    """Return J / p (..., 2, d) at points (..., d) along the eigenvectors: the change of w and of v a step."""
    lr, z = modes.lr, modes.stiffness
    flow_w = lr * velocity
    if modes.intensity.ndim == 1:
        return np.stack([flow_w, -z / lr * position], axis=-2)
    zeta = np.concatenate([position, velocity], axis=-1)
    force = np.linalg.solve(stationary_matrix(modes), zeta[..., None])[..., 0][..., z.size :]
    half = modes.intensity / lr**2 / 2
    return np.stack([flow_w, -z / lr * position - 2 * modes.damping * velocity + force @ half], axis=-2)


def entropy_production(modes: Modes) -> EntropyProduction:
    """Return the entropy that the stationary state produces a step."""
    own = modes.own_intensity
    alive = (own > 0) & (modes.stiffness > 0)
    status = DissipationStatus.OK if alive.all() else DissipationStatus.NULL_SPACE
    if modes.intensity.ndim == 1:
        return EntropyProduction(value=0.0, error=0.0, status=status)
    root = np.sqrt(own[alive])
    correlation = modes.intensity[np.ix_(alive, alive)] / np.multiply.outer(root, root)
    k = mismatch(modes.stiffness[alive], modes.damping)
    shared = correlation * k / (1 + k)
    try:
        precision = cho_solve(cho_factor(correlation), np.eye(len(root)))
    except np.linalg.LinAlgError:
        return EntropyProduction(value=np.inf, error=np.inf, status=DissipationStatus.SINGULAR_NOISE)
    value = -2 * modes.damping * float(np.sum(precision * shared))
    error = 4 * np.finfo(float).eps * 2 * modes.damping * float(np.sum(np.abs(precision * shared)))
    return EntropyProduction(value=max(value, 0.0), error=error * np.linalg.cond(correlation), status=status)


def stationary_matrix(modes: Modes) -> FloatArray:
    """Return the stationary covariance of (w, v) (2d, 2d) along the eigenvectors."""
    domains.matrix_size("a (2d, 2d) covariance", modes.stiffness.size)
    xx, xv, vv = modes.stationary_blocks()
    return np.block([[xx, xv], [xv.T, vv]])


def _principal(modes: Modes) -> tuple[FloatArray, FloatArray]:
    """Return the axes and variances of the law whose coordinates are scaled to unit variance; rounding is 0."""
    P = stationary_matrix(modes)
    root = np.sqrt(np.diagonal(P))
    scale = np.where(root > 0, root, 1.0)
    variances, axes = np.linalg.eigh(P / np.multiply.outer(scale, scale))
    return axes, np.where(variances > len(P) * np.finfo(float).eps, variances, 0.0)


def _square(values: FloatArray, variances: FloatArray) -> FloatArray:
    rounding = np.where(np.abs(values) > 1e-12, np.inf, 0.0)
    total: FloatArray = np.sum(np.divide(values**2, variances, out=rounding, where=variances > 0), axis=-1)
    return total
