r"""Failures of the Langevin limit at finite lr, where the noise grows with the distance.

The limit takes the variance sigma_g^2 of the minibatch gradient at the minimum and lets lr h -> 0.
Along an eigenvector of eigenvalue h, with weight decay lambda,

    Var w = lr sigma_g^2 / (2 (h + lambda) (1 - beta)),
    E|delta|^2 = lr^2 sum sigma_g^2 / (1 - beta^2).

At a quarter of the mean-square threshold both are too small by a quarter to a third. The relative
error of Var w is of first order in lr: at a fiftieth of the threshold it is below 5 %. With noise
proportional to H, Var w is proportional to h / (h + lambda); on data it need not be.
"""

import math
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import sympy

from linsgd.claims.approximation import approximation, larger_than, resolved
from linsgd.claims.case import Case, at_steps
from linsgd.claims.ensembles import capped_batch_size, heavy_ball, stable_sgd
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.kunin_2024.stationary_law import frozen_noise
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import Quadratic
from linsgd.optimizers.sgd import SGD
from linsgd.symbolic.stationary import stationary_covariance
from linsgd.symbolic.symbols import E, Var, eta, h, lam, sigma_g
from linsgd.theory.moments import moments, stationary_moments

x, delta, S_0 = sympy.symbols("w_i delta S_0")
TENTH = "more than a tenth above the limit, beyond the limit's own error terms at small lr"


@kunin.claim
def frozen_noise_displacement_is_too_small(named: NamedProblem) -> Draft:
    """E|delta|^2 exceeds the constant-noise formula."""
    case = heavy_ball(named)
    lr, m = case.sgd.lr, case.sgd.momentum
    formula = lr**2 * frozen_noise(case).sum() / (1 - m**2)
    exact = lr**2 * case.law.velocity_variance[-1][case.modes].sum() / formula
    ones = np.full((case.modes.size, 1), lr**2 / formula)
    one_step = eta**2 * stationary_covariance("langevin")["velocity"].subs(sigma_g**2, S_0)
    return Draft(
        statement=(
            "At a quarter of the mean-square threshold the mean squared step exceeds by more than "
            "a tenth its value for gradient noise frozen at the minimum, because the noise grows "
            "with the distance from the minimum."
        ),
        source=Source.LIMIT,
        formula=sympy.Gt(E(sympy.Abs(delta) ** 2), one_step),
        regime=case.regime,
        components=("E|delta|^2 over the formula",),
        **larger_than(
            1.1,
            0.08,
            TENTH,
            exact=float(exact),
            mutants={
                "the formula holds": np.array([1.0]),
                "1 - momentum in place of 1 - momentum^2": np.array([1 / (1 + m)]),
            },
        ),
        evidence=case.simulation(Quadratic(case.mean_state(), case.velocity, case.velocity, ones)),
    )


@kunin.claim
def langevin_variance_is_too_small(named: NamedProblem) -> Draft:
    """Var w exceeds the Langevin variance, averaged over the modes."""
    case = heavy_ball(named)
    limit = _langevin(case.sgd, case.curvature, frozen_noise(case))
    exact = float(np.mean(case.law.position_variance[-1][case.modes] / limit))
    weights = 1 / (limit.size * limit[:, None])
    return Draft(
        statement=(
            "At a quarter of the mean-square threshold the position variance, averaged over the "
            "eigenvectors, exceeds by more than a tenth that of the Langevin equation with noise "
            "frozen at the minimum."
        ),
        source=Source.LIMIT,
        formula=sympy.Gt(Var(x), stationary_covariance("langevin")["position"]),
        regime=case.regime,
        components=("Var w over Langevin's, mean over the modes",),
        **larger_than(
            1.1,
            0.08,
            TENTH,
            exact=exact,
            mutants={
                "the Langevin equation holds": np.array([1.0]),
                "the Langevin variance is too large by a tenth": np.array([0.9]),
            },
        ),
        evidence=case.simulation(
            Quadratic(case.mean_state(), case.position, case.position, weights)
        ),
    )


@kunin.claim
def langevin_variance_at_small_lr(named: NamedProblem) -> Draft:
    """Check the Langevin variance, at its own step, where lr is small."""
    problem = named.problem
    sgd = stable_sgd(problem, 0.02, batch_size=capped_batch_size(named), momentum=0.9)
    start = (problem.optimum, np.zeros(problem.dimension))
    case = at_steps(named, sgd, [128], start)
    limit = moments(problem, sgd, [128], start, theory="langevin").position_variance[0][case.modes]
    return Draft(
        **approximation(
            exact=case.law.position_variance[-1][case.modes],
            approximate=limit,
            width=0.1 * limit,
            reason="a tenth: more than twice the error of first order in lr",
            statement=(
                "At a fiftieth of the mean-square threshold the position variance along each "
                "eigenvector, on the way to stationarity too, is within a tenth of that of the "
                "Langevin equation with noise frozen at the minimum."
            ),
            formula=sympy.Eq(Var(x), stationary_covariance("langevin")["position"]),
            mutants={
                "a factor 2 lost": limit / 2,
                "1 - momentum^2 in place of 1 - momentum": limit / (1 + sgd.momentum),
                "momentum forgotten": limit * (1 - sgd.momentum),
            },
        ),
        source=Source.RECONSTRUCTED,
        regime=f"{case.regime}; the formula is the stationary one, the prediction that of the step",
        components=case.names("Var w"),
        evidence=case.simulation(case.squares(case.position)),
    )


