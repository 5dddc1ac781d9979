"""Steps of the plane with any law: against tensor powers, closed forms, other operators and particles."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.optimize import brentq

import linsgd
from linsgd.theory.tails import particles, phase_space, planar_steps, projective_line, scalar, sphere
from linsgd.theory.tails.setting import Setting

from .oracles import data_curvatures, log_even_moment

SGD, problem_of = linsgd.SGD, linsgd.LinearRegression.from_features
ROWS = np.array([[1.0, 0.5], [0.3, -1.0], [-0.7, 0.2], [2.0, 1.0]])
DATA = linsgd.LinearRegression.from_data(ROWS, np.ones(4))
ONE = linsgd.LinearRegression.from_data(ROWS[:, :1], np.ones(4))


def signs(spectrum):
    return problem_of(linsgd.RademacherFeatures(spectrum), noise_std=1.0)


def sign_curvatures(spectrum, b):
    """H_b of every sequence of b vectors of signs, and weights."""
    x = np.array(list(itertools.product([-1, 1], repeat=2))) * np.sqrt(spectrum)
    return data_curvatures(x, b, replacement=True)


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize(
    ("problem", "sgd", "curvatures"),
    [
        (DATA, SGD(lr=0.6), data_curvatures(ROWS, 1, True)),
        (DATA, SGD(lr=0.4, batch_size=3, weight_decay=0.2), data_curvatures(ROWS, 3, True)),
        (DATA, SGD(lr=0.9, batch_size=2, replacement=False), data_curvatures(ROWS, 2, False)),
        (ONE, SGD(lr=0.1, momentum=0.9), data_curvatures(ROWS[:, :1], 1, True)),
        (ONE, SGD(lr=0.3, momentum=0.5, batch_size=2, replacement=False), data_curvatures(ROWS[:, :1], 2, False)),
        (ONE, SGD(lr=0.2, momentum=0.6, nesterov=True, weight_decay=0.1), data_curvatures(ROWS[:, :1], 1, True)),
        (signs([1.0, 0.01]), SGD(lr=1.9), sign_curvatures([1.0, 0.01], 1)),
        (signs([1.0, 0.3]), SGD(lr=1.2, batch_size=3, weight_decay=0.1), sign_curvatures([1.0, 0.3], 3)),
    ],
)
def test_even_moments_against_tensor_powers(problem, sgd, curvatures, order):
    found = linsgd.spectral_function(problem, sgd, order, method="projective_line")
    exact = math.exp(log_even_moment(sgd, *curvatures, order))
    assert found.lower <= exact <= found.upper
    assert found.upper - found.lower < 2e-9 * exact
    H, weights = curvatures
    size = np.abs(H).sum(axis=(1, 2))
    if np.ptp(size) > 1e-9:  # a mutant whose larger batches are likelier by parts in a thousand
        mutant = weights * (1 + 1e-3 * size)
        assert not found.lower <= math.exp(log_even_moment(sgd, H, mutant / mutant.sum(), order)) <= found.upper
