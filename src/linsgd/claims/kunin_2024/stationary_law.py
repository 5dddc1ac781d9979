r"""The stationary law of heavy ball: variances and covariance of position and velocity.

Along one eigenvector, with m = h + lambda and s the standard deviation of the minibatch gradient,
which depends on the law itself,

    Var w = lr (1 + beta) s^2 / (m (1 - beta) (2 (1 + beta) - lr m)),
    Var v = 2 s^2 / ((1 - beta) (2 (1 + beta) - lr m)),             Cov(w, v) = lr Var(v) / 2.

For any noise the matrices satisfy Cov(w, v) + Cov(v, w) = lr Cov(v, v), because w' = w + lr v' has
the covariance of w.
"""

from dataclasses import replace

import numpy as np
import sympy

from linsgd.claims.approximation import told_apart
from linsgd.claims.case import Case
from linsgd.claims.ensembles import heavy_ball, large_batch, nesterov
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.linsgd.paper import new
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray, IntArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import Quadratic
from linsgd.symbolic.stationary import stationary_covariance
from linsgd.symbolic.symbols import Cov, Var, eta, tidy
from linsgd.theory.moments import moments, stationary_moments

FIVE_PERCENT = (
    "5 % of the prediction: a wrong power of 1 - momentum, a lost factor 2 or noise frozen at the "
    "minimum would cost much more"
)
x, v = sympy.symbols("w_i v_i")


@kunin.claim
def stationary_position_variance(named: NamedProblem) -> Draft:
    """Var w along each eigenvector."""
    case = heavy_ball(named)
    exact = case.law.position_variance[-1][case.modes]
    beta_ = case.sgd.momentum
    frozen = case.sgd.lr * frozen_noise(case) / (2 * case.curvature * (1 - beta_))
    accepted = Acceptance.interval(exact, 0.05 * exact, FIVE_PERCENT)
    return Draft(
        statement=(
            "The stationary position variance of SGD with momentum along each eigenvector of the "
            "Hessian is that of the exact discrete recursion, whose gradient noise depends on the "
            "position."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(Var(x), stationary_covariance("exact")["position"]),
        regime=case.regime,
        components=case.names("Var w"),
        prediction=exact,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "a factor 2 lost": exact / 2,
                "1 - momentum^2 in place of 1 - momentum": exact / (1 + beta_),
                "Langevin equation, noise frozen at the minimum": frozen,
            },
        ),
        evidence=case.simulation(case.squares(case.position)),
    )


@kunin.claim
def stationary_velocity_variance(named: NamedProblem) -> Draft:
    """Var v along each eigenvector."""
    case = heavy_ball(named)
    exact = case.law.velocity_variance[-1][case.modes]
    beta_, frozen = case.sgd.momentum, frozen_noise(case)
    accepted = Acceptance.interval(exact, 0.05 * exact, FIVE_PERCENT)
    return Draft(
        statement=(
            "The stationary velocity variance of SGD with momentum along each eigenvector of the "
            "Hessian is that of the exact discrete recursion, whose gradient noise depends on the "
            "position."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(Var(v), stationary_covariance("exact")["velocity"]),
        regime=case.regime,
        components=case.names("Var v"),
        prediction=exact,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "1 - momentum in place of 1 - momentum^2": exact * (1 + beta_),
                "(1 - momentum)^2 in place of 1 - momentum^2": exact * (1 + beta_) / (1 - beta_),
                "Langevin equation, noise frozen at the minimum": frozen / (1 - beta_**2),
            },
        ),
        evidence=case.simulation(case.squares(case.velocity)),
    )


@kunin.claim
def stationary_position_variance_nesterov(named: NamedProblem) -> Draft:
    """Check Var w along each eigenvector with Nesterov's momentum."""
    case = nesterov(named)
    exact = case.law.position_variance[-1][case.modes]
    sgd = case.sgd
    ball = stationary_moments(case.problem, replace(sgd, nesterov=False)).position_variance[
        case.modes
    ]
    frozen = sgd.lr * frozen_noise(case) / (2 * case.curvature * (1 - sgd.momentum))
    accepted = Acceptance.interval(exact, 0.05 * exact, FIVE_PERCENT)
    return Draft(
        statement=(
            "With Nesterov's momentum the stationary position variance is that of Nesterov's own "
            "recursion, in which the gradient noise enters both position and velocity; it differs "
            "from that of heavy ball."
        ),
        citation=new.citation,
        source=Source.NEW,
        formula=sympy.Eq(Var(x), stationary_covariance("exact", nesterov=True)["position"]),
        regime=case.regime,
        components=case.names("Var w"),
        prediction=exact,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "a factor 2 lost": exact / 2,
                "heavy ball at the same lr and momentum": np.where(
                    np.isfinite(ball), ball, 100 * exact
                ),
                "Langevin equation, noise frozen at the minimum": frozen,
            },
        ),
        evidence=case.simulation(case.squares(case.position)),
    )


