"""Sampled batches in the plane: exact even moments, enumeration and the sampled laws."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

import linsgd
from linsgd.theory.tails.moments.even_moments import exact_moments
from linsgd.theory.tails.plane import projective_line, sampled_line
from linsgd.theory.tails.setting import Setting

SGD, problem_of = linsgd.SGD, linsgd.LinearRegression.from_features
ROWS = np.random.default_rng(1).uniform(-2, 2, (60, 2)) * [1.0, 0.3]


@pytest.fixture(autouse=True)
def few_points(monkeypatch):
    monkeypatch.setattr(sampled_line, "_POINTS", 2**13)


def uniform(spectrum):
    return problem_of(linsgd.UniformFeatures(spectrum), noise_std=1.0)


def student(spectrum, dof):
    return problem_of(linsgd.StudentFeatures(spectrum, dof=dof), noise_std=1.0)


def data(columns):
    return linsgd.LinearRegression.from_data(ROWS[:, :columns], np.arange(60.0))


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    ("problem", "sgd"),
    [
        (uniform([1.0, 0.1]), SGD(lr=1.2, batch_size=2)),
        pytest.param(
            uniform([1.0, 0.01]),
            SGD(lr=1.5, batch_size=30, weight_decay=0.1),
            marks=pytest.mark.nightly,
        ),
        (uniform([1.0]), SGD(lr=0.3, batch_size=2, momentum=0.9)),
        (student([1.0, 0.3], 8.0), SGD(lr=0.4, batch_size=3)),
        pytest.param(data(2), SGD(lr=0.5, batch_size=4), marks=pytest.mark.nightly),
        (data(2), SGD(lr=0.9, batch_size=4, replacement=False)),
        (data(1), SGD(lr=0.3, batch_size=5, momentum=0.9, nesterov=True, replacement=False)),
    ],
)
def test_second_moments_are_exact_within_the_interval(problem, sgd):
    # three times the interval, 16 of Student's standard errors: a false alarm below 1e-6
    setting = Setting.of(problem, sgd)
    assert not sampled_line.covers(setting)
    found, exact = sampled_line.log_spectral(setting, 2.0), exact_moments(setting)[2.0].value
    half = (found.upper - found.lower) / 2
    assert half < 2e-3
    assert abs(found.value - exact) < 3 * half + 1e-9
    larger = dataclasses.replace(sgd, batch_size=2 * sgd.batch_size)
    mutant = exact_moments(Setting.of(problem, larger))[2.0].value
    assert abs(found.value - mutant) > 3 * half


@pytest.mark.parametrize("replacement", [pytest.param(True, marks=pytest.mark.nightly), False])
def test_agrees_with_all_batches(replacement):
    problem = linsgd.LinearRegression.from_data(ROWS[:8], np.arange(8.0))
    setting = Setting.of(problem, SGD(lr=0.9, batch_size=3, replacement=replacement))
    for number in (
        lambda solver: solver.log_spectral(setting, 3.0),
        lambda solver: solver.lyapunov(setting),
    ):
        exact, found = number(projective_line), number(sampled_line)
        half = (found.upper - found.lower) / 2
        assert abs(found.value - exact.value) < 3 * half < 0.02 * abs(exact.value)


@pytest.mark.nightly
def test_exponents_meet_the_operator_of_single_vectors():
    setting = Setting.of(uniform([1.0, 0.1]), SGD(lr=0.9))
    exact, found = projective_line.exponent(setting), sampled_line.exponent(setting)
    assert abs(found.value - exact.value) < 3 * (found.upper - found.lower) / 2 < 1e-2


def test_draws_without_replacement_are_all_sequences_once():
    n, b = 5, 3
    cells = itertools.product(*(range(n - k) for k in range(b)))
    even = np.array([[(cell + 0.5) / (n - k) for k, cell in enumerate(cells_)] for cells_ in cells])
    drawn = sampled_line._chosen(even, n, replacement=False)
    assert sorted(map(tuple, np.sort(drawn, axis=1))) == sorted(
        subset for subset in itertools.combinations(range(n), b) for _ in range(math.factorial(b))
    )


def test_reweighted_student_batches_have_the_law_asked_for():
    even = np.random.default_rng(0).random((2**18, 2, 2))
    z, ratio = sampled_line._student(even, 7.0)
    weight = ratio / len(even)
    assert weight.sum() == pytest.approx(1, abs=5e-3)
    assert np.einsum("n,nbi,nbj->ij", weight, z, z) / 2 == pytest.approx(np.eye(2), abs=3e-2)
    long = (np.hypot(z[..., 0], z[..., 1]) > 5.0).mean(axis=1)
    assert long @ weight == pytest.approx((1 + 25 / 5) ** -3.5, rel=2e-2)
    assert long.mean() > 10 * (long @ weight)


@pytest.mark.nightly
def test_few_batches_that_carry_the_sum_are_left_to_particles():
    setting = Setting.of(uniform([1.0, 0.5]), SGD(lr=0.5, batch_size=4))
    assert math.isnan(sampled_line.log_spectral(setting, 60.0).value)


def test_orders_beyond_its_reach_are_bounded_not_refused():
    found = linsgd.spectral_function(uniform([1.0, 0.1]), SGD(lr=1.2, batch_size=2), 400.0)
    assert str(found.status) == "unresolved"
    assert 0 < found.lower < found.upper


@pytest.mark.nightly
def test_auto_takes_it_with_its_confidence():
    problem, sgd = uniform([1.0, 0.1]), SGD(lr=1.2, batch_size=2)
    found = linsgd.tail_exponent(problem, sgd)
    assert (found.method, str(found.guarantee), found.confidence) == (
        "sampled_line",
        "statistical",
        0.999,
    )
    assert found.lower < 3.60873 < found.upper < found.lower * (1 + 2e-3)
    with pytest.raises(ValueError, match="at most 1000"):
        linsgd.tail_exponent(problem, SGD(lr=1.2, batch_size=1001), method="sampled_line")
