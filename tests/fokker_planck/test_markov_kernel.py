"""The discrete chain against closed forms, dense linear algebra, simulation and the diffusion."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import norm

import linsgd
from linsgd.theory.fokker_planck import Diffusion1D, MarkovKernel


def slope(x):
    return x**3 - x + 0.1


def chain(lr, temperature, points=300):
    """Return x' = x - lr slope(x) + sqrt(2 lr T) z."""
    std = np.sqrt(2 * lr * temperature)
    return MarkovKernel(lambda x: x - lr * slope(x), std, (-2.6, 2.6), points)


def dense_passage(update, std, low, start, target):
    """Return mean steps by dense linear algebra on equal panels of 20 Gauss nodes (Nystrom)."""
    points, weights = np.polynomial.legendre.leggauss(20)
    edges = np.linspace(low, target, 41)
    half = np.diff(edges)[:, None] / 2
    x = (edges[:-1, None] + half * (1 + points)).ravel()
    w = (half * weights).ravel()

    def density(y):
        return norm.pdf(x, update(y)[:, None], std(y)[:, None]) * w

    u = np.linalg.solve(np.eye(x.size) - density(x), np.ones(x.size))
    return 1 + float(density(np.array([start]))[0] @ u)


@pytest.mark.parametrize("target", [0.93, -0.517])
def test_passage_to_any_target_under_noise_that_varies(target):
    def update(x):
        return x - 0.2 * slope(x)

    def std(x):
        return 0.2 + 0.02 * x**2

    found = MarkovKernel(update, std, (-3.2, 3.2), 300).mean_first_passage_time(-1.013, target)
    exact = dense_passage(update, std, -3.2, -1.013, target)
    assert found.value == pytest.approx(exact, rel=1e-11)
    assert abs(found.value / exact - 1) < found.error < 1e-10


@pytest.mark.parametrize("factor", [0.5, 0.99, -0.9])
def test_linear_chain_has_its_normal_law_and_its_eigenvalue(factor):
    spread = 1 / math.sqrt(1 - factor**2)
    kernel = MarkovKernel(lambda x: factor * x, 1.0, (-9 * spread, 9 * spread), points=400)
    gap = kernel.spectral_gap()
    assert gap.value == pytest.approx(1 - abs(factor), rel=1e-10)
    for low, high in ((-1.0, 1.0), (0.2, 0.25)):
        exact = norm.cdf(high / spread) - norm.cdf(low / spread)
        assert kernel.occupation(low, high).value == pytest.approx(exact, rel=1e-10)
    x, density = kernel.stationary_law()
    assert density == pytest.approx(norm.pdf(x, scale=spread), abs=1e-12)


def test_rates_far_below_rounding_keep_their_digits():
    """At a gap of 1e-20 the gap is the sum of the rates between the wells, which are passages."""
    found = [chain(0.1, 0.0035, points=each) for each in (600, 800)]
    gaps = [each.spectral_gap() for each in found]
    assert 1e-24 < gaps[0].value < 1e-15
    assert gaps[0].value == pytest.approx(gaps[1].value, rel=1e-10)
    assert gaps[1].error < 1e-10
    ahead, back = (
        found[0].mean_first_passage_time(*each).value for each in ((-1.04, 0.94), (0.94, -1.04))
    )
    assert gaps[0].value == pytest.approx(1 / ahead + 1 / back, rel=1e-6)


def test_against_the_diffusion_the_rate_is_off_by_lr_times_the_curvatures():
    """Rate of the chain over that of the diffusion: 1 + lr (h_a - h_b)/4 to first order in lr."""
    temperature = 0.025
    process = Diffusion1D(lambda x: x**4 / 4 - x**2 / 2 + 0.1 * x, temperature, (-2.4, 2.4))
    continuous = process.mean_first_passage_time(-1.05, 0.95).value
    well, saddle = 3 * 1.0466805**2 - 1, 1 - 3 * 0.1010312**2
    ratios = []
    for lr in (0.1, 0.05):
        kernel = chain(lr, temperature, points=500)
        steps = kernel.mean_first_passage_time(-1.05, 0.95).value
        ratios.append((continuous / (steps * lr) - 1) / lr)
    extrapolated = 2 * ratios[1] - ratios[0]
    assert extrapolated == pytest.approx((well - saddle) / 4, rel=0.15)


def test_momentum_in_a_quadratic_well():
    """Gap and occupation of the heavy ball, whose law is normal in discrete time."""
    momentum, curve = 0.5, 0.5
    variance = 0.09 * (1 + momentum) / ((1 - momentum) * curve * (2 * (1 + momentum) - curve))
    spread = math.sqrt(variance)
    kernel = MarkovKernel(
        lambda x: (1 - curve) * x, 0.3, (-7 * spread, 7 * spread), points=46, momentum=momentum
    )
    rate = linsgd.escape.heavy_ball_rate(1.0, curve, momentum).rate
    assert kernel.spectral_gap().value == pytest.approx(-math.expm1(-rate), rel=1e-10)
    exact = norm.cdf(0.8 / spread) - norm.cdf(-0.3 / spread)
    found = kernel.occupation(-0.3, 0.8)
    assert abs(found.value / exact - 1) < found.error < 1e-4


