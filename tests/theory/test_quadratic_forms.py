"""The variance of quadratic forms: enumerated after one step, simulated later."""

import itertools

import numpy as np
import pytest

from linsgd import SGD, LinearRegression, moments
from linsgd.theory.discrete.quadratic_forms import Products, form_variance

ROWS = np.array([[1.0, 0.5], [-0.3, 1.2], [0.8, -1.0], [2.0, 0.1]])
LABELS = np.array([1.0, -0.5, 0.3, 2.5])
SMALL = LinearRegression.from_data(ROWS, LABELS)


def forms(problem, law, pairs, weights):
    """Products of w along pairs of eigenvectors at the last step, about the mean."""
    K, d = len(law.steps), problem.dimension
    w = np.vstack([problem.eigenvectors, np.zeros((d, d))])
    left, right = np.zeros((2, K, 2 * d, len(pairs)))
    for p, (i, j) in enumerate(pairs):
        left[-1, :, p], right[-1, :, p] = w[:, i], w[:, j]
    none = np.zeros(len(pairs))
    return Products(left=left, right=right, left_mean=none, right_mean=none, weights=weights)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_after_one_step_it_is_that_of_all_batches(batch_size):
    sgd, start = SGD(lr=0.1, batch_size=batch_size), (np.array([0.3, -1.0]), np.zeros(2))
    law = moments(SMALL, sgd, [1], start)
    pairs, weights = [(0, 0), (0, 1), (1, 1)], np.array([[1.0, 0.0], [2.0, 1.0], [-0.5, 0.0]])
    gradients = ROWS * (ROWS @ start[0] - LABELS)[:, None]
    batches = itertools.product(range(4), repeat=batch_size)
    w = np.array([start[0] - 0.1 * gradients[list(rows)].mean(axis=0) for rows in batches])
    q = (w - w.mean(axis=0)) @ SMALL.eigenvectors
    values = np.stack([q[:, i] * q[:, j] for i, j in pairs], axis=1) @ weights
    assert np.allclose(
        form_variance(SMALL, sgd, law, start, forms(SMALL, law, pairs, weights)),
        values.var(axis=0),
        rtol=1e-9,
    )


def test_later_it_is_near_the_sampled_one():
    """A ratio of standard deviations outside 0.8 to 1.25 would be 20 standard errors away."""
    sgd, steps, chains = SGD(lr=0.1, momentum=0.5), 60, 40000
    start = (SMALL.optimum, np.zeros(2))
    law = moments(SMALL, sgd, [steps], start)
    rng = np.random.default_rng(3)
    w, buffer = np.tile(SMALL.optimum, (chains, 1)), np.zeros((chains, 2))
    for _ in range(steps):
        n = rng.integers(0, 4, chains)
        residual = (ROWS[n] * w).sum(axis=1) - LABELS[n]
        buffer = 0.5 * buffer + ROWS[n] * residual[:, None]
        w = w - 0.1 * buffer
    q = (w - w.mean(axis=0)) @ SMALL.eigenvectors
    estimate = form_variance(
        SMALL, sgd, law, start, forms(SMALL, law, [(0, 0), (1, 1), (0, 1)], np.eye(3))
    )
    sampled = np.stack([q[:, 0] ** 2, q[:, 1] ** 2, q[:, 0] * q[:, 1]], axis=1).std(axis=0)
    assert (np.sqrt(estimate) / sampled > 0.8).all()
    assert (np.sqrt(estimate) / sampled < 1.25).all()


def test_a_factor_along_several_eigenvectors_has_no_estimate():
    sgd = SGD(lr=0.1)
    law = moments(SMALL, sgd, [4])
    products = forms(SMALL, law, [(0, 0)], np.eye(1))
    products.left[-1, :2] = 1.0
    assert form_variance(SMALL, sgd, law, None, products) is None
