r"""Dependence of the displacement on the hyperparameters, over one step and over many.

At small lr, E|delta|^2 = lr^2 tr(Sigma) / (b (1 - beta^2)): powers 2 of lr, -1 of b, -1 of 1 -
beta^2 and 0 of weight decay. The exponent c(k) depends on lr h and beta alone, not on the
batch size, and falls with both, because more modes have saturated.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import sympy

from linsgd.claims.approximation import approximation, resolved
from linsgd.claims.ensembles import small_lr
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.stationary import stationary_covariance
from linsgd.symbolic.symbols import E, G, b, beta, eta, k, sigma_g
from linsgd.theory.mean_squared_displacement import displacement
from linsgd.theory.moments import stationary_moments
from linsgd.theory.theories import TheoryName

STEPS = 64
delta, trace, H = sympy.symbols("delta S_0 H")
tr = sympy.Function("tr")
c = sympy.Function("c")


@kunin.claim
def local_displacement_is_a_product_of_powers(named: NamedProblem) -> Draft:
    """Logarithmic slopes of E|delta|^2 in lr, b, 1 - beta^2 and weight decay, at small lr."""
    sgd = small_lr(named).sgd
    problem = named.problem
    powers = np.array([2.0, -1.0, -1.0, 0.0])
    decay = 1e-4 * float(problem.eigenvalues.mean())
    small = replace(sgd, lr=sgd.lr / 500, weight_decay=decay, replacement=True)
    exact, evidence = resolved(partial(_slopes, problem, small), 0.05, "a power of the step")
    return Draft(
        **approximation(
            exact=exact,
            approximate=powers,
            width=0.05,
            reason="a twentieth: powers are integers",
            statement=(
                "At small lr the stationary mean squared step is proportional to lr^2, to 1/b and "
                "to 1/(1 - momentum^2), and does not depend on a small weight decay."
            ),
            formula=sympy.Eq(E(sympy.Abs(delta) ** 2), _one_step()),
            mutants={
                "lr/b scaling, as of positions": np.array([1.0, -1.0, -1.0, 0.0]),
                "(1 - momentum^2)^-2": np.array([2.0, -1.0, -2.0, 0.0]),
                "noise of standard deviation 1/b": np.array([2.0, -2.0, -1.0, 0.0]),
            },
        ),
        source=Source.RECONSTRUCTED,
        regime=(
            f"lr {small.lr:.3g}, momentum {sgd.momentum:g}, batch {sgd.batch_size}, weight decay "
            f"{small.weight_decay:.3g}, 1/10,000 of the mean eigenvalue; exact theory, no "
            "simulation"
        ),
        components=(
            "power of lr",
            "power of b",
            "power of 1 - momentum^2",
            "power of weight decay",
        ),
        evidence=evidence,
    )


@kunin.claim(on="law")
def feedback_needs_each_modes_own_share(named: NamedProblem) -> Draft:
    """Measure what the spread of the weights adds to E|delta|^2, per unit of G, as lr falls."""
    spectrum, m = named.problem.eigenvalues, 0.9
    share = float(np.sum(spectrum**2) / np.sum(spectrum) ** 2)
    exact = 1 + 2 * share / (1 + m)
    return Draft(
        statement=(
            "To leading order in lr the mean squared step exceeds that of noise frozen at the "
            "minimum by the factor 1 + G (1 + 2 tr H^2 / ((1 + momentum) (tr H)^2)), "
            "G = lr tr H / (2 b (1 - momentum)); 1/(1 - G) leaves out the noise that each mode "
            "adds to itself."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(
            E(sympy.Abs(delta) ** 2) / _one_step(),
            1 + G * (1 + 2 * tr(H**2) / ((1 + beta) * tr(H) ** 2)) + sympy.Order(eta**2),
        ),
        regime=f"momentum {m:g}, batch 1, no weight decay, G from 2^-6 to 2^-12; no simulation",
        components=("excess over G",),
        prediction=np.array([exact]),
        acceptance=Acceptance.interval(
            [exact], 0.05, "0.05: the term that 1/(1 - G) leaves out is seven times that"
        ),
        mutants={
            "1/(1 - G)": np.array([1.0]),
            "frozen noise": np.zeros(1),
            "G without its 1/2": np.array([2 * exact]),
        },
        evidence=Enclosure(enclose=partial(_excess, named.problem, m)),
    )


def _one_step() -> sympy.Expr:
    """Return E|delta|^2 of the Langevin equation."""
    velocity = stationary_covariance("langevin")["velocity"]
    return eta**2 * velocity.subs(sigma_g**2, trace / b)


def _excess(problem: LinearRegression, momentum: float) -> tuple[FloatArray, FloatArray]:
    """Enclose the excess over G by its last halving of lr, which changes it by half the error."""
    trace = float(problem.eigenvalues.sum())
    found = []
    for gain in 2.0 ** -np.arange(6, 13):
        # G = lr tr H / (2 b (1 - beta)), and E|delta|^2 of frozen noise sigma^2 H
        sgd = SGD(lr=2 * (1 - momentum) * gain / trace, batch_size=1, momentum=momentum)
        frozen = sgd.lr**2 * problem.noise_variance * trace / (1 - momentum**2)
        found.append((_local(problem, sgd)[0] / frozen - 1) / gain)
    before, last = found[-2:]
    left = 2 * abs(last - before)
    return np.array([last - left]), np.array([last + left])


@kunin.claim
def exponent_falls_with_lr_and_momentum(named: NamedProblem) -> Draft:
    """Compare c(64) when lr doubles, when momentum rises, and when the batch grows fourfold."""
    problem, sgd = named.problem, _slow(named)
    langevin = _changes(problem, sgd, "langevin")
    exact, evidence = resolved(
        partial(_exact_changes, problem, sgd), 0.02, "the change of an exponent"
    )
    return Draft(
        **approximation(
            exact=exact,
            approximate=langevin,
            width=0.02,
            reason="0.02: well below the changes",
            statement=(
                "At a fixed number of steps the exponent of the stationary displacement falls when "
                "lr doubles and when momentum rises, as in the Langevin equation, and does not "
                "depend on the batch size."
            ),
            formula=sympy.Lt(sympy.Derivative(c(k), eta), 0),
            mutants={
                "the exponent is universal": np.zeros(3),
                "the batch acts as lr does": np.array([langevin[0], langevin[1], -langevin[0]]),
                "it rises": -langevin,
            },
        ),
        source=Source.RECONSTRUCTED,
        regime=(
            f"lr {sgd.lr:.3g}, momentum {sgd.momentum:g}, batch {sgd.batch_size}, {STEPS} steps; "
            "no simulation"
        ),
        components=("lr doubled", "momentum 0.8 for 0.5", "batch times 4"),
        evidence=evidence,
    )


def _slow(named: NamedProblem) -> SGD:
    """Return an optimizer whose mean mode has half relaxed after STEPS steps, or slower."""
    sgd = small_lr(named).sgd
    curvature = float(named.problem.eigenvalues.mean()) + sgd.weight_decay
    return replace(sgd, momentum=0.5, lr=min(sgd.lr, 0.5 * (1 - 0.5) / (STEPS * curvature)))


def _slopes(problem: LinearRegression, sgd: SGD) -> tuple[FloatArray, FloatArray]:
    """Enclose the slopes by the relative error of each value over the logarithm of its ratio."""
    momentum = float(np.sqrt((1 + sgd.momentum**2) / 2))  # halves 1 - momentum^2
    changed = (
        (2.0, replace(sgd, lr=2 * sgd.lr)),
        (2.0, replace(sgd, batch_size=2 * sgd.batch_size)),
        (0.5, replace(sgd, momentum=momentum)),
        (2.0, replace(sgd, weight_decay=2 * sgd.weight_decay)),
    )
    base, error = _local(problem, sgd)
    slopes, errors = [], []
    for ratio, other in changed:
        value, its_error = _local(problem, other)
        slopes.append(np.log(value / base) / np.log(ratio))
        errors.append((error + its_error) / np.log(2))
    return np.array(slopes) - errors, np.array(slopes) + errors


def _local(problem: LinearRegression, sgd: SGD) -> tuple[float, float]:
    """Return E|delta|^2 and its relative error."""
    law = stationary_moments(problem, sgd)
    return sgd.lr**2 * float(law.velocity_variance.sum()), law.error


def _changes(problem: LinearRegression, sgd: SGD, theory: TheoryName) -> FloatArray:
    """Return the changes of c(64) when lr doubles, momentum rises, the batch grows (3,)."""
    others = (
        replace(sgd, lr=2 * sgd.lr),
        replace(sgd, momentum=0.8),
        replace(sgd, batch_size=4 * sgd.batch_size),
    )
    return np.array([_exponent(problem, each, theory) for each in others]) - _exponent(
        problem, sgd, theory
    )


def _exponent(problem: LinearRegression, sgd: SGD, theory: TheoryName) -> float:
    """Return the exponent c(64) of the stationary displacement."""
    return float(displacement(problem, sgd, [STEPS], theory=theory).exponent[0])


def _exact_changes(problem: LinearRegression, sgd: SGD) -> tuple[FloatArray, FloatArray]:
    """Enclose the exact changes by the error of the compressed sums, times the steps."""
    changes, error = _changes(problem, sgd, "exact"), 1e-8
    return changes - error, changes + error
