r"""The mean-square threshold, measured over one step.

Without momentum w_{k+1} - mu = A_k (w_k - mu) + noise with A_k symmetric, and the operator T M =
E[A M A] is self-adjoint and keeps positive matrices positive. At the threshold its largest
eigenvalue is 1; let T G = G there. Far from the minimum the label noise is
negligible, and the quadratic form Q_k = (w_k - mu)'G (w_k - mu) is constant on average at the
threshold, from any start. One step shows on which side of it lr is, and the variance of Q_1 is
known exactly. Late steps would not show it: the mean of a divergent moment is carried by chains too
rare to be drawn, of which three steps on the diabetes data have enough to make Q_3 as skewed as 70.
"""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import sympy

from linsgd.claims.approximation import resolved, told_apart
from linsgd.claims.case import Case, at_steps
from linsgd.claims.ensembles import capped_batch_size, default_weight_decay, stable_sgd
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.premises import FEW
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import Event, KnownVariance
from linsgd.judge.judge import ALPHA, LOOKS
from linsgd.judge.observables import Exceeds, Quadratic
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.symbols import E, eta
from linsgd.theory.discrete.one_step import quadratic_after_one_step
from linsgd.theory.recurrence.operators import leading_eigenmatrix
from linsgd.theory.stability.thresholds import stability

FAR = 100.0  # start, in root mean squared residuals over the root of the mean eigenvalue
ABOVE = (0.15, 0.05, 0.02)  # of the threshold: the first that leaves the mean half of its room
LONG = 200  # steps of the typical chain
COUNTED = 2**18  # sequences of rows at most, of which the typical chain on data is counted
TIE = 1e-9  # relative distance of two forms that rounding may exchange
MARGINAL = 1e-6  # accepted around a growth of 1
LEAST_NOISE = 1e-6  # of the form after one step: below it nothing but the mean shows

growth, Q_k, Q_0 = sympy.symbols("g Q_k Q_0")
threshold, P = sympy.Symbol("eta_ms"), sympy.Function("P")


@hodgkinson_mahoney.claim
def mean_square_grows_above_the_threshold(named: NamedProblem) -> Draft:
    """Check the growth above the threshold, by 15 % or as far as the mean still shrinks."""
    above = stability(named.problem, _threshold_trial(named))
    room = above.lr_mean / above.lr_mean_square - 1
    excess = next((part for part in ABOVE if part < room / 2), 0.0)
    if not excess:
        raise Inapplicable(f"on {named.name} the mean diverges at the same learning rates")
    return _growth_draft(
        named,
        1 + excess,
        (
            f"{100 * excess:g} % above the mean-square threshold the quadratic form of w - mu that "
            "is stationary at the threshold grows on average, as the exact law predicts, although "
            "the same form of the mean shrinks."
        ),
        sympy.Gt(E(Q_k), Q_0),
    )


@hodgkinson_mahoney.claim
def mean_square_shrinks_below_the_threshold(named: NamedProblem) -> Draft:
    """Check the decay 15 % below the threshold."""
    return _growth_draft(
        named,
        0.85,
        (
            "15 % below the mean-square threshold the quadratic form of w - mu that is stationary "
            "at the threshold shrinks on average, as the exact law predicts."
        ),
        sympy.Lt(E(Q_k), Q_0),
    )