@kunin.claim
def position_velocity_covariance(named: NamedProblem) -> Draft:
    """Cov(w, v) along each eigenvector, where the Langevin equation has none."""
    case = large_batch(named)
    exact = case.law.position_velocity_covariance[-1][case.modes]
    observable = Quadratic(case.mean_state(), case.position, case.velocity, np.eye(case.modes.size))
    derived = stationary_covariance("exact")
    return Draft(
        statement=(
            "At stationarity the covariance of position and velocity along stiff eigenvectors is "
            "lr/2 times the velocity variance, whereas in the Langevin equation it is 0."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(Cov(x, v), tidy(derived["cross"] / derived["velocity"]) * Var(v)),
        regime=case.regime,
        components=case.names("Cov(w, v)"),
        prediction=exact,
        acceptance=Acceptance.interval(
            exact,
            0.1 * exact,
            "a tenth of the covariance, which separates it from 0 and from twice its value",
        ),
        mutants={
            "Langevin equation: uncorrelated": 0 * exact,
            "a factor 2 lost": 2 * exact,
            "the opposite sign, as with the gradient buffer for the velocity": -exact,
        },
        evidence=case.simulation(observable),
    )


@kunin.claim
def cross_covariance_matrix(named: NamedProblem) -> Draft:
    """C + C' = lr Cov(v, v) for every pair of modes."""
    case = large_batch(named)
    i, j = np.triu_indices(case.modes.size)
    blocks = case.law.eigenbasis_blocks()[-1][:, case.modes[:, None], case.modes]
    cross, speed = blocks[1], case.sgd.lr * blocks[2]
    scale = np.sqrt(np.diag(speed)[i] * np.diag(speed)[j])
    exact = (cross[i, j] + cross[j, i] - speed[i, j]) / scale
    correlation = speed[i, j] / scale
    return Draft(
        statement=(
            "At stationarity the symmetric part of the cross-covariance matrix of position and "
            "velocity is lr/2 times the velocity covariance matrix, for every pair of stiff "
            "eigenvectors and for any gradient noise."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(Cov(*PAIR[:2]) + Cov(*PAIR[2:]), eta * Cov(PAIR[3], PAIR[1])),
        regime=case.regime,
        components=tuple(
            f"defect of modes {a}, {b} over lr sd(v_{a}) sd(v_{b})"
            for a, b in zip(i, j, strict=True)
        ),
        prediction=exact,
        acceptance=Acceptance.interval(
            exact,
            0.1,
            "a tenth of the scale of the entries; the Langevin equation misses the whole of it",
        ),
        mutants={
            "Langevin equation: uncorrelated": exact - correlation,
            "lr/2 for lr": exact + correlation / 2,
            "2 lr for lr": exact - correlation,
        },
        evidence=case.simulation(_defects(case, i, j, scale)),
    )


PAIR = sympy.symbols("w_i v_j w_j v_i")


def _defects(case: Case, i: IntArray, j: IntArray, scale: FloatArray) -> Quadratic:
    """Observe (w_i v_j + w_j v_i - lr v_i v_j) / scale for pairs of modes i, j (p,)."""
    w, v_ = case.position, case.velocity
    unit = np.diag(1 / scale)
    return Quadratic(
        case.mean_state(),
        left=np.hstack([w[:, i], w[:, j], v_[:, i]]),
        right=np.hstack([v_[:, j], v_[:, i], v_[:, j]]),
        weights=np.vstack([unit, unit, -case.sgd.lr * unit]),
    )


def frozen_noise(case: Case) -> FloatArray:
    """Return the variance (m,) of the minibatch gradient at the regularised solution."""
    problem = case.problem
    start = (problem.solution(case.sgd.weight_decay), np.zeros(problem.dimension))
    first = moments(problem, case.sgd, [1], start).velocity_variance[0][case.modes]
    noise: FloatArray = first / case.sgd.gradient_weight**2
    return noise
