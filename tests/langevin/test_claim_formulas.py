"""The formula that a claim about phase space prints gives the claim's prediction at the claim's own numbers."""

import functools

import numpy as np
import pytest

from linsgd.claims import registry, subjects
from linsgd.claims.kunin_2024.calm import LAGS, calm, equation
from linsgd.symbolic.symbols import beta, eta, gamma, h, k, lam, omega, rho, sigma_g

SUBJECT = subjects.gaussian()


@functools.cache
def claim(name):
    return registry.claims(f"kunin_2024/{name}")[0]


def values(i, lag=0):
    case, process = calm(SUBJECT), equation(SUBJECT)
    mode = case.modes[i]
    noise = process.noise if process.noise.ndim == 1 else np.diagonal(process.noise)
    numbers = {eta: case.sgd.lr, beta: case.sgd.momentum, lam: case.sgd.weight_decay, k: lag}
    numbers |= {rho: case.problem.eigenvalues[mode], h: case.curvature[i], sigma_g: np.sqrt(noise[mode])}
    return numbers | {omega: process.rotation[mode], gamma: process.modes.damping}


@pytest.mark.parametrize("name", ["decay_confines_flat_directions", "velocity_variance_follows_the_noise"])
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