@hodgkinson_mahoney.claim
def most_chains_shrink_above_the_threshold(named: NamedProblem) -> Draft:
    """Bound P(|w_k - mu| < |w_0 - mu|) above the threshold; on data, count it over all batches."""
    if named.finite:
        return _counted_draft(named)
    case, form = _far_case(named, 1.05, LONG)
    shrunk = Exceeds(_form(case, -form), -np.ones(1))
    return Draft(
        statement=(
            "Just above the mean-square threshold, where the second moment diverges, at least "
            f"three chains in four are nevertheless nearer to the minimum after {LONG} steps: the "
            "law of the iterates still contracts."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Gt(P(sympy.Lt(Q_k, Q_0)), sympy.Rational(3, 4)),
        regime=f"{case.regime}; an event, whatever the moments",
        components=("share of chains that shrink",),
        prediction=np.array([1.0]),
        acceptance=Acceptance.above(0.75, 0.25, "three in four, clearly more than a half"),
        mutants={
            "every chain grows, as the mean square": np.zeros(1),
            "as many grow as shrink": np.full(1, 0.5),
        },
        evidence=case.simulation(shrunk, Event()),
    )


@hodgkinson_mahoney.claim
def threshold_is_marginal(named: NamedProblem) -> Draft:
    """G = 1 at `lr_mean_square`."""
    problem = named.problem
    trial = _threshold_trial(named)
    sgd = replace(trial, lr=stability(problem, trial).lr_mean_square)
    larger, longest, half = (
        replace(sgd, batch_size=2 * sgd.batch_size),
        replace(sgd, lr=stability(problem, sgd).lr_mean),
        replace(sgd, lr=sgd.lr / 2),
    )
    _, evidence = resolved(partial(_growth_interval, problem, sgd), MARGINAL, "the growth a step")
    accepted = Acceptance.interval(
        [1.0], MARGINAL, "far above rounding, far below the distance to any other threshold"
    )
    return Draft(
        statement=(
            "At the mean-square threshold of `linsgd.stability` the largest eigenvalue of the "
            "second-moment operator, computed independently, is 1."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Implies(sympy.Eq(eta, threshold), sympy.Eq(growth, 1)),
        regime=f"batch {sgd.batch_size}, lr {sgd.lr:.6g}, the threshold; no simulation",
        components=("growth a step",),
        prediction=np.ones(1),
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "the threshold of the mean": np.array([_leading(problem, longest)[0]]),
                "the threshold of twice the batch size": np.array([_leading(problem, larger)[0]]),
                "a factor 2 lost": np.array([_leading(problem, half)[0]]),
            },
        ),
        evidence=evidence,
    )


def _threshold_trial(named: NamedProblem) -> SGD:
    """Return the optimizer of which a threshold is asked."""
    decay = default_weight_decay(named.problem)
    return SGD(lr=1.0, batch_size=capped_batch_size(named, 8), weight_decay=decay)


def _counted_draft(named: NamedProblem) -> Draft:
    """Claim the share of chains of batch 1 that shrink, counted over all sequences of rows."""
    steps = max(1, int(math.log(COUNTED) / math.log(max(named.rows, 2)) + 1e-9))
    case, form = _far_case(named, 1.05, min(steps, 8), size=1)
    fewest, most = _share_that_shrinks(case, form)
    if most - fewest > 0.005:
        raise Inapplicable(f"on {named.name} too many chains neither grow nor shrink")
    share = np.array([(fewest + most) / 2])
    accepted = Acceptance.interval(share, 0.02, "two chains in a hundred")
    return Draft(
        statement=(
            "Just above the mean-square threshold, where the second moment diverges, "
            f"{100 * share[0]:.3g} % of the chains of batch 1 are nearer to the minimum after "
            f"{case.steps[-1]} step{'s' if case.steps[-1] > 1 else ''}: a count over all "
            "sequences of rows."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(P(sympy.Lt(Q_k, Q_0)), sympy.Float(share[0], 4), evaluate=False),
        regime=f"{case.regime}; an event, whatever the moments",
        components=("share of chains that shrink",),
        prediction=share,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "every chain grows, as the mean square": np.zeros(1),
                "as many grow as shrink": np.full(1, 0.5),
                "every chain shrinks": np.ones(1),
            },
        ),
        evidence=case.simulation(Exceeds(_form(case, -form), -np.ones(1)), Event()),
    )


def _share_that_shrinks(case: Case, form: FloatArray) -> tuple[float, float]:
    """Return bounds on P(Q_k < Q_0 = 1) of batch 1, by counting; ties are rounding's."""
    law, sgd, solution = (
        case.problem.features,
        case.sgd,
        case.problem.solution(case.sgd.weight_decay),
    )
    assert isinstance(law, FiniteData)
    assert case.start is not None
    w = case.start[0][None]
    for _ in range(case.steps[-1]):
        # w' = (1 - lr weight_decay) w - lr x (x'w - y), for each state and each row
        step = (w @ law.X.T - law.y)[:, :, None] * law.X
        w = ((1 - sgd.lr * sgd.weight_decay) * w[:, None] - sgd.lr * step).reshape(-1, w.shape[1])
    Q = (((w - solution) @ form) * (w - solution)).sum(axis=1)
    return float(np.mean(Q < 1 - TIE)), float(np.mean(Q < 1 + TIE))


