r"""The exponent gamma of C_ii ~ H_ii^gamma: the noise of directions against their curvature."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from linsgd import domains
from linsgd.estimate.tail_index import EstimateStatus
from linsgd.result import Result

FEWEST = 5  # directions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NoiseExponent(Result):
    """A power law of noise against curvature.

    Attributes
    ----------
    value, lower, upper : float
        gamma and its interval: Student's of the slope, from the scatter about the line.
    prefactor : float
        s of C_ii = s H_ii^gamma.
    scatter : float
        Standard deviation of log C_ii about the line.
    directions : int
        With positive curvature and noise.
    confidence : float
        Of the interval.
    status : EstimateStatus
        Whether the directions are enough.
    """

    value: float
    lower: float
    upper: float
    prefactor: float
    scatter: float
    directions: int
    confidence: float
    status: EstimateStatus


def noise_exponent(
    curvature: ArrayLike, variance: ArrayLike, *, confidence: float = 0.95
) -> NoiseExponent:
    """Return the exponent of the noise against the curvature by least squares of the logarithms.

    Parameters
    ----------
    curvature : array_like (m,)
        Eigenvalues of the Hessian; those that are not positive are left out.
    variance : array_like (m,)
        Of the gradient along their eigenvectors.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    NoiseExponent
        gamma: 1 for noise in proportion to the Hessian.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    Five directions are needed. The interval takes the directions' distances from the line as
    independent and of one size; it holds the noise of the variances as far as they show it.

    Examples
    --------
    >>> import linsgd
    >>> found = linsgd.deep.noise_exponent([1, 2, 4, 8, 16], [3, 6, 12, 24, 48])
    >>> round(found.value, 6), round(found.prefactor, 6)
    (1.0, 3.0)
    """
    h = domains.array("curvature", curvature, (None,))
    c = domains.array("variance", variance, (h.size,))
    confidence = domains.real("confidence", confidence, "(0, 1)")
    used = (h > 0) & (c > 0)
    n = int(used.sum())
    x, y = np.log(h[used]), np.log(c[used])
    if n < FEWEST or not np.ptp(x):
        return _without_value(n, confidence)
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    left = y - y.mean() - slope * centred
    scatter = math.sqrt(float(left @ left) / (n - 2))
    error = scatter / math.sqrt(float(centred @ centred))
    half = float(student.ppf((1 + confidence) / 2, n - 2)) * error
    return NoiseExponent(
        value=slope,
        lower=slope - half,
        upper=slope + half,
        prefactor=math.exp(float(y.mean() - slope * x.mean())),
        scatter=scatter,
        directions=n,
        confidence=confidence,
        status=EstimateStatus.OK,
    )


def _without_value(directions: int, confidence: float) -> NoiseExponent:
    return NoiseExponent(
        value=math.nan,
        lower=-math.inf,
        upper=math.inf,
        prefactor=math.nan,
        scatter=math.nan,
        directions=directions,
        confidence=confidence,
        status=EstimateStatus.NOT_ENOUGH_DATA,
    )
