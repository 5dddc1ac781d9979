r"""The constant C of the tail P(|W - w*| > t) ~ C t^-alpha, for isotropic Gaussian features and labels.

With r = |W - w*| stationary, A W rotated freely and m = h'(alpha) (Goldie 1991),

    C = K / (alpha m),      K = E[ |A W + B|^alpha - |A W|^alpha ],

where K is also the growth of E|W_k - w*|^alpha a step, and the number in a Poisson equation on the
half-line. At alpha = 2 it is E|B|^2. The limit needs a law of log|A| that is not arithmetic.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.labels import GaussianNoise
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee, Result
from linsgd.theory.tails.bounded_steps import lightness
from linsgd.theory.tails.exponents import tail_exponent
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.one_feature import scalar
from linsgd.theory.tails.result import UNKNOWN_ORDER, Interval, TailResult, TailStatus
from linsgd.theory.tails.setting import Setting
from linsgd.theory.tails.tail_constant import poisson
from linsgd.theory.tails.tail_constant.arithmetic import period

LARGEST_ERROR = 1e-3  # relative, of a constant that is given
_LEAST_ERROR = 1e-10  # relative: levels may agree by chance
_LARGEST_LOG = 700.0  # of a double
_NOTHING = Interval(math.nan, math.nan, math.nan)


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

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> round(tail_constant(problem, linsgd.SGD(lr=2 / 3)).value, 8)
    0.45290362
    """
    accept(problem, sgd)
    setting = Setting.of(problem, sgd)
    repeats, needs = period(setting), _needs(problem, setting)
    quick = not needs or not scalar.covers(setting) or bool(lightness(setting)[0])
    if not quick:  # whether there is a power law may take particles minutes
        domains.refuse("problem and sgd", "this setting", needs)
    alpha = tail_exponent(problem, sgd)
    if alpha.status is TailStatus.UNRESOLVED:
        return _unresolved(alpha.reason)
    if alpha.status is not TailStatus.POWER_LAW:
        return _result(_NOTHING, alpha.status, alpha.reason)
    if needs and not repeats:
        domains.refuse("problem and sgd", "this setting", needs)
    if repeats:
        reason = f"log|A| takes multiples of {repeats:.12g} only: t^alpha P(|W - w*| > t) has that period in log t"
        return _result(_NOTHING, TailStatus.OSCILLATES, reason)
    if alpha.value > poisson.LARGEST_EXPONENT:
        return _unresolved(f"alpha = {alpha.value:.4g} is above {poisson.LARGEST_EXPONENT:g}")
    return _constant(setting, problem.noise_std, alpha)


def _needs(problem: LinearRegression, setting: Setting) -> str:
    """Return why |W - w*| is no Markov chain of a known step, or nothing."""
    if missing := quadrature.covers(setting):
        return missing
    if not isinstance(problem.noise, GaussianNoise):
        return "Gaussian label noise"
    return "weight_decay 0, or the optimum 0" if setting.decay and problem.optimum.any() else ""


def _constant(setting: Setting, noise: float, alpha: TailResult) -> TailResult:
    law = quadrature.radial_law(setting)
    scale, growth = poisson.growth(law, alpha.value)
    log_unit = math.log(scale * noise) - math.log(float(setting.spectrum.mean())) / 2
    drift = (alpha.upper - alpha.lower) * (4 + 1 / alpha.value + abs(log_unit))
    error = (growth.upper - growth.lower) / 2 / growth.value + drift + _LEAST_ERROR
    if not 0 < error < LARGEST_ERROR:
        return _unresolved(f"at alpha = {alpha.value:.4g} two levels of the calculation differ")
    log_value = (
        math.log(growth.value / (alpha.value * law.log_moment(alpha.value)[1]))
        + alpha.value * log_unit
    )
    if abs(log_value) > _LARGEST_LOG:
        return _unresolved(f"C = exp({log_value:.6g}) is beyond a double")
    value = math.exp(log_value)
    return _result(Interval.about(value, error * value), TailStatus.POWER_LAW)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TailProbability(Result):
    """The predicted survival function P(|W - w*| > t) ~ C t^-alpha: the first term for large t, which says no more.

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

    t: FloatArray
    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    exponent: TailResult
    constant: TailResult
    status: TailStatus


def tail_probability(problem: LinearRegression, sgd: SGD, t: ArrayLike) -> TailProbability:
    r"""Return the survival function P(|W - w*| > t) of the stationary law as its tail predicts it, for large t.

    Parameters
    ----------
    problem, sgd
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
    accept(problem, sgd)
    distances = domains.array("t", t, (None,))
    if distances.min() <= 0:
        domains.refuse("t", float(distances.min()), "(0, inf)")
    constant, alpha = tail_constant(problem, sgd), tail_exponent(problem, sgd)
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
    if constant.status is not TailStatus.POWER_LAW:
        known = (0.0, 1.0) if constant.status is TailStatus.UNRESOLVED else (math.nan, math.nan)
        return np.repeat([[math.nan], [known[0]], [known[1]]], log_t.size, axis=1)
    log_c = np.log([[constant.value], [constant.lower], [constant.upper]])
    fall = np.stack([each * log_t for each in (alpha.value, alpha.upper, alpha.lower)])
    fall[1:] = fall[1:].max(axis=0), fall[1:].min(axis=0)
    return np.exp(np.minimum(log_c - fall, 0.0))


def _unresolved(reason: str) -> TailResult:
    return _result(UNKNOWN_ORDER, TailStatus.UNRESOLVED, reason)


def _result(bounds: Interval, status: TailStatus, reason: str = "") -> TailResult:
    return TailResult(
        quantity="tail_constant",
        value=bounds.value,
        lower=bounds.lower,
        upper=bounds.upper,
        guarantee=Guarantee.NUMERICAL,
        method="goldie",
        status=status,
        reason=reason,
    )
