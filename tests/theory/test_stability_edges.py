"""Thresholds at the edges: momentum near 1, tiny units, laws of one's own, and what they load."""

import subprocess
import sys

import numpy as np
import pytest
from tests.theory.test_stability import radius

import linsgd
from linsgd.problems.features import PrincipalAxesLaw
from linsgd.theory.stability import mean_square

rng = np.random.default_rng(1)
ROWS = linsgd.LinearRegression.from_data(rng.normal(size=(9, 3)), rng.normal(size=9))
NEAR_ONE = [0.9, 1 - 1e-4, 1 - 1e-8, 1 - 1e-12, 1 - 1e-15]


@pytest.mark.parametrize("momentum", NEAR_ONE)
@pytest.mark.parametrize(("d", "b"), [(1, 1), (5, 4)])
def test_isotropic_features_in_closed_form_at_every_momentum(momentum, d, b):
    """1/lr = 1/(2 (1 + m)) + (d + 1)/(2 b (1 - m)), whose 1 - m is exact in floating point."""
    problem = linsgd.LinearRegression.gaussian(np.ones(d))
    found = linsgd.stability(problem, linsgd.SGD(lr=0.1, batch_size=b, momentum=momentum))
    expected = 1 / (1 / (2 * (1 + momentum)) + (d + 1) / (2 * b * (1 - momentum)))
    assert found.lr_mean_square == pytest.approx(expected, rel=found.error, abs=0)
    assert found.error < 1e-13


def test_the_figure_at_momentum_near_one():
    problem = linsgd.LinearRegression.gaussian([1.0])
    found = linsgd.stability(problem, linsgd.SGD(lr=0.1, momentum=1 - 1e-12))
    assert found.lr_mean_square == pytest.approx(9.99978e-13, rel=1e-6, abs=0)


@pytest.mark.parametrize("nesterov", [False, True])
def test_thresholds_of_data_are_proportional_to_one_less_momentum(nesterov):
    found = [
        linsgd.stability(ROWS, linsgd.SGD(lr=0.1, momentum=1 - gap, nesterov=nesterov))
        for gap in (2.0**-30, 2.0**-40, 2.0**-50)
    ]
    scaled = [each.lr_mean_square * 2.0**k for each, k in zip(found, (30, 40, 50), strict=True)]
    np.testing.assert_allclose(scaled, scaled[2], rtol=1e-7 if nesterov else 1e-8)


@pytest.mark.parametrize("momentum", [0.99, 0.9999])
@pytest.mark.parametrize("nesterov", [False, True])
def test_the_radius_of_data_crosses_one_at_high_momentum(momentum, nesterov):
    sgd = linsgd.SGD(lr=0.1, momentum=momentum, nesterov=nesterov)
    edge = linsgd.stability(ROWS, sgd).lr_mean_square
    assert radius(ROWS, sgd, edge * (1 - 1e-4)) < 1 < radius(ROWS, sgd, edge * (1 + 1e-4))


def test_an_eigenvalue_that_rounding_hides_is_replaced_by_a_root(monkeypatch):
    sgd = linsgd.SGD(lr=0.1, momentum=0.99)
    direct = linsgd.stability(ROWS, sgd).lr_mean_square
    monkeypatch.setattr(mean_square, "COARSE_ERROR", 0.0)
    assert linsgd.stability(ROWS, sgd).lr_mean_square == pytest.approx(direct, rel=1e-10, abs=0)


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e-100, 1e70])
def test_thresholds_scale_with_the_unit_of_the_spectrum(unit):
    plain, scaled = (
        linsgd.stability(linsgd.LinearRegression.gaussian(h), linsgd.SGD(lr=0.1, momentum=0.5))
        for h in ([1.0, 0.1], [unit, 0.1 * unit])
    )
    for name in ("lr_mean", "lr_mean_square"):
        assert getattr(scaled, name) * unit == pytest.approx(getattr(plain, name), rel=1e-13, abs=0)


def test_a_denormal_spectrum_is_stable_at_every_lr():
    found = linsgd.stability(linsgd.LinearRegression.gaussian([5e-324]), linsgd.SGD(lr=1e75))
    assert found.mean
    assert found.mean_square
    assert found.lr_mean_square == found.lr_mean == np.inf


@pytest.mark.parametrize("unit", [1e-70, 1e-3, 1e60])
def test_thresholds_of_data_scale_with_their_unit(unit):
    X, y = rng.normal(size=(9, 3)), rng.normal(size=9)
    plain, scaled = (
        linsgd.stability(
            linsgd.LinearRegression.from_data(rows, y), linsgd.SGD(lr=0.1)
        ).lr_mean_square
        for rows in (X, unit * X)
    )
    assert scaled * unit**2 == pytest.approx(plain, rel=1e-11, abs=0)


class LaplaceFeatures(PrincipalAxesLaw):
    """A law of one's own along principal axes, with fourth moment 6."""

    name = "laplace"

    @property
    def excess(self):
        return 3.0

    def white(self, shape, rng):
        return rng.laplace(scale=np.sqrt(0.5), size=shape)


def test_a_law_of_ones_own_along_principal_axes_has_every_threshold():
    problem = linsgd.LinearRegression.from_features(LaplaceFeatures([1.0]))
    found = linsgd.stability(problem, linsgd.SGD(lr=0.1))
    assert found.lr_mean_square == pytest.approx(2 / 6, rel=1e-13, abs=0)  # E (1 - lr x^2)^2 = 1
    bounds = found.lr_almost_sure
    assert found.lr_mean_square <= bounds.lower < bounds.upper


def test_predicting_a_spectrum_loads_neither_scipy_nor_the_solvers_of_the_tails():
    program = """
import sys, linsgd
problem, sgd = linsgd.LinearRegression.gaussian([1.0, 0.5]), linsgd.SGD(lr=0.1, batch_size=4)
repr(linsgd.stability(problem, sgd)), linsgd.stationary_moments(problem, sgd)
linsgd.moments(problem, sgd, [10, 10**6]), linsgd.langevin(problem, sgd)
heavy = ("scipy", "numba", "linsgd.theory.tails")
print(*sorted(name for name in sys.modules if name.startswith(heavy)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
