r"""The kinetic and the potential temperature of the stationary law.

With the displacement per step as velocity and lr as mass, the kinetic temperature is lr Var v and
the potential one (h + lambda) Var w. Their ratio is 2 (1 - dampening)/(1 + momentum) for every lr,
every mode and any unbiased noise: they stay unequal as lr tends to 0 at fixed momentum.
"""

import numpy as np
import sympy

from linsgd.claims.case import Case
from linsgd.claims.ensembles import dampened
from linsgd.claims.problems import NamedProblem
from linsgd.claims.wu_2021.paper import wu
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import Quadratic
from linsgd.symbolic.symbols import Var, beta, eta, h_lambda, zeta

x, v = sympy.symbols("w_i v_i")


@wu.claim
def kinetic_and_potential_temperature(named: NamedProblem) -> Draft:
    """Check the ratio of the two temperatures along each eigenvector."""
    case = dampened(named)
    sgd = case.sgd
    ratio = 2 * sgd.gradient_weight / (1 + sgd.momentum)
    potential = case.curvature * case.law.position_variance[-1][case.modes]
    kinetic = sgd.lr * case.law.velocity_variance[-1][case.modes]
    exact = kinetic / (ratio * potential) - 1
    return Draft(
        statement=(
            "The kinetic temperature lr Var(v) is 2 (1 - dampening)/(1 + momentum) times the "
            "potential temperature (h + lambda) Var(w) along every eigenvector, at any lr and for "
            "any noise: the two are not equal."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(eta * Var(v) / (h_lambda * Var(x)), 2 * (1 - zeta) / (1 + beta)),
        regime=case.regime,
        components=case.names("kinetic over ratio x potential, less 1"),
        prediction=exact,
        acceptance=Acceptance.interval(
            exact, 0.05, "5 % of the ratio; equal temperatures differ by much more"
        ),
        mutants={
            "equal temperatures": np.full(exact.size, 1 / ratio - 1),
            "dampening forgotten": np.full(exact.size, 1 / sgd.gradient_weight - 1),
            "momentum forgotten": np.full(exact.size, sgd.momentum),
        },
        evidence=case.simulation(_difference(case, ratio, potential)),
    )


def _difference(case: Case, ratio: float, potential: FloatArray) -> Quadratic:
    """Lr v^2 / ratio - h w^2 along each mode, over the predicted h Var w."""
    directions = np.hstack([case.velocity, case.position])
    weights = np.vstack(
        [np.diag(case.sgd.lr / (ratio * potential)), np.diag(-case.curvature / potential)]
    )
    return Quadratic(case.mean_state(), directions, directions, weights)
