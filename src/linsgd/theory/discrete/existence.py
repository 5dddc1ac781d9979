"""Existence of the stationary moments of the discrete algorithm, and how far it is from failing."""

from typing import NamedTuple

from linsgd.domains import FloatArray
from linsgd.theory.recurrence.gradient_covariance import ModeNoise, Noise
from linsgd.theory.recurrence.operators import EPS
from linsgd.theory.recurrence.recurrence import Coefficients, mode_gains, spectral_radius
from linsgd.theory.result import MomentsStatus

RESOLUTION = 64 * EPS  # a relative distance from a threshold that may be rounding


class Existence(NamedTuple):
    """Which stationary moments exist.

    `gap` is 1 minus the largest gain of the second moment per relaxation, 0 where it diverges.
    """

    status: MomentsStatus
    gap: float

    @property
    def variance(self) -> bool:
        """Whether the stationary variance exists."""
        return self.status in (MomentsStatus.OK, MomentsStatus.NULL_SPACE)


def existence(noise: Noise, curvature: FloatArray, coefficients: Coefficients) -> Existence:
    """Return which stationary moments of SGD with independent batches exist.

    Parameters
    ----------
    noise : ModeNoise or MatrixNoise
        Covariance of the gradient noise.
    curvature : ndarray (d,)
        h + weight_decay.
    coefficients : Coefficients
        Of one step.
    """
    if mean_diverges(curvature, coefficients):
        return Existence(MomentsStatus.UNSTABLE, 0.0)
    if any(noise.infinite):
        return Existence(MomentsStatus.INFINITE_VARIANCE, 0.0)
    if isinstance(noise, ModeNoise):
        gap = 1 - max(mode_gains(noise, curvature, coefficients))
    else:
        gap = 1 - spectral_radius(noise, curvature, coefficients)
    if gap <= RESOLUTION:
        return Existence(MomentsStatus.INFINITE_VARIANCE, 0.0)
    return Existence(MomentsStatus.OK if curvature.min() > 0 else MomentsStatus.NULL_SPACE, gap)


def mean_diverges(curvature: FloatArray, coefficients: Coefficients) -> bool:
    """Return whether the mean of the fastest mode diverges, to rounding."""
    largest = (1 - RESOLUTION) * coefficients.largest_stable_curvature()
    return bool(curvature.max() >= largest)
