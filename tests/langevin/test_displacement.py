"""Displacement: against matrix exponentials and powers, identities, and limits."""

import bisect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import linsgd
from linsgd.theory.displacement import compression
from linsgd.theory.displacement import terms as travel
from linsgd.theory.langevin.propagator import sgd_propagator
from linsgd.theory.mean_squared_displacement import effective_dimension, exponent_bound
from linsgd.theory.recurrence.heavy_ball import powers
from linsgd.theory.recurrence.recurrence import Coefficients

from .problems import drift_and_noise, gaussian_problems, sgds
from .test_phase_space_oracles import van_loan

THEORIES = ["exact", "langevin", "diffusion"]
PROBLEM = linsgd.LinearRegression.gaussian(
    [1.0, 0.2, 0.01], noise_std=0.5, optimum=[1.0, -1.0, 2.0]
)
HEAVY_BALL = linsgd.SGD(lr=0.05, batch_size=16, momentum=0.9, weight_decay=0.001)
NESTEROV = linsgd.SGD(lr=0.02, batch_size=16, momentum=0.9, nesterov=True)


@given(gaussian_problems(), sgds(), st.integers(1, 2000))
def test_langevin_displacement_is_that_of_the_matrix_exponential(problem, sgd, k):
    process, d = linsgd.langevin(problem, sgd), problem.dimension
    E, C = van_loan(*drift_and_noise(process), k)
    w, v = np.linspace(-1, 1, d), np.linspace(2, 1, d)
    moved = ((E - np.eye(2 * d)) @ np.concatenate([w - process.center, v]))[:d]
    fixed = linsgd.displacement(problem, sgd, [k], (w, v), "langevin")
    expected = np.sum(moved**2) + np.trace(C[:d, :d])
    np.testing.assert_allclose(
        fixed.global_msd, [expected], rtol=1e-9 * (1 + k * process.rotation.max())
    )
    P = process.covariance([0], "stationary")[0]
    shifted = (E - np.eye(2 * d)) @ P @ (E - np.eye(2 * d)).T + C
    stationary = linsgd.displacement(problem, sgd, [k], "stationary", "langevin")
    np.testing.assert_allclose(
        stationary.global_msd,
        [np.trace(shifted[:d, :d])],
        rtol=1e-9 * (1 + k * process.rotation.max()),
    )


@pytest.mark.parametrize("theory", ["langevin", "diffusion"])
def test_the_stationary_law_as_a_start_is_stationarity(theory):
    steps = [1, 2, 5, 30, 400, 10**5]
    if theory == "diffusion":
        sgd = linsgd.SGD(lr=0.1)
        rate, variance = 0.1 * PROBLEM.eigenvalues, 0.1 * 0.25 / 2
        expected = [2 * variance * np.sum(-np.expm1(-rate * k)) for k in steps]
    else:
        sgd = HEAVY_BALL
        law = linsgd.stationary_moments(PROBLEM, sgd, theory)
        expected = linsgd.displacement(PROBLEM, sgd, steps, law, theory).global_msd
    path = linsgd.displacement(PROBLEM, sgd, steps, "stationary", theory)
    np.testing.assert_allclose(path.global_msd, expected, rtol=1e-11)


@pytest.mark.parametrize(
    "problem", [PROBLEM, linsgd.LinearRegression.from_data(np.eye(4)[:, :3] + 0.1, np.arange(4.0))]
)
def test_exact_stationary_displacement_is_twice_the_lost_covariance(problem):
    law = linsgd.stationary_moments(problem, HEAVY_BALL)
    A = Coefficients.of(HEAVY_BALL).mode_matrix(problem.eigenvalues + HEAVY_BALL.weight_decay)
    steps = np.array([1, 2, 3, 10, 77, 3000])
    powers = np.stack([np.linalg.matrix_power(A, k) for k in steps])
    kept = (
        powers[..., 0, 0] * law.position_variance
        + powers[..., 0, 1] * law.position_velocity_covariance
    )
    expected = 2 * np.sum(law.position_variance - kept, axis=-1)
    path = linsgd.displacement(problem, HEAVY_BALL, steps)
    np.testing.assert_allclose(path.global_msd, expected, rtol=1e-10)
    np.testing.assert_allclose(path.local_msd, path.global_msd[0], rtol=1e-12)
    general = linsgd.displacement(problem, HEAVY_BALL, steps, law)
    np.testing.assert_allclose(general.global_msd, expected, rtol=1e-10)
    np.testing.assert_allclose(general.exponent, path.exponent, rtol=1e-7, atol=1e-9)


