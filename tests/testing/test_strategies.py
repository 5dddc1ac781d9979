"""The public strategies draw valid values of the kinds they promise and shrink to the plainest."""

import numpy as np
from hypothesis import find, given
from hypothesis import strategies as st

import linsgd
from linsgd.problems.features import FiniteData, GaussianFeatures
from linsgd.testing import data_sets, problems, sgds, spd_matrices


def test_shrink_to_the_plainest():
    problem = find(problems(), lambda _: True)
    assert isinstance(problem.features, GaussianFeatures)
    assert problem.eigenvalues.tolist() == [1.0]
    assert find(spd_matrices(), lambda matrix: len(matrix) == 3).tolist() == np.eye(3).tolist()
    sgd = find(sgds(), lambda _: True)
    assert (sgd.momentum, sgd.batch_size, sgd.weight_decay) == (0.0, 1, 0.0)


def test_reach_the_edges():
    assert find(problems(finite=True), lambda p: p.eigenvalues.min() == 0).dimension <= 4
    assert find(data_sets(), lambda data: data[0].shape[0] < data[0].shape[1])
    assert find(sgds(), lambda sgd: sgd.nesterov).momentum > 0
    assert find(sgds(), lambda sgd: sgd.momentum > 0 and sgd.dampening > 0)


@given(problems(), sgds())
def test_stable_on_every_problem(problem, sgd):
    assert linsgd.stability(problem, sgd).mean_square


@given(st.data())
def test_stable_on_a_given_problem(data):
    problem = data.draw(problems())
    sgd = data.draw(sgds(problem))
    assert linsgd.stability(problem, sgd).mean_square
    assert isinstance(problem.features, FiniteData) or sgd.replacement


@given(spd_matrices())
def test_matrices_are_positive_definite(matrix):
    assert np.array_equal(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > 0.04
