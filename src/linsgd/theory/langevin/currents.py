r"""Modified loss, probability current and entropy production of the stationary Langevin law.

With P the stationary covariance of zeta = (w - mu, v), A the drift and D half the noise intensity,
per step, the stationary density and current are

    p(zeta) ~ exp(-Phi / T),    Phi = (T/2) zeta' P^{-1} zeta,    J = (-A + D P^{-1}) zeta p.

Where modes do not share noise J = (lr v, -(w2/lr) (w - mu)) p: every mode rotates along the
ellipses of Phi at sqrt(w2) a step, from w > mu to v < 0, also where it is overdamped.

Under time reversal v changes sign, and the irreversible part of J is
(-G v + D_vv (P^{-1} zeta)_v) p with G = 2 u. Its dissipation, with (P^{-1} P)_vv = I and
tr(D_vv (P^{-1})_vv) = G d from stationarity, is

    Sigma = G (G tr(D_vv^{-1} P_vv) - d)
          = -G sum_ij (D_vv^{-1})_ij (D_vv)_ij k_ij / (1 + k_ij) >= 0,
    k_ij = (w2_i - w2_j)^2 / (2 G^2 (w2_i + w2_j)),

in nats a step: zero if and only if the noise does not correlate modes of different frequency, that
is, commutes with H. Modes of different temperature exchange no heat then.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.references import KUNIN_2024
from linsgd.result import Result, Status
from linsgd.theory.langevin.modes import Modes, mismatch

EPS = float(np.finfo(float).eps)
ON_SUPPORT = 1e-12  # a coordinate below it counts as on the support of a law without width


class DissipationStatus(Status):
    """Whether an entropy production exists."""

    OK = "ok"
    # some modes have neither force nor noise: the value is that of the modes which have both
    NULL_SPACE = "null_space"
    # the noise has lower rank than the modes it correlates: the value is infinite
    SINGULAR_NOISE = "singular_noise"


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
        Which modes the value covers.
    """

    references = (KUNIN_2024,)
    value: float
    error: float
    status: DissipationStatus


def modified_loss(
    modes: Modes, temperature: float, position: FloatArray, velocity: FloatArray
) -> FloatArray:
    """Return Phi at points (..., d) along the eigenvectors; inf off the support of the law."""
    zeta = np.concatenate([position, velocity], axis=-1)
    if modes.intensity.ndim == 1:
        xx, _, vv = modes.stationary_variance()
        return temperature * energy(zeta, np.concatenate([xx, vv]))
    return temperature * energy(zeta, stationary_matrix(modes))


def energy(zeta: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return zeta' covariance^{-1} zeta / 2 (...) of points (..., n).

    Parameters
    ----------
    zeta : ndarray (..., n)
        Points.
    covariance : ndarray (n,) or (n, n)
        inf in a direction without restoring force, which then costs nothing.

    Returns
    -------
    ndarray (...)
        inf off the range of the covariance.
    """
    if covariance.ndim == 1:
        return _half_square(zeta, covariance)
    finite = np.isfinite(np.diagonal(covariance))
    covariance = covariance[np.ix_(finite, finite)]
    # eigenvalues of the correlation matrix, so that units do not matter
    own = np.maximum(np.diagonal(covariance), 0.0)
    scale = np.where(own > 0, np.sqrt(own), 1.0)
    correlation = covariance / np.multiply.outer(scale, scale)
    variances, axes = np.linalg.eigh(correlation)
    rounding = len(own) * EPS
    variances = np.where(variances > rounding, variances, 0.0)
    return _half_square(zeta[..., finite] / scale @ axes, variances)


def current(modes: Modes, position: FloatArray, velocity: FloatArray) -> FloatArray:
    """Return J / p (..., 2, d) at points (..., d): the change of w and of v a step, by mode."""
    lr = modes.lr
    d = modes.w2.size
    displacement = lr * velocity
    restoring = -modes.w2 / lr * position
    if modes.intensity.ndim == 1:
        return np.stack([displacement, restoring], axis=-2)
    # D_vv (P^{-1} zeta)_v with D_vv = q / (2 lr^2)
    D_vv = modes.intensity / lr**2 / 2
    zeta = np.concatenate([position, velocity], axis=-1)
    solved = np.linalg.solve(stationary_matrix(modes), zeta[..., None])[..., 0]
    diffusive = solved[..., d:] @ D_vv
    acceleration = restoring - 2 * modes.damping * velocity + diffusive
    return np.stack([displacement, acceleration], axis=-2)


def entropy_production(modes: Modes) -> EntropyProduction:
    """Return the entropy that the stationary state produces a step."""

    def weights() -> FloatArray:
        # G k_ij / (1 + k_ij)
        k = mismatch(modes.w2, modes.damping)
        return 2 * modes.damping * k / (1 + k)

    return correlated_dissipation(modes.intensity, weights, modes.w2 > 0)


def correlated_dissipation(
    noise: FloatArray, weights: Callable[[], FloatArray], confined: NDArray[np.bool_]
) -> EntropyProduction:
    """Return -sum_ij (noise^{-1})_ij noise_ij weight_ij over the confined modes with noise.

    Parameters
    ----------
    noise : ndarray (d,) or (d, d)
        Covariance, up to a factor.
    weights : callable
        Returns the dissipation of each pair of modes per correlation (d, d). It is called only if
        the noise is not diagonal.
    confined : ndarray of bool (d,)
        The modes with a restoring force.

    Returns
    -------
    EntropyProduction
        0 without correlation; inf where the noise between confined modes is singular.
    """
    own = noise if noise.ndim == 1 else np.diagonal(noise)
    alive = (own > 0) & confined
    status = DissipationStatus.OK if alive.all() else DissipationStatus.NULL_SPACE
    reversible = EntropyProduction(value=0.0, error=0.0, status=status)
    if noise.ndim == 1:
        return reversible
    pairs = np.ix_(alive, alive)
    root = np.sqrt(own[alive])
    correlation = noise[pairs] / np.multiply.outer(root, root)
    weighted = correlation * weights()[pairs]
    if not weighted.any():
        return reversible
    condition = float(np.linalg.cond(correlation))
    if condition > 1 / EPS:
        return EntropyProduction(value=np.inf, error=0.0, status=DissipationStatus.SINGULAR_NOISE)
    terms = np.linalg.inv(correlation) * weighted
    value = max(-float(terms.sum()), 0.0)
    # rounding of the inverse, amplified by the condition
    error = 4 * EPS * condition * float(np.abs(terms).sum())
    return EntropyProduction(value=value, error=error, status=status)


def stationary_matrix(modes: Modes) -> FloatArray:
    """Return the stationary covariance of (w, v) (2d, 2d) along the eigenvectors."""
    domains.matrix_size("a (2d, 2d) covariance", modes.w2.size)
    xx, xv, vv = modes.stationary_blocks()
    return np.block([[xx, xv], [xv.T, vv]])


def _half_square(values: FloatArray, variances: FloatArray) -> FloatArray:
    """Return sum(values^2 / variances) / 2; inf for a nonzero value of zero variance."""
    off_support = np.where(np.abs(values) > ON_SUPPORT, np.inf, 0.0)
    squares = np.divide(values**2, variances, out=off_support, where=variances > 0)
    return np.asarray(squares.sum(axis=-1)) / 2