def test_momentum_leaves_a_well_as_simulated():
    lr, momentum, temperature = 0.2, 0.5, 0.1
    noise = 2 * temperature * (1 - momentum) / lr
    well = linsgd.potentials.Polynomial([0, 0, -0.5, 0, 0.25])
    kernel = MarkovKernel(
        lambda x: x - lr * well.gradient(x), lr * math.sqrt(noise), (-2.4, 2.4), 66, momentum
    )
    found = kernel.mean_first_passage_time(-1.0, 0.6)
    measured = linsgd.simulate_escape(
        well,
        linsgd.SGD(lr=lr, momentum=momentum),
        -1.0,
        0.6,
        noise=noise,
        method="direct",
        replicas=8192,
        limit=100_000,
        confidence=1 - 1e-6,
    )
    assert measured.lower < found.value < measured.upper
    assert measured.upper < 1.2 * measured.lower  # a factor 2 is seen
    assert found.error < 1e-3


@pytest.mark.nightly
def test_batches_of_a_finite_sum():
    """The passage under batches of two is that of a chain on a fine grid of points."""
    tilts = (-0.9, -0.2, 0.3, 0.8)
    loss = linsgd.potentials.FiniteSum([[0, tilt, -0.5, 0, 0.25] for tilt in tilts])
    sgd = linsgd.SGD(lr=0.6, batch_size=2)
    kernel = MarkovKernel.of_batches(loss, sgd, (-2.0, 2.0), points=600)
    found = kernel.mean_first_passage_time(-1.0, 0.5)
    measured = linsgd.simulate_escape(
        loss, sgd, -1.0, 0.5, method="direct", replicas=8192, limit=200_000, confidence=1 - 1e-6
    )
    assert measured.lower < found.value < measured.upper
    assert measured.upper < 1.2 * measured.lower
    # one step, by counting all pairs
    pairs = itertools.product(tilts, repeat=2)
    ahead = [0.5 - 0.6 * (0.5**3 - 0.5 + sum(pair) / 2) for pair in pairs]
    jumps = kernel._jumps
    means, shares = jumps.means(np.array([0.5]))[:, 0], jumps.shares
    assert shares.sum() == pytest.approx(1.0, rel=1e-14)
    for power in (1, 2, 3):
        assert shares @ means**power == pytest.approx(np.mean(np.power(ahead, power)), rel=1e-12)


def test_batches_of_a_linear_problem_contract_by_its_eigenvalue():
    two = linsgd.potentials.FiniteSum([[0, -1, 0.5], [0, 1, 0.5]])
    kernel = MarkovKernel.of_batches(two, linsgd.SGD(lr=0.5), (-1.3, 1.3), points=200)
    gap = kernel.spectral_gap()
    assert abs(gap.value / 0.5 - 1) < 1.1 * gap.error < 1e-2
    half = kernel.occupation(-0.5, 0.5)  # the law is uniform on [-1, 1]
    assert abs(half.value / 0.5 - 1) < half.error < 0.05


def test_a_cycle_has_a_complex_second_eigenvalue():
    """Three places visited in turn: mu is about a cube root of 1, whose modulus counts."""

    def update(x):
        return x + 2 * np.cos(np.pi * x / 3) + 0.3 * x * (4 - x**2) / 9

    kernel = MarkovKernel(lambda x: np.clip(update(x), -3, 3), 0.3, (-6, 6), 300)
    values = np.linalg.eigvals(kernel._chains()[0].P)
    exact = 1 - np.sort(abs(values))[-2]
    assert kernel.spectral_gap().value == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: MarkovKernel(lambda x: 0.9 * x, 0.001, (-1, 1), points=100), "std = 0.001"),
        (lambda: MarkovKernel(3, 0.1, (-1, 1)), "update = 3"),
        (lambda: MarkovKernel(lambda x: 0.9 * x, 0.3, (-1, 1)), "domain = .*widen it"),
        (lambda: MarkovKernel(lambda x: x / 0, 0.3, (-1, 1)), r"update\(.* = 'not finite'"),
        (lambda: MarkovKernel(lambda x: 0.9 * x, 0.3, (-4, 4), momentum=1.0), "momentum = 1.0"),
        (
            lambda: MarkovKernel(lambda x: 0.9 * x, 0.05, (-4, 4), 600, momentum=0.9),
            "points = '600 points",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_input_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named):
        call()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"momentum": 0.5}, "momentum"),
        ({"weight_decay": 0.1}, "weight_decay"),
        ({"replacement": False}, "sampling"),
        ({"batch_size": 40}, "potential"),
    ],
)
def test_batches_that_are_not_covered(changed, named):
    rows = linsgd.potentials.FiniteSum([[0, -1, 0.5], [0, 1, 0.5], [0, 2, 1], [0, 3, 1], [0, 4, 1]])
    with pytest.raises(ValueError, match=rf"^{named} = "):
        MarkovKernel.of_batches(rows, linsgd.SGD(**({"lr": 0.1} | changed)), (-5, 5))