@given(st.floats(1e-3, 0.999), st.sampled_from([0.0, 0.3, 0.9, 0.99]), st.integers(1, 60))
def test_exact_stationary_displacement_holds_in_every_regime(share, momentum, k):
    product = share * 2 * (1 + momentum)
    problem = linsgd.LinearRegression.gaussian([product], noise_std=1e-3)
    sgd = linsgd.SGD(lr=1.0, batch_size=10**9, momentum=momentum)
    law = linsgd.stationary_moments(problem, sgd)
    A = np.linalg.matrix_power(Coefficients.of(sgd).mode_matrix(problem.eigenvalues), k)[0]
    kept = A[0, 0] * law.position_variance[0] + A[0, 1] * law.position_velocity_covariance[0]
    path = linsgd.displacement(problem, sgd, [k])
    np.testing.assert_allclose(path.global_msd, 2 * (law.position_variance[0] - kept), rtol=1e-8)


def test_null_directions_travel_only_by_their_own_velocity():
    problem = linsgd.LinearRegression.gaussian([1.0, 0.0])
    sgd = linsgd.SGD(lr=0.1, batch_size=8, momentum=0.9)
    alone = linsgd.LinearRegression.gaussian([1.0])
    for theory in THEORIES:
        both, one = (
            linsgd.displacement(each, sgd, [1, 50], theory=theory) for each in (problem, alone)
        )
        assert both.status == "null_space"
        np.testing.assert_allclose(both.global_msd, one.global_msd, rtol=1e-12)
    pushed = (np.zeros(2), np.array([0.0, 1.0]))
    u = 0.1 / 1.9
    moved = linsgd.displacement(problem, sgd, [10**6], pushed, "langevin").global_msd[0]
    still = linsgd.displacement(
        problem, sgd, [10**6], (np.zeros(2), np.zeros(2)), "langevin"
    ).global_msd[0]
    assert moved - still == pytest.approx((0.1 / (2 * u)) ** 2, rel=1e-9, abs=0)


@pytest.mark.parametrize("sgd", [HEAVY_BALL, NESTEROV])
@pytest.mark.parametrize("k", [1, 4, 60])
def test_local_displacement_is_the_global_one_of_one_more_step(sgd, k):
    start = (np.array([1.0, 0.0, 3.0]), np.array([0.1, -0.2, 0.0]))
    later = linsgd.moments(PROBLEM, sgd, [k], start).at(0)
    once = linsgd.displacement(PROBLEM, sgd, [1], later).global_msd
    np.testing.assert_allclose(
        linsgd.displacement(PROBLEM, sgd, [k], start).local_msd, once, rtol=1e-11
    )


@pytest.mark.parametrize("start", ["stationary", None])
@pytest.mark.parametrize("theory", ["langevin", "diffusion"])
def test_exponent_is_the_slope_of_the_logarithms(theory, start):
    k = np.array([10**4])
    sgd = linsgd.SGD(lr=1e-4, momentum=0.5)
    around = linsgd.displacement(PROBLEM, sgd, np.concatenate([k - 1, k, k + 1]), start, theory)
    slope = np.log(around.global_msd[2] / around.global_msd[0]) / np.log((k + 1) / (k - 1))
    np.testing.assert_allclose(around.exponent[1], slope, rtol=1e-6)


SUMS = {
    "langevin": (travel.langevin_terms, compression.parabola, 4),
    "langevin, stationary": (travel.stationary_langevin_terms, compression.parabola, 1),
    "exact, stationary": (travel.exact_stationary_terms, compression.ellipse, 1),
    "diffusion": (travel.diffusion_terms, lambda momentum: compression.half_plane, 2),
}


