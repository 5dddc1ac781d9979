"""The measuring side of the claims about tails, against mpmath, exact moments and simulation.

Statistical comparisons use fixed seeds and six standard errors: about 2e-9 a number, below 1e-7
over the file."""

import mpmath
import numpy as np
import pytest

from linsgd import SGD, LinearRegression, spectral_function, tail_exponent
from linsgd.claims.hodgkinson_mahoney_2021.averages import _beyond
from linsgd.claims.hodgkinson_mahoney_2021.binary_forms import PhaseForms, mean_square_threshold
from linsgd.claims.hodgkinson_mahoney_2021.chi_moments import Step, bounded_root
from linsgd.claims.hodgkinson_mahoney_2021.experiments import Averages, Stretches, TiltedMoments
from linsgd.claims.hodgkinson_mahoney_2021.published_grid import log_growth
from linsgd.montecarlo.snapshots import snapshots
from linsgd.theory.tails.isotropic import mpmath as multiprecision
from linsgd.theory.tails.setting import Setting

ONE = LinearRegression.gaussian([1.0])
FALSE_ALARM = 6.0


@pytest.mark.parametrize("s", [0.3, 1.0, 2.7, 9.0])
@pytest.mark.parametrize(
    ("lr", "batch", "decay"), [(0.5, 1, 0.0), (2.2, 6, 0.0), (0.5, 4, 0.2), (1.6, 16, 0.1)]
)
def test_adaptive_quadrature_against_mpmath(lr, batch, decay, s):
    setting = Setting.of(ONE, SGD(lr=lr, batch_size=batch, weight_decay=decay))
    with mpmath.workdps(30):
        exact = float(multiprecision.log_moment(setting, mpmath.mpf(s)))
    assert Step(lr, batch, decay).log_moment(s) == pytest.approx(exact, abs=1e-10)


def test_the_slope_in_decay_is_the_difference_quotient():
    for batch in (1, 3):
        above, below = (Step(0.5, batch, decay).exponent().mean() for decay in (1e-4, 0.0))
        assert Step(0.5, batch).slope_in_decay() == pytest.approx((above - below) / 1e-4, rel=1e-3)


def test_a_root_that_two_signs_do_not_prove_is_unknown():
    lower, upper = bounded_root(lambda s: 0.0 if abs(s - 1.5) < 0.01 else s - 1.5)
    assert (lower, upper) == (0.0, np.inf)


def test_forms_without_momentum_are_the_moments_of_a_chi_square():
    for degree in (2, 4, 6):
        assert PhaseForms(0.4, 3, 0.0).log_moment(degree) == pytest.approx(
            Step(0.4, 3).log_moment(degree), abs=1e-9
        )


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_forms_of_degree_two_follow_a_simulation(nesterov):
    """E (w_k, v_k) (w_k, v_k)' without label noise, by the matrix of forms and by SGD itself."""
    forms = PhaseForms(0.3, 2, 0.6, nesterov)
    problem = LinearRegression.gaussian([1.0], noise_std=0.0)
    sgd = SGD(lr=0.3, batch_size=2, momentum=0.6, nesterov=nesterov)
    z = snapshots(problem, sgd, [3], range(2**16), seed=4, start=(np.ones(1), np.zeros(1)))[0]
    products = np.stack([z[:, 0] ** 2, z[:, 0] * z[:, 1], z[:, 1] ** 2])
    error = products.std(axis=1) / 2**8
    expected = np.linalg.matrix_power(forms._action(2), 3) @ [1.0, 0.0, 0.0]
    assert (np.abs(products.mean(axis=1) - expected) < FALSE_ALARM * error).all()
    other = np.linalg.matrix_power(PhaseForms(0.3, 2, 0.6, not nesterov)._action(2), 3) @ [
        1.0,
        0.0,
        0.0,
    ]
    assert (np.abs(products.mean(axis=1) - other) > FALSE_ALARM * error).any()


def test_bounds_from_even_degrees_hold_the_exponent():
    lower, upper = PhaseForms(0.03, 1, 0.9).exponent()
    assert lower < tail_exponent(ONE, SGD(lr=0.03, momentum=0.9)).value < upper < 1.1 * lower
    lower, upper = PhaseForms(0.4, 3, 0.0).exponent()
    assert lower < Step(0.4, 3).exponent().mean() < upper < 1.1 * lower


