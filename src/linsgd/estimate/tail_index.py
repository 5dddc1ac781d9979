r"""Tail exponents from samples, believed only where the data exclude a log-normal tail.

Tails are the upper half of the sample, its quarter, and so on. What chooses one does not measure
it: of Hill's scaled spacings those of even rank find the longest tail that the second-order form of
`spacings` describes. A law that differs from it by too little to be seen there can still be far
from it at infinity; hence a quarter of that tail is used, where those of odd rank give the exponent
and its interval. That knows the bias of the second order, and half a standard error more. For
`moments` the tail is the longest whose own quarter says the same, an eighth of it is used, and the
interval knows no bias. The status says "not_enough_data" where

    far values come in clusters. Of n exchangeable values the r runs of k exceedances are
    hypergeometric (Wald and Wolfowitz 1940), P(r) = C(k-1, r-1) C(n-k+1, r) / C(n, k); successive
    iterates of one chain make far fewer runs; few points are left, or no tail is described; of the
    spacings either half does not exclude that the exponent rises for ever as that of a log-normal
    law, hence of no lighter law either: the one at 0.995, the other by an interval that ends.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import hypergeom, norm

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.estimate import moments, spacings
from linsgd.result import Guarantee, Result, Status

FEWEST = 50  # points a tail must have
_DESCRIBED = {"hill": 2.5, "moments": 1.0}  # standard errors of misfit of the tail that is chosen,
_INNER = {"hill": 2, "moments": 3}  # the halvings of it that are used,
_REFUSED = 4.0  # and standard errors of misfit of a tail that is refused
_UNSEEN = 0.5  # standard errors of a bias too small to be seen as misfit
_EXCLUDED = 0.995  # confidence at which the judging half excludes that there is no exponent
_CHANCE = 1e-6  # of calling independent values dependent
_JUDGES, _MEASURES = 0, 1  # halves of the spacings


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
        alpha, the likeliest by "hill", and its interval; inf where the tail may be light, nan
        without data.
    confidence : float
        Of the interval.
    points : int
        How many of the largest values were used.
    threshold : float
        The value that those exceed.
    path_points, path_values, path_lower, path_upper : ndarray (m,)
        The same estimate for each half of the half of the sample, down to 50 points: its intervals
        should overlap.
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


def tail_index(
    x: ArrayLike, method: str = "hill", confidence: float = 0.95, points: int | None = None
) -> TailIndex:
    """Estimate the tail exponent of |x| from independent values.

    Parameters
    ----------
    x : array_like (n,)
        Independent values in the order in which they came; their absolute values are used.
    method : {"hill", "moments"}
        "hill": by spacings, with a bias that is fitted; status "ok" only for a power law.
        "moments": can also find a light tail (value inf), and its interval knows no bias.
    confidence : float
        Of the interval, in (0, 1).
    points : int, optional
        How many of the largest values to use; by default a quarter of the longest tail that is
        described.

    Returns
    -------
    TailIndex
        The exponent, its interval, the points used, the threshold path, and whether the data are
        enough.

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
    if points is not None and domains.integer("points", points, "[2, inf)") >= logs.size:
        domains.refuse(
            "points",
            points,
            f"fewer than the values of x that are not 0, of which there are {logs.size}",
        )
    tails = _tails(logs.size)
    if points is None and tails.size <= _INNER[method]:
        return _nothing(method, confidence, logs.size)
    chosen = points or _described(logs, tails, method)
    k = chosen or int(tails[0])
    value, lower, upper = _measured(logs, k, method, confidence)
    path = np.array([_measured(logs, int(tail), method, confidence) for tail in tails]).reshape(
        -1, 3
    )
    objection = (
        _objection(logs, k, method, upper)
        if chosen
        else "at no threshold does the exponent tend to a limit"
    )
    reason = _clusters(np.log(sizes) > logs[k]) or objection
    return TailIndex(
        value=value,
        lower=lower,
        upper=upper,
        confidence=confidence,
        method=method,
        points=k,
        threshold=float(np.exp(logs[k])),
        path_points=tails,
        path_values=path[:, 0],
        path_lower=path[:, 1],
        path_upper=path[:, 2],
        status=EstimateStatus.NOT_ENOUGH_DATA if reason else EstimateStatus.OK,
        reason=reason,
    )


def _tails(n: int) -> IntArray:
    """Return the numbers of points of the tails, rising."""
    halvings = np.arange(1, (n // FEWEST).bit_length())
    return n // 2 ** halvings[::-1].astype(np.int64)


def _described(logs: FloatArray, tails: IntArray, method: str) -> int:
    """Return how many points of the longest tail that is described are used, or 0."""
    inner = _INNER[method]
    for tail, used in zip(tails[: inner - 1 : -1], tails[-inner - 1 :: -1], strict=True):
        if _misfit(logs, int(tail), method) <= _DESCRIBED[method]:
            return int(used)
    return 0


def _misfit(logs: FloatArray, k: int, method: str) -> float:
    """Return by how many standard errors the k largest values are not described."""
    if method == "moments":
        return moments.drift(logs, k)
    fit = spacings.fit(logs, k, _JUDGES)
    return fit.misfit if fit else math.inf


def _measured(
    logs: FloatArray, k: int, method: str, confidence: float
) -> tuple[float, float, float]:
    """Return alpha and its interval."""
    if method == "moments":
        return moments.value(logs, k), *moments.interval(logs, k, confidence)
    fit = spacings.fit(logs, k, _MEASURES)
    return (fit.value, *fit.interval(confidence, _UNSEEN)) if fit else (math.inf, 0.0, math.inf)


def _objection(logs: FloatArray, k: int, method: str, upper: float) -> str:
    """Return why the k largest values are not enough, or nothing."""
    if k < FEWEST:
        return f"only {k} points in the tail"
    if logs[0] == logs[k]:
        return f"the {k + 1} largest values are equal"
    judge = spacings.fit(logs, k, _JUDGES) if method == "hill" else None
    misfit = judge.misfit if judge else _misfit(logs, k, method)
    if misfit > _REFUSED:
        return f"the exponent tends to no limit within the {k} largest values: off by {misfit:.1f} standard errors"
    if method == "moments":
        return ""
    if math.isinf(upper) or judge is None or judge.power_law < norm.ppf(_EXCLUDED):
        return f"the {k} largest values do not exclude a log-normal tail, with no exponent"
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
        reason=f"{size} values leave fewer than {FEWEST} in their upper {2 ** (_INNER[method] + 1)}th part",
    )
