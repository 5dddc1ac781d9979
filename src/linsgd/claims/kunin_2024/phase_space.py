r"""Phase space in the Langevin regime: its variances, its rotation and its memory.

With s the standard deviation of the minibatch gradient, at lr h << 2 (1 + beta),

    Var w = lr s^2 / (2 h (1 - beta)),    Var v = s^2 / (1 - beta^2),

so where s^2 ~ rho the positions shrink as rho/(rho + lambda) and the velocities grow as rho. Over k
steps the law turns clockwise: E[w v_k - v w_k] / (2 sd(w) sd(v)) = -sqrt(z) S_k, also where it is
overdamped. Correlations decay as R_k and V_k of `linsgd.theory.langevin.propagator`.
"""

import numpy as np
import sympy

from linsgd.claims.ensembles import LAGS, dampened, large_batch, small_lr
from linsgd.claims.kunin_2024.langevin_regime import (
    TENTH,
    small_lr_langevin,
    variances,
)
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import LaggedProduct, Quadratic, Stack, Total
from linsgd.symbolic.correlations import autocorrelation
from linsgd.symbolic.propagators import propagator
from linsgd.symbolic.stationary import stationary_covariance
from linsgd.symbolic.symbols import (
    Cov,
    Var,
    delta,
    eta,
    gamma,
    h,
    h_lambda,
    k,
    lam,
    omega,
    t,
    tidy,
    zeta,
)
from linsgd.theory.langevin.propagator import Flow, flow

w_i, v_i, w_k, v_k = sympy.symbols("w_i v_i w_k v_k")
LANGEVIN, EXACT = stationary_covariance("langevin"), stationary_covariance("exact")
BY_STEPS = {
    delta: sympy.sqrt(omega**2 - gamma**2),
    t: k,
}  # rates a step, as the SDE has them a unit of its time
RINGING = propagator("underdamped", "langevin").result.subs(BY_STEPS)
MEMORY = autocorrelation("langevin", "underdamped")
MASS = tidy(h_lambda * EXACT["position"] / EXACT["velocity"])


