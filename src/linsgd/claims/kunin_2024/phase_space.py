r"""Phase space at small lr: variances, rotation and autocorrelations of (w, v).

With s the standard deviation of the minibatch gradient, at lr (h + lambda) << 2 (1 + beta),

    Var w = lr s^2 / (2 (h + lambda) (1 - beta)),    Var v = s^2 / (1 - beta^2).

For s^2 proportional to h, Var w is proportional to h / (h + lambda) and Var v to h. The stationary
motion rotates clockwise, underdamped or overdamped: over k steps it sweeps E[w v_k - v w_k] / (2
sd(w) sd(v)) = -sqrt(z) S_k. The autocorrelations are R_k of the position and V_k of the velocity;
S_k, R_k and V_k are those of `linsgd.theory.langevin.propagator`.
"""

import numpy as np
import sympy

from linsgd.claims.approximation import approximation
from linsgd.claims.case import Case
from linsgd.claims.ensembles import LAGS, dampened, large_batch, small_lr
from linsgd.claims.kunin_2024.langevin_regime import (
    TENTH,
    small_lr_langevin,
    variances,
)
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import LaggedProduct, Quadratic, Stack, Total
from linsgd.symbolic.correlations import autocorrelation
from linsgd.symbolic.derivation import Derivation
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
from linsgd.theory.langevin.propagator import Propagator
from linsgd.theory.langevin.propagator import propagator as mode_propagator
from linsgd.theory.recurrence.recurrence import Coefficients

w_i, v_i, w_k, v_k = sympy.symbols("w_i v_i w_k v_k")
BY_STEPS = {
    delta: sympy.sqrt(omega**2 - gamma**2),
    t: k,
}  # rates a step, as the SDE has them a unit of its time
SMALLEST_TURN = 0.02  # radians: what 2048 blocks of chains tell from 0 is five times less


@kunin.claim(core=False)
def decay_confines_flat_directions(named: NamedProblem) -> Draft:
    """Var w along each eigenvector, proportional to h / (h + lambda)."""
    case, (xx, _) = small_lr(named), variances(named)
    held = case.problem.eigenvalues[case.modes] / case.curvature
    return Draft(
        **approximation(
            exact=case.law.position_variance[0][case.modes],
            approximate=xx,
            width=0.06 * xx,
            reason=(
                "6 % of the prediction: a quarter of the effect of weight decay on the flattest "
                "mode"
            ),
            statement=(
                "At small lr the position variance along each eigenvector is that of the Langevin "
                "equation: proportional to h / (h + lambda), up to the deviation of the noise from "
                "a multiple of the Hessian."
            ),
            formula=sympy.Eq(
                Var(w_i), stationary_covariance("langevin")["position"].subs(h_lambda, h + lam)
            ),
            mutants={
                "a factor 2 lost": 2 * xx,
                "weight decay left out": xx / held,
                "noise independent of the curvature": xx * case.curvature.max() / case.curvature,
            },
        ),
        source=Source.RECONSTRUCTED,
        regime=case.regime,
        components=case.names("Var w"),
        evidence=case.simulation(case.squares(case.position, 0)),
    )


@kunin.claim(core=False)
def velocity_variance_follows_the_noise(named: NamedProblem) -> Draft:
    """Var v along each eigenvector is the Langevin equation's."""
    case, (_, vv) = small_lr(named), variances(named)
    m = case.sgd.momentum
    return Draft(
        **approximation(
            exact=case.law.velocity_variance[0][case.modes],
            approximate=vv,
            width=0.1 * vv,
            reason=TENTH,
            statement=(
                "At small lr the velocity variance along each eigenvector is that of the Langevin "
                "equation: the variance of the minibatch gradient over 1 - momentum^2, hence "
                "nearly proportional to the curvature."
            ),
            formula=sympy.Eq(Var(v_i), stationary_covariance("langevin")["velocity"]),
            mutants={
                "(1 - momentum)^2 in place of 1 - momentum^2": vv * (1 + m) / (1 - m),
                "1 - momentum in place of 1 - momentum^2": vv * (1 + m),
                "gradient noise without memory": vv * (1 - m**2),
            },
        ),
        source=Source.RECONSTRUCTED,
        regime=case.regime,
        components=case.names("Var v"),
        evidence=case.simulation(case.squares(case.velocity, 0)),
    )


