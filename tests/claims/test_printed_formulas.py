"""The formula that a claim prints is the one that is tested.

Each check puts the claim's own numbers, or numbers computed here from the problem's matrices, into
the printed formula, and compares the outcome with the claim's prediction. Its twin changes the
formula (a factor 2, or the relation reversed) and must be seen. What cannot be evaluated is listed
with the reason."""

import numpy as np
import pytest
import sympy
from scipy import stats
from scipy.linalg import expm, solve_continuous_lyapunov
from tests.claims.shipped import NAMES, TOGETHER, claims_of

import linsgd
from linsgd import SGD, LinearRegression, displacement, moments, stationary_moments
from linsgd.claims import ensembles, problems
from linsgd.claims.case import at_steps
from linsgd.claims.hodgkinson_mahoney_2021.binary_forms import PhaseForms
from linsgd.claims.hodgkinson_mahoney_2021.chi_moments import Step
from linsgd.claims.kunin_2024.langevin_regime import small_lr_langevin
from linsgd.symbolic.symbols import (
    Cov,
    E,
    G,
    Var,
    b,
    beta,
    d,
    delta,
    eta,
    gamma,
    h,
    h_lambda,
    k,
    lam,
    omega,
    sigma,
    sigma_g,
    t,
    v0,
    x0,
    zeta,
)

GAUSSIAN = problems.gaussian()
CHECKS = {}
pytestmark = TOGETHER

# Formulas that state a limit, a rate or an independence, and where their numbers are tested.
IN_WORDS = {
    "kunin_2024/displacement_saturates_at_the_effective_dimension": "test_predictions",
    "kunin_2024/exponents_do_not_know_the_batch": "test_predictions",
    "kunin_2024/exponents_over_epochs_follow_the_steps": "test_predictions",
    "hodgkinson_mahoney_2021/threshold_is_marginal": "test_predictions",
    "hodgkinson_mahoney_2021/averages_converge_slower_than_the_root": "test_tail_measurements",
    "hodgkinson_mahoney_2021/averages_have_a_stable_limit": "test_tail_measurements",
    "hodgkinson_mahoney_2021/noiseless_law_is_a_point": "a limit of 0, predicted to 1e-5",
    "hodgkinson_mahoney_2021/one_step_bounds_are_vacuous": "certain events",
    "hodgkinson_mahoney_2021/one_step_bounds_enclose_the_exponent": "test_tail_measurements",
    "hodgkinson_mahoney_2021/larger_steps_make_tails_heavier": "test_predictions",
    "risk_curves/bias_of_an_exponential_average_decays_exponentially": "an order, enclosed",
    "risk_curves/batch_ramp_equals_lr_decay_to_first_order": "an order, enclosed",
    "risk_curves/momentum_is_a_larger_lr_to_first_order": "an order, enclosed",
    "risk_curves/homogenized_error_is_first_order_in_lr": "an order, enclosed",
    "risk_curves/volterra_error_falls_as_the_dimension": "an order, enclosed",
    "risk_curves/functional_scaling_law_is_first_order_in_lr": "test_risk_claims",
    "risk_curves/steps_do_not_replace_intrinsic_time": "test_risk_claims",
    "hodgkinson_mahoney_2021/adam_has_no_power_law": "the acceptance set itself",
    "hodgkinson_mahoney_2021/clipped_sgd_has_no_power_law": "the acceptance set itself",
    "hodgkinson_mahoney_2021/sam_has_the_exponent_of_sgd": "a difference of 0",
    "hodgkinson_mahoney_2021/fitted_exponent_is_exact_at_two_only": "an inequality of two formulas",
    "simsekli_2019/recipe_on_a_softmax_regression": "test_simsekli",
    "simsekli_2019/recipe_on_a_relu_network": "test_simsekli",
    "simsekli_2019/single_weights_of_a_softmax_regression": "test_simsekli",
    "simsekli_2019/single_weights_of_a_relu_network": "test_simsekli",
    "simsekli_2019/normal_exit_is_exponential_in_the_batch": "test_simsekli",
    "dai_zhu_2020/noise_at_the_flat_minimum_favours_the_sharp_one": "tests/escape, quadrature",
    "dai_zhu_2020/noise_like_the_hessian_favours_the_flat_minimum": "tests/escape, quadrature",
    "dai_zhu_2020/gap_of_regression_is_the_smallest_curvature": "an independence of the batch",
    "dai_zhu_2020/escape_time_is_that_of_kramers": "tests/escape",
    "dai_zhu_2020/exponents_with_noise_like_the_hessian_do_not_know_sharpness": "tests/escape",
    "dai_zhu_2020/exit_exponent_of_the_chain_does_not_know_sharpness": "tests/escape",
    "dai_zhu_2020/power_law_of_the_loss_is_not_that_of_sgd": "a comparison of two exponents",
    "dai_zhu_2020/sgd_diverges_where_no_diffusion_does": "a root, found by quadrature",
    "dai_zhu_2020/sgd_is_read_in_the_sense_of_ito": "tests/escape",
    "dai_zhu_2020/chains_prefer_the_flat_minimum_at_equal_depth": "a limit; test_diffusion_1d",
    "dai_zhu_2020/escapes_become_rare_exponentially_in_the_batch": "tests/montecarlo/test_escape",
    "dai_zhu_2020/momentum_escape_has_langers_prefactor": "tests/escape",
    "dai_zhu_2020/without_label_noise_no_global_minimum_is_left": "an event that never happens",
    "simsekli_2019/a_divergent_recursion_gives_the_published_indices": "test_simsekli",
}


def checks(*ids):
    """Register a function (claim, formula) -> pairs (found, expected) that must agree."""

    def register(function):
        CHECKS.update(dict.fromkeys(ids, function))
        return function

    return register


def claim_of(name):
    """The claim on the Gaussian problem, or on the diabetes data if it is about data only."""
    return claims_of(name)[0]


def named(claim):
    return GAUSSIAN if claim.problem == "gaussian" else problems.diabetes()


def number(expression, values):
    return complex(sympy.sympify(expression).subs(values).evalf()).real


def options(sgd):
    return {
        eta: sgd.lr,
        beta: sgd.momentum,
        zeta: sgd.dampening,
        lam: sgd.weight_decay,
        b: sgd.batch_size,
    }


def options_of(sgd):
    return {name: getattr(sgd, name) for name in ("lr", "batch_size", "momentum", "weight_decay")}


def along(case, i):
    """The letters of mode i of a case."""
    return {
        **options(case.sgd),
        h: case.problem.eigenvalues[case.modes[i]],
        h_lambda: case.curvature[i],
        d: case.problem.dimension,
    }


def second_moment(problem, w, covariance):
    """E (w - w*)(w - w*)' in the problem's coordinates."""
    off = w - problem.optimum
    return covariance + np.outer(off, off)


def gradient_noise(problem, batch_size, M):
    """E Cov(g | w) of Gaussian features along the eigenvectors, M = E (w - w*)(w - w*)'."""
    H = problem.covariance()
    total = ((problem.noise_variance + np.trace(H @ M)) * H + H @ M @ H) / batch_size
    Q = problem.eigenvectors
    return np.diag(Q.T @ total @ Q)


def stationary_noise(case):
    law = stationary_moments(case.problem, case.sgd)
    M = second_moment(case.problem, law.mean, law.position_covariance())
    return gradient_noise(case.problem, case.sgd.batch_size, M)


def frozen_noise(case):
    ridge = case.problem.solution(case.sgd.weight_decay)
    M = second_moment(case.problem, ridge, np.zeros_like(case.problem.covariance()))
    return gradient_noise(case.problem, case.sgd.batch_size, M)


def last(values, case):
    return values[-1][case.modes]


# ---- kunin_2024: the stationary law


@checks(
    "kunin_2024/stationary_position_variance",
    "kunin_2024/stationary_velocity_variance",
    "kunin_2024/stationary_position_variance_nesterov",
)
def _(claim, formula):
    case = (ensembles.nesterov if "nesterov" in claim.id else ensembles.heavy_ball)(GAUSSIAN)
    noise = stationary_noise(case)
    for i, predicted in enumerate(claim.prediction):  # settled to 1e-4
        value = number(formula.rhs, {**along(case, i), sigma_g: np.sqrt(noise[i])})
        yield value, pytest.approx(predicted, rel=1e-3)


@checks("kunin_2024/position_velocity_covariance")
def _(claim, formula):
    case = ensembles.large_batch(GAUSSIAN)
    variance = last(case.law.velocity_variance, case)
    for i, predicted in enumerate(claim.prediction):
        (symbol,) = formula.rhs.atoms(Var)
        value = number(formula.rhs.subs(symbol, variance[i]), along(case, i))
        yield value, pytest.approx(predicted, rel=1e-3)


