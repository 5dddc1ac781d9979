"""Least squares of data: against exact arithmetic, in any units, honest about poor data."""

import importlib.util
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import linsgd
from linsgd import SGD, LinearRegression

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("nist_validation", ROOT / "validation" / "nist.py")
nist = importlib.util.module_from_spec(spec)
spec.loader.exec_module(nist)

RECORD = {
    row["name"]: nist.Row(**row)
    for row in json.loads((ROOT / "validation" / "nist.json").read_text())["rows"]
}
CERTIFIED = {  # by NIST: two coefficients and the residual sum of squares
    "norris": (-0.262323073774029, 1.00211681802045, 26.6173985294224),
    "pontius": (0.673565789473684e-3, 0.732059160401003e-6, 0.155761768796992e-5),
    "filip": (-1467.48961422980, -2772.17959193342, 0.795851382172941e-3),
    "longley": (-3482258.63459582, 15.0618722713733, 836424.055505915),
    "wampler5": (1.0, 1.0, 8355426.8e9),
}


def problem_of(name):
    return LinearRegression.from_data(*nist.load(name))


def test_the_table_shows_the_record():
    table = (ROOT / "docs" / "_tables" / "nist.md").read_text()
    assert table == nist.table(list(RECORD.values())) + "\n"
    assert list(RECORD) == list(nist.POWERS)


@pytest.mark.parametrize("name", nist.POWERS)
def test_coefficients_have_fifteen_digits(name):
    """Kept at 14, so that another BLAS may differ; lstsq has 6 on Filip and Pontius."""
    X, y = nist.load(name)
    problem = problem_of(name)
    assert problem.rank == X.shape[1] == RECORD[name].rank
    assert nist.digits(problem.optimum, nist.exact(X, y)[0]) >= 14
    assert RECORD[name].linsgd >= 15


@pytest.mark.parametrize("name", CERTIFIED)
def test_the_certified_values_are_met(name):
    """Filip's to 7 digits: NIST's powers of x are decimal, ours are rounded."""
    first, second, square = CERTIFIED[name]
    problem = problem_of(name)
    n = len(problem.features.y)
    found = [problem.optimum[0], problem.optimum[1], n * problem.noise_variance]
    np.testing.assert_allclose(
        found, [first, second, square], rtol=3e-8 if name == "filip" else 1e-13
    )


@pytest.mark.parametrize("name", ["noint2", "norris", "pontius"])
def test_stationary_variances_agree_with_sixty_digits(name):
    row = nist.measure(name)
    assert row.variances >= 13
    assert 10**-row.variances <= row.error


def test_variances_of_the_record_are_within_their_stated_errors():
    for row in RECORD.values():
        if row.variances is not None:
            assert row.variances >= (7 if row.name == "filip" else 13)
            assert 10**-row.variances <= row.error


@pytest.mark.parametrize("name", ["wampler1", "wampler2"])
def test_polynomials_without_noise_have_none(name):
    assert problem_of(name).noise_std == 0


def test_a_column_in_small_units_is_kept():
    x = np.arange(100.0)
    for unit in (1e-8, 1e-30, 1e30):
        problem = LinearRegression.from_data(np.column_stack([np.ones(100), unit * x]), 3 * x + 1)
        assert problem.rank == 2
        np.testing.assert_allclose(problem.optimum, [1.0, 3 / unit], rtol=1e-12)
        assert problem.noise_std == 0


def test_a_line_far_from_the_origin_has_no_noise():
    x = np.linspace(4e13, 1e14, 30).round()
    problem = LinearRegression.from_data(np.column_stack([np.ones(30), x]), 2 * x + 5)
    assert problem.noise_std == 0
    np.testing.assert_allclose(problem.optimum, [5.0, 2.0], rtol=1e-9)


