"""Where the Langevin equation and the algorithm agree, and the order at which they part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import linsgd
from linsgd.theory.discrete.oscillation import correlations as exact_correlations
from linsgd.theory.langevin.moments import moments, stationary
from linsgd.theory.langevin.oscillation import correlations as langevin_correlations

from .problems import gaussian_problems, sgds

MOMENTUM = 0.8
BIG = 10**9  # batch size: the noise no longer depends on where the weights are, relative to itself


def order(errors):
    """The slopes of log error over log lr when lr is halved."""
    return np.diff(np.log2(np.abs(errors))) * -1


def halvings(lr=1 / 800, n=4):
    return lr / 2.0 ** np.arange(n)


@given(st.floats(1e-3, 3.0), st.sampled_from([0.0, 0.5, 0.9, 0.99]), st.sampled_from([0.0, 0.3]))
def test_stationary_variances_are_short_by_exactly_lr_h_over_twice_one_plus_momentum(
    product, momentum, dampening
):
    product = min(product, 1.9 * (1 + momentum))
    problem = linsgd.LinearRegression.gaussian([product])
    sgd = linsgd.SGD(lr=1.0, batch_size=BIG, momentum=momentum, dampening=dampening)
    approximate, exact = stationary(problem, sgd), linsgd.stationary_moments(problem, sgd)
    ratio = 1 - sgd.gradient_weight * product / (2 * (1 + momentum))
    for name in ("position_variance", "velocity_variance"):
        np.testing.assert_allclose(
            getattr(approximate, name), ratio * getattr(exact, name), rtol=1e-5
        )


@pytest.mark.parametrize(("matched", "expected"), [(False, 1), (True, 2)])
@pytest.mark.parametrize("dampening", [0.0, 0.4])
@pytest.mark.parametrize("fresh", [False, True])
def test_mean_at_a_fixed_time_is_first_order_and_second_with_the_matched_velocity(
    matched, expected, dampening, fresh
):
    problem, errors = linsgd.LinearRegression.gaussian([1.0], optimum=[1.0]), []
    for lr in halvings():
        sgd = linsgd.SGD(lr=lr, momentum=MOMENTUM, dampening=dampening)
        steps, start = [round(0.4 / lr)], None if fresh else (np.array([3.0]), np.array([1.0]))
        difference = (
            moments(problem, sgd, steps, start, matched=matched).mean
            - linsgd.moments(problem, sgd, steps, start).mean
        )
        errors.append(difference[0, 0])
    np.testing.assert_allclose(order(errors), expected, atol=0.2)


def test_slow_rate_is_second_order_relative_and_the_first_order_diffusion_first():
    errors = {"langevin": [], "diffusion": []}
    problem = linsgd.LinearRegression.gaussian([1.0])
    for lr in halvings(1 / 800):
        sgd = linsgd.SGD(lr=lr, momentum=MOMENTUM)
        exact = linsgd.oscillation(problem, sgd).damping[0]
        errors["langevin"].append(
            linsgd.oscillation(problem, sgd, "langevin").damping[0] / exact - 1
        )
        errors["diffusion"].append(lr / (1 - MOMENTUM) / exact - 1)
    np.testing.assert_allclose(order(errors["langevin"]), 2, atol=0.2)
    np.testing.assert_allclose(order(errors["diffusion"]), 1, atol=0.2)


def test_underdamped_damping_errs_by_the_momentum_alone():
    u = (1 - MOMENTUM) / (1 + MOMENTUM)
    problem = linsgd.LinearRegression.gaussian([1.0, 4.0])
    for lr in (0.1, 0.2):
        sgd = linsgd.SGD(lr=lr, momentum=MOMENTUM)
        np.testing.assert_allclose(
            linsgd.oscillation(problem, sgd).damping, np.arctanh(u), rtol=1e-14
        )
        np.testing.assert_allclose(
            linsgd.oscillation(problem, sgd, "langevin").damping, u, rtol=1e-14
        )


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.999])
def test_regimes_change_at_their_thresholds(momentum):
    root = np.sqrt(momentum)
    exact = ((1 - momentum) / (1 + root)) ** 2, (1 + root) ** 2
    sde = (1 - momentum) ** 2 / (2 * (1 + momentum))
    sgd = linsgd.SGD(lr=1.0, momentum=momentum, dampening=0.5)
    a = sgd.gradient_weight
    around = linsgd.LinearRegression.gaussian(
        np.multiply.outer([*exact, sde], [0.999, 1.001]).ravel() / a
    )
    found = linsgd.oscillation(around, sgd).regime.tolist()
    if momentum == 0:
        assert found[:2] == ["overdamped", "alternating"]
    else:
        assert found[:2] == ["overdamped", "underdamped"]
        assert found[2:4] == ["underdamped", "alternating"]
    thresholds = linsgd.oscillation(around, sgd), linsgd.oscillation(around, sgd, "langevin")
    assert thresholds[1].regime[4:].tolist() == ["overdamped", "underdamped"]
    np.testing.assert_allclose(
        (thresholds[0].underdamped_above, thresholds[0].alternating_above), np.array(exact) / a
    )
    np.testing.assert_allclose(thresholds[1].underdamped_above, sde / a)
    at = linsgd.oscillation(linsgd.LinearRegression.gaussian([sde / a]), sgd, "langevin")
    assert at.regime.tolist() == ["critical"]


@given(st.floats(1e-6, 1.0), st.sampled_from([0.0, 0.3, 0.9, 0.99]))
def test_roots_reproduce_the_mean_recursion(product, momentum):
    z = np.array([product * 2 * (1 + momentum) * 0.999])
    found = linsgd.oscillation(
        linsgd.LinearRegression.gaussian(z), linsgd.SGD(lr=1.0, momentum=momentum)
    )
    root = np.exp(-found.damping + 1j * found.frequency)
    np.testing.assert_allclose(root**2 - (1 + momentum - z) * root + momentum, 0, atol=1e-12)


@given(gaussian_problems(), sgds(), st.lists(st.integers(0, 300), min_size=1, max_size=4))
def test_exact_autocorrelation_is_the_power_of_the_step_matrix_on_the_exact_law(problem, sgd, lags):
    from linsgd.theory.recurrence.recurrence import Coefficients

    law = linsgd.stationary_moments(problem, sgd)
    if law.status != "ok":
        return
    A = Coefficients.of(sgd).mode_matrix(problem.eigenvalues + sgd.weight_decay)
    found = linsgd.autocorrelation(problem, sgd, lags)
    for i, k in enumerate(lags):
        power = np.linalg.matrix_power(A, k)
        x, xv, v = law.position_variance, law.position_velocity_covariance, law.velocity_variance
        np.testing.assert_allclose(
            found.position[i], power[:, 0, 0] + power[:, 0, 1] * xv / x, atol=1e-9
        )
        np.testing.assert_allclose(
            found.velocity[i], power[:, 1, 1] + power[:, 1, 0] * xv / v, atol=1e-9
        )


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("product", [0.01, 0.5, 2.0])
def test_exact_velocities_sum_to_nothing_and_sampled_langevin_velocities_do_not(momentum, product):
    """1 + 2 sum_k C(k) is 0 exactly, and u/3 to leading order when the equation's C is sampled at
    whole steps.
    """
    product = product * (1 + momentum) / 2 * 0.9
    k, u = np.arange(1, 60_000)[:, None], (1 - momentum) / (1 + momentum)
    exact = 1 + 2 * exact_correlations(k, momentum, np.array([product]))[1].sum()
    sampled = 1 + 2 * langevin_correlations(k, momentum, np.array([product]))[1].sum()
    assert abs(exact) < 1e-11
    if momentum == 0.9 and product < 0.01:
        assert sampled == pytest.approx(u / 3, rel=0.01, abs=0)


def test_self_consistent_noise_is_exact_to_leading_order_where_frozen_noise_is_not():
    problem = linsgd.LinearRegression.gaussian(
        [1.0, 0.5, 0.25], noise_std=0.3, optimum=[1.0, -1.0, 0.5]
    )
    errors = {None: [], "self_consistent": []}
    for lr in halvings(0.02, 3):
        sgd = linsgd.SGD(lr=lr, batch_size=1, momentum=1 - 5 * lr, weight_decay=0.02)
        exact = linsgd.stationary_moments(problem, sgd).position_variance
        for noise, error in errors.items():
            error.append(
                np.max(np.abs(stationary(problem, sgd, noise).position_variance / exact - 1))
            )
    assert min(errors[None]) > 0.1
    np.testing.assert_allclose(order(errors["self_consistent"]), 1, atol=0.1)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_self_consistent_noise_of_a_law_is_the_same_by_modes_and_by_matrices(weight_decay):
    spectrum = np.array([1.0, 0.5, 0.25])
    problem = linsgd.LinearRegression.gaussian(spectrum, optimum=[1.0, -1.0, 0.5])

    class Same:
        dimension = 3

        def second_moment(self):
            return np.diag(spectrum)

        def fourth_moment(self, M):
            return linsgd.GaussianFeatures(spectrum).fourth_moment(M)

        def sample(self, n, rng):
            raise NotImplementedError

    general = linsgd.LinearRegression.from_features(
        Same(), optimum=problem.from_eigenbasis(problem.optimum)[::-1]
    )
    sgd = linsgd.SGD(lr=0.1, batch_size=2, momentum=0.5, weight_decay=weight_decay)
    by_modes = linsgd.langevin(problem, sgd, "self_consistent").covariance([0], "stationary")[0]
    flipped = linsgd.LinearRegression.from_features(Same(), optimum=problem.optimum)
    assert general.dimension == 3
    by_matrix = linsgd.langevin(flipped, sgd, "self_consistent").covariance([0], "stationary")[0]
    np.testing.assert_allclose(by_matrix, by_modes, rtol=1e-9, atol=1e-14)


def test_self_consistent_noise_without_bound_is_infinite():
    problem = linsgd.LinearRegression.gaussian(np.ones(20))
    law = stationary(problem, linsgd.SGD(lr=0.1, batch_size=1, momentum=0.5), "self_consistent")
    assert law.status == "infinite_variance"
    frozen = stationary(problem, linsgd.SGD(lr=0.1, batch_size=1, momentum=0.5))
    assert frozen.status == "exact_law_missing"
    assert np.isfinite(frozen.excess_loss)


def test_equivalent_optimizers_share_the_law_and_differ_in_damping():
    problem = linsgd.LinearRegression.gaussian([0.01, 0.003])
    one = linsgd.SGD(lr=0.1, batch_size=16, momentum=0.6, weight_decay=0.001)
    other = linsgd.equivalent(one, 512)
    same = [linsgd.langevin(problem, sgd).covariance([0], "stationary") for sgd in (one, other)]
    np.testing.assert_allclose(same[0], same[1], rtol=1e-12)
    exact = [linsgd.stationary_moments(problem, sgd).position_variance for sgd in (one, other)]
    np.testing.assert_allclose(exact[0], exact[1], rtol=2e-3)
    damping = [linsgd.oscillation(problem, sgd, "langevin").damping[1] for sgd in (one, other)]
    assert damping[0] != pytest.approx(damping[1], rel=0.1)
    with pytest.raises(ValueError, match="batch_size"):
        linsgd.equivalent(one, 10)


def test_student_law_of_the_pearson_diffusion_has_the_stationary_current_zero():
    problem, sgd = (
        linsgd.LinearRegression.gaussian([0.7], noise_std=0.5),
        linsgd.SGD(lr=0.2, batch_size=2, momentum=0.3),
    )
    law = linsgd.pearson(problem, sgd)
    x, step = np.linspace(-2, 2, 9), 1e-4
    noise = law.additive + law.multiplicative * x**2

    def flux(y):
        return (law.additive + law.multiplicative * y**2) * law.density(y)

    current = -law.rate * x * law.density(x) - (flux(x + step) - flux(x - step)) / (4 * step)
    np.testing.assert_allclose(current / (noise * law.density(x)), 0, atol=1e-5)


def test_pearson_variance_is_the_self_consistent_one_and_its_exponent_misses_the_algorithm():
    problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.5)
    law = linsgd.pearson(problem, sgd)
    assert law.dof == pytest.approx(1 + 1 / 0.5)
    small = linsgd.SGD(lr=0.05)
    diffusive = stationary(problem, small, "self_consistent").position_variance[0]
    assert linsgd.pearson(problem, small).variance == pytest.approx(diffusive, rel=1e-13, abs=0)
    wide = linsgd.pearson(problem, linsgd.SGD(lr=1.2))
    assert wide.status == "infinite_variance"
    assert wide.exceedance([1e6])[0] > 0