@checks("kunin_2024/cross_covariance_matrix")
def _(claim, formula):
    case = ensembles.large_batch(GAUSSIAN)
    Q = case.problem.eigenvectors[:, case.modes]
    C, V = (Q.T @ m[-1] @ Q for m in (case.law.cross_covariance(), case.law.velocity_covariance()))
    w_i, v_j, w_j, v_i = sympy.symbols("w_i v_j w_j v_i")
    for predicted, i, j in zip(claim.prediction, *np.triu_indices(len(V)), strict=True):
        values = {Cov(w_i, v_j): C[i, j], Cov(w_j, v_i): C[j, i], Cov(v_i, v_j): V[i, j]}
        sides = [number(side.subs(values), options(case.sgd)) for side in formula.args]
        scale = case.sgd.lr * np.sqrt(V[i, i] * V[j, j])
        yield (sides[0] - sides[1]) / scale, pytest.approx(predicted, abs=1e-9)


@checks(
    "kunin_2024/fluctuation_dissipation",
    "kunin_2024/fluctuation_dissipation_dampened",
    "kunin_2024/fluctuation_dissipation_nesterov",
)
def _(claim, formula):
    kind = claim.id.rpartition("_")[2]
    made = {"dampened": ensembles.dampened, "nesterov": ensembles.nesterov}
    case = made.get(kind, ensembles.heavy_ball)(GAUSSIAN)
    law = stationary_moments(case.problem, case.sgd)
    moved = displacement(case.problem, case.sgd, [1]).global_msd[0]
    letters = {symbol.name: symbol for symbol in formula.free_symbols}
    right = formula.rhs.subs(E(sympy.Abs(letters["delta"]) ** 2), moved)
    if "v" in letters:
        right = right.subs(E(sympy.Abs(letters["v"]) ** 2), law.velocity_variance.sum())
    yield number(right, options(case.sgd)), pytest.approx(float(law.excess_loss), rel=1e-8)


@checks("kunin_2024/fluctuation_dissipation_fails_for_epochs")
def _(claim, formula):
    case = ensembles.epochs(problems.diabetes())
    law = stationary_moments(case.problem, case.sgd)
    moved = case.sgd.lr**2 * law.velocity_variance[0].sum()
    (speed,) = formula.rhs.atoms(sympy.Function("E"))
    right = number(formula.rhs.subs(speed, moved), options(case.sgd))
    yield bool(formula.func(float(law.excess_loss[0]), right)), True  # phase 0: an epoch's end


# ---- kunin_2024: the mean


@checks("kunin_2024/mean_path")
def _(claim, formula):
    """Heavy ball without noise, in two lines, and the printed recursion in its positions."""
    problem, steps = GAUSSIAN.problem, (6, 12, 24)
    sgd = ensembles.stable_sgd(problem, 0.25, batch_size=4, momentum=0.9, weight_decay=0.1)
    curvature = problem.eigenvalues + sgd.weight_decay
    path, v = [np.ones(4)], np.zeros(4)
    for _step in range(25):
        v = sgd.momentum * v - curvature * path[-1]
        path.append(path[-1] + sgd.lr * v)
    letters = {symbol.name: symbol for symbol in formula.free_symbols}
    for j, at in enumerate(steps):
        for i in range(4):
            around = {
                E(letters[f"x_k{sign}"]): path[at + int(sign or 0)][i] for sign in ("+1", "", "-1")
            }
            values = {**options(sgd), h_lambda: curvature[i]}
            assert path[at][i] == pytest.approx(claim.prediction[4 * j + i], abs=1e-12)
            left, right = (number(side.subs(around), values) for side in formula.args)
            yield left, pytest.approx(right, abs=1e-12)


@checks("kunin_2024/langevin_mean_path")
def _(claim, formula):
    case, process = ensembles.small_lr(GAUSSIAN), small_lr_langevin(GAUSSIAN)  # the same optimizer
    away = process.center + GAUSSIAN.problem.from_eigenbasis(np.ones(4))
    mean = process.initial_state((away, np.zeros(4)), matched=True).mean
    lr, scale = case.sgd.lr, np.sqrt(process.mass / case.curvature)
    for i in range(4):
        values = {omega: process.rotation[i], gamma: process.modes.damping}
        values |= {x0: 1.0, v0: lr * mean[1, i]}
        values[delta] = np.emath.sqrt(values[omega] ** 2 - values[gamma] ** 2)
        for j, step in enumerate((4, 8, 16)):
            position = number(formula.rhs[0], {**values, t: step})
            velocity = number(formula.rhs[1], {**values, t: step - 0.5}) / lr * scale[i]
            yield position, pytest.approx(claim.prediction[8 * j + i], rel=1e-9, abs=1e-12)
            yield velocity, pytest.approx(claim.prediction[8 * j + 4 + i], rel=1e-9, abs=1e-12)


@checks(
    "kunin_2024/trajectory_centres_on_the_regularised_minimum",
    "linsgd/weight_decay_moves_the_mean",
)
def _(claim, formula):
    """From w*, where the gradient of the decayed loss is lambda w*, to the ridge solution."""
    problem, decay = GAUSSIAN.problem, ensembles.default_weight_decay(GAUSSIAN.problem)
    H = problem.covariance()
    ridge = np.linalg.solve(H + decay * np.eye(4), H @ problem.optimum)
    shift = problem.eigenvectors.T @ (ridge - problem.optimum)
    start = problem.eigenvectors.T @ problem.optimum
    letters = {symbol.name: symbol for symbol in formula.free_symbols}
    for i in range(4):
        values = {h: problem.eigenvalues[i], lam: decay, h_lambda: problem.eigenvalues[i] + decay}
        values |= {letters[name]: 0.0 for name in ("theta_0",) if name in letters}
        values |= {letters[name]: decay * start[i] for name in ("g_i",) if name in letters}
        values |= {letters[name]: start[i] for name in ("w_i^*",) if name in letters}
        yield number(formula.rhs, values), pytest.approx(shift[i], rel=1e-9)
    if len(claim.prediction) == 4:
        np.testing.assert_allclose(claim.prediction, shift / np.linalg.norm(shift), rtol=1e-9)


# ---- kunin_2024: the Langevin limit


@checks("kunin_2024/frozen_noise_displacement_is_too_small")
def _(claim, formula):
    case = ensembles.heavy_ball(GAUSSIAN)
    values = {**options(case.sgd), sympy.Symbol("S_0"): frozen_noise(case).sum()}
    exact = case.sgd.lr**2 * case.law.velocity_variance[-1].sum()
    right = number(formula.rhs, values)
    yield exact / right, pytest.approx(claim.prediction[0], rel=1e-9)
    yield bool(formula.func(exact, right)), True


@checks("kunin_2024/langevin_variance_is_too_small")
def _(claim, formula):
    case = ensembles.heavy_ball(GAUSSIAN)
    noise, exact = frozen_noise(case), case.law.position_variance[-1]
    limit = [number(formula.rhs, {**along(case, i), sigma_g: np.sqrt(noise[i])}) for i in range(4)]
    yield float(np.mean(exact / limit)), pytest.approx(claim.prediction[0], rel=1e-9)
    yield bool(formula.func(exact[0], limit[0])), True


@checks("kunin_2024/langevin_variance_at_small_lr")
def _(claim, formula):
    sgd = ensembles.stable_sgd(GAUSSIAN.problem, 0.02, batch_size=4, momentum=0.9)
    case = at_steps(GAUSSIAN, sgd, [4096], ensembles.at_rest(GAUSSIAN.problem, 0.0))
    stationary = moments(case.problem, sgd, [4096], case.start, theory="langevin").position_variance
    for i, noise in enumerate(frozen_noise(case)):
        value = number(formula.rhs, {**along(case, i), sigma_g: np.sqrt(noise)})
        yield value, pytest.approx(stationary[0, i], rel=1e-6)


@checks("kunin_2024/noise_is_not_proportional_to_the_hessian")
def _(claim, formula):
    case = ensembles.heavy_ball(problems.diabetes())
    (symbol,) = formula.lhs.atoms(Var)
    flat = np.array(
        [
            number(formula.lhs.subs(symbol, variance), along(case, i))
            for i, variance in enumerate(last(case.law.position_variance, case))
        ]
    )
    yield np.ptp(flat) / flat.mean(), pytest.approx(claim.prediction[0], rel=1e-9)
    yield formula.rel_op, "!="