def test_a_slope_over_a_large_offset_is_found():
    x = 4.155915e9 + np.arange(10.0)
    y = 0.0044 * (x - x[0]) + np.array([1, -1, 2, -2, 1, -1, 0, 1, -1, 0]) * 1e-4
    X = np.column_stack([np.ones(10), x])
    assert nist.digits(LinearRegression.from_data(X, y).optimum, nist.exact(X, y)[0]) > 9


def test_a_diabetes_column_in_other_units_keeps_the_rank():
    X, y = pytest.importorskip("sklearn.datasets").load_diabetes(return_X_y=True)
    X = np.column_stack([X, np.ones(len(X))])
    X[:, 6] *= 1e-6
    assert LinearRegression.from_data(X, y).rank == 11


@given(st.lists(st.integers(-200, 200), min_size=7, max_size=7))
def test_powers_of_two_change_no_digit(exponents):
    X, y = nist.load("longley")
    plain = LinearRegression.from_data(X, y)
    scaled = LinearRegression.from_data(np.ldexp(X, exponents), y)
    np.testing.assert_array_equal(np.ldexp(scaled.optimum, exponents), plain.optimum)
    np.testing.assert_array_equal(scaled.fit.residuals, plain.fit.residuals)
    assert (scaled.noise_std, scaled.rank, scaled.condition, scaled.error) == (
        plain.noise_std,
        plain.rank,
        plain.condition,
        plain.error,
    )


def test_scaling_labels_scales_the_solution():
    X, y = nist.load("pontius")
    plain, scaled = (LinearRegression.from_data(X, np.ldexp(y, k)) for k in (0, 90))
    np.testing.assert_array_equal(scaled.optimum, np.ldexp(plain.optimum, 90))


def test_eigenvalues_in_mixed_units_are_accurate_one_by_one():
    """Columns of unequal units: each eigenvalue to 1e-12, where eigh(X'X) loses the small ones."""
    mpmath = pytest.importorskip("mpmath")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 4)) * [1e9, 1e-9, 1.0, 1e3]
    problem = LinearRegression.from_data(X, rng.normal(size=20))
    with mpmath.workdps(60):
        A = mpmath.matrix(X.tolist())
        exact, _ = mpmath.eigsy(A.T * A / 20)
        relative = [float(abs(h / e - 1)) for h, e in zip(problem.eigenvalues, exact, strict=True)]
    assert max(relative) < problem.error < 1e-12
    np.testing.assert_allclose(
        problem.fit.rows, X @ problem.eigenvectors, atol=1e-13 * np.abs(X).max()
    )


def test_dependent_columns_in_unequal_units_give_the_least_norm():
    x = np.array([1.0, 2.0, 4.0])
    problem = LinearRegression.from_data(np.column_stack([x, 1e6 * x, 1e-6 * x]), x)
    assert problem.rank == 1
    assert (problem.eigenvalues[:2] == 0).all()
    direction = np.array([1.0, 1e6, 1e-6])
    np.testing.assert_allclose(problem.optimum, direction / (direction @ direction), rtol=1e-12)


NOISE_FREE = [
    ([[1.0, 2.0], [2.0, 1.0], [0.0, 1.0]], [5.0, 4.0, 2.0]),
    ([[0.1, 0.7, 0.3]], [0.77]),
    (np.random.default_rng(1).normal(size=(5, 9)), np.random.default_rng(2).normal(size=5)),
    (np.eye(3)[:, :2] / 3, [0.1, 0.2, 0.0]),
]


@pytest.mark.parametrize(("X", "y"), NOISE_FREE)
def test_noise_free_data_have_a_law_without_noise(X, y):
    problem = LinearRegression.from_data(X, y)
    assert problem.noise_std == 0
    assert not problem.fit.residuals.any()
    lr = linsgd.stability(problem, SGD(lr=1.0)).lr_mean_square / 2
    law = linsgd.stationary_moments(problem, SGD(lr=lr))
    assert (law.position_variance == 0).all()
    assert law.excess_loss == 0


