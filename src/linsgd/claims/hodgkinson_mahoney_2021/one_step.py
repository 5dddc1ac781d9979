r"""Bounds l <= alpha <= u from one step: E sigma_max(A)^l = 1 and E sigma_min(A)^u = 1.

The predicted bounds are those of `linsgd.theory.tails.one_step.bounds`; the measurement draws
batches and takes the singular values of A = I - lr H_B. For equal features E|A e|^alpha = 1
for every fixed direction e.
"""

import numpy as np
import sympy

from linsgd.claims.ensembles import stable_sgd
from linsgd.claims.hodgkinson_mahoney_2021.experiments import Powers, Stretches
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.problems import NamedProblem
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import Event, KnownVariance
from linsgd.judge.observables import Exceeds, Linear
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.symbols import E, b, d
from linsgd.theory.tails.exponents import spectral_function, tail_exponent
from linsgd.theory.tails.one_step.bounds import one_step_bounds

LR, BATCH = 1.0, 4  # of the bounds that are not vacuous
LARGEST, SMALLEST, FIXED = 0, 1, 2  # columns of Stretches
ROUNDING = 1e-9

smallest, largest, stretch = sympy.symbols("sigma_min sigma_max r", positive=True)
lower, alpha = sympy.Symbol("l"), sympy.Symbol("alpha")


@hodgkinson_mahoney.claim
def one_step_bounds_are_vacuous(named: NamedProblem) -> Draft:
    """P(sigma_max >= 1) and P(sigma_min <= 1) for batches smaller than the dimension."""
    problem = named.problem
    size = min(2, problem.dimension - 1)
    if size < 1:
        raise Inapplicable(f"{named.name} has no batch smaller than the number of its features")
    sgd = stable_sgd(problem, 0.25, batch_size=size)
    signs = np.zeros((3, 2))
    signs[LARGEST, 0], signs[SMALLEST, 1] = 1, -1
    return Draft(
        statement=(
            "With fewer samples than features each step leaves some direction unchanged, so that "
            "its largest singular value is at least 1 and its smallest at most 1: bounds from the "
            "norms of one step are empty, although the law is stationary with a finite variance."
        ),
        source=Source.CONDITION,
        formula=sympy.Implies(
            sympy.Lt(b, d), sympy.And(sympy.Le(smallest, 1), sympy.Ge(largest, 1))
        ),
        regime=(
            f"lr {sgd.lr:g}, a quarter of the mean-square threshold, batch {size}, "
            f"{problem.dimension} features, no momentum, no weight decay; single steps; events"
        ),
        components=("P(largest stretch >= 1)", "P(smallest stretch <= 1)"),
        prediction=np.ones(2),
        acceptance=Acceptance.interval(
            np.ones(2),
            0.01,
            "one in a hundred: a bound on what a finite number of chains can show",
        ),
        mutants={
            "every step contracts in norm, as the mean step": np.array([0.0, 1.0]),
            "half of the steps contract": np.full(2, 0.5),
        },
        evidence=Simulation(
            experiment=Stretches(problem=problem, sgd=sgd, steps=(1,)),
            observable=Exceeds(Linear(np.zeros(3), signs), np.array([1 - ROUNDING, -1 - ROUNDING])),
            premise=Event(),
        ),
    )


@hodgkinson_mahoney.claim(on="law")
def one_step_bounds_enclose_the_exponent(named: NamedProblem) -> Draft:
    """E sigma_max(A)^l, E|A e|^l and E|A e|^alpha for batches larger than the dimension."""
    problem, sgd = LinearRegression.gaussian([1.0, 1.0]), SGD(lr=LR, batch_size=BATCH)
    exponent, bound = tail_exponent(problem, sgd).value, one_step_bounds(problem, sgd).lower.value
    typical, square, alpha_square = (
        spectral_function(problem, sgd, order).value for order in (bound, 2 * bound, 2 * exponent)
    )
    # sigma_max^2 <= |A e_1|^2 + |A e_2|^2, so E sigma_max^2l <= 2^l E|A e|^2l for l >= 1.
    variance = np.array([2**bound * square - 1, square - typical**2, alpha_square - 1])
    return Draft(
        statement=(
            "With more samples than features the exponent l of the norm, E sigma_max^l = 1, is a "
            "lower bound on alpha that is not attained: along a fixed direction the mean of order "
            "l is below 1 and reaches 1 at alpha."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.And(
            sympy.Eq(E(largest**lower), 1), sympy.Eq(E(stretch**alpha), 1), sympy.Lt(lower, alpha)
        ),
        regime=(
            f"two equal Gaussian features, lr {LR:g}, batch {BATCH}, l = {bound:.4f}, "
            f"alpha = {exponent:.4f}; single steps; all moments finite"
        ),
        components=("E sigma_max^l", "E|A e|^l", "E|A e|^alpha"),
        prediction=np.array([1.0, typical, 1.0]),
        acceptance=Acceptance.interval(
            np.array([1.0, typical, 1.0]), 0.05, "a twentieth, a fifth of the difference"
        ),
        mutants={
            "the exponent of the norm is alpha": np.ones(3),
            "each direction is multiplied as by the mean step": np.abs(1 - LR)
            ** np.array([bound, bound, exponent]),
        },
        evidence=Simulation(
            experiment=Stretches(problem=problem, sgd=sgd, steps=(1,)),
            observable=Powers((LARGEST, FIXED, FIXED), (bound, bound, exponent)),
            premise=KnownVariance(variance),
        ),
    )
