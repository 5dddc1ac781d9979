r"""Gradient noise proportional to the Hessian: true at the minimum, false away from it.

With residuals of one variance sigma^2 and Gaussian features the covariance of the minibatch
gradient at distance x from the minimum is

    Cov g = (2 R H + u u') / b,    2 R = sigma^2 + x'Hx,    u = H x:

proportional to H at the minimum, and larger and not proportional to H away from it. One step from a
given point measures it. On a data set, whose residuals are of unequal size, it is not proportional
to H at the minimum either.
"""

import numpy as np
import sympy

from linsgd.claims.case import Case, at_steps
from linsgd.claims.ensembles import capped_batch_size
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import Quadratic
from linsgd.optimizers.sgd import SGD
from linsgd.symbolic.symbols import Cov, b, sigma

g, H, R = sympy.symbols("g H R")
u, u_transposed = sympy.symbols("u u'", commutative=False)  # u = H x


@kunin.claim(on="law")
def noise_is_proportional_to_the_hessian_at_the_minimum(named: NamedProblem) -> Draft:
    """Every entry of the gradient's covariance at the minimum, in units of sigma^2 H / b."""
    case = _one_step(named, np.zeros(named.problem.dimension))
    i, j = np.triu_indices(case.modes.size)
    scale = (
        case.problem.noise_variance
        * np.sqrt(np.multiply.outer(case.curvature, case.curvature))[i, j]
    )
    same, ratio = np.where(i == j, 1.0, 0.0), case.curvature / case.curvature.mean()
    products = Quadratic(
        case.mean_state(),
        case.velocity[:, i],
        case.velocity[:, j],
        np.diag(case.sgd.batch_size / scale),
    )
    return Draft(
        statement=(
            "With Gaussian features and label noise of one variance the covariance of the "
            "minibatch gradient at the minimum is that variance times the Hessian over the batch "
            "size, for every pair of eigenvectors."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(Cov(g), sigma**2 * H / b),
        regime=case.regime,
        components=tuple(
            f"Cov(g_{p}, g_{q}) in units of sigma^2 H / b" for p, q in zip(i, j, strict=True)
        ),
        prediction=same,
        acceptance=Acceptance.interval(
            same, 0.05, "a twentieth of the Hessian's entries along the eigenvectors"
        ),
        mutants={
            "the same in every direction": same / ratio[i],
            "proportional to the Hessian's square": same * ratio[i],
            "a factor 2 lost": same / 2,
        },
        evidence=case.simulation(products),
    )


@kunin.claim
def noise_is_not_proportional_away_from_the_minimum(named: NamedProblem) -> Draft:
    """Growth of the noise along each mode when w moves along the stiffest eigenvector."""
    problem = named.problem
    stiffest = int(problem.eigenvalues.argmax())
    away = np.zeros(problem.dimension)
    away[stiffest] = np.sqrt(problem.noise_variance / problem.eigenvalues[stiffest])
    near, case = _one_step(named, np.zeros(problem.dimension)), _one_step(named, away)
    if case.modes.tolist() != near.modes.tolist():
        raise Inapplicable(f"on {named.name} a mode is without noise at the minimum")
    frozen = near.law.velocity_variance[-1][case.modes]
    grown = case.law.velocity_variance[-1][case.modes] / frozen
    alike = np.full(grown.size, 2.0)
    return Draft(
        statement=(
            "Where the error of the model is as large as the label noise, the variance of the "
            "minibatch gradient has grown by a different factor along each eigenvector: the noise "
            "covariance is not a function of the loss times the Hessian."
        ),
        source=Source.CONDITION,
        formula=sympy.Ne(Cov(g), 2 * R * H / b)
        if named.finite
        else sympy.Eq(Cov(g), (2 * R * H + u * u_transposed) / b),
        regime=case.regime,
        components=case.names("Var g over that at the minimum"),
        prediction=grown,
        acceptance=Acceptance.interval(grown, 0.06 * grown, "6 %: they grow by factors of 2 to 3"),
        mutants={
            "frozen at the minimum": np.ones(grown.size),
            "in proportion to the loss, alike in every direction": alike,
        },
        evidence=case.simulation(
            Quadratic(case.mean_state(), case.velocity, case.velocity, np.diag(1 / frozen))
        ),
    )


def _one_step(named: NamedProblem, away: FloatArray) -> Case:
    """One step without decay, from rest at the minimum plus `away` (d,) along the modes."""
    problem = named.problem
    start = problem.solution(0.0) + problem.from_eigenbasis(away)
    return at_steps(
        named,
        SGD(lr=0.1, batch_size=capped_batch_size(named)),
        [1],
        (start, np.zeros(problem.dimension)),
    )
