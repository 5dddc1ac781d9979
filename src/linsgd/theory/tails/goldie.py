r"""The constant C of the tail P(|W - w*| > t) ~ C t^-alpha, for isotropic Gaussian features and labels.

With r = |W - w*| stationary, A W rotated freely and m = h'(alpha) (Goldie 1991),

    C = E[ |A W + B|^alpha - |A W|^alpha ] / (alpha m).

At alpha = 2 and 4 it is known: that of |B|^2, and of 2 |A W|^2 |B|^2 + 4 (A W.B)^2 + |B|^4, given the moments of
Wishart matrices and E r^2 = E|B|^2 / (1 - h(2)). Else r is sampled: given r, with c = lr / b, M = variance r^2 +
noise^2, C ~ chi2_b, K ~ chi2_{d-1} and n ~ N(0, 1) (features scaled to variance 1),

    |A W|^2      = (r - c C r)^2 + c^2 C K r^2,
    |A W + B|^2  = (r - c C r - c sqrt(C) noise n)^2 + c^2 C K (r^2 + noise^2),

and the difference, averaged over n and -n, is of order r^{alpha - 2}: its variance is finite for alpha < 4.

The limit needs a law of log|A| that is not arithmetic. For one feature from a data set A takes finitely many values;
where the logarithms of all |A| are multiples of one number, t^alpha P(|W| > t) oscillates in log t with that period
and there is no constant (Rademacher features in d = 1 are its extreme: one value, and no power law either).
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.features import FiniteData, RademacherFeatures
from linsgd.labels import GaussianNoise
from linsgd.optimizer import SGD
from linsgd.problem import LinearRegression
from linsgd.result import Guarantee, Result
from linsgd.theory.tails import quadrature
from linsgd.theory.tails.exponents import tail_exponent
from linsgd.theory.tails.result import Interval, TailResult, TailStatus
from linsgd.theory.tails.setting import Setting

CONFIDENCE = 0.999
LARGEST_EXPONENT = 3.8
CHAINS, GROUPS, STEPS = 20_000, 20, 200
MOST_VALUES, LARGEST_DENOMINATOR = 1000, 32  # of A, and of the ratios of log|A| that are called rational
_ROUNDING = 1e-12
_NOTHING = Interval(math.nan, math.nan, math.nan)


def tail_constant(problem: LinearRegression, sgd: SGD, seed: int = 0) -> TailResult:
    r"""Return the constant C of the tail P(|W - w*| > t) ~ C t^-alpha.

    Parameters
    ----------
    problem : LinearRegression
        Isotropic Gaussian features, Gaussian label noise.
    sgd : SGD
        Without momentum and weight decay.
    seed : int
        For the sample of the stationary law, needed unless alpha is 2 or 4.

    Returns
    -------
    TailResult
        C with bounds: statistical at confidence 0.999, numerical at alpha = 2 and 4; "unresolved" for other alpha above
        3.8, where the variance of the sample is infinite or nearly so. Where there is no power law the status is
        `tail_exponent`'s; where log|A| is arithmetic, for one feature of finitely many values, it is "oscillates".

    Raises
    ------
    ValueError
        If the problem or the optimizer is another one.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> round(tail_constant(problem, linsgd.SGD(lr=2 / 3)).value, 8)
    0.45290362
    """
    setting = Setting.of(problem, sgd)
    period = _period(setting)
    needs = quadrature.covers(setting) or ("weight_decay 0" if sgd.weight_decay else "")
    needs = needs or ("" if isinstance(problem.noise, GaussianNoise) else "Gaussian label noise")
    if needs and not period:
        domains.refuse("problem and sgd", "this setting", needs)
    alpha = tail_exponent(problem, sgd)
    if alpha.status is not TailStatus.POWER_LAW:
        return _result(_NOTHING, alpha.status, alpha.reason)
    if period:
        reason = f"log|A| takes multiples of {period:.12g} only: t^alpha P(|W - w*| > t) has that period in log t"
        return _result(_NOTHING, TailStatus.OSCILLATES, reason)
    slope = quadrature.radial_law(setting).log_moment(alpha.value)[1]
    for order, expectation in ((2, _square_increment), (4, _fourth_increment)):
        if alpha.lower <= order <= alpha.upper:
            error = 4 * quadrature.BACKWARD_ERROR + 4 * (alpha.upper - alpha.lower)
            value = expectation(setting, problem.noise_std) / (order * slope)
            return _result(Interval.about(value, error * value), TailStatus.POWER_LAW, guarantee=Guarantee.NUMERICAL)
    if alpha.value > LARGEST_EXPONENT:
        reason = f"alpha = {alpha.value:.4g} is above {LARGEST_EXPONENT}: the sample's variance is infinite, or nearly"
        return _result(Interval(math.nan, 0.0, math.inf), TailStatus.UNRESOLVED, reason)
    increments = _increments(setting, problem.noise_std, alpha.value, alpha.lyapunov, seed)
    groups = increments.reshape(GROUPS, -1).mean(axis=1) / (alpha.value * slope)
    error = float(student.ppf((1 + CONFIDENCE) / 2, GROUPS - 1)) * float(groups.std(ddof=1)) / math.sqrt(GROUPS)
    return _result(Interval.about(float(groups.mean()), error), TailStatus.POWER_LAW)


def _square_increment(setting: Setting, noise: float) -> float:
    """Return E|B|^2."""
    return setting.lr**2 * noise**2 * float(setting.spectrum.sum()) / setting.batch


def _fourth_increment(setting: Setting, noise: float) -> float:
    """Return E[|A W + B|^4 - |A W|^4], S = X'X white Wishart: E[S], E[S^2], E[S^3], and these times tr S."""
    d, b, variance = setting.dimension, setting.batch, float(setting.spectrum.mean())
    c, squared = setting.lr * variance / b, noise**2 / variance
    first, second, third = b, b * (b + d + 1), b * (b * b + 3 * b * (d + 1) + d * d + 3 * d + 4)
    spread = c * c * squared * b * d / (2 * c * b - c * c * second)  # E r^2
    lengths = b * d - 2 * c * (b * d + 2) * first + c * c * (b * d + 4) * second
    aligned = first - 2 * c * second + c * c * third
    pushed = b * d * (b * d + 2) + 2 * d * second
    return c * c * squared * spread * (2 * lengths + 4 * aligned) + c**4 * squared**2 * pushed


