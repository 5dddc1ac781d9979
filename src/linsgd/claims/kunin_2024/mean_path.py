r"""The mean path: how SGD with momentum falls to the minimum, mode by mode.

The mean obeys the deterministic recursion v' = beta v - h x, x' = x + lr v' of x = w - mu, whatever the noise: it
rings where lr h > (1 - sqrt(beta))^2 and creeps elsewhere.
"""

import numpy as np
import sympy

from linsgd.claims.acceptance import Acceptance
from linsgd.claims.case import Case, at_steps, batch, decay, stable_sgd
from linsgd.claims.citations import KUNIN
from linsgd.claims.claim import Claim, Source
from linsgd.claims.observables import Linear, Stack
from linsgd.claims.subjects import Subject
from linsgd.domains import FloatArray
from linsgd.symbolic.symbols import E, beta, eta, h

STEPS = [6, 12, 24]


def mean_path(subject: Subject) -> Claim:
    """E w_k along each eigenvector at three steps, from a distance of 1."""
    problem = subject.problem
    sgd = stable_sgd(problem, 0.25, batch_size=batch(subject), weight_decay=decay(problem), momentum=0.9)
    solution = problem.solution(sgd.weight_decay)
    start = (solution + problem.from_eigenbasis(np.ones(problem.dimension)), np.zeros(problem.dimension))
    case = at_steps(subject, sgd, STEPS, start)
    exact = problem.to_eigenbasis(case.law.mean - solution)[:, case.modes].ravel()
    k, lr_h = np.array(STEPS)[:, None], sgd.lr * case.curvature
    x = [sympy.Symbol(f"x_{i}") for i in ("k+1", "k", "k-1")]
    return Claim(
        id="kunin_2024/mean_path",
        problem=subject.name,
        statement="The mean of SGD with momentum follows, along each eigenvector, the recursion without noise.",
        citation=KUNIN,
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(E(x[0]), (1 + beta - eta * h) * E(x[1]) - beta * E(x[2])),
        regime=case.regime,
        components=tuple(f"{name}, step {k}" for k in STEPS for name in case.names("E(w - mu)")),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.03, "3 % of the initial distance 1"),
        mutants={
            "momentum forgotten": ((1 - lr_h) ** k).ravel(),
            "gradient flow sped up by 1/(1 - momentum)": np.exp(-lr_h * k / (1 - sgd.momentum)).ravel(),
            "no motion": np.ones(exact.size),
        },
        evidence=case.simulation(_path(case, solution)),
    )


def _path(case: Case, solution: FloatArray) -> Stack:
    centre = np.concatenate([solution, np.zeros_like(solution)])
    return Stack(tuple(Linear(centre, case.position, at) for at in range(len(STEPS))))