@checks("kunin_2024/langevin_variance_is_first_order")
def _(claim, formula):
    """1 + O(lr): the ratio tends to the printed constant, at the claimed order."""
    case = ensembles.heavy_ball(GAUSSIAN)
    noise, errors = frozen_noise(case), []
    for j in (8, 9):
        sgd = SGD(lr=case.sgd.lr / 2**j, batch_size=4, momentum=0.9, weight_decay=0.1)
        exact = stationary_moments(case.problem, sgd).position_variance
        ratio = sgd.lr * noise / (2 * case.curvature * (1 - sgd.momentum)) / exact
        errors.append(ratio.mean() - float(formula.rhs.removeO()))
    yield np.log2(errors[0] / errors[1]), pytest.approx(claim.prediction[0], abs=0.01)


@checks("kunin_2024/noise_is_proportional_to_the_hessian_at_the_minimum")
def _(claim, formula):
    problem, H = GAUSSIAN.problem, sympy.Symbol("H")
    noise = gradient_noise(problem, 4, np.zeros((4, 4)))
    for i in range(4):
        value = number(formula.rhs, {sigma: problem.noise_std, H: problem.eigenvalues[i], b: 4})
        yield value, pytest.approx(noise[i], rel=1e-12)


@checks("kunin_2024/noise_is_not_proportional_away_from_the_minimum")
def _(claim, formula):
    problem = GAUSSIAN.problem
    rho, stiff = problem.eigenvalues, int(problem.eigenvalues.argmax())
    u = np.zeros(4)
    u[stiff] = rho[stiff] * np.sqrt(problem.noise_variance / rho[stiff])
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}
    for i, grown in enumerate(claim.prediction):
        values = {letters["R"]: problem.noise_variance, letters["H"]: rho[i], b: 4}
        values |= {letters["u"]: u[i], letters["u'"]: u[i]}
        yield number(formula.rhs, values), pytest.approx(grown * rho[i] / 4, rel=1e-9)


# ---- kunin_2024: invariance and phase space


@checks("kunin_2024/positions_are_isotropic_without_decay")
def _(claim, formula):
    sgd = ensembles.stable_sgd(GAUSSIAN.problem, 0.02, batch_size=32, momentum=0.8)
    law = stationary_moments(GAUSSIAN.problem, sgd, theory="langevin")
    for variance in law.position_variance:
        value = number(formula.rhs, {**options(sgd), sigma: GAUSSIAN.problem.noise_std})
        yield value, pytest.approx(variance, rel=1e-9)


@checks("kunin_2024/equivalent_optimizers_share_the_law")
def _(claim, formula):
    one = ensembles.small_lr(GAUSSIAN)
    other = linsgd.equivalent(one.sgd, 4 * one.sgd.batch_size)
    noise = one.sgd.batch_size * small_lr_noise() / one.problem.eigenvalues
    for i in range(4):
        for sgd in (one.sgd, other):
            values = {**along(one, i), **options(sgd), sigma: np.sqrt(noise[i])}
            yield number(formula.rhs, values), pytest.approx(claim.prediction[i], rel=1e-9)


def small_lr_noise():
    noise = np.asarray(small_lr_langevin(GAUSSIAN).noise)
    return noise if noise.ndim == 1 else np.diagonal(noise)


def small_lr_values(i, lag=0):
    case, process = ensembles.small_lr(GAUSSIAN), small_lr_langevin(GAUSSIAN)
    values = {**along(case, i), sigma_g: np.sqrt(small_lr_noise()[i]), k: lag}
    return values | {omega: process.rotation[i], gamma: process.modes.damping}


@checks(
    "kunin_2024/decay_confines_flat_directions",
    "kunin_2024/velocity_variance_follows_the_noise",
)
def _(claim, formula):
    for i, predicted in enumerate(claim.prediction):
        yield number(formula.rhs, small_lr_values(i)), pytest.approx(predicted, rel=1e-12)


@checks(
    "kunin_2024/equipartition_needs_the_equations_mass",
    "kunin_2024/temperatures_with_dampening",
    "wu_2021/kinetic_and_potential_temperature",
)
def _(claim, formula):
    stiff = "equipartition" in claim.id
    case = (ensembles.large_batch if stiff else ensembles.dampened)(GAUSSIAN)
    w, v = sympy.symbols("w_i v_i")
    law = stationary_moments(case.problem, case.sgd)
    for i in range(4):
        values = {Var(v): law.velocity_variance[i], Var(w): law.position_variance[i]}
        left, right = (number(side.subs(values), along(case, i)) for side in formula.args)
        yield left, pytest.approx(right, rel=1e-9)


@checks("kunin_2024/phase_space_turns_clockwise")
def _(claim, formula):
    for i, predicted in enumerate(claim.prediction):
        yield number(formula.rhs, small_lr_values(i, 4)), pytest.approx(predicted, rel=1e-9)


@checks("kunin_2024/position_correlation", "kunin_2024/velocity_correlation")
def _(claim, formula):
    for j, lag in enumerate((4, 16)):
        for i in range(4):
            predicted = pytest.approx(claim.prediction[4 * j + i], rel=1e-9, abs=1e-12)
            yield number(formula.rhs, small_lr_values(i, lag)), predicted


@checks("kunin_2024/measured_noise_dissipates")
def _(claim, formula):
    case = ensembles.small_lr(problems.diabetes())
    process = linsgd.langevin(case.problem, case.sgd)
    m, n = case.sgd.momentum, process.curvature.size
    friction = 2 * (1 - m) / (1 + m)
    zero, one = np.zeros((n, n)), np.eye(n)
    A = np.block(
        [[zero, -case.sgd.lr * one], [np.diag(2 * process.curvature / (1 + m)), friction * one]]
    )
    Q = np.block([[zero, zero], [zero, 4 * np.array(process.noise) / (1 + m) ** 2]])
    P = solve_continuous_lyapunov(A, Q)
    (trace,) = formula.atoms(sympy.Function("tr"))
    value = formula.rhs.subs(trace, np.trace(np.linalg.solve(Q[n:, n:] / 2, P[n:, n:])))
    letters = {symbol.name: symbol for symbol in formula.free_symbols}
    found = number(value, {letters["G"]: friction, d: n})
    yield found, pytest.approx(claim.prediction[0], rel=1e-6)


# ---- kunin_2024: displacement


@checks("kunin_2024/stationary_displacement")
def _(claim, formula):
    """One mode with constant noise, along which the printed sum is the whole displacement."""
    case, lag = ensembles.small_lr(GAUSSIAN), 16
    powers = linsgd.symbolic.propagator("underdamped")
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}
    for i in range(4):
        mode = LinearRegression.gaussian([case.curvature[i]], noise_std=1e-3)
        sgd = SGD(lr=case.sgd.lr, batch_size=10**9, momentum=case.sgd.momentum)
        values = {eta: sgd.lr, beta: sgd.momentum, h_lambda: case.curvature[i], k: lag}
        for name in ("U_k", "U_{k+1}"):
            values[letters[name]] = complex(powers.explicit(name).subs(values).evalf())
        values[letters["V"]] = stationary_moments(mode, sgd).position_variance[0]
        exact = displacement(mode, sgd, [lag]).global_msd[0]
        yield number(formula.rhs, values), pytest.approx(exact, rel=1e-9, abs=0)


@checks("kunin_2024/drift_is_faster_than_diffusion")
def _(claim, formula):
    case = ensembles.distant_start(GAUSSIAN)
    once, twice = displacement(case.problem, case.sgd, [32, 64], case.start).global_msd
    by_steps = {expression.args[0]: expression for expression in formula.lhs.atoms(E)}
    values = {e: twice if a.has(2 * k) else once for a, e in by_steps.items()}
    yield number(formula.lhs, values) - 1, pytest.approx(claim.prediction[0], rel=1e-9)
    yield bool(formula.subs(values)), True


@checks("kunin_2024/drift_depends_on_its_origin")
def _(claim, formula):
    case = ensembles.distant_start(GAUSSIAN)
    first = displacement(case.problem, case.sgd, [32], case.start).global_msd[0]
    law = moments(case.problem, case.sgd, [32], case.start).at(0)
    second = displacement(case.problem, case.sgd, [32], law).global_msd[0]
    yield second / first - 1, pytest.approx(claim.prediction[0], rel=1e-9)
    yield bool(formula.func(second, first)), True


@checks("kunin_2024/summed_displacement_grows_forever")
def _(claim, formula):
    """1 + 2 sum V(j) of one soft mode, by the matrix exponential of its equation."""
    for momentum in (0.5, 0.8):
        u, square = (1 - momentum) / (1 + momentum), 1e-4
        step, power, total = expm(np.array([[0.0, 1.0], [-square, -2 * u]])), np.eye(2), 1.0
        for _step in range(200_000):
            power = power @ step
            total += 2 * power[1, 1]
            if abs(power).max() < 1e-12:
                break
        yield number(formula.rhs, {beta: momentum}), pytest.approx(total, rel=0.01)