def test_the_threshold_of_heavy_ball_has_its_closed_form():
    for b, m in ((1, 0.9), (4, 0.5), (20, 0.2)):
        closed = 2 * (1 - m) / (1 + 2 / b - 2 * m / (1 + m))
        assert mean_square_threshold(b, m, nesterov=False).mean() == pytest.approx(closed, rel=1e-9)


def test_gauss_laguerre_growth_of_many_features_against_a_sample():
    lr, size, d, n = 0.15, 10, 100, 2**16
    rng = np.random.default_rng(8)
    X, Y = rng.chisquare(size, n), rng.chisquare(d - 1, n)
    logs = 0.5 * np.log((1 - lr / size * X) ** 2 + (lr / size) ** 2 * X * Y)
    found = log_growth(size, np.array([lr]), 60)[0]
    assert abs(logs.mean() - found) < FALSE_ALARM * logs.std() / np.sqrt(n)
    assert abs(logs.mean() - 2 * found) > FALSE_ALARM * logs.std() / np.sqrt(n)


def test_averages_are_those_of_the_path():
    ensemble = Averages(problem=ONE, sgd=SGD(lr=0.4), steps=(3, 7))
    path = snapshots(ONE, SGD(lr=0.4), range(1, 8), range(512), seed=9)
    expected = np.stack([path[:3].mean(axis=0), path.mean(axis=0)])
    np.testing.assert_allclose(ensemble.sample(range(512), 9), expected, rtol=1e-12)
    np.testing.assert_array_equal(
        ensemble.sample(range(256, 512), 9), ensemble.sample(range(512), 9)[:, 256:]
    )


def test_single_steps_stretch_as_much_as_their_matrices():
    problem = LinearRegression.gaussian([2.0, 1.0, 0.5])
    largest, smallest, fixed = (
        Stretches(problem=problem, sgd=SGD(lr=0.3, batch_size=2), steps=(1,))
        .sample(range(4096), 3)[0]
        .T
    )
    assert (smallest <= fixed + 1e-12).all()
    assert (fixed <= largest + 1e-12).all()
    assert (largest > 1 - 1e-12).all()  # two samples leave one of three directions alone
    mean_square = 1 - 2 * 0.3 * 2 + 0.09 * ((1 + 1 / 2) * 4 + 3.5 * 2 / 2)
    assert abs((fixed**2).mean() - mean_square) < FALSE_ALARM * (fixed**2).std() / 64


def test_tilted_paths_have_the_moments_of_sgd():
    """At lr 2/3 the exponent is 2 and E w_k^2 = lr^2 k exactly."""
    lr = 2 / 3
    ensemble = TiltedMoments(problem=ONE, sgd=SGD(lr=lr), steps=(1, 4, 12), order=2.0)
    values = ensemble.sample(range(2**15), 5)[..., 0]
    exact, error = lr**2 * np.array([1, 4, 12]), values.std(axis=1) / 2**7.5
    assert (np.abs(values.mean(axis=1) - exact) < FALSE_ALARM * error).all()
    assert (np.abs(values.mean(axis=1) - 2 * exact) > FALSE_ALARM * error).all()
    assert (error < 0.02 * exact).all()


def test_a_tilted_path_of_two_steps_against_plain_sgd():
    """At lr 1.2, alpha = 0.785, E|w_2|^alpha has all its variance in plain simulation."""
    sgd = SGD(lr=1.2)
    order = tail_exponent(ONE, sgd).value
    tilted = TiltedMoments(problem=ONE, sgd=sgd, steps=(2,), order=order).sample(range(2**15), 6)[
        0, :, 0
    ]
    plain = np.abs(snapshots(ONE, sgd, [2], range(2**15), seed=7)[0, :, 0]) ** order
    error = np.hypot(tilted.std(), plain.std()) / 2**7.5
    assert abs(tilted.mean() - plain.mean()) < FALSE_ALARM * error
    assert abs(tilted.mean() - 1.2 * plain.mean()) > FALSE_ALARM * error


def test_the_stable_law_is_cauchys_at_index_one():
    for t in (0.5, 2.0, 20.0):
        assert _beyond(t, 1.0) == pytest.approx(1 - 2 / np.pi * np.arctan(t), abs=1e-7)


def test_h_at_alpha_is_one_for_both_sides():
    alpha = tail_exponent(ONE, SGD(lr=0.8)).value
    assert spectral_function(ONE, SGD(lr=0.8), alpha).value == pytest.approx(1.0, abs=1e-12)
    assert Step(0.8).log_moment(alpha) == pytest.approx(0.0, abs=1e-10)