@kunin.claim(core=False)
def decay_confines_flat_directions(named: NamedProblem) -> Draft:
    """Var w along each eigenvector is the Langevin equation's, which shrinks as rho/(rho + lambda)."""
    case, (xx, _) = small_lr(named), variances(named)
    held = case.problem.eigenvalues[case.modes] / case.curvature
    return Draft(
        statement=(
            "In its regime the Langevin equation gives the position's variance along each eigenvector: equal for all "
            "curvatures but for the factor rho/(rho + weight decay), up to the data's departure from noise ~ H."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(Var(w_i), LANGEVIN["position"].subs(h_lambda, h + lam)),
        regime=case.regime,
        components=case.names("Var w"),
        prediction=xx,
        acceptance=Acceptance.interval(
            xx,
            0.06 * xx,
            "6 % of the prediction: a quarter of what weight decay takes from the flattest direction",
        ),
        mutants={
            "a factor 2 lost": 2 * xx,
            "weight decay left out": xx / held,
            "noise that does not know the curvature": xx * case.curvature.max() / case.curvature,
        },
        evidence=case.simulation(case.squares(case.position, 0)),
    )


@kunin.claim(core=False)
def velocity_variance_follows_the_noise(named: NamedProblem) -> Draft:
    """Var v along each eigenvector is the Langevin equation's."""
    case, (_, vv) = small_lr(named), variances(named)
    m = case.sgd.momentum
    return Draft(
        statement=(
            "In its regime the Langevin equation gives the velocity's variance along each eigenvector: the minibatch "
            "gradient's over 1 - momentum^2, hence nearly proportional to the curvature."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(Var(v_i), LANGEVIN["velocity"]),
        regime=case.regime,
        components=case.names("Var v"),
        prediction=vv,
        acceptance=Acceptance.interval(vv, 0.1 * vv, TENTH),
        mutants={
            "(1 - momentum)^2 in place of 1 - momentum^2": vv * (1 + m) / (1 - m),
            "1 - momentum in place of 1 - momentum^2": vv * (1 + m),
            "gradient noise without memory": vv * (1 - m**2),
        },
        evidence=case.simulation(case.squares(case.velocity, 0)),
    )


@kunin.claim(core=False)
def equipartition_needs_the_equations_mass(named: NamedProblem) -> Draft:
    """Kinetic and potential temperature are equal with the mass lr (1 + momentum)/2, at every lr."""
    case = large_batch(named)
    xx, vv = (
        part[-1][case.modes] for part in (case.law.position_variance, case.law.velocity_variance)
    )
    lr, m = case.sgd.lr, case.sgd.momentum
    potential = case.curvature * xx
    kinetic = case.squares(case.velocity), np.diag(lr * (1 + m) / 2 / potential)
    exact = lr * (1 + m) / 2 * vv / potential - 1
    observable = Total(
        (
            Quadratic(case.mean_state(), case.velocity, case.velocity, kinetic[1]),
            Quadratic(
                case.mean_state(), case.position, case.position, np.diag(case.curvature / potential)
            ),
        ),
        (1.0, -1.0),
    )
    return Draft(
        statement=(
            "Along each stiff eigenvector the kinetic energy equals the potential energy with the mass lr (1 + "
            "momentum) / 2 of the Langevin equation, at half of the mean-square threshold too, and not with mass lr."
        ),
        source=Source.NEW,
        formula=sympy.Eq(MASS.subs(zeta, 0) * Var(v_i), h_lambda * Var(w_i)),
        regime=case.regime,
        components=case.names("kinetic over potential energy, less 1"),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.06, "0.06: the mass lr is off by a third"),
        mutants={
            "equal with the mass lr": exact + (1 + m) / 2 - 1,
            "equal with the mass lr / 2": exact + m,
            "a factor 2 lost": exact + 1,
        },
        evidence=case.simulation(observable),
    )


@kunin.claim
def temperatures_with_dampening(named: NamedProblem) -> Draft:
    """Lr Var v / (h Var w) along each eigenvector, with dampening."""
    case = dampened(named)
    xx, vv = (
        part[-1][case.modes] for part in (case.law.position_variance, case.law.velocity_variance)
    )
    sgd, potential = case.sgd, case.curvature * xx
    ratio = 2 * sgd.gradient_weight / (1 + sgd.momentum)
    exact = sgd.lr * vv / potential
    observable = Total(
        (
            Quadratic(case.mean_state(), case.velocity, case.velocity, np.diag(sgd.lr / potential)),
            Quadratic(case.mean_state(), case.position, case.position, np.diag(ratio / xx)),
        ),
        (1.0, -1.0),
    )
    return Draft(
        statement=(
            "Along each eigenvector lr Var(v) over (h + weight decay) Var(w) is 2 (1 - dampening) / (1 + momentum), "
            "far from the limit of small lr too: dampening cools the velocities once, not twice."
        ),
        source=Source.NEW,
        formula=sympy.Eq(eta * Var(v_i) / (h_lambda * Var(w_i)), tidy(eta / MASS)),
        regime=case.regime,
        components=case.names("lr Var(v) / (h Var(w)), less 2 (1 - dampening)/(1 + momentum)"),
        prediction=exact - ratio,
        acceptance=Acceptance.interval(exact - ratio, 0.04, "0.04: 7 % of the ratio"),
        mutants={
            "dampening forgotten": exact - ratio + 2 / (1 + sgd.momentum) - ratio,
            "(1 - dampening)^2": exact - ratio + ratio * (sgd.gradient_weight - 1),
            "equal temperatures with the mass lr": exact - ratio + 1 - ratio,
        },
        evidence=case.simulation(observable),
    )


@kunin.claim
def phase_space_turns_clockwise(named: NamedProblem) -> Draft:
    """E[w v_k - v w_k]/(2 sd sd) over 4 steps, at the speed of the undamped oscillator."""
    case, process, later = small_lr(named), small_lr_langevin(named), 1 + LAGS.index(4)
    speed, turned = process.rotation[case.modes], _flow(named, 4)
    area = -speed * turned.S
    deviations = np.sqrt(np.multiply(*variances(named)))
    centre, half = case.mean_state(0), np.diag(1 / (2 * deviations))
    observable = Total(
        (
            LaggedProduct(centre, case.position, case.velocity, half, 0, later),
            LaggedProduct(centre, case.velocity, case.position, half, 0, later),
        ),
        (1.0, -1.0),
    )
    return Draft(
        statement=(
            "The stationary law carries a current that turns from large positions to negative velocities, along every "
            "eigenvector, ringing or not: the area swept in four steps is the Langevin equation's."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(
            (Cov(w_i, v_k) - Cov(v_i, w_k)) / (2 * sympy.sqrt(Var(w_i) * Var(v_i))),
            -omega * RINGING[0, 1],
        ),
        regime=case.regime,
        components=case.names("area swept in 4 steps"),
        prediction=area,
        acceptance=Acceptance.interval(
            area, 0.08, "0.08 radians: a fifth of the stiffest mode's turn or less"
        ),
        mutants={
            "detailed balance: no current": 0 * area,
            "counter-clockwise": -area,
            "twice as fast": 2 * area,
        },
        evidence=case.simulation(observable),
    )


@kunin.claim(core=False)
def position_correlation(named: NamedProblem) -> Draft:
    """Position autocorrelation at 4 and 16 steps."""
    case, (xx, _) = small_lr(named), variances(named)
    exact = np.concatenate([_flow(named, lag).R for lag in LAGS[1:]])
    rate = case.sgd.lr * case.curvature / (1 - case.sgd.momentum)
    return Draft(
        statement=(
            "Stationary positions remember themselves as the Langevin equation's damped oscillators do, flat at first "
            "and ringing along stiff eigenvectors, and not exponentially as in the first-order diffusion."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(Cov(w_i, w_k) / Var(w_i), MEMORY.result.subs(BY_STEPS)),
        regime=case.regime,
        components=tuple(
            name for lag in LAGS[1:] for name in case.names(f"correlation over {lag} steps")
        ),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.05, "0.05: on the scale of a correlation, 1"),
        mutants={
            "first-order diffusion": np.concatenate([np.exp(-rate * lag) for lag in LAGS[1:]]),
            "no memory": 0 * exact,
            "frozen": np.ones_like(exact),
        },
        evidence=case.simulation(_lagged(named, case.position, xx)),
    )


@kunin.claim(core=False)
def velocity_correlation(named: NamedProblem) -> Draft:
    """Velocity autocorrelation at 4 and 16 steps."""
    case, (_, vv) = small_lr(named), variances(named)
    exact = np.concatenate([_flow(named, lag).V for lag in LAGS[1:]])
    free = np.concatenate([np.full(case.modes.size, case.sgd.momentum**lag) for lag in LAGS[1:]])
    return Draft(
        statement=(
            "Stationary velocities remember themselves as the Langevin equation says, less than momentum alone would "
            "have it, and turn against themselves along stiff eigenvectors."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(Cov(v_i, v_k) / Var(v_i), MEMORY["velocity"].subs(BY_STEPS)),
        regime=case.regime,
        components=tuple(
            name for lag in LAGS[1:] for name in case.names(f"correlation over {lag} steps")
        ),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.06, "0.06: on the scale of a correlation, 1"),
        mutants={
            "a free particle's, momentum^k": free,
            "the position's": np.concatenate([_flow(named, lag).R for lag in LAGS[1:]]),
            "no memory": 0 * exact,
        },
        evidence=case.simulation(_lagged(named, case.velocity, vv)),
    )


def _flow(named: NamedProblem, lag: int) -> Flow:
    modes = small_lr_langevin(named).modes
    return flow(np.array([lag]), modes.damping, modes.stiffness[small_lr(named).modes])


def _lagged(named: NamedProblem, directions: FloatArray, variance: FloatArray) -> Stack:
    case, scale = small_lr(named), np.diag(1 / variance)
    centre = case.mean_state(0)
    later = [1 + LAGS.index(lag) for lag in LAGS[1:]]
    return Stack(tuple(LaggedProduct(centre, directions, directions, scale, 0, at) for at in later))
