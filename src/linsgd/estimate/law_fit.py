r"""Whether a law whose parameters were fitted describes the values: a parametric bootstrap.

The distance of Anderson and Darling between the values and the fitted law is compared with that of
samples drawn from the fitted law and fitted in the same way. The critical values of a law with
given parameters would be too lenient: fitting brings the law nearer to the values.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.estimate.stable_index import FEWEST
from linsgd.estimate.stable_methods import by_characteristic_function
from linsgd.estimate.tail_index import EstimateStatus
from linsgd.result import Result
from linsgd.stable import Stable
from linsgd.stable.contour import SMALLEST_ALPHA

Parameters = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Laws of one form: their parameters' names, a fit, the tails and a sampler.

    `tails(x, *parameters)` returns P(X <= x) and P(X > x); `sample(n, rng, *parameters)` draws.
    """

    names: tuple[str, ...]
    fit: Callable[[FloatArray], Parameters]
    tails: Callable[..., tuple[FloatArray, FloatArray]]
    sample: Callable[..., FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class LawFit(Result):
    """A fitted law and the probability of a worse fit under it.

    Attributes
    ----------
    law : str
        The family.
    names : tuple of str
        Of the parameters.
    parameters : ndarray (p,)
        As fitted; nan without enough data.
    statistic : float
        Distance of Anderson and Darling.
    pvalue : float
        Share of the bootstrap samples that lie at least as far from their own fit, the values
        themselves counted as one.
    repeats, samples : int
        Bootstrap samples, and values.
    status : EstimateStatus
        Whether the data are enough.
    reason : str
        Why not.
    """

    law: str
    names: tuple[str, ...]
    parameters: FloatArray
    statistic: float
    pvalue: float
    repeats: int
    samples: int
    status: EstimateStatus
    reason: str = ""


def law_fit(
    x: ArrayLike,
    law: Literal["normal", "laplace", "stable", "pareto"],
    *,
    repeats: int = 199,
    seed: int = 0,
) -> LawFit:
    r"""Fit a law and test it by a parametric bootstrap.

    Parameters
    ----------
    x : array_like (n,)
        Independent values; positive ones for "pareto".
    law : {"normal", "laplace", "stable", "pareto"}
        "stable" is symmetric about the median; "pareto" starts at the smallest value.
    repeats : int
        Bootstrap samples, at least 19; the smallest p-value is 1/(repeats + 1).
    seed : int
        Of the bootstrap, at least 0.

    Returns
    -------
    LawFit
        Parameters, distance and p-value.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> import linsgd, numpy as np
    >>> x = np.random.default_rng(0).laplace(size=1000)
    >>> linsgd.estimate.law_fit(x, "laplace").pvalue > 0.01
    True
    >>> linsgd.estimate.law_fit(x, "normal", repeats=99).pvalue
    0.01
    """
    family = FAMILIES[domains.choice("law", law, tuple(FAMILIES))]
    values = domains.array("x", x, (None,))
    repeats = domains.integer("repeats", repeats, "[19, inf)")
    rng = np.random.default_rng(domains.integer("seed", seed, "[0, inf)"))
    if law == "pareto" and values.min() <= 0:
        i = int(values.argmin())
        domains.refuse(f"x[{i}]", float(values[i]), "(0, inf) for 'pareto'")
    objection = _objection(values)
    parameters = family.fit(values) if not objection else (math.nan,) * len(family.names)
    if not objection and not all(map(math.isfinite, parameters)):
        objection = f"the values are outside the reach of {law!r}"
    distance, pvalue = (
        _tested(values, family, parameters, repeats, rng) if not objection else (math.nan, math.nan)
    )
    return LawFit(
        law=law,
        names=family.names,
        parameters=np.array(parameters),
        statistic=distance,
        pvalue=pvalue,
        repeats=repeats,
        samples=values.size,
        status=EstimateStatus.NOT_ENOUGH_DATA if objection else EstimateStatus.OK,
        reason=objection,
    )


def _objection(values: FloatArray) -> str:
    if values.size < FEWEST:
        return f"{values.size} values, at least {FEWEST} are needed"
    return "all values are equal" if np.ptp(values) == 0 else ""


def _tested(
    values: FloatArray, family: Family, fitted: Parameters, repeats: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the distance from the fitted law and its p-value."""
    distance = _distance(values, family, fitted)
    worse = 1
    for _ in range(repeats):
        again = family.sample(values.size, rng, *fitted)
        parameters = family.fit(again)
        finite = all(map(math.isfinite, parameters))
        worse += not finite or _distance(again, family, parameters) >= distance
    return distance, worse / (repeats + 1)


def _distance(values: FloatArray, family: Family, parameters: Parameters) -> float:
    """Return A^2 = -n - mean (2 i - 1)[log F(x_i) + log (1 - F(x_{n+1-i}))]."""
    x = np.sort(values)
    n = x.size
    below, above = (np.log(np.maximum(p, 1e-300)) for p in family.tails(x, *parameters))
    return -n - float(np.mean((2 * np.arange(1, n + 1) - 1) * (below + above[::-1])))


def _fit_normal(x: FloatArray) -> Parameters:
    return float(x.mean()), float(x.std(ddof=1))


def _normal_tails(x: FloatArray, mean: float, std: float) -> tuple[FloatArray, FloatArray]:
    z = (x - mean) / std
    return special.ndtr(z), special.ndtr(-z)


def _fit_laplace(x: FloatArray) -> Parameters:
    centre = float(np.median(x))
    return centre, float(np.abs(x - centre).mean())


def _laplace_tails(x: FloatArray, centre: float, scale: float) -> tuple[FloatArray, FloatArray]:
    z = (x - centre) / scale
    half = np.exp(-np.abs(z)) / 2
    return np.where(z < 0, half, 1 - half), np.where(z < 0, 1 - half, half)


def _fit_stable(x: FloatArray) -> Parameters:
    centre = float(np.median(x))
    found = by_characteristic_function(x - centre)
    return min(max(found.alpha, SMALLEST_ALPHA), 2.0), centre, found.scale


def _stable_tails(
    x: FloatArray, alpha: float, centre: float, scale: float
) -> tuple[FloatArray, FloatArray]:
    law = Stable(alpha, scale)
    return law.cdf(x - centre), law.sf(x - centre)


def _fit_pareto(x: FloatArray) -> Parameters:
    least = float(x.min())
    return float(1 / np.log(x / least).mean()), least


def _pareto_tails(x: FloatArray, alpha: float, least: float) -> tuple[FloatArray, FloatArray]:
    above = np.minimum(x / least, 1e300) ** -alpha
    return 1 - above, above


FAMILIES = {
    "normal": Family(
        ("mean", "standard deviation"),
        _fit_normal,
        _normal_tails,
        lambda n, rng, mean, std: rng.normal(mean, std, n),
    ),
    "laplace": Family(
        ("centre", "scale"),
        _fit_laplace,
        _laplace_tails,
        lambda n, rng, centre, scale: rng.laplace(centre, scale, n),
    ),
    "stable": Family(
        ("alpha", "centre", "scale"),
        _fit_stable,
        _stable_tails,
        lambda n, rng, alpha, centre, scale: centre + Stable(alpha, scale).sample(n, rng),
    ),
    "pareto": Family(
        ("alpha", "least"),
        _fit_pareto,
        _pareto_tails,
        lambda n, rng, alpha, least: least * (rng.pareto(alpha, n) + 1),
    ),
}
