r"""Batches and learning rates: a batch ramp for a decay, and the rate that a new batch needs.

Half the learning rate for 2 n steps and twice the batch for n steps use as many samples. To first
order in the learning rate they leave the same risk; at any finite one the ramp leaves more, because
a step of lr h forgets (1 - lr h)^2, two steps of lr h/2 forget (1 - lr h/2)^4.
"""

import numpy as np
import sympy

from linsgd.claims.approximation import told_apart
from linsgd.claims.problems import NamedProblem
from linsgd.claims.risk_curves.one_pass import MILD, PER_STEP, RiskOver, one_pass
from linsgd.claims.risk_curves.orders import enclosed_order
from linsgd.claims.risk_curves.paper import SEESAW, risk_curves
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Simulation, Source
from linsgd.optimizers.schedule import Schedule
from linsgd.optimizers.sgd import SGD
from linsgd.problems.power_law import PowerLaw
from linsgd.symbolic.symbols import b, eta
from linsgd.theory.risk.matched_lr import matched_lr
from linsgd.theory.risk.risk_curve import risk_curve

LAW = PowerLaw(exponent=1.0, source=0.5, dimension=16, noise_std=1.0)
SETTLING = PowerLaw(exponent=0.5, source=0.5, dimension=8, noise_std=1.0)
R = sympy.Function("R")
R_ramp, R_decay, eta_b = sympy.symbols("R_ramp R_decay eta_b", positive=True)
ORDER = "a twentieth: orders are integers or half-integers"


@risk_curves.claim(on="law")
def batch_ramp_equals_lr_decay_to_first_order(named: NamedProblem) -> Draft:
    """Find the order in lr of the relative difference of a ramp and a decay."""
    return Draft(
        statement=(
            "Doubling the batch in place of halving the learning rate leaves, on as many samples, "
            "the same risk up to a relative difference of first order in the learning rate."
        ),
        source=Source.PAPER,
        citation=f"{SEESAW} (the equivalence; the order of its error is new here)",
        formula=sympy.Eq(R_ramp / R_decay, 1 + sympy.Order(eta), evaluate=False),
        regime="8 modes, exponent 1/2, start forgotten, batch 2, lr from 0.1 to 0.003; computed",
        components=("order in lr",),
        prediction=np.ones(1),
        acceptance=Acceptance.interval([1.0], 0.05, ORDER),
        mutants={"equal to second order": np.array([2.0]), "not equal": np.zeros(1)},
        evidence=Enclosure(enclose=lambda: enclosed_order(_difference, 0.1)),
    )


@risk_curves.claim(on="law")
def batch_ramp_leaves_more_risk_at_finite_lr(named: NamedProblem) -> Draft:
    """Measure the risk after a ramp over the exact risk after a decay, near the edge."""
    lr, batch, early, late = 1.0, 8, 4, 6
    decay, ramp = _risks(LAW, SGD(lr, batch), early, late)
    exact = np.array([ramp / decay])
    width = min(0.05, (exact[0] - 1) / 4)
    accepted = Acceptance.interval(exact, width, "a quarter of the distance from equality, or 5 %")
    steps = np.arange(early + late)
    return Draft(
        statement=(
            f"At lr 1 a batch ramp leaves {ramp / decay:.3f} times the risk of the decay that "
            "it replaces, on as many samples, as the exact recursion predicts."
        ),
        source=Source.NEW,
        formula=sympy.Gt(R_ramp, R_decay),
        regime=f"16 modes, exponent 1, source 1/2, lr 1, batch 8, then 16; {PER_STEP}",
        components=("risk after the ramp over that after the decay",),
        prediction=exact,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "the ramp equals the decay": np.ones(1),
                "neither ramp nor decay": np.array(
                    [
                        float(risk_curve(LAW, SGD(lr, batch), [early + 2 * late]).excess_risk[0])
                        / decay
                    ]
                ),
                "the ramp leaves less": np.array([decay / ramp]),
            },
        ),
        evidence=Simulation(
            experiment=one_pass(
                LAW, lr, np.where(steps < early, batch, 2 * batch), (early + late,)
            ),
            observable=RiskOver(np.array([decay])),
            premise=MILD,
        ),
    )


@risk_curves.claim(on="law")
def lr_follows_the_batch_linearly_at_small_lr(named: NamedProblem) -> Draft:
    """Find the exponent of the rule that keeps the risk at as many samples."""
    return Draft(
        statement=(
            "At small learning rates the learning rate that reaches the same risk on as many "
            "samples grows in proportion to the batch, with momentum and without, and not as its "
            "square root."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(eta_b, eta * b),
        regime="16 modes, exponent 1, lr (1 - momentum) 0.002, 20,000 steps, batch 4 to 8; exact",
        components=("exponent without momentum", "exponent at momentum 0.9"),
        prediction=np.ones(2),
        acceptance=Acceptance.interval(np.ones(2), 0.03, "3 %: terms of first order in lr"),
        mutants={"square root of the batch": np.full(2, 0.5), "no change": np.zeros(2)},
        evidence=Enclosure(enclose=_rule),
    )


def _risks(law: PowerLaw, sgd: SGD, early: int, late: int) -> tuple[float, float]:
    """Return the risks after a decay of lr by 2 and after a ramp of the batch by 2."""
    halved = Schedule.constant().then(early, Schedule.constant(0.5))
    doubled = Schedule.constant().then(early, Schedule.constant(2.0))
    decay = risk_curve(law, sgd, [early + 2 * late], halved)
    ramp = risk_curve(law, sgd, [early + late], None, doubled)
    return float(decay.excess_risk[0]), float(ramp.excess_risk[0])


def _difference(lr: float) -> float:
    decay, ramp = _risks(SETTLING, SGD(lr, 2), round(16 / lr), round(1 / lr))
    return abs(ramp / decay - 1)


def _rule() -> tuple[FloatArray, FloatArray]:
    found = []
    for momentum in (0.0, 0.9):
        sgd = SGD(0.002 * (1 - momentum), 4, momentum)
        match = matched_lr(LAW, sgd, 20_000, 8)
        found.append((match.exponent, match.error / np.log(2)))
    exponent, error = np.array(found).T
    return exponent - error, exponent + error
