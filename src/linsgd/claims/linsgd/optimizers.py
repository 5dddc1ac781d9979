"""Stationary variances of momentum and Adam, averages, and a weight decay that is negative."""

from functools import partial

import numpy as np
import sympy
from scipy.special import roots_genlaguerre

from linsgd.claims.experiment import OptimizerChains
from linsgd.claims.hodgkinson_mahoney_2021.experiments import Averages
from linsgd.claims.linsgd.paper import new
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Simulation, Source
from linsgd.judge.intervals import KnownSkewness, KnownVariance
from linsgd.judge.observables import Quadratic
from linsgd.optimizers.adaptive import Adam
from linsgd.optimizers.averages import TailAverage
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import RademacherFeatures
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.symbols import Var, b, beta, eta, h, k, sigma
from linsgd.theory.adaptive_variance import adaptive_variance
from linsgd.theory.averaged_moments import averaged_moments
from linsgd.theory.best_weight_decay import best_weight_decay
from linsgd.theory.constant_noise import constant_noise
from linsgd.theory.moments import stationary_moments

CHI_SQUARE = 2.83  # skewness of the square of a normal variable
ONE = LinearRegression.gaussian([1.0], optimum=[1.0])
LARGE = SGD(1.4, batch_size=16)

w, w_i, a_k, H_ii = sympy.symbols("w w_i a_k H_ii")
lam = sympy.Symbol("lambda")


@new.claim(on="law")
def momentum_variance_under_constant_noise(named: NamedProblem) -> Draft:
    """Measure Var w with momentum 0.8 where the gradient's noise does not depend on w."""
    problem = LinearRegression.from_features(RademacherFeatures(np.ones(1)))
    sgd = SGD(0.5, momentum=0.8)
    variance = constant_noise([[1.0]], [[1.0]], sgd.lr, sgd.momentum).position_covariance[0]
    return Draft(
        statement=(
            "With heavy ball and constant gradient noise the stationary variance is that of the "
            "discrete Lyapunov equation, above its small-step limit lr/(2 h (1 - momentum))."
        ),
        source=Source.FOLLOW_UP,
        formula=sympy.Eq(
            Var(w), eta * sigma**2 * (1 + beta) / ((1 - beta) * (2 * (1 + beta) - eta * h)) / b
        ),
        regime="one feature of values 1 and -1, lr 0.5, batch 1, momentum 0.8; after 100 steps",
        components=("Var w",),
        prediction=variance,
        acceptance=Acceptance.interval(variance, 0.03 * variance, "3 %, a quarter of the limit's"),
        mutants={
            "the small-step limit": np.array([sgd.lr / (2 * (1 - sgd.momentum))]),
            "no momentum": constant_noise([[1.0]], [[1.0]], sgd.lr).position_covariance[0],
            "1 - momentum^2 for 1 - momentum": variance * (1 - 0.8) / (1 - 0.64),
        },
        evidence=Simulation(
            experiment=OptimizerChains(problem=problem, sgd=sgd, steps=(100,)),
            observable=_square(1),
            premise=KnownSkewness(CHI_SQUARE),
        ),
        citation=(
            "Liu, Ziyin, Ueda: Noise and fluctuation of finite learning rate stochastic gradient "
            "descent. ICML 2021"
        ),
    )


@new.claim(on="law")
def adams_stationary_covariance_is_diagonal(named: NamedProblem) -> Draft:
    """Measure E w_1^2 and E w_1 w_2 of Adam on two correlated features."""
    H = np.array([[1.0, 0.6], [0.6, 1.0]])
    problem, adam = LinearRegression.gaussian(H), Adam(0.02, batch_size=8)
    variance = adaptive_variance(problem, adam).variance[0]
    plain = adam.lr / (2 * adam.batch_size)
    first = np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    second = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    predicted = np.array([variance, 0.0])
    inverse = np.linalg.inv(H)[0] / np.linalg.inv(H)[0, 0] * variance
    return Draft(
        statement=(
            "At small steps Adam's stationary variance is lr noise_std/(2 sqrt(b H_ii)), linear in "
            "the noise, and weights are uncorrelated however correlated the features are."
        ),
        source=Source.NEW,
        formula=sympy.Eq(Var(w_i), eta * sigma / (2 * sympy.sqrt(b * H_ii))),
        regime=(
            "two Gaussian features of correlation 0.6, lr 0.02, batch 8, betas 0.9 and 0.999; "
            "after 400 steps from w*; kurtosis at most 4, as the law is nearly normal"
        ),
        components=("E w_1^2", "E w_1 w_2"),
        prediction=predicted,
        acceptance=Acceptance.interval(predicted, 0.12 * variance, "12 %, for terms of order lr"),
        mutants={
            "that of SGD, lr noise_std^2/(2 b)": np.array([plain, 0.0]),
            "correlated as the inverse of H": inverse,
            "a factor 2 lost": predicted / 2,
        },
        evidence=Simulation(
            experiment=OptimizerChains(problem=problem, sgd=adam, steps=(400,)),
            observable=Quadratic(np.zeros(4), first, second, np.eye(2)),
            premise=KnownVariance(np.full(2, 3 * variance**2)),
        ),
    )


