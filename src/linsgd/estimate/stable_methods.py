r"""Estimators of the index of a symmetric stable law, each with its asymptotic standard deviation.

For independent values of S(alpha)S(scale), centred:

- characteristic function (Koutrouvelis 1980): log(-log|phi(t)|) = alpha log scale + alpha log t at
  frequencies t, fitted by least squares weighted with the covariance of the empirical
  characteristic function, Cov(cos tX, cos uX) = [phi(t + u) + phi(t - u)]/2 - phi(t) phi(u).
- log-variance: Var log|X| = pi^2/6 (1/alpha^2 + 1/2), free of the scale. An unknown centre is the
  mean of the middle half: the median leaves its two neighbours at half of their distance, which
  shifts the estimate by a quarter of its deviation.
- quantiles (McCulloch 1986): (q95 - q05)/(q75 - q25) falls with alpha.
- blocks (Mohammadi, Mohammadpour, Ogata 2015; `stable_index`): the sum Y of m values has the law of
  m^{1/alpha} X, so 1/alpha = [E log|Y| - E log|X|]/log m.
- maximum likelihood: scoring with the density of `linsgd.stable`, whose standard deviation is the
  bound of Cramer and Rao.

`deviation(alpha)` is sqrt(n) times the standard deviation of the estimate of alpha, as n grows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.interpolate import PchipInterpolator, pchip_interpolate
from scipy.special import chdtrc, ndtr, polygamma

from linsgd.domains import FloatArray
from linsgd.jit import inlined, kernel, summing
from linsgd.stable import Stable
from linsgd.stable.contour import SMALLEST_ALPHA
from linsgd.stable.interpolation import ALPHA_SLOPE, LOG_DENSITY, ROUGH, Table, peak_width

Deviation = Callable[[float], float]

LARGEST_ALPHA = 2 - 1e-7  # maximum likelihood stays below 2, where d log f/dalpha is unbounded
_FREQUENCIES = np.geomspace(0.01, 2.2, 12)  # of (scale t)^alpha: 96 to 99 % efficient above 1.2
_LARGEST_WEIGHTS = 1.95  # alpha of the weights
_LEAST = 0.1  # share of the largest variance from which a component is tested
_PROBABILITIES = np.array([0.05, 0.25, 0.75, 0.95])
_ROUNDS = 2  # of weights and frequencies that follow the estimate
_SLOPE = 1e-4  # step of a derivative in alpha
_SCORING_STEPS = 12


@dataclass(frozen=True, slots=True)
class Estimate:
    """An index and a scale; the index may lie beyond 2, and is nan where the data give none."""

    alpha: float
    scale: float


@dataclass(frozen=True, slots=True)
class Method:
    """An estimator: its name, how it estimates, and the deviation of its index.

    `pivot` is the function of alpha in which the estimate is nearest to normal.
    """

    name: str
    estimate: Callable[[FloatArray], Estimate]
    deviation: Deviation
    pivot: Callable[[float], float] = float


def by_characteristic_function(x: FloatArray) -> Estimate:
    """Fit the logarithm of the empirical characteristic function of x (n,)."""
    return characteristic_fit(x)[0]


def characteristic_fit(x: FloatArray) -> tuple[Estimate, float]:
    """Return the estimate and the p-value of the fit.

    If x is stable, the residuals of the line are normal with a known covariance. The test takes
    their principal components whose variance is not negligible (the overidentification test of
    Hansen 1982); the others, near alpha = 2, are far from normal.
    """
    start = by_quantiles(x)
    if not math.isfinite(start.alpha):
        return start, math.nan
    alpha, scale = min(start.alpha, 2.0), start.scale
    for _ in range(_ROUNDS):
        t = _FREQUENCIES ** (1 / alpha)
        size = np.empty(t.size)
        _fill_modulus(x / scale, t, size)
        if not (size > 0).all() or not (size < 1).all():
            return Estimate(math.nan, math.nan), math.nan
        ordinates = np.log(-np.log(size))
        line = _weighted_line(alpha, t)
        level, slope = (float(number) for number in line @ ordinates)
        alpha = min(max(slope, SMALLEST_ALPHA), 2.0)
        scale *= math.exp(level / alpha)
    design = np.column_stack([np.ones_like(t), np.log(t)])
    onto_residuals = np.eye(t.size) - design @ line
    covariance = onto_residuals @ _log_covariance(alpha, t) @ onto_residuals.T
    sizes, directions = np.linalg.eigh(covariance / x.size)
    kept = sizes > _LEAST * sizes[-1]
    components = (onto_residuals @ ordinates @ directions)[kept] / np.sqrt(sizes[kept])
    pvalue = float(chdtrc(kept.sum(), components @ components))
    # a line steeper than 2 belongs to no stable law: one of two tests, hence the factor
    excess = (slope - 2) * math.sqrt(x.size) / characteristic_deviation(2.0)
    return Estimate(slope, scale), min(1.0, 2 * min(pvalue, float(ndtr(-excess))))


def characteristic_deviation(alpha: float) -> float:
    """Return the deviation of `by_characteristic_function`."""
    t = _FREQUENCIES ** (1 / alpha)
    line = _weighted_line(alpha, t)
    return math.sqrt(float(line[1] @ _log_covariance(alpha, t) @ line[1]))


@summing
def _fill_modulus(x: FloatArray, t: FloatArray, size: FloatArray) -> None:
    """Fill `size` (k,) with the modulus of the empirical characteristic function of x at t (k,).

    With r = t x / (2 pi) less the nearest integer and a = pi r, cos(t x) = 1 - 2 sin(a)^2 and
    sin(t x) = 2 sin(a) cos(a). The Taylor series of both at |a| <= pi/2 end at an error of 1e-12;
    without branches the loop is vectorised.
    """
    for k in range(t.size):
        frequency = t[k] / (2 * math.pi)
        cosine, sine = 0.0, 0.0
        for i in range(x.size):
            turns = frequency * x[i]
            a = math.pi * (turns - np.rint(turns))
            s, c = _sine_and_cosine(a)
            cosine += 1 - 2 * s * s
            sine += 2 * s * c
        size[k] = math.hypot(cosine, sine) / x.size


@inlined
def _sine_and_cosine(a: float) -> tuple[float, float]:
    """Return sin(a) and cos(a) for |a| <= pi/2 by their Taylor series, to 1e-12."""
    q = a * a
    s = 1 - q / 156 * (1 - q / 210 * (1 - q / 272))
    s = 1 - q / 42 * (1 - q / 72 * (1 - q / 110 * s))
    s = a * (1 - q / 6 * (1 - q / 20 * s))
    c = 1 - q / 132 * (1 - q / 182 * (1 - q / 240 * (1 - q / 306)))
    c = 1 - q / 30 * (1 - q / 56 * (1 - q / 90 * c))
    return s, 1 - q / 2 * (1 - q / 12 * c)


def _log_covariance(alpha: float, t: FloatArray) -> FloatArray:
    """Return n times the covariance of log(-log|phi_n(t)|) at unit scale (k, k)."""

    def phi(u: FloatArray) -> FloatArray:
        found: FloatArray = np.exp(-(np.abs(u) ** alpha))
        return found

    cosines = (phi(t[:, None] + t) + phi(t[:, None] - t)) / 2 - np.outer(phi(t), phi(t))
    slope = 1 / (phi(t) * np.log(phi(t)))
    return slope[:, None] * cosines * slope


def _weighted_line(alpha: float, t: FloatArray) -> FloatArray:
    """Return the matrix (2, k) from ordinates to level and slope of weighted least squares.

    The weights are those of alpha = 1.95 beyond it: at 2 there are combinations of frequencies
    without variance to first order, on which a finite sample is far from normal.
    """
    design = np.column_stack([np.ones_like(t), np.log(t)])
    weighted = np.linalg.solve(_log_covariance(min(alpha, _LARGEST_WEIGHTS), t), design).T
    found: FloatArray = np.linalg.solve(weighted @ design, weighted)
    return found


@kernel
def fill_block_inverses(x: FloatArray, block: int, inverses: FloatArray) -> None:
    """Fill `inverses` (n // block,) with (log|sum| - mean log|x|)/log(block) of each block of x.

    One logarithm is taken of the product of as many values as a double holds in range. A
    block that holds a zero, or sums to zero, gets inf or nan.
    """
    for i in range(inverses.size):
        total, logs, product = 0.0, 0.0, 1.0
        for j in range(i * block, (i + 1) * block):
            total += x[j]
            product *= abs(x[j])
            if not 1e-75 < product < 1e75:
                logs += math.log(product)
                product = 1.0
        mean = (logs + math.log(product)) / block
        inverses[i] = (math.log(abs(total)) - mean) / math.log(block)


def by_log_variance(x: FloatArray) -> Estimate:
    """Match the variance of log|x|, x (n,) centred and without zeros."""
    logs = np.log(np.abs(x))
    inverse_square = 6 * float(logs.var(ddof=1)) / math.pi**2 - 0.5
    if inverse_square <= 0:
        return Estimate(math.inf, math.nan)
    alpha = inverse_square**-0.5
    # E log|X| = log scale + gamma_E (1/alpha - 1)
    return Estimate(alpha, math.exp(float(logs.mean()) - np.euler_gamma * (1 / alpha - 1)))


def middle_mean(x: FloatArray) -> float:
    """Return the mean of the values between the quartiles of x (n,)."""
    quarter = x.size // 4
    return float(np.sort(x)[quarter : x.size - quarter].mean())


def log_variance_deviation(alpha: float) -> float:
    """Return the deviation of `by_log_variance`, from the fourth cumulant of log|X|."""
    variance = math.pi**2 / 6 * (1 / alpha**2 + 0.5)
    # log E|X|^s = s log 2 + log Gamma((1+s)/2) + log Gamma(1-s/alpha) - log Gamma(1-s/2) - log pi/2
    fourth = float(polygamma(3, 0.5) / 16 + polygamma(3, 1.0) * (alpha**-4 - 1 / 16))
    return 3 / math.pi**2 * alpha**3 * math.sqrt(fourth + 2 * variance**2)


def by_quantiles(x: FloatArray) -> Estimate:
    """Match the ratio of the spreads of the outer and the inner quantiles of x (n,)."""
    q05, q25, q75, q95 = np.quantile(x, _PROBABILITIES)
    if q75 == q25 or q95 - q05 == math.inf:
        return Estimate(math.nan, math.nan)
    alphas, log_ratios, inner = _quantile_curve()
    log_ratio = math.log((q95 - q05) / (q75 - q25))
    if log_ratio > log_ratios[-1]:
        return Estimate(math.nan, math.nan)
    # the ratio falls with alpha; the curve is continued beyond that of the normal law
    if log_ratio < log_ratios[0]:
        slope = float((alphas[1] - alphas[0]) / (log_ratios[1] - log_ratios[0]))
        alpha = 2.0 + slope * (log_ratio - float(log_ratios[0]))
    else:
        alpha = float(pchip_interpolate(log_ratios, alphas, log_ratio))
    return Estimate(alpha, float((q75 - q25) / np.interp(2 - alpha, 2 - alphas, inner)))


@cache
def _quantile_curve() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return falling alphas, their log (q95 - q05)/(q75 - q25), and q75 - q25 at unit scale."""
    alphas = 2 - (2 - SMALLEST_ALPHA) * np.linspace(0, 1, 60) ** 1.5
    quantiles = np.array([Stable(alpha).quantile(_PROBABILITIES[2:]) for alpha in alphas])
    return alphas, np.log(quantiles[:, 1] / quantiles[:, 0]), 2 * quantiles[:, 0]


def inverse_square(alpha: float) -> float:
    """Return alpha^-2, in which Var log|X| is linear."""
    return alpha**-2


def quantile_deviation(alpha: float) -> float:
    """Return the deviation of `by_quantiles`, by the delta method."""
    law, p = Stable(alpha), _PROBABILITIES
    q = law.quantile(p)
    density = law.pdf(q)
    covariance = (np.minimum.outer(p, p) - np.outer(p, p)) / np.outer(density, density)
    outer = q[3] - q[0]
    inner = q[2] - q[1]
    gradient = np.array([-1 / inner, outer / inner**2, -outer / inner**2, 1 / inner])
    lower = max(alpha - _SLOPE, SMALLEST_ALPHA)
    upper = min(alpha + _SLOPE, 2.0)
    ratios = [np.divide(*Stable(a).quantile(_PROBABILITIES[[3, 2]])) for a in (lower, upper)]
    slope = float(ratios[1] - ratios[0]) / (upper - lower)
    return math.sqrt(float(gradient @ covariance @ gradient)) / abs(slope)


def by_likelihood(x: FloatArray) -> Estimate:
    """Maximise the likelihood of centred x (n,) by scoring, from the characteristic function."""
    start = by_characteristic_function(x)
    if not math.isfinite(start.alpha):
        return start
    alpha = min(max(start.alpha, SMALLEST_ALPHA), 1.999)
    scale = start.scale
    sizes = np.abs(x)
    for _ in range(_SCORING_STEPS):
        table = Table.of(alpha, max(float(sizes.max()) / scale, 1.0), ROUGH)
        z = sizes / scale
        scores = _scores(table, z)
        information = scores @ scores.T / x.size
        step = np.linalg.solve(information, scores.mean(axis=1))
        deviation = math.sqrt(float(np.linalg.inv(information)[0, 0]) / x.size)
        proposed = alpha + float(np.clip(step[0], -0.3, 0.3))
        new = min(max(proposed, SMALLEST_ALPHA), (alpha + 2) / 2, LARGEST_ALPHA)
        scale *= math.exp(float(np.clip(step[1], -1, 1)))
        settled = abs(new - alpha) < 0.02 * deviation
        alpha = new
        if settled:
            break
    return Estimate(2.0 if alpha >= LARGEST_ALPHA else alpha, scale)


@cache
def likelihood_deviation(alpha: float) -> float:
    """Return the Cramer-Rao bound of sqrt(n) sd of the index, the scale being unknown."""
    a = min(alpha, LARGEST_ALPHA)
    width = peak_width(a)
    last = math.asinh(min(1e12, 1e11 ** max(1.0, 1 / a)) / width)
    table = Table.of(a, width * math.sinh(last), ROUGH)
    # midpoint rule in asinh(x/width), on both sides of 0
    edges = np.linspace(0, last, 2001)
    y = (edges[1:] + edges[:-1]) / 2
    z = width * np.sinh(y)
    weight = 2 * np.exp(table.at(z, LOG_DENSITY)) * width * np.cosh(y) * (edges[1] - edges[0])
    scores = _scores(table, z)
    information = (scores * weight) @ scores.T
    return math.sqrt(float(np.linalg.inv(information)[0, 0]))


def _scores(table: Table, z: FloatArray) -> FloatArray:
    """Return the slopes (2, n) of log f at |x| = scale z, in alpha and in log scale."""
    in_alpha = table.at(z, ALPHA_SLOPE)
    in_log_scale = -(1 + z * table.slope(z))
    return np.stack([in_alpha, in_log_scale])


@cache
def deviation_curve(name: str) -> PchipInterpolator:
    """Return an interpolant of log deviation in alpha, to 5e-3, of the method of a name."""
    alphas = SMALLEST_ALPHA + (LARGEST_ALPHA - SMALLEST_ALPHA) * (1 - np.linspace(1, 0, 40) ** 2)
    logs = [math.log(METHODS[name].deviation(float(alpha))) for alpha in alphas]
    return PchipInterpolator(alphas, logs)


METHODS = {
    method.name: method
    for method in (
        Method("characteristic_function", by_characteristic_function, characteristic_deviation),
        Method("log_variance", by_log_variance, log_variance_deviation, inverse_square),
        Method("quantiles", by_quantiles, quantile_deviation),
        Method("likelihood", by_likelihood, likelihood_deviation),
    )
}
