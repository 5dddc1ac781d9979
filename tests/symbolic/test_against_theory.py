"""The derived formulas against the numbers of `linsgd.theory`, which was written without them."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import linsgd
from linsgd import SGD, LinearRegression, symbolic
from linsgd.symbolic.symbols import (
    G,
    b,
    beta,
    d,
    eta,
    h,
    h_lambda,
    k,
    lam,
    s,
    sigma,
    sigma_g,
    t,
    v,
    v0,
    x,
    x0,
    zeta,
)
from linsgd.theory.recurrence.gradient_covariance import gradient_noise_law
from linsgd.theory.recurrence.recurrence import Coefficients

from .evaluate import REGIMES, evaluate, explicit, modes, per_mode

RHO = 0.9  # of the one eigenvalue; what a mode's curvature has beyond it is weight decay
decimals = st.floats(0.05, 2.0)
CASES = [("exact", regime) for regime in REGIMES] + [("langevin", regime) for regime in REGIMES[:3]]


def agrees(got, want, scale=0.0):
    got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    return np.all(np.abs(got - want) <= 1e-10 * np.maximum(np.abs(want), scale))


def test_agreement_is_not_vacuous():
    assert agrees(1.0, 1.0 + 1e-11)
    assert not agrees(1.0, 1.0 + 1e-9)
    assert not agrees(np.nan, 1.0)
    assert not agrees([1.0, 2.0], [1.0, 2.1])


def problem_and_optimizer(values, **settings):
    """A one-dimensional problem whose mode has the drawn lr * curvature, at the drawn momentum."""
    problem = LinearRegression.gaussian([values[h_lambda]], noise_std=0.7)
    return problem, SGD(lr=values[eta], momentum=values[beta], batch_size=3, **settings)


@given(
    features=st.integers(1, 5),
    batch=st.integers(1, 20),
    momentum=st.floats(0.05, 0.95),
    decay=st.floats(0, 1),
    damping=st.sampled_from(["none", "dampening", "nesterov"]),
    inside=st.floats(0.01, 0.9),
)
def test_exact_stationary_moments(features, batch, momentum, decay, damping, inside):
    nesterov, dampening = damping == "nesterov", 0.3 * (damping == "dampening")
    values = {
        beta: momentum,
        zeta: dampening,
        b: batch,
        d: features,
        h: RHO,
        h_lambda: RHO + decay,
        sigma: 0.7,
    }
    values[eta] = inside * float(evaluate(symbolic.moment_threshold(2, nesterov).result, values))
    law = linsgd.stationary_moments(
        LinearRegression.gaussian([RHO] * features, noise_std=0.7),
        SGD(
            values[eta], batch, momentum, dampening=dampening, nesterov=nesterov, weight_decay=decay
        ),
    )
    derivation = symbolic.stationary_covariance("exact", nesterov)
    want = law.position_variance[0], law.velocity_variance[0], law.position_velocity_covariance[0]
    got = [
        evaluate(explicit(derivation, name), values) for name in ("position", "velocity", "cross")
    ]
    assert agrees(got, want)


@given(values=modes("underdamped", "langevin"), decay=st.floats(0, 1))
def test_stationary_moments_of_the_differential_equations(values, decay):
    curvature = values[h_lambda]
    values |= {h_lambda: curvature + decay, h: curvature, b: 3, sigma: 0.7}
    problem = LinearRegression.gaussian([curvature], noise_std=0.7)
    sgd = SGD(lr=values[eta], momentum=values[beta], batch_size=3, weight_decay=decay)
    for theory in ("langevin", "diffusion"):
        law = linsgd.stationary_moments(problem, sgd, theory)
        got = evaluate(explicit(symbolic.stationary_covariance(theory)), values)
        assert agrees(got[0, 0], law.position_variance[0])
        if theory == "langevin":
            assert agrees(got[1, 1], law.velocity_variance[0])
            assert got[0, 1] == law.position_velocity_covariance[0] == 0


@pytest.mark.cases(3)
@pytest.mark.parametrize(("theory", "regime"), CASES)
@given(data=st.data())
def test_mean_path_and_correlations(theory, regime, data):
    values = data.draw(modes(regime, theory))
    problem, sgd = problem_and_optimizer(values)
    values |= {t: values[eta] * values[k], x0: 1.3, v0: -0.4}
    K = evaluate(explicit(symbolic.propagator(regime, theory)), values).astype(float)
    mean = linsgd.moments(problem, sgd, [values[k]], ([1.3], [-0.4]), theory)
    amplitude = (
        np.abs(K).max() * 1.3 * (1 + values[k] * 1e-3)
    )  # theory has its lr h rounded, a part of the phase
    assert agrees(K @ [1.3, -0.4], [mean.mean[0, 0], mean.velocity_mean[0, 0]], amplitude)
    memory = linsgd.autocorrelation(problem, sgd, [values[k]], theory)
    derivation = symbolic.autocorrelation(theory, regime)
    assert agrees(evaluate(explicit(derivation), values), memory.position[0, 0], 1)
    assert agrees(evaluate(explicit(derivation, "velocity"), values), memory.velocity[0, 0], 1)


@pytest.mark.cases(3)
@pytest.mark.parametrize(("theory", "regime"), CASES)
@given(data=st.data())
def test_displacement_from_stationarity(theory, regime, data):
    values = data.draw(modes(regime, theory))
    problem, sgd = problem_and_optimizer(values)
    law = linsgd.stationary_moments(problem, sgd, theory)
    if law.status != "ok":
        return  # the noise of one feature feeds itself beyond its threshold
    travel = linsgd.displacement(problem, sgd, [values[k]], theory=theory)
    derivation = symbolic.displacement(theory, regime)
    unit = {t: values[eta] * values[k], sigma_g: 1.0}
    noise = law.position_variance[0] / float(
        evaluate(explicit(derivation, "variance"), values | unit)
    )
    assert agrees(
        noise * evaluate(explicit(derivation), values | unit),
        travel.global_msd[0],
        law.position_variance[0],
    )
    assert agrees(
        noise * evaluate(explicit(derivation, "local"), values | unit), travel.local_msd[0]
    )


@given(
    values=modes("underdamped", "langevin"), position=st.floats(-2, 2), velocity=st.floats(-2, 2)
)
def test_modified_loss_and_current(values, position, velocity):
    problem, sgd = problem_and_optimizer(values)
    process = linsgd.langevin(problem, sgd)
    values |= {x: position, v: velocity, h: values[h_lambda], sigma: 0.7, b: 3}
    want = process.modified_loss([position], [velocity])
    assert agrees(
        evaluate(explicit(symbolic.modified_loss()), values), want, 1e-290
    )  # squares underflow below
    flow = (
        evaluate(explicit(symbolic.probability_current()), values).ravel() * values[eta]
    )  # per step
    assert agrees(flow, process.current([position], [velocity]), 1e-300)
    assert agrees(
        evaluate(explicit(symbolic.probability_current(), "rotation"), values) * values[eta],
        process.rotation,
    )


@given(
    batch=st.integers(1, 20),
    features=st.integers(1, 20),
    decay=st.floats(0, 0.4),
    lr=st.floats(0.05, 2),
)
def test_spectral_functions(batch, features, decay, lr):
    values = {eta: lr, lam: decay, b: batch, d: features, h: 1.0}
    problem, sgd = LinearRegression.gaussian(np.ones(features)), SGD(lr, batch, weight_decay=decay)
    for order in (2, 4, 6):
        want = linsgd.spectral_function(problem, sgd, order).value
        assert agrees(evaluate(explicit(symbolic.spectral_function(order)), values), want)


@given(batch=st.integers(1, 20), lr=st.floats(0.05, 2), order=st.floats(0.2, 6))
def test_spectral_function_of_one_feature_at_any_order(batch, lr, order):
    want = linsgd.spectral_function(LinearRegression.gaussian([1.0]), SGD(lr, batch), order).value
    values = {eta: lr, lam: 0.0, b: batch, h: 1.0, s: order}
    assert agrees(evaluate(explicit(symbolic.spectral_function()), values), want)


@given(
    batch=st.integers(1, 20),
    features=st.integers(1, 5),
    momentum=st.floats(0.05, 0.95),
    decay=st.floats(0, 1),
    nesterov=st.booleans(),
)
def test_mean_square_threshold(batch, features, momentum, decay, nesterov):
    values = {beta: momentum, zeta: 0.0, b: batch, d: features, h: RHO, h_lambda: RHO + decay}
    sgd = SGD(1e-3, batch, momentum, nesterov=nesterov, weight_decay=decay)
    want = linsgd.stability(LinearRegression.gaussian([RHO] * features), sgd).lr_mean_square
    assert agrees(evaluate(symbolic.moment_threshold(2, nesterov).result, values), want)


@pytest.mark.cases(4)
@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize(("batch", "features"), [(1, 1), (3, 1), (4, 7)])
def test_tail_exponent_is_the_order_at_its_threshold(order, batch, features):
    if order == 2:
        lr = float(
            evaluate(
                symbolic.moment_threshold(2).result,
                {beta: 0, zeta: 0, b: batch, d: features, h: 1, h_lambda: 1},
            )
        )
    else:
        [c] = symbolic.moment_threshold(order).result.free_symbols - {b, d}
        polynomial = (
            symbolic.moment_threshold(order).result.subs({b: batch, d: features}).as_poly(c)
        )
        lr = min(float(root) for root in polynomial.real_roots() if root > 0) * batch
    tail = linsgd.tail_exponent(LinearRegression.gaussian(np.ones(features)), SGD(lr, batch))
    assert abs(tail.value - order) < 1e-9


@given(values=modes("underdamped"))
def test_frequencies(values):
    problem, sgd = problem_and_optimizer(values)
    want = linsgd.oscillation(problem, sgd)
    assert want.regime[0] == "underdamped"
    assert agrees(
        evaluate(explicit(symbolic.propagator("underdamped"), "theta"), values), want.frequency
    )


@given(
    lr=decimals,
    momentum=st.floats(0.05, 0.95),
    curvature=decimals,
    dampening=st.floats(0, 0.9),
    nesterov=st.booleans(),
)
def test_one_step(lr, momentum, curvature, dampening, nesterov):
    dampening = 0.0 if nesterov else dampening
    values = {eta: lr, beta: momentum, zeta: dampening, h_lambda: curvature}
    method, rule = (
        Coefficients.of(SGD(lr, 1, momentum, dampening=dampening, nesterov=nesterov)),
        symbolic.update_rule(nesterov),
    )
    assert agrees(
        evaluate(rule.result, values), method.mode_matrix(np.array([curvature]))[0], 1e-300
    )
    assert agrees(evaluate(rule["noise"], values).ravel(), method.noise_vector())


@given(values=modes("underdamped", "langevin"))
def test_drift_and_diffusion(values):
    problem, sgd = problem_and_optimizer(values)
    process, sde = linsgd.langevin(problem, sgd), symbolic.underdamped_sde()
    values |= {sigma_g: process.noise[0] ** 0.5}
    assert agrees(evaluate(sde["drift"], values) * values[eta], process.drift())
    assert agrees(evaluate(sde["diffusion"], values) * values[eta], process.noise_intensity())
    assert agrees(evaluate(explicit(sde, "gamma"), values) * values[eta], process.modes.damping)


@pytest.mark.parametrize("regime", REGIMES[:3])
@given(data=st.data())
def test_displacement_from_a_fixed_start(regime, data):
    values = data.draw(modes(regime, "langevin"))
    problem, sgd = problem_and_optimizer(values)
    noise = linsgd.langevin(problem, sgd).noise[0]
    values |= {t: values[eta] * values[k], x0: 1.3, v0: -0.4, sigma_g: noise**0.5}
    got = evaluate(explicit(symbolic.displacement("langevin", regime), "fixed_start"), values)
    want = linsgd.displacement(problem, sgd, [values[k]], ([1.3], [-0.4]), "langevin")
    assert agrees(got, want.global_msd[0], 1e-3)


@settings(max_examples=15)
@given(
    batch=st.integers(1, 20),
    momentum=st.floats(0.05, 0.95),
    decay=st.floats(0, 0.5),
    inside=st.floats(0.05, 0.9),
)
def test_gradient_noise_of_a_spectrum(batch, momentum, decay, inside):
    spectrum = np.array([0.3, 0.8, 1.1])
    problem = LinearRegression.gaussian(spectrum, noise_std=0.7)
    trial = SGD(1.0, batch, momentum, weight_decay=decay)
    lr = inside * linsgd.stability(problem, trial).lr_mean_square
    want = linsgd.stationary_moments(
        problem, SGD(lr, batch, momentum, weight_decay=decay)
    ).position_variance
    response = symbolic.stationary_covariance("exact")["response"]
    rates = {eta: lr, beta: momentum, zeta: 0.0}
    chi = np.array(
        [float(evaluate(response, rates | {h_lambda: each + decay})) for each in spectrum]
    )
    derivation = symbolic.gradient_noise()
    gain = per_mode(derivation["gain"].function, spectrum, chi, {b: batch}).sum()
    noise = per_mode(derivation.result, spectrum, chi, {b: batch, sigma: 0.7, G: gain})
    assert agrees(chi * noise, want)


@given(
    batch=st.integers(1, 20),
    decay=st.floats(0, 0.5),
    optimum=st.floats(-2, 2),
    inside=st.floats(0.05, 0.9),
)
def test_second_moment_of_one_feature(batch, decay, optimum, inside):
    problem, trial = (
        LinearRegression.gaussian([1.1], noise_std=0.7, optimum=[optimum]),
        SGD(1.0, batch),
    )
    lr = inside * linsgd.stability(problem, trial).lr_mean_square / (1 + decay)
    law = linsgd.stationary_moments(problem, SGD(lr, batch, weight_decay=decay))
    want = law.position_variance[0] + (law.mean[0] - optimum) ** 2
    derivation = explicit(symbolic.moment_recursion(2))
    letters = {symbol.name: symbol for symbol in derivation.free_symbols}
    values = {eta: lr, b: batch, h: 1.1, sigma: 0.7, lam: decay, letters.get("w_*"): optimum}
    assert agrees(evaluate(derivation, values), want)


def relative_errors(values):
    """The Langevin equation's errors by theory, driven by the algorithm's own stationary noise."""
    problem, sgd = (
        LinearRegression.gaussian([values[h_lambda]]),
        SGD(values[eta], 10**6, values[beta]),
    )
    exact, sde = (linsgd.oscillation(problem, sgd, theory) for theory in ("exact", "langevin"))
    law = linsgd.stationary_moments(problem, sgd)
    noise = gradient_noise_law(problem, sgd).diagonal(law.position_variance) * sgd.batch_size
    variances = linsgd.langevin(problem, sgd, noise).modes.stationary_variance()
    scale = np.sqrt(law.position_variance * law.velocity_variance)
    return {
        "position_variance": variances[0] / law.position_variance - 1,
        "velocity_variance": variances[2] / law.velocity_variance - 1,
        "correlation": -law.position_velocity_covariance / scale,
        "damping": sde.damping / exact.damping - 1,
        "threshold": [sde.underdamped_above / exact.underdamped_above - 1],
    }


@pytest.mark.parametrize(
    "quantity", ["position_variance", "velocity_variance", "correlation", "damping", "threshold"]
)
@given(values=modes("underdamped"))
def test_errors_in_closed_form(quantity, values):
    assume(
        values[eta] * values[h_lambda] > (1 - values[beta]) ** 2 / (1 + values[beta])
    )  # rings in both
    got = evaluate(symbolic.lr_expansion(quantity).result, values)
    assert agrees(got, relative_errors(values)[quantity][0], 1)


@pytest.mark.nightly
@settings(max_examples=5)
@given(momentum=st.floats(0.05, 0.9), share=st.floats(1e-4, 2e-3), start=st.floats(-2, 2))
def test_error_series_of_the_mean(momentum, share, start):
    """To fourth order in lr, at lr so small that the fifth is below 1e-10."""
    lr, steps = share * (1 - momentum) ** 2, 4000
    problem, sgd = LinearRegression.gaussian([1.0]), SGD(lr, 1, momentum)
    values = {eta: lr, beta: momentum, h_lambda: 1.0, t: lr * steps, x0: 1.3, v0: start}
    exact = linsgd.moments(problem, sgd, [steps], ([1.3], [start])).mean[0, 0]
    for quantity, matched in (("mean", False), ("matched_mean", True)):
        mean = linsgd.langevin(problem, sgd).mean([steps], ([1.3], [start]), matched)[0, 0]
        got = evaluate(symbolic.lr_expansion(quantity, 4).result.removeO(), values)
        assert agrees(got, mean / exact - 1, 1)
    rates = [
        linsgd.oscillation(problem, sgd, theory).damping[0] for theory in ("langevin", "exact")
    ]
    got = evaluate(symbolic.lr_expansion("slow_rate", 4).result.removeO(), values)
    assert agrees(got, rates[0] / rates[1] - 1, 1)


@given(product=st.floats(1e-3, 5e-3))
def test_error_series_of_the_frequency(product):
    problem, sgd = LinearRegression.gaussian([1.0]), SGD(product, 1, 1 - 1e-13)
    sde, exact = (
        linsgd.oscillation(problem, sgd, theory).frequency[0] for theory in ("langevin", "exact")
    )
    got = evaluate(
        symbolic.lr_expansion("frequency", 4).result.removeO(), {eta: product, h_lambda: 1.0}
    )
    assert agrees(got, sde / exact - 1, 1)
