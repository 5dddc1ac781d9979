"""Statuses, errors and warnings that once promised too much: the right value of each."""

import numpy as np
import pytest

import linsgd
from linsgd.theory.displacement import compression
from linsgd.theory.recurrence.heavy_ball import powers
from linsgd.theory.recurrence.operators import largest_eigenvalue, solve_feedback

rng = np.random.default_rng(2)
X, Y = rng.normal(size=(20, 2)), rng.normal(size=20)
ROWS = linsgd.LinearRegression.from_data(X, Y)
NULL = linsgd.LinearRegression.gaussian([[1.0, 1.0], [1.0, 1.0]])  # null direction (1, -1)


@pytest.mark.parametrize("times", [1.0, 1.5, 1e7])
def test_reshuffled_epochs_beyond_the_mean_threshold_are_unstable(times):
    sgd = linsgd.SGD(lr=0.1, batch_size=2)
    lr = times * linsgd.stability(ROWS, sgd).lr_mean
    law = linsgd.stationary_moments(ROWS, linsgd.SGD(lr=lr, batch_size=2, sampling="epoch"))
    assert law.status == "unstable"
    assert np.isposinf(law.position_variance).all()
    assert np.isnan(law.mean).all()
    assert law.position_variance.shape == (10, 2)


def test_reshuffled_epochs_of_one_row_have_no_noise():
    problem = linsgd.LinearRegression.from_data([[1.4, 1.4]], [0.0])
    law = linsgd.stationary_moments(problem, linsgd.SGD(lr=0.1, sampling="epoch"))
    assert law.status == "null_space"
    assert not law.position_variance.any()


def test_nesterov_at_the_mean_threshold_is_unstable():
    problem = linsgd.LinearRegression.from_data([[5.0], [6.0]], [1.0, 2.0])
    edge = linsgd.stability(problem, linsgd.SGD(lr=0.1, momentum=0.8, nesterov=True)).lr_mean
    law = linsgd.stationary_moments(problem, linsgd.SGD(lr=edge, momentum=0.8, nesterov=True))
    assert law.status == "unstable"
    assert np.isposinf(law.position_variance).all()


@pytest.mark.parametrize("theory", [linsgd.langevin, linsgd.diffusion])
def test_noise_along_a_direction_without_force_has_infinite_variance(theory):
    process = theory(NULL, linsgd.SGD(lr=0.1), noise=np.eye(2))
    covariance = process.covariance([0, 5], "stationary")[:, :2, :2]
    assert np.isposinf(covariance[:, [0, 1], [0, 1]]).all()
    assert process.status == "infinite_variance"


def test_an_infinite_variance_spares_the_coordinates_that_it_does_not_reach():
    problem = linsgd.LinearRegression.gaussian([[1.0, 0.0], [0.0, 0.0]])
    process = linsgd.diffusion(problem, linsgd.SGD(lr=0.1), noise=np.eye(2))
    covariance = process.covariance([5], "stationary")[0]
    assert covariance[0, 0] == pytest.approx(0.05)
    assert np.isposinf(covariance[1, 1])


def test_the_modified_loss_costs_nothing_along_a_direction_without_force():
    process = linsgd.langevin(
        NULL, linsgd.SGD(lr=0.1, momentum=0.5), noise=[[2.0, 1.0], [1.0, 3.0]]
    )
    near, far = (process.modified_loss([1.0 + x, -x], [0.0, 0.0]) for x in (0.0, 100.0))
    assert np.isfinite(near)
    assert near == pytest.approx(far, rel=1e-9, abs=0)


def test_a_pearson_diffusion_takes_heavy_labels_and_refuses_heavy_features():
    sgd, labels = linsgd.SGD(lr=0.1), linsgd.StudentNoise(dof=3)
    law = linsgd.pearson(linsgd.LinearRegression.gaussian([1.0], noise=labels), sgd)
    assert law.dof == pytest.approx(11.0, rel=1e-12, abs=0)  # 1 + b/(lr h)
    features = linsgd.StudentFeatures([1.0], dof=3)
    with pytest.raises(ValueError, match=r"^problem = 'infinite fourth moment'"):
        linsgd.pearson(linsgd.LinearRegression.from_features(features), sgd)


def test_huge_displacements_have_an_exponent():
    problem = linsgd.LinearRegression.from_data([[2, 0, 1]], [-0.73])
    sgd = linsgd.SGD(lr=1.6, momentum=0.999999999, weight_decay=0.001)
    path = linsgd.displacement(problem, sgd, [1, 200], start=None)
    assert path.global_msd[1] > 1e300
    assert np.isfinite(path.exponent).all()


def test_long_spectra_print():
    problem, sgd = linsgd.LinearRegression.gaussian([1.0] * 7), linsgd.SGD(lr=0.01, momentum=0.9)
    for result in (linsgd.langevin(problem, sgd), linsgd.oscillation(problem, sgd)):
        assert "7 underdamped" in repr(result) + result._repr_html_()
    wide = linsgd.LinearRegression.gaussian([1.0] * 7 + [0.0])
    assert "7 inf" in repr(linsgd.stationary_moments(wide, linsgd.SGD(lr=5.0)))