@checks("kunin_2024/local_displacement_is_a_product_of_powers")
def _(claim, formula):
    spread = sympy.Symbol("p", positive=True)  # 1 - beta^2
    right = formula.rhs.subs(beta, sympy.sqrt(1 - spread))
    slopes = [sympy.simplify(x * sympy.diff(right, x) / right) for x in (eta, b, spread, lam)]
    for slope, predicted in zip(slopes, claim.prediction, strict=True):
        yield float(slope), pytest.approx(predicted)
    values = {eta: 1e-6, b: 4, beta: 0.8, sympy.Symbol("S_0"): GAUSSIAN.problem.eigenvalues.sum()}
    sgd = SGD(lr=1e-6, batch_size=4, momentum=0.8)
    exact = displacement(GAUSSIAN.problem, sgd, [1]).global_msd[0]
    yield number(formula.rhs, values), pytest.approx(exact, rel=1e-4)


@checks("kunin_2024/feedback_needs_each_modes_own_share")
def _(claim, formula):
    """The coefficient of G, and the exact excess at a small G."""
    spectrum, m, gain = GAUSSIAN.problem.eigenvalues, 0.9, 1e-5
    H, tr = sympy.Symbol("H"), sympy.Function("tr")
    right = formula.rhs.removeO().subs({tr(H**2): (spectrum**2).sum(), tr(H): spectrum.sum()})
    right = right.subs({beta: m})
    yield float(sympy.diff(right, G)), pytest.approx(claim.prediction[0], rel=1e-9)
    sgd = SGD(lr=2 * (1 - m) * gain / spectrum.sum(), momentum=m)
    frozen = sgd.lr**2 * spectrum.sum() / (1 - m**2)
    exact = displacement(GAUSSIAN.problem, sgd, [1]).global_msd[0] / frozen
    yield (float(right.subs(G, gain)) - 1) / gain, pytest.approx((exact - 1) / gain, rel=1e-3)


@checks("kunin_2024/exponent_falls_with_lr_and_momentum")
def _(claim, formula):
    yield bool(formula.func(claim.prediction[0], 0)), True


@checks("kunin_2024/power_law_spectra_set_the_exponent")
def _(claim, formula):
    (alpha,) = formula.rhs.free_symbols
    for a, predicted in zip((1.6, 2.5), claim.prediction, strict=True):
        yield number(formula.rhs, {alpha: a}), pytest.approx(predicted)


@checks("kunin_2024/displacement_counts_the_modes_that_have_moved")
def _(claim, formula):
    """One exponential mode l^-a at a time: sum_l (1 - exp(-T l^-a)) over T^(1/a)."""
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}
    (count,) = formula.rhs.atoms(sympy.Function("N"))
    index, T = np.arange(1, 10**6), 1e4
    for a, predicted in zip((1.6, 2.5), claim.prediction, strict=True):
        rest = formula.rhs.subs(count, 1).subs({letters["V"]: sympy.Rational(1, 2)})
        value = number(rest, {letters["alpha"]: a})
        yield value, pytest.approx(predicted, rel=1e-9)
        sums = -np.expm1(-T * index**-a).sum() / T ** (1 / a)
        yield value, pytest.approx(sums, rel=0.02)


@checks("kunin_2024/stationary_exponents_are_bounded_from_twenty_tau")
def _(claim, formula):
    (tau,) = formula.rhs.free_symbols - {k}
    yield number(formula.rhs, {k: 20, tau: 1}), pytest.approx(claim.prediction[0])
    yield bool(formula.func(1.0, 1.05)), True


# ---- kunin_2024: orders


@checks("kunin_2024/correlation_error_is_of_half_order")
def _(claim, formula):
    sgd = SGD(lr=1e-4, batch_size=10**6, momentum=0.8)
    law = stationary_moments(LinearRegression.gaussian([1.0]), sgd)
    exact = law.position_velocity_covariance / np.sqrt(
        law.position_variance * law.velocity_variance
    )
    yield (
        number(formula.rhs, {eta: 1e-4, beta: 0.8, h_lambda: 1.0}),
        pytest.approx(exact[0], rel=1e-3),
    )


@checks("kunin_2024/ringing_damping_error_is_independent_of_lr")
def _(claim, formula):
    """Complex roots of one step have the modulus sqrt(beta); the equation's rate is u."""
    for momentum in (0.3, 0.8):
        roots = np.linalg.eigvals([[1 - 0.9, momentum], [-0.9, momentum]])
        error = (1 - momentum) / (1 + momentum) / -np.log(abs(roots[0])) - 1
        yield number(formula.rhs, {beta: momentum}), pytest.approx(error, rel=1e-9)


@checks(
    "kunin_2024/mean_path_error_is_first_order",
    "kunin_2024/matched_mean_path_error_is_second_order",
)
def _(claim, formula):
    """The printed first term of the error, over the mean of the algorithm at lr k = 1/2."""
    matched = "matched" in claim.id
    series = formula.rhs.removeO().expand()
    assert [n for n in range(4) if series.coeff(eta, n) != 0] == [claim.prediction[0]]
    problem, start = LinearRegression.gaussian([1.0]), (np.array([3.0]), np.array([1.0]))
    sgd, steps = SGD(lr=2.0**-13, momentum=0.8), [2**12]
    limit = linsgd.theory.langevin.moments.moments(problem, sgd, steps, start, matched=matched)
    exact = moments(problem, sgd, steps, start).mean[0, 0]
    values = {eta: sgd.lr, beta: 0.8, h_lambda: 1.0, x0: 3.0, v0: 1.0, t: 0.5}
    found = number(series, values)
    yield found, pytest.approx((limit.mean[0, 0] - exact) / exact, rel=0.05)


@checks("kunin_2024/equivalent_optimizers_part_at_first_order")
def _(claim, formula):
    problem, one = LinearRegression.gaussian([1.0]), SGD(lr=1e-7, batch_size=10**6, momentum=0.5)
    pair = [
        stationary_moments(problem, sgd).position_variance[0]
        for sgd in (one, linsgd.equivalent(one, 4 * 10**6))
    ]
    yield float(formula.rhs.removeO()), pytest.approx(pair[0] / pair[1], abs=1e-6)


@checks("kunin_2024/ringing_starts_at_the_discrete_threshold")
def _(claim, formula):
    for momentum, predicted in zip((0.3, 0.5, 0.8), claim.prediction, strict=True):
        yield number(formula.rhs, {beta: momentum, eta: 1}), pytest.approx(predicted)


# ---- hodgkinson_mahoney_2021


@checks(
    "hodgkinson_mahoney_2021/mean_square_grows_above_the_threshold",
    "hodgkinson_mahoney_2021/mean_square_shrinks_below_the_threshold",
)
def _(claim, formula):
    values = {E(sympy.Symbol("Q_k")): claim.prediction[0], sympy.Symbol("Q_0"): 1}
    yield bool(formula.subs(values)), True


@checks("hodgkinson_mahoney_2021/most_chains_shrink_above_the_threshold")
def _(claim, formula):
    (event,) = formula.atoms(sympy.Function("P"))
    yield bool(formula.subs(event, claim.prediction[0])), True
    yield float(formula.gts.subs(event, 0) + formula.lts.subs(event, 0)), claim.acceptance.lower[0]


@checks("hodgkinson_mahoney_2021/tail_is_a_power_law")
def _(claim, formula):
    problem, sgd = LinearRegression.gaussian([1.0]), SGD(lr=1.2)
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}
    values = {letters["C"]: linsgd.tail_constant(problem, sgd).value}
    values[letters["alpha"]] = Step(1.2).exponent().mean()
    for threshold, predicted in zip((5.0, 50.0, 500.0), claim.prediction, strict=True):
        found = number(formula.rhs, {**values, letters["t"]: threshold})
        yield found, pytest.approx(predicted, rel=1e-6)


