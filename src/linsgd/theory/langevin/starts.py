"""Where a process starts: moments of position from the centre and of velocity, along the eigenvectors of H."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.result import Result
from linsgd.theory.moments import Moments, Start


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Centered(Result):
    """A process around a centre, solved along the eigenvectors of H.

    Attributes
    ----------
    center : ndarray (d,)
        mu, in the problem's coordinates.
    eigenvectors : ndarray (d, d) or None
        As columns; None where the coordinates are the eigenvectors.
    """

    center: FloatArray
    eigenvectors: FloatArray | None = field(default=None, repr=False)

    def inward(self, w: ArrayLike, v: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return positions from the centre and velocities along the eigenvectors of H."""
        position, velocity = (np.asarray(part, dtype=np.float64) for part in (w, v))
        for name, part in (("w", position), ("v", velocity)):
            if part.ndim == 0 or part.shape[-1] != self.center.size:
                domains.refuse(
                    name, f"array of shape {part.shape}", f"shape (..., {self.center.size})"
                )
        Q = self.eigenvectors
        centered = position - self.center
        return (centered, velocity) if Q is None else (centered @ Q, velocity @ Q)

    def outward(self, w: FloatArray) -> FloatArray:
        """Rotate vectors (..., d) from the eigenvectors of H to the problem's coordinates."""
        return w if self.eigenvectors is None else w @ self.eigenvectors.T

    def outward_matrix(self, C: FloatArray) -> FloatArray:
        """Rotate matrices (..., d, d) from the eigenvectors of H to the problem's coordinates."""
        return C if self.eigenvectors is None else self.eigenvectors @ C @ self.eigenvectors.T

    def begin(self, start: Start) -> tuple[FloatArray, FloatArray]:
        """Return the means (2, d) of x and v and their covariances, (3, d) of modes or (3, d, d) of pairs, at step 0.

        Parameters
        ----------
        start : None, (w, v) or Moments
            At rest at w = 0; a point of phase space; a law.

        Raises
        ------
        ValueError
            If `start` is none of these.
        """
        d = self.center.size
        if start is None:
            start = (np.zeros(d), np.zeros(d))
        if isinstance(start, Moments):
            return self._from_law(start)
        if not isinstance(start, tuple) or len(start) != 2:
            domains.refuse(
                "start",
                start,
                "None, 'stationary', a pair (w, v) of arrays (d,), or a result of moments",
            )
        w, v = (domains.array(f"start[{i}]", part, (d,)) for i, part in enumerate(start))
        return np.stack(self.inward(w, v)), np.zeros((3, d))

    def _from_law(self, start: Moments) -> tuple[FloatArray, FloatArray]:
        d = self.center.size
        if start.mean.shape != (d,):
            at = f"law with mean of shape {start.mean.shape}"
            domains.refuse(
                "start", at, f"one law with mean of shape ({d},); choose a step by .at(index)"
            )
        modes = np.stack(
            [start.position_variance, start.position_velocity_covariance, start.velocity_variance]
        )
        if not (np.isfinite(modes).all() and np.isfinite(start.mean).all()):
            domains.refuse(
                "start",
                f"law of status {start.status.value!r}",
                "laws with finite mean and variance",
            )
        correlated = start.blocks is not None or start.pairs is not None
        mean = np.stack(self.inward(start.mean, start.velocity_mean))
        return mean, start.eigenbasis_blocks() if correlated else modes
