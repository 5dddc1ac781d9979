r"""Tails due to the laws of labels and features: heavy labels, and bounded features.

If the label noise has the tail P(|e| > t) ~ c t^-beta and h(beta) < 1, the additive term B = lr x e
of each step has it too. A large w is due to one large term, multiplied by the factors of the later
steps (Grincevicius 1975, Grey 1994):

    P(|w - w*| > t) ~ c E|lr x|^beta t^-beta (1 + h(beta) + h(beta)^2 + ...) = c E|lr x|^beta / (1 -
    h(beta)) t^-beta.

If |A| <= q < 1 and |B| <= m at every step, then |w - w*| <= m / (1 - q) from a start at w*.
"""

import math

import numpy as np
import sympy
from scipy.special import gamma

from linsgd.claims.hodgkinson_mahoney_2021.one_feature import alpha_of
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.hodgkinson_mahoney_2021.power_laws import beyond
from linsgd.claims.problems import NamedProblem
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Source
from linsgd.optimizers.sgd import SGD
from linsgd.problems.labels import StudentNoise
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.symbols import E, eta
from linsgd.theory.moments import stationary_moments
from linsgd.theory.tails.exponents import spectral_function, tail_exponent
from linsgd.theory.tails.tail_constant.tail_constant import tail_constant

HEAVY_LR, DOF, HEAVY_STEPS = 0.4, 1.5, 60
HEAVY_THRESHOLDS = np.array([10.0, 20.0])
SMALL_DATA = (
    np.array([[0.5], [1.0], [1.5]]).repeat(2, axis=0),
    np.tile([1.0, -1.0], 3),
)  # residuals of -1 and 1
BOUNDED_LR, BOUNDED_STEPS = 0.85, 200

t, c, beta, x = (
    sympy.Symbol("t", positive=True),
    sympy.Symbol("c"),
    sympy.Symbol("beta"),
    sympy.Symbol("x_i"),
)
P, h, W, X = sympy.Function("P"), sympy.Function("h"), sympy.Symbol("W"), sympy.Symbol("x")


@hodgkinson_mahoney.claim(on="law")
def heavy_labels_pass_their_exponent_on(named: NamedProblem) -> Draft:
    """Measure P(|w| > t) under Student labels of 1.5 degrees of freedom."""
    problem, sgd = LinearRegression.gaussian([1.0], noise=StudentNoise(dof=DOF)), SGD(lr=HEAVY_LR)
    exponent, growth = tail_exponent(problem, sgd).value, spectral_function(problem, sgd, DOF).value
    one_push = (
        _student_constant(DOF) * HEAVY_LR**DOF * _normal_moment(DOF) * HEAVY_THRESHOLDS**-exponent
    )
    predicted, products = one_push / (1 - growth), alpha_of(lr=HEAVY_LR)
    return Draft(
        statement=(
            "If the labels have a tail exponent beta < alpha, the stationary law has the same "
            "exponent beta, with the constant of one step divided by 1 - h(beta)."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Implies(
            sympy.Lt(h(beta), 1),
            sympy.Eq(
                P(sympy.Gt(sympy.Abs(W), t)),
                c * E(sympy.Abs(eta * X) ** beta) / (1 - h(beta)) * t**-beta,
            ),
        ),
        regime=(
            f"one Gaussian feature of variance 1, lr {HEAVY_LR:g}, batch 1, Student label noise of "
            f"{DOF:g} degrees of freedom, h(beta) = {growth:.4f}; after {HEAVY_STEPS} steps; events"
        ),
        components=tuple(f"P(|w| > {threshold:g})" for threshold in HEAVY_THRESHOLDS),
        prediction=predicted,
        acceptance=Acceptance.interval(
            predicted,
            0.17 * predicted,
            "17 %: at the nearer threshold the asymptote holds within 3 %",
        ),
        mutants={
            "the tail of one step, not summed": one_push,
            "the exponent alpha of the products": predicted[0]
            * (HEAVY_THRESHOLDS / HEAVY_THRESHOLDS[0]) ** -products,
        },
        evidence=beyond(problem, sgd, HEAVY_THRESHOLDS, HEAVY_STEPS),
    )


@hodgkinson_mahoney.claim(on="law")
def bounded_features_have_light_tails(named: NamedProblem) -> Draft:
    """Count the chains beyond the bound of a small data set."""
    features, labels = SMALL_DATA
    problem, sgd = LinearRegression.from_data(features, labels), SGD(lr=BOUNDED_LR)
    factor = float(np.abs(1 - BOUNDED_LR * features**2).max())
    bound = BOUNDED_LR * float(np.abs(features).max()) / (1 - factor)
    gaussian = LinearRegression.gaussian(problem.eigenvalues)
    variance = float(stationary_moments(problem, sgd).position_variance[0])
    power = tail_constant(gaussian, sgd).value * bound ** -tail_exponent(gaussian, sgd).value
    return Draft(
        statement=(
            "On a data set with one feature and lr times the largest squared row below 2 the "
            "iterates stay in a bounded interval, whereas with Gaussian features of the same "
            "variance the law has a power-law tail without a variance."
        ),
        source=Source.CONDITION,
        formula=sympy.Implies(
            sympy.Lt(eta * sympy.Max(x**2), 2),
            sympy.Eq(P(sympy.Gt(sympy.Abs(W), sympy.Symbol("w_max"))), 0),
        ),
        regime=(
            f"six rows of one feature, 0.5, 1 and 1.5, labels 1 and -1, lr {BOUNDED_LR:g}, "
            f"batch 1, |A| <= {factor:.4f}; after {BOUNDED_STEPS} steps; an event"
        ),
        components=(f"P(|w - w*| > {bound:.4g})",),
        prediction=np.zeros(1),
        acceptance=Acceptance.below(
            0.002, 0.002, "one in five hundred: a bound on what a finite number of chains can show"
        ),
        mutants={
            "Gaussian features of the same variance": np.array([power]),
            "the bound of Chebyshev's inequality": np.array([variance / bound**2]),
        },
        evidence=beyond(problem, sgd, np.array([bound]), BOUNDED_STEPS),
    )


def _student_constant(dof: float) -> float:
    """Return c of P(|e| > t) ~ c t^-dof for Student's law."""
    return float(
        2
        * gamma((dof + 1) / 2)
        / (math.sqrt(dof * math.pi) * gamma(dof / 2))
        * dof ** ((dof + 1) / 2)
        / dof
    )


def _normal_moment(order: float) -> float:
    """Return E|x|^order of a standard normal variable."""
    return float(2 ** (order / 2) * gamma((order + 1) / 2) / math.sqrt(math.pi))
