"""Averaged products of rows, dense fallbacks and continued laws against what they stand in for."""

from dataclasses import replace

import numpy as np
import pytest

import linsgd
from linsgd.theory.recurrence import operators
from linsgd.theory.recurrence.row_moments import RowMoments
from linsgd.theory.settling import later, settled_law

RNG = np.random.default_rng(0)


def symmetric(d):
    M = RNG.standard_normal((d, d))
    return M + M.T


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e40])
@pytest.mark.parametrize(("n", "d"), [(4000, 6), (50, 6), (3000, 12)])
def test_the_table_and_the_rows_give_the_means_that_define_them(n, d, scale):
    rows = scale * RNG.standard_normal((n, d)) * np.logspace(0, 2, d)
    e, m = RNG.standard_normal(n), RNG.standard_normal(d) / scale
    half = symmetric(d) / scale
    D, M = half @ half, symmetric(d)
    found = RowMoments.of(rows, e)
    assert (found.table is None) == (n == 50)
    square = np.einsum("ni,ij,nj->n", rows, D, rows) - 2 * e * (rows @ m) + e**2
    expected = (rows.T * square) @ rows / n
    size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    for each in (found, replace(found, table=None)):
        np.testing.assert_allclose(each.squared_residual(D, m) / size, expected / size, atol=1e-12)
        fourth = np.einsum("ni,nj,n->ij", rows, rows, np.einsum("ni,ij,nj->n", rows, M, rows)) / n
        bound = np.abs(fourth).max()
        np.testing.assert_allclose(each.fourth(M) / bound, fourth / bound, atol=1e-13)
        in_units = each.in_units(4.0).fourth(M) * 16
        np.testing.assert_allclose(in_units / bound, fourth / bound, atol=1e-13)


def test_lanczos_and_the_matrix_find_the_same_leading_eigenmatrix(monkeypatch):
    d = 15
    rows = RNG.standard_normal((200, d))
    moments = RowMoments.of(rows, np.zeros(200))
    by_lanczos = operators.leading_eigenmatrix(moments.fourth, d)
    monkeypatch.setattr(operators, "_lanczos", lambda *_, **__: None)
    by_matrix = operators.leading_eigenmatrix(moments.fourth, d)
    assert by_lanczos[0] == pytest.approx(by_matrix[0], rel=1e-10)
    assert operators.largest_eigenvalue(moments.fourth, d) == pytest.approx(by_matrix[0])
    np.testing.assert_allclose(by_lanczos[1], by_matrix[1], atol=1e-6)
    assert np.trace(by_matrix[1]) > 0
    G = by_matrix[1]
    np.testing.assert_allclose(moments.fourth(G), by_matrix[0] * G, atol=1e-8 * by_matrix[0])


def test_without_convergence_many_features_are_refused(monkeypatch):
    monkeypatch.setattr(operators, "_lanczos", lambda *_, **__: None)
    with pytest.raises(ValueError, match=r"65 features .* no resolvable largest eigenvalue"):
        operators.largest_eigenvalue(lambda M: M, 65)


def test_a_settled_law_is_that_of_one_walk():
    X = RNG.standard_normal((60, 3)) * [1.0, 0.5, 0.2]
    problem = linsgd.LinearRegression.from_data(X, RNG.standard_normal(60))
    sgd = linsgd.SGD(lr=0.05, batch_size=4, momentum=0.5)
    law, settled = settled_law(
        problem, sgd, lambda law: law.position_variance, tolerance=1e-3, longest=4096
    )
    assert settled
    (steps,) = law.steps
    assert steps > 16
    again = linsgd.moments(problem, sgd, [steps, steps + 5])
    for found, expected in ((law, again.at(0)), (later(problem, sgd, law, [5]), again.at(1))):
        np.testing.assert_allclose(found.mean[0], expected.mean, rtol=1e-10)
        C = expected.position_covariance()
        np.testing.assert_allclose(found.position_covariance()[0], C, atol=1e-10 * C.max())
    assert list(later(problem, sgd, law, [0, 5]).steps) == [steps, steps + 5]