@new.claim(on="law")
def polyaks_average_keeps_the_correlation_of_its_steps(named: NamedProblem) -> Draft:
    """Measure the variance of the average of the first 100 iterates."""
    problem, sgd, steps = LinearRegression.gaussian([1.0]), SGD(0.2, batch_size=4), 100
    variance = averaged_moments(problem, sgd, [steps], TailAverage(1)).variance[0]
    own = stationary_moments(problem, sgd).position_variance
    return Draft(
        statement=(
            "The variance of Polyak's average of k iterates is that of the gradient over k h^2 in "
            "the limit, (2 - lr h)/(lr h) times the variance of w over k: the iterates are "
            "correlated over 1/(lr h) steps."
        ),
        source=Source.NEW,
        formula=sympy.Eq(
            sympy.Limit(k * Var(a_k), k, sympy.oo), (2 - eta * h) / (eta * h) * Var(w)
        ),
        regime="one Gaussian feature, lr 0.2, batch 4, 100 steps from w*; nearly normal averages",
        components=("Var of the average",),
        prediction=variance,
        acceptance=Acceptance.interval(variance, 0.1 * variance, "10 %, far below the mutants"),
        mutants={
            "independent iterates": own / steps,
            "the variance of one iterate": own,
            "a factor 2 lost": variance / 2,
        },
        evidence=Simulation(
            experiment=Averages(problem=problem, sgd=sgd, steps=(steps,)),
            observable=_square(1),
            premise=KnownVariance(3 * variance**2),
        ),
    )


@new.claim(on="law")
def weight_decay_of_least_risk_can_be_negative(named: NamedProblem) -> Draft:
    """Find the weight decay of least stationary risk at lr h = 1.4."""
    best = best_weight_decay(ONE, LARGE).weight_decay
    small = best_weight_decay(ONE, SGD(0.5, batch_size=16)).weight_decay
    return Draft(
        statement=(
            "From lr h = 1 on the weight decay of least stationary risk is negative: the variance "
            "rises with the curvature there."
        ),
        source=Source.FOLLOW_UP,
        formula=sympy.Lt(sympy.Function("argmin_R")(lam), 0),
        regime="one Gaussian feature of variance 1, w* = 1, lr 1.4, batch 16; no simulation",
        components=("weight decay of least risk",),
        prediction=np.array([best]),
        acceptance=Acceptance.interval([best], 0.015, "0.015: a fifth of the decay"),
        mutants={
            "no decay": np.zeros(1),
            "that of small steps, positive": np.array([small]),
            "the opposite sign by the bias": np.array([abs(best)]),
        },
        evidence=Enclosure(enclose=partial(_lowest, LARGE.lr, LARGE.batch_size)),
        citation=(
            "Ziyin, Liu, Mori, Ueda: Strength of minibatch noise in SGD. ICLR 2022 "
            "(arXiv:2102.05375), for negative optima; the setting and its law are derived here"
        ),
    )


def _square(dimension: int) -> Quadratic:
    """Observe w_1^2."""
    position = np.zeros((2 * dimension, 1))
    position[0] = 1.0
    return Quadratic(np.zeros(2 * dimension), position, position, np.ones((1, 1)))


def _lowest(lr: float, size: int) -> tuple[FloatArray, FloatArray]:
    """Return ends of an interval that holds the minimum of the risk, by its values on a grid."""
    decays = np.linspace(-0.4, 0.4, 801)
    risks = np.array([_risk(lr, size, decay) for decay in decays])
    lowest = int(risks.argmin())
    return decays[[lowest - 1]], decays[[lowest + 1]]


def _risk(lr: float, size: int, decay: float) -> float:
    """Return E (w - 1)^2/2 in the stationary law, solved from one step's quadrature.

    With s = chi2_b/b, D' = (1 - lr (s + decay)) D - lr decay + lr sqrt(s/b) e.
    """
    nodes, mass = roots_genlaguerre(4, size / 2 - 1)
    s, chances = 2 * nodes / size, mass / mass.sum()
    A = 1 - lr * (s + decay)
    first, second = A @ chances, A**2 @ chances
    if abs(first) >= 1 or second >= 1:
        return np.inf
    bias = -lr * decay / (1 - first)
    noise = lr**2 * (s @ chances) / size
    return float((2 * first * -lr * decay * bias + (lr * decay) ** 2 + noise) / (1 - second) / 2)
