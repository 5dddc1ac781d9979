r"""SGD driven by stable noise: stationary scale and exit, against what finite variance gives.

w' = (1 - lr h) w + lr s S, with S symmetric stable of index alpha and unit scale, has exactly the
stable stationary law of scale

    lr s/(1 - |1 - lr h|^alpha)^(1/alpha)  ~  lr^((alpha - 1)/alpha) s/(alpha h)^(1/alpha),

and leaves |w| <= a by one jump: with c = Gamma(1 + alpha) sin(pi alpha/2)/pi the chance a step is
about 2 c (lr s/a)^alpha/alpha, whatever the curvature. If the noise of one row were stable the mean
over b rows would have s ~ b^(1/alpha - 1), and the time to leave would grow as b^(alpha - 1). With
normal noise it grows exponentially in b. The probabilities to stay are computed from the transition
density, without either approximation.
"""

import math
from dataclasses import dataclass

import numpy as np
import sympy
from scipy.optimize import brentq

from linsgd.claims.gradient_draws import FrozenGradients, Sizes
from linsgd.claims.problems import NamedProblem
from linsgd.claims.simsekli_2019.paper import simsekli
from linsgd.claims.simsekli_2019.stable_noise import StableSGD, stationary_scale, survival
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import Event
from linsgd.judge.observables import Exceeds
from linsgd.optimizers.sgd import SGD
from linsgd.stable import Stable
from linsgd.theory.gradient_noise.product_normal import ProductNormal
from linsgd.theory.levy.exits import exit_time, jump_constant

alpha, eta, s, h, a, k, b = sympy.symbols("alpha eta s h a k b", positive=True)
c_alpha = sympy.gamma(1 + alpha) * sympy.sin(sympy.pi * alpha / 2) / sympy.pi

ALPHA = 1.5
LR = 0.1
EXIT_STEPS = 200
ONE_JUMP = 0.05  # tolerance of the one-jump formula


