"""Potentials: derivatives against central differences and SymPy, kernels against them."""

import numba
import numpy as np
import pytest
import sympy

import linsgd
from linsgd.jit import method

potentials = linsgd.potentials
X, Y = sympy.symbols("x y")
MATRIX = np.array([[2.0, 0.5], [0.5, 1.0]])
RNG = np.random.default_rng(0)

LOSSES = [
    potentials.Quadratic(3.0, 0.5),
    potentials.Quadratic(MATRIX, [1.0, 2.0]),
    potentials.DoubleWell((8.0, 2.0), (-1.0, 1.5), (0.1, 0.0)),
    potentials.DoubleWell((MATRIX, np.eye(2)), ([-2.0, 0.0], [2.0, 1.0])),
    potentials.Polynomial([1.0, 2.0, 3.0, 4.0, 5.0]),
    potentials.Polynomial(RNG.normal(size=(3, 4))),
    potentials.FiniteSum(RNG.normal(size=(5, 4))),
    potentials.FiniteSum.phase_retrieval(RNG.normal(size=(7, 2)), RNG.normal(size=7)),
    potentials.Custom.from_expression((X**2 - 1) ** 2 + sympy.exp(-X)),
    potentials.Custom.from_expression((X**2 - 1) ** 2 + sympy.exp(-X * Y) + Y**2),
    potentials.Custom(lambda x: 1 - np.cos(x), lambda x: np.sin(x)),
]


@numba.njit
def _slope(code, x, g):
    _WRITE(code, x, g)


_WRITE = method("slope")


def _one(loss, x):
    """Return a point as the potential takes it."""
    return float(x[0]) if loss.dimension == 1 else x


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_derivatives_are_those_of_the_value(loss):
    step = 1e-5
    for x in RNG.normal(size=(4, loss.dimension)):
        for axis, direction in enumerate(np.eye(loss.dimension) * step):
            ahead, behind = _one(loss, x + direction), _one(loss, x - direction)
            slope = (loss(ahead) - loss(behind)) / (2 * step)
            bend = (loss.gradient(ahead) - loss.gradient(behind)) / (2 * step)
            gradient = np.atleast_1d(loss.gradient(_one(loss, x)))
            hessian = np.atleast_2d(loss.hessian(_one(loss, x)))
            assert slope == pytest.approx(gradient[axis], rel=1e-6, abs=1e-7)
            np.testing.assert_allclose(hessian[axis], np.atleast_1d(bend), rtol=1e-5, atol=1e-6)


@pytest.mark.cases(5)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_kernel_code_writes_the_gradient(loss):
    g = np.zeros(loss.dimension)
    for x in RNG.normal(size=(4, loss.dimension)):
        _slope(loss.code(), x, g)
        expected = np.atleast_1d(loss.gradient(_one(loss, x)))
        np.testing.assert_allclose(g, expected, rtol=1e-11, atol=1e-13)
        assert not np.allclose(g, 2 * expected)  # the comparison can fail


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_arrays_of_points_keep_their_shape(loss):
    shape = (3, 2) if loss.dimension == 1 else (3, 2, loss.dimension)
    x = RNG.normal(size=shape)
    assert loss(x).shape == (3, 2)
    assert loss.gradient(x).shape == shape
    many = loss(x)
    first = x[1, 0]
    assert many[1, 0] == pytest.approx(float(loss(first)), rel=1e-13)


def test_phase_retrieval_is_the_mean_of_its_losses():
    a, y = RNG.normal(size=(6, 2)), RNG.normal(size=6)
    loss = potentials.FiniteSum.phase_retrieval(a, y)
    x = np.array([0.3, -0.8])
    assert float(loss(x)) == pytest.approx(np.mean(((a @ x) ** 2 - y) ** 2) / 4, rel=1e-13)
    terms = ((a @ x) ** 2 - y)[:, None] * (a @ x)[:, None] * a
    np.testing.assert_allclose(loss.noise_covariance(x), np.cov(terms.T, bias=True), rtol=1e-12)


def test_double_well_has_the_wells_that_were_given():
    loss = potentials.DoubleWell((8.0, 2.0), (-1.0, 1.5), (0.2, 0.0))
    left, right = loss.stationary_point(-1.0), loss.stationary_point(1.5)
    np.testing.assert_allclose([*left, *right], [-1.0, 1.5], atol=1e-6)
    np.testing.assert_allclose(loss([-1.0, 1.5]), [0.2, 0.0], atol=1e-6)
    np.testing.assert_allclose(loss.hessian([-1.0, 1.5]), [8.0, 2.0], rtol=1e-4)


def test_potentials_go_to_the_fokker_planck_equation():
    loss = potentials.Polynomial([10, 0, -20, 0, 10])
    process = linsgd.fokker_planck.Diffusion1D(loss, 1.0, (-2.2, 2.2))
    assert process.spectral_gap().value == pytest.approx(7.8357091999e-4, rel=1e-10)
    rows = potentials.FiniteSum([[0, -1, 1], [0, 1, 1]])
    ornstein = linsgd.fokker_planck.Diffusion1D(rows, rows.noise_covariance, (-8, 8))
    assert ornstein.spectral_gap().value == pytest.approx(2.0, rel=1e-8)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: potentials.Quadratic(-1.0), "hessian"),
        (lambda: potentials.Quadratic([1.0, 2.0], [1.0]), "center"),
        (lambda: potentials.DoubleWell((1.0,), (0.0, 1.0)), "curvatures"),
        (lambda: potentials.DoubleWell((1.0, 0.0), (0.0, 1.0)), r"curvatures\[1\]"),
        (lambda: potentials.DoubleWell((1.0, 1.0), (1.0, 1.0)), "minima"),
        (lambda: potentials.DoubleWell((1.0, 1.0), (0.0, 1.0), (9.0, 0.0)), "depths"),
        (lambda: potentials.Polynomial([1.0, 2.0]), "coefficients"),
        (lambda: potentials.Polynomial([[[1.0]]]), "coefficients"),
        (lambda: potentials.Custom(3.0, np.sin), "value"),
        (lambda: potentials.Custom(np.cos, np.sin, dimension=9), "dimension"),
        (lambda: potentials.Custom.from_expression(3), "expression"),
        (lambda: potentials.Custom(np.cos, lambda x: open(x)).code(), "gradient"),  # noqa: SIM115
        (lambda: potentials.Quadratic([1.0, 2.0])([1.0]), "x"),
        (lambda: potentials.Custom(np.cos, lambda x: 1.0 + 0 * x).stationary_point(0.0), "near"),
    ],
)
def test_bad_input_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=rf"^{named}(\[0\])? = "):
        call()
