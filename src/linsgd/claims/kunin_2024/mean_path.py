r"""The mean path of SGD with momentum to the minimum, along each eigenvector.

For any noise the mean of x = w - mu obeys the deterministic recursion v' = beta v - (h + lambda) x,
x' = x + lr v'. It is underdamped where lr (h + lambda) > (1 - sqrt(beta))^2 and overdamped
elsewhere. The mean of the Langevin equation agrees with it to second order in lr after two shifts
by half a step: it starts from the matched velocity, and the algorithm's velocity is compared with
the equation's half a step earlier.
"""

import numpy as np
import sympy

from linsgd.claims.case import Case, at_steps
from linsgd.claims.ensembles import capped_batch_size, default_weight_decay, stable_sgd
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import Linear, Stack
from linsgd.symbolic.propagators import propagator
from linsgd.symbolic.symbols import E, tidy, v0, x0, zeta
from linsgd.symbolic.update import update_rule
from linsgd.theory.langevin.process import langevin

STEPS, LANGEVIN_STEPS = [6, 12, 24], [4, 8, 16]
M = update_rule().result.subs(zeta, 0)
x_t, v_t, Z_0 = sympy.Symbol("x_t"), sympy.Symbol("v_t"), sympy.Matrix([x0, v0])


@kunin.claim
def mean_path(named: NamedProblem) -> Draft:
    """E w_k along each eigenvector at three steps, from a distance of 1."""
    problem = named.problem
    sgd = stable_sgd(
        problem,
        0.25,
        batch_size=capped_batch_size(named),
        weight_decay=default_weight_decay(problem),
        momentum=0.9,
    )
    solution = problem.solution(sgd.weight_decay)
    start = (
        solution + problem.from_eigenbasis(np.ones(problem.dimension)),
        np.zeros(problem.dimension),
    )
    case = at_steps(named, sgd, STEPS, start)
    exact = problem.to_eigenbasis(case.law.mean - solution)[:, case.modes].ravel()
    k, lr_h = np.array(STEPS)[:, None], sgd.lr * case.curvature
    x = [sympy.Symbol(f"x_{i}") for i in ("k+1", "k", "k-1")]
    return Draft(
        statement=(
            "The mean of SGD with momentum follows, along each eigenvector, gradient descent with "
            "momentum and without noise."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(E(x[0]), tidy(M.trace()) * E(x[1]) - tidy(M.det()) * E(x[2])),
        regime=case.regime,
        components=tuple(f"{name}, step {k}" for k in STEPS for name in case.names("E(w - mu)")),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.03, "3 % of the initial distance 1"),
        mutants={
            "momentum forgotten": ((1 - lr_h) ** k).ravel(),
            "gradient flow sped up by 1/(1 - momentum)": np.exp(
                -lr_h * k / (1 - sgd.momentum)
            ).ravel(),
            "no motion": np.ones(exact.size),
        },
        evidence=case.simulation(_path(case, solution)),
    )


def _path(case: Case, solution: FloatArray) -> Stack:
    centre = np.concatenate([solution, np.zeros_like(solution)])
    return Stack(tuple(Linear(centre, case.position, at) for at in range(len(STEPS))))


@kunin.claim
def langevin_mean_path(named: NamedProblem) -> Draft:
    """E w at steps 4, 8 and 16 and E v half a step earlier, from the matched velocity."""
    problem = named.problem
    sgd = stable_sgd(
        problem,
        0.05,
        batch_size=capped_batch_size(named, 32),
        weight_decay=default_weight_decay(problem),
        momentum=0.8,
    )
    solution = problem.solution(sgd.weight_decay)
    start = (
        solution + problem.from_eigenbasis(np.ones(problem.dimension)),
        np.zeros(problem.dimension),
    )
    case = at_steps(named, sgd, LANGEVIN_STEPS, start)
    process, steps = langevin(problem, sgd), np.array(LANGEVIN_STEPS)
    scale = np.sqrt(
        process.mass / case.curvature
    )  # turns velocities into positions of equal energy

    def path(late: float, matched: bool = True) -> FloatArray:
        mean = process.initial_state(start, matched).mean
        x, v = (
            process.modes.mean(process.modes.propagator(steps - shift), mean)
            for shift in (0.0, late)
        )
        return np.concatenate([x[:, 0, case.modes], scale * v[:, 1, case.modes]], axis=1).ravel()

    centre = np.concatenate([solution, np.zeros_like(solution)])
    rate = np.exp(-sgd.lr * case.curvature / (1 - sgd.momentum) * steps[:, None])
    creeping = np.concatenate(
        [rate, -rate * scale * case.curvature / (1 - sgd.momentum)], axis=1
    ).ravel()
    names = [*case.names("E(w - mu)"), *case.names("E v, in units of equal energy")]
    seen = tuple(
        Linear(centre, directions, at)
        for at in range(len(steps))
        for directions in (case.position, case.velocity * scale)
    )
    return Draft(
        statement=(
            "From a distant start the mean of (w, v) follows that of the Langevin equation, in "
            "which all underdamped modes share one damping rate, if the equation starts from the "
            "velocity half a step later and its velocity is read half a step earlier."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(
            sympy.Matrix([E(x_t), E(v_t)]), propagator("underdamped", "langevin").result * Z_0
        ),
        regime=case.regime,
        components=tuple(f"{name}, step {k}" for k in LANGEVIN_STEPS for name in names),
        prediction=path(0.5),
        acceptance=Acceptance.interval(
            path(0.5), 0.018, "1.8 % of the initial distance 1: twice its error in lr^2"
        ),
        mutants={
            "started with the algorithm's own velocity": path(0.5, matched=False),
            "velocity read at the same time": path(0.0),
            "first-order diffusion": creeping,
        },
        evidence=case.simulation(Stack(seen)),
    )
