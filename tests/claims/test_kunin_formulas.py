"""The formula that a claim about phase space prints gives the claim's prediction at the claim's own
numbers.
"""

import functools

import numpy as np
import pytest
import sympy

import linsgd
from linsgd import symbolic
from linsgd.claims import problems, registry
from linsgd.claims.ensembles import LAGS, dampened, large_batch, small_lr
from linsgd.claims.kunin_2024.langevin_regime import small_lr_langevin
from linsgd.claims.kunin_2024.mean_path import LANGEVIN_STEPS
from linsgd.symbolic.symbols import (
    b,
    beta,
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
)  # fmt: skip
from linsgd.theory.mean_squared_displacement import displacement

GAUSSIAN = problems.gaussian()


@functools.cache
def claim(name):
    return registry.claims(f"kunin_2024/{name}")[0]


def values(i, lag=0):
    case, process = small_lr(GAUSSIAN), small_lr_langevin(GAUSSIAN)
    mode = case.modes[i]
    noise = process.noise if process.noise.ndim == 1 else np.diagonal(process.noise)
    numbers = {eta: case.sgd.lr, beta: case.sgd.momentum, lam: case.sgd.weight_decay, k: lag}
    numbers |= {
        h: case.problem.eigenvalues[mode],
        h_lambda: case.curvature[i],
        sigma_g: np.sqrt(noise[mode]),
    }
    return numbers | {omega: process.rotation[mode], gamma: process.modes.damping}


@pytest.mark.parametrize(
    "name", ["decay_confines_flat_directions", "velocity_variance_follows_the_noise"]
)
@pytest.mark.parametrize("i", range(4))
def test_variances(name, i):
    found = claim(name)
    assert float(found.formula.rhs.subs(values(i))) == pytest.approx(found.prediction[i], rel=1e-12)


@pytest.mark.parametrize("name", ["position_correlation", "velocity_correlation"])
@pytest.mark.parametrize("i", range(4))
def test_correlations(name, i):
    found = claim(name)
    for j, lag in enumerate(LAGS[1:]):
        right = complex(found.formula.rhs.subs(values(i, lag)).evalf())
        assert right.real == pytest.approx(found.prediction[4 * j + i], rel=1e-9, abs=1e-12)
        assert abs(right.imag) < 1e-12


@pytest.mark.parametrize("i", range(4))
def test_area_swept(i):
    found = claim("phase_space_turns_clockwise")
    right = complex(found.formula.rhs.subs(values(i, 4)).evalf())
    assert right.real == pytest.approx(found.prediction[i], rel=1e-9)


@pytest.mark.parametrize("i", range(4))
def test_mean_path_in_phase_space(i):
    found = claim("langevin_mean_path")
    case, process = small_lr(GAUSSIAN), small_lr_langevin(GAUSSIAN)  # the same optimizer
    start = (process.center + GAUSSIAN.problem.from_eigenbasis(np.ones(4)), np.zeros(4))
    mean = process.initial_state(start, matched=True).mean
    numbers = {**values(i), x0: 1.0, v0: case.sgd.lr * mean[1, i]}
    numbers[delta] = np.emath.sqrt(numbers[omega] ** 2 - numbers[gamma] ** 2)
    for j, step in enumerate(LANGEVIN_STEPS):
        position = complex(found.formula.rhs[0].subs({**numbers, t: step}).evalf())
        assert position.real == pytest.approx(found.prediction[8 * j + i], rel=1e-9, abs=1e-12)
        speed = (
            complex(found.formula.rhs[1].subs({**numbers, t: step - 0.5}).evalf()).real
            / case.sgd.lr
        )
        scale = np.sqrt(process.mass / case.curvature[i])
        assert speed * scale == pytest.approx(found.prediction[8 * j + 4 + i], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("i", range(4))
def test_temperatures(i):
    case = dampened(GAUSSIAN)
    ratio = float(
        claim("temperatures_with_dampening").formula.rhs.subs({beta: case.sgd.momentum, zeta: 0.5})
    )
    law = case.law
    found = (
        case.sgd.lr
        * law.velocity_variance[-1][i]
        / (case.curvature[i] * law.position_variance[-1][i])
    )
    assert found == pytest.approx(ratio, rel=1e-3)
    case = large_batch(GAUSSIAN)
    kinetic, potential = claim("equipartition_needs_the_equations_mass").formula.args
    numbers = {eta: case.sgd.lr, beta: case.sgd.momentum, h_lambda: case.curvature[0]}
    kinetic, potential = (
        float(part.subs(numbers).as_coeff_Mul()[0]) for part in (kinetic, potential)
    )
    variances = (
        part[-1][case.modes[0]] for part in (case.law.velocity_variance, case.law.position_variance)
    )
    assert kinetic * next(variances) == pytest.approx(potential * next(variances), rel=1e-3)


@pytest.mark.parametrize("i", range(4))
def test_displacement_of_one_mode(i):
    case, lag = small_lr(GAUSSIAN), 16
    formula = claim("stationary_displacement").formula.rhs
    powers = symbolic.propagator("underdamped")
    mode = linsgd.LinearRegression.gaussian([case.curvature[i]], noise_std=1e-3)
    sgd = linsgd.SGD(lr=case.sgd.lr, batch_size=10**9, momentum=case.sgd.momentum)
    letters = {symbol.name: symbol for symbol in formula.free_symbols}
    numbers = {eta: sgd.lr, beta: sgd.momentum, h_lambda: case.curvature[i], k: lag}
    for name in ("U_k", "U_{k+1}"):
        numbers[letters[name]] = complex(powers.explicit(name).subs(numbers).evalf())
    numbers[letters["V"]] = linsgd.stationary_moments(mode, sgd).position_variance[0]
    assert complex(formula.subs(numbers)).real == pytest.approx(
        displacement(mode, sgd, [lag]).global_msd[0], rel=1e-9
    )


def test_equivalent_optimizers_and_isotropy_print_one_law():
    shared, flat = (
        claim(n).formula.rhs
        for n in ("equivalent_optimizers_share_the_law", "positions_are_isotropic_without_decay")
    )
    law = symbolic.stationary_covariance("langevin").explicit("position")
    assert sympy.simplify(shared - law) == 0
    assert sympy.simplify(flat - law.subs(h_lambda, h)) == 0
    assert {b, sigma, eta} <= flat.free_symbols


@pytest.mark.parametrize(
    "name", ["mean_path_error_is_first_order", "matched_mean_path_error_is_second_order"]
)
def test_error_series_are_printed_and_start_at_the_claimed_order(name):
    found = claim(name)
    series = found.formula.rhs.removeO().expand()
    powers = [n for n in range(4) if series.coeff(eta, n) != 0]
    assert powers == [found.prediction[0]]
