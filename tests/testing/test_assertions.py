"""Assertions about theories: right ones pass, wrong ones fail with an example to paste."""

import re
from dataclasses import replace

import numpy as np
import pytest

import linsgd
from linsgd.testing import assert_agrees, assert_bound, assert_invariant, assert_order
from linsgd.testing import problems as draw_problems
from linsgd.testing import sgds as draw_sgds


def plain(problem):
    return draw_sgds(problem, momentum=0.0, weight_decay=0.0)


def one_gaussian_feature(problem, sgd):
    """Var w of one Gaussian feature: lr s^2 / (b (2 - lr h (b + 2) / b))."""
    h, b, lr = problem.eigenvalues, sgd.batch_size, sgd.lr
    return lr * problem.noise_variance / (b * (2 - lr * h * (b + 2) / b))


def flat(problem, sgd):
    small = sgd.lr * problem.noise_variance / (2 * sgd.batch_size)
    return np.full(problem.dimension, small)


SCALAR = {
    "problems": draw_problems(features=linsgd.GaussianFeatures([0.7]), noise_std=1.0),
    "sgds": plain,
    "examples": 15,
}


def test_the_exact_formula_agrees():
    assert_agrees(one_gaussian_feature, "position_variance", rtol=1e-10, **SCALAR)


def test_a_factor_two_is_found():
    def twice(problem, sgd):
        return 2 * one_gaussian_feature(problem, sgd)

    with pytest.raises(AssertionError, match="position_variance is not within 1e-10 of the exact"):
        assert_agrees(twice, "position_variance", rtol=1e-10, **SCALAR)


def test_the_example_of_a_failure_can_be_pasted():
    with pytest.raises(AssertionError) as failure:
        assert_agrees(flat, "position_variance", rtol=0.05, **SCALAR)
    code = re.search(
        r"from linsgd.*sgd = SGD\(.*?\)$", str(failure.value), re.DOTALL | re.MULTILINE
    )
    found = {}
    exec(code.group(), found)
    problem, sgd = found["problem"], found["sgd"]
    exact = linsgd.stationary_moments(problem, sgd).position_variance
    assert np.any(abs(flat(problem, sgd) / exact - 1) > 0.05)


def test_a_theory_of_small_steps_is_of_first_order_and_not_of_second():
    assert_order(flat, "position_variance", order=1, **SCALAR)
    with pytest.raises(AssertionError, match=r"(?s)not of order lr\^2.*order 1\.0"):
        assert_order(flat, "position_variance", order=2, **SCALAR)


def test_an_exact_theory_has_every_order():
    assert_order(one_gaussian_feature, "position_variance", order=7, **SCALAR)


def test_a_bound_is_one_from_its_side_only():
    assert_bound(flat, "position_variance", side="lower", **SCALAR)
    with pytest.raises(AssertionError, match="is no upper bound"):
        assert_bound(flat, "position_variance", side="upper", **SCALAR)


def test_an_invariance_holds_for_the_right_change_only():
    def half_noise(problem, sgd):
        return problem, replace(sgd, lr=2 * sgd.lr, batch_size=2 * sgd.batch_size)

    def more_noise(problem, sgd):
        return problem, replace(sgd, lr=2 * sgd.lr)

    assert_invariant(flat, half_noise, **SCALAR)
    with pytest.raises(AssertionError, match="the theory is not invariant"):
        assert_invariant(flat, more_noise, **SCALAR)


def test_equal_calls_find_equal_examples():
    messages = []
    for _ in range(2):
        with pytest.raises(AssertionError) as failure:
            assert_agrees(flat, "position_variance", rtol=0.05, **SCALAR)
        messages.append(str(failure.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: assert_agrees(flat, "variance", rtol=0.1), "quantity = 'variance'"),
        (lambda: assert_agrees(flat, "excess_loss", rtol=-1), "rtol = -1"),
        (lambda: assert_agrees(flat, "excess_loss", rtol=0.1, **SCALAR), "theory's shape = "),
        (lambda: assert_order(flat, "excess_loss", order=0), "order = 0"),
        (lambda: assert_bound(flat, "excess_loss", side="left"), "side = 'left'"),
        (lambda: assert_agrees(flat, "excess_loss", rtol=0.1, examples=0), "examples = 0"),
        (
            lambda: assert_agrees(flat, "excess_loss", rtol=0.1, problems=draw_problems),
            "problems = ",
        ),
        (lambda: assert_agrees(flat, "excess_loss", rtol=0.1, sgds=1), "sgds = "),
        (
            lambda: assert_agrees(lambda problem, sgd: None, "excess_loss", rtol=0.1),
            "is a return missing?",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
