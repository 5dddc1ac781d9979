"""Gradient noise of networks: the tail recipe with its controls, kurtosis, normality, strength."""

import math

import numpy as np
import sympy

from linsgd.claims.networks.draft import on_runs
from linsgd.claims.networks.measured import Difference, LogRatio, slope
from linsgd.claims.networks.minima import WIDTHS, LinearChains, Minima
from linsgd.claims.networks.noise_of import LARGE, SMALL, TESTED
from linsgd.claims.networks.paper import networks
from linsgd.claims.networks.runs import Arrays, Perceptrons
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Replicates, Source
from linsgd.theory.mean_squared_displacement import displacement

recipe, surrogate, single, kurtosis = sympy.symbols(
    "alpha_recipe alpha_surrogate alpha_weight kappa_4", positive=True
)
b, L, gamma = sympy.symbols("b L gamma", positive=True)
C, H, w = sympy.Symbol("C_ii"), sympy.Symbol("H_ii"), sympy.Function("w")
TABLE = "tanh network 64-16-10 at the end of training, 400 batches of 32"
PLAIN = "tanh network 64-16-10, lr 0.1, batches of 32, no momentum, no weight decay"


@networks.claim(on="networks")
def recipe_is_that_of_normal_noise(named: NamedProblem) -> Draft:
    """Compare the recipe's 1/alpha without zeros with that of normal noise of equal covariance."""
    return on_runs(
        Perceptrons(),
        "Without exact zeros the published recipe reads on a network's noise what it reads on "
        "normal noise of equal covariance: it measures the covariance, not a tail.",
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(1 / recipe, 1 / surrogate),
        regime=TABLE,
        component="1/alpha less that of the surrogate",
        prediction=0.0,
        acceptance=Acceptance.interval(0.0, 0.1, "a quarter of the recipe's excess over 1/2"),
        mutants={"the excess over 1/2 is a tail": 0.4, "the noise is lighter than normal": -0.4},
        observable=Difference("recipe", 4, 1),
    )


