r"""The fluctuation-dissipation relation between the stationary loss and the mean squared step.

With delta = w_k - w_{k-1}, at stationarity and for independent batches,

    E[L(w)] - min L = (1 + momentum) E|delta|^2 / (4 lr (1 - dampening)),

for any unbiased gradient noise with a second moment; L includes the weight decay. With Nesterov's
momentum the stationary second moments of w' = w + lr (beta v' - g) and v' = beta v - g give

    E[L(w)] - min L = (E|delta|^2 + beta^2 (1 + 2 beta) lr^2 E|v|^2) / (4 lr (1 + beta)).

Each claim measures the difference of the two sides over the loss. Reshuffled epochs break the
relation: their gradients are not independent.
"""

from typing import Any

import numpy as np
import sympy

from linsgd.claims.case import Case
from linsgd.claims.ensembles import (
    NO_EPOCH_THEORY,
    dampened,
    epochs,
    heavy_ball,
    nesterov,
)
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.problems import NamedProblem
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import Displacement, Quadratic, Total
from linsgd.optimizers.sgd import SGD
from linsgd.references import YAIDA_2019
from linsgd.symbolic.stationary import stationary_covariance
from linsgd.symbolic.symbols import E, beta, eta, h_lambda, tidy, zeta
from linsgd.theory.displacement.discrete import squared_step
from linsgd.theory.recurrence.recurrence import Coefficients

w, v, delta, L_min = sympy.symbols("w v delta L_min")
excess = E(sympy.Function("L")(w)) - L_min
step, speed = E(sympy.Abs(delta) ** 2), E(sympy.Abs(v) ** 2)
WIDTH = "5 % of the loss; losing a factor 2, 1 + momentum or 1 - dampening costs at least 20 %"


@kunin.claim
def fluctuation_dissipation(named: NamedProblem) -> Draft:
    """Check the relation with momentum alone."""
    case = heavy_ball(named)
    ratio, m = _ratio(case), case.sgd.momentum
    return Draft(
        statement=(
            "At stationarity the regularised loss exceeds its minimum by (1 + momentum) / (4 lr) "
            "times the mean squared step, for any gradient noise."
        ),
        formula=sympy.Eq(excess, _printed_factor().subs(zeta, 0) * step),
        mutants={
            "a factor 2 lost": np.array([1 - 2 * ratio]),
            "1 - momentum in place of 1 + momentum": np.array([1 - ratio * (1 - m) / (1 + m)]),
            "momentum forgotten": np.array([1 - ratio / (1 + m)]),
        },
        **_relation(case, ratio),
    )


@kunin.claim
def fluctuation_dissipation_dampened(named: NamedProblem) -> Draft:
    """Check the relation with dampening."""
    case = dampened(named)
    ratio = _ratio(case)
    return Draft(
        statement=(
            "With dampening the stationary excess of the regularised loss is (1 + momentum) / (4 "
            "lr (1 - dampening)) times the mean squared step."
        ),
        formula=sympy.Eq(excess, _printed_factor() * step),
        mutants={
            "dampening forgotten": np.array([1 - ratio * case.sgd.gradient_weight]),
            "(1 - dampening)^2": np.array([1 - ratio / case.sgd.gradient_weight]),
        },
        **_relation(case, ratio),
    )


@kunin.claim
def fluctuation_dissipation_nesterov(named: NamedProblem) -> Draft:
    """Check the relation of Nesterov's momentum, whose step is not its velocity."""
    case = nesterov(named)
    m, lr = case.sgd.momentum, case.sgd.lr
    moved, speed_ = _nesterov_step(case), lr**2 * case.law.velocity_variance[-1].sum()
    loss = float(case.law.excess_loss[-1])
    ratio = (moved + m**2 * (1 + 2 * m) * speed_) / (4 * lr * (1 + m)) / loss
    return Draft(
        statement=(
            "With Nesterov's momentum the stationary excess of the regularised loss is a linear "
            "combination of the mean squared step and the mean squared momentum buffer."
        ),
        formula=sympy.Eq(
            excess, (step + beta**2 * (1 + 2 * beta) * eta**2 * speed) / (4 * eta * (1 + beta))
        ),
        mutants={
            "the relation of heavy ball": np.array([1 - (1 + m) * moved / (4 * lr) / loss]),
            "a factor 2 lost": np.array([1 - 2 * ratio]),
        },
        citation=str(YAIDA_2019),
        source=Source.NEW,
        regime=case.regime,
        components=("1 - right side / loss",),
        prediction=np.array([1 - ratio]),
        acceptance=Acceptance.interval([1 - ratio], 0.05, WIDTH),
        evidence=case.simulation(_nesterov_defect(case, loss)),
    )


