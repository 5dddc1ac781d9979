r"""The constant C of the tail P(|W - w*| > t) ~ C t^-alpha, for isotropic Gaussian features.

With r = |W - w*| stationary, A W rotated freely and m = h'(alpha) (Goldie 1991),

    C = K / (alpha m),      K = E[ |A W + B|^alpha - |A W|^alpha ],

where K is also the growth of E|W_k - w*|^alpha a step, and the number in a Poisson equation on the
half-line. At alpha = 2 it is E|B|^2. The limit needs a law of log|A| that is not arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.labels import GaussianNoise
from linsgd.problems.linear_regression import LinearRegression
from linsgd.references import GOLDIE_1991, KESTEN_1973
from linsgd.result import Result
from linsgd.theory.tails.bounded_steps import all_moments_finite, label_exponent
from linsgd.theory.tails.exponents import exponent_of
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.one_feature import scalar
from linsgd.theory.tails.result import (
    ANY_POSITIVE,
    NO_NUMBER,
    Interval,
    TailResult,
    TailStatus,
)
from linsgd.theory.tails.setting import Setting
from linsgd.theory.tails.tail_constant import poisson
from linsgd.theory.tails.tail_constant.arithmetic import period

LARGEST_ERROR = 1e-3  # relative, of a constant that is given
_LEAST_ERROR = 1e-10  # relative: levels may agree by chance
_LARGEST_LOG = 700.0  # of a double


class _Tail(NamedTuple):
    """C and alpha."""

    constant: TailResult
    exponent: TailResult


def tail_constant(problem: LinearRegression, sgd: SGD) -> TailResult:
    r"""Return the constant C of the tail P(|W - w*| > t) ~ C t^-alpha.

    Parameters
    ----------
    problem : LinearRegression
        Isotropic Gaussian features, Gaussian label noise; with weight decay the optimum 0.
    sgd : SGD
        Without momentum.

    Returns
    -------
    TailResult
        C with numerical bounds, from two levels of the calculation: relative errors of about 1e-6
        or less up to alpha = 50 and d = 1000, of 1e-4 at the edge of stability and up to d = 10^4.
        "unresolved" where they are above 1e-3, beyond alpha = 150, or where C is no double. Where
        there is no power law the status is `tail_exponent`'s, with bounded features too and with
        one feature of any law; where log|A| is arithmetic, for one feature of finitely many values,
        it is "oscillates".

    Raises
    ------
    ValueError
        If the problem or the optimizer is another one, and there may be a power law.

    See Also
    --------
    tail_exponent, tail_probability

    Notes
    -----
    C = E[|A W + B|^alpha - |A W|^alpha] / (alpha h'(alpha)), with W' = A W + B one step and W + w*
    stationary [1]_; the mean is the number K in the Poisson equation E[psi(W')|W] = psi(W) + K.

    References
    ----------
    .. [1] C. M. Goldie, "Implicit renewal theory and tails of solutions of random equations",
       Annals of Applied Probability 1, 1991.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> round(linsgd.tail_constant(problem, linsgd.SGD(lr=2 / 3)).value, 8)
    0.45290362
    """
    accept(problem, sgd)
    return _tail(problem, sgd).constant


def _tail(problem: LinearRegression, sgd: SGD) -> _Tail:
    """Return C and alpha; refuse a setting that may have a power law but is not covered."""
    setting = Setting.of(problem, sgd)
    needs = _needs(problem, setting)
    if needs and scalar.covers(setting) and not all_moments_finite(setting).reason:
        # not even alpha: whether there is a power law may take particles minutes
        domains.refuse("problem and sgd", "this setting", needs)
    alpha = exponent_of(setting, label_exponent(problem))
    if alpha.status is TailStatus.UNRESOLVED:
        return _Tail(_unresolved(alpha.reason), alpha)
    if alpha.status is not TailStatus.POWER_LAW:
        return _Tail(_result(NO_NUMBER, alpha.status, alpha.reason), alpha)
    if repeats := period(setting):
        reason = (
            f"log|A| takes multiples of {repeats:.12g} only: t^alpha P(|W - w*| > t) has that "
            "period in log t"
        )
        return _Tail(_result(NO_NUMBER, TailStatus.OSCILLATES, reason), alpha)
    if needs:
        domains.refuse("problem and sgd", "this setting", needs)
    if alpha.value > poisson.LARGEST_EXPONENT:
        most = f"{poisson.LARGEST_EXPONENT:g}"
        reason = f"alpha = {alpha.value:.4g} is above {most}: a larger lr has a smaller alpha"
        return _Tail(_unresolved(reason), alpha)
    return _Tail(_constant(setting, problem.noise_std, alpha), alpha)


def _needs(problem: LinearRegression, setting: Setting) -> str:
    """Return the unmet requirement of a Markov chain of |W - w*| alone, or ''."""
    if missing := quadrature.covers(setting):
        return missing
    if type(problem.noise) is not GaussianNoise:
        return "Gaussian label noise"
    return "weight_decay 0, or the optimum 0" if setting.decay and problem.optimum.any() else ""


def _constant(setting: Setting, noise: float, alpha: TailResult) -> TailResult:
    """Return C = K / (alpha h'(alpha)) with the errors of K and of alpha."""
    law = quadrature.radial_law(setting)
    scale, growth = poisson.growth(law, alpha.value)
    # distances are in units of noise / sqrt(variance), K in units of scale^alpha
    log_variance = math.log(float(setting.spectrum.mean()) * setting.scale)
    log_unit = math.log(scale * noise) - log_variance / 2
    # an error of alpha moves C by about d log C / d alpha
    drift = (alpha.upper - alpha.lower) * (4 + 1 / alpha.value + abs(log_unit))
    error = (growth.upper - growth.lower) / 2 / growth.value + drift + _LEAST_ERROR
    if not 0 < error < LARGEST_ERROR:
        reason = (
            f"at alpha = {alpha.value:.4g} two levels of the calculation differ: C is resolved at "
            "smaller alpha and farther from the edge of stability"
        )
        return _unresolved(reason)
    _, slope = law.log_moment(alpha.value)
    log_value = math.log(growth.value / (alpha.value * slope)) + alpha.value * log_unit
    if abs(log_value) > _LARGEST_LOG:
        return _unresolved(f"C = exp({log_value:.6g}) is beyond a double: change the unit of w")
    value = math.exp(log_value)
    return _result(Interval.about(value, error * value), TailStatus.POWER_LAW)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TailProbability(Result):
    """The predicted survival function P(|W - w*| > t) ~ C t^-alpha, its first term for large t.

    Attributes
    ----------
    t, value, lower, upper : ndarray (n,)
        Distances, probabilities and bounds from those of C and alpha; nan where there is no power
        law. Where C is unresolved the bounds are 0 and 1.
    exponent, constant : TailResult
        alpha and C.
    status : TailStatus
        Of the constant.
    """

    references = (KESTEN_1973, GOLDIE_1991)
    t: FloatArray
    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    exponent: TailResult
    constant: TailResult
    status: TailStatus


def tail_probability(problem: LinearRegression, sgd: SGD, t: ArrayLike) -> TailProbability:
    r"""Return the survival function P(|W - w*| > t) of the stationary law for large t.

    Parameters
    ----------
    problem, sgd
        As in `tail_constant`.
    t : array_like (n,)
        Distances, positive. Predictions above 1 are cut to 1.

    Returns
    -------
    TailProbability
        C t^-alpha with the bounds that those of C and alpha give.

    Raises
    ------
    ValueError
        If a distance is not positive, or as `tail_constant` does.

    See Also
    --------
    tail_constant, tail_exponent, rare_events

    Notes
    -----
    The first term of an expansion for large t, whose error is not estimated; `rare_events`
    simulates the probability itself.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> linsgd.tail_probability(problem, linsgd.SGD(lr=2 / 3), [1e3, 1e6]).value
    array([4.52903621e-07, 4.52903621e-13])
    """
    accept(problem, sgd)
    distances = domains.array("t", t, (None,))
    if distances.min() <= 0:
        domains.refuse("t", float(distances.min()), "(0, inf)")
    constant, alpha = _tail(problem, sgd)
    value, lower, upper = _survival(np.log(distances), constant, alpha)
    return TailProbability(
        t=distances,
        value=value,
        lower=lower,
        upper=upper,
        exponent=alpha,
        constant=constant,
        status=constant.status,
    )


def _survival(log_t: FloatArray, constant: TailResult, alpha: TailResult) -> FloatArray:
    """Return C t^-alpha and its bounds (3, n), at most 1, in logarithms as the powers overflow."""
    n = log_t.size
    if constant.status is TailStatus.UNRESOLVED:
        return np.repeat([[math.nan], [0.0], [1.0]], n, axis=1)
    if constant.status is not TailStatus.POWER_LAW:
        return np.full((3, n), math.nan)
    log_c = np.log([[constant.value], [constant.lower], [constant.upper]])
    # t^-alpha is least with the upper end of alpha for t > 1, with the lower one for t < 1
    fall, first, second = (each * log_t for each in (alpha.value, alpha.upper, alpha.lower))
    falls = np.stack([fall, np.maximum(first, second), np.minimum(first, second)])
    survival: FloatArray = np.exp(np.minimum(log_c - falls, 0.0))
    return survival


def _unresolved(reason: str) -> TailResult:
    return _result(ANY_POSITIVE, TailStatus.UNRESOLVED, reason)


def _result(bounds: Interval, status: TailStatus, reason: str = "") -> TailResult:
    return TailResult.of("tail_constant", bounds, "goldie", status, reason)
