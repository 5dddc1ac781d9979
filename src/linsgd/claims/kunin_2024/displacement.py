r"""Mean squared displacement: it saturates at stationarity and exceeds diffusion under a drift.

At stationarity E|w_{s+k} - w_s|^2 is a sum of 2 Var(w) (1 - R_k) over the modes. Once k exceeds
twenty relaxation times (1 + beta)/(2 (1 - beta)) it grows at most slightly faster than linearly in
k, and it saturates at 2 sum Var(w). From a distant start the mean moves, and the square of its
displacement grows faster.

The sum form E|Delta_k|^2 = sum Var(y) (k + 2 sum_{j<k} (k - j) C(j)) is equal to it
if C is the autocorrelation of the algorithm's velocity. With the Langevin equation's C = V it is
not: by the Euler-Maclaurin formula the cusp of V at 0 makes 1 + 2 sum V(j) = u/3 in place of 0, u =
(1 - beta)/(1 + beta), so that the sum grows without bound, by Var(y) u/3 a step.
"""

from functools import partial

import numpy as np
import sympy

from linsgd.claims.approximation import larger_than, told_apart
from linsgd.claims.ensembles import (
    LAGS,
    default_weight_decay,
    distant_start,
    small_lr,
)
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.judge.observables import Displacement, Quadratic, Total
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.correlations import displacement as derived_displacement
from linsgd.symbolic.correlations import summed_displacement
from linsgd.symbolic.symbols import E, beta, k
from linsgd.theory.langevin.oscillation import correlations
from linsgd.theory.langevin.propagator import damping_rate
from linsgd.theory.mean_squared_displacement import displacement, effective_dimension

NOISELESS = "the gradient of {} is without noise"
Delta = sympy.Function("Delta")
msd, doubled = E(sympy.Abs(Delta(k)) ** 2), E(sympy.Abs(Delta(2 * k)) ** 2)


@kunin.claim
def stationary_displacement(named: NamedProblem) -> Draft:
    """E|w_{s+16} - w_s|^2 from stationarity, over the exact one."""
    case = small_lr(named)
    lag = LAGS[-1]
    path = displacement(case.problem, case.sgd, [1, lag])
    exact, step = path.global_msd[1], path.local_msd[1]
    if exact == 0:
        raise Inapplicable(NOISELESS.format(named.name))
    position = case.all_directions[0]
    accepted = Acceptance.interval(
        [1.0], 0.05, "5 %: independent steps and a straight line are off by more than half"
    )
    return Draft(
        statement=(
            "At stationarity the mean squared displacement over 16 steps is that of velocities "
            "with the exact autocorrelation: neither that of independent steps nor that of a "
            "straight line."
        ),
        source=Source.RECONSTRUCTED,
        formula=derived_displacement("exact").formula,
        regime=case.regime,
        components=("E|Delta_16|^2 over the exact one",),
        prediction=np.ones(1),
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "independent steps": np.array([lag * step / exact]),
                "a straight line": np.array([lag**2 * step / exact]),
            },
        ),
        evidence=case.simulation(Displacement(position, 0, 1 + LAGS.index(lag), 1 / exact)),
    )


@kunin.claim
def drift_is_faster_than_diffusion(named: NamedProblem) -> Draft:
    """E|Delta_64|^2 / (2 E|Delta_32|^2) from a distant start, after 20 relaxation times."""
    case = distant_start(named)
    once, twice = displacement(case.problem, case.sgd, case.steps, case.start).global_msd
    stationary = displacement(case.problem, case.sgd, case.steps).global_msd
    if stationary[0] == 0:
        raise Inapplicable(NOISELESS.format(named.name))
    position = case.all_directions[0]
    from_start = np.concatenate(case.start) if case.start else np.zeros(len(position))
    total = np.ones((case.problem.dimension, 1)) / (2 * once)
    observable = Total(
        (
            Quadratic(from_start, position, position, total, 1),
            Quadratic(from_start, position, position, total, 0),
        ),
        (1.0, -2.0),
    )
    return Draft(
        statement=(
            "From a distant start the mean squared displacement still grows faster than linearly "
            "in the steps after more than twenty relaxation times of the velocity: an exponent "
            "above 1 then shows drift, not stationary motion."
        ),
        source=Source.LIMIT,
        formula=sympy.Gt(doubled / (2 * msd), 1),
        regime=case.regime,
        components=("E|Delta_64|^2 / (2 E|Delta_32|^2) - 1",),
        **larger_than(
            0.3,
            0.25,
            "0.3, an exponent of 1.38; at stationarity it is at most 1.05 there",
            exact=twice / (2 * once) - 1,
            mutants={
                "diffusion: linear in the steps": np.zeros(1),
                "the same optimizer at stationarity": np.array(
                    [stationary[1] / (2 * stationary[0]) - 1]
                ),
            },
        ),
        evidence=case.simulation(observable),
    )


