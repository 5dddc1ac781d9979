"""The variance of a quadratic form after one step, against all batches and against quadrature."""

from itertools import product

import numpy as np
import pytest

from linsgd import SGD, LinearRegression
from linsgd.theory.discrete.one_step import quadratic_after_one_step

W, CENTRE = np.array([0.7, -0.4]), np.array([0.1, 0.3])
FORM = np.array([[1.0, 0.4], [0.4, 2.0]])


def form_after(gradients, sgd):
    moved = W - sgd.lr * (gradients + sgd.weight_decay * W) - CENTRE
    return np.einsum("ni,ij,nj->n", moved, FORM, moved)


def test_data_match_the_enumeration_of_all_batches():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((5, 2)), rng.standard_normal(5)
    X[0] *= 8
    sgd = SGD(lr=0.3, batch_size=3, weight_decay=0.2)
    rows = X * (X @ W - y)[:, None]
    values = form_after(np.array([rows[list(b)].mean(0) for b in product(range(5), repeat=3)]), sgd)
    problem = LinearRegression.from_data(X, y)
    mean, variance = quadratic_after_one_step(problem, sgd, W, CENTRE, FORM)
    assert mean == pytest.approx(values.mean(), rel=1e-12, abs=0)
    assert variance == pytest.approx(values.var(), rel=1e-12, abs=0)


@pytest.mark.parametrize("noise", [0.0, 0.7])
def test_gaussian_features_match_gauss_hermite_quadrature(noise):
    """Batch 1: the form's square has degree 8, which nine nodes integrate exactly."""
    H = np.array([[1.0, 0.3], [0.3, 0.5]])
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    z = np.array(list(product(nodes, repeat=3)))
    p = np.prod(list(product(weights / weights.sum(), repeat=3)), axis=1)
    x = z[:, :2] @ np.linalg.cholesky(H).T
    optimum, sgd = np.array([0.2, 0.5]), SGD(lr=0.4, weight_decay=0.1)
    values = form_after(x * (x @ (W - optimum) - noise * z[:, 2])[:, None], sgd)
    problem = LinearRegression.gaussian(H, noise_std=noise, optimum=optimum)
    mean, variance = quadratic_after_one_step(problem, sgd, W, CENTRE, FORM)
    assert mean == pytest.approx(p @ values, rel=1e-11, abs=0)
    assert variance == pytest.approx(p @ values**2 - (p @ values) ** 2, rel=1e-10, abs=0)


@pytest.mark.parametrize("options", [{"momentum": 0.5}, {"replacement": False}])
def test_other_optimizers_are_refused(options):
    problem = LinearRegression.from_data(np.eye(2), np.ones(2))
    with pytest.raises(ValueError, match="sgd"):
        quadratic_after_one_step(problem, SGD(lr=0.1, **options), W, CENTRE, FORM)
