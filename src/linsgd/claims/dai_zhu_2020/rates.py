r"""How fast SGD settles: the gap of the Fokker-Planck equation, escape times, momentum."""

import math

import numpy as np
import sympy
from scipy.optimize import minimize_scalar

from linsgd.claims.dai_zhu_2020.numbers import (
    BARRIER,
    QUARTIC,
    L_a,
    L_s,
    M,
    T,
    c,
    diffusion,
    eta,
    h_a,
    h_s,
    log_time,
    numerical,
    pairs,
    slope,
)
from linsgd.claims.dai_zhu_2020.paper import dai_zhu
from linsgd.claims.problems import NamedProblem
from linsgd.judge.claim import Draft, Source
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.diffusion.pearson import pearson
from linsgd.theory.escape import LinearDiffusion, heavy_ball_rate, kramers

gap, tau = sympy.Symbol("lambda"), sympy.Symbol("tau")
beta, h, g, rho = sympy.symbols("beta h g rho", positive=True)
nu, q_1 = sympy.symbols("nu q_1", positive=True)


@dai_zhu.claim(on="law")
def gap_of_regression_is_the_smallest_curvature(named: NamedProblem) -> Draft:
    """Compute the gap of one feature's diffusion with its state-dependent noise, three batches."""
    problem, lr, batches = LinearRegression.gaussian([1.0]), 0.05, (1, 4, 16)

    def rate(m: int) -> tuple[float, float]:
        law = pearson(problem, SGD(lr=lr, batch_size=m))
        edge = 8 / math.sqrt(m)
        found = diffusion(
            lambda y: law.rate * y**2 / 2,
            lambda y: (law.additive + law.multiplicative * y**2) / 2,
            -edge,
            edge,
        ).spectral_gap()
        return found.value / lr, found.error

    return numerical(
        statement=(
            "In linear regression the gap is the smallest curvature, whatever the batch, while the "
            "stationary variance is finite: the batch sets the noise, not the speed."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(gap, h),
        regime=f"one Gaussian feature of variance 1, lr {lr}",
        components=tuple(f"gap over lr, batch {m}" for m in batches),
        prediction=np.ones(3),
        width=0.01,
        reason="1 %: far below any power of the batch",
        mutants={
            "in proportion to the batch": np.array(batches),
            "inversely to it": 1 / np.array(batches),
        },
        measured=lambda: pairs([rate(m) for m in batches]),
    )


@dai_zhu.claim(on="law")
def gap_is_continuous_where_the_variance_is_infinite(named: NamedProblem) -> Draft:
    """Compute the gap of a Pearson diffusion with nu = 1.5 on growing intervals of asinh x."""
    rate, strength = 1.0, 4.0  # nu = 1 + 2 rate/strength
    index = 1 + 2 * rate / strength
    exact = strength * index**2 / 8
    edge = 40.0

    def measured() -> tuple[np.ndarray, np.ndarray]:
        # in y = asinh(x): drift -(rate + strength/2) tanh y, diffusion strength/2
        found = diffusion(
            lambda y: (rate + strength / 2) * (np.logaddexp(y, -y)),
            strength / 2,
            -edge,
            edge,
        ).spectral_gap()
        # walls at +-edge raise the continuum's edge by the square of the wave number pi/(2 edge)
        return np.array([found.value]), np.array([strength / 2 * (math.pi / edge) ** 2])

    return numerical(
        statement=(
            "Where the diffusion of linear regression has infinite variance its gap is the edge of "
            "a continuous spectrum, above the smallest curvature, and depends on the batch."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(gap, q_1 * nu**2 / 8),
        regime="rate 1, noise 1 + 4 x^2: nu = 1.5",
        components=("gap",),
        prediction=exact,
        width=0.03,
        reason="0.03: the walls of the interval",
        mutants={"the curvature": 1.0, "a factor 2 lost": exact / 2},
        measured=measured,
    )


@dai_zhu.claim(on="law")
def gap_between_wells_falls_exponentially_with_the_batch(named: NamedProblem) -> Draft:
    """Follow the log gap of the quartic over the batch."""
    cold = 0.04
    exact = -BARRIER / cold
    return numerical(
        statement=(
            "Between wells the rate of convergence falls exponentially with the batch, with the "
            "height of the barrier over the temperature as exponent."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(sympy.Derivative(sympy.log(gap), M), -2 * (L_s - L_a) / (eta * c)),
        regime=f"x^4/4 - x^2/2, temperature {cold}/batch, batches 1 and 2",
        components=("slope of log gap in the batch",),
        prediction=exact,
        width=0.02 * abs(exact),
        reason="2 %: terms of order temperature over barrier, squared",
        mutants={"whatever the batch": 0.0, "a factor 2 lost": exact / 2},
        measured=lambda: pairs([slope(_log_gap(cold), _log_gap(cold / 2), 1)]),
    )


@dai_zhu.claim(on="law")
def escape_time_is_that_of_kramers(named: NamedProblem) -> Draft:
    """Compare exact passage times with Kramers' formula at three temperatures."""
    heights = np.array([10.0, 20.0, 40.0])
    sgd = SGD(lr=0.01)

    def excess(height: float) -> tuple[float, float]:
        level = BARRIER / height
        law = kramers(QUARTIC, sgd, -1.0, 0.0, 2 * level / sgd.lr).log_mean + math.log(sgd.lr)
        found, error = log_time(diffusion(QUARTIC, level, -2.6, 2.6), -1.0, 1.0)
        return found - law, error + 1e-12

    return numerical(
        statement=(
            "The escape time follows Kramers' formula, within the temperature over the barrier."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(tau, 2 * sympy.pi / sympy.sqrt(h_a * h_s) * sympy.exp((L_s - L_a) / T)),
        regime="x^4/4 - x^2/2, barrier over temperature 10, 20, 40",
        components=tuple(f"log of exact over Kramers, barrier {v:g} T" for v in heights),
        prediction=np.zeros(3),
        width=1.2 / heights,
        reason="1.2 T over the barrier: the next term of the expansion",
        mutants={"a factor 2": np.log(2.0), "half": -np.log(2.0)},
        measured=lambda: pairs([excess(v) for v in heights]),
    )


@dai_zhu.claim(on="law")
def best_momentum_in_a_well(named: NamedProblem) -> Draft:
    """Maximise the rate of the iteration over the momentum, by its 2 x 2 matrix."""
    curve, lr = 1.0, 0.01
    found = heavy_ball_rate(curve, lr, 0.5)

    def slow(momentum: float) -> float:
        step = np.array([[1 + momentum - lr * curve, -momentum], [1.0, 0.0]])
        return float(np.abs(np.linalg.eigvals(step)).max())

    def measured() -> tuple[np.ndarray, np.ndarray]:
        best = minimize_scalar(slow, bounds=(0.5, 0.99), method="bounded", options={"xatol": 1e-10})
        return np.array([-math.log(best.fun), best.x]), np.full(2, 1e-4)

    return numerical(
        statement=(
            "Near a minimum the best momentum is (1 - sqrt(lr h))^2, with the rate sqrt(lr h) per "
            "step to leading order, whatever the batch."
        ),
        source=Source.NEW,
        formula=sympy.Eq(beta, (1 - sympy.sqrt(eta * h)) ** 2),
        regime="lr h = 0.01",
        components=("best rate", "best momentum"),
        prediction=[found.best_rate, found.best_momentum],
        width=[0.002, 0.002],
        reason="2 % of the rate",
        mutants={
            "the rate without momentum, no momentum": [0.01, 0.0],
            "the kinetic equation's momentum of half the friction": [0.05, 0.9],
        },
        measured=measured,
    )


@dai_zhu.claim(on="law")
def constant_of_hypocoercive_decay(named: NamedProblem) -> Draft:
    """Compute the supremum of the propagator's norm times e^{gap t} for the heavy ball."""
    frictions = (0.5, 1.0, 1.5)

    def supremum(friction: float) -> tuple[float, float]:
        flow = LinearDiffusion(
            np.array([[0, -1], [1, friction]]), np.array([[0, 0], [0, friction]])
        )
        times = np.linspace(0, 10, 401)
        return max(flow.propagator_norm(t) * math.exp(flow.gap * t) for t in times), 4e-3

    exact = np.array([math.sqrt((2 + f) / (2 - f)) for f in frictions])
    return numerical(
        statement=(
            "With momentum the decay has a constant larger than one, sqrt((2 + g)/(2 - g)) in a "
            "quadratic well of friction g below critical damping."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(sympy.Symbol("C"), sympy.sqrt((2 + g) / (2 - g))),
        regime="heavy ball with curvature 1",
        components=tuple(f"constant, friction {f:g}" for f in frictions),
        prediction=exact,
        width=0.02,
        reason="0.02: far below the constant's excess over 1",
        mutants={"no constant": 1.0, "without the root": exact**2},
        measured=lambda: pairs([supremum(f) for f in frictions]),
    )


def _log_gap(level: float) -> tuple[float, float]:
    found = diffusion(QUARTIC, level, -2.0, 2.0).spectral_gap()
    return found.log, found.error