def _growth_draft(
    named: NamedProblem, fraction: float, statement: str, formula: sympy.Basic
) -> Draft:
    """Claim the exact growth of the quadratic form over one step from far out."""
    case, form = _far_case(named, fraction, 1)
    problem, solution = case.problem, case.problem.solution(case.sgd.weight_decay)
    assert case.start is not None
    exact, variance = quadratic_after_one_step(problem, case.sgd, case.start[0], solution, form)
    mean = case.law.mean[-1] - solution
    deterministic = float(mean @ form @ mean)
    if deterministic >= 1:
        raise Inapplicable(
            f"on {named.name} the mean diverges as well at {fraction:g} of the threshold"
        )
    if not exact - deterministic > LEAST_NOISE:
        raise Inapplicable(f"on {named.name} the noise of a step moves no form of w - mu")
    width = min(abs(1 - exact), exact - deterministic) / 5
    return Draft(
        statement=statement,
        source=Source.RECONSTRUCTED,
        formula=formula,
        regime=f"{case.regime}; start far out, at {FAR:g} times the scale of the labels",
        components=("quadratic form after one step over its initial value",),
        prediction=np.array([exact]),
        acceptance=Acceptance.interval(
            [exact], width, "a fifth of the distance to 1 (no growth) or to the form of the mean"
        ),
        mutants={
            "neither growth nor decay": np.ones(1),
            "without noise: the form of the mean": np.array([deterministic]),
            "with twice the noise": np.array([2 * exact - deterministic]),
        },
        evidence=_measured(case, _form(case, form), variance, width),
    )


def _measured(case: Case, observable: Quadratic, variance: float, width: float) -> Simulation:
    """Measure by the exact variance; where few chains carry it, in strata."""
    known = KnownVariance(np.array([variance]))
    plain = known.chains_needed(ALPHA / len(LOOKS), np.array([width]))[1] <= FEW
    return case.simulation(observable, known if plain else None)


def _far_case(
    named: NamedProblem, fraction: float, steps: int, size: int = 8
) -> tuple[Case, FloatArray]:
    """Return the case at a fraction of the threshold, and G scaled so that Q_0 = 1."""
    problem = named.problem
    sgd = stable_sgd(
        problem,
        fraction,
        batch_size=capped_batch_size(named, size),
        weight_decay=default_weight_decay(problem),
    )
    _, form = _leading(problem, replace(sgd, lr=stability(problem, sgd).lr_mean_square))
    scale = (problem.noise_std or 1.0) / np.sqrt(problem.eigenvalues.mean())
    away = FAR * scale * np.linalg.eigh(form)[1][:, -1]
    case = at_steps(
        named,
        sgd,
        [steps],
        (problem.solution(sgd.weight_decay) + away, np.zeros(problem.dimension)),
    )
    return case, form / (away @ form @ away)


def _form(case: Case, form: FloatArray) -> Quadratic:
    """(w - mu)'G (w - mu) through the eigenvectors of G."""
    values, vectors = np.linalg.eigh(form)
    zeros = np.zeros_like(vectors)
    directions = np.vstack([vectors, zeros])
    centre = np.concatenate([case.problem.solution(case.sgd.weight_decay), zeros[0]])
    return Quadratic(centre, directions, directions, values[:, None])


def _leading(problem: LinearRegression, sgd: SGD) -> tuple[float, FloatArray]:
    """Return the largest eigenvalue g of M -> E[A M A] and its eigenmatrix G (d, d).

    G is in the problem's coordinates, symmetric and of trace at least 0.
    """
    return leading_eigenmatrix(partial(_moment_operator, problem, sgd), problem.dimension)


def _moment_operator(problem: LinearRegression, sgd: SGD, M: FloatArray) -> FloatArray:
    """Return E[A M A] for the symmetric part of M (d, d)."""
    H, M = problem.covariance(), (M + M.T) / 2
    A = (1 - sgd.lr * sgd.weight_decay) * np.eye(problem.dimension) - sgd.lr * H
    noise = (problem.features.fourth_moment(M) - H @ M @ H) / sgd.batch_size
    return np.asarray(A @ M @ A + sgd.lr**2 * noise)


def _growth_interval(problem: LinearRegression, sgd: SGD) -> tuple[FloatArray, FloatArray]:
    """Enclose g by the residual of its eigenmatrix: the operator is self-adjoint."""
    rate, G = _leading(problem, sgd)
    residual = np.linalg.norm(_moment_operator(problem, sgd, G) - rate * G) / np.linalg.norm(G)
    return np.array([rate - residual]), np.array([rate + residual])
