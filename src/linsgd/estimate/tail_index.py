r"""Tail exponents of samples, reported as ok only where the data exclude a log-normal tail.

Sample splitting: the even-rank spacings select the tail, the odd-rank spacings give the estimate.
The candidates are the upper half of the sample, its quarter, and so on. The longest candidate that
the second-order form of `spacings` describes is selected. A deviation too small to be detected
there can still be large far out; hence only a quarter of that tail is used. The interval has the
second-order bias, and half a standard error for what remains of it.

For "moments", "pickands" and "plain_hill" the longest tail is selected that agrees with its own
quarter, and an eighth of it is used, by Pickands' a quarter; the interval includes no bias.

The status is "not_enough_data" if

- values beyond the threshold come in clusters. Of n exchangeable values the number r of runs of k
  exceedances is hypergeometric (Wald and Wolfowitz 1940), P(r) = C(k-1, r-1) C(n-k+1, r) / C(n, k);
  successive iterates of one chain make far fewer runs;
- few points are left, or no tail is described;
- a finite exponent is estimated and a log-normal tail, hence any lighter one, is not excluded. By
  spacings both halves must exclude it: the even ranks at 0.995, the odd ranks by an interval with a
  finite end. A finite upper end of another method needs the even ranks in the same way; where that
  of "moments" or "pickands" is infinite, the interval contains every light tail and nothing is to
  be excluded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import hypergeom, norm

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.estimate import mean_excess, moments, pickands, spacings
from linsgd.references import HILL_1975
from linsgd.result import Guarantee, Result, Status

FEWEST = 50  # points a tail must have
PLAIN = {"moments": moments, "pickands": pickands, "plain_hill": mean_excess}  # without a bias
# largest misfit of a selected tail, in standard errors, and halvings of it that are used
_DESCRIBED = {"hill": 2.5, "moments": 1.0, "pickands": 1.0, "plain_hill": 1.0}
_INNER = {"hill": 2, "moments": 3, "pickands": 2, "plain_hill": 3}
_REFUSED = 4.0  # misfit, in standard errors, from which a tail is refused
_UNSEEN = 0.5  # standard errors of a bias too small to be detected as misfit
_EXCLUDED = 0.995  # confidence at which the selecting half excludes a log-normal tail
_CHANCE = 1e-6  # of calling independent values dependent
_SELECTING, _MEASURING = 0, 1  # halves of the spacings

Method = Literal["hill", "moments", "pickands", "plain_hill"]


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
        alpha, by "hill" the maximum-likelihood estimate, and its interval; inf where the tail may
        be light, nan without data.
    confidence : float
        Of the interval.
    method : str
        "hill", "moments", "pickands" or "plain_hill".
    samples : int
        Values that are not 0.
    points : int
        The number of largest values that were used.
    threshold : float
        The value that those exceed.
    path_points, path_values, path_lower, path_upper : ndarray (m,)
        The same estimate for each half of the half of the sample, down to 50 points: its intervals
        should overlap.
    status : EstimateStatus
        Whether the data are enough.
    reason : str
        Why they are not; empty if they are.
    """

    references = (HILL_1975,)
    value: float
    lower: float
    upper: float
    confidence: float
    guarantee: Guarantee = Guarantee.STATISTICAL
    method: str
    samples: int
    points: int
    threshold: float
    path_points: IntArray
    path_values: FloatArray
    path_lower: FloatArray
    path_upper: FloatArray
    status: EstimateStatus
    reason: str = ""


def tail_index(
    x: ArrayLike, method: Method = "hill", confidence: float = 0.95, points: int | None = None
) -> TailIndex:
    """Estimate the tail exponent of |x| from independent values.

    Parameters
    ----------
    x : array_like (n,)
        Independent values in the order in which they came; their absolute values are used.
    method : {"hill", "moments", "pickands", "plain_hill"}
        "hill": by spacings, with a fitted bias; needs a power law. The intervals of the others
        include no bias. "moments" and "pickands" can also report a light tail (value inf);
        "plain_hill" is Hill's own estimate.
    confidence : float
        Of the interval, in (0, 1).
    points : int, optional
        How many of the largest values to use; by default a quarter ("moments", "plain_hill": an
        eighth) of the longest tail that is described.

    Returns
    -------
    TailIndex
        The exponent, its interval, the points used, the threshold path, and whether the data are
        enough.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    P(|x| > t) ~ C t^-alpha for large t. A log-normal sample looks like a power law over two or
    three decades; the status is "ok" with a finite interval only where the data exclude a
    log-normal tail.

    References
    ----------
    .. [1] B. M. Hill, "A simple general approach to inference about the tail of a distribution",
       Annals of Statistics 3, 1975.
    .. [2] J. Beirlant, G. Dierckx, Y. Goegebeur and G. Matthys, "Tail index estimation and an
       exponential regression model", Extremes 2, 1999.
    .. [3] A. L. M. Dekkers, J. H. J. Einmahl and L. de Haan, "A moment estimator for the index of
       an extreme-value distribution", Annals of Statistics 17, 1989.
    .. [4] J. Pickands, "Statistical inference using extreme order statistics", Annals of Statistics
       3, 1975.

    See Also
    --------
    linsgd.tail_exponent : The exact exponent of SGD.
    linsgd.plot.threshold_path : The estimate against the number of points.

    Examples
    --------
    >>> import numpy as np
    >>> import linsgd
    >>> rng = np.random.default_rng(0)
    >>> found = linsgd.estimate.tail_index(rng.pareto(3.0, 100_000) + 1)
    >>> found.lower < 3.0 < found.upper, str(found.status)
    (True, 'ok')
    """
    domains.choice("method", method, ("hill", *PLAIN))
    domains.real("confidence", confidence, "(0, 1)")
    sizes = np.abs(domains.array("x", x, (None,)))
    sizes = sizes[sizes > 0]
    logs = np.log(np.sort(sizes)[::-1])
    _check_points(points, logs.size)
    tails = _candidates(logs.size)
    if points is None and tails.size <= _INNER[method]:
        return _too_short(method, confidence, logs.size)
    chosen = points or _selected(logs, tails, method)
    k = chosen or int(tails[0])
    value, lower, upper = _estimate(logs, k, method, confidence)
    path = [_estimate(logs, int(tail), method, confidence) for tail in tails]
    path_values, path_lower, path_upper = np.reshape(path, (-1, 3)).T
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
        samples=logs.size,
        points=k,
        threshold=float(np.exp(logs[k])),
        path_points=tails,
        path_values=path_values,
        path_lower=path_lower,
        path_upper=path_upper,
        status=EstimateStatus.NOT_ENOUGH_DATA if reason else EstimateStatus.OK,
        reason=reason,
    )


