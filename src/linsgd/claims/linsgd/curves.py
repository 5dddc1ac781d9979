r"""Curves in time: the loss from a fresh start, the first step, and where weight decay leads the mean."""

import numpy as np
import sympy

from linsgd.claims.case import Case, at_steps, batch, decay, heavy_ball, stable_sgd
from linsgd.claims.citations import LINSGD
from linsgd.claims.losses import excess_loss
from linsgd.claims.subjects import Subject
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Claim, Source
from linsgd.judge.observables import Linear, Stack
from linsgd.optimizers.sgd import SGD
from linsgd.symbolic.symbols import E, Var, d, h, lam

STEPS = [4, 16, 48]
i, w_k, L_min, v1, g, w, w_star = sympy.symbols("i w_k L_min v_1 g w_i w_i^*")
L = sympy.Function("L")(w_k)
h_i, x = sympy.IndexedBase("h")[i], sympy.IndexedBase("x")[i]


def excess_loss_curve(subject: Subject) -> Claim:
    """Follow the loss at three steps from a fresh start at w = 0."""
    problem = subject.problem
    sgd = stable_sgd(
        problem, 0.25, batch_size=batch(subject), weight_decay=decay(problem), momentum=0.8
    )
    case = at_steps(subject, sgd, STEPS)
    exact, m = case.law.excess_loss, problem.eigenvalues + sgd.weight_decay
    mean = problem.to_eigenbasis(case.law.mean - problem.solution(sgd.weight_decay))
    noiseless = (m * mean**2).sum(axis=1) / 2
    ones = np.ones(len(STEPS))
    return Claim(
        id="linsgd/excess_loss_curve",
        problem=subject.name,
        statement=(
            "From a fresh start at 0 the mean excess loss of SGD with momentum follows the exact recursion of mean and "
            "covariance at every step, not only in the limit."
        ),
        citation=LINSGD,
        source=Source.NEW,
        formula=sympy.Eq(E(L) - L_min, sympy.Sum(h_i * (Var(x) + E(x) ** 2) / 2, (i, 1, d))),
        regime=case.regime,
        components=tuple(f"excess loss over the prediction, step {k}" for k in STEPS),
        prediction=ones,
        acceptance=Acceptance.interval(
            ones, 0.05, "5 % at each step: the noise's part is several times that"
        ),
        mutants={
            "noise forgotten: the loss at the mean": noiseless / exact,
            "momentum forgotten": _without_momentum(case) / exact,
        },
        evidence=case.simulation(
            Stack(tuple(excess_loss(case, exact[i], i) for i in range(len(STEPS))))
        ),
    )


def first_step_is_undampened(subject: Subject) -> Claim:
    """E v_1 of a fresh optimizer with dampening."""
    sgd = SGD(lr=0.1, batch_size=batch(subject), momentum=0.9, dampening=0.5)
    case = at_steps(subject, sgd, [1])
    size = np.linalg.norm(case.law.velocity_mean[-1])
    along = np.concatenate(
        [np.zeros(case.problem.dimension), case.law.velocity_mean[-1] / size**2]
    )[:, None]
    return Claim(
        id="linsgd/first_step_is_undampened",
        problem=subject.name,
        statement="The first step of a fresh optimizer takes the whole gradient into its buffer, even with dampening.",
        citation="torch.optim.SGD; stated here as a claim about the simulated algorithm",
        source=Source.NEW,
        formula=sympy.Eq(E(v1), -E(g)),
        regime=case.regime,
        components=("E v_1 along minus the mean gradient, over its length",),
        prediction=np.ones(1),
        acceptance=Acceptance.interval([1.0], 0.05, "5 %: dampening would take half"),
        mutants={
            "dampened like any other step": np.full(1, 1 - sgd.dampening),
            "no first step": np.zeros(1),
        },
        evidence=case.simulation(Linear(np.zeros(len(along)), along)),
    )


def weight_decay_moves_the_mean(subject: Subject) -> Claim:
    """Check that the mean settles at the ridge solution, not at w*."""
    problem, sgd = subject.problem, heavy_ball(subject).sgd
    start = (problem.optimum, np.zeros(problem.dimension))
    case = at_steps(subject, sgd, [heavy_ball(subject).steps[-1]], start)
    along = _shifted_mode(case)
    exact = (case.law.mean[-1] - problem.optimum) @ along
    twice = (problem.solution(2 * sgd.weight_decay) - problem.optimum) @ along
    zeros = np.zeros(problem.dimension)
    observable = Linear(
        np.concatenate([problem.optimum, zeros]), np.concatenate([along, zeros])[:, None]
    )
    return Claim(
        id="linsgd/weight_decay_moves_the_mean",
        problem=subject.name,
        statement="With weight decay SGD's mean leaves the least-squares solution for the ridge solution.",
        citation=LINSGD,
        source=Source.CONDITION,
        formula=sympy.Eq(E(w) - w_star, -lam / (h + lam) * w_star),
        regime=case.regime,
        components=("way from w* to the ridge solution along one eigenvector",),
        prediction=np.array([exact]),
        acceptance=Acceptance.interval([exact], 0.05, "a twentieth of the way"),
        mutants={"w* stays the mean": np.zeros(1), "penalty without its 1/2": np.array([twice])},
        evidence=case.simulation(observable),
    )


def _shifted_mode(case: Case) -> FloatArray:
    """Return the eigenvector over its shift (d,): the clearest one whose shift a doubled decay changes by a third."""
    problem, decay_, modes = case.problem, case.sgd.weight_decay, case.modes
    once, twice = (
        problem.to_eigenbasis(problem.solution(a * decay_) - problem.optimum)[modes] for a in (1, 2)
    )
    changed = 3 * np.abs(twice) > 4 * np.abs(once)
    if not changed.any():
        raise Inapplicable(f"on {case.subject.name} doubling the decay changes no shift by a third")
    clear = np.abs(once) / np.sqrt(case.law.position_variance[-1][modes])
    i = int(np.where(changed, clear, 0.0).argmax())
    along: FloatArray = problem.from_eigenbasis(np.eye(problem.dimension)[modes[i]]) / once[i]
    return along


def _without_momentum(case: Case) -> FloatArray:
    sgd = SGD(lr=case.sgd.lr, batch_size=case.sgd.batch_size, weight_decay=case.sgd.weight_decay)
    loss: FloatArray = at_steps(case.subject, sgd, STEPS).law.excess_loss
    return loss
