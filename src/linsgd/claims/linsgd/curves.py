r"""The loss curve from a fresh start, the first step, and the mean with weight decay."""

import numpy as np
import sympy

from linsgd.claims.approximation import told_apart
from linsgd.claims.case import Case, at_steps
from linsgd.claims.ensembles import (
    capped_batch_size,
    default_weight_decay,
    heavy_ball,
    heavy_ball_of,
    stable_sgd,
)
from linsgd.claims.linsgd.paper import new
from linsgd.claims.premises import first_decidable
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import Linear, Stack
from linsgd.optimizers.sgd import SGD
from linsgd.symbolic.symbols import E, Var, d, h, lam

STEPS = [4, 16, 48]
LARGER_BATCHES = (32, 128)  # where batch 4 is too noisy to show the shift of the mean
i, w_k, L_min, v1, g, w, w_star = sympy.symbols("i w_k L_min v_1 g w_i w_i^*")
L = sympy.Function("L")(w_k)
h_i, x = sympy.IndexedBase("h")[i], sympy.IndexedBase("x")[i]


@new.claim
def excess_loss_curve(named: NamedProblem) -> Draft:
    """Follow the loss at three steps from a fresh start at w = 0."""
    problem = named.problem
    sgd = stable_sgd(
        problem,
        0.25,
        batch_size=capped_batch_size(named),
        weight_decay=default_weight_decay(problem),
        momentum=0.8,
    )
    case = at_steps(named, sgd, STEPS)
    exact, m = case.law.excess_loss, problem.eigenvalues + sgd.weight_decay
    mean = problem.to_eigenbasis(case.law.mean - problem.solution(sgd.weight_decay))
    noiseless = (m * mean**2).sum(axis=1) / 2
    ones = np.ones(len(STEPS))
    accepted = Acceptance.interval(
        ones, 0.05, "5 % at each step; the part of the noise is several times that"
    )
    return Draft(
        statement=(
            "From a fresh start at w = 0 the mean excess loss of SGD with momentum follows the "
            "exact recursion of mean and covariance at every step."
        ),
        source=Source.NEW,
        formula=sympy.Eq(E(L) - L_min, sympy.Sum(h_i * (Var(x) + E(x) ** 2) / 2, (i, 1, d))),
        regime=case.regime,
        components=tuple(f"excess loss over the prediction, step {k}" for k in STEPS),
        prediction=ones,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "without noise: the loss at the mean": noiseless / exact,
                "without momentum": _without_momentum(case) / exact,
                "the loss without its factor 1/2": 2 * ones,
            },
        ),
        evidence=case.simulation(
            Stack(tuple(case.excess_loss(exact[i], i) for i in range(len(STEPS))))
        ),
    )


@new.claim
def first_step_is_undampened(named: NamedProblem) -> Draft:
    """E v_1 of a fresh optimizer with dampening."""
    sgd = SGD(lr=0.1, batch_size=capped_batch_size(named), momentum=0.9, dampening=0.5)
    case = at_steps(named, sgd, [1])
    size = float(np.linalg.norm(case.law.velocity_mean[-1]))
    if size == 0:
        raise Inapplicable(f"on {named.name} the mean gradient at w = 0 is 0")
    along = np.concatenate(
        [np.zeros(case.problem.dimension), case.law.velocity_mean[-1] / size**2]
    )[:, None]
    return Draft(
        statement=(
            "In the first step of a fresh optimizer the buffer is the whole gradient, also with "
            "dampening."
        ),
        citation="torch.optim.SGD; stated here as a claim about the simulated algorithm",
        source=Source.NEW,
        formula=sympy.Eq(E(v1), -E(g)),
        regime=case.regime,
        components=("E v_1 along minus the mean gradient, over its length",),
        prediction=np.ones(1),
        acceptance=Acceptance.interval([1.0], 0.05, "5 %; dampening would halve the step"),
        mutants={
            "dampened, as every later step": np.full(1, 1 - sgd.dampening),
            "no first step": np.zeros(1),
        },
        evidence=case.simulation(Linear(np.zeros(len(along)), along)),
    )


@new.claim
def weight_decay_moves_the_mean(named: NamedProblem) -> Draft:
    """Check that the mean settles at the ridge solution, not at w*."""
    first = heavy_ball(named)
    sizes = [first.sgd.batch_size, *LARGER_BATCHES]
    return first_decidable(
        _moved_mean(named, first if size == sizes[0] else heavy_ball_of(named, size))
        for size in sizes
    )


def _moved_mean(named: NamedProblem, settled_case: Case) -> Draft:
    """Claim that the mean has arrived where a case has settled."""
    problem, sgd = named.problem, settled_case.sgd
    start = (problem.optimum, np.zeros(problem.dimension))
    case = at_steps(named, sgd, [settled_case.steps[-1]], start)
    along = _shifted_mode(case)
    exact = (case.law.mean[-1] - problem.optimum) @ along
    twice = (problem.solution(2 * sgd.weight_decay) - problem.optimum) @ along
    accepted = Acceptance.interval([exact], 0.05, "a twentieth of the distance")
    zeros = np.zeros(problem.dimension)
    observable = Linear(
        np.concatenate([problem.optimum, zeros]), np.concatenate([along, zeros])[:, None]
    )
    return Draft(
        statement=(
            "With weight decay the mean of SGD moves from the least-squares solution to the ridge "
            "solution."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(E(w) - w_star, -lam / (h + lam) * w_star),
        regime=case.regime,
        components=(
            "displacement of the mean over that to the ridge solution, along one eigenvector",
        ),
        prediction=np.array([exact]),
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "the least-squares solution stays the mean": np.zeros(1),
                "a penalty without its factor 1/2": np.array([twice]),
                "half of the way": np.array([exact / 2]),
            },
        ),
        evidence=case.simulation(observable),
    )


def _shifted_mode(case: Case) -> FloatArray:
    """Return the eigenvector over its shift (d,) of the mode that shows the shift best.

    Of the modes whose shift a doubled weight decay changes by a third, the one with the largest
    shift in standard deviations of the position.
    """
    problem, decay_, modes = case.problem, case.sgd.weight_decay, case.modes
    once, twice = (
        problem.to_eigenbasis(problem.solution(a * decay_) - problem.optimum)[modes] for a in (1, 2)
    )
    changed = 3 * np.abs(twice) > 4 * np.abs(once)
    if not changed.any():
        raise Inapplicable(f"on {case.named.name} doubling the decay changes no shift by a third")
    clear = np.abs(once) / np.sqrt(case.law.position_variance[-1][modes])
    i = int(np.where(changed, clear, 0.0).argmax())
    along: FloatArray = problem.from_eigenbasis(np.eye(problem.dimension)[modes[i]]) / once[i]
    return along


def _without_momentum(case: Case) -> FloatArray:
    sgd = SGD(lr=case.sgd.lr, batch_size=case.sgd.batch_size, weight_decay=case.sgd.weight_decay)
    loss: FloatArray = at_steps(case.named, sgd, STEPS).law.excess_loss
    return loss
