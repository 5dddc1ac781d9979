"""Every form of `start` has one reading, the same in every theory and call."""

import numpy as np
import pytest

import linsgd

PROBLEM = linsgd.LinearRegression.gaussian([1.0, 2.0, 3.0])
SGD = linsgd.SGD(lr=0.1)
W, V = np.ones(3), np.zeros(3)
FORMS = {
    "tuple": (W, V),
    "list": [W, V],
    "lists": [[1, 1, 1], [0, 0, 0]],
    "array": np.array([W, V]),
    "law": linsgd.moments(PROBLEM, SGD, 0, start=(W, V)),
}
TILTED = linsgd.LinearRegression.gaussian(
    [[1.0, 0.3, 0.1], [0.3, 0.5, 0.0], [0.1, 0.0, 0.8]], optimum=[1.0, -1.0, 2.0]
)


@pytest.mark.parametrize("form", FORMS)
def test_one_step_from_a_point_moves_by_the_second_moment_of_its_gradient(form):
    """lr^2 (2 w'H^2 w + tr H w'Hw + noise_std^2 tr H), from the fourth moment of the features."""
    h = PROBLEM.eigenvalues
    expected = 0.01 * (2 * W**2 @ h**2 + h.sum() * (W**2 @ h) + h.sum())
    assert expected == pytest.approx(0.7, rel=1e-12, abs=0)
    found = linsgd.displacement(PROBLEM, SGD, [1], start=FORMS[form])
    np.testing.assert_allclose(found.global_msd, [0.7], rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("theory", ["exact", "langevin", "diffusion"])
def test_all_forms_of_a_point_are_the_same_start(form, theory):
    numbers = {
        linsgd.moments: ("mean", "position_variance", "excess_loss"),
        linsgd.displacement: ("global_msd", "local_msd", "exponent"),
    }
    for call, names in numbers.items():
        found, expected = (
            call(PROBLEM, SGD, [1, 5], start=start, theory=theory)
            for start in (FORMS[form], (W, V))
        )
        for name in names:
            np.testing.assert_allclose(
                getattr(found, name), getattr(expected, name), rtol=1e-13, atol=1e-15
            )


@pytest.mark.parametrize(
    "start", [W, np.zeros((3, 3)), (W,), (W, V, V), 3.0, {"w": W}, (W, 0.0), (W, np.zeros(2))]
)
@pytest.mark.parametrize("theory", ["exact", "langevin", "diffusion"])
def test_what_is_no_pair_of_vectors_is_refused_in_every_theory(start, theory):
    for call in (linsgd.moments, linsgd.displacement):
        with pytest.raises(ValueError, match=r"^start"):
            call(PROBLEM, SGD, [1], start=start, theory=theory)


@pytest.mark.parametrize("theory", ["exact", "langevin"])
def test_a_law_of_another_problem_keeps_its_covariance(theory):
    law = linsgd.stationary_moments(TILTED, linsgd.SGD(lr=0.1, momentum=0.5, weight_decay=0.1))
    for problem in (PROBLEM, TILTED):
        begun = linsgd.moments(problem, SGD, 0, start=law, theory=theory)
        np.testing.assert_allclose(begun.mean, law.mean, atol=1e-14)
        for name in ("position_covariance", "cross_covariance", "velocity_covariance"):
            found, expected = (getattr(each, name)() for each in (begun, law))
            np.testing.assert_allclose(found, expected, atol=1e-14)


def test_the_first_order_diffusion_starts_from_its_own_law_which_has_no_velocity():
    law = linsgd.stationary_moments(TILTED, SGD, "diffusion")
    later = linsgd.moments(TILTED, SGD, [3], start=law, theory="diffusion")
    np.testing.assert_allclose(later.position_variance[0], law.position_variance, rtol=1e-12)
    with pytest.raises(ValueError, match="laws with finite mean and variance"):
        linsgd.moments(TILTED, SGD, [3], start=law, theory="langevin")


def test_the_mean_of_the_diffusion_decays_from_a_point():
    problem, sgd = linsgd.LinearRegression.gaussian([2.0], optimum=[3.0]), linsgd.SGD(lr=0.1)
    law = linsgd.moments(problem, sgd, [0, 4], start=([4.0], [0.0]), theory="diffusion")
    np.testing.assert_allclose(law.mean, [[4.0], [3.0 + np.exp(-0.8)]], rtol=1e-14)
    np.testing.assert_allclose(law.velocity_mean, [[-2.0], [-2.0 * np.exp(-0.8)]], rtol=1e-14)


def test_a_number_of_steps_gives_one_law_with_plain_numbers():
    several = linsgd.moments(TILTED, SGD, [7])
    one = linsgd.moments(TILTED, SGD, 7)
    assert (one.steps, one.mean.shape) == (7, (3,))
    assert type(one.excess_loss) is type(one.excess_risk) is float
    assert several.excess_loss.shape == (1,)
    assert one.excess_loss == several.excess_loss[0]
    again = type(one).from_dict(one.to_dict())
    assert (again.steps, again.excess_loss) == (7, one.excess_loss)
    assert type(linsgd.stationary_moments(TILTED, SGD).excess_loss) is float
    np.testing.assert_array_equal(linsgd.moments(TILTED, SGD, np.array(7)).mean, one.mean)


@pytest.mark.parametrize("steps", [-1, 1.5, True, "7", None, [[1], [1, 2]]])
def test_what_is_no_number_of_steps_is_refused(steps):
    with pytest.raises(ValueError, match=r"^steps"):
        linsgd.moments(TILTED, SGD, steps)
