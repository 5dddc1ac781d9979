"""Local and global displacement of networks, against Kunin et al.'s theory of linear regression."""

import math

import sympy

from linsgd.claims.networks.draft import on_runs
from linsgd.claims.networks.measured import LogRatio, Slope
from linsgd.claims.networks.paper import networks
from linsgd.claims.networks.runs import (
    BATCHES,
    LAGS,
    MOMENTA,
    RATES,
    Arrays,
    Perceptrons,
    ResidualNets,
)
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Runs, Source

eta, beta, S, t, c = sympy.symbols("eta beta S t c", positive=True)
local, glob = sympy.Function("delta2"), sympy.Function("Delta2")
FIRST = 2  # lags of a record that stand before LAGS: half an epoch and an epoch
STATIONARY = "tanh network 64-16-10, cross-entropy, weight decay 0.01, stationary weights"
RESIDUAL = "residual network of 1,300 weights after 1000 steps"


@networks.claim(on="networks")
def local_displacement_squared_lr(named: NamedProblem) -> Draft:
    """Measure the slope of the squared step in the learning rate."""
    return _slope(Perceptrons(), "local lr", RATES, 2.0, STATIONARY, "the learning rate")


@networks.claim(on="networks")
def local_displacement_inverse_batch(named: NamedProblem) -> Draft:
    """Measure the slope of the squared step in the batch size."""
    return _slope(Perceptrons(), "local batch", BATCHES, -1.0, STATIONARY, "the batch size")


@networks.claim(on="networks")
def local_displacement_and_momentum(named: NamedProblem) -> Draft:
    """Measure the slope of the squared step in 1/(1 - momentum^2)."""
    factors = tuple(1 / (1 - m**2) for m in MOMENTA)
    of = "1/(1 - momentum^2)"
    return _slope(Perceptrons(), "local momentum", factors, 1.0, STATIONARY, of)


@networks.claim(on="networks")
def local_displacement_of_a_residual_net(named: NamedProblem) -> Draft:
    """Measure the slope in the batch size on the residual network."""
    return _slope(ResidualNets(False), "local batch", BATCHES, -1.0, RESIDUAL, "the batch size")


@networks.claim(on="networks")
def local_displacement_with_batch_norm(named: NamedProblem) -> Draft:
    """Measure the slope in the batch size where batch norm couples the rows."""
    where = f"{RESIDUAL}, with batch norm"
    return _slope(ResidualNets(True), "local batch", BATCHES, -1.0, where, "the batch size")


@networks.claim(on="networks")
def stationary_exponent_below_one(named: NamedProblem) -> Draft:
    """Measure the exponent of the global displacement of stationary weights."""
    runs, span = Perceptrons(), LAGS[-1] / LAGS[6]
    return on_runs(
        runs,
        "From stationary weights and with independent batches the global displacement grows "
        f"slower than the time: its exponent between {LAGS[6]} and {LAGS[-1]} steps is below 1.",
        source=Source.RECONSTRUCTED,
        formula=sympy.Lt(sympy.log(glob(t)) / sympy.log(t), 1),
        regime=STATIONARY,
        component="exponent c",
        prediction=0.4,
        acceptance=Acceptance.below(0.85, 0.15, "the theory's c is at most 1"),
        mutants={"free diffusion": 1.0, "the exponent on ImageNet": 1.07},
        observable=LogRatio("global independent", -1, FIRST + 6, math.log(span)),
    )


@networks.claim(on="networks")
def exponent_above_one_is_drift(named: NamedProblem) -> Draft:
    """Measure the exponent from initial weights at a small learning rate."""
    return on_runs(
        Perceptrons(),
        "From initial weights at a small learning rate the exponent between 50 and 400 steps is "
        "above 1: the mean still moves. No stationary law has such an exponent.",
        source=Source.FOLLOW_UP,
        formula=sympy.Gt(sympy.log(glob(t)) / sympy.log(t), 1),
        regime="tanh network 64-16-10, lr 0.005, momentum 0.9, from initial weights",
        component="exponent c",
        prediction=1.7,
        acceptance=Acceptance.above(1.3, 0.25, "the exponents published for ImageNet reach 1.3"),
        mutants={"free diffusion": 1.0, "a stationary law": 0.5},
        observable=LogRatio("early", 399, 49, math.log(8)),
    )


@networks.claim(on="networks")
def exponent_falls_with_length_from_scratch(named: NamedProblem) -> Draft:
    """Compare the exponents of 50 to 100 and of 300 to 600 steps from initial weights."""
    return on_runs(
        Perceptrons(),
        "From initial weights the exponent falls with the length of the run, from nearly 2. On "
        "pretrained weights it was published to rise: neither is a number of the optimizer.",
        source=Source.NEW,
        formula=sympy.Lt(sympy.Derivative(c, t), 0),
        regime="tanh network 64-16-10, lr 0.005, momentum 0.9, from initial weights",
        component="c(300 to 600) - c(50 to 100)",
        prediction=-0.5,
        acceptance=Acceptance.below(-0.1, 0.1, "a fall of 0.1, half of the published rise"),
        mutants={"no change": 0.0, "the published rise of 0.237": 0.237},
        observable=_fall,
    )


@networks.claim(on="networks")
def exponent_does_not_depend_on_the_batch(named: NamedProblem) -> Draft:
    """Compare the exponents at batches of 16 and 64 over one window of steps."""
    return on_runs(
        Perceptrons(),
        "Over one window of steps the exponent of stationary weights is the same for batches of "
        "16 and 64.",
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(sympy.Derivative(c, S), 0),
        regime=f"{STATIONARY}; displacements of {LAGS[5]} to {LAGS[-1]} steps",
        component="c(64) - c(16)",
        prediction=0.0,
        acceptance=Acceptance.interval(0.0, 0.15, "less than the exponent's range over momenta"),
        mutants={"c rises with log S": 0.6, "c falls with log S": -0.6},
        observable=_by_batch,
    )


def _slope(
    runs: Runs, name: str, at: tuple[float, ...], expected: float, where: str, of: str
) -> Draft:
    """Make a claim on the slope of the squared step."""
    return on_runs(
        runs,
        f"The squared step of a network grows with the power {expected:g} of {of}.",
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(local(eta, beta, S), sympy.Symbol("s") * eta**2 / (S * (1 - beta**2))),
        regime=where,
        component="slope",
        prediction=expected,
        acceptance=Acceptance.interval(expected, 0.2, "a fifth of a power"),
        mutants={"no dependence": 0.0, "twice the power": 2 * expected},
        observable=Slope(name, tuple(map(float, at))),
    )


def _fall(run: Arrays) -> FloatArray:
    early, late = LogRatio("early", 99, 49, math.log(2)), LogRatio("early", 599, 299, math.log(2))
    return late(run) - early(run)


def _by_batch(run: Arrays) -> FloatArray:
    unit = math.log(LAGS[-1] / LAGS[5])
    few, many = (LogRatio(f"global b={b}", -1, 5, unit)(run) for b in (BATCHES[0], BATCHES[-1]))
    return many - few
