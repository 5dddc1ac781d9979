r"""The stationary mean: the minimum of the regularised loss, from the gradient at the start.

On a quadratic loss the stationary mean is, along each eigenvector, theta_0 - g/m, where g is the
gradient at any point theta_0 and m the curvature, both with weight decay: the ridge solution, and
not the minimum of the training loss.
"""

import numpy as np
import sympy

from linsgd.claims.approximation import told_apart
from linsgd.claims.case import Case, at_steps
from linsgd.claims.ensembles import LONGEST, capped_batch_size, default_weight_decay, stable_sgd
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.premises import first_decidable
from linsgd.claims.problems import NamedProblem
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import Linear
from linsgd.symbolic.symbols import E, h_lambda

LARGER_BATCHES = (128, 512)  # where batch 32 is too noisy to show the Newton step
w, theta_0, g = sympy.symbols("w_i theta_0 g_i")


@kunin.claim
def trajectory_centres_on_the_regularised_minimum(named: NamedProblem) -> Draft:
    """E w along each eigenvector, of chains that start at the minimum of the training loss."""
    sizes = [capped_batch_size(named, 32), *LARGER_BATCHES]
    return first_decidable(_arrived_mean(_from_the_training_minimum(named, b)) for b in sizes)


def _arrived_mean(case: Case) -> Draft:
    """Claim that the mean of a case has arrived at the ridge solution."""
    named = case.named
    problem, lambda_ = case.problem, case.sgd.weight_decay
    origin = problem.to_eigenbasis(case.start[0]) if case.start else np.zeros(problem.dimension)
    gradient = lambda_ * origin  # the loss's own part vanishes at its minimum
    moved = -(gradient / (problem.eigenvalues + lambda_))[case.modes]
    undecayed = -(gradient / np.where(problem.eigenvalues > 0, problem.eigenvalues, np.inf))[
        case.modes
    ]
    length = float(np.linalg.norm(moved))
    if length == 0:
        raise Inapplicable(f"both minima of {named.name} are the same")
    accepted = Acceptance.interval(moved / length, 0.03, "3 % of the Newton step's length")
    start = np.concatenate(case.start) if case.start else np.zeros(2 * problem.dimension)
    return Draft(
        statement=(
            "With weight decay the stationary mean lies, along each eigenvector, one Newton step "
            "of the regularised loss from the starting point: at the ridge solution, not at the "
            "minimum of the training loss."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(E(w), theta_0 - g / h_lambda),
        regime=f"{case.regime}; from the minimum of the training loss",
        components=case.names("E(w - theta_0) over the whole step"),
        prediction=moved / length,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "the minimum of the training loss": 0 * moved,
                "weight decay in the gradient but not in the curvature": undecayed / length,
                "half of the Newton step": moved / length / 2,
            },
        ),
        evidence=case.simulation(Linear(start, case.position / length)),
    )


def _from_the_training_minimum(named: NamedProblem, size: int) -> Case:
    """Momentum 0.5, half of the threshold, until a thousandth of the way is left."""
    problem = named.problem
    sgd = stable_sgd(
        problem,
        0.5,
        batch_size=size,
        weight_decay=default_weight_decay(problem),
        momentum=0.5,
    )
    origin, target = problem.solution(0.0), problem.solution(sgd.weight_decay)
    for step in (2**j for j in range(4, LONGEST.bit_length())):
        case = at_steps(named, sgd, [step], (origin, np.zeros(problem.dimension)))
        if np.linalg.norm(case.law.mean[-1] - target) <= 1e-3 * np.linalg.norm(origin - target):
            return case
    raise Inapplicable(f"the mean on {named.name} does not arrive within {LONGEST} steps")
