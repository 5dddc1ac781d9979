r"""Errors of the Langevin equation: their orders in lr, and the threshold of oscillation.

Compared with the algorithm with the same noise, and h for the curvature of one mode:

- Cov(w, v) is 0 in place of lr Var(v)/2, a correlation of sqrt(lr h / (2 (1 + beta)));
- the damping rate of an underdamped mode is u in place of artanh(u), u = (1 - beta)/(1 + beta), at
  every lr;
- the mean at a fixed time lr k has an error O(lr), and O(lr^2) from the matched velocity;
- modes are underdamped beyond lr h = (1 - beta)^2 / (2 (1 + beta)) in place of
  (1 - sqrt(beta))^2.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import sympy

from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.expansions import lr_expansion
from linsgd.symbolic.propagators import propagator
from linsgd.symbolic.symbols import Cov, Var, eta, h_lambda
from linsgd.theory.langevin import moments as langevin
from linsgd.theory.langevin.equivalence import equivalent
from linsgd.theory.moments import moments, stationary_moments
from linsgd.theory.oscillation import oscillation

w, v, w_1, w_2 = sympy.symbols("w v w_1 w_2")
ONE_MODE = LinearRegression.gaussian([1.0])
MOMENTUM = 0.8
RATES = 2.0 ** -np.arange(9, 16)
WHOLE = "0.05: orders are integers or half-integers"


@kunin.claim(on="law")
def correlation_error_is_of_half_order(named: NamedProblem) -> Draft:
    """Measure how the correlation of w and v, absent from the equation, falls with lr."""
    law = sympy.Eq(Cov(w, v) / sympy.sqrt(Var(w) * Var(v)), lr_expansion("correlation")["exact"])
    return _order_draft(
        (
            "The correlation of position and velocity, which is 0 in the Langevin equation, falls "
            "as the square root of lr: it is the equation's error of lowest order."
        ),
        law,
        0.5,
        {"first order": 1.0, "independent of lr": 0.0},
        _correlation,
    )


@kunin.claim(on="law")
def ringing_damping_error_is_independent_of_lr(named: NamedProblem) -> Draft:
    """Measure how the relative error of the damping of underdamped modes depends on lr."""
    return _order_draft(
        (
            "The relative error of the Langevin equation's damping rate of underdamped modes does "
            "not fall with lr; it depends on momentum alone."
        ),
        lr_expansion("damping").formula,
        0.0,
        {"first order": 1.0, "half order": 0.5},
        _damping,
    )


@kunin.claim(on="law")
def mean_path_error_is_first_order(named: NamedProblem) -> Draft:
    """Measure the order of the error of the mean at a fixed time lr k."""
    return _order_draft(
        (
            "At a fixed time lr k the mean of the Langevin equation, started from the algorithm's "
            "velocity, has an error of first order in lr."
        ),
        lr_expansion("mean", 1).formula,
        1.0,
        {"second order": 2.0, "half order": 0.5},
        partial(_mean, matched=False),
    )


@kunin.claim(on="law")
def matched_mean_path_error_is_second_order(named: NamedProblem) -> Draft:
    """Measure the same from the matched velocity."""
    return _order_draft(
        (
            "Started from the velocity half a step later, the mean of the Langevin equation at a "
            "fixed time lr k has an error of second order in lr."
        ),
        lr_expansion("matched_mean", 2).formula,
        2.0,
        {"first order": 1.0, "third order": 3.0},
        partial(_mean, matched=True),
    )


@kunin.claim(on="law")
def equivalent_optimizers_part_at_first_order(named: NamedProblem) -> Draft:
    """Measure how optimizers of equal lr (1 + momentum) and b (1 - momentum^2) differ."""
    return _order_draft(
        (
            "Optimizers of equal lr (1 + momentum) and equal b (1 - momentum^2) have stationary "
            "variances whose relative difference is of first order in lr."
        ),
        sympy.Eq(Var(w_1) / Var(w_2), 1 + sympy.Order(eta), evaluate=False),
        1.0,
        {"second order": 2.0, "independent of lr": 0.0},
        _equivalence,
    )


@kunin.claim(on="law")
def ringing_starts_at_the_discrete_threshold(named: NamedProblem) -> Draft:
    """Find the curvature at which the roots of one step become complex, at three momenta."""
    momenta = np.array([0.3, 0.5, 0.8])
    exact, equation = (1 - np.sqrt(momenta)) ** 2, (1 - momenta) ** 2 / (2 * (1 + momenta))
    return Draft(
        statement=(
            "A mode becomes underdamped at lr h = (1 - sqrt(momentum))^2, found by bisection on "
            "the eigenvalues of one step; the threshold of the Langevin equation is slightly "
            "lower."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(eta * h_lambda, eta * propagator("critical").explicit("h_lambda")),
        regime="one mode; momentum 0.3, 0.5 and 0.8; no simulation",
        components=tuple(f"lr h at momentum {m:g}" for m in momenta),
        prediction=exact,
        acceptance=Acceptance.interval(
            exact, 1e-3 * exact, "a thousandth: the two thresholds differ by 0.6 to 10 %"
        ),
        mutants={
            "the threshold of the Langevin equation": equation,
            "(1 - momentum)^2 / 4, its limit at momentum near 1": (1 - momenta) ** 2 / 4,
        },
        evidence=Enclosure(enclose=partial(_threshold, momenta)),
    )


def _order_draft(
    statement: str,
    formula: sympy.Basic,
    order: float,
    mutants: dict[str, float],
    error: Callable[[float], float],
) -> Draft:
    """Claim that `error` falls as a power of lr, measured by a regression of logarithms."""
    return Draft(
        statement=statement,
        source=Source.LIMIT,
        formula=formula,
        regime=(
            f"one mode, momentum {MOMENTUM:g}, lr h from 2^-9 to 2^-15 (underdamped: from 1 to "
            "2^-6); no simulation"
        ),
        components=("order in lr",),
        prediction=np.array([order]),
        acceptance=Acceptance.interval([order], 0.05, WHOLE),
        mutants={label: np.array([value]) for label, value in mutants.items()},
        evidence=Enclosure(enclose=partial(_slope, error)),
    )


def _slope(error: Callable[[float], float]) -> tuple[FloatArray, FloatArray]:
    """Enclose the order by a regression slope and its distance from the last local slope."""
    x = np.log(RATES)
    y = np.log([abs(error(float(lr))) for lr in RATES])
    # over the four smallest rates, against the last two of them
    slope = float(np.polyfit(x[3:], y[3:], 1)[0])
    local = float((y[-1] - y[-2]) / (x[-1] - x[-2]))
    left = 2 * abs(local - slope) + 1e-6
    return np.array([slope - left]), np.array([slope + left])


def _correlation(lr: float) -> float:
    """Return Cov(w, v) / (sd(w) sd(v)), which the Langevin equation sets to 0."""
    law = stationary_moments(ONE_MODE, SGD(lr=lr, batch_size=10**6, momentum=MOMENTUM))
    scale = np.sqrt(law.position_variance[0] * law.velocity_variance[0])
    return float(law.position_velocity_covariance[0] / scale)


def _damping(lr: float) -> float:
    """Return the relative error of the Langevin damping rate of an underdamped mode."""
    sgd = SGD(lr=128 * lr, momentum=MOMENTUM)
    problem = LinearRegression.gaussian([4.0])
    exact, equation = (oscillation(problem, sgd, name).damping[0] for name in ("exact", "langevin"))
    return float(equation / exact - 1)


def _mean(lr: float, matched: bool) -> float:
    """Return the error of the Langevin mean at the time lr k = 1/2."""
    sgd, steps = SGD(lr=lr, momentum=MOMENTUM), [round(0.5 / lr)]
    start = (np.array([3.0]), np.array([1.0]))
    equation = langevin.moments(ONE_MODE, sgd, steps, start, matched=matched)
    exact = moments(ONE_MODE, sgd, steps, start)
    return float(equation.mean[0, 0] - exact.mean[0, 0])


def _equivalence(lr: float) -> float:
    """Return the relative difference of the variances of two equivalent optimizers."""
    one = SGD(lr=lr, batch_size=10**6, momentum=0.5)
    first, second = (
        stationary_moments(ONE_MODE, sgd).position_variance[0]
        for sgd in (one, equivalent(one, 4 * one.batch_size))
    )
    return float(first / second - 1)


def _threshold(momenta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bisect for the lr h at which the eigenvalues of [[1 - lr h, beta], [-lr h, beta]] meet."""
    lower, upper = np.zeros_like(momenta), np.ones_like(momenta)
    for _ in range(40):
        middle = (lower + upper) / 2
        steps = [[[1 - z, m], [-z, m]] for z, m in zip(middle, momenta, strict=True)]
        rings = np.abs(np.linalg.eigvals(steps).imag).max(axis=1) > 0
        lower, upper = np.where(rings, lower, middle), np.where(rings, middle, upper)
    return lower, upper
