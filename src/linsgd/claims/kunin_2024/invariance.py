r"""Invariances of the stationary law: under the curvature, and among equivalent optimizers.

In the Langevin equation Var w = lr sigma^2 / (2 b (1 - beta)) without weight decay, the same along
every eigenvector, and Var v = sigma^2 h / (b (1 - beta^2)): both are functions of lr (1 + beta)
and b (1 - beta^2) alone.
"""

import numpy as np
import sympy

from linsgd.claims.approximation import approximation
from linsgd.claims.ensembles import capped_batch_size, settled, small_lr, stable_sgd
from linsgd.claims.kunin_2024.langevin_regime import variances
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.problems import NamedProblem
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import Stack
from linsgd.symbolic.stationary import stationary_covariance
from linsgd.symbolic.symbols import Var, b, beta, eta, h, h_lambda
from linsgd.theory.langevin.equivalence import equivalent

w_i = sympy.Symbol("w_i")


@kunin.claim(on="law")
def positions_are_isotropic_without_decay(named: NamedProblem) -> Draft:
    """Var w along each eigenvector in units of the Langevin equation's one value."""
    problem = named.problem
    sgd = stable_sgd(problem, 0.02, batch_size=capped_batch_size(named, 32), momentum=0.8)
    case = settled(named, sgd)
    variance = sgd.lr * problem.noise_variance / (2 * sgd.batch_size * (1 - sgd.momentum))
    flat, ratio = np.ones(case.modes.size), case.curvature / case.curvature.mean()
    return Draft(
        statement=(
            "With noise proportional to the Hessian and without weight decay the stationary "
            "position variance is the same along every eigenvector, whatever its curvature."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(Var(w_i), _langevin_variance().subs(h_lambda, h)),
        regime=case.regime,
        components=case.names("Var w over lr sigma^2 / (2 b (1 - momentum))"),
        prediction=flat,
        acceptance=Acceptance.interval(
            flat, 0.08, "0.08: three times what state-dependent noise adds at this lr"
        ),
        mutants={
            "the Gibbs law of the loss: as 1 / curvature": 1 / ratio,
            "in proportion to the curvature, as the noise": ratio,
            "a factor 2 lost": 2 * flat,
        },
        evidence=case.simulation(
            case.squares(case.position / np.sqrt(variance)),
        ),
    )


@kunin.claim(core=False)
def equivalent_optimizers_share_the_law(named: NamedProblem) -> Draft:
    """Variances at four times the batch, predicted from the equivalent optimizer."""
    one, (xx, vv) = small_lr(named), variances(named)
    other = equivalent(one.sgd, 4 * one.sgd.batch_size)
    case, law = settled(named, other), np.concatenate([xx, vv])
    less = one.sgd.batch_size / other.batch_size
    slowed = (1 - one.sgd.momentum) / (1 - other.momentum)
    invariants = {eta: eta * (1 + beta) / b / (1 - beta**2)}
    return Draft(
        **approximation(
            exact=np.concatenate(
                [
                    case.law.position_variance[-1][case.modes],
                    case.law.velocity_variance[-1][case.modes],
                ]
            ),
            approximate=law,
            width=0.08 * law,
            reason="8 %: more than twice the errors of order lr h and of the growing noise",
            statement=(
                "At four times the batch, with momentum and lr such that b (1 - momentum^2) and "
                "lr (1 + momentum) are unchanged, the stationary variances of positions and "
                "velocities are unchanged."
            ),
            formula=sympy.Eq(Var(w_i), _langevin_variance().subs(invariants) * b * (1 - beta)),
            mutants={
                "variances in inverse proportion to the batch size": law * less,
                "variances in proportion to lr / b": law * less * other.lr / one.sgd.lr,
                "variances in proportion to 1 / (1 - momentum)": law * slowed,
            },
        ),
        source=Source.RECONSTRUCTED,
        regime=f"{case.regime}; predicted from lr {one.sgd.lr:g}, batch {one.sgd.batch_size}, "
        "momentum 0.8",
        components=(*case.names("Var w"), *case.names("Var v")),
        evidence=case.simulation(Stack((case.squares(case.position), case.squares(case.velocity)))),
    )


def _langevin_variance() -> sympy.Expr:
    """Return the position variance of the Langevin equation, in letters of the problem."""
    return stationary_covariance("langevin").explicit("position")
