r"""Momentum as a larger learning rate: lr/(1 - momentum), at small lr h, and where that stops."""

import numpy as np
import sympy

from linsgd.claims.approximation import told_apart
from linsgd.claims.problems import NamedProblem
from linsgd.claims.risk_curves.batches import LAW, ORDER
from linsgd.claims.risk_curves.one_pass import MILD, PER_STEP, RiskOver, one_pass
from linsgd.claims.risk_curves.orders import enclosed_order
from linsgd.claims.risk_curves.paper import risk_curves
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Simulation, Source
from linsgd.optimizers.sgd import SGD
from linsgd.symbolic.symbols import beta, eta
from linsgd.theory.risk.risk_curve import risk_curve

R = sympy.Function("R")
MOMENTUM = 0.8


@risk_curves.claim(on="law")
def momentum_is_a_larger_lr_to_first_order(named: NamedProblem) -> Draft:
    """Find the order in lr of the relative difference of the two risks."""
    return Draft(
        statement=(
            "SGD with momentum has the risk of plain SGD at lr/(1 - momentum), up to a relative "
            "difference of first order in the learning rate."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(
            R(eta, beta) / R(eta / (1 - beta), 0), 1 + sympy.Order(eta), evaluate=False
        ),
        regime=(
            f"16 modes, exponent 1, momentum {MOMENTUM}, batch 2, lr/(1 - momentum) from 0.0125 to "
            "0.0004; no simulation"
        ),
        components=("order in lr",),
        prediction=np.ones(1),
        acceptance=Acceptance.interval([1.0], 0.05, ORDER),
        mutants={"equal to second order": np.array([2.0]), "not equal": np.zeros(1)},
        evidence=Enclosure(enclose=lambda: enclosed_order(_difference, 0.0125)),
    )


@risk_curves.claim(on="law")
def momentum_is_no_larger_lr_at_finite_lr(named: NamedProblem) -> Draft:
    """Measure the risk with momentum over the exact one of plain SGD at the larger lr."""
    plain_lr, steps = 0.4, 12
    lr = plain_lr * (1 - MOMENTUM)
    plain = _risk(SGD(plain_lr, 4), steps)
    exact = np.array([_risk(SGD(lr, 4, MOMENTUM), steps) / plain])
    width = min(0.05 * exact[0], abs(exact[0] - 1) / 4)
    accepted = Acceptance.interval(exact, width, "a quarter of the distance from equality, or 5 %")
    return Draft(
        statement=(
            f"At lr/(1 - momentum) = 0.4 the risk with momentum is {exact[0]:.3f} times that of "
            "plain SGD at this learning rate, as the exact recursion predicts."
        ),
        source=Source.NEW,
        formula=sympy.Ne(R(eta, beta), R(eta / (1 - beta), 0)),
        regime=f"16 modes, exponent 1, source 1/2, momentum {MOMENTUM}, batch 4; {PER_STEP}",
        components=("risk with momentum over that of plain SGD",),
        prediction=exact,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "momentum is a larger learning rate": np.ones(1),
                "momentum has no effect": np.array([_risk(SGD(lr, 4), steps) / plain]),
                "its effect has the opposite sign": 2 - exact,
            },
        ),
        evidence=Simulation(
            experiment=one_pass(LAW, lr, 4, (steps,), MOMENTUM),
            observable=RiskOver(np.array([plain])),
            premise=MILD,
        ),
    )


def _risk(sgd: SGD, steps: int) -> float:
    return float(risk_curve(LAW, sgd, [steps]).excess_risk[0])


def _difference(plain_lr: float) -> float:
    steps = round(6 / plain_lr)
    heavy = SGD(plain_lr * (1 - MOMENTUM), 2, MOMENTUM)
    return abs(_risk(heavy, steps) / _risk(SGD(plain_lr, 2), steps) - 1)