@pytest.mark.parametrize("d", [13, 14, 20])
def test_the_largest_eigenvalue_is_found_for_columns_of_very_different_size(d):
    sizes = 10.0 ** np.linspace(-3, 4, d)
    sign = np.where(rng.normal(size=(203, d)) > 0, 1.0, 0.0)
    problem = linsgd.LinearRegression.from_data(sign * sizes + 1e-3 * sizes, rng.normal(size=203))
    found = linsgd.stability(problem, linsgd.SGD(lr=1e-12, batch_size=4))
    assert 0 < found.lr_mean_square < found.lr_mean


@pytest.mark.parametrize("d", [3, 13, 14, 25])
def test_the_operators_are_solved_densely_and_by_iteration_alike(d):
    Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    h = np.linspace(0.2, 0.9, d)
    A = (Q * h) @ Q.T  # M -> A M A has the largest eigenvalue 0.9^2
    assert largest_eigenvalue(lambda M: A @ M @ A, d) == pytest.approx(0.81, rel=1e-12, abs=0)
    source = A + np.eye(d)
    solution, residual = solve_feedback(lambda M: A @ M @ A, source)
    np.testing.assert_allclose(solution - A @ solution @ A, source, atol=1e-12)
    scaled, again = solve_feedback(lambda M: A @ M @ A, 1e9 * source)
    assert again == pytest.approx(residual, rel=10, abs=0)  # relative to the solution
    assert max(residual, again) < 1e-12
    np.testing.assert_allclose(scaled, 1e9 * solution, rtol=1e-10, atol=1e-3)


def test_the_error_of_a_law_does_not_depend_on_the_unit_of_the_labels():
    rows = rng.normal(size=(9, 3))
    y = rng.normal(size=9)
    errors = [
        linsgd.stationary_moments(
            linsgd.LinearRegression.from_data(rows, unit * y), linsgd.SGD(lr=0.05)
        ).error
        for unit in (1e-8, 1.0, 1e8)
    ]
    assert max(errors) < 1e-12
    assert max(errors) < 10 * min(errors)


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("share", [1e-9, 0.2, 0.7, 0.95, 0.999])
def test_the_cumulative_response_is_the_sum_of_responses_in_every_regime(momentum, share):
    z = np.array([share * 2 * (1 + momentum)])
    k = np.arange(1, 60)
    responses = powers(k[:, None], momentum, z).U
    np.testing.assert_allclose(
        powers(k[:, None], momentum, z).cumulative_response(),
        np.cumsum(responses, axis=0),
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.95])
def test_the_ellipse_of_every_panel_lies_where_modes_decay(momentum):
    regions = {
        compression.ellipse(momentum): 2 * (1 + momentum) * (1 - np.geomspace(1e-9, 0.5, 40)),
        compression.parabola(momentum): np.geomspace(1e-9, 10, 40),
        compression.half_plane: np.geomspace(1e-9, 10, 40),
    }
    angle = np.linspace(0, 2 * np.pi, 400)
    semi = (
        (compression.RADIUS + 1 / compression.RADIUS) / 2,
        (compression.RADIUS - 1 / compression.RADIUS) / 2,
    )
    for region, starts in regions.items():
        for low in np.concatenate([starts, starts / 100]):
            width = compression._width(low, region)
            if width <= compression.NARROWEST * low:
                continue
            # Bernstein's ellipse of [low, low + width], drawn independently, a hair inside
            x = low + width / 2 + 0.999 * width / 2 * semi[0] * np.cos(angle)
            assert region(x, 0.999 * width / 2 * semi[1] * np.sin(angle)).all()


SETTINGS = [
    {"weight_decay": 0.4},
    {"momentum": 0.7, "weight_decay": 0.4},
    {"momentum": 0.7, "weight_decay": 0.4, "nesterov": True},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("k", [1, 7])
def test_the_displacement_of_decayed_weights_is_that_of_two_copies(settings, k):
    """tr Var(w_k) + tr Var(w_0) - 2 tr Cov(w_k, w_0) + |E w_k - E w_0|^2 by the mean's matrix."""
    sgd = linsgd.SGD(lr=0.05, batch_size=4, **settings)
    law = linsgd.moments(ROWS, sgd, 3)
    later = linsgd.moments(ROWS, sgd, k, start=law)
    lr, m, d = sgd.lr, sgd.momentum, 2
    kappa = ROWS.covariance() + 0.4 * np.eye(d)
    identity = np.eye(d)
    if sgd.nesterov:
        top = [identity - lr * (1 + m) * kappa, lr * m**2 * identity]
    else:
        top = [identity - lr * kappa, lr * m * identity]
    A = np.linalg.matrix_power(np.block([top, [-kappa, m * identity]]), k)
    kept = A[:d, :d] @ law.position_covariance() + A[:d, d:] @ law.cross_covariance().T
    expected = np.trace(later.position_covariance() + law.position_covariance() - 2 * kept)
    expected += np.sum((later.mean - law.mean) ** 2)
    found = linsgd.displacement(ROWS, sgd, [k], start=law)
    assert found.global_msd[0] == pytest.approx(expected, rel=1e-10, abs=0)
