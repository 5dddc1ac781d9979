r"""The discrete algorithm itself: chains on potentials, measured by Monte Carlo."""

import math

import numpy as np
import sympy

from linsgd.claims.dai_zhu_2020.experiments import Beyond, Exits, First, ScaledSquare, Walks
from linsgd.claims.dai_zhu_2020.numbers import (
    QUARTIC,
    TOP,
    WELLS,
    diffusion,
    eta,
    h_a,
    h_f,
)
from linsgd.claims.dai_zhu_2020.paper import dai_zhu
from linsgd.claims.problems import NamedProblem
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import Event, KnownVariance
from linsgd.optimizers.sgd import SGD
from linsgd.problems.potentials import FiniteSum, Quadratic
from linsgd.theory.escape import kramers
from linsgd.theory.fokker_planck import MarkovKernel

beta, h, k, tau, b = sympy.symbols("beta h k tau b", positive=True)
P = sympy.Function("P")


@dai_zhu.claim(on="law")
def chains_prefer_the_flat_minimum_at_equal_depth(named: NamedProblem) -> Draft:
    """Count chains in the flat well, after many crossings from it."""
    lr, level = 0.01, 0.8
    exact = diffusion(WELLS, level).occupation(TOP, 6.5).value
    return Draft(
        statement=(
            "Chains of SGD with constant noise are found in the flat one of two equally deep "
            "minima as often as the Fokker-Planck equation says, and more often than in the sharp."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(P("f") / P("a"), sympy.sqrt(h_a / h_f)),
        regime=f"curvatures 8 and 2, temperature {level}, lr {lr}, 3000 steps; events",
        components=("P(flat well)",),
        prediction=np.array([exact]),
        acceptance=Acceptance.interval([exact], 0.04, "0.04: lr is finite"),
        mutants={
            "no preference": np.array([0.5]),
            "the sharp one preferred": np.array([1 - exact]),
        },
        evidence=Simulation(
            experiment=Walks(
                name="double well 8, 2",
                potential=WELLS,
                sgd=SGD(lr=lr),
                noise=2 * level / lr,
                start=1.5,
                steps=3000,
            ),
            observable=Beyond(TOP),
            premise=Event(),
        ),
    )


@dai_zhu.claim(on="law")
def escapes_become_rare_exponentially_in_the_batch(named: NamedProblem) -> Draft:
    """Count exits at three batches against the chain's exact mean passage times."""
    lr, level, steps = 0.1, 0.1, 1500
    batches = (1, 2, 4)
    times = np.array([_passage(lr, level / m) for m in batches])
    exact = -np.expm1(-steps / times)
    return Draft(
        statement=(
            "The time to escape grows exponentially with the batch: from batch 1 to 2 and 4 it is "
            "that of the discrete chain, not in proportion to the batch."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(P("exit"), 1 - sympy.exp(-k / tau)),
        regime=f"x^4/4 - x^2/2, lr {lr}, temperature {level}/batch, {steps} steps; events",
        components=tuple(f"P(exit), batch {m}" for m in batches),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.04, "0.04: exits have no memory but at first"),
        mutants={
            "in proportion to the batch": -np.expm1(-steps / (times[0] * np.array(batches))),
            "whatever the batch": np.full(3, exact[0]),
        },
        evidence=Simulation(
            experiment=Exits(
                name="quartic",
                potential=QUARTIC,
                settings=tuple(SGD(lr=lr, batch_size=m) for m in batches),
                noise=2 * level / lr,
                start=-1.0,
                target=1.0,
                steps=steps,
            ),
            observable=First(),
            premise=Event(),
        ),
    )


@dai_zhu.claim(on="law")
def momentum_law_depends_on_lr_over_one_minus_momentum(named: NamedProblem) -> Draft:
    """Measure the stationary variance in a quadratic well at a large learning rate."""
    lr, momentum = 1.0, 0.9
    thermal = lr / (2 * (1 - momentum))
    exact = (1 + momentum) / (1 + momentum - lr / 2)
    return Draft(
        statement=(
            "The stationary variance in a quadratic well is T/h with T = lr c/(2 b (1 - "
            "momentum)), times (1 + momentum)/(1 + momentum - lr h/2) at a finite learning rate."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(
            sympy.Symbol("Var x") * h / sympy.Symbol("T"), (1 + beta) / (1 + beta - eta * h / 2)
        ),
        regime="h = 1, lr 1, momentum 0.9, 400 steps; normal, so that the variance is known",
        components=("variance over T/h",),
        prediction=np.array([exact]),
        acceptance=Acceptance.interval([exact], 0.07, "0.07: a fifth of the correction"),
        mutants={
            "the equation's variance": np.array([1.0]),
            "1 - momentum^2 for 1 - momentum": np.array([exact / 1.9]),
        },
        evidence=Simulation(
            experiment=Walks(
                name="quadratic 1",
                potential=Quadratic(1.0),
                sgd=SGD(lr=lr, momentum=momentum),
                noise=1.0,
                start=0.0,
                steps=400,
            ),
            observable=ScaledSquare(thermal),
            premise=KnownVariance(np.array([2 * exact**2])),
        ),
    )


@dai_zhu.claim(on="law")
def momentum_escape_has_langers_prefactor(named: NamedProblem) -> Draft:
    """Count exits under momentum of low friction against Kramers and Langer's rate."""
    lr, momentum, height = 0.01, 0.95, 5.0
    sgd = SGD(lr=lr, momentum=momentum)
    noise = 2 * (1 - momentum) * 0.25 / height / lr
    slow = kramers(QUARTIC, sgd, -1.0, 0.0, noise).mean
    steps = int(slow)
    exact = -math.expm1(-steps / slow)
    plain = slow * _growth(momentum, lr) / (lr / (1 - momentum))
    return Draft(
        statement=(
            "With momentum the escape rate has the growth rate of the saddle's unstable direction "
            "as prefactor, which is below that of SGD at learning rate lr/(1 - momentum)."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(P("exit"), 1 - sympy.exp(-k / tau)),
        regime="x^4/4 - x^2/2, lr 0.01, momentum 0.95, barrier 5 temperatures; events",
        components=("P(exit)",),
        prediction=np.array([exact]),
        acceptance=Acceptance.interval(
            [exact], 0.055, "0.055: a seventh of the rate, temperature over barrier"
        ),
        mutants={
            "a factor 2": np.array([-math.expm1(-2 * steps / slow)]),
            "lr for lr/(1 - momentum)": np.array([-math.expm1(-steps / (plain / (1 - momentum)))]),
        },
        evidence=Simulation(
            experiment=Exits(
                name="quartic",
                potential=QUARTIC,
                settings=(sgd,),
                noise=noise,
                start=-1.0,
                target=1.0,
                steps=steps,
            ),
            observable=First(),
            premise=Event(),
        ),
    )


@dai_zhu.claim(on="law")
def without_label_noise_no_global_minimum_is_left(named: NamedProblem) -> Draft:
    """Count exits in phase retrieval with exact labels, and with noise in them."""
    a = np.linspace(0.5, 1.5, 12)
    exact = FiniteSum.phase_retrieval(a, a**2)
    return Draft(
        statement=(
            "From a global minimum that fits every sample SGD does not escape, however sharp it "
            "is: the noise vanishes there with the loss."
        ),
        source=Source.FOLLOW_UP,
        citation=(
            "Ziyin, Liu, Mori, Ueda: Strength of minibatch noise in SGD. ICLR 2022 "
            "(arXiv:2102.05375); reconstructed"
        ),
        formula=sympy.Eq(P("exit"), 0),
        regime="phase retrieval of 12 samples, lr 0.2, batch 1, from 0.8, 2000 steps; events",
        components=("P(exit)",),
        prediction=np.array([0.0]),
        acceptance=Acceptance.below(0.02, 0.1, "0.02: what an event that never happens allows"),
        mutants={
            "as with constant noise of the start's strength": np.array([0.5]),
            "every chain": np.array([1.0]),
        },
        evidence=Simulation(
            experiment=Exits(
                name="phase retrieval, 12 exact labels",
                potential=exact,
                settings=(SGD(lr=0.2),),
                noise=None,
                start=0.8,
                target=-0.8,
                steps=2000,
            ),
            observable=First(),
            premise=Event(),
        ),
    )


def _passage(lr: float, level: float) -> float:
    """Return the chain's mean passage time in steps."""
    chain = MarkovKernel(
        lambda y: y - lr * QUARTIC.gradient(y), math.sqrt(2 * lr * level), (-2.6, 2.6), points=300
    )
    return chain.mean_first_passage_time(-1.0, 1.0).value


def _growth(momentum: float, lr: float) -> float:
    """Return the growth per step at a saddle of curvature -1."""
    half = (1 - momentum) / 2
    return lr / (math.sqrt(half**2 + lr) + half)