@pytest.mark.cases(5)
@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.95, 0.999])
def test_a_compressed_spectrum_gives_the_full_sum_to_one_part_in_ten_billion(name, momentum):
    terms, region, measures = SUMS[name]
    rng = np.random.default_rng(1)
    edge = 2 * (1 + momentum) * (1 - 1e-9)
    x = np.concatenate(
        [10 ** rng.uniform(-9, 0, 12000), rng.uniform(0.25, 1.0, 4000) * edge, [edge], np.zeros(3)]
    )
    weights = rng.uniform(size=(measures, x.size))
    if measures == 4:
        weights[1] *= -1  # E x y < 0, so that nothing in the sum cancels
    steps = np.unique(np.geomspace(1, 1e7, 50).astype(int))
    full = np.stack([part.sum(axis=-1) for part in terms(momentum)(steps[:, None], x, weights)])
    found = travel.summed(terms(momentum), x, weights, region(momentum), steps)
    np.testing.assert_allclose(found[:2], full[:2], rtol=1e-10)
    scale = full[0] / steps  # of the slope, which may pass through 0
    np.testing.assert_allclose(found[2] / scale, full[2] / scale, rtol=1e-10, atol=1e-10)


def test_compression_keeps_far_fewer_nodes_than_modes():
    x = 0.1 * np.arange(1, 100_001) ** -1.5
    assert (
        compression.compress(x, np.ones((1, x.size)), compression.parabola(0.9)).stiffness.size
        < 1000
    )


@pytest.mark.parametrize(("decay", "steps"), [(1.6, 10**4), (2.5, 10**6)])
def test_a_power_law_spectrum_gives_its_inverse_as_exponent(decay, steps):
    problem = linsgd.LinearRegression.gaussian(np.arange(1, 30_001) ** -decay)
    sgd = linsgd.SGD(lr=0.01, batch_size=64, momentum=0.5)
    path = linsgd.displacement(problem, sgd, [steps], theory="langevin")
    np.testing.assert_allclose(path.exponent, 1 / decay, atol=0.01)


MOMENTA = [0.0, 0.3, 0.9, 0.99, 0.998, 0.9985, 0.9999, 1 - 1e-7]


def bound_starts(momentum):
    """The first step at which `exponent_bound` speaks, by bisection."""
    return bisect.bisect_left(
        range(10**12), 0, key=lambda k: -int(np.isnan(exponent_bound([k], momentum)[0]))
    )


def langevin_exponent(k, momentum, product):
    mode = sgd_propagator(k, momentum, product)
    return k * mode.S / mode.cumulative_response()


def exact_exponent(k, momentum, product):
    mode = powers(k, momentum, product)
    return (
        k
        * (1 + momentum - product / 2)
        * mode.U
        / ((1 + momentum) * mode.cumulative_response() - momentum * mode.U)
    )


@pytest.mark.parametrize("momentum", MOMENTA)
@pytest.mark.parametrize("exponent", [langevin_exponent, exact_exponent])
def test_no_stable_stationary_mode_is_faster_than_the_bound(exponent, momentum):
    edge = 2 * (1 + momentum)
    near_edge, even = (
        edge * (1 - np.geomspace(1e-9, 0.5, 500)),
        np.linspace(0.01, 0.99, 2000) * edge,
    )
    product = np.concatenate([edge * np.geomspace(1e-15, 0.99, 2000), near_edge, even])
    first = bound_starts(momentum)
    k = np.unique(
        (first * np.concatenate([np.linspace(1, 1.3, 60), np.geomspace(1.3, 1e4, 20)])).astype(
            np.int64
        )
    )
    found = exponent(k[:, None], momentum, product).max(axis=1)
    assert np.all(found <= exponent_bound(k, momentum) * (1 + 1e-12))


@pytest.mark.parametrize("momentum", MOMENTA)
def test_the_bound_starts_at_twenty_tau_up_to_momentum_998_and_later_above(momentum):
    tau = (1 + momentum) / (2 * (1 - momentum))
    if momentum <= 0.998:
        assert 0 <= bound_starts(momentum) - 20 * tau <= 1 + 1e-9
    else:
        assert bound_starts(momentum) > 20.4 * tau


