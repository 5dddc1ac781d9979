"""Propagators, covariances, correlations and displacements against matrix algebra, to 1e-10."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linsgd import symbolic
from linsgd.symbolic.symbols import (
    b,
    beta,
    d,
    eta,
    gamma,
    h,
    h_lambda,
    k,
    sigma,
    sigma_g,
    t,
    v,
    v0,
    x,
    x0,
    zeta,
)

from .evaluate import (
    REGIMES,
    assert_close,
    drift,
    evaluate,
    explicit,
    exponential,
    modes,
    per_mode,
    real,
    solve,
    step_matrices,
)  # fmt: skip

CASES = [("exact", regime) for regime in REGIMES] + [("langevin", regime) for regime in REGIMES[:3]]
momenta, decimals = st.floats(0.05, 0.98), st.floats(0.05, 2.0)


def moved(theory, values):
    """The propagator over k steps: the power of a step or the exponential of the drift."""
    mode = [values[letter] for letter in (eta, beta, h_lambda)]
    if theory == "exact":
        return np.linalg.matrix_power(step_matrices(*mode)[0], values[k])
    return exponential(-drift(*mode) * values[t])


def fixed_point(M, N):
    """The covariance that a step of unit noise leaves unchanged."""
    return solve(lambda C: C - M @ C @ M.T, np.outer(N, N))


def spread(theory, values):
    """The stationary covariance of unit gradient noise."""
    mode = [values[letter] for letter in (eta, beta, h_lambda)]
    if theory == "exact":
        return fixed_point(*step_matrices(*mode))
    A = drift(*mode)
    return solve(
        lambda C: A @ C + C @ A.T, real(np.diag([0, 4 / (mode[0] * (1 + real(mode[1])) ** 2)]))
    )


def drawn(data, theory, regime):
    values = data.draw(modes(regime, theory))
    return values | {t: real(values[eta]) * values[k], sigma_g: 1.0, x0: 1.3, v0: -0.4}


@pytest.mark.parametrize(("theory", "regime"), CASES)
@given(data=st.data())
def test_propagator_is_the_power_or_the_exponential(theory, regime, data):
    values = drawn(data, theory, regime)
    got = evaluate(explicit(symbolic.propagator(regime, theory)), values)
    want = moved(theory, values)
    assert_close(got, want)


@pytest.mark.parametrize(("theory", "regime"), CASES)
@given(data=st.data())
def test_autocorrelations_are_those_of_the_stationary_law(theory, regime, data):
    values = drawn(data, theory, regime)
    P = spread(theory, values)
    memory = moved(theory, values) @ P
    correlations = symbolic.autocorrelation(theory, regime)
    assert_close(evaluate(explicit(correlations), values), memory[0, 0] / P[0, 0], scale=1)
    assert_close(
        evaluate(explicit(correlations, "velocity"), values), memory[1, 1] / P[1, 1], scale=1
    )


@pytest.mark.cases(3)
@pytest.mark.parametrize(("theory", "regime"), CASES)
@given(data=st.data())
def test_displacements_are_those_of_the_two_time_law(theory, regime, data):
    values = drawn(data, theory, regime)
    P, K = spread(theory, values), moved(theory, values)
    displacement = symbolic.displacement(theory, regime)
    assert_close(evaluate(explicit(displacement), values), 2 * (P - K @ P)[0, 0], scale=P[0, 0])
    assert_close(
        evaluate(explicit(displacement, "local"), values), real(values[eta]) ** 2 * P[1, 1]
    )
    mean = (K @ [values[x0], values[v0]])[0] - values[x0]
    want = mean**2 + (P - K @ P @ K.T)[0, 0]
    assert_close(
        evaluate(explicit(displacement, "fixed_start"), values),
        want,
        scale=P[0, 0] + values[x0] ** 2,
    )


@given(lr=decimals, momentum=momenta, dampening=st.floats(0, 0.9), inside=st.floats(0.01, 0.95))
def test_exact_covariance_solves_the_lyapunov_equation_with_dampening(
    lr, momentum, dampening, inside
):
    curvature = inside * 2 * (1 + momentum) / ((1 - dampening) * lr)
    M, N = step_matrices(lr, momentum, curvature, dampening)
    got = symbolic.stationary_covariance("exact").result
    got = evaluate(
        got, {eta: lr, beta: momentum, zeta: dampening, h_lambda: curvature, sigma_g: 1.0}
    )
    assert_close(got, fixed_point(M, N))


@given(lr=decimals, momentum=momenta, inside=st.floats(0.01, 0.95))
def test_nesterov_covariance_solves_the_lyapunov_equation(lr, momentum, inside):
    curvature = inside * 2 * (1 + momentum) / ((1 + 2 * momentum) * lr)
    M, N = step_matrices(lr, momentum, curvature, nesterov=True)
    got = symbolic.stationary_covariance("exact", nesterov=True).result
    got = evaluate(got, {eta: lr, beta: momentum, h_lambda: curvature, sigma_g: 1.0})
    assert_close(got, fixed_point(M, N))


@given(lr=decimals, momentum=momenta, curvature=decimals)
def test_langevin_and_diffusion_covariances_solve_theirs(lr, momentum, curvature):
    values = {eta: lr, beta: momentum, h_lambda: curvature, sigma_g: 1.0}
    P = spread("langevin", values)
    assert_close(evaluate(symbolic.stationary_covariance("langevin").result, values), P)
    assert_close(evaluate(symbolic.stationary_covariance("diffusion").result, values), P[:1, :1])


def moment_step(lr, momentum, batch, spectrum, decay, nesterov, noise_std):
    """One step of the whole covariance (2d, 2d) of (x, v) with Gaussian features."""
    n = len(spectrum)
    pairs = [step_matrices(lr, momentum, h + decay, nesterov=nesterov) for h in spectrum]
    M = np.block([[np.diag([pair[0][i, j] for pair in pairs]) for j in (0, 1)] for i in (0, 1)])
    N = np.vstack([np.diag([pair[1][i] for pair in pairs]) for i in (0, 1)])
    H = np.diag(spectrum)

    def step(C):
        X = C[:n, :n]
        noise = (H @ X @ H + np.trace(H @ X) * H + noise_std**2 * H) / batch  # Isserlis
        return M @ C @ M.T + N @ noise @ N.T

    return step


def stationary(step, size):
    """The covariance that `step` leaves unchanged, and the spectral radius of its linear part."""
    constant = step(np.zeros((size, size)))
    basis = np.eye(size**2).reshape(-1, size, size)
    operator = np.column_stack(
        [(step(direction) - constant).ravel() for direction in basis]
    ).astype(float)
    fixed = np.linalg.solve(np.eye(size**2) - operator, constant.ravel().astype(float))
    return fixed.reshape(size, size), np.abs(np.linalg.eigvals(operator)).max()


@given(
    momentum=momenta,
    batch=st.integers(1, 9),
    features=st.integers(1, 3),
    decay=st.floats(0, 0.5),
    inside=st.floats(0.05, 0.9),
    nesterov=st.booleans(),
)
def test_closed_noise_and_threshold_solve_the_whole_moment_equation(
    momentum, batch, features, decay, inside, nesterov
):
    values = {
        beta: momentum,
        zeta: 0.0,
        b: batch,
        d: features,
        h: 0.8,
        h_lambda: 0.8 + decay,
        sigma: 1.4,
    }
    lr_critical = evaluate(symbolic.moment_threshold(2, nesterov).result, values)
    lr = inside * float(lr_critical)
    C, _ = stationary(
        moment_step(lr, momentum, batch, [0.8] * features, decay, nesterov, 1.4), 2 * features
    )
    got = evaluate(explicit(symbolic.stationary_covariance("exact", nesterov)), values | {eta: lr})
    assert_close(got, [[C[0, 0], C[0, features]], [C[features, 0], C[features, features]]])
    for factor, stable in ((1 - 1e-6, True), (1 + 1e-6, False)):
        step = moment_step(
            lr_critical * factor, momentum, batch, [0.8] * features, decay, nesterov, 1.4
        )
        _, radius = stationary(step, 2 * features)
        assert (radius < 1) == stable


@given(
    momentum=momenta, batch=st.integers(1, 9), decay=st.floats(0, 0.5), inside=st.floats(0.05, 0.5)
)
def test_gradient_noise_of_a_spectrum_solves_the_whole_moment_equation(
    momentum, batch, decay, inside
):
    spectrum = np.array([0.3, 0.8, 1.1])
    values = {beta: momentum, zeta: 0.0, b: batch, d: 3, h: 1.1, h_lambda: 1.1 + decay}
    lr = inside * float(evaluate(symbolic.moment_threshold(2).result, values))
    derivation = symbolic.gradient_noise()
    rates = {eta: lr, beta: momentum, zeta: 0.0}
    response = symbolic.stationary_covariance("exact")["response"]
    chi = np.array(
        [evaluate(response, rates | {h_lambda: eigenvalue + decay}) for eigenvalue in spectrum]
    )
    gain = per_mode(derivation["gain"].function, spectrum, chi, {b: batch}).sum()
    [letter] = [symbol for symbol in derivation.result.free_symbols if symbol.name == "G"]
    noise = per_mode(derivation.result, spectrum, chi, {b: batch, sigma: 1.4, letter: gain})
    C, _ = stationary(moment_step(lr, momentum, batch, spectrum, decay, False, 1.4), 6)
    assert_close(chi * noise, np.diag(C)[:3])


@given(
    lr=decimals,
    momentum=momenta,
    curvature=decimals,
    position=st.floats(-2, 2),
    velocity=st.floats(-2, 2),
)
def test_modified_loss_and_current_are_those_of_the_stationary_density(
    lr, momentum, curvature, position, velocity
):
    values = {
        eta: lr,
        beta: momentum,
        h_lambda: curvature,
        h: 0.9 * curvature,
        sigma: 1.2,
        b: 3.0,
        x: position,
        v: velocity,
    }
    values[sigma_g] = 1.2 * (values[h] / 3) ** 0.5
    P = spread("langevin", values) * real(values[sigma_g]) ** 2
    A = drift(lr, momentum, curvature)
    z = real([position, velocity])
    precision = solve(lambda U: P @ U, real(np.eye(2)))
    energy = evaluate(
        explicit(symbolic.modified_loss()) / symbolic.modified_loss()["temperature"], values
    )
    assert_close(energy, z @ precision @ z / 2)
    current = (
        -A + (A @ P + P @ A.T) / 2 @ precision
    ) @ z  # drift less diffusion times the gradient of log p
    assert_close(
        evaluate(explicit(symbolic.probability_current()), values).ravel(),
        current,
        scale=abs(A).max() * 4,
    )


def test_damping_and_frequency_are_the_eigenvalues_of_the_drift():
    values = {eta: 0.1, beta: 0.9, h_lambda: 1.0}
    sde = symbolic.propagator("underdamped", "langevin")
    rate = complex(
        evaluate(explicit(sde, "gamma"), values), evaluate(explicit(sde, "delta"), values) ** 0.5
    )
    assert np.abs(np.linalg.eigvals(drift(0.1, 0.9, 1.0).astype(float)) - rate).min() < 1e-10
    assert gamma in sde.result.free_symbols
