r"""The mean path of SGD with momentum to the minimum, along each eigenvector.

For any noise the mean of x = w - mu obeys the deterministic recursion v' = beta v - (h + lambda) x,
x' = x + lr v'. It is underdamped where lr (h + lambda) > (1 - sqrt(beta))^2 and overdamped
elsewhere. The mean of the Langevin equation agrees with it to second order in lr after two shifts
by half a step: it starts from the matched velocity, and the algorithm's velocity is compared with
the equation's half a step earlier.
"""

import numpy as np
import sympy

from linsgd.claims.approximation import approximation, told_apart
from linsgd.claims.case import Case, at_steps
from linsgd.claims.ensembles import (
    at_rest,
    capped_batch_size,
    default_weight_decay,
    stable_sgd,
)
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import Linear, Stack
from linsgd.symbolic.propagators import propagator
from linsgd.symbolic.symbols import E, tidy, v0, x0, zeta
from linsgd.symbolic.update import update_rule
from linsgd.theory.langevin.process import UnderdampedLangevin, langevin
from linsgd.theory.moments import moments

STEPS, LANGEVIN_STEPS = [6, 12, 24], [4, 8, 16]
x_t, v_t, Z_0 = sympy.Symbol("x_t"), sympy.Symbol("v_t"), sympy.Matrix([x0, v0])


@kunin.claim
def mean_path(named: NamedProblem) -> Draft:
    """E w_k along each eigenvector at three steps, in units of the initial distance."""
    case, distance = _distant(named, STEPS, 0.25, 4, momentum=0.9)
    solution, beta_ = case.problem.solution(case.sgd.weight_decay), case.sgd.momentum
    exact = case.problem.to_eigenbasis(case.law.mean - solution)[:, case.modes].ravel() / distance
    accepted = Acceptance.interval(exact, 0.03, "3 % of the initial distance")
    k, lr_h = np.array(STEPS)[:, None], case.sgd.lr * case.curvature
    x = [sympy.Symbol(f"x_{i}") for i in ("k+1", "k", "k-1")]
    M = update_rule().result.subs(zeta, 0)
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
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "momentum forgotten": ((1 - lr_h) ** k).ravel(),
                "gradient flow sped up by 1/(1 - momentum)": np.exp(
                    -lr_h * k / (1 - beta_)
                ).ravel(),
                "no motion": np.ones(exact.size),
                "the opposite direction": -exact,
            },
        ),
        evidence=case.simulation(_path(case, (case.position / distance,))),
    )


@kunin.claim
def langevin_mean_path(named: NamedProblem) -> Draft:
    """E w at steps 4, 8 and 16 and E v half a step earlier, from the matched velocity."""
    case, distance = _distant(named, LANGEVIN_STEPS, 0.05, 32, momentum=0.8)
    process = langevin(case.problem, case.sgd)
    scale = np.sqrt(process.mass / case.curvature)  # of velocities, to positions of equal energy
    langevin_path = _langevin_path(case, process, scale, late=0.5) / distance
    names = [*case.names("E(w - mu)"), *case.names("E v, in units of equal energy")]
    return Draft(
        **approximation(
            exact=_exact_path(case, scale) / distance,
            approximate=langevin_path,
            width=0.018,
            reason="1.8 % of the initial distance: twice its error in lr^2",
            statement=(
                "From a distant start the mean of (w, v) follows that of the Langevin equation, in "
                "which all underdamped modes share one damping rate, if the equation starts from "
                "the velocity half a step later and its velocity is read half a step earlier."
            ),
            formula=sympy.Eq(
                sympy.Matrix([E(x_t), E(v_t)]), propagator("underdamped", "langevin").result * Z_0
            ),
            mutants={
                "started with the algorithm's own velocity": _langevin_path(
                    case, process, scale, late=0.5, matched=False
                )
                / distance,
                "velocity read at the same time": _langevin_path(case, process, scale, late=0.0)
                / distance,
                "first-order diffusion": _diffusion_path(case, scale),
            },
        ),
        source=Source.RECONSTRUCTED,
        regime=case.regime,
        components=tuple(f"{name}, step {k}" for k in LANGEVIN_STEPS for name in names),
        evidence=case.simulation(
            _path(case, (case.position / distance, case.velocity * scale / distance))
        ),
    )


def _distant(
    named: NamedProblem, steps: list[int], fraction: float, size: int, momentum: float
) -> tuple[Case, float]:
    """Start at rest at one distance from the minimum along every eigenvector; return it too.

    The distance is 1, or the standard deviation of w about the minimum where that is larger.
    """
    problem = named.problem
    sgd = stable_sgd(
        problem,
        fraction,
        batch_size=capped_batch_size(named, size),
        weight_decay=default_weight_decay(problem),
        momentum=momentum,
    )
    w, v = at_rest(problem, sgd.weight_decay)
    spread = moments(problem, sgd, steps, (w, v)).position_variance.max()
    distance = max(1.0, float(np.sqrt(spread)))
    away = problem.from_eigenbasis(np.full(problem.dimension, distance))
    return at_steps(named, sgd, steps, (w + away, v)), distance


def _path(case: Case, directions: tuple[FloatArray, ...]) -> Stack:
    """Observe w - mu and v along directions (2 d, m), at each step of the case."""
    centre = np.concatenate(at_rest(case.problem, case.sgd.weight_decay))
    each = range(len(case.steps))
    return Stack(tuple(Linear(centre, along, at) for at in each for along in directions))


def _langevin_path(
    case: Case, process: UnderdampedLangevin, scale: FloatArray, late: float, matched: bool = True
) -> FloatArray:
    """Return the Langevin mean of (w - mu, scale v) along the modes, v read `late` steps before."""
    mean = process.initial_state(case.start, matched).mean
    steps = np.array(case.steps)
    x, v = (
        process.modes.mean(process.modes.propagator(steps - shift), mean) for shift in (0.0, late)
    )
    return np.concatenate([x[:, 0, case.modes], scale * v[:, 1, case.modes]], axis=1).ravel()


def _diffusion_path(case: Case, scale: FloatArray) -> FloatArray:
    """Return the mean of (w - mu, scale v) of distance 1 if dw/dk = -lr h w / (1 - beta)."""
    rate = case.curvature / (1 - case.sgd.momentum)
    w = np.exp(-case.sgd.lr * rate * np.array(case.steps)[:, None])
    return np.concatenate([w, -w * scale * rate], axis=1).ravel()


def _exact_path(case: Case, scale: FloatArray) -> FloatArray:
    """Return the exact mean of (w - mu, scale v) along the modes, at each step."""
    problem, solution = case.problem, case.problem.solution(case.sgd.weight_decay)
    x = problem.to_eigenbasis(case.law.mean - solution)[:, case.modes]
    v = problem.to_eigenbasis(case.law.velocity_mean)[:, case.modes]
    return np.concatenate([x, scale * v], axis=1).ravel()