@checks("hodgkinson_mahoney_2021/goldie_constant_of_two_features")
def _(claim, formula):
    """m = dh/ds at 2 of R^2 = (1 - lr X)^2 + lr^2 X Y, X ~ chi2_1 and Y ~ chi2_1, by a grid."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    X, Y, weight = nodes[:, None] ** 2, nodes**2, np.outer(weights, weights) / weights.sum() ** 2
    square = (1 - 0.5 * X) ** 2 + 0.25 * X * Y
    slope = float((weight * square * np.log(square) / 2).sum())
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}
    values = {letters["eta"]: 0.5, letters["alpha"]: 2, letters["b"]: 1, letters["m"]: slope}
    for threshold, predicted in zip((5.0, 10.0), claim.prediction, strict=True):
        yield number(formula.rhs, values) / threshold**2, pytest.approx(predicted, rel=0.01)


@checks(
    "hodgkinson_mahoney_2021/larger_batch_destroys_the_stationary_law",
    "hodgkinson_mahoney_2021/smaller_batch_keeps_the_stationary_law",
)
def _(claim, formula):
    given, sign = formula.args
    size = int(next(equation.rhs for equation in given.args if equation.lhs == b))
    growth = Step(2.2, size).mean(lambda A: np.log(abs(A)) if A else 0.0, 0.0)
    yield bool(sign.func(growth, 0)), True


@checks("hodgkinson_mahoney_2021/moment_of_order_alpha_grows_linearly")
def _(claim, formula):
    step = Step(0.8)
    exponent = step.exponent().mean()
    slope = step.mean(lambda A: abs(A) ** exponent * np.log(abs(A)) if A else 0.0, exponent)
    constant = linsgd.tail_constant(LinearRegression.gaussian([1.0]), SGD(lr=0.8)).value
    (derivative,) = formula.rhs.atoms(sympy.Derivative)
    values = {
        symbol: {"alpha": exponent, "C": constant}[symbol.name]
        for symbol in formula.rhs.free_symbols
    }
    found = number(formula.rhs.xreplace({derivative: sympy.Float(slope)}), values)
    yield found, pytest.approx(claim.prediction[0], rel=1e-5)


@checks("hodgkinson_mahoney_2021/heavy_labels_pass_their_exponent_on")
def _(claim, formula):
    dof, lr = 1.5, 0.4
    tail = formula.args[1].rhs
    letters = {symbol.name: symbol for symbol in tail.free_symbols}
    (moment,) = tail.atoms(sympy.Function("E"))
    (growth,) = tail.atoms(sympy.Function("h"))
    order = stats.norm.expect(lambda x: abs(lr * x) ** dof)
    values = {moment: order, growth: np.exp(Step(lr).log_moment(dof))}
    values |= {letters["c"]: 2 * stats.t.sf(1e7, dof) * 1e7**dof}
    for threshold, predicted in zip((10.0, 20.0), claim.prediction, strict=True):
        found = tail.subs(values).subs({letters["t"]: threshold, letters["beta"]: dof})
        yield float(found), pytest.approx(predicted, rel=1e-3)


@checks("hodgkinson_mahoney_2021/bounded_features_have_light_tails")
def _(claim, formula):
    bound, event = formula.args
    (feature,) = bound.free_symbols - {eta}
    yield bool(bound.subs({eta: 0.85, feature: 1.5})), True
    yield float(event.rhs), claim.prediction[0]


@checks("hodgkinson_mahoney_2021/noiseless_moments_explode")
def _(claim, formula):
    right = formula.args[1].rhs
    growth = np.exp(Step(1.5).log_moment(1.0))
    (function,) = right.atoms(sympy.Function("h"))
    for step, predicted in zip((1, 2), claim.prediction, strict=True):
        yield float(right.subs(function, growth).subs(k, step)), pytest.approx(predicted, rel=1e-6)


def exponents(expression):
    """Replace each alpha(lr, batch[, momentum]) of an expression by its measured value."""

    def value(lr, batch, momentum=0.0):
        lr, batch, momentum = float(lr), int(batch), float(momentum)
        made = PhaseForms(lr, batch, momentum) if momentum else Step(lr, batch)
        return sympy.Float(made.exponent().mean())

    return expression.replace(sympy.Function("alpha"), value)


@checks("hodgkinson_mahoney_2021/batch_lightens_above_one")
def _(claim, formula):
    (given, larger), prime = formula.args, next(s for s in formula.free_symbols if s.name == "b'")
    for size in (1, 2, 4, 8, 16):
        values = {eta: 0.5, b: size, prime: 2 * size}
        yield bool(exponents(given.subs(values))), True
        yield bool(exponents(larger.subs(values))), True


@checks(
    "hodgkinson_mahoney_2021/batch_lightens_only_above_one",
    "hodgkinson_mahoney_2021/momentum_can_lighten_large_batches",
)
def _(claim, formula):
    yield bool(exponents(formula)), True


@checks("hodgkinson_mahoney_2021/linear_scaling_is_not_exact")
def _(claim, formula):
    yield bool(exponents(formula.subs(eta, 0.1))), True
    yield float(exponents(formula.lhs.subs(eta, 0.1))), pytest.approx(claim.prediction[0], rel=1e-6)


@checks("hodgkinson_mahoney_2021/momentum_lightens_at_equal_effective_step")
def _(claim, formula):
    yield bool(exponents(formula.subs({eta: 0.3, beta: 0.9}))), True


@checks("hodgkinson_mahoney_2021/momentum_makes_tails_heavier_at_equal_lr")
def _(claim, formula):
    yield bool(exponents(formula.subs({eta: 0.3, beta: 0.5}))), True


@checks("hodgkinson_mahoney_2021/weight_decay_changes_sign_with_the_batch")
def _(claim, formula):
    for size, slope in zip((1, 2, 3, 8), claim.prediction, strict=True):
        yield number(formula.rhs, {b: size}), np.sign(np.round(slope, 3))


@checks("hodgkinson_mahoney_2021/small_steps_beat_the_diffusion")
def _(claim, formula):
    for predicted in claim.prediction:
        yield float(formula.rhs), pytest.approx(predicted, rel=1e-5)


@checks(
    "hodgkinson_mahoney_2021/heavy_ball_threshold", "hodgkinson_mahoney_2021/nesterov_threshold"
)
def _(claim, formula):
    threshold = next(s for s in formula.free_symbols if s.name == "eta_ms")
    for size, lr in zip((1, 4), claim.prediction, strict=True):
        left, right = (number(side, {beta: 0.9, b: size, threshold: lr}) for side in formula.args)
        yield left, pytest.approx(right, rel=1e-9)


@checks("hodgkinson_mahoney_2021/varying_steps_make_tails_heavier")
def _(claim, formula):
    names = [f"alpha_{kind}" for kind in ("constant", "cyclic", "independent", "sticky")]
    values = dict(zip(map(sympy.Symbol, names), claim.prediction, strict=True))
    for relation in formula.args:
        yield bool(relation.subs(values)), True


@checks("hodgkinson_mahoney_2021/published_grid_has_no_infinite_variance")
def _(claim, formula):
    yield float(formula.rhs), claim.prediction[0]


# ---- simsekli_2019


def letters_of(formula):
    return {symbol.name: symbol for symbol in formula.free_symbols}


@checks("simsekli_2019/block_estimator_on_stable_noise")
def _(claim, formula):
    for alpha, predicted in zip((1.2, 1.5, 1.8), claim.prediction, strict=True):
        yield number(formula.rhs, {letters_of(formula)["alpha"]: alpha}), pytest.approx(predicted)


@checks("simsekli_2019/per_weight_index_rises_with_the_batch")
def _(claim, formula):
    for size, predicted in zip((1, 4, 16), claim.prediction, strict=True):
        values = {letters_of(formula)["b"]: size, letters_of(formula)["m"]: 10}
        yield number(formula.rhs, values), pytest.approx(predicted)


@checks("simsekli_2019/pooled_index_does_not_depend_on_the_batch")
def _(claim, formula):
    h = sympy.IndexedBase("h")
    values = {h[i]: sympy.Float(float(i) ** -1.5) for i in range(1, 65)}
    found = formula.rhs.subs(letters_of(formula)["d"], 64).doit().subs(values)
    for predicted in claim.prediction:
        yield float(found), pytest.approx(predicted)


@checks("simsekli_2019/exact_zeros_are_read_as_a_tail")
def _(claim, formula):
    rng = np.random.default_rng(0)
    entry = np.sqrt(rng.chisquare(4, 400_000)) / 4 * rng.standard_normal(400_000)
    values = {"L": np.log(np.abs(entry)).mean(), "epsilon": 2.0**-52, "q": 1 / 8, "d": 64}
    found = formula.rhs.subs({letters_of(formula)[name]: v for name, v in values.items()})
    yield float(found), pytest.approx(claim.prediction[0], abs=1e-3)


@checks("simsekli_2019/stationary_scale_under_stable_noise")
def _(claim, formula):
    for lr in (0.02, 0.4):
        values = {"eta": lr, "h": 1.0, "alpha": 1.5, "s": 1.0}
        scale = number(formula.rhs, {letters_of(formula)[name]: v for name, v in values.items()})
        path = [0.0]
        for _ in range(2000):
            path.append(((1 - lr) * path[-1]) ** 1.5 + lr**1.5)
            path[-1] **= 1 / 1.5
        yield scale, pytest.approx(path[-1], rel=1e-6)


@checks(
    "simsekli_2019/levy_exit_is_a_power_of_the_batch",
    "simsekli_2019/levy_exit_depends_on_width_not_curvature",
)
def _(claim, formula):
    """The one-jump formula lies inside the acceptance sets of the exact probabilities."""
    letters = letters_of(formula)
    batch = "b" in letters
    settings = [(1, 1.0), (4, 1.0), (16, 1.0)] if batch else [(1, 1.0), (1, 2.0), (1, 1.0)]
    for (size, width), predicted in zip(settings, claim.prediction, strict=True):
        values = {"k": 200, "alpha": 1.5, "eta": 0.04, "s": 1, "a": width}
        values |= {"b": size} if batch else {}
        found = number(formula.rhs, {letters[name]: value for name, value in values.items()})
        yield found, pytest.approx(predicted, abs=0.05)


@checks("simsekli_2019/noise_scale_falls_as_the_square_root_of_the_batch")
def _(claim, formula):
    q = sympy.Function("q")
    (left,) = formula.lhs.args
    ratio = float(formula.rhs.subs(q(16), 1).subs(left, 256))
    draws = np.random.default_rng(0).standard_normal((2, 200_000, 16))
    sums = np.abs((draws[0] * draws[1]).mean(axis=1))
    large = np.abs(np.random.default_rng(1).standard_normal(200_000)) / 16  # normal by batch 256
    beyond = np.mean(large > np.median(sums) * ratio)
    yield beyond, pytest.approx(claim.prediction[1], abs=0.015)


@checks("simsekli_2019/wells_are_occupied_by_width_under_stable_noise")
def _(claim, formula):
    letters = letters_of(formula)
    values = {"m_1": -1.0, "m_2": 2.0, "s": 0.0, "alpha": 1.5}
    found = number(formula.rhs, {letters[name]: value for name, value in values.items()})
    for predicted in claim.prediction:
        yield found, pytest.approx(predicted, abs=0.03)


# ---- risk_curves


@checks("risk_curves/risk_at_constant_hyperparameters", "risk_curves/risk_under_schedules")
def _(claim, formula):
    """Iterate the printed recursion over the modes; it is the one without momentum."""
    law, steps = linsgd.PowerLaw(exponent=1.0, source=0.5, dimension=4, noise_std=1.0), 5
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}
    scheduled = "schedules" in claim.id
    cosine = linsgd.Schedule.cosine(9)
    doubled = linsgd.Schedule.constant().then(2, linsgd.Schedule.constant(2.0))
    rate, batch = (
        (0.2 * cosine(range(steps)), 2 * doubled(range(steps)))
        if scheduled
        else (np.full(steps, 0.2), np.full(steps, 2.0))
    )
    second = law.optimum() ** 2
    for at in range(steps):
        total = law.eigenvalues() @ second
        here = {"T_k": total, "sigma": 1.0, "eta": rate[at], "b": batch[at]}
        here |= {"eta_k": rate[at], "b_k": batch[at]}
        values = {letters[name]: value for name, value in here.items() if name in letters}
        second = np.array(
            [
                number(formula.rhs, {**values, letters["h"]: spectral, letters["m_k"]: mode})
                for spectral, mode in zip(law.eigenvalues(), second, strict=True)
            ]
        )
    schedules = (cosine, doubled) if scheduled else (None, None)
    exact = linsgd.risk_curve(law, SGD(lr=0.2, batch_size=2), [steps], *schedules).excess_risk[0]
    yield law.eigenvalues() @ second / 2, pytest.approx(exact, rel=1e-9)


@checks("risk_curves/misfit_of_random_features_is_label_noise")
def _(claim, formula):
    law = linsgd.PowerLaw(exponent=1.0, source=0.2, dimension=24)
    problem = linsgd.random_features(law, 8, np.random.default_rng(11))
    W = np.random.default_rng(11).normal(size=(24, 8)) / np.sqrt(8)
    D, target = np.diag(law.eigenvalues()), law.optimum()
    best = np.linalg.solve(W.T @ D @ W, W.T @ D @ target)
    values = {
        sympy.Symbol("b'D b"): target @ D @ target,
        sympy.Symbol("w_*'H w_*"): best @ W.T @ D @ W @ best,
    }
    yield number(formula.rhs, values), pytest.approx(problem.noise_variance, rel=1e-9)


@checks("risk_curves/tail_averaging_gain", "risk_curves/exponential_averaging_gain")
def _(claim, formula):
    yield number(formula.rhs, {}), pytest.approx(claim.prediction[0], rel=1e-5)


@checks("risk_curves/averages_reach_the_rate_of_least_squares")
def _(claim, formula):
    """Least squares on n b samples, one at a time: E tr(H (X'X)^-1) sigma^2/2 at large n."""
    rng, size, samples = np.random.default_rng(0), 3, 4000
    X = rng.normal(size=(200, samples, size))
    inverse = np.linalg.inv(np.einsum("rni,rnj->rij", X, X))
    risk = np.trace(inverse, axis1=1, axis2=2).mean() / 2
    values = {sigma: 1, d: size, b: 4}
    yield number(formula.rhs, values), pytest.approx(samples / 4 * risk, rel=0.02)


@checks("risk_curves/batch_ramp_leaves_more_risk_at_finite_lr")
def _(claim, formula):
    values = dict(zip(formula.args, (claim.prediction[0], 1.0), strict=True))
    yield bool(formula.subs(values)), True


@checks("risk_curves/lr_follows_the_batch_linearly_at_small_lr")
def _(claim, formula):
    rule = [number(formula.rhs, {eta: 0.1, b: size}) for size in (4, 8)]
    yield np.log2(rule[1] / rule[0]), pytest.approx(claim.prediction[0], rel=1e-9)
    yield rule[0], pytest.approx(0.4, rel=1e-9)


@checks(
    "risk_curves/forgetting_sets_the_exponent_of_hard_targets",
    "risk_curves/noise_sets_the_exponent_of_easy_targets",
)
def _(claim, formula):
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}
    for name, predicted in zip(claim.components, claim.prediction, strict=True):
        told = {part[0]: float(part[4:]) for part in name.removeprefix("exponent at ").split(", ")}
        values = {letters[letter]: told[letter] for letter in letters}
        yield number(formula.rhs, values), pytest.approx(predicted, rel=1e-9)


@checks("risk_curves/label_noise_keeps_the_exponent_under_geometric_decay")
def _(claim, formula):
    (letter,) = formula.rhs.free_symbols
    for name, predicted in zip(claim.components, claim.prediction, strict=True):
        values = {letter: float(name.removeprefix("exponent at a = "))}
        yield number(formula.rhs, values), pytest.approx(predicted, rel=1e-9)


@checks("risk_curves/homogenized_threshold_is_too_large")
def _(claim, formula):
    for size, predicted in zip((4, 16, 64), claim.prediction, strict=True):
        problem = LinearRegression.gaussian(np.ones(size))
        threshold = linsgd.stability(problem, SGD(lr=0.01, batch_size=2)).lr_mean_square
        values = {d: size, b: 2, sympy.Symbol("eta_c", positive=True): threshold}
        yield number(formula.lhs, values), pytest.approx(predicted, rel=1e-6)
        yield number(formula.rhs, values), pytest.approx(predicted, rel=1e-9)


@checks("risk_curves/data_reuse_lowers_the_risk")
def _(claim, formula):
    values = dict(zip(formula.args, (claim.prediction[0], 1.0), strict=True))
    yield bool(formula.subs(values)), True


@checks("risk_curves/momentum_is_no_larger_lr_at_finite_lr")
def _(claim, formula):
    yield formula.rel_op, "!="
    yield abs(claim.prediction[0] - 1) > 0.2, True


# ---- dai_zhu_2020


def _of_rhs(values, transform=lambda value: value, at=0):
    """A check that evaluates the right side by the names of its letters."""

    def check(claim, formula):
        letters = {symbol: values[symbol.name] for symbol in formula.rhs.free_symbols}
        found = transform(number(formula.rhs, letters))
        yield found, pytest.approx(claim.prediction[at], rel=1e-6)

    return check


_POINT = 1 / 3**0.5
for _name, _check in {
    "flat_wins_at_equal_depth_whatever_the_batch": _of_rhs({"h_a": 8, "h_f": 2}, np.log),
    "unequal_depth_makes_the_preference_depend_on_the_batch": _of_rhs(
        {"L_a": 0.05, "L_f": 0, "eta": 0.1, "c": 1.2}
    ),
    "gap_is_continuous_where_the_variance_is_infinite": _of_rhs({"q_1": 4, "nu": 1.5}),
    "gap_between_wells_falls_exponentially_with_the_batch": _of_rhs(
        {"L_s": 0.25, "L_a": 0, "eta": 0.1, "c": 0.8}
    ),
    "best_momentum_in_a_well": _of_rhs({"eta": 0.01, "h": 1}, at=1),
    "constant_of_hypocoercive_decay": _of_rhs({"g": 0.5}),
    "literal_hessian_noise_gives_an_infinite_escape_time": _of_rhs(
        {"L'_0": _POINT - _POINT**3, "T": 0.1, "L'''_0": 6 * _POINT}
    ),
    "escape_under_noise_of_the_loss_is_a_power_law": _of_rhs(
        {"L_s": 2, "L_a": 1, "b": 20, "eta": 1, "h": 1}, np.log2
    ),
    "tail_exponent_is_none_of_three_diffusions": _of_rhs({}),
    "finite_steps_leave_sharp_wells_faster": _of_rhs(
        {"k_0": 1, "eta": 1, "h_a": 2, "h_s": 1}, lambda value: value - 1
    ),
    "momentum_law_depends_on_lr_over_one_minus_momentum": _of_rhs({"beta": 0.9, "eta": 1, "h": 1}),
}.items():
    checks(f"dai_zhu_2020/{_name}")(_check)


@checks("dai_zhu_2020/finite_steps_prefer_flat_wells")
def _(claim, formula):
    loss = linsgd.potentials.DoubleWell((8.0, 2.0), (-1.0, 1.5), sharpness=1.0)
    sharp, flat = (float(loss.hessian(loss.stationary_point(x)[0])) for x in (-1.0, 1.5))
    values = {"r_0": 1, "eta": 1, "h_a": sharp, "h_f": flat}
    letters = {symbol: values[symbol.name] for symbol in formula.rhs.free_symbols}
    yield number(formula.rhs, letters) - 1, pytest.approx(claim.prediction[0], rel=1e-6)


# ---- wu_2021 and linsgd


@checks("wu_2021/gradient_noise_covariance")
def _(claim, formula):
    """Entry (i, j) along the eigenvectors at w = 0: (2 R h_i [i = j] + u_i u_j) / b."""
    problem = GAUSSIAN.problem
    u = problem.eigenvectors.T @ problem.covariance() @ -problem.optimum
    signal = problem.optimum @ problem.covariance() @ problem.optimum
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}

    def entry(i, j):
        values = {letters["R"]: (problem.noise_variance + signal) / 2, letters["b"]: 4}
        values |= {letters["H"]: problem.eigenvalues[i] * (i == j)}
        return number(formula.rhs, {**values, letters["u"]: u[i], letters["u'"]: u[j]})

    Q = problem.eigenvectors
    exact = Q.T @ moments(problem, SGD(lr=0.1, batch_size=4), [1]).velocity_covariance()[0] @ Q
    for predicted, i, j in zip(claim.prediction, *np.triu_indices(4), strict=True):
        scale = np.sqrt(entry(i, i) * entry(j, j))
        yield entry(i, j), pytest.approx(exact[i, j], rel=1e-9)
        yield entry(i, j) / scale, pytest.approx(predicted, rel=1e-9)


