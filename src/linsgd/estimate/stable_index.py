r"""The index of a symmetric stable law from a sample, with an interval and a test of the law.

The interval holds every alpha with |estimate - alpha| <= z deviation(alpha)/sqrt(n), the deviation
being that of the estimator under that alpha (`stable_methods`), and the distance that of the
function of alpha in which the estimate is nearest to normal. Near alpha = 2, where the deviation
of an efficient estimator vanishes, such an interval is not symmetric. At alpha = 2 the test has one
side only, so that 2 itself belongs to the interval unless the estimate falls short of it at the
full error 1 - confidence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.estimate.stable_methods import (
    LARGEST_ALPHA,
    METHODS,
    Estimate,
    characteristic_fit,
    deviation_curve,
    fill_block_inverses,
    middle_mean,
)
from linsgd.estimate.tail_index import EstimateStatus
from linsgd.references import KOUTROUVELIS_1980, MOHAMMADI_2015
from linsgd.result import Guarantee, Result
from linsgd.stable import Stable
from linsgd.stable.contour import SMALLEST_ALPHA

FEWEST = 50  # values of which an index is estimated
FEWEST_BLOCKS = 20  # whose spread gives the interval of the block estimator
STEP = 1e-4  # of the slope of a pivot
BELOW_TWO = 2 - 1e-6  # the end of an interval that does not hold 2
BLOCK = 7  # the length of least variance, e^2
_TESTED = 100_000  # first values of which "blocks" tests the law

MethodName = Literal["characteristic_function", "log_variance", "quantiles", "likelihood", "blocks"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class StableIndex(Result):
    """An estimated stability index.

    Attributes
    ----------
    value, lower, upper : float
        alpha and its interval, both at most 2 as no stable law has more; nan without enough data.
    confidence : float
        Of the interval, if the values are independent and stable.
    standard_error : float
        Of the value, before it is limited to 2.
    scale : float
        Of the law; nan where the method gives none.
    efficiency : float
        Bound of Cramer and Rao over the variance of the method, at the value.
    fit_pvalue : float
        Of the hypothesis that the values are independent and stable; a small one says that alpha
        describes no law. By "blocks" it is that of the first 100,000 values.
    samples : int
        How many values were used.
    method : str
        The estimator.
    status : EstimateStatus
        Whether the data are enough.
    reason : str
        Why not, and what to do.
    """

    references = (KOUTROUVELIS_1980, MOHAMMADI_2015)
    value: float
    lower: float
    upper: float
    confidence: float
    standard_error: float
    scale: float
    efficiency: float
    fit_pvalue: float
    guarantee: Guarantee = Guarantee.STATISTICAL
    samples: int
    method: str
    status: EstimateStatus
    reason: str = ""


def stable_index(
    x: ArrayLike,
    method: MethodName = "characteristic_function",
    *,
    confidence: float = 0.95,
    location: float | Literal["median"] = "median",
    block: int = BLOCK,
) -> StableIndex:
    r"""Estimate the index alpha of a symmetric stable law.

    Parameters
    ----------
    x : array_like (n,)
        Independent values.
    method : {"characteristic_function", "likelihood", "quantiles", "log_variance", "blocks"}
        The default is 96 to 99 % efficient for alpha > 1.2 and 58 % at 0.3; "likelihood" is
        efficient everywhere; "blocks" is the published estimator of gradient-noise studies.
    confidence : float
        Of the interval, in (0, 1).
    location : float or "median"
        The centre of the law, subtracted before all else; by "log_variance" the mean of the middle
        half stands for the median.
    block : int
        Values per block of "blocks", at least 2; it must leave at least 20 blocks.

    Returns
    -------
    StableIndex
        Value, interval, efficiency, and the p-value of the stable law itself.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or x holds nan or infinite values.

    Notes
    -----
    An index below 2 says nothing about tails unless `fit_pvalue` is large and the values are
    independent and of one law: unequal variances, correlation and exact zeros lower it too.

    References
    ----------
    I. A. Koutrouvelis, J. Am. Stat. Assoc. 75 (1980) 918. J. H. McCulloch, Commun. Stat. Simul. 15
    (1986) 1109. M. Mohammadi, A. Mohammadpour, H. Ogata, Metrika 78 (2015) 549.

    Examples
    --------
    >>> import linsgd, numpy as np
    >>> x = linsgd.Stable(1.5).sample(10_000, np.random.default_rng(0))
    >>> found = linsgd.estimate.stable_index(x)
    >>> found.lower < 1.5 < found.upper, found.fit_pvalue > 0.01
    (True, True)
    """
    values = domains.array("x", x, (None,))
    domains.choice("method", method, (*METHODS, "blocks"))
    confidence = domains.real("confidence", confidence, "(0, 1)")
    block = domains.integer("block", block, "[2, inf)")
    values = values - _centre(values, method, location)
    objection = _objection(values, method, block)
    if objection:
        return _without_value(values.size, method, confidence, objection)
    if method == "blocks":
        return _by_blocks(values, block, confidence)
    found, pvalue = characteristic_fit(values)
    if method != "characteristic_function":
        used = values[values != 0] if method == "log_variance" else values
        found = METHODS[method].estimate(used)
    if not math.isfinite(found.alpha):
        reason = f"the values are outside the reach of {method}: alpha below {SMALLEST_ALPHA}"
        return _without_value(values.size, method, confidence, reason)
    error = _error_at(method, found.alpha, values.size)
    pivot = METHODS[method].pivot
    lower, upper = _interval(
        found.alpha, lambda a: _error_at(method, a, values.size), confidence, pivot
    )
    if method == "likelihood" and _normal_law_holds(values, found, confidence):
        upper = 2.0
    return StableIndex(
        value=min(found.alpha, 2.0),
        lower=lower,
        upper=upper,
        confidence=confidence,
        standard_error=error,
        scale=found.scale,
        efficiency=min(1.0, (_error_at("likelihood", found.alpha, values.size) / error) ** 2),
        fit_pvalue=pvalue,
        samples=values.size,
        method=method,
        status=EstimateStatus.OK,
    )


def _centre(values: FloatArray, method: str, location: float | Literal["median"]) -> float:
    """Return the location that was given, or the estimate of it that serves the method."""
    if location != "median":
        return domains.real("location", location)
    return middle_mean(values) if method == "log_variance" else float(np.median(values))


def _objection(values: FloatArray, method: str, block: int) -> str:
    """Return why the values give no estimate, or ''."""
    if values.size < FEWEST:
        return f"{values.size} values, at least {FEWEST} are needed"
    if np.ptp(values) == 0:
        return "all values are equal"
    zeros = float(np.mean(values == 0))
    # the median itself may be a value
    if zeros > 1 / values.size:
        return (
            f"{zeros:.1%} of the values equal the centre, which a stable law never does: mask them"
        )
    if method == "blocks" and values.size // block < FEWEST_BLOCKS:
        return f"{values.size // block} blocks of {block}, at least {FEWEST_BLOCKS} are needed"
    return ""


def _error_at(method: str, alpha: float, samples: int) -> float:
    """Return the standard deviation of the method's estimate under an alpha."""
    inside = min(max(alpha, SMALLEST_ALPHA), LARGEST_ALPHA)
    return math.exp(float(deviation_curve(method)(inside))) / math.sqrt(samples)