@kunin.claim(core=False)
def equipartition_needs_the_equations_mass(named: NamedProblem) -> Draft:
    """Kinetic and potential energy with the mass lr (1 + momentum)/2, equal at every lr."""
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
            "Along each stiff eigenvector the mean kinetic energy with the mass lr (1 + momentum) "
            "/ 2 equals the mean potential energy, at half of the mean-square threshold too; with "
            "the mass lr it does not."
        ),
        source=Source.NEW,
        formula=sympy.Eq(_mass().subs(zeta, 0) * Var(v_i), h_lambda * Var(w_i)),
        regime=case.regime,
        components=case.names("kinetic over potential energy, less 1"),
        prediction=exact,
        acceptance=Acceptance.interval(
            exact, 0.06, "0.06: with the mass lr the two energies differ by a third"
        ),
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
            "Along each eigenvector lr Var(v) is 2 (1 - dampening) / (1 + momentum) times (h + "
            "lambda) Var(w), also far from the limit of small lr."
        ),
        source=Source.NEW,
        formula=sympy.Eq(eta * Var(v_i) / (h_lambda * Var(w_i)), tidy(eta / _mass())),
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
    """E[w v_k - v w_k]/(2 sd sd) over 4 steps, as in the Langevin equation."""
    case, process, later = small_lr(named), small_lr_langevin(named), 1 + LAGS.index(4)
    speed, turned = process.rotation[case.modes], _propagator(named, 4)
    area = -speed * turned.S
    width = min(0.08, float(np.abs(area).max()) / 4)
    if width < SMALLEST_TURN:
        raise Inapplicable(f"in four steps no mode of {named.name} turns by {4 * SMALLEST_TURN:g}")
    deviations = np.sqrt(np.multiply(*variances(named)))
    centre, half = case.mean_state(0), np.diag(1 / (2 * deviations))
    forward = LaggedProduct(centre, case.position, case.velocity, half, 0, later)
    backward = LaggedProduct(centre, case.velocity, case.position, half, 0, later)
    swept = (Cov(w_i, v_k) - Cov(v_i, w_k)) / (2 * sympy.sqrt(Var(w_i) * Var(v_i)))
    ringing = propagator("underdamped", "langevin").result.subs(BY_STEPS)
    return Draft(
        **approximation(
            exact=_exact_area(case, 4),
            approximate=area,
            width=width,
            reason=f"{width:.2g} radians: at most a quarter of the turn of the stiffest mode",
            statement=(
                "The stationary motion rotates clockwise in the (w, v) plane of every eigenvector, "
                "underdamped or overdamped, and sweeps in four steps the mean area of the Langevin "
                "equation."
            ),
            formula=sympy.Eq(swept, -omega * ringing[0, 1]),
            mutants={
                "detailed balance: no rotation": 0 * area,
                "counter-clockwise": -area,
                "twice as fast": 2 * area,
            },
        ),
        source=Source.RECONSTRUCTED,
        regime=case.regime,
        components=case.names("area swept in 4 steps"),
        evidence=case.simulation(Total((forward, backward), (1.0, -1.0))),
    )


@kunin.claim(core=False)
def position_correlation(named: NamedProblem) -> Draft:
    """Position autocorrelation at 4 and 16 steps."""
    case, (xx, _) = small_lr(named), variances(named)
    exact = np.concatenate([_propagator(named, lag).R for lag in LAGS[1:]])
    rate = case.sgd.lr * case.curvature / (1 - case.sgd.momentum)
    return Draft(
        **approximation(
            exact=_exact_correlations(case)[0],
            approximate=exact,
            width=0.05,
            reason="0.05, where a correlation is at most 1",
            statement=(
                "The stationary autocorrelation of the position is that of a damped oscillator, as "
                "in the Langevin equation: quadratic at short lags and oscillating along stiff "
                "eigenvectors, not the exponential of the first-order diffusion."
            ),
            formula=sympy.Eq(Cov(w_i, w_k) / Var(w_i), _memory().result.subs(BY_STEPS)),
            mutants={
                "first-order diffusion": np.concatenate([np.exp(-rate * lag) for lag in LAGS[1:]]),
                "uncorrelated": 0 * exact,
                "constant": np.ones_like(exact),
            },
        ),
        source=Source.RECONSTRUCTED,
        regime=case.regime,
        components=tuple(
            name for lag in LAGS[1:] for name in case.names(f"correlation over {lag} steps")
        ),
        evidence=case.simulation(_lagged(named, case.position, xx)),
    )