@checks("wu_2021/gradient_noise_without_replacement", "wu_2021/stationary_loss_without_replacement")
def _(claim, formula):
    rows = problems.diabetes().rows
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}
    values = {letters["N"]: rows, b: rows // 2} | {
        letters[name]: value for name, value in (("S", rows // 2), ("L_with", 1)) if name in letters
    }
    about = 0.02 if "loss" in claim.id else 1e-9  # the loss follows the factor only nearly
    for predicted in claim.prediction:
        yield number(formula.rhs, values), pytest.approx(predicted, rel=about)


def correlation_along_the_gradient(problem):
    """rho of u'x and the residual at w = 0, u along the full gradient."""
    H, away = problem.covariance(), -problem.optimum
    u = H @ away
    residual = problem.noise_variance + away @ H @ away
    return u @ H @ away / np.sqrt((u @ H @ u) * residual)


@checks(
    "wu_2021/excess_kurtosis_falls_as_the_batch",
    "wu_2021/skewness_falls_as_the_root_of_the_batch",
)
def _(claim, formula):
    rho = correlation_along_the_gradient(GAUSSIAN.problem)
    kurtosis = "kurtosis" in claim.id
    for size, predicted in zip((3,) if kurtosis else (4, 16), claim.prediction, strict=True):
        values = {letters_of(formula)["rho"]: rho, letters_of(formula)["b"]: size}
        found = number(formula.rhs, values) + (3 if kurtosis else 0)
        yield abs(found), pytest.approx(abs(predicted), rel=1e-9)


@checks("wu_2021/noise_of_nearly_all_rows_mirrors_that_of_one")
def _(claim, formula):
    problem = problems.diabetes().problem
    u = problem.covariance() @ problem.optimum
    one = float(stats.skew(-problem.features.y * (problem.features.X @ u)))
    found = float(formula.rhs.subs(sympy.Function("gamma_1")(1), one))
    yield found, pytest.approx(claim.prediction[0], rel=1e-9)


@checks("wu_2021/the_joint_law_is_normal_only_beyond_the_dimension")
def _(claim, formula):
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}
    found = number(formula.rhs, {letters["d"]: 4, letters["b"]: 4}) / 24
    yield found, pytest.approx(claim.prediction[0])


@checks("wu_2021/the_norm_exceeds_that_of_a_normal_vector")
def _(claim, formula):
    """The average over Q of the normal probability, by a sum over quantiles of Q."""
    edge = stats.chi2.isf(0.01, 4)
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}
    (inner,) = formula.rhs.atoms(sympy.Function("S_d"))
    factor = formula.rhs.subs(sympy.Function("E")(inner), 1)
    q = stats.chi2.ppf((np.arange(20_000) + 0.5) / 20_000, 4)
    bound = sympy.lambdify(letters["Q"], inner.args[0].subs({letters["b"]: 4, letters["t"]: edge}))
    found = float(factor) * float(np.mean(stats.chi2.sf(bound(q), 4)))
    yield found, pytest.approx(claim.prediction[0], rel=1e-3)


