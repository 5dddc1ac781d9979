r"""Tail exponents from samples: Hill's estimator and a moment ratio that can also say "light".

With order statistics X_(1) >= X_(2) >= ... and L_i = log X_(i) - log X_(k+1) over the k largest,

    Hill (1975):                         1 / alpha = mean L, of law Gamma(k, 1 / (k alpha)) for a Pareto tail;
    Dekkers, Einmahl, de Haan (1989):    gamma = M_1 + 1 - 1 / (2 (1 - M_1^2 / M_2)),      M_j = mean L^j,

the second estimating gamma = 1 / alpha, or gamma <= 0 for light tails, with variance (1 + gamma^2) / k where
gamma >= 0. The number k is the one whose tail is nearest to a Pareto law in Kolmogorov's distance (Clauset, Shalizi,
Newman 2009). Intervals hold for that k and a tail that is Pareto beyond it: they know nothing of the bias of tails that
are not there yet. The status says "not_enough_data" where

    few points are left, or a quarter of the tail says something else than the whole of it;
    Hill is asked and the moment ratio cannot tell the tail from a light one, as on a normal sample of any size;
    far values come in clusters. Of n exchangeable values the r runs of k exceedances are hypergeometric (Wald and
    Wolfowitz 1940), P(r) = C(k-1, r-1) C(n-k+1, r) / C(n, k); successive iterates of one chain make far fewer runs.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import gamma as gamma_law
from scipy.stats import hypergeom, norm

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.result import Guarantee, Result, Status

FEWEST = 50  # points a tail must have
_THRESHOLDS = 40
_LARGEST_SHARE = 0.2
_EXCLUDED = 0.999  # confidence at which a light tail is excluded before Hill is believed
_CHANCE = 1e-6  # of calling independent values dependent


class EstimateStatus(Status):
    """Whether the data are enough for the number."""

    OK = "ok"
    NOT_ENOUGH_DATA = "not_enough_data"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TailIndex(Result):
    """An estimated tail exponent.

    Attributes
    ----------
    value, lower, upper : float
        alpha and its interval; inf where the tail may be light, nan without data.
    confidence : float
        Of the interval, given the threshold.
    points : int
        How many of the largest values were used.
    threshold : float
        The value beyond which the tail is taken as Pareto.
    path_points, path_values : ndarray (m,)
        The same estimate for other numbers of points: look for a plateau.
    status : EstimateStatus
        Whether the data are enough.
    reason : str
        Why not.
    """

    value: float
    lower: float
    upper: float
    confidence: float
    guarantee: Guarantee = Guarantee.STATISTICAL
    method: str
    points: int
    threshold: float
    path_points: IntArray
    path_values: FloatArray
    status: EstimateStatus
    reason: str = ""


def tail_index(x: ArrayLike, method: str = "hill", confidence: float = 0.95, points: int | None = None) -> TailIndex:
    """Estimate the tail exponent of |x| from independent values.

    Parameters
    ----------
    x : array_like (n,)
        Independent values in the order in which they came; their absolute values are used.
    method : {"hill", "moments"}
        "hill" assumes a power law; "moments" can also find a light tail (value inf).
    confidence : float
        Of the interval, in (0, 1).
    points : int, optional
        How many of the largest values to use; by default chosen by Kolmogorov's distance.

    Returns
    -------
    TailIndex
        The exponent, its interval, the points used, the threshold path, and whether the data are enough.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = tail_index(rng.pareto(3.0, 100_000) + 1)
    >>> found.lower < 3.0 < found.upper, str(found.status)
    (True, 'ok')
    """
    domains.choice("method", method, ("hill", "moments"))
    domains.real("confidence", confidence, "(0, 1)")
    sizes = np.abs(domains.array("x", x, (None,)))
    sizes = sizes[sizes > 0]
    logs = np.log(np.sort(sizes)[::-1])
    most = logs.size - 1
    if points is not None:
        domains.integer("points", points, f"[2, {most}]")
    elif _LARGEST_SHARE * most < FEWEST:
        return _nothing(method, confidence, logs.size)
    grid = _grid(most)
    k = points or int(grid[np.argmin([_kolmogorov(logs, n) for n in grid])])
    value, lower, upper = _interval(logs, k, method, confidence)
    reason = _objection(logs, k, method) or _clusters(np.log(sizes) > logs[k])
    return TailIndex(
        value=value,
        lower=lower,
        upper=upper,
        confidence=confidence,
        method=method,
        points=k,
        threshold=float(np.exp(logs[k])),
        path_points=grid,
        path_values=np.array([_estimate(logs, int(n), method) for n in grid]),
        status=EstimateStatus.NOT_ENOUGH_DATA if reason else EstimateStatus.OK,
        reason=reason,
    )


def _grid(most: int) -> IntArray:
    """Return numbers of points from few to a fifth of the sample."""
    top = max(2.0, _LARGEST_SHARE * most)
    return np.unique(np.geomspace(min(FEWEST, top), top, _THRESHOLDS).astype(np.int64))


def _excesses(logs: FloatArray, k: int) -> FloatArray:
    excesses: FloatArray = logs[:k] - logs[k]
    return excesses


def _kolmogorov(logs: FloatArray, k: int) -> float:
    """Return the distance of the k largest values from the Pareto law fitted to them."""
    excesses = _excesses(logs, k)
    survival = np.exp(-excesses / max(excesses.mean(), 1e-300))
    return float(np.abs(survival - (np.arange(k) + 0.5) / k).max())


def _estimate(logs: FloatArray, k: int, method: str) -> float:
    """Return alpha from the k largest values."""
    gamma = float(_excesses(logs, k).mean()) if method == "hill" else _gamma(logs, k)
    return 1 / gamma if gamma > 0 else math.inf


def _gamma(logs: FloatArray, k: int) -> float:
    excesses = _excesses(logs, k)
    first, second = float(excesses.mean()), float((excesses**2).mean())
    scatter = 1 - first**2 / second if second > 0 else 0.0
    return first + 1 - 0.5 / scatter if scatter > 0 else -math.inf


def _interval(logs: FloatArray, k: int, method: str, confidence: float) -> tuple[float, float, float]:
    """Return alpha and its interval: exact for Hill and a Pareto tail, by the normal limit for moments."""
    value = _estimate(logs, k, method)
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    if method == "hill":
        low, high = (float(gamma_law.ppf(q, k)) / k for q in tails)
        return value, value * low, value * high
    gamma = _gamma(logs, k)
    error = float(norm.ppf(tails[1])) * math.sqrt((1 + max(gamma, 0.0) ** 2) / k)
    lower, upper = (1 / g if g > 0 else math.inf for g in (gamma + error, gamma - error))
    return value, lower, upper


def _objection(logs: FloatArray, k: int, method: str) -> str:
    """Return why the data are not enough, or nothing.

    Estimates of gamma from k and from k / 4 points differ by noise of variance 3 / k times gamma^2 (Hill), or times
    1 + gamma^2 (moments).
    """
    if k < FEWEST:
        return f"only {k} points in the tail"
    if method == "hill" and logs[0] == logs[k]:
        return f"the {k + 1} largest values are equal"
    whole, part = _estimate(logs, k, method), _estimate(logs, k // 4, method)
    spread = 1 / whole if method == "hill" else math.sqrt(1 + 1 / whole**2)
    if abs(1 / part - 1 / whole) > 4 * spread * math.sqrt(3 / k):
        return f"a quarter of the tail says {part:.3g}, all of it {whole:.3g}: the tail is not yet a power law"
    if method == "hill" and math.isinf(_interval(logs, k, "moments", _EXCLUDED)[2]):
        return "the tail may be light, with no exponent at all: the moment ratio's interval reaches inf"
    return ""


def _clusters(far: NDArray[np.bool_]) -> str:
    """Return that values beyond the threshold come in clusters, or nothing where that may be chance."""
    n, k = far.size, int(far.sum())
    runs = int(np.count_nonzero(far[1:] & ~far[:-1])) + int(far[0])
    if k == 0 or hypergeom.cdf(runs, n, n - k + 1, k) > _CHANCE:
        return ""
    return f"in the order given the {k} values of the tail come in {runs} clusters: they are not independent"


def _nothing(method: str, confidence: float, size: int) -> TailIndex:
    nan = math.nan
    return TailIndex(
        value=nan,
        lower=0.0,
        upper=math.inf,
        confidence=confidence,
        method=method,
        points=0,
        threshold=nan,
        path_points=np.zeros(0, dtype=np.int64),
        path_values=np.zeros(0),
        status=EstimateStatus.NOT_ENOUGH_DATA,
        reason=f"{size} values leave fewer than {FEWEST} in their upper fifth",
    )
