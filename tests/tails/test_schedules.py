"""Learning rates that vary: known values, the chain's long run, and what the labels decide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import linsgd

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


def alpha(d=1, **options):
    return linsgd.tail_exponent(gaussian([1.0] * d), SGD(**options)).value


def test_schedules_order_as_known():
    problem, sgd, lrs = gaussian([1.0]), SGD(lr=0.4), [0.3, 0.5]
    sticky = [[[p, 1 - p], [1 - p, p]] for p in (0.1, 0.9, 0.99)]
    found = [
        alpha(lr=0.4),
        linsgd.schedule_exponent(problem, sgd, lrs).value,
        linsgd.schedule_exponent(problem, sgd, lrs, "markov", sticky[0]).value,
        linsgd.schedule_exponent(problem, sgd, lrs, "independent").value,
        *(linsgd.schedule_exponent(problem, sgd, lrs, "markov", p).value for p in sticky[1:]),
        alpha(lr=0.5),
    ]
    assert found == pytest.approx(
        [3.805616, 3.545483, 3.520784, 3.375604, 3.057741, 2.922128, 2.903966], abs=6e-7
    )


def test_schedules_reduce_to_a_constant_step():
    problem = gaussian([1.0] * 5)
    constant = alpha(5, lr=0.2)
    for order in ("cyclic", "independent"):
        assert linsgd.schedule_exponent(
            problem, SGD(lr=1.0), [0.2, 0.2], order
        ).value == pytest.approx(constant, rel=1e-11)


def test_schedules_of_tiny_steps_are_bounded_from_below():
    found = linsgd.schedule_exponent(gaussian([1.0]), SGD(lr=1.0), [1e-7, 2e-7])
    assert (found.status, found.upper) == ("unresolved", np.inf)
    assert found.lower >= 1e6


def test_bad_schedules():
    with pytest.raises(ValueError, match="transition"):
        linsgd.schedule_exponent(gaussian([1.0]), SGD(lr=0.4), [0.3, 0.5], "markov")
    with pytest.raises(ValueError, match="rows of probabilities"):
        linsgd.schedule_exponent(
            gaussian([1.0]), SGD(lr=0.4), [0.3, 0.5], "markov", [[1.0, 0.5], [0.0, 1.0]]
        )
    with pytest.raises(ValueError, match="isotropic"):
        linsgd.schedule_exponent(gaussian([1.0, 0.5]), SGD(lr=0.4), [0.3, 0.5])
    for order in ("cyclic", "independent"):
        with pytest.raises(ValueError, match="transition"):
            linsgd.schedule_exponent(gaussian([1.0]), SGD(lr=0.4), [0.3, 0.5], order, np.eye(2))


def test_beyond_the_threshold_there_is_no_law():
    assert (
        linsgd.schedule_exponent(gaussian([1.0]), SGD(lr=0.4), [2.6, 2.7]).status
        == "no_stationary_law"
    )


# the chain


def test_learning_rates_that_are_left_for_ever_do_not_count():
    found = linsgd.schedule_exponent(
        gaussian([1.0]), SGD(lr=0.4), [0.3, 3.0], "markov", [[1, 0], [0.5, 0.5]]
    )
    assert found.value == pytest.approx(alpha(lr=0.3), rel=1e-11)
    assert found.lyapunov == linsgd.lyapunov_exponent(gaussian([1.0]), SGD(lr=0.3)).value


@pytest.mark.parametrize("lrs", [[0.5, 3.0], [0.3, 0.5]])
def test_chains_that_remember_their_start_are_refused(lrs):
    with pytest.raises(ValueError, match="whatever their start"):
        linsgd.schedule_exponent(gaussian([1.0]), SGD(lr=0.4), lrs, "markov", [[1, 0], [0, 1]])


def test_a_chain_in_turn_is_cyclic_and_one_without_memory_independent():
    lrs = [0.3, 0.5, 0.2]
    for order, kernel in (
        ("cyclic", np.roll(np.eye(3), 1, axis=1)),
        ("independent", np.full((3, 3), 1 / 3)),
    ):
        named = linsgd.schedule_exponent(gaussian([1.0]), SGD(lr=0.4), lrs, order).value
        found = linsgd.schedule_exponent(gaussian([1.0]), SGD(lr=0.4), lrs, "markov", kernel)
        assert found.value == pytest.approx(named, rel=1e-11)


@pytest.mark.parametrize("leaving", [0.1, 1e-6, 1e-13])
def test_the_share_of_rare_moves(leaving):
    # three quarters of the time at the lr that is left a third as often
    kernel = [[1 - leaving, leaving], [3 * leaving, 1 - 3 * leaving]]
    found = linsgd.schedule_exponent(
        gaussian([1.0]), SGD(lr=0.4), [0.3, 0.5], "markov", kernel
    ).lyapunov
    each = [linsgd.lyapunov_exponent(gaussian([1.0]), SGD(lr=lr)).value for lr in (0.3, 0.5)]
    assert found == pytest.approx(0.75 * each[0] + 0.25 * each[1], rel=1e-12)


@given(st.lists(st.floats(0.1, 2.3), min_size=2, max_size=4), st.integers(0, 2**32 - 1))
def test_the_growth_of_any_chain_is_one_at_its_exponent(lrs, seed):
    kernel = np.random.default_rng(seed).dirichlet(np.ones(len(lrs)), len(lrs))
    found = linsgd.schedule_exponent(gaussian([1.0]), SGD(lr=0.4), lrs, "markov", kernel)
    h = [linsgd.spectral_function(gaussian([1.0]), SGD(lr=lr), found.value).value for lr in lrs]
    assert np.abs(np.linalg.eigvals(kernel * h)).max() == pytest.approx(1, abs=1e-10)


def test_at_the_edge_the_error_is_that_of_the_lyapunov_exponent():
    bounds = linsgd.stability(gaussian([1.0]), SGD(lr=1.0)).lr_almost_sure
    edge = (bounds.lower + bounds.upper) / 2
    lr = edge * (1 - 1e-9)
    exact = linsgd.tail_exponent(gaussian([1.0]), SGD(lr=lr), method="mpmath").value
    for order, kernel in (
        ("cyclic", None),
        ("independent", None),
        ("markov", [[0.9, 0.1], [0.3, 0.7]]),
    ):
        found = linsgd.schedule_exponent(gaussian([1.0]), SGD(lr=1.0), [lr, lr], order, kernel)
        assert found.lower < exact < found.upper
        assert found.upper - found.lower < 1e-2 * exact
    beyond = linsgd.schedule_exponent(gaussian([1.0]), SGD(lr=1.0), [edge, edge])
    assert (beyond.status, beyond.lower, beyond.upper) == ("unresolved", 0.0, np.inf)


def test_below_one_constant_steps_can_have_the_heaviest_tails():
    # the inequality of constant steps needs alpha >= 1; that of cyclic and independent ones does
    # not
    problem, sgd, lrs = gaussian([1.0]), SGD(lr=2.42), [1.92, 2.92]
    cyclic, independent, sticky = (
        linsgd.schedule_exponent(problem, sgd, lrs, *order).value
        for order in (("cyclic",), ("independent",), ("markov", [[0.9, 0.1], [0.1, 0.9]]))
    )
    assert alpha(lr=2.42) == pytest.approx(4.089e-4, rel=1e-3)
    assert alpha(lr=2.42) < 0.1 * sticky < sticky < independent < cyclic


# the labels


def test_without_label_noise_the_law_is_a_point():
    found = linsgd.schedule_exponent(gaussian([1.0], noise_std=0.0), SGD(lr=0.4), [0.3, 0.5])
    assert (found.status, found.value == found.value) == ("degenerate", False)


def test_heavy_labels_pass_their_exponent_on():
    def found(dof):
        problem = gaussian([1.0], noise=linsgd.StudentNoise(dof=dof))
        return linsgd.schedule_exponent(problem, SGD(lr=0.4), [0.3, 0.5])

    assert (found(1.5).value, found(1.5).status) == (1.5, "power_law")
    assert found(9.0).value == pytest.approx(3.545483, abs=6e-7)


def test_labels_without_noise_have_no_tail_whatever_their_law():
    # weight decay pulls away from an optimum that is not 0, so that there is a law, and it is the
    # products'
    heavy = gaussian([1.0], optimum=[1.0], noise_std=0.0, noise=linsgd.StudentNoise(dof=1.5))
    sgd = SGD(lr=0.4, weight_decay=0.1)
    found = [
        linsgd.schedule_exponent(problem, sgd, [0.3, 0.5]).value
        for problem in (heavy, gaussian([1.0]))
    ]
    assert found[0] == found[1] > 1.5
    limits = [
        linsgd.asymptotic_exponent(problem, sgd, "edge").value
        for problem in (heavy, gaussian([1.0]))
    ]
    assert limits[0] == limits[1] > 1.5


def test_bounds_are_plain_numbers():
    found = linsgd.schedule_exponent(gaussian([1.0]), SGD(lr=0.4), [0.3, 0.5])
    assert {type(x) for x in (found.value, found.lower, found.upper, found.lyapunov)} == {float}
