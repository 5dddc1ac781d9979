r"""Tail exponents from samples, believed only where the data exclude a log-normal tail.

The estimators and the drift of the exponent with the threshold are those of `order_statistics`. By default the longest
tail is sought whose exponent is steady: it drifts by at most one standard error, and no farther part of it by four.
Hill's bias is a multiple of the drift that can still hide there, hence a tenth of that tail gives the number and its
interval. Where the exponent tends to its limit as slowly as logarithms do no data show the bias and no interval knows
it. The status says "not_enough_data" where

    far values come in clusters. Of n exchangeable values the r runs of k exceedances are hypergeometric (Wald and
    Wolfowitz 1940), P(r) = C(k-1, r-1) C(n-k+1, r) / C(n, k); successive iterates of one chain make far fewer runs;
    few points are left, or the exponent drifts at every threshold;
    Hill is asked and the steady tail of k values does not exclude that its exponent rises for ever as that of a
    log-normal law, hence of no lighter law either: for a Pareto law k must be some 50 log(n / k)^2.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import hypergeom, norm

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.estimate.order_statistics import drift, estimate, interval, rise
from linsgd.result import Guarantee, Result, Status

FEWEST = 50  # points a tail must have
_THRESHOLDS = 40
_LARGEST_SHARE = 0.2
_STEADY, _DRIFTING = 1.0, 4.0  # standard errors of the drift: of the tail that is chosen, and of one that is refused
_INNER = 10  # of how many steady values one is used
_LOG_NORMAL, _EXCLUDED = 0.5, 0.999  # its theta, and the confidence at which it is excluded before Hill is believed
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
    path_points, path_values, path_lower, path_upper : ndarray (m,)
        The same estimate for other numbers of points, each with its interval: look for a plateau.
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
    path_lower: FloatArray
    path_upper: FloatArray
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
        How many of the largest values to use; by default a tenth, but at least 50, of the longest tail whose exponent
        does not drift with the threshold.

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
    if points is not None and domains.integer("points", points, "[2, inf)") > most:
        domains.refuse("points", points, f"fewer than the values of x that are not 0, of which there are {logs.size}")
    if points is None and _LARGEST_SHARE * most < FEWEST:
        return _nothing(method, confidence, logs.size)
    grid = _grid(most)
    steady = points or _steady_tail(logs, grid, method)
    tail = steady or int(grid[0])
    k = points or max(tail // _INNER, min(tail, FEWEST))
    lower, upper = interval(logs, k, method, confidence)
    bands = np.array([interval(logs, int(n), method, confidence) for n in grid])
    objection = _objection(logs, tail, method) if steady else "the exponent drifts at every threshold: no power law yet"
    reason = _clusters(np.log(sizes) > logs[tail]) or objection
    return TailIndex(
        value=estimate(logs, k, method),
        lower=lower,
        upper=upper,
        confidence=confidence,
        method=method,
        points=k,
        threshold=float(np.exp(logs[k])),
        path_points=grid,
        path_values=np.array([estimate(logs, int(n), method) for n in grid]),
        path_lower=bands[:, 0],
        path_upper=bands[:, 1],
        status=EstimateStatus.NOT_ENOUGH_DATA if reason else EstimateStatus.OK,
        reason=reason,
    )


def _grid(most: int) -> IntArray:
    """Return numbers of points from few to a fifth of the sample."""
    top = max(2.0, _LARGEST_SHARE * most)
    return np.unique(np.geomspace(min(FEWEST, top), top, _THRESHOLDS).astype(np.int64))


def _steady_tail(logs: FloatArray, grid: IntArray, method: str) -> int:
    """Return the largest number of points within which the exponent is steady, or 0."""
    drifts = np.abs([drift(logs, int(k), logs.size, method) for k in grid])
    steady = (drifts <= _STEADY) & (np.maximum.accumulate(drifts) <= _DRIFTING)
    return int(grid[steady][-1]) if steady.any() else 0


def _objection(logs: FloatArray, k: int, method: str) -> str:
    """Return why the k largest values are not enough, or nothing."""
    if k < FEWEST:
        return f"only {k} points in the tail"
    if logs[0] == logs[k]:
        return f"the {k + 1} largest values are equal"
    drifts = [drift(logs, int(part), logs.size, method) for part in {*_grid(logs.size - 1), k} if part <= k]
    worst = max(drifts, key=abs)
    if abs(worst) > _DRIFTING:
        way = "rises" if worst > 0 else "falls"
        return f"the exponent {way} with the threshold, by {abs(worst):.1f} standard errors: not yet a power law"
    if method == "hill" and rise(logs, k, logs.size, _LOG_NORMAL) > norm.ppf(1 - _EXCLUDED):
        return f"the {k} values beyond which the exponent is steady do not exclude a log-normal tail, with no exponent"
    return ""


def _clusters(far: NDArray[np.bool_]) -> str:
    """Return that values beyond a threshold come in clusters, or nothing where that may be chance."""
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
        path_lower=np.zeros(0),
        path_upper=np.zeros(0),
        status=EstimateStatus.NOT_ENOUGH_DATA,
        reason=f"{size} values leave fewer than {FEWEST} in their upper fifth",
    )