def test_small_noise_is_not_taken_for_rounding():
    """Noise of 1e-12 of the labels, two hundred times their rounding, is measured."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = X @ [1.0, 2.0, 3.0]
    assert LinearRegression.from_data(X, y).noise_std == 0
    noise = rng.normal(size=50) * 1e-12
    found = LinearRegression.from_data(X, y + noise).noise_std
    np.testing.assert_allclose(found, 1e-12, rtol=0.3)


def test_units_beyond_double_precision_are_refused():
    with pytest.raises(ValueError, match=r"X\[:, 1\] = 1e-80 .* choose another unit"):
        LinearRegression.from_data([[1.0, 1e-80], [2.0, 0.0]], [1.0, 2.0])


def test_long_tables_are_refined_in_blocks(monkeypatch):
    from linsgd.problems import least_squares

    X, y = nist.load("wampler5")
    whole = least_squares.least_squares(X, y)
    monkeypatch.setattr(least_squares, "BLOCK", 30)
    np.testing.assert_array_equal(least_squares.least_squares(X, y).optimum, whole.optimum)


def mean_path(X, y, lr, steps):
    """Return E w after each of the first steps from w = 0 without momentum, in exact arithmetic."""
    A = [[Fraction(float(a)) for a in row] for row in X]
    b, rate, w = [Fraction(float(t)) for t in y], Fraction(lr), [Fraction(0)] * len(A[0])
    for _ in range(steps):
        missed = [
            t - sum(a * c for a, c in zip(r, w, strict=True)) for r, t in zip(A, b, strict=True)
        ]
        w = [
            c + rate * sum(r[j] * e for r, e in zip(A, missed, strict=True)) / len(b)
            for j, c in enumerate(w)
        ]
    return w


@pytest.mark.parametrize("name", ["pontius", "longley", "filip"])
@pytest.mark.parametrize("steps", [1, 5])
def test_means_of_weights_that_hardly_move_keep_their_digits(name, steps):
    """Each coordinate, though the distance from the optimum is up to 1e12 times what was moved."""
    X, y = nist.load(name)
    problem = LinearRegression.from_data(X, y)
    lr = linsgd.stability(problem, SGD(lr=1.0)).lr_mean_square / 2
    law = linsgd.moments(problem, SGD(lr=lr), [0, steps])
    assert (law.mean[0] == 0).all()
    found = nist.digits(law.mean[1], mean_path(X, y, lr, steps))
    assert found >= (8 if name == "filip" else 12)
    assert 10**-found <= law.error


@pytest.mark.parametrize(
    "options",
    [{}, {"momentum": 0.8, "dampening": 0.3}, {"momentum": 0.8, "nesterov": True}],
)
def test_travelled_means_are_those_of_the_recursion(options):
    """With momentum, dampening, decay and any start: the means of a plain loop, to rounding."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 3)), rng.normal(size=12)
    problem, sgd = LinearRegression.from_data(X, y), SGD(lr=0.05, weight_decay=0.1, **options)
    momentum, keep = sgd.momentum, sgd.gradient_weight
    steps = [0, 1, 2, 7, 40]
    for start in (None, (np.array([3.0, -1.0, 2.0]), np.array([1.0, 0.5, -2.0]))):
        w, v = (np.zeros(3), np.zeros(3)) if start is None else start
        path = []
        for k in range(max(steps) + 1):
            path.append((w, v))
            g = X.T @ (X @ w - y) / 12 + 0.1 * w
            v = momentum * v - (1.0 if start is None and k == 0 else keep) * g
            w = w + sgd.lr * (momentum * v - g if sgd.nesterov else v)
        law = linsgd.moments(problem, sgd, steps, start=start)
        for i, k in enumerate(steps):
            np.testing.assert_allclose(law.mean[i], path[k][0], rtol=1e-11, atol=1e-13)
            np.testing.assert_allclose(law.velocity_mean[i], path[k][1], rtol=1e-11, atol=1e-13)
