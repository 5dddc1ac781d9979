r"""Labels without noise: the stationary law is the point w*, while moments diverge.

w_k - w* = A_k ... A_1 (w_0 - w*), which tends to 0 almost surely if the Lyapunov exponent rho
is negative, while E|w_k - w*|^s = h(s)^k |w_0 - w*|^s diverges for every s above alpha.
"""

import math

import numpy as np
import sympy
from scipy.stats import norm

from linsgd.claims.experiment import SGDChains
from linsgd.claims.hodgkinson_mahoney_2021.experiments import Powers
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.problems import NamedProblem
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import Event, KnownVariance, Premise
from linsgd.judge.observables import Exceeds, Observable, Stack
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.symbols import E, k
from linsgd.theory.tails.exponents import lyapunov_exponent, spectral_function, tail_exponent
from linsgd.theory.tails.isotropic.radial import RadialLaw

LR = 1.5  # alpha = 0.48
EARLY, LATE = (1, 2), 400  # steps
NEAR = 1e-3  # of the start's distance 1

NOISY, SILENT = (LinearRegression.gaussian([1.0], noise_std=noise) for noise in (1.0, 0.0))
alpha, s, W_k = sympy.Symbol("alpha"), sympy.Symbol("s", positive=True), sympy.Symbol("W_k")
P, h = sympy.Function("P"), sympy.Function("h")


@hodgkinson_mahoney.claim(on="law")
def noiseless_law_is_a_point(named: NamedProblem) -> Draft:
    """Bound P(|w_k - w*| > 1e-3) late on."""
    rho, law = lyapunov_exponent(SILENT, SGD(lr=LR)).value, RadialLaw(1, 1, 1.0, LR)
    variance = -2 * rho / law.near_edge_exponent()
    share = float(norm.sf((math.log(NEAR) - LATE * rho) / math.sqrt(LATE * variance)))
    return Draft(
        statement=(
            "Without label noise the stationary law is the point at the optimum, although with "
            "label noise it would not even have a mean."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(
            sympy.Limit(P(sympy.Gt(sympy.Abs(W_k), sympy.Symbol("epsilon"))), k, sympy.oo), 0
        ),
        regime=f"{_REGIME}; after {LATE} steps; an event",
        components=(f"P(|w - w*| > {NEAR:g})",),
        prediction=np.array([share]),
        acceptance=Acceptance.below(0.01, 0.01, "one in a hundred"),
        mutants={
            "every chain stays away, as the mean distance grows": np.ones(1),
            "half of the chains stay away": np.full(1, 0.5),
        },
        evidence=_measured(Exceeds(Powers((0,), (1.0,)), np.array([NEAR])), Event()),
    )


@hodgkinson_mahoney.claim(on="law")
def noiseless_moments_explode(named: NamedProblem) -> Draft:
    """Follow E|w_k - w*| over two steps at an lr where alpha < 1."""
    growth, square = (
        spectral_function(SILENT, SGD(lr=LR), order).value ** np.array(EARLY)
        for order in (1.0, 2.0)
    )
    exponent = tail_exponent(NOISY, SGD(lr=LR)).value
    return Draft(
        statement=(
            "Without label noise the mean distance to the optimum grows geometrically, by the "
            "factor h(1) a step, at a learning rate at which nearly every chain converges to the "
            "optimum."
        ),
        source=Source.CONDITION,
        formula=sympy.Implies(sympy.Gt(s, alpha), sympy.Eq(E(sympy.Abs(W_k) ** s), h(s) ** k)),
        regime=(
            f"{_REGIME}, alpha = {exponent:.4f} with noise; steps 1 and 2; "
            "all moments of w_k finite"
        ),
        components=tuple(f"E|w_{step} - w*|" for step in EARLY),
        prediction=growth,
        acceptance=Acceptance.interval(
            growth, 0.1, "a tenth of the initial distance, a third of the growth in one step"
        ),
        mutants={
            "geometric decay, as of a typical chain": np.zeros(2),
            "the distance of the mean from the optimum": abs(1 - LR) ** np.array(EARLY),
            "a constant mean distance": np.ones(2),
        },
        evidence=_measured(
            Stack(tuple(Powers((0,), (1.0,), at) for at in range(len(EARLY)))),
            KnownVariance(square - growth**2),
        ),
    )


_REGIME = (
    f"one Gaussian feature of variance 1, lr {LR:g}, batch 1, no label noise; start at distance 1"
)


def _measured(observable: Observable, premise: Premise) -> Simulation:
    start = (np.ones(1), np.zeros(1))
    experiment = SGDChains(problem=SILENT, sgd=SGD(lr=LR), steps=(*EARLY, LATE), start=start)
    return Simulation(experiment=experiment, observable=observable, premise=premise)
