r"""Where the Langevin limit fails: the noise grows with the distance, and lr is not zero.

The limit freezes the minibatch gradient's variance s_0^2 at the minimum and lets lr h tend to 0:

    Var w = lr s_0^2 / (2 h (1 - beta)),    E|delta|^2 = lr^2 sum s_0^2 / (1 - beta^2).

At a quarter of the mean-square threshold both are too small by a quarter to a third. The relative error of Var w falls
as the first power of lr.
"""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import sympy

from linsgd.claims.acceptance import Acceptance
from linsgd.claims.case import Case, heavy_ball
from linsgd.claims.citations import KUNIN
from linsgd.claims.claim import Claim, Enclosure, Source
from linsgd.claims.kunin_2024.stationary_law import frozen_noise
from linsgd.claims.observables import Quadratic
from linsgd.claims.subjects import Subject
from linsgd.domains import FloatArray
from linsgd.optimizer import SGD
from linsgd.problem import LinearRegression
from linsgd.symbolic.symbols import E, Var, beta, eta, h
from linsgd.theory.moments import stationary_moments

x, delta, S_0 = sympy.symbols("w_i delta S_0")
s0 = sympy.Symbol("s_0", positive=True)
TENTH = "more than a tenth beyond the limit: no reading of the limit's own error terms at small lr explains it"


def frozen_noise_displacement_is_too_small(subject: Subject) -> Claim:
    """E|delta|^2 exceeds the constant-noise formula."""
    case = heavy_ball(subject)
    lr, m = case.sgd.lr, case.sgd.momentum
    formula = lr**2 * frozen_noise(case).sum() / (1 - m**2)
    exact = lr**2 * case.law.velocity_variance[-1][case.modes].sum() / formula
    ones = np.full((case.modes.size, 1), lr**2 / formula)
    return Claim(
        id="kunin_2024/frozen_noise_displacement_is_too_small",
        problem=subject.name,
        statement=(
            "The mean square of a step exceeds, by more than a tenth, what noise frozen at the minimum gives: near "
            "the stability edge the noise feeds on itself."
        ),
        citation=KUNIN,
        source=Source.LIMIT,
        formula=sympy.Gt(E(sympy.Abs(delta) ** 2), eta**2 * S_0 / (1 - beta**2)),
        regime=case.regime,
        components=("E|delta|^2 over the formula",),
        prediction=np.array([exact]),
        acceptance=Acceptance.above(1.1, 0.08, TENTH),
        mutants={
            "the formula holds": np.array([1.0]),
            "1 - momentum in place of 1 - momentum^2": np.array([1 / (1 + m)]),
        },
        evidence=case.simulation(Quadratic(case.centre(), case.velocity, case.velocity, ones)),
    )


def langevin_variance_is_too_small(subject: Subject) -> Claim:
    """Var w exceeds the Langevin variance, averaged over the modes."""
    case = heavy_ball(subject)
    limit = _langevin(case.sgd, case.curvature, frozen_noise(case))
    exact = float(np.mean(case.law.position_variance[-1][case.modes] / limit))
    weights = 1 / (limit.size * limit[:, None])
    return Claim(
        id="kunin_2024/langevin_variance_is_too_small",
        problem=subject.name,
        statement=(
            "At a quarter of the mean-square threshold the position's variance exceeds that of the Langevin equation "
            "with noise frozen at the minimum by more than a tenth, on average over the eigenvectors."
        ),
        citation=KUNIN,
        source=Source.LIMIT,
        formula=sympy.Gt(Var(x), eta * s0**2 / (2 * h * (1 - beta))),
        regime=case.regime,
        components=("Var w over Langevin's, mean over the modes",),
        prediction=np.array([exact]),
        acceptance=Acceptance.above(1.1, 0.08, TENTH),
        mutants={"the Langevin equation holds": np.array([1.0]), "it is too large by a tenth": np.array([0.9])},
        evidence=case.simulation(Quadratic(case.centre(), case.position, case.position, weights)),
    )


def langevin_variance_is_first_order(subject: Subject) -> Claim:
    """Find the order in lr of the Langevin variance's relative error."""
    case = heavy_ball(subject)
    return Claim(
        id="kunin_2024/langevin_variance_is_first_order",
        problem=subject.name,
        statement=(
            "The relative error of the Langevin equation's stationary position variance falls as the first power of "
            "lr; the claim on the position variance is its simulated point."
        ),
        citation=KUNIN,
        source=Source.LIMIT,
        formula=sympy.Eq(eta * s0**2 / (2 * h * (1 - beta)) / Var(x), 1 + sympy.Order(eta), evaluate=False),
        regime=f"momentum {case.sgd.momentum:g}, lr from 1/32 to 1/1024 of the mean-square threshold; no simulation",
        components=("order in lr",),
        prediction=np.array([1.0]),
        acceptance=Acceptance.interval([1.0], 0.05, "a twentieth: orders are whole numbers or halves"),
        mutants={"half order": np.array([0.5]), "second order": np.array([2.0])},
        evidence=Enclosure(enclose=partial(_order, case)),
    )


def _langevin(sgd: SGD, curvature: FloatArray, noise: FloatArray) -> FloatArray:
    variance: FloatArray = sgd.lr * noise / (2 * curvature * (1 - sgd.momentum))
    return variance


def _order(case: Case) -> tuple[FloatArray, FloatArray]:
    """Enclose the order by the last two halvings: successive estimates differ by half the error that is left."""
    errors = [_error(case, case.sgd.lr / 2**j) for j in range(3, 9)]
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    left = 2 * abs(orders[-1] - orders[-2])
    return np.array([orders[-1] - left]), np.array([orders[-1] + left])


def _error(case: Case, lr: float) -> float:
    problem: LinearRegression = case.problem
    sgd = SGD(**{name: getattr(case.sgd, name) for name in ("batch_size", "momentum", "weight_decay")}, lr=lr)
    exact = stationary_moments(problem, sgd).position_variance[case.modes]
    return float(1 - np.mean(_langevin(sgd, case.curvature, frozen_noise(case)) / exact))
