"""Which noise makes the tail of the stationary law: none, the factors of the steps, or the labels.

W' = A W + B has a light tail where no product of the A expands and B is light (additive noise), the
exponent of the products where they expand now and then (multiplicative noise), and that of B where
it is the heavier of the two (heavy additive noise; Grincevicius 1975, Grey 1994).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from linsgd.blocks import Progress
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.references import HODGKINSON_MAHONEY_2021, KESTEN_1973
from linsgd.result import Result, Status
from linsgd.theory.tails.bounded_steps import label_exponent
from linsgd.theory.tails.exponents import exponent_of, sample_budget
from linsgd.theory.tails.result import TailResult, TailStatus
from linsgd.theory.tails.setting import Setting


class NoiseRegime(Status):
    """The noise that decides the tail of the stationary law."""

    ADDITIVE = "additive"  # every moment is finite
    MULTIPLICATIVE = "multiplicative"  # products of the steps
    HEAVY_ADDITIVE = "heavy_additive"  # the labels
    NONE = "none"  # there is no stationary law, or it is a point
    UNRESOLVED = "unresolved"  # the bounds of the products hold the exponent of the labels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NoiseRegimes(Result):
    """The regime of the noise, and the two exponents that compete.

    Attributes
    ----------
    regime : NoiseRegime
        Which wins.
    products : TailResult
        The exponent of the products of steps, as if the labels had all moments.
    labels : float
        The exponent of the labels' own tail; inf if they have all moments.
    """

    references = (KESTEN_1973, HODGKINSON_MAHONEY_2021)
    regime: NoiseRegime
    products: TailResult
    labels: float


def noise_regime(
    problem: LinearRegression,
    sgd: SGD,
    *,
    seed: int = 0,
    budget: float = math.inf,
    progress: Progress | None = None,
) -> NoiseRegimes:
    """Return which noise makes the tail of the stationary law, and which exponent wins.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        The optimizer.
    seed, budget, progress
        As in `tail_exponent`.

    Returns
    -------
    NoiseRegimes
        "additive", "multiplicative" or "heavy_additive", with both exponents.

    Raises
    ------
    ValueError
        If an argument lies outside its domain or is not covered.

    See Also
    --------
    tail_exponent : The exponent that wins, alone.

    Examples
    --------
    >>> import linsgd
    >>> gaussian = linsgd.LinearRegression.gaussian([1.0])
    >>> print(linsgd.noise_regime(gaussian, linsgd.SGD(lr=0.5)).regime)
    multiplicative
    >>> heavy = linsgd.LinearRegression.gaussian([1.0], noise=linsgd.StudentNoise(2.5))
    >>> print(linsgd.noise_regime(heavy, linsgd.SGD(lr=0.5)).regime)
    heavy_additive
    """
    accept(problem, sgd)
    sampling = sample_budget(seed, budget, progress)
    labels = label_exponent(problem)
    products = exponent_of(Setting.of(problem, sgd), math.inf, sampling=sampling)
    return NoiseRegimes(regime=_regime(products, labels), products=products, labels=labels)


def _regime(products: TailResult, labels: float) -> NoiseRegime:
    """Return the regime of two exponents."""
    if products.status in (TailStatus.NO_STATIONARY_LAW, TailStatus.DEGENERATE):
        return NoiseRegime.NONE
    if products.status is TailStatus.LIGHT:
        return NoiseRegime.ADDITIVE if math.isinf(labels) else NoiseRegime.HEAVY_ADDITIVE
    if labels < products.lower:
        return NoiseRegime.HEAVY_ADDITIVE
    stationary = products.status in (TailStatus.POWER_LAW, TailStatus.OSCILLATES)
    if stationary and products.upper < labels:
        return NoiseRegime.MULTIPLICATIVE
    return NoiseRegime.UNRESOLVED