@kunin.claim(on="data")
def fluctuation_dissipation_fails_for_epochs(named: NamedProblem) -> Draft:
    """Check that reshuffled epochs lie far below the relation."""
    if named.own:
        raise Inapplicable(NO_EPOCH_THEORY)
    case = epochs(named)
    share = 0.2
    return Draft(
        statement=(
            "At the end of a reshuffled epoch the regularised loss exceeds its minimum by less "
            "than a fifth of what the fluctuation-dissipation relation computes from the steps, "
            "because the batches of one epoch are not independent."
        ),
        formula=sympy.Lt(excess, (1 + beta) * step / (20 * eta)),
        mutants={
            "the loss of independent batches at the same step": np.array(
                [1 - share * _ratio(case)]
            ),
            "the relation holds, with steps of half the mean square": np.array([(1 - share) / 2]),
        },
        citation=str(YAIDA_2019),
        source=Source.CONDITION,
        regime=case.regime,
        components=("(loss - a fifth of the right side) / exact loss with independent batches",),
        prediction=np.array([0.0]),
        acceptance=Acceptance.below(
            0.0, 0.1, "less than a fifth: more than any small correction explains"
        ),
        evidence=case.simulation(_defect(case, share)),
    )


def _ratio(case: Case) -> float:
    """Return the exact right side over the exact loss at the step that is measured."""
    moved = case.sgd.lr**2 * case.law.velocity_variance[-1].sum()
    return float(_factor(case.sgd) * moved / case.law.excess_loss[-1])


def _printed_factor() -> sympy.Expr:
    """Return (h/2) Var w over lr^2 Var v at stationarity, which is that of every mode."""
    law = stationary_covariance("exact")
    return tidy(h_lambda * law["position"] / (2 * eta**2 * law["velocity"]))


def _factor(sgd: SGD) -> float:
    """Return the factor of E|delta|^2 on the right side."""
    return (1 + sgd.momentum) / (4 * sgd.lr * sgd.gradient_weight)


def _relation(case: Case, ratio: float) -> dict[str, Any]:
    """Return what the claims about heavy ball share; `ratio` is the exact right side over loss."""
    return {
        "citation": str(YAIDA_2019),
        "source": Source.CONDITION,
        "regime": case.regime,
        "components": ("1 - right side / loss",),
        "prediction": np.array([1 - ratio]),
        "acceptance": Acceptance.interval([1 - ratio], 0.05, WIDTH),
        "evidence": case.simulation(_defect(case, 1.0)),
    }


def _defect(case: Case, share: float) -> Total:
    """Observe (loss - share * right side) / predicted loss; without Nesterov delta = lr v."""
    loss = float(case.law.excess_loss[-1])
    return Total(
        (
            case.excess_loss(loss),
            _squared_velocity(case, _factor(case.sgd) * case.sgd.lr**2 / loss),
        ),
        (1.0, -share),
    )


def _squared_velocity(case: Case, weight: float) -> Quadratic:
    """Observe weight |v|^2."""
    _, v = case.all_directions
    return Quadratic(np.zeros(len(v)), v, v, np.full((v.shape[1], 1), weight))


def _nesterov_step(case: Case) -> float:
    """Return E|w_k - w_{k-1}|^2 = lr^2 E|(1 + beta) v_k - beta v_{k-1}|^2.

    E v_k v_{k-1} follows from the law at k - 1 and the matrix of one step.
    """
    h = case.problem.eigenvalues + case.sgd.weight_decay
    before, now, law = case.law.velocity_variance[-2], case.law.velocity_variance[-1], case.law
    together = law.position_velocity_covariance[-2]
    return float(squared_step(Coefficients.of(case.sgd), h, together, before, now).sum())


def _nesterov_defect(case: Case, loss: float) -> Total:
    """Observe (loss - right side) / predicted loss, where the step is not lr v.

    The right side is (E|delta|^2 + beta^2 (1 + 2 beta) lr^2 E|v|^2) / (4 lr (1 + beta)).
    """
    beta_, lr = case.sgd.momentum, case.sgd.lr
    factor = 1 / (4 * lr * (1 + beta_) * loss)
    w, _ = case.all_directions
    moved = Displacement(w, -2, -1, factor)
    buffer = _squared_velocity(case, factor * beta_**2 * (1 + 2 * beta_) * lr**2)
    return Total((case.excess_loss(loss), moved, buffer), (1.0, -1.0, -1.0))