@kunin.claim
def drift_depends_on_its_origin(named: NamedProblem) -> Draft:
    """E|w_64 - w_32|^2 over E|w_32 - w_0|^2 from a distant start, where stationary motion has 1."""
    case = distant_start(named)
    once = displacement(case.problem, case.sgd, case.steps[:1], case.start).global_msd[0]
    again = displacement(case.problem, case.sgd, case.steps[:1], case.law.at(0)).global_msd[0]
    position, exact = case.all_directions[0], again / once - 1
    if abs(exact) < 0.1:
        raise Inapplicable(f"the two displacements differ by {exact:.2g} only on these data")
    from_start = np.concatenate(case.start) if case.start else np.zeros(len(position))
    total = np.ones((case.problem.dimension, 1)) / once
    observable = Total(
        (
            Displacement(position, 0, 1, 1 / once),
            Quadratic(from_start, position, position, total, 0),
        ),
        (1.0, -1.0),
    )
    return Draft(
        statement=(
            "From a distant start the mean squared displacement over 32 steps depends on their "
            "first step, unlike at stationarity: it differs between steps 0 to 32 and steps 32 to "
            "64."
        ),
        source=Source.CONDITION,
        formula=sympy.Ne(E(sympy.Abs(Delta(32, 64)) ** 2), E(sympy.Abs(Delta(0, 32)) ** 2)),
        regime=case.regime,
        components=("E|w_64 - w_32|^2 over E|w_32 - w_0|^2, less 1",),
        prediction=np.array([exact]),
        acceptance=Acceptance.interval(
            exact,
            min(0.08, abs(exact) / 4, abs(1 + exact) / 4),
            "0.08 of a ratio that is 1 at stationarity, or a quarter of its distance from 1",
        ),
        mutants={
            "stationary motion: equal displacements": np.zeros(1),
            "the drift stops": np.full(1, -1.0),
        },
        evidence=case.simulation(observable),
    )


@kunin.claim(on="law")
def summed_displacement_grows_forever(named: NamedProblem) -> Draft:
    """Measure the late growth of the sum form with the equation's own correlations."""
    case = small_lr(named)
    return Draft(
        statement=(
            "If the Langevin equation's velocity autocorrelation is summed at whole steps, the "
            "displacement does not saturate but grows without bound, at small lr h by (1 - "
            "momentum) / (3 (1 + momentum)) mean squared steps a step."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(
            1 + 2 * sympy.Sum(sympy.Function("C")(k), (k, 1, sympy.oo)),
            summed_displacement().explicit("growth"),
            evaluate=False,
        ),
        regime=(
            f"momentum {case.sgd.momentum:g}, lr h from 1/10 to 1/1000 of 1 - momentum; "
            "no simulation"
        ),
        components=("late growth a step over the predicted",),
        prediction=np.ones(1),
        acceptance=Acceptance.interval([1.0], 0.05, "a twentieth: the next term is of order lr h"),
        mutants={"it saturates": np.zeros(1), "1/2 of the cusp for 1/3": np.full(1, 1.5)},
        evidence=Enclosure(enclose=partial(_spurious_growth, case.sgd.momentum)),
    )


def _spurious_growth(momentum: float) -> tuple[FloatArray, FloatArray]:
    """Enclose 1 + 2 sum_j V(j) over its limit as lr h -> 0.

    The error is taken as the last change along lr h = (1 - beta) (0.1, 0.01, 0.001).
    """
    u = damping_rate(momentum)
    growth = []
    for product in (1 - momentum) * np.array([0.1, 0.01, 0.001]):
        steps = np.arange(1, int(60 * (1 - momentum) / product + 60 / u))
        growth.append(1 + 2 * correlations(steps[:, None], momentum, np.array([product]))[1].sum())
    limit = float(summed_displacement().explicit("growth").subs(beta, momentum))
    ratio = np.array(growth) / limit
    left = abs(ratio[2] - ratio[1])
    return ratio[2:] - left, ratio[2:] + left


@kunin.claim
def displacement_saturates_at_the_effective_dimension(named: NamedProblem) -> Draft:
    """Late displacement over lr sigma^2 / (b (1 - momentum)), with noise sigma^2 H."""
    decay_, spectrum = default_weight_decay(named.problem), named.problem.eigenvalues
    problem = LinearRegression.gaussian(spectrum)
    held, modes = effective_dimension(problem, decay_), float(np.sum(spectrum > 0))
    return Draft(
        statement=(
            "At small lr and with gradient noise proportional to the Hessian the stationary "
            "displacement saturates at lr sigma^2 / (b (1 - momentum)) times the effective "
            "dimension tr H (H + lambda)^-1."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(sympy.Limit(msd, k, sympy.oo), sympy.Symbol("d_eff"), evaluate=False),
        regime=(
            f"weight decay {decay_:g}, batch 10^6, lr 1/1000 of the inverse largest eigenvalue; "
            "no simulation"
        ),
        components=("late displacement in units of lr sigma^2 / (b (1 - momentum))",),
        prediction=np.array([held]),
        acceptance=Acceptance.interval([held], 0.01 * held, "1 %: several times lr h"),
        mutants={
            "the number of modes": np.array([modes]),
            "1 - momentum^2 for 1 - momentum": np.array([held / 1.9]),
        },
        evidence=Enclosure(enclose=partial(_saturation, problem, decay_)),
    )


def _saturation(problem: LinearRegression, decay_: float) -> tuple[FloatArray, FloatArray]:
    """Enclose the displacement after 10^9 steps over lr sigma^2 / (b (1 - beta))."""
    lr, m, b = 1e-3 / float(problem.eigenvalues.max()), 0.9, 10**6
    sgd = SGD(lr=lr, batch_size=b, momentum=m, weight_decay=decay_)
    path = displacement(problem, sgd, [10**9])
    late = path.global_msd * b * (1 - m) / lr
    return late * (1 - path.error), late * (1 + path.error)
