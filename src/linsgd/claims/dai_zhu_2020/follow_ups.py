r"""Statements of papers that followed, or that the equation is used for, and where they fail."""

import math

import numpy as np
import sympy
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import lambertw

from linsgd.claims.dai_zhu_2020.numbers import (
    QUARTIC,
    L_a,
    L_s,
    diffusion,
    eta,
    log_time,
    numerical,
    pairs,
    slope,
)
from linsgd.claims.dai_zhu_2020.paper import dai_zhu
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.claim import Draft, Source
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.potentials import Quadratic
from linsgd.theory.escape import large_deviation
from linsgd.theory.fokker_planck import MarkovKernel
from linsgd.theory.stability.thresholds import stability
from linsgd.theory.tails.exponents import tail_exponent

MORI = (
    "Mori, Ziyin, Liu, Ueda: Power-law escape rate of SGD. ICML 2022 (arXiv:2105.09557); "
    "reconstructed"
)
QUASI_POTENTIAL = (
    "Ibayashi, Imaizumi: Exponential escape efficiency of SGD from sharp minima in non-stationary "
    "regime (2021), arXiv:2111.04004; reconstructed"
)
XIE = (
    "Xie, Sato, Sugiyama: A diffusion theory for deep learning dynamics. ICLR 2021 "
    "(arXiv:2002.03495); reconstructed"
)
CONSTANT = float(1 / (2 * lambertw(math.exp(-1)).real))

alpha, eps, r, b, h = sympy.symbols("alpha epsilon r b h", positive=True)
tau = sympy.Function("tau")


@dai_zhu.claim(on="law")
def literal_hessian_noise_gives_an_infinite_escape_time(named: NamedProblem) -> Draft:
    """Follow the passage time to the barrier as the floor of D = T sqrt(L''^2 + floor^2) falls."""
    level = 0.1
    inflection = 1 / math.sqrt(3)
    exponent = 2 * (inflection - inflection**3) / (level * 6 * inflection)
    floors = (1e-3, 1e-4)

    def at(floor: float) -> tuple[float, float]:
        def noise(y: FloatArray) -> FloatArray:
            return np.asarray(level * np.sqrt((3 * y**2 - 1) ** 2 + floor**2))

        return log_time(diffusion(QUARTIC, noise, -5.0, 5.0), -1.0, 0.0)

    apart = math.log(floors[1] / floors[0])
    return numerical(
        statement=(
            "Noise equal to |L''| vanishes at the inflection point: with a floor the escape time "
            "grows as a power of one over the floor, so that without one SGD never escapes."
        ),
        source=Source.LIMIT,
        citation=XIE,
        formula=sympy.Eq(
            eps * sympy.Derivative(sympy.log(tau(eps)), eps),
            -2 * sympy.Symbol("L'_0") / (sympy.Symbol("T") * sympy.Symbol("L'''_0")),
        ),
        regime="x^4/4 - x^2/2, T = 0.1, floors 0.001 and 0.0001",
        components=("slope of log time in log floor",),
        prediction=-exponent,
        width=0.05 * exponent,
        reason="5 %: the floor is finite",
        mutants={"a finite escape time": 0.0, "a factor 2 lost": -exponent / 2},
        measured=lambda: pairs([slope(at(floors[0]), at(floors[1]), apart)]),
    )


@dai_zhu.claim(on="law")
def escape_under_noise_of_the_loss_is_a_power_law(named: NamedProblem) -> Draft:
    """Follow passage times under D = (lr h/b) L over the loss at the minimum."""
    strength, bottoms = 0.05, (0.05, 0.1)
    ratio = [math.log((low + 0.25) / low) for low in bottoms]
    exponent = 1 / strength + 0.5

    def at(low: float) -> tuple[float, float]:
        def loss(y: FloatArray) -> FloatArray:
            return np.asarray(QUARTIC(y) + 0.25 + low)

        return log_time(diffusion(loss, lambda y: strength * loss(y), -4.0, 4.0), -1.0, 1.0)

    return numerical(
        statement=(
            "With noise in proportion to the loss the escape time is a power of the ratio of the "
            "losses at saddle and minimum, not exponential in their difference."
        ),
        source=Source.FOLLOW_UP,
        citation=MORI,
        formula=sympy.Eq(
            tau(L_a) / tau(L_s),
            (L_s / L_a) ** (b / (eta * h) + sympy.Rational(1, 2)),
            evaluate=False,
        ),
        regime="one dimension, lr h/b = 0.05, loss at the minimum 0.05 and 0.1",
        components=("exponent",),
        prediction=exponent,
        width=0.5,
        reason="0.5: the next order of the small noise",
        mutants={
            "exponential in the difference": 0.25 / strength * 10 / (ratio[0] - ratio[1]),
            "a factor 2": 2 * exponent,
        },
        measured=lambda: pairs([slope(at(bottoms[1]), at(bottoms[0]), ratio[0] - ratio[1])]),
    )


