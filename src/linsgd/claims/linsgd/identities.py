r"""Identities of the stationary law for any gradient noise, checked on the exact theory."""

from functools import partial

import numpy as np
import sympy

from linsgd.claims.approximation import resolved
from linsgd.claims.case import Case
from linsgd.claims.ensembles import dampened
from linsgd.claims.linsgd.paper import new
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Source
from linsgd.symbolic.symbols import Cov, eta
from linsgd.theory.moments import stationary_moments

DEFECT = 1e-6  # accepted; relative
w, v = sympy.symbols("w v")


@new.claim
def stationary_identities(named: NamedProblem) -> Draft:
    """C + C' = lr Cov(v), and the fluctuation-dissipation relation, in the exact stationary law."""
    case = dampened(named)
    _, evidence = resolved(partial(_defects, case), DEFECT, "a defect of the exact law")
    return Draft(
        statement=(
            "The exact stationary law satisfies to rounding error the two identities that hold for "
            "any gradient noise: that of the cross-covariance and the fluctuation-dissipation "
            "relation."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(Cov(w, v) + Cov(v, w), eta * Cov(v, v), evaluate=False),
        regime=case.regime.partition(";")[0] + "; stationary; no simulation",
        components=("largest defect of the matrix over its norm", "1 - right side / loss"),
        prediction=np.zeros(2),
        acceptance=Acceptance.interval(
            np.zeros(2), DEFECT, "far above rounding, far below any physical difference"
        ),
        mutants={
            "no cross-covariance, and a factor 2 lost in the loss": np.array([1.0, 0.5]),
            "dampening forgotten": np.array([0.0, 1 - case.sgd.gradient_weight]),
        },
        evidence=evidence,
    )


def _defects(case: Case) -> tuple[FloatArray, FloatArray]:
    """Enclose the two defects by the error that the theory states."""
    law, sgd = stationary_moments(case.problem, case.sgd), case.sgd
    _, cross, velocity = law.eigenbasis_blocks()
    matrix = cross_covariance_defect(cross, velocity, sgd.lr)
    # 1 - (1 + beta) E|delta|^2 / (4 lr (1 - dampening)) / excess loss, delta = lr v
    step = sgd.lr**2 * law.velocity_variance.sum()
    relation = 1 - (1 + sgd.momentum) * step / (4 * sgd.lr * sgd.gradient_weight * law.excess_loss)
    defects, error = np.array([matrix, float(relation)]), 10 * law.error
    return defects - error, defects + error


def cross_covariance_defect(cross: FloatArray, velocity: FloatArray, lr: float) -> float:
    """Return the largest entry of C + C' - lr Cov(v) over the largest of lr Cov(v)."""
    right = lr * velocity
    return float(np.abs(cross + cross.T - right).max() / np.abs(right).max())