@checks("wu_2021/tails_at_fixed_weights_are_exponential")
def _(claim, formula):
    (z,) = formula.rhs.free_symbols
    density = sympy.lambdify(z, formula.rhs, "scipy")
    grid = np.linspace(5, 40, 200_001)
    beyond = 2 * np.trapezoid(density(grid), grid)
    yield beyond, pytest.approx(claim.prediction[0], rel=1e-5)


@checks("wu_2021/distance_from_normal_at_the_optimum_is_of_order_one_over_b")
def _(claim, formula):
    """To leading order: at the farthest point the normal probability less twice the distance."""
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}
    z = (3 - np.sqrt(6)) ** 0.5  # where the derivative of (z^3 - 3 z) phi vanishes
    one, four = (number(formula.rhs, {letters["z_0"]: z, letters["b"]: size}) for size in (1, 4))
    yield one, pytest.approx(0.1376, rel=1e-3)
    yield 2 * stats.norm.sf(0.59) - 2 * four, pytest.approx(claim.prediction[0], abs=0.01)


@checks("wu_2021/batches_of_an_epoch_are_anticorrelated", "wu_2021/noise_of_an_epoch_sums_to_zero")
def _(claim, formula):
    letters = {symbol.name: symbol for symbol in formula.rhs.free_symbols}
    values = {"N": 442, "b": 110, "M": 4, "n": 440}
    found = number(formula.rhs, {letters[name]: values[name] for name in letters})
    yield found, pytest.approx(claim.prediction[0], rel=1e-9)


@checks("wu_2021/epochs_reduce_the_variance_below_a_crossover_curvature")
def _(claim, formula):
    letters = letters_of(formula)
    for chains, ratio in zip(claim.evidence.experiment.ensembles, (10, 1, 0.1), strict=True):
        values = {"eta": chains.sgd.lr, "beta": 0.9, "b": 1, "N": 32}
        found = number(formula.rhs, {letters[name]: value for name, value in values.items()})
        yield found * ratio, pytest.approx(1.0)


@checks("wu_2021/steady_state_of_online_sgd")
def _(claim, formula):
    sgd = ensembles.stable_sgd(GAUSSIAN.problem, 0.4, batch_size=2)
    law = stationary_moments(GAUSSIAN.problem, sgd)
    T = float(law.position_variance @ GAUSSIAN.problem.eigenvalues)
    for h_i, exact in zip(GAUSSIAN.problem.eigenvalues, law.position_variance, strict=True):
        letters = {**options(sgd), h: h_i, sigma: 1.0, sympy.Symbol("T"): T}
        yield number(formula.rhs, letters), pytest.approx(exact, rel=1e-9)


