"""The public strategies draw valid values of the kinds they promise and shrink to the plainest."""

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import linsgd
from linsgd.problems.features import FiniteData, GaussianFeatures
from linsgd.testing import data_sets, problems, sgds, spd_matrices


class TestShrinking:
    def test_to_the_plainest(self):
        problem = find(problems(), lambda _: True)
        assert isinstance(problem.features, GaussianFeatures)
        assert problem.eigenvalues.tolist() == [1.0]
        identity = np.eye(3).tolist()
        assert find(spd_matrices(), lambda matrix: len(matrix) == 3).tolist() == identity
        sgd = find(sgds(), lambda _: True)
        assert (sgd.momentum, sgd.batch_size, sgd.weight_decay) == (0.0, 1, 0.0)

    def test_lr_towards_small_values(self):
        assert find(sgds(), lambda _: True).lr == pytest.approx(0.01 * 0.08)
        assert find(sgds(), lambda sgd: sgd.lr > 0.03).lr == pytest.approx(0.03, rel=0.05)

    def test_reaches_the_edges(self):
        assert find(problems(finite=True), lambda p: p.eigenvalues.min() == 0).dimension <= 4
        assert find(data_sets(), lambda data: data[0].shape[0] < data[0].shape[1])
        assert find(sgds(), lambda sgd: sgd.nesterov).momentum > 0
        assert find(sgds(), lambda sgd: sgd.momentum > 0 and sgd.dampening > 0)
        unstable = sgds(linsgd.LinearRegression.gaussian([1.0]), stable=False)
        assert find(unstable, lambda sgd: sgd.lr > 1.0)


class TestStability:
    @given(problems(), sgds())
    def test_on_every_problem(self, problem, sgd):
        assert linsgd.stability(problem, sgd).mean_square

    @given(st.data())
    def test_on_a_given_problem(self, data):
        problem = data.draw(problems())
        sgd = data.draw(sgds(problem))
        assert linsgd.stability(problem, sgd).mean_square
        assert isinstance(problem.features, FiniteData) or sgd.replacement

    def test_the_bound_of_lr_is_near_the_least_threshold(self):
        law = linsgd.StudentFeatures(np.ones(4), dof=5)
        problem = linsgd.LinearRegression.from_features(law)
        threshold = linsgd.stability(problem, linsgd.SGD(lr=0.1)).lr_mean_square
        assert threshold == pytest.approx(2 / 18, rel=1e-6)


class TestArguments:
    @given(
        sgds(momentum=0.9, weight_decay=0.0, batch_size=3, nesterov=False, dampening=0.25),
        sgds(momentum=st.floats(0.5, 0.6), weight_decay=st.just(0.1), nesterov=True),
    )
    def test_of_the_optimizer_are_kept(self, fixed, drawn):
        assert (fixed.momentum, fixed.weight_decay, fixed.batch_size) == (0.9, 0.0, 3)
        assert (fixed.nesterov, fixed.dampening) == (False, 0.25)
        assert 0.5 <= drawn.momentum <= 0.6
        assert (drawn.weight_decay, drawn.nesterov, drawn.dampening) == (0.1, True, 0.0)

    @given(
        problems(max_dimension=2),
        problems(features=linsgd.UniformFeatures([1.0, 0.3, 0.1]), noise_std=0.5),
    )
    def test_of_the_problem_are_kept(self, small, given_law):
        assert small.dimension <= 2
        assert isinstance(given_law.features, linsgd.UniformFeatures)
        assert (given_law.dimension, given_law.noise_std) == (3, 0.5)

    def test_replacement_on_given_data(self):
        data = linsgd.LinearRegression.from_data([[1.0], [0.5]], [1.0, 0.0])
        without = find(sgds(data, replacement=False), lambda sgd: sgd.batch_size > 1)
        assert (without.replacement, without.batch_size) == (False, 2)
        assert find(sgds(data), lambda sgd: not sgd.replacement)
        assert find(sgds(data, replacement=True), lambda _: True).replacement

    @pytest.mark.parametrize(
        ("strategy", "message"),
        [
            (sgds(momentum=1.5), "momentum = 1.5"),
            (sgds(momentum=0.0, nesterov=True), "nesterov = "),
            (sgds(problem=linsgd.SGD), "problem = "),
        ],
    )
    def test_contradictions_are_refused_by_name(self, strategy, message):
        with pytest.raises(ValueError, match=f"^{message}"):
            find(strategy, lambda _: True)


NAMES = {name: getattr(linsgd, name) for name in linsgd.__all__ if name[0].isupper()}


@settings(max_examples=50)
@given(problems(), sgds())
def test_what_is_printed_of_a_falsifying_example_is_code(problem, sgd):
    again = eval(repr(problem), dict(NAMES))
    assert again == problem
    assert eval(repr(sgd), dict(NAMES)) == sgd


@given(spd_matrices())
def test_matrices_are_positive_definite(matrix):
    assert np.array_equal(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > 0.04
