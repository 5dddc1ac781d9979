"""Linear diffusions: spectra, distances, the heavy ball; against finite volumes and quadrature."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

import linsgd

TURNING = np.array([[1.0, 2.0], [-2.0, 1.5]])


def _kinetic(friction, h=1.0):
    return linsgd.escape.LinearDiffusion(
        [[0.0, -1.0], [h, friction]], [[0.0, 0.0], [0.0, friction]]
    )


def test_decay_rates_are_those_of_the_generator_on_polynomials():
    # the generator maps polynomials of degree <= 3 into themselves: f -> A x . grad f - tr D hess f
    flow = linsgd.escape.LinearDiffusion(TURNING, [[1.0, 0.3], [0.3, 0.5]])
    powers = [(i, j) for i in range(4) for j in range(4 - i)]
    G = np.zeros((len(powers), len(powers)))
    A, D = flow.drift, flow.diffusion

    def put(i, j, column, value):
        if i >= 0 and j >= 0:
            G[powers.index((i, j)), column] += value

    for column, (i, j) in enumerate(powers):
        put(i, j, column, A[0, 0] * i + A[1, 1] * j)
        put(i - 1, j + 1, column, A[0, 1] * i)
        put(i + 1, j - 1, column, A[1, 0] * j)
        put(i - 2, j, column, -D[0, 0] * i * (i - 1))
        put(i, j - 2, column, -D[1, 1] * j * (j - 1))
        put(i - 1, j - 1, column, -2 * D[0, 1] * i * j)
    own = np.sort_complex(np.linalg.eigvals(G))
    found = np.sort_complex(flow.decay_rates(len(powers)))
    np.testing.assert_allclose(found.real, own.real, atol=1e-8)


def test_decay_rates_count_multiplicities():
    found = linsgd.escape.LinearDiffusion([1.0, 1.0], [1.0, 1.0]).decay_rates(6)
    np.testing.assert_allclose(found.real, [0, 1, 1, 2, 2, 2])


def test_distances_in_one_dimension_against_quadrature():
    flow = linsgd.escape.LinearDiffusion([1.5], [0.6])
    s, m, r = 0.4, 0.3, 0.25
    assert flow.covariance[0, 0] == pytest.approx(s)
    found = flow.distance([m], [r])

    def density(x, mean, variance):
        return math.exp(-((x - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)

    def kl(x):
        p = density(x, m, r)
        return p * (math.log(p) - math.log(density(x, 0, s)))

    assert found.kullback_leibler == pytest.approx(quad(kl, -4, 4)[0], rel=1e-8)
    chi = quad(lambda x: density(x, m, r) ** 2 / density(x, 0, s), -5, 6)[0] - 1
    assert found.chi_square == pytest.approx(chi, rel=1e-8)
    squared = m**2 + (math.sqrt(r) - math.sqrt(s)) ** 2
    assert found.wasserstein == pytest.approx(math.sqrt(squared), rel=1e-12)
    assert math.isinf(flow.distance([m], [2.01 * s]).chi_square)


@pytest.mark.parametrize(("mean", "spread", "factor"), [(0.5, 0.0, 2), (0.0, 0.3, 4)])
def test_distances_decay_at_twice_or_four_times_the_gap(mean, spread, factor):
    flow = linsgd.escape.LinearDiffusion([1.0], [1.0])
    values = []
    for time in (3.0, 4.0):
        law = flow.law(time, [mean], [1 + spread])
        found = flow.distance(*law)
        values.append([found.kullback_leibler, found.chi_square, found.wasserstein**2])
    rates = np.log(np.array(values[0]) / np.array(values[1]))
    np.testing.assert_allclose(rates, factor, rtol=2e-2)


@pytest.mark.parametrize("friction", [0.5, 1.0, 1.7])
def test_constant_of_the_kinetic_equation_is_the_supremum(friction):
    flow = _kinetic(friction)
    times = np.linspace(0, 20, 2001)
    supremum = max(flow.propagator_norm(t) * math.exp(flow.gap * t) for t in times)
    lr = 1e-4
    found = linsgd.escape.heavy_ball_rate(1.0, lr, 1 - friction * math.sqrt(lr))
    assert supremum == pytest.approx(found.constant, rel=1e-3)
    assert found.rate == pytest.approx(found.rate_sde, rel=2e-2)


@pytest.mark.parametrize("momentum", [0.2, 0.8, 0.81, 0.9])
def test_rate_is_that_of_the_iteration(momentum):
    found = linsgd.escape.heavy_ball_rate(1.0, 0.01, momentum)
    step = np.array([[1 + momentum - 0.01, -momentum], [1.0, 0.0]])
    assert found.rate == pytest.approx(-math.log(np.abs(np.linalg.eigvals(step)).max()), rel=1e-6)
    assert found.rate <= found.best_rate * (1 + 1e-6)
    best = linsgd.escape.heavy_ball_rate(1.0, 0.01, found.best_momentum)
    assert best.rate == pytest.approx(found.best_rate, rel=1e-6)


def test_pearson_spectrum_against_finite_volumes():
    problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.1)
    law = linsgd.pearson(problem, sgd)
    gap = linsgd.fokker_planck.Diffusion1D(
        lambda x: law.rate * x**2 / 2,
        lambda x: (law.additive + law.multiplicative * x**2) / 2,
        (-12.0, 12.0),
    ).spectral_gap()
    assert law.gap == pytest.approx(gap.value, rel=1e-6)
    np.testing.assert_allclose(
        law.decay_rates()[1:3], [law.rate, 2 * law.rate - law.multiplicative]
    )


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: linsgd.escape.LinearDiffusion([1.0, -1.0], [1.0, 1.0]), "drift"),
        (lambda: linsgd.escape.LinearDiffusion([1.0, 2.0], [1.0, 0.0]), "diffusion"),
        (lambda: linsgd.escape.LinearDiffusion([1.0], [1.0]).law(-1.0, [0], [1]), "time"),
        (lambda: linsgd.escape.heavy_ball_rate(1.0, 2.0, 0.5), "lr"),
    ],
)
def test_bad_input_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=rf"^{named}"):
        call()
