r"""The exponent of the stationary displacement: bound, power-law spectra, batch size.

A mode's exponent is at most 1/(1 - tau/k), tau = (1 + beta)/(2 (1 - beta)), from 20 tau on
(`linsgd.theory.mean_squared_displacement`). For eigenvalues l^-a the displacement is 2 Var w sum_l
(1 - exp(-l^-a T)) ~ 2 Var w Gamma(1 - 1/a) T^{1/a} at T = lr k/(1 - beta), which is Gamma(1 - 1/a)
times the number of modes with h > 1/T. At equal steps the exponent does not depend on the batch
size; over equal epochs it does, through the number of steps in them.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import sympy
from scipy.special import gamma

from linsgd.claims.approximation import approximation, resolved
from linsgd.claims.case import at_steps
from linsgd.claims.ensembles import LAGS, small_lr
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.judge.observables import Displacement, Total
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.symbols import E, b, beta, eta, k
from linsgd.theory.langevin.propagator import damping_rate, propagator
from linsgd.theory.mean_squared_displacement import displacement

alpha, c, tau, T = sympy.symbols("alpha c tau T", positive=True)
Delta, N, c_of = (sympy.Function(name) for name in ("Delta", "N", "c"))
DECAYS, FAR = np.array([1.6, 2.5]), (10**4, 10**6)
EPOCHS, ROWS = 8, 1024  # the window of `exponents_over_epochs_follow_the_steps`; rows of a law
WINDOW = EPOCHS * sympy.Symbol("N") / b
POWER_LAW_REGIME = (
    "30,000 modes with eigenvalues l^-a in place of the problem's own, lr 0.01, momentum 0.5, "
    "10^4 and 10^6 steps; no simulation"
)


@kunin.claim(on="law")
def power_law_spectra_set_the_exponent(named: NamedProblem) -> Draft:
    """Exponent of the displacement for spectra l^-a, at a = 1.6 and 2.5."""
    return Draft(
        statement=(
            "If the eigenvalues of the Hessian fall as l^-a with a > 1, the stationary "
            "displacement grows with the exponent 1/a for as long as the stiffest modes have "
            "saturated and the flattest have not moved."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(c, 1 / alpha),
        regime=POWER_LAW_REGIME,
        components=tuple(f"exponent at a = {a:g}" for a in DECAYS),
        prediction=1 / DECAYS,
        acceptance=Acceptance.interval(1 / DECAYS, 0.02, "0.02: finite spectra bend by that much"),
        mutants={"diffusion": np.ones(2), "1 - 1/a": 1 - 1 / DECAYS},
        evidence=Enclosure(enclose=lambda: _power_law()[0]),
    )


@kunin.claim(on="law")
def displacement_counts_the_modes_that_have_moved(named: NamedProblem) -> Draft:
    """Displacement over 2 Var w times the number of modes with h > (1 - momentum)/(lr k)."""
    counted = gamma(1 - 1 / DECAYS)
    return Draft(
        statement=(
            "Without weight decay the displacement over k steps is proportional to the number of "
            "modes with an eigenvalue above (1 - momentum) / (lr k), with the factor Gamma(1 - "
            "1/a) where the eigenvalues fall as l^-a."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(
            E(sympy.Abs(Delta(k)) ** 2),
            2 * sympy.Symbol("V") * sympy.gamma(1 - 1 / alpha) * N((1 - beta) / (eta * k)),
        ),
        regime=POWER_LAW_REGIME,
        components=tuple(f"displacement over 2 Var w and the count, at a = {a:g}" for a in DECAYS),
        prediction=counted,
        acceptance=Acceptance.interval(
            counted, 0.05 * counted, "a twentieth: the counts are 27 and 53 modes"
        ),
        mutants={"the number of modes itself": np.ones(2), "a factor 2 lost": counted / 2},
        evidence=Enclosure(enclose=lambda: _power_law()[1]),
    )


def _power_law() -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
    """Enclose the exponents, and the displacements over 2 Var w times the number of moved modes."""
    exponents, counted, error = [], [], 0.0
    for a, steps in zip(DECAYS, FAR, strict=True):
        sgd = SGD(lr=0.01, batch_size=64, momentum=0.5)
        problem = LinearRegression.gaussian(np.arange(1, 30_001) ** -a)
        path = displacement(problem, sgd, [steps], theory="langevin")
        moved = (sgd.lr * steps / (1 - sgd.momentum)) ** (1 / a)  # l^-a > (1 - momentum)/(lr k)
        variance = sgd.lr / (2 * sgd.batch_size * (1 - sgd.momentum))
        exponents.append(path.exponent[0])
        counted.append(path.global_msd[0] / (2 * variance * moved))
        error = max(error, 10 * path.error)
    found = np.array([exponents, counted])
    return (found[0] - error, found[0] + error), (found[1] * (1 - error), found[1] * (1 + error))


@kunin.claim(on="law")
def stationary_exponents_are_bounded_from_twenty_tau(named: NamedProblem) -> Draft:
    """Largest exponent of any stable stationary mode, at 20 and at 10 tau, momentum 0.99."""
    largest = np.array([1 / (1 - 1 / 20), _fastest(0.99, 10, 8000)])
    return Draft(
        statement=(
            "After 20 tau, tau = (1 + momentum)/(2 (1 - momentum)) steps, the exponent of every "
            "stationary mode is at most 1/(1 - tau/k), the value of the flattest modes; after 10 "
            "tau some underdamped modes still exceed it many times."
        ),
        source=Source.CONDITION,
        formula=sympy.Le(c_of(k), 1 / (1 - tau / k)),
        regime=(
            "one mode of the Langevin equation, of any stable stiffness; momentum 0.99; "
            "no simulation"
        ),
        components=("largest exponent at 20 tau", "largest exponent at 10 tau"),
        prediction=largest,
        acceptance=Acceptance.interval(
            largest, [0.01, 0.5], "0.01: a fifth of what is above 1; 0.5: of 13"
        ),
        mutants={
            "stationarity means at most 1": np.array([1.0, largest[1]]),
            "the bound holds at 10 tau too": np.array([largest[0], 1 / (1 - 1 / 10)]),
            "2 tau in place of tau": np.array([1 / (1 - 2 / 20), largest[1]]),
        },
        evidence=Enclosure(enclose=_largest),
    )


def _largest() -> tuple[FloatArray, FloatArray]:
    """Enclose the largest exponents by two grids of stiffnesses, one twice as fine."""
    coarse, fine = (
        np.array([_fastest(0.99, times, n) for times in (20, 10)]) for n in (8000, 16000)
    )
    left = 2 * np.abs(fine - coarse) + 1e-6
    return fine - left, fine + left


def _fastest(momentum: float, times_tau: int, points: int) -> float:
    """Return the largest exponent after `times_tau` tau over a grid of stable stiffnesses.

    A mode's displacement is proportional to I(t), the sum of its response, and its exponent is
    t I'(t) / I(t) = t S(t) / I(t). The grid has modes far below, near and above u^2, where they
    become underdamped.
    """
    u = damping_rate(momentum)
    squared_frequencies = np.concatenate(
        [np.geomspace(1e-9, 1, points) * u**2, np.linspace(u, 2, points) ** 2]
    )
    mode = propagator(np.array(times_tau / (2 * u)), u, squared_frequencies)
    return float((mode.t * mode.S / mode.cumulative_response()).max())


@kunin.claim
def exponents_do_not_know_the_batch(named: NamedProblem) -> Draft:
    """E|Delta_16|^2 / E|Delta_4|^2 at a quarter of the batch, over the ratio at the batch."""
    one = small_lr(named)
    sgd = replace(one.sgd, batch_size=max(1, one.sgd.batch_size // 4))
    settled_at, problem = one.steps[0], named.problem
    case = at_steps(named, sgd, [settled_at, *(settled_at + lag for lag in LAGS[1:])], one.start)
    ratio = _growth(problem, one.sgd)
    own = displacement(problem, sgd, LAGS[1:]).global_msd
    if not np.isfinite(own).all():
        raise Inapplicable("at a quarter of the batch the stationary law has no variance")
    position = case.all_directions[0]
    observable = Total(
        (Displacement(position, 0, 2, 1 / own[1]), Displacement(position, 0, 1, ratio / own[1])),
        (1, -1),
    )
    return Draft(
        **approximation(
            exact=np.array([1 - ratio * own[0] / own[1]]),
            approximate=np.zeros(1),
            width=0.05,
            reason="a twentieth: an exponent of 0.035",
            statement=(
                "Between 4 and 16 steps the stationary displacement grows by the same factor at a "
                "quarter of the batch size: the batch size scales all displacements and leaves "
                "their exponent unchanged."
            ),
            formula=sympy.Eq(c_of(k, b), c_of(k)),
            mutants={
                "the batch acts as lr does": np.array(
                    [_growth(problem, replace(sgd, lr=4 * sgd.lr)) / ratio - 1]
                ),
                "saturated": np.array([1 / ratio - 1]),
                "ballistic": np.array([16 / ratio - 1]),
            },
        ),
        source=Source.RECONSTRUCTED,
        regime=f"{case.regime}; predicted from batch {one.sgd.batch_size}",
        components=("growth from 4 to 16 steps over that of the whole batch, less 1",),
        evidence=case.simulation(observable),
    )


def _growth(problem: LinearRegression, sgd: SGD) -> float:
    """Return E|Delta_16|^2 / E|Delta_4|^2 from stationarity."""
    early, late = displacement(problem, sgd, LAGS[1:]).global_msd
    if not (early > 0 and np.isfinite(late)):
        raise Inapplicable(
            "the gradient is without noise, or the stationary law without a variance"
        )
    return float(late / early)


@kunin.claim
def exponents_over_epochs_follow_the_steps(named: NamedProblem) -> Draft:
    """Exponents over eight epochs at three batch sizes, and of one batch size at those steps."""
    problem, sgd, batches = named.problem, _slow(named), np.array([8, 32, 128])
    rows = named.rows or ROWS
    steps = np.maximum(EPOCHS * rows // batches, 4)
    one = displacement(problem, sgd, steps).exponent
    exact, evidence = resolved(
        partial(_over_epochs, problem, sgd, batches, steps), 0.03, "the exponent over epochs"
    )
    return Draft(
        **approximation(
            exact=exact,
            approximate=one,
            width=0.03,
            reason="0.03: far below the rise over the batch sizes",
            statement=(
                "Over a window of epochs the exponent of the stationary displacement rises with "
                "the batch size exactly as far as it depends on the number of steps in the window."
            ),
            formula=sympy.Eq(c_of(WINDOW, b), c_of(WINDOW)),
            mutants={
                "the batch does not matter over epochs": np.full(3, one[1]),
                "it falls with the batch": one[::-1].copy(),
                "diffusion": np.ones(3),
            },
        ),
        source=Source.RECONSTRUCTED,
        regime=(
            f"lr {sgd.lr:.3g}, momentum {sgd.momentum:g}, epochs of {rows} rows, the steps of "
            f"{EPOCHS} of them: {', '.join(map(str, steps))}; predicted from batch "
            f"{sgd.batch_size}; no simulation"
        ),
        components=tuple(f"exponent over {EPOCHS} epochs of batch {size}" for size in batches),
        evidence=evidence,
    )


def _over_epochs(
    problem: LinearRegression, sgd: SGD, batches: FloatArray, steps: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Enclose the exact exponents, each of its own batch size."""
    each = [replace(sgd, batch_size=int(size)) for size in batches]
    found = [
        displacement(problem, own, [k_]).exponent[0] for own, k_ in zip(each, steps, strict=True)
    ]
    error = 1e-10 * steps  # of the compressed sums, times the steps
    return np.array(found) - error, np.array(found) + error


def _slow(named: NamedProblem) -> SGD:
    """Return an optimizer whose mean mode has half relaxed after 64 steps, or slower."""
    sgd = small_lr(named).sgd
    curvature = float(named.problem.eigenvalues.mean()) + sgd.weight_decay
    return replace(sgd, momentum=0.5, lr=min(sgd.lr, 0.5 * (1 - 0.5) / (64 * curvature)))