@checks("wu_2021/temperature_of_small_steps")
def _(claim, formula):
    case = ensembles.small_lr(GAUSSIAN)
    noise = frozen_noise(case)
    for i, predicted in enumerate(claim.prediction):
        variance = noise[case.modes[i]]
        unit = number(formula.rhs.subs(Var(sympy.Symbol("g_i")), variance), along(case, i))
        exact = case.curvature[i] * last(case.law.position_variance, case)[i]
        yield exact / unit, pytest.approx(predicted, rel=1e-9)


@checks("linsgd/loss_is_not_inverse_in_the_batch")
def _(claim, formula):
    case = ensembles.batch_one(GAUSSIAN)
    L = {
        size: float(
            stationary_moments(
                case.problem, SGD(lr=case.sgd.lr, batch_size=size, weight_decay=0.1)
            ).excess_loss
        )
        for size in (1, 8)
    }
    yield bool(formula.replace(sympy.Function("L"), lambda size: sympy.Float(L[int(size)]))), True
    yield L[1] / (8 * L[8]), pytest.approx(claim.prediction[0], rel=1e-3)


@checks("linsgd/epochs_end_below_independent_batches")
def _(claim, formula):
    case = ensembles.epochs(problems.diabetes())
    independent = stationary_moments(
        case.problem, SGD(**options_of(case.sgd), replacement=False)
    ).excess_loss
    values = {
        "L_epoch": stationary_moments(case.problem, case.sgd).excess_loss[0],  # phase 0
        "L_independent": independent,
    }
    yield bool(formula.subs({sympy.Symbol(n): float(v) for n, v in values.items()})), True


@checks("linsgd/excess_loss_curve")
def _(claim, formula):
    """The sum over the eigenvectors, term by term, against (w - mu)'(H + lambda)(w - mu) / 2."""
    problem, steps = GAUSSIAN.problem, [4, 16, 48]
    sgd = ensembles.stable_sgd(problem, 0.25, batch_size=4, momentum=0.8, weight_decay=0.1)
    law, ridge = moments(problem, sgd, steps), problem.solution(0.1)
    regularised = problem.covariance() + 0.1 * np.eye(4)
    (total,) = formula.rhs.atoms(sympy.Sum)
    (index, *_), term = total.limits[0], total.function
    x, curvature = sympy.IndexedBase("x")[index], sympy.IndexedBase("h")[index]
    for at in range(len(steps)):
        away = law.mean[at] - ridge
        spread = np.trace(regularised @ law.position_covariance()[at])
        exact = (spread + away @ regularised @ away) / 2
        along_modes = problem.eigenvectors.T @ away
        terms = [
            term.subs({Var(x): law.position_variance[at, i], E(x): along_modes[i]}).subs(
                curvature, problem.eigenvalues[i] + 0.1
            )
            for i in range(4)
        ]
        yield float(formula.rhs.subs(total, sum(terms))), pytest.approx(exact, rel=1e-9)


@checks("linsgd/first_step_is_undampened")
def _(claim, formula):
    problem = GAUSSIAN.problem
    law = moments(problem, SGD(lr=0.1, batch_size=4, momentum=0.9, dampening=0.5), [1])
    (gradient,) = formula.rhs.atoms(sympy.Function("E"))
    for i, exact in enumerate(problem.covariance() @ -problem.optimum):
        yield float(formula.rhs.subs(gradient, exact)), pytest.approx(law.velocity_mean[0, i])


@checks("linsgd/stationary_identities")
def _(claim, formula):
    case = ensembles.dampened(GAUSSIAN)
    law = stationary_moments(case.problem, case.sgd)
    C, V = law.cross_covariance(), law.velocity_covariance()
    w, v = sympy.symbols("w v")
    for i in range(4):
        for j in range(4):
            values = {Cov(w, v): C[i, j], Cov(v, w): C[j, i], Cov(v, v): V[i, j]}
            left, right = (number(side.subs(values), options(case.sgd)) for side in formula.args)
            yield left, pytest.approx(right, rel=1e-8)


# ---- other optimizers


@checks("hodgkinson_mahoney_2021/newton_law_is_cauchy_at_any_damping")
def _(claim, formula):
    (threshold,) = formula.rhs.free_symbols
    for value, predicted in zip((1, 10, 50), claim.prediction, strict=True):
        yield float(formula.rhs.subs(threshold, value)), pytest.approx(predicted)


@checks("hodgkinson_mahoney_2021/newton_variance_is_that_of_averaged_solutions")
def _(claim, formula):
    for own, predicted in zip(GAUSSIAN.problem.eigenvalues, claim.prediction, strict=True):
        values = {eta: 0.5, sigma: 1, b: 16, d: 4, h: own}
        yield float(formula.rhs.subs(values)), pytest.approx(predicted)


@checks("hodgkinson_mahoney_2021/sign_descent_follows_its_lattice_law")
def _(claim, formula):
    one = LinearRegression.gaussian([1.0])
    for start in (-0.4, 0.9):
        law = linsgd.sign_descent_law(one, linsgd.SignSGD(0.1), steps=1, start=start)
        values = {h: 1, sigma: 1, sympy.Symbol("u"): start}
        down = law.probabilities[law.points < start - 0.05].sum()
        yield float(formula.rhs.subs(values)), pytest.approx(down)


@checks("hodgkinson_mahoney_2021/homogenised_exponent_is_too_large")
def _(claim, formula):
    for lr, predicted in zip((1.0, 0.4, 0.1), claim.prediction, strict=True):
        yield bool(formula.subs({formula.lhs: predicted, eta: lr, b: 1})), True


@checks("hodgkinson_mahoney_2021/two_nodes_are_less_stable_than_one_with_their_samples")
def _(claim, formula):
    pooled = linsgd.stability(LinearRegression.gaussian([1.0]), SGD(0.1, 2)).lr_mean_square
    for predicted in claim.prediction:
        yield bool(formula.subs({formula.lhs: predicted, formula.rhs: pooled})), True


@checks("linsgd/momentum_variance_under_constant_noise")
def _(claim, formula):
    values = {eta: 0.5, beta: 0.8, h: 1, sigma: 1, b: 1}
    yield float(formula.rhs.subs(values)), pytest.approx(claim.prediction[0])


@checks("linsgd/adams_stationary_covariance_is_diagonal")
def _(claim, formula):
    values = {eta: 0.02, sigma: 1, b: 8, sympy.Symbol("H_ii"): 1}
    yield float(formula.rhs.subs(values)), pytest.approx(claim.prediction[0], rel=1e-6)


@checks("linsgd/polyaks_average_keeps_the_correlation_of_its_steps")
def _(claim, formula):
    problem, sgd, many = LinearRegression.gaussian([1.0]), SGD(0.2, batch_size=4), 20_000
    own = stationary_moments(problem, sgd).position_variance[0]
    (variance,) = formula.rhs.atoms(Var)
    limit = float(formula.rhs.subs({variance: own, eta: 0.2, h: 1}))
    average = linsgd.TailAverage()
    law = linsgd.averaged_moments(problem, sgd, [many], average, start="stationary")
    yield many * law.variance[0, 0], pytest.approx(limit, rel=1e-3)


@checks("linsgd/weight_decay_of_least_risk_can_be_negative")
def _(claim, formula):
    yield bool(formula.subs(formula.lhs, claim.prediction[0])), True


# ---- the tests


def fits(name, formula):
    """Whether every pair of a check agrees."""
    pairs = list(CHECKS[name](claim_of(name), formula))
    assert pairs
    return all(found == expected for found, expected in pairs)


OPPOSITE = {"==": "!=", "!=": "==", ">": "<", "<": ">", ">=": "<", "<=": ">"}


def altered(formula):
    """The formula with a factor 2 on its right side (0 becomes 1), or its relations reversed."""
    if isinstance(formula, sympy.Eq):
        wrong = 2 * formula.rhs if formula.rhs != 0 else sympy.Integer(1)
        return sympy.Eq(formula.lhs, wrong, evaluate=False)
    if isinstance(formula, sympy.Rel):
        return sympy.Rel(formula.lhs, formula.rhs, OPPOSITE[formula.rel_op], evaluate=False)
    return formula.func(*map(altered, formula.args), evaluate=False)


def test_every_claim_is_checked_or_listed():
    assert set(CHECKS) | set(IN_WORDS) == set(NAMES)
    assert not set(CHECKS) & set(IN_WORDS)


@pytest.mark.cases(70)
@pytest.mark.parametrize("name", CHECKS)
def test_the_printed_formula_gives_the_prediction(name):
    assert fits(name, claim_of(name).formula)


@pytest.mark.cases(45)
@pytest.mark.parametrize("name", CHECKS)
def test_a_wrong_formula_is_seen(name):
    assert not fits(name, altered(claim_of(name).formula))