@simsekli.claim(on="law")
def stationary_scale_under_stable_noise(named: NamedProblem) -> Draft:
    """Measure P(|w| > q) at two learning rates, q the exact quartile of |w|."""
    lrs = np.array([0.02, 0.4])
    scales = stationary_scale(ALPHA, 1 - lrs, lrs)
    quartiles = scales * Stable(ALPHA).quantile(0.75)
    brownian = scales[1] * (lrs / lrs[1]) ** 0.5

    def beyond(scale: FloatArray) -> FloatArray:
        return np.array(
            [2 * Stable(ALPHA, own).sf(q) for own, q in zip(scale, quartiles, strict=True)]
        ).ravel()

    return Draft(
        statement=(
            "On a quadratic stable noise gives exactly a stable stationary law, whose scale grows "
            "as lr^((alpha - 1)/alpha) at small learning rates, not as its square root."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(
            sympy.Symbol("s_w"), eta * s / (1 - sympy.Abs(1 - eta * h) ** alpha) ** (1 / alpha)
        ),
        regime=f"alpha {ALPHA}, h = 1, 250 steps from 0; an event of each chain",
        components=tuple(f"P(|w| > exact quartile), lr {lr:g}" for lr in lrs),
        prediction=np.full(2, 0.5),
        acceptance=Acceptance.interval([0.5, 0.5], 0.03, "0.03: 10 % of the scale"),
        mutants={
            "square root of the learning rate": beyond(brownian),
            "no dependence on the learning rate": beyond(np.full(2, scales[1])),
            "a factor 2 in the scale": beyond(2 * scales),
        },
        evidence=Simulation(
            experiment=StableSGD(alpha=ALPHA, factors=1 - lrs, scales=lrs, steps=250),
            observable=Exceeds(_Size(0), quartiles),
            premise=Event(),
        ),
    )


@simsekli.claim(on="law")
def levy_exit_is_a_power_of_the_batch(named: NamedProblem) -> Draft:
    """Measure the chance to have left an interval, with noise of scale b^(1/alpha - 1)."""
    batches = np.array([1.0, 4.0, 16.0])
    scales = 0.04 * batches ** (1 / ALPHA - 1)
    exact = np.array([1 - survival(ALPHA, 0.9, own, 1.0, EXIT_STEPS) for own in scales])
    noise = Stable(ALPHA, 0.04 / LR)
    jumps = np.array(
        [1 / exit_time(SGD(lr=LR, batch_size=int(size)), noise, 1.0, -1.0).mean for size in batches]
    )
    left = -np.expm1(-EXIT_STEPS * jumps)
    one = -np.expm1(-EXIT_STEPS * jumps / jump_constant(ALPHA))
    return Draft(
        statement=(
            "With stable noise of batch b the chance of an exit a step is that of one jump over "
            "the width, a power b^(1 - alpha): the time to leave grows by a factor 2 from batch to "
            "four times the batch at alpha = 1.5."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(
            sympy.Symbol("P_exit"),
            1 - sympy.exp(-k * 2 * c_alpha / alpha * (eta * s / a) ** alpha * b ** (1 - alpha)),
        ),
        regime=f"alpha {ALPHA}, lr h = 0.1, |w| <= 1, {EXIT_STEPS} steps; an event of each chain",
        components=tuple(f"P(left), batch {int(size)}" for size in batches),
        prediction=exact,
        acceptance=Acceptance.interval(
            exact, ONE_JUMP, "0.05: what is allowed for more than one jump"
        ),
        mutants={
            "jump constant 1 at unit scale": one,
            "as at batch 1": np.full(3, exact[0]),
            "normal noise of equal quartiles": _normal_exits(scales),
        },
        evidence=Simulation(
            experiment=StableSGD(
                alpha=ALPHA, factors=np.full(3, 0.9), scales=scales, steps=EXIT_STEPS
            ),
            observable=Exceeds(_Size(1), np.ones(3)),
            premise=Event(),
        ),
        approximation_error=float(np.abs(left - exact).max()) / ONE_JUMP,
    )


@simsekli.claim(on="law")
def levy_exit_depends_on_width_not_curvature(named: NamedProblem) -> Draft:
    """Compare exits from intervals of two widths and under two curvatures."""
    widths, curvatures = np.array([1.0, 2.0, 1.0]), np.array([1.0, 1.0, 4.0])
    factors, scales = 1 - LR * curvatures, np.full(3, 0.04)
    settings = zip(factors, scales, widths, strict=True)
    exact = np.array([1 - survival(ALPHA, *setting, EXIT_STEPS) for setting in settings])
    rates = -np.log1p(-exact)
    sgd, noise = SGD(lr=LR), Stable(ALPHA, 0.04 / LR)
    jumps = np.array([1 / exit_time(sgd, noise, width, -width).mean for width in widths])
    left = -np.expm1(-EXIT_STEPS * jumps)
    barriers = curvatures * widths**2
    return Draft(
        statement=(
            "With stable noise the time to leave depends on the width of the interval, as its "
            "power alpha, and hardly on the curvature or on the height of the barrier."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(
            sympy.Symbol("P_exit"),
            1 - sympy.exp(-k * 2 * c_alpha / alpha * (eta * s / a) ** alpha),
        ),
        regime=f"alpha {ALPHA}, lr 0.1, {EXIT_STEPS} steps; an event of each chain",
        components=("width 1", "width 2", "width 1, curvature 4"),
        prediction=exact,
        acceptance=Acceptance.interval(
            exact, ONE_JUMP, "0.05: what is allowed for more than one jump"
        ),
        mutants={
            "a time in proportion to the width squared times the curvature": -np.expm1(
                -rates[0] / barriers
            ),
            "no dependence on the width": np.full(3, exact[0]),
            "twice the rate": -np.expm1(-2 * rates),
        },
        evidence=Simulation(
            experiment=StableSGD(alpha=ALPHA, factors=factors, scales=scales, steps=EXIT_STEPS),
            observable=Exceeds(_Size(1), widths),
            premise=Event(),
        ),
        approximation_error=float(np.abs(left - exact).max()) / ONE_JUMP,
    )


@simsekli.claim(on="law")
def normal_exit_is_exponential_in_the_batch(named: NamedProblem) -> Draft:
    """Measure the chance to have left an interval under normal noise of variance 1/b."""
    batches = np.array([1.0, 2.0, 4.0])
    scales = 0.16 / np.sqrt(batches)
    exact = np.array([1 - survival(2.0, 0.9, own, 1.0, EXIT_STEPS) for own in scales])
    rates = -np.log1p(-exact)
    return Draft(
        statement=(
            "With normal noise of finite variance the chance to leave falls exponentially in the "
            "batch, far faster than the power law of stable noise."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(
            sympy.Symbol("P_exit"),
            1
            - sympy.exp(-k * sympy.Function("r")(eta, h) * sympy.exp(-b * h * a**2 / (eta * s**2))),
            evaluate=False,
        ),
        regime=f"normal noise, lr h = 0.1, |w| <= 1, {EXIT_STEPS} steps; an event of each chain",
        components=tuple(f"P(left), batch {int(size)}" for size in batches),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.03, "0.03: a hundredth of the range of the rates"),
        mutants={
            "rate b^(1 - alpha), alpha = 1.5": -np.expm1(-rates[0] * batches**-0.5),
            "rate 1/b": -np.expm1(-rates[0] / batches),
        },
        evidence=Simulation(
            experiment=StableSGD(
                alpha=2.0, factors=np.full(3, 0.9), scales=scales, steps=EXIT_STEPS
            ),
            observable=Exceeds(_Size(1), np.ones(3)),
            premise=Event(),
        ),
    )


@simsekli.claim(on="law")
def noise_scale_falls_as_the_square_root_of_the_batch(named: NamedProblem) -> Draft:
    """Compare the quartile of |u'g| at batches 16 and 256."""
    small, large = 16, 256
    problem = named.problem
    direction = problem.from_eigenbasis(np.eye(problem.dimension)[0])
    factor = math.sqrt(problem.eigenvalues[0] * problem.noise_variance)
    quartile = factor / small * _quartile(small)
    predicted = quartile * math.sqrt(small / large)
    exact = np.array([0.5, _beyond(large, predicted * large / factor)])
    rivals = {
        f"stable noise of index {index}": np.array(
            [0.5, _beyond(large, predicted * large / factor / (large / small) ** (1 / index - 0.5))]
        )
        for index in (1.2, 1.5, 1.8)
    }
    return Draft(
        statement=(
            "The scale of the minibatch gradient falls as b^(-1/2) from batch 16 to 256, not as "
            "b^(1/alpha - 1) with an alpha that the block estimator gives."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(
            sympy.Function("q")(b), sympy.Function("q")(16) * (b / 16) ** sympy.Rational(-1, 2)
        ),
        regime="Gaussian features and labels at the optimum; an event of each batch",
        components=("P(|u'g| > quartile), batch 16", "the same scaled to batch 256"),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.015, "0.015: 5 % of the scale"),
        mutants=rivals,
        evidence=Simulation(
            experiment=FrozenGradients(
                problem=problem, w=problem.optimum, batch_sizes=(small, large)
            ),
            observable=Exceeds(
                Sizes(np.repeat(direction[:, None], 2, axis=1), (0, 1)),
                np.array([quartile, predicted]),
            ),
            premise=Event(),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Size:
    """|w| (n, m) at one of the two places of `StableSGD`."""

    place: int

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        sizes: FloatArray = np.abs(states[self.place])
        return sizes


def _normal_exits(scales: FloatArray) -> FloatArray:
    """Return the chance to leave under normal noise with the quartiles of stable noise."""
    ratio = float(Stable(ALPHA).quantile(0.75) / Stable(2.0).quantile(0.75))
    return np.array([1 - survival(2.0, 0.9, ratio * own, 1.0, EXIT_STEPS) for own in scales])


def _beyond(batch: int, size: float) -> float:
    """Return P(|S| > size) of a sum of products of independent normal variables."""
    return float(2 * ProductNormal(0.0, batch).cdf(np.array([-size]))[0])


def _quartile(batch: int) -> float:
    """Return the median of |S|."""
    return float(brentq(lambda q: _beyond(batch, q) - 0.5, 1e-6, 10 * math.sqrt(batch)))
