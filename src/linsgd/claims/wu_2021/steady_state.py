r"""The steady state at small learning rate, and what the exact law adds.

Without momentum and decay, Gaussian features give along each eigenvector exactly

    Var w_i = (lr/b) (sigma^2 + T)/(2 - lr (1 + 1/b) h_i),    T = sigma^2 S/(1 - S),
    S = (lr/b) sum_i h_i/(2 - lr (1 + 1/b) h_i),

at small lr the same lr sigma^2/(2 b) along all. With momentum the potential temperature
(h + lambda) Var w tends to lr Var(g)/(2 (1 - beta)).
"""

import numpy as np
import sympy

from linsgd.claims.case import Case
from linsgd.claims.ensembles import settled, small_lr, stable_sgd
from linsgd.claims.problems import NamedProblem
from linsgd.claims.wu_2021.paper import wu
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import Quadratic
from linsgd.symbolic.symbols import Var, b, beta, eta, h, h_lambda, sigma
from linsgd.theory.gradient_noise.law import gradient_noise

TOLERANCE = 0.08  # of the small-lr temperature, relative

w, g, T = sympy.symbols("w_i g_i T")


@wu.claim(on="law")
def steady_state_of_online_sgd(named: NamedProblem) -> Draft:
    """Compare the stationary variance along each mode with its closed form."""
    problem = named.problem
    case = settled(named, stable_sgd(problem, 0.4, batch_size=2))
    lr, size, curvatures = case.sgd.lr, case.sgd.batch_size, problem.eigenvalues
    sharp = 2 - lr * (1 + 1 / size) * curvatures
    feedback = float((lr / size * curvatures / sharp).sum())
    noise = problem.noise_variance / (1 - feedback)
    closed = (lr / size * noise / sharp)[case.modes]
    exact = case.law.position_variance[-1][case.modes] / closed
    small = lr * problem.noise_variance / (2 * size) / closed
    return Draft(
        statement=(
            "Without momentum the stationary variance along each eigenvector follows a closed "
            "form that adds the spread of the weights to the noise; the small-lr value lr "
            "sigma^2/(2 b) is too small."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(Var(w), eta / b * (sigma**2 + T) / (2 - eta * (1 + 1 / b) * h)),
        regime=case.regime,
        components=case.names("Var w over the closed form"),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.05, "5 % of the variance"),
        mutants={
            "the limit of small lr": small,
            "no feedback of the spread": np.full(exact.size, problem.noise_variance / noise),
        },
        evidence=case.simulation(_scaled_squares(case, closed)),
    )


@wu.claim
def temperature_of_small_steps(named: NamedProblem) -> Draft:
    """Measure the potential temperature in units of lr Var(g)/(2 (1 - momentum))."""
    case = small_lr(named)
    problem, sgd = case.problem, case.sgd
    noise = gradient_noise(problem, problem.solution(sgd.weight_decay), sgd.batch_size)
    rotated = problem.to_eigenbasis(problem.to_eigenbasis(noise.covariance).T)
    variance = np.diag(rotated)[case.modes]
    if not (variance > 1e-9 * rotated.max()).all():
        raise Inapplicable("the gradient does not vary at the ridge solution along every mode")
    unit = sgd.lr * variance / (2 * (1 - sgd.momentum)) / case.curvature
    exact = case.law.position_variance[-1][case.modes] / unit
    return Draft(
        statement=(
            "At small learning rate the potential temperature along every eigenvector is lr "
            "Var(g)/(2 (1 - momentum)), as that of a Langevin equation."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(h_lambda * Var(w), eta * Var(g) / (2 * (1 - beta))),
        regime=case.regime,
        components=case.names("temperature over its small-lr value"),
        prediction=exact,
        acceptance=Acceptance.interval(exact, TOLERANCE, "8 %: the next order in lr"),
        mutants={
            "momentum as an average of gradients": exact * (1 - sgd.momentum),
            "a factor 2 lost": 2 * exact,
            "1 - momentum^2": exact / (1 + sgd.momentum),
        },
        evidence=case.simulation(_scaled_squares(case, unit)),
        approximation_error=float(np.abs(exact - 1).max()) / TOLERANCE,
    )


def _scaled_squares(case: Case, scale: FloatArray) -> Quadratic:
    """Return w^2 along each mode over a scale (m,)."""
    return Quadratic(case.mean_state(), case.position, case.position, np.diag(1 / scale))
