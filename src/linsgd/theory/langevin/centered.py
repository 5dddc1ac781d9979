"""The base of the linear processes: a centre, the eigenvectors of H, and a stationary law."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.result import Deferred, Result
from linsgd.theory.discrete.existence import existence
from linsgd.theory.recurrence.recurrence import Recurrence
from linsgd.theory.result import MomentsStatus, rotated_covariance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Centered(Result):
    """A process around a centre, solved along the eigenvectors of H.

    Attributes
    ----------
    center : ndarray (d,)
        mu, in the problem's coordinates.
    eigenvectors : ndarray (d, d) or None
        As columns; None where the coordinates are the eigenvectors.
    stationary_status : Deferred
        The value of `status`, computed when first read.
    """

    center: FloatArray
    eigenvectors: FloatArray | None = field(default=None, repr=False)
    stationary_status: Deferred[MomentsStatus] = field(repr=False)

    @property
    def status(self) -> MomentsStatus:
        """Of the stationary law: "exact_law_missing" where it exists and the algorithm's does not.

        It is computed when first read, as it needs the spectral radius of the algorithm's second
        moments.
        """
        return self.stationary_status()

    def rows(self) -> list[tuple[str, str]]:
        """Return (label, text) pairs for the printed form."""
        return [("status", str(self.status)), *Result.rows(self)]

    def along_eigenvectors(self, w: ArrayLike, v: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return positions from the centre and velocities along the eigenvectors of H."""
        d = self.center.size
        position = np.asarray(w, dtype=np.float64)
        velocity = np.asarray(v, dtype=np.float64)
        for name, part in (("w", position), ("v", velocity)):
            if part.ndim == 0 or part.shape[-1] != d:
                domains.refuse(name, f"array of shape {part.shape}", f"shape (..., {d})")
        Q = self.eigenvectors
        centered = position - self.center
        if Q is None:
            return centered, velocity
        return centered @ Q, velocity @ Q

    def in_coordinates(self, w: FloatArray) -> FloatArray:
        """Rotate vectors (..., d) from the eigenvectors of H to the problem's coordinates."""
        Q = self.eigenvectors
        return w if Q is None else w @ Q.T

    def covariance_in_coordinates(self, C: FloatArray) -> FloatArray:
        """Rotate matrices (..., d, d) from the eigenvectors of H to the problem's coordinates."""
        return rotated_covariance(C, self.eigenvectors)


def approximate_status(recurrence: Recurrence, noise: FloatArray) -> MomentsStatus:
    """Return the status of the stationary law of an equation with this minibatch noise.

    Parameters
    ----------
    recurrence : Recurrence
        Of the algorithm that the equation approximates.
    noise : ndarray (d,) or (d, d)
        Covariance of the minibatch gradient along the eigenvectors of H.
    """
    curvature = recurrence.curvature
    free = curvature == 0
    own = noise if noise.ndim == 1 else np.diagonal(noise)
    driven_free_mode = (own[free] > 0).any()
    if driven_free_mode or not np.isfinite(noise).all():
        return MomentsStatus.INFINITE_VARIANCE
    exact = existence(recurrence.noise, curvature, recurrence.coefficients)
    if not exact.variance:
        return MomentsStatus.EXACT_LAW_MISSING
    return MomentsStatus.NULL_SPACE if free.any() else MomentsStatus.OK
