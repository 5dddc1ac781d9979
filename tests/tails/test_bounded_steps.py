"""Bounded features: when no power law can form, and when it must."""

import math

import numpy as np
import pytest

import linsgd
from linsgd.theory.tails.bounded_steps import largest_curvature
from linsgd.theory.tails.setting import Setting

SGD = linsgd.SGD


def data(rows=6, seed=0):
    rng = np.random.default_rng(seed)
    return linsgd.LinearRegression.from_data(
        rng.standard_normal((rows, 2)), rng.standard_normal(rows)
    )


def test_steps_that_never_stretch_leave_light_tails():
    problem = data()
    longest = np.max(np.sum(problem.features.X**2, axis=1))
    found = linsgd.tail_exponent(problem, SGD(lr=1.999 / longest, batch_size=2))
    assert (str(found.status), found.value, str(found.guarantee)) == ("light", math.inf, "rigorous")
    assert "no step stretches" in found.reason
    heavy = linsgd.tail_exponent(problem, SGD(lr=2.4 / longest, batch_size=1))
    assert str(heavy.status) in ("power_law", "unresolved")


@pytest.mark.parametrize(
    ("law", "bound"),
    [(linsgd.RademacherFeatures([1.0, 0.5]), 1.5), (linsgd.UniformFeatures([1.0, 0.5]), 4.5)],
)
def test_bounded_laws_have_their_longest_vector(law, bound):
    problem = linsgd.LinearRegression.from_features(law)
    assert largest_curvature(Setting.of(problem, SGD(lr=0.1)))[1] == bound
    assert linsgd.tail_exponent(problem, SGD(lr=1.99 / bound, batch_size=3)).status == "light"


def test_gaussian_features_are_never_light():
    assert (
        linsgd.tail_exponent(linsgd.LinearRegression.gaussian([1.0]), SGD(lr=0.01)).status
        == "power_law"
    )


def test_without_replacement_every_batch_is_seen():
    problem, sgd = data(), SGD(lr=0.1, batch_size=3, replacement=False)
    setting = Setting.of(problem, sgd)
    lower, upper = (setting.scale * end for end in largest_curvature(setting))
    X = problem.features.X
    rng = np.random.default_rng(1)
    batches = [X[rng.permutation(6)[:3]] for _ in range(400)]
    assert (
        lower == upper == pytest.approx(max(np.linalg.eigvalsh(B.T @ B)[-1] for B in batches) / 3)
    )


def test_many_batches_are_bounded():
    problem = data(rows=60)
    setting = Setting.of(problem, SGD(lr=0.1, batch_size=10, replacement=False))
    lower, upper = (setting.scale * end for end in largest_curvature(setting))
    X = problem.features.X
    rng = np.random.default_rng(1)
    seen = max(
        np.linalg.eigvalsh(B.T @ B)[-1] / 10
        for B in (X[rng.permutation(60)[:10]] for _ in range(2000))
    )
    assert seen <= upper
    assert lower <= upper


def test_weight_decay_counts_against_the_bound():
    problem = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.0]))
    assert linsgd.tail_exponent(problem, SGD(lr=0.9, weight_decay=1.2)).status == "light"
    assert linsgd.tail_exponent(problem, SGD(lr=1.0, weight_decay=1.2)).status != "light"


def test_interpolated_data_leave_a_point():
    problem = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.0]), noise_std=0.0)
    assert linsgd.tail_exponent(problem, SGD(lr=0.5)).status == "degenerate"


def test_exactly_two_is_light_where_steps_contract():
    # rows of length 1 and 2: lr = 1/2 makes lr max|x|^2 = 2 exactly, in binary
    problem = linsgd.LinearRegression.from_data([[1.0], [2.0], [1.5]], [0.3, -1.0, 2.0])
    found = linsgd.tail_exponent(problem, SGD(lr=0.5))
    assert (found.status, found.value, found.guarantee) == ("light", math.inf, "rigorous")
    above = linsgd.tail_exponent(problem, SGD(lr=0.5 * (1 + 1e-9)))
    assert above.status != "light"


def test_two_by_rounding_is_light_numerically():
    # 3 * (2/3) exceeds 2 in exact arithmetic by the rounding of 2/3, or falls short of it
    rows = np.sqrt([1.0, 3.0, 2.0])[:, None]
    problem = linsgd.LinearRegression.from_data(rows, [0.3, -1.0, 2.0])
    found = linsgd.tail_exponent(problem, SGD(lr=2 / 3 * (1 + 2**-50)))
    assert (found.status, found.guarantee) == ("light", "numerical")
    assert "to rounding" in found.reason
    plane = linsgd.LinearRegression.from_data(
        [[1.2, 0.0], [0.56**0.5, 0.0], [0.0, 1.0]], [1.0, 2.0, 0.0]
    )
    shared = linsgd.tail_exponent(plane, SGD(lr=2.0, batch_size=2, replacement=False))
    assert (shared.status, shared.guarantee) == (
        "light",
        "numerical",
    )  # the worst batch has lambda_max = 1


def test_reflections_do_not_contract():
    # lr |x|^2 = 2 for every sample: A is orthogonal and nothing is forgotten; two samples a batch
    # contract
    problem = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.5, 0.5]))
    assert linsgd.tail_exponent(problem, SGD(lr=1.0, batch_size=2)).status == "light"
    assert linsgd.tail_exponent(problem, SGD(lr=1.0)).status != "light"
    assert (
        linsgd.tail_exponent(
            linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.0])), SGD(lr=2.0)
        ).status
        != "light"
    )


@pytest.mark.parametrize(
    "method", ["even_moments", pytest.param("auto", marks=pytest.mark.nightly)]
)
def test_student_features_cap_the_exponent(method):
    problem = linsgd.LinearRegression.from_features(linsgd.StudentFeatures([1.0, 0.5], dof=5.0))
    found = linsgd.tail_exponent(problem, SGD(lr=0.1), method=method)
    assert found.status in ("unresolved", "power_law")
    assert found.upper <= 2.5
    assert linsgd.spectral_function(problem, SGD(lr=0.1), 2.5).value == math.inf