@kunin.claim(on="data")
def noise_is_not_proportional_to_the_hessian(named: NamedProblem) -> Draft:
    """Compare the position variances of two modes that the Langevin picture makes equal."""
    case = heavy_ball(named)
    flat = _flattened(case)
    high, low = int(flat.argmax()), int(flat.argmin())
    weights = np.zeros((flat.size, 1))
    scale = flat.mean() * case.problem.eigenvalues[case.modes] / case.curvature
    weights[[high, low], 0] = 1 / scale[high], -1 / scale[low]
    exact = (flat[high] - flat[low]) / flat.mean()
    return Draft(
        statement=(
            "On a data set (h + lambda) Var(w) / h differs between eigenvectors, because residuals "
            "of unequal size give the gradient noise a covariance that is not a multiple of the "
            "Hessian."
        ),
        source=Source.CONDITION,
        formula=sympy.Ne((h + lam) / h * Var(x), sympy.Symbol("constant")),
        regime=case.regime,
        components=(
            f"spread of (h + lambda) Var(w) / h between modes {high} and {low}, over its mean",
        ),
        **larger_than(
            0.1,
            0.1,
            "more than a tenth; for noise proportional to the Hessian there is no spread",
            exact=float(exact),
            mutants={
                "noise proportional to the Hessian": np.zeros(1),
                "the order of the two modes reversed": -np.array([exact]),
            },
        ),
        evidence=case.simulation(
            Quadratic(case.mean_state(), case.position, case.position, weights)
        ),
    )


@kunin.claim
def langevin_variance_is_first_order(named: NamedProblem) -> Draft:
    """Find the order in lr of the Langevin variance's relative error."""
    case = heavy_ball(named)
    exact, evidence = resolved(partial(_order, case), 0.05, "the order in lr")
    return Draft(
        **approximation(
            exact=exact,
            approximate=np.ones(1),
            width=0.05,
            reason="a twentieth: orders are integers or half-integers",
            statement=(
                "The relative error of the Langevin equation's stationary position variance is of "
                "first order in lr."
            ),
            formula=sympy.Eq(
                stationary_covariance("langevin")["position"] / Var(x),
                1 + sympy.Order(eta),
                evaluate=False,
            ),
            mutants={"half order": np.array([0.5]), "second order": np.array([2.0])},
        ),
        source=Source.LIMIT,
        regime=(
            f"momentum {case.sgd.momentum:g}, lr from 1/32 to 1/1024 of the mean-square threshold; "
            "no simulation, one point of it is simulated by stationary_position_variance"
        ),
        components=("order in lr",),
        evidence=evidence,
    )


def _langevin(sgd: SGD, curvature: FloatArray, noise: FloatArray) -> FloatArray:
    """Return the Langevin variance lr s^2 / (2 (h + lambda) (1 - beta)) for given s^2 (m,)."""
    variance: FloatArray = sgd.lr * noise / (2 * curvature * (1 - sgd.momentum))
    return variance


def _flattened(case: Case) -> FloatArray:
    """Return the exact (h + lambda) Var(w) / h along the modes (m,)."""
    flat: FloatArray = (
        case.law.position_variance[-1][case.modes]
        * case.curvature
        / case.problem.eigenvalues[case.modes]
    )
    return flat


def _order(case: Case) -> tuple[FloatArray, FloatArray]:
    """Enclose the order by the last two halvings of lr.

    The error of an estimate halves with lr, so that it is the difference of the last two.
    """
    errors = [_error(case, case.sgd.lr / 2**j) for j in range(3, 9)]
    if not min(errors) > 0:
        return np.array([-np.inf]), np.array([np.inf])
    orders = [math.log2(error / halved) for error, halved in pairwise(errors)]
    before, last = orders[-2:]
    left = 2 * abs(last - before)
    return np.array([last - left]), np.array([last + left])


def _error(case: Case, lr: float) -> float:
    """Return the mean relative error of the Langevin variances at another lr."""
    sgd = replace(case.sgd, lr=lr)
    exact = stationary_moments(case.problem, sgd).position_variance[case.modes]
    limit = _langevin(sgd, case.curvature, frozen_noise(case))
    return float(1 - np.mean(limit / exact))