@dai_zhu.claim(on="law")
def exponents_with_noise_like_the_hessian_do_not_know_sharpness(named: NamedProblem) -> Draft:
    """Compute the exponents of leaving a ball of radius r for two curvatures and two noises."""
    radius = 0.5
    sgd = SGD(lr=0.01)

    def value(curve: float, variance: float) -> tuple[float, float]:
        found = large_deviation(Quadratic(curve), sgd, 0.0, radius, variance)
        return found.value, 1e-6 + found.error

    exact = radius**2 * np.array([1.0, 1.0, 1.0, 4.0])
    roots = np.array([1.0, 2.0, 1.0, 4.0])
    return numerical(
        statement=(
            "The exponent of the time to leave a ball is (b/lr) r^2 if the noise is the Hessian, "
            "whatever the sharpness, and that times the curvature if the noise is constant."
        ),
        source=Source.LIMIT,
        citation=QUASI_POTENTIAL,
        formula=sympy.Eq(sympy.Limit(eta * sympy.log(tau(eta)) / b, eta, 0), r**2),
        regime="quadratic losses of curvature 1 and 4, r = 0.5",
        components=(
            "noise = Hessian, curvature 1",
            "noise = Hessian, curvature 4",
            "noise 1, curvature 1",
            "noise 1, curvature 4",
        ),
        prediction=exact,
        width=0.01,
        reason="0.01: far below the dependence on sharpness",
        mutants={
            "as published: twice, with the root of the curvature": 2 * radius**2 * roots,
            "without the factor 2, with the root": radius**2 * roots,
        }
        | {"a factor 2": 2 * exact},
        measured=lambda: pairs(
            [value(1.0, 1.0), value(4.0, 4.0), value(1.0, 1.0), value(4.0, 1.0)]
        ),
    )


@dai_zhu.claim(on="law")
def exit_exponent_of_the_chain_does_not_know_sharpness(named: NamedProblem) -> Draft:
    """Measure lr log(exit steps) by differences of two learning rates in the discrete chain."""
    radius, noises = 0.5, (0.03, 0.02)  # lr times one sample's variance, over the curvature

    def exponent(curve: float) -> tuple[float, float]:
        step = 0.02 / curve
        logs = []
        for noise in noises:
            std = math.sqrt(noise * step * curve)
            chain = MarkovKernel(lambda y: (1 - step * curve) * y, std, (-1.2, 1.2), points=400)
            logs.append(log_time(chain, 0.0, radius))
        # tau ~ sqrt(noise) e^{r^2/noise}: the root is taken off
        apart = 1 / noises[1] - 1 / noises[0]
        found, error = slope(logs[0], logs[1], apart)
        return found + math.log(noises[0] / noises[1]) / (2 * apart) * -1, error

    return numerical(
        statement=(
            "In the discrete chain too the exponent of leaving a quadratic well through a distance "
            "r is r^2, whatever the curvature, if the noise is in proportion to it."
        ),
        source=Source.LIMIT,
        citation=QUASI_POTENTIAL,
        formula=sympy.Eq(sympy.Limit(eta * sympy.log(tau(eta)) / b, eta, 0), r**2),
        regime="lr h = 0.02, r^2 b/(lr) = 8.3 and 12.5",
        components=("exponent, curvature 1", "exponent, curvature 4"),
        prediction=np.full(2, radius**2),
        width=0.03,
        reason="0.03: 12 %, for the noise's finite strength",
        mutants={
            "twice, with the root of the curvature": 2 * radius**2 * np.array([1.0, 2.0]),
            "a factor 2": 2 * radius**2,
        },
        measured=lambda: pairs([exponent(1.0), exponent(4.0)]),
    )


