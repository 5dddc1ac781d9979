r"""The moment of order alpha: infinite in the stationary law, linear in the step before it.

From w_0 = w* the means E|w_{k+1}|^alpha - E|w_k|^alpha = E[|A w_k + B|^alpha - |A w_k|^alpha] tend
to alpha C m with Goldie's constant C and m = E|A|^alpha log|A|. Plain simulation
cannot measure it, for the variance of |w_k|^alpha grows geometrically. Under the tilted mixture of
`TiltedMoments` all moments of the observable are finite and small.
"""

from functools import partial

import numpy as np
import sympy

from linsgd.claims.hodgkinson_mahoney_2021.experiments import TiltedMoments
from linsgd.claims.hodgkinson_mahoney_2021.one_feature import ONE_FEATURE, alpha_of
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.problems import NamedProblem
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import KnownSkewness
from linsgd.judge.observables import Linear, Stack, Total
from linsgd.optimizers.sgd import SGD
from linsgd.symbolic.symbols import E
from linsgd.theory.tails.exponents import spectral_function
from linsgd.theory.tails.tail_constant.tail_constant import tail_constant

LR = 0.8  # alpha = 1.546
STEPS = (5, 10, 20)
NEAR = 1e-4  # of the derivative of h
SKEWNESS = 5.0  # three times that of 262,144 chains

alpha, constant, k = sympy.Symbol("alpha"), sympy.Symbol("C"), sympy.Symbol("k", positive=True)
w = sympy.Function("w")(k)
h = sympy.Function("h")


@hodgkinson_mahoney.claim(on="law")
def moment_of_order_alpha_grows_linearly(named: NamedProblem) -> Draft:
    """Measure the slope of E|w_k|^alpha in k."""
    exponent, sgd = alpha_of(lr=LR), SGD(lr=LR)
    slope = exponent * tail_constant(ONE_FEATURE, sgd).value * _slope_of_h(sgd, exponent)
    slopes = np.full(2, slope)
    pairs = ((0, 1), (1, 2))
    return Draft(
        statement=(
            "The moment of order alpha, infinite in the stationary law, is finite at every step "
            "and grows linearly, by alpha times Goldie's constant times the slope of h at alpha a "
            "step."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(
            sympy.Limit(E(sympy.Abs(w) ** alpha) / k, k, sympy.oo),
            alpha * constant * sympy.Derivative(h(alpha), alpha),
        ),
        regime=(
            f"one Gaussian feature of variance 1, lr {LR:g}, batch 1, alpha = {exponent:.4f}, "
            f"start at w*; steps {', '.join(map(str, STEPS))}; paths under a tilted law, where all "
            "moments of the observable are finite"
        ),
        components=tuple(f"growth a step, from step {STEPS[i]} to {STEPS[j]}" for i, j in pairs),
        prediction=slopes,
        acceptance=Acceptance.interval(
            slopes,
            0.12 * slope,
            "12 %, most of it for the first steps, where growth is not yet linear",
        ),
        mutants={
            "the moment stays bounded": np.zeros(2),
            "growth as the square root of k": slope * np.array([1, 1 / np.sqrt(2)]) / 2,
            "the constant of both sides counted twice": 2 * slopes,
        },
        evidence=Simulation(
            experiment=TiltedMoments(problem=ONE_FEATURE, sgd=sgd, steps=STEPS, order=exponent),
            observable=Stack(tuple(_slope(i, j) for i, j in pairs)),
            premise=KnownSkewness(SKEWNESS),
        ),
    )


def _slope_of_h(sgd: SGD, order: float) -> float:
    """Return h'(order) as a central difference."""
    above, below = (
        spectral_function(ONE_FEATURE, sgd, order + sign * NEAR).value for sign in (1, -1)
    )
    return (above - below) / (2 * NEAR)


def _slope(i: int, j: int) -> Total:
    """Return the difference a step between two of STEPS."""
    at = partial(Linear, np.zeros(1), np.ones((1, 1)))
    weight = 1 / (STEPS[j] - STEPS[i])
    return Total((at(i), at(j)), (-weight, weight))
