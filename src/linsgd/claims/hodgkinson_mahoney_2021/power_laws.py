r"""The power law itself, seen in full simulations of one Gaussian feature without momentum.

P(|w - w*| > t) ~ C t^-alpha is an event at each t, which an exact binomial interval measures whatever the moments:
three thresholds over two decades see the exponent. Whether a stationary law exists at all shows in where the chains are
after 200 steps: beyond the threshold log|w| walks away, by the central limit theorem at k rho plus a Gaussian.
"""

import math

import numpy as np
import sympy
from scipy.stats import norm

from linsgd.claims.acceptance import Acceptance
from linsgd.claims.citations import HODGKINSON_MAHONEY
from linsgd.claims.claim import Claim, Simulation, Source
from linsgd.claims.experiment import Experiment
from linsgd.claims.intervals import Tail
from linsgd.claims.observables import Exceeds, Quadratic
from linsgd.claims.subjects import Subject
from linsgd.domains import FloatArray
from linsgd.optimizer import SGD
from linsgd.problem import LinearRegression
from linsgd.symbolic.symbols import b, eta
from linsgd.theory.tails.exponents import tail_exponent
from linsgd.theory.tails.goldie import tail_constant
from linsgd.theory.tails.radial import RadialLaw

STEPS = 200
THRESHOLDS = (10.0, 100.0, 1000.0)
HEAVY_LR = 1.2  # alpha = 0.785
EDGE_LR = 2.2  # stationary at batch 6, not at batch 40
FAR = 1000.0

t, alpha, constant, rho = (
    sympy.Symbol("t", positive=True),
    sympy.Symbol("alpha"),
    sympy.Symbol("C"),
    sympy.Symbol("rho"),
)
P, W_k = sympy.Function("P"), sympy.Symbol("W_k")


def tail_is_a_power_law(subject: Subject) -> Claim:
    """Measure P(|w| > t) at three thresholds against C t^-alpha."""
    problem, sgd = LinearRegression.gaussian([1.0]), SGD(lr=HEAVY_LR)
    exponent, scale = tail_exponent(problem, sgd).value, tail_constant(problem, sgd).value
    predicted = scale * np.array(THRESHOLDS) ** -exponent
    log_normal = RadialLaw(1, 1, 1.0, HEAVY_LR).near_edge_exponent()
    return Claim(
        id="hodgkinson_mahoney_2021/tail_is_a_power_law",
        problem=subject.name,
        statement=(
            "The stationary law of SGD on one Gaussian feature has the power-law tail C t^-alpha, with Kesten's "
            "exponent alpha and Goldie's constant C, over two decades."
        ),
        citation=HODGKINSON_MAHONEY,
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(P(sympy.Gt(sympy.Abs(W_k), t)), constant * t**-alpha),
        regime=f"one Gaussian feature, lr {HEAVY_LR:g}, batch 1, alpha = {exponent:.4f}; after {STEPS} steps; events",
        components=tuple(f"P(|w| > {threshold:g})" for threshold in THRESHOLDS),
        prediction=predicted,
        acceptance=Acceptance.interval(
            predicted, 0.2 * predicted, "20 %: over two decades an exponent wrong by 0.1 costs 60 %"
        ),
        mutants={
            "the constant of one tail taken for each of the two": 2 * predicted,
            "every moment is finite": np.zeros(3),
            "the exponent of a log-normal factor": scale * np.array(THRESHOLDS) ** -log_normal,
        },
        evidence=_beyond(problem, sgd, np.array(THRESHOLDS)),
    )


def larger_batch_destroys_the_stationary_law(subject: Subject) -> Claim:
    """At lr 2.2 most chains of batch 40 leave."""
    return _share_claim(
        subject,
        40,
        "larger_batch_destroys_the_stationary_law",
        "At lr 2.2 a batch of 40 has no stationary law, though a batch of 6 has one: after 200 steps three chains in "
        "four are beyond 1000.",
        Acceptance.above(0.75, 0.25, "three in four: clearly more than a coin's half"),
        {"stationary, as at batch 6": np.array([_share(6)]), "as many leave as stay": np.array([0.5])},
    )


def smaller_batch_keeps_the_stationary_law(subject: Subject) -> Claim:
    """At lr 2.2 few chains of batch 6 are far out."""
    return _share_claim(
        subject,
        6,
        "smaller_batch_keeps_the_stationary_law",
        "At lr 2.2 a batch of 6 has a stationary law, though a batch of 40 has none: after 200 steps fewer than one "
        "chain in five is beyond 1000.",
        Acceptance.below(0.2, 0.2, "one in five: clearly less than a coin's half"),
        {"no stationary law, as at batch 40": np.array([_share(40)]), "as many leave as stay": np.array([0.5])},
    )


def _share_claim(
    subject: Subject, size: int, name: str, statement: str, acceptance: Acceptance, mutants: dict[str, FloatArray]
) -> Claim:
    problem, sgd = LinearRegression.gaussian([1.0]), SGD(lr=EDGE_LR, batch_size=size)
    sign = sympy.Gt(rho, 0) if size == 40 else sympy.Lt(rho, 0)
    return Claim(
        id=f"hodgkinson_mahoney_2021/{name}",
        problem=subject.name,
        statement=statement,
        citation=HODGKINSON_MAHONEY,
        source=Source.CONDITION,
        formula=sympy.Implies(sympy.And(sympy.Eq(eta, EDGE_LR), sympy.Eq(b, size)), sign),
        regime=f"one Gaussian feature, lr {EDGE_LR:g}, batch {size}; after {STEPS} steps; an event",
        components=(f"share of chains beyond {FAR:g}",),
        prediction=np.array([_share(size)]),
        acceptance=acceptance,
        mutants=mutants,
        evidence=_beyond(problem, sgd, np.array([FAR])),
    )


def _share(size: int) -> float:
    """Return P(|w_k| > FAR): C t^-alpha where a law exists, else by the central limit theorem for log|w|."""
    law = RadialLaw(1, size, 1.0, EDGE_LR / size)
    drift = law.log_moment(0.0)[1]
    if drift < 0:
        problem, sgd = LinearRegression.gaussian([1.0]), SGD(lr=EDGE_LR, batch_size=size)
        return float(tail_constant(problem, sgd).value * FAR ** -tail_exponent(problem, sgd).value)
    variance = -2 * drift / law.near_edge_exponent()
    return float(norm.sf((math.log(FAR) - STEPS * drift) / math.sqrt(STEPS * variance)))


def _beyond(problem: LinearRegression, sgd: SGD, thresholds: FloatArray) -> Simulation:
    """Measure P(|w| > t) for each threshold."""
    position = np.array([[1.0], [0.0]])
    square = Quadratic(np.zeros(2), position, position, np.ones((1, thresholds.size)))
    return Simulation(
        experiment=Experiment(problem=problem, sgd=sgd, steps=(STEPS,)),
        observable=Exceeds(square, thresholds**2),
        tail=Tail.EVENT,
    )