@dai_zhu.claim(on="law")
def tail_exponent_is_none_of_three_diffusions(named: NamedProblem) -> Draft:
    """Compute alpha lr at two small learning rates, by the exact moment equation."""
    problem = LinearRegression.gaussian([1.0])
    lrs = (0.02, 0.01)

    def limit() -> tuple[FloatArray, FloatArray]:
        found = [tail_exponent(problem, SGD(lr=lr)) for lr in lrs]
        values = [each.value * lr for each, lr in zip(found, lrs, strict=True)]
        # the error is of order lr
        value = 2 * values[1] - values[0]
        return np.array([value]), np.array([0.005])

    return numerical(
        statement=(
            "For a Gaussian feature the tail exponent times lr tends to 1.79556 at batch 1; the "
            "diffusion with the exact covariance gives 1 and the one with 2 L H gives 2."
        ),
        source=Source.NEW,
        formula=sympy.Eq(sympy.Limit(alpha * eta, eta, 0), 1 / (2 * sympy.LambertW(sympy.exp(-1)))),
        regime="variance 1, batch 1, lr 0.02 and 0.01, extrapolated",
        components=("alpha lr",),
        prediction=CONSTANT,
        width=0.04,
        reason="0.04: a fifth of the distance to the nearest diffusion",
        mutants={"exact-covariance diffusion": 1.0, "diffusion with 2 L H": 2.0},
        measured=limit,
    )


@dai_zhu.claim(on="law")
def power_law_of_the_loss_is_not_that_of_sgd(named: NamedProblem) -> Draft:
    """Compare the exact tail exponent with that of the density L^-phi, phi = 1 + b/lr."""
    problem = LinearRegression.gaussian([1.0])
    lrs = np.array([0.1, 1.0])
    exact = np.array([17.28, 1.0906])
    mori = 2 * (1 + 1 / lrs) - 1

    def measured() -> tuple[FloatArray, FloatArray]:
        found = [tail_exponent(problem, SGD(lr=lr)) for lr in lrs]
        return (
            np.array([each.value for each in found]) / mori,
            np.array([each.upper - each.lower for each in found]) / mori,
        )

    return numerical(
        statement=(
            "The tail of real SGD is heavier than that of the stationary law L^-phi with phi = 1 + "
            "b/(lr h): less than half of its exponent at lr h = b = 1."
        ),
        source=Source.LIMIT,
        citation=MORI,
        formula=sympy.Lt(alpha, 1 + 2 * b / (eta * h)),
        regime="one Gaussian feature of variance 1, batch 1",
        components=tuple(f"exponent over that of the power law, lr {lr:g}" for lr in lrs),
        prediction=exact / mori,
        width=0.02,
        reason="0.02: an eighth of the difference",
        mutants={"the power law's exponent": 1.0, "the exact covariance": (1 + 1 / lrs) / mori},
        measured=measured,
    )


@dai_zhu.claim(on="law")
def sgd_diverges_where_no_diffusion_does(named: NamedProblem) -> Draft:
    """Compute the almost-sure threshold by quadrature and by `stability`."""

    def growth(lr: float) -> float:
        def term(x: float) -> float:
            return math.log(abs(1 - lr * x * x)) * math.exp(-x * x / 2)

        edge = 1 / math.sqrt(lr)
        total = quad(term, 0, edge, limit=400)[0] + quad(term, edge, 12, limit=400)[0]
        return total * math.sqrt(2 / math.pi)

    def measured() -> tuple[FloatArray, FloatArray]:
        found = stability(LinearRegression.gaussian([1.0]), SGD(lr=1.0)).lr_almost_sure
        middle = (found.lower + found.upper) / 2
        return np.array([middle]), np.array([(found.upper - found.lower) / 2])

    exact = float(brentq(growth, 2.0, 3.0, xtol=1e-9))
    return numerical(
        statement=(
            "SGD diverges almost surely beyond lr = 2.4213 for a Gaussian feature of variance 1; "
            "its diffusion has a stationary law at every learning rate."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(
            sympy.Function("E")(sympy.log(sympy.Abs(1 - eta * sympy.Symbol("x") ** 2))), 0
        ),
        regime="batch 1",
        components=("almost-sure threshold",),
        prediction=exact,
        width=0.01,
        reason="0.01: far from the thresholds of moments",
        mutants={"of the second moment": 2 / 3, "of the mean": 2.0},
        measured=measured,
    )
