r"""The gradient noise scale tr C / |G|^2, with an interval.

G and C are mean and covariance of the gradient of one row, drawn from the law of which the data are
a sample. With s_n = |g_n|^2, S = sum s_n and m = |sum g_n|^2 over N rows,

    tr C ~ (S - m/N)/(N - 1),        |G|^2 ~ (m - S)/(N (N - 1))

are unbiased; from batches of two sizes, with mean squared norms M_1 and M_2,

    tr C ~ (M_1 - M_2)/(1/b_1 - 1/b_2),        |G|^2 ~ (b_2 M_2 - b_1 M_1)/(b_2 - b_1).

The interval of their ratio is Fieller's: all r for which tr C - r |G|^2 is compatible with 0. It
has no upper end where |G|^2 is compatible with 0. Variances are those of the jackknife over rows,
or of the independent means.

References: S. McCandlish et al., "An Empirical Model of Large-Batch Training" (2018) for the scale;
E. C. Fieller, J. Roy. Stat. Soc. B 16 (1954) 175.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.estimate.tail_index import EstimateStatus
from linsgd.result import Result

FEWEST_ROWS = 100  # below it the interval covers less than 93 % in place of 95 %
FEWEST_BATCHES = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NoiseScale(Result):
    """The gradient noise scale.

    Attributes
    ----------
    value, lower, upper : float
        tr C / |G|^2, rows; the upper end is inf where |G|^2 is not told from 0.
    trace : float
        tr C, of one row's gradient.
    squared_gradient : float
        |G|^2, unbiased: it may be negative near a minimum, and the value is then nan.
    samples : int
        Rows, or batches of both sizes.
    confidence : float
        Of the interval.
    status : EstimateStatus
        Whether the data are enough.
    """

    value: float
    lower: float
    upper: float
    trace: float
    squared_gradient: float
    samples: int
    confidence: float
    status: EstimateStatus


def scale_of_rows(
    squares: FloatArray, along_sum: FloatArray, square_of_sum: float, confidence: float
) -> NoiseScale:
    """Return the scale from row gradients g_n.

    Parameters
    ----------
    squares : ndarray (N,)
        |g_n|^2.
    along_sum : ndarray (N,)
        g_n . sum of all.
    square_of_sum : float
        |sum of all|^2.
    confidence : float
        In (0, 1).
    """
    N, S = len(squares), float(squares.sum())
    whole = _unbiased(S, square_of_sum, N)
    # without row n
    without = square_of_sum - 2 * along_sum + squares
    left_out = _unbiased(S - squares, without, N - 1)
    covariance = (N - 1) ** 2 / N * np.cov(np.stack(left_out))
    return _scale(float(whole[0]), float(whole[1]), covariance, N, N - 1, confidence, FEWEST_ROWS)


def _unbiased(S: ArrayLike, m: ArrayLike, n: int) -> tuple[FloatArray, FloatArray]:
    """Return the estimates of tr C and |G|^2."""
    total, square = np.asarray(S, dtype=float), np.asarray(m, dtype=float)
    return (total - square / n) / (n - 1), (square - total) / (n * (n - 1))


def noise_scale_of_batches(
    small: ArrayLike,
    large: ArrayLike,
    batch_small: int,
    batch_large: int,
    *,
    confidence: float = 0.95,
) -> NoiseScale:
    r"""Return the gradient noise scale from the squared norms of gradients at two batch sizes.

    Parameters
    ----------
    small, large : array_like (n,), (m,)
        |g|^2 of independent minibatch gradients at fixed weights.
    batch_small, batch_large : int
        Their batch sizes, the second the larger.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    NoiseScale
        tr C / |G|^2 in rows.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    .. math:: E|g_b|^2 = |G|^2 + \mathrm{tr}\,C / b.

    The interval is Fieller's; it needs 20 batches of each size.

    Examples
    --------
    >>> import linsgd, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> noise = {b: rng.normal(size=(400, 5)) / b**0.5 for b in (4, 64)}
    >>> small, large = (np.sum((1 + noise[b]) ** 2, axis=1) for b in (4, 64))
    >>> found = linsgd.deep.noise_scale_of_batches(small, large, 4, 64)
    >>> bool(found.lower < 1.0 < found.upper)
    True
    """
    first, second = domains.array("small", small, (None,)), domains.array("large", large, (None,))
    b1 = domains.integer("batch_small", batch_small, "[1, inf)")
    b2 = domains.integer("batch_large", batch_large, f"({b1}, inf)")
    confidence = domains.real("confidence", confidence, "(0, 1)")
    # (tr C, |G|^2) are linear in the two means
    inverse_gap = 1 / (1 / b1 - 1 / b2)
    weights = np.array([[inverse_gap, -inverse_gap], [-b1 / (b2 - b1), b2 / (b2 - b1)]])
    trace, square = weights @ np.array([first.mean(), second.mean()])
    fewest = min(first.size, second.size)
    spreads = [x.var(ddof=1) / x.size if x.size > 1 else math.inf for x in (first, second)]
    with np.errstate(invalid="ignore"):
        covariance = weights @ np.diag(spreads) @ weights.T
    freedom = max(fewest - 1, 1)
    return _scale(trace, square, covariance, fewest, freedom, confidence, FEWEST_BATCHES)


def _scale(
    trace: float,
    square: float,
    covariance: FloatArray,
    samples: int,
    freedom: int,
    confidence: float,
    fewest: int,
) -> NoiseScale:
    """Return the ratio with Fieller's interval."""
    enough = samples >= fewest
    quantile = float(student.ppf((1 + confidence) / 2, freedom))
    lower, upper = _fieller(trace, square, covariance, quantile) if enough else (0.0, math.inf)
    return NoiseScale(
        value=trace / square if square > 0 else math.nan,
        lower=lower,
        upper=upper,
        trace=float(trace),
        squared_gradient=float(square),
        samples=samples,
        confidence=confidence,
        status=EstimateStatus.OK if enough else EstimateStatus.NOT_ENOUGH_DATA,
    )


def _fieller(T: float, G: float, V: FloatArray, quantile: float) -> tuple[float, float]:
    """Return the r >= 0 with (T - r G)^2 <= q^2 Var(T - r G), as an interval."""
    q2 = quantile**2
    # a r^2 - 2 h r + c <= 0
    a, h, c = G**2 - q2 * V[1, 1], T * G - q2 * V[0, 1], T**2 - q2 * V[0, 0]
    root = math.sqrt(max(h * h - a * c, 0.0))
    if a > 0:
        return max((h - root) / a, 0.0), max((h + root) / a, 0.0)
    # |G|^2 is compatible with 0
    return (max((h - root) / a, 0.0) if a < 0 and c > 0 else 0.0), math.inf