def _period(setting: Setting) -> float:
    """Return the largest number whose multiples hold every log|A| of one feature with few values, or 0."""
    law = setting.features
    if setting.dimension > 1 or setting.momentum or not isinstance(law, FiniteData | RademacherFeatures):
        return 0.0
    squares = np.unique(np.square(law.X).sum(axis=1)) if isinstance(law, FiniteData) else setting.spectrum
    if math.comb(squares.size + setting.batch - 1, setting.batch) > MOST_VALUES:
        return 0.0
    sums = np.array([sum(chosen) for chosen in combinations_with_replacement(squares, setting.batch)])
    factors = np.abs(setting.shrinkage - setting.lr / setting.batch * sums)
    logs = np.abs(np.log(factors[factors > _ROUNDING]))
    logs = logs[logs > _ROUNDING]
    if not logs.size:
        return 0.0
    shares = [Fraction(float(each / logs.min())).limit_denominator(LARGEST_DENOMINATOR) for each in logs]
    if max(abs(float(share) * logs.min() - each) for share, each in zip(shares, logs, strict=True)) > _ROUNDING:
        return 0.0
    return float(logs.min()) / math.lcm(*(share.denominator for share in shares))


def _increments(setting: Setting, noise: float, alpha: float, rho: float, seed: int) -> FloatArray:
    """Return the mean of |A W + B|^alpha - |A W|^alpha over late steps for each chain (CHAINS,)."""
    rng = np.random.default_rng(seed)
    d, b, variance = setting.dimension, setting.batch, float(setting.spectrum.mean())
    c, noise = setting.lr * variance / b, noise / math.sqrt(variance)
    r, total = np.full(CHAINS, noise), np.zeros(CHAINS)
    settling = math.ceil(min(4000.0, 25 / abs(rho) / min(alpha, 1.0)))
    for step in range(settling + STEPS):
        C = 2 * rng.standard_gamma(b / 2, CHAINS)
        K = 2 * rng.standard_gamma((d - 1) / 2, CHAINS) if d > 1 else np.zeros(CHAINS)
        n = rng.standard_normal(CHAINS)
        drift, across, push = r - c * C * r, c * c * C * K, c * np.sqrt(C) * noise * n
        stretched = drift**2 + across * r**2
        ahead, behind = ((drift + sign * push) ** 2 + across * (r**2 + noise**2) for sign in (1, -1))
        if step >= settling:
            total += (ahead ** (alpha / 2) + behind ** (alpha / 2)) / 2 - stretched ** (alpha / 2)
        r = np.sqrt(ahead)
    mean: FloatArray = total / STEPS
    return mean


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TailProbability(Result):
    """The predicted survival function P(|W - w*| > t) ~ C t^-alpha: the first term for large t, which says no more.

    Attributes
    ----------
    t, value, lower, upper : ndarray (n,)
        Distances, probabilities and bounds from those of C and alpha; nan where there is no power law.
    exponent, constant : TailResult
        alpha and C.
    status : TailStatus
        Of the constant.
    """

    t: FloatArray
    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    exponent: TailResult
    constant: TailResult
    status: TailStatus


def tail_probability(problem: LinearRegression, sgd: SGD, t: ArrayLike, seed: int = 0) -> TailProbability:
    r"""Return the survival function P(|W - w*| > t) of the stationary law as its tail predicts it, for large t.

    Parameters
    ----------
    problem, sgd, seed
        As in `tail_constant`.
    t : array_like (n,)
        Distances, positive. What is predicted above 1 is cut to 1.

    Returns
    -------
    TailProbability
        C t^-alpha with the bounds that those of C and alpha give.

    Raises
    ------
    ValueError
        If a distance is not positive, or as `tail_constant` does.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> tail_probability(problem, linsgd.SGD(lr=2 / 3), [1e3, 1e6]).value
    array([4.52903621e-07, 4.52903621e-13])
    """
    distances = domains.array("t", t, (None,))
    if distances.min() <= 0:
        domains.refuse("t", float(distances.min()), "(0, inf)")
    constant, alpha = tail_constant(problem, sgd, seed), tail_exponent(problem, sgd)
    steep, shallow = (
        np.where(distances > 1, distances**-first, distances**-second)
        for first, second in ((alpha.upper, alpha.lower), (alpha.lower, alpha.upper))
    )
    return TailProbability(
        t=distances,
        value=np.minimum(constant.value * distances**-alpha.value, 1.0),
        lower=np.minimum(constant.lower * steep, 1.0),
        upper=np.minimum(constant.upper * shallow, 1.0),
        exponent=alpha,
        constant=constant,
        status=constant.status,
    )


def _result(
    bounds: Interval, status: TailStatus, reason: str = "", guarantee: Guarantee = Guarantee.STATISTICAL
) -> TailResult:
    return TailResult(
        quantity="tail_constant",
        value=bounds.value,
        lower=bounds.lower,
        upper=bounds.upper,
        guarantee=guarantee,
        method="goldie",
        status=status,
        reason=reason,
        confidence=CONFIDENCE if guarantee is Guarantee.STATISTICAL else None,
    )