@networks.claim(on="networks")
def recipe_over_width_depth_and_loss(named: NamedProblem) -> Draft:
    """Compare the recipe with its surrogate on a wider, a deeper and a squared-loss network."""
    zero = np.zeros(len(WIDTHS))
    return Draft(
        statement=(
            "On a wider network, a deeper one and one with squared loss the recipe also reads "
            "what it reads on normal noise of equal covariance."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(1 / recipe, 1 / surrogate),
        regime=f"after 400 steps, 400 batches of 32; {Minima().seeds} seeds",
        components=tuple(f"1/alpha less that of the surrogate, {name}" for name in WIDTHS),
        prediction=zero,
        acceptance=Acceptance.interval(zero, 0.1, "a quarter of the recipe's excess over 1/2"),
        mutants={"the excess over 1/2 is a tail": zero + 0.4, "lighter than normal": zero - 0.4},
        evidence=Replicates(runs=Minima(), observable=_recipes),
    )


@networks.claim(on="networks")
def recipe_reads_the_order_of_weights(named: NamedProblem) -> Draft:
    """Measure how far a permutation of the weights lowers the recipe's 1/alpha."""
    return on_runs(
        Perceptrons(),
        "A permutation of the weights before blocks are cut lowers the recipe's 1/alpha: it reads "
        "the correlation of neighbours.",
        source=Source.RECONSTRUCTED,
        formula=sympy.Gt(1 / recipe, 1 / sympy.Symbol("alpha_permuted")),
        regime=TABLE,
        component="1/alpha less that after a permutation",
        prediction=0.27,
        acceptance=Acceptance.above(0.1, 0.1, "a quarter of the recipe's excess over 1/2"),
        mutants={"the order has no effect": 0.0, "a permutation raises it": -0.1},
        observable=Difference("recipe", 4, 2),
    )


@networks.claim(on="networks")
def recipe_reads_dead_pixels(named: NamedProblem) -> Draft:
    """Measure how far exact zeros raise the recipe's 1/alpha."""
    return on_runs(
        Perceptrons(),
        "Weights at pixels that are always 0 have no gradient; the recipe reads these zeros as a "
        "heavier tail.",
        source=Source.RECONSTRUCTED,
        formula=sympy.Gt(1 / recipe, 1 / sympy.Symbol("alpha_masked")),
        regime=TABLE,
        component="1/alpha less that without zeros",
        prediction=0.2,
        acceptance=Acceptance.above(0.1, 0.1, "a quarter of the recipe's excess over 1/2"),
        mutants={"zeros have no effect": 0.0, "zeros lower it": -0.1},
        observable=Difference("recipe", 0, 4),
    )


@networks.claim(on="networks")
def single_weights_are_nearer_to_normal(named: NamedProblem) -> Draft:
    """Measure the index of single weights over batches."""
    return on_runs(
        Perceptrons(),
        "Along single weights, over batches, the block estimate is nearer to that of normal noise "
        "than to what the recipe reads of all.",
        source=Source.FOLLOW_UP,
        formula=sympy.Lt(1 / single, 1 / recipe),
        regime=TABLE,
        component="1/alpha of single weights",
        prediction=0.6,
        acceptance=Acceptance.below(0.72, 0.15, "half way from 1/2 to the recipe's 0.95"),
        mutants={"the recipe's index": 0.95, "an index of 1": 1.0},
        observable=Difference("recipe", 3),
    )


@networks.claim(on="networks")
def kurtosis_falls_as_the_batch(named: NamedProblem) -> Draft:
    """Measure the power of the batch size with which the excess kurtosis falls."""
    return on_runs(
        Perceptrons(),
        "The excess kurtosis of the noise along eigenvectors falls as the inverse of the batch "
        "size, as for every noise of finite fourth moment.",
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(kurtosis, sympy.Symbol("k") / b),
        regime=f"2000 batches of {SMALL} and of {LARGE}, mean over 20 directions",
        component="power of the batch size",
        prediction=-1.0,
        acceptance=Acceptance.interval(-1.0, 0.2, "a fifth of a power"),
        mutants={"stable noise: no dependence": 0.0, "twice the power": -2.0},
        observable=LogRatio("kurtosis", 1, 0, math.log(LARGE / SMALL)),
    )


@networks.claim(on="networks")
def normality_is_rejected_less_at_large_batches(named: NamedProblem) -> Draft:
    """Compare the share of directions with rejected normality at two batch sizes."""
    return on_runs(
        Perceptrons(),
        "With 400 batches normality is rejected along fewer eigenvectors at batches of "
        f"{TESTED[1]} than at batches of {TESTED[0]}.",
        source=Source.FOLLOW_UP,
        formula=sympy.Lt(sympy.Function("p")(TESTED[1]), sympy.Function("p")(TESTED[0])),
        regime="Anderson and Darling's test at 5 %, share of 20 directions",
        component="share rejected, small batch less large",
        prediction=0.8,
        acceptance=Acceptance.above(0.5, 0.3, "more than half of the directions change"),
        mutants={"the batch has no effect": 0.0, "large batches are less normal": -0.5},
        observable=Difference("rejected", 0, 1),
    )


@networks.claim(on="networks")
def noise_strength_falls_slower_than_the_loss(named: NamedProblem) -> Draft:
    """Measure the slope of the noise strength against the squared loss along a run."""
    return on_runs(
        Minima(),
        "With squared loss the noise strength falls with the loss along a run, but more slowly "
        "than in proportion to it, which is expected of late training.",
        source=Source.FOLLOW_UP,
        formula=sympy.Eq(sympy.Function("tr")(C), sympy.Symbol("s") * L),
        regime=f"{PLAIN}, squared loss, 8 points of a run of 1600 steps",
        component="slope",
        prediction=0.6,
        acceptance=Acceptance.below(0.85, 0.15, "clear of a power of 1"),
        mutants={"in proportion to the loss": 1.0, "in proportion to its square": 2.0},
        observable=_strength,
    )


@networks.claim(on="networks")
def noise_exponent_of_squared_loss(named: NamedProblem) -> Draft:
    """Measure gamma of C_ii ~ H_ii^gamma with squared loss."""
    return _gamma("squared", "squared loss", 1.0)


@networks.claim(on="networks")
def noise_exponent_of_cross_entropy(named: NamedProblem) -> Draft:
    """Measure gamma of C_ii ~ H_ii^gamma with cross-entropy."""
    return _gamma("cross-entropy", "cross-entropy", 1.2)


@networks.claim(on="networks")
def small_batches_reach_flatter_minima(named: NamedProblem) -> Draft:
    """Compare the largest eigenvalue at equal training loss for batches of 8 and 256."""
    return on_runs(
        Minima(),
        "At equal training loss the minimum that batches of 8 have reached is flatter than that "
        "of batches of 256.",
        source=Source.RECONSTRUCTED,
        formula=sympy.Lt(sympy.Function("h_max")(8), sympy.Function("h_max")(256)),
        regime="tanh network 64-16-10, lr 0.1, where the cross-entropy reaches 0.1",
        component="log of the largest eigenvalue at 8 over that at 256",
        prediction=-0.2,
        acceptance=Acceptance.below(0.0, 0.05, "any flattening"),
        mutants={"sharper by 5 %": 0.05, "sharper by 20 %": 0.2},
        observable=LogRatio("sharpness", 0, 1),
    )


@networks.claim(on="networks")
def linear_limit_is_exact(named: NamedProblem) -> Draft:
    """Compare the displacement of a linear model in torch with the exact law."""
    runs = LinearChains(named.problem)
    exact = float(displacement(runs.problem, runs.sgd, [runs.steps], start=None).global_msd[0])
    return on_runs(
        runs,
        "A linear model trained in torch has the displacement of linear regression's exact law.",
        source=Source.NEW,
        formula=sympy.Eq(sympy.Function("Delta2")(w(0)), sympy.Function("Delta2_exact")(w(0))),
        regime=f"{runs.chains} chains a seed, {runs.steps} steps from 0, parity of the digit",
        component="E|w_k - w_0|^2",
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.05 * exact, "5 %; a factor 2 is 20 times as far"),
        mutants={"a factor 2 lost": 2 * exact, "half": exact / 2},
        observable=Difference("displacement", 0),
    )


def _gamma(name: str, loss: str, expected: float) -> Draft:
    return on_runs(
        Minima(),
        f"With {loss} the gradient noise along eigenvectors grows with the power {expected:g} of "
        "their curvature.",
        source=Source.FOLLOW_UP,
        formula=sympy.Eq(C, sympy.Symbol("s") * H**gamma),
        regime=f"{PLAIN}, 20 leading directions after 1600 steps",
        component="gamma",
        prediction=expected,
        acceptance=Acceptance.interval(expected, 0.25, "the difference published between losses"),
        mutants={"isotropic noise": 0.0, "the square of the Hessian": expected + 1.0},
        observable=Difference(f"gamma {name}", 0),
    )


def _recipes(run: Arrays) -> FloatArray:
    return run["recipe"]


def _strength(run: Arrays) -> FloatArray:
    loss, strength = run["strength squared"].T
    return np.array([slope(loss, strength)])
