"""Where the Lyapunov exponent turns positive, with momentum and for uneven features."""

import math

import numpy as np
import pytest

import linsgd
from linsgd.theory.tails import particles
from linsgd.theory.tails.lyapunov import almost_sure_threshold

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD
HEAVY = (gaussian([1.0]), SGD(lr=0.1, momentum=0.9))


def product_rate(problem, sgd, lr, chains=2000, steps=600, settling=100):
    """Mean log growth a step of products of full batches, and its standard error over chains."""
    rng = np.random.default_rng(0)
    d, root = problem.dimension, np.sqrt(problem.eigenvalues)
    w, buffer = rng.standard_normal((chains, d)), np.zeros((chains, d))
    total = np.zeros(chains)
    for k in range(settling + steps):
        x = rng.standard_normal((chains, sgd.batch_size, d)) * root
        gradient = np.einsum("nbi,nb->ni", x, np.einsum("nbi,ni->nb", x, w)) / sgd.batch_size
        buffer = sgd.momentum * buffer + gradient
        w = w - lr * (gradient + sgd.momentum * buffer if sgd.nesterov else buffer)
        size = np.sqrt((w**2).sum(axis=1) + ((lr * buffer) ** 2).sum(axis=1))
        w, buffer = w / size[:, None], buffer / size[:, None]
        total += np.log(size) * (k >= settling)
    return total.mean() / steps, total.std() / math.sqrt(chains) / steps


@pytest.mark.parametrize(
    ("problem", "sgd"),
    [HEAVY, (gaussian([1.0, 1.0]), SGD(lr=0.1, momentum=0.5, batch_size=2)), (gaussian([1.0, 0.3]), SGD(lr=0.1))],
)
def test_products_shrink_below_and_grow_above(problem, sgd):
    # False alarm: 6 standard errors, below 1e-8.
    lower, upper = almost_sure_threshold(problem, sgd)
    assert upper < 1.02 * lower
    below, error = product_rate(problem, sgd, 0.93 * lower)
    assert below < -6 * error
    above, error = product_rate(problem, sgd, 1.07 * upper)
    assert above > 6 * error


def test_stability_never_samples_and_the_function_does_with_a_seed(monkeypatch):
    monkeypatch.setattr(particles, "POPULATION", 100)
    monkeypatch.setattr(particles, "STEPS", 150)
    problem, sgd = gaussian([1.0] * 4 + [0.999]), SGD(lr=0.1, batch_size=4)
    assert linsgd.stability(problem, sgd).lr_almost_sure.upper == math.inf
    lower, upper = almost_sure_threshold(problem, sgd, seed=0)
    even = [almost_sure_threshold(gaussian([h] * 5), sgd)[0] for h in (1.0, 0.999)]
    assert lower < even[1]  # the bounds are at confidence 0.999 each, with a fixed seed
    assert even[0] < upper < 1.2 * lower


def test_dampening_scales_the_threshold():
    plain = almost_sure_threshold(*HEAVY)
    damped = almost_sure_threshold(gaussian([1.0]), SGD(lr=0.1, momentum=0.9, dampening=0.5))
    assert damped == pytest.approx([2 * x for x in plain], rel=1e-9)


def test_stability_computes_it_when_asked_and_keeps_it_in_json():
    found = linsgd.stability(*HEAVY)
    assert found.known.upper == math.inf
    assert "when asked for" in repr(found)
    again = type(found).from_dict(found.to_dict())
    assert again.lr_almost_sure.lower == found.lr_almost_sure.lower < found.lr_almost_sure.upper < 0.2173
    assert found.lr_almost_sure.lower > 2 * found.lr_mean_square


@pytest.mark.parametrize(("lr", "holds"), [(0.05, True), (0.2, True), (0.23, False)])
def test_almost_sure_stability_outlives_the_second_moment(lr, holds):
    found = linsgd.stability(gaussian([1.0]), SGD(lr=lr, momentum=0.9))
    assert found.almost_sure is holds
    assert str(found.status) == "ok"