def _interval(
    estimate: float,
    error: Callable[[float], float],
    confidence: float,
    pivot: Callable[[float], float],
) -> tuple[float, float]:
    """Return the range of alpha in [SMALLEST_ALPHA, 2] that the estimate does not contradict.

    Distances are those of the pivot, over its slope at the alpha that is tested.
    """
    z = float(norm.ppf((1 + confidence) / 2))

    def distance(a: float) -> float:
        slope = (pivot(a + STEP) - pivot(a - STEP)) / (2 * STEP)
        return (pivot(estimate) - pivot(a)) / slope

    inside = min(max(estimate, SMALLEST_ALPHA), 2.0)

    def end(side: int, bound: float) -> float:
        def excess(a: float) -> float:
            return -side * distance(a) - z * error(a)

        if excess(bound) <= 0:
            return bound
        return float(brentq(excess, inside, bound, xtol=1e-6)) if excess(inside) < 0 else inside

    lower = end(-1, SMALLEST_ALPHA)
    upper = end(+1, BELOW_TWO)
    one_sided = float(norm.ppf(confidence))
    if -distance(2.0) <= one_sided * error(BELOW_TWO):
        upper = 2.0
    return lower, upper


def _normal_law_holds(values: FloatArray, found: Estimate, confidence: float) -> bool:
    """Return whether the likelihood ratio keeps alpha = 2, at the one-sided confidence.

    Below 2 the deviation of maximum likelihood describes it; at 2 it is zero and describes nothing.
    """
    normal = Stable(2.0, math.sqrt(float(np.mean(values**2)) / 2))
    best = Stable(min(found.alpha, 2.0), found.scale)
    gain = float(np.sum(best.logpdf(values)) - np.sum(normal.logpdf(values)))
    return 2 * gain <= float(norm.ppf(confidence)) ** 2


def _by_blocks(values: FloatArray, block: int, confidence: float) -> StableIndex:
    """Estimate 1/alpha by the mean of [log|sum| - mean log|x|]/log m over blocks."""
    inverses = np.empty(values.size // block)
    fill_block_inverses(values, block, inverses)
    inverses = inverses[np.isfinite(inverses)]
    inverse = float(inverses.mean())
    count = len(inverses)
    error = float(inverses.std(ddof=1)) / math.sqrt(count)
    half = float(student.ppf((1 + confidence) / 2, count - 1)) * error
    if inverse - half <= 0:
        reason = "the interval of 1/alpha holds 0: more blocks are needed"
        return _without_value(values.size, "blocks", confidence, reason)
    alpha = 1 / inverse
    one_sided = float(student.ppf(confidence, count - 1)) * error
    upper = 2.0
    if inverse - one_sided > 0.5:
        upper = min(1 / (inverse - half), BELOW_TWO)
    best = _error_at("likelihood", alpha, values.size)
    return StableIndex(
        value=min(alpha, 2.0),
        lower=min(1 / (inverse + half), 2.0),
        upper=upper,
        confidence=confidence,
        standard_error=alpha**2 * error,
        scale=math.nan,
        efficiency=min(1.0, (best / (alpha**2 * error)) ** 2),
        fit_pvalue=characteristic_fit(values[:_TESTED])[1],
        samples=values.size,
        method="blocks",
        status=EstimateStatus.OK,
    )


def _without_value(samples: int, method: str, confidence: float, reason: str) -> StableIndex:
    """Return a result that says why there is no number."""
    return StableIndex(
        value=math.nan,
        lower=SMALLEST_ALPHA,
        upper=2.0,
        confidence=confidence,
        standard_error=math.nan,
        scale=math.nan,
        efficiency=math.nan,
        fit_pvalue=math.nan,
        samples=samples,
        method=method,
        status=EstimateStatus.NOT_ENOUGH_DATA,
        reason=reason,
    )