@pytest.mark.parametrize("momentum", [0.9985, 0.9999])
def test_above_momentum_998_stable_modes_beat_the_bound_at_twenty_tau(momentum):
    tau = (1 + momentum) / (2 * (1 - momentum))
    k = np.arange(np.ceil(20 * tau), np.ceil(20 * tau) + 8)[:, None]
    assert (
        langevin_exponent(k, momentum, np.linspace(0.9, 1, 2000) * 2 * (1 + momentum)).max() > 1.1
    )


@given(st.floats(0.001, 0.999), st.floats(1.0, 100.0))
def test_an_overdamped_mode_obeys_the_bound_from_tau_on(share, times_tau):
    momentum, tau = 0.9, 9.5
    product = share * (1 - momentum) ** 2 / (2 * (1 + momentum))
    k = np.array([times_tau * tau])
    assert (k - tau) * langevin_exponent(k, momentum, np.array([product])) <= k * (1 + 1e-12)


def test_the_bound_is_not_claimed_where_a_mode_beats_it():
    momentum, tau = 0.99, 99.5
    sgd, k = linsgd.SGD(lr=1.0, momentum=momentum), 995
    problems = [linsgd.LinearRegression.gaussian([h]) for h in np.geomspace(1e-4, 1, 200)]
    fastest = max(
        linsgd.displacement(problem, sgd, [k], theory="langevin").exponent[0]
        for problem in problems
    )
    assert fastest > 1 / (1 - tau / k) + 0.1
    assert np.isnan(exponent_bound([k], momentum)).all()
    np.testing.assert_allclose(exponent_bound([4000], momentum), 1 / (1 - tau / 4000))
    with pytest.raises(ValueError, match="momentum"):
        exponent_bound([10**7], 1.0)


def test_late_displacement_saturates_at_the_effective_dimension():
    sgd = linsgd.SGD(lr=0.1, batch_size=8, momentum=0.9, weight_decay=0.05)
    late = linsgd.displacement(PROBLEM, sgd, [10**7], theory="langevin").global_msd[0]
    held = effective_dimension(PROBLEM, 0.05)
    assert late == pytest.approx(0.1 * 0.25 / (8 * 0.1) * held, rel=1e-12, abs=0)


def test_three_stages_are_ballistic_diffusive_and_saturated():
    problem, sgd = linsgd.LinearRegression.gaussian([1e-6]), linsgd.SGD(lr=0.01, momentum=0.99)
    exponent = linsgd.displacement(problem, sgd, [1, 10**4, 10**9]).exponent
    np.testing.assert_allclose(exponent, [2.0, 1.0, 0.0], atol=0.03)


@pytest.mark.parametrize("theory", THEORIES)
def test_noise_without_variance_travels_infinitely_far(theory):
    problem = linsgd.LinearRegression.gaussian([1.0], noise=linsgd.StudentNoise(dof=1.5))
    path = linsgd.displacement(problem, linsgd.SGD(lr=0.1, momentum=0.5), [1, 10], theory=theory)
    assert path.status == "infinite_variance"
    assert np.isinf(path.global_msd).all()


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize(("lr", "status"), [(1.0, "infinite_variance"), (10.0, "unstable")])
def test_without_a_stationary_law_the_displacement_from_it_is_infinite(nesterov, lr, status):
    problem = linsgd.LinearRegression.gaussian(np.full(5, 0.8))
    sgd = linsgd.SGD(lr=lr, momentum=0.5, nesterov=nesterov)
    path = linsgd.displacement(problem, sgd, [1, 10])
    assert path.status == status
    assert np.isinf(path.global_msd).all()
    assert np.isnan(path.exponent).all()


@pytest.mark.parametrize(
    "bad", [{"steps": [0]}, {"steps": [1.5]}, {"theory": "kramers"}, {"start": "here"}]
)
def test_bad_arguments_are_named(bad):
    arguments = {"steps": [1], **bad}
    with pytest.raises(ValueError, match=next(iter(bad))):
        linsgd.displacement(PROBLEM, HEAVY_BALL, **arguments)