def _check_points(points: int | None, size: int) -> None:
    if points is not None and domains.integer("points", points, "[2, inf)") >= size:
        domains.refuse("points", points, f"below the number of values of x that are not 0, {size}")


def _candidates(n: int) -> IntArray:
    """Return the numbers of points of the candidate tails, ascending."""
    halvings = np.arange(1, (n // FEWEST).bit_length())
    return n // 2 ** halvings[::-1].astype(np.int64)


def _selected(logs: FloatArray, tails: IntArray, method: str) -> int:
    """Return how many points of the longest described tail are used, 0 if none is described."""
    inner = _INNER[method]
    for tail, used in zip(tails[: inner - 1 : -1], tails[-inner - 1 :: -1], strict=True):
        if _misfit(logs, int(tail), method) <= _DESCRIBED[method]:
            return int(used)
    return 0


def _misfit(logs: FloatArray, k: int, method: str) -> float:
    """Return the misfit of the form that describes the k largest values, in standard errors."""
    if method in PLAIN:
        misfit: float = PLAIN[method].drift(logs, k)
        return misfit
    fit = spacings.fit(logs, k, _SELECTING)
    return fit.misfit if fit else math.inf


def _estimate(
    logs: FloatArray, k: int, method: str, confidence: float
) -> tuple[float, float, float]:
    """Return alpha and its interval."""
    if method in PLAIN:
        plain = PLAIN[method]
        return plain.value(logs, k), *plain.interval(logs, k, confidence)
    fit = spacings.fit(logs, k, _MEASURING)
    return (fit.value, *fit.interval(confidence, _UNSEEN)) if fit else (math.inf, 0.0, math.inf)


def _objection(logs: FloatArray, k: int, method: str, upper: float) -> str:
    """Return the reason why the k largest values are not enough, empty if they are."""
    if k < FEWEST:
        return f"only {k} points in the tail"
    if logs[0] == logs[k]:
        return f"the {k + 1} largest values are equal"
    misfit = _misfit(logs, k, method)
    if misfit > _REFUSED:
        return (
            f"the exponent tends to no limit within the {k} largest values: "
            f"off by {misfit:.1f} standard errors"
        )
    if method in ("moments", "pickands") and math.isinf(upper):
        return ""
    if math.isinf(upper) or not _excludes_log_normal(logs, k):
        return f"the {k} largest values do not exclude a log-normal tail, which has no exponent"
    return ""


def _excludes_log_normal(logs: FloatArray, k: int) -> bool:
    """Return whether the spacings of even rank exclude that the exponent rises without limit."""
    fit = spacings.fit(logs, k, _SELECTING)
    return fit is not None and bool(fit.power_law >= norm.ppf(_EXCLUDED))


def _clusters(far: NDArray[np.bool_]) -> str:
    """Return that values beyond a threshold come in clusters, empty where that may be chance."""
    n = far.size
    k = int(far.sum())
    runs = int(np.count_nonzero(far[1:] & ~far[:-1])) + int(far[0])
    if k == 0 or hypergeom.cdf(runs, n, n - k + 1, k) > _CHANCE:
        return ""
    return (
        f"in the order given the {k} values of the tail come in {runs} clusters: "
        "they are not independent"
    )


def _too_short(method: str, confidence: float, size: int) -> TailIndex:
    """Return the result of a sample without a candidate that leaves enough points."""
    part = 2 ** (_INNER[method] + 1)
    return TailIndex(
        value=math.nan,
        lower=0.0,
        upper=math.inf,
        confidence=confidence,
        method=method,
        samples=size,
        points=0,
        threshold=math.nan,
        path_points=np.zeros(0, dtype=np.int64),
        path_values=np.zeros(0),
        path_lower=np.zeros(0),
        path_upper=np.zeros(0),
        status=EstimateStatus.NOT_ENOUGH_DATA,
        reason=f"{size} values leave fewer than {FEWEST} points in their largest 1/{part}",
    )
