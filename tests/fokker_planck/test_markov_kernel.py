"""The discrete chain against dense linear algebra, and the diffusion's first correction in lr."""

import numpy as np
import pytest

from linsgd.theory.fokker_planck import Diffusion1D, MarkovKernel


def slope(x):
    return x**3 - x + 0.1


def chain(lr, temperature, points=300):
    """Return x' = x - lr slope(x) + sqrt(2 lr T) z."""
    std = np.sqrt(2 * lr * temperature)
    return MarkovKernel(lambda x: x - lr * slope(x), std, (-2.4, 2.4), points)


def test_stationary_law_gap_and_passage_against_dense_solvers():
    kernel = chain(0.1, 0.2, points=150)
    inner = kernel._chains[0]
    P, n = inner.P, 150
    assert P.sum(axis=1) == pytest.approx(np.ones(n), abs=1e-14)
    values, vectors = np.linalg.eig(P.T)
    order = np.argsort(-values.real)
    law = np.real(vectors[:, order[0]])
    centers, probabilities = kernel.stationary_law()
    masses = probabilities * (centers[1] - centers[0])
    assert masses == pytest.approx(law / law.sum(), rel=1e-9, abs=1e-15)
    gap = 1 - values.real[order[1]]
    assert np.exp(inner.log_gap()) == pytest.approx(gap, rel=1e-9)
    alive = centers < 0.9
    times = np.linalg.solve(np.eye(alive.sum()) - P[np.ix_(alive, alive)], np.ones(alive.sum()))
    expected = np.interp(-1.0, centers[alive], times)
    assert inner.passage(-1.0, 0.9) == pytest.approx(expected, rel=1e-9)


def test_rates_far_below_rounding_keep_their_digits():
    """At a gap of 1e-21 the gap is the sum of the rates between the wells, which are passages."""
    kernel = chain(0.1, 0.0035, points=500)
    inner = kernel._chains[0]
    gap = np.exp(inner.log_gap())
    assert 1e-24 < gap < 1e-15
    rates = 1 / inner.passage(-1.04, 0.94) + 1 / inner.passage(0.94, -1.04)
    assert gap == pytest.approx(rates, rel=1e-6)


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


def test_noise_narrower_than_a_cell_is_refused():
    with pytest.raises(ValueError, match=r"std = 0.001 .* more points resolve less noise"):
        MarkovKernel(lambda x: 0.9 * x, 0.001, (-1, 1), points=100)
    with pytest.raises(ValueError, match="update = 3"):
        MarkovKernel(3, 0.1, (-1, 1))