@kunin.claim(core=False)
def velocity_correlation(named: NamedProblem) -> Draft:
    """Velocity autocorrelation at 4 and 16 steps."""
    case, (_, vv) = small_lr(named), variances(named)
    exact = np.concatenate([_propagator(named, lag).V for lag in LAGS[1:]])
    free = np.concatenate([np.full(case.modes.size, case.sgd.momentum**lag) for lag in LAGS[1:]])
    return Draft(
        **approximation(
            exact=_exact_correlations(case)[1],
            approximate=exact,
            width=0.06,
            reason="0.06, where a correlation is at most 1",
            statement=(
                "The stationary autocorrelation of the velocity is that of the Langevin equation: "
                "it decays faster than momentum^k and becomes negative along stiff eigenvectors."
            ),
            formula=sympy.Eq(Cov(v_i, v_k) / Var(v_i), _memory()["velocity"].subs(BY_STEPS)),
            mutants={
                "momentum^k, as of a free particle": free,
                "that of the position": np.concatenate(
                    [_propagator(named, lag).R for lag in LAGS[1:]]
                ),
                "uncorrelated": 0 * exact,
            },
        ),
        source=Source.RECONSTRUCTED,
        regime=case.regime,
        components=tuple(
            name for lag in LAGS[1:] for name in case.names(f"correlation over {lag} steps")
        ),
        evidence=case.simulation(_lagged(named, case.velocity, vv)),
    )


def _mass() -> sympy.Expr:
    """Return (h + lambda) Var w / Var v at stationarity: the mass of equal energies."""
    law = stationary_covariance("exact")
    return tidy(h_lambda * law["position"] / law["velocity"])


def _memory() -> Derivation:
    """Return the autocorrelations of the underdamped Langevin equation."""
    return autocorrelation("langevin", "underdamped")


def _propagator(named: NamedProblem, lag: int) -> Propagator:
    modes = small_lr_langevin(named).modes
    return mode_propagator(np.array([lag]), modes.damping, modes.w2[small_lr(named).modes])


def _lagged(named: NamedProblem, directions: FloatArray, variance: FloatArray) -> Stack:
    case, scale = small_lr(named), np.diag(1 / variance)
    centre = case.mean_state(0)
    later = [1 + LAGS.index(lag) for lag in LAGS[1:]]
    return Stack(tuple(LaggedProduct(centre, directions, directions, scale, 0, at) for at in later))


def _exact_area(case: Case, lag: int) -> FloatArray:
    """Return the exact E[w v_k - v w_k] / (2 sd sd) in the Langevin equation's deviations (m,)."""
    law, modes = case.law, case.modes
    ww, wv, vv = (
        part[0][modes]
        for part in (
            law.position_variance,
            law.position_velocity_covariance,
            law.velocity_variance,
        )
    )
    power = np.linalg.matrix_power(Coefficients.of(case.sgd).mode_matrix(case.curvature), lag)
    # E w v_k = A^k_vw Var w + A^k_vv Cov,   E v w_k = A^k_ww Cov + A^k_wv Var v
    forth = power[:, 1, 0] * ww + power[:, 1, 1] * wv
    back = power[:, 0, 0] * wv + power[:, 0, 1] * vv
    area: FloatArray = (forth - back) / (2 * np.sqrt(np.multiply(*variances(case.named))))
    return area


def _exact_correlations(case: Case) -> tuple[FloatArray, FloatArray]:
    """Return the exact autocorrelations of w and of v at the lags 4 and 16, mode by mode."""
    law, modes = case.law, case.modes
    variances = law.position_variance[0], law.velocity_variance[0]
    cross = law.position_velocity_covariance[0][modes]
    A = Coefficients.of(case.sgd).mode_matrix(case.curvature)  # E z_{s+1} = A z_s
    found: tuple[list[FloatArray], list[FloatArray]] = ([], [])
    for lag in LAGS[1:]:
        power = np.linalg.matrix_power(A, lag)
        for i, variance in enumerate(variances):
            # E z_i' z_i = A^k_ii Var z_i + A^k_ij Cov(z_j, z_i)
            own = variance[modes]
            found[i].append(power[:, i, i] + power[:, i, 1 - i] * cross / own)
    return np.concatenate(found[0]), np.concatenate(found[1])
