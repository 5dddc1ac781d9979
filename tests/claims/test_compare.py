"""The comparison shows the numbers of the theories, and a simulation that agrees with the exact one."""

import numpy as np
import pytest

from linsgd import SGD, LinearRegression
from linsgd.compare.comparison import QUANTITIES, Comparison, compare
from linsgd.theory.moments import MomentsStatus, stationary_moments
from linsgd.theory.stability.moment_threshold import moment_threshold

FALSE_ALARM = (
    6.0  # standard errors of a mean over 4096 chains: about 2e-9 a number, 1e-7 over this file
)
DATA = np.random.default_rng(0).normal(size=(30, 3))
SETTINGS = {
    "momentum": (
        LinearRegression.gaussian([1.0, 0.5], optimum=[1.0, 2.0]),
        SGD(lr=0.1, batch_size=8, momentum=0.9),
    ),
    "decay": (
        LinearRegression.gaussian([[2.0, 1.0], [1.0, 2.0]]),
        SGD(lr=0.05, batch_size=8, weight_decay=0.5),
    ),
    "data": (
        LinearRegression.from_data(DATA, DATA @ [1.0, 2.0, 3.0] + 0.1),
        SGD(lr=0.05, batch_size=8, replacement=False, momentum=0.5, nesterov=True),
    ),
}


@pytest.fixture(params=SETTINGS)
def setting(request):
    return SETTINGS[request.param]


def scores(table, factor=1.0):
    return np.abs(table.simulated - factor * table.exact) / table.standard_error


def test_the_simulation_agrees_and_the_test_can_fail(setting):
    table = compare(*setting)
    assert (scores(table) < FALSE_ALARM).all()
    assert (scores(table, factor=2.0)[[0, 1, 3]] > FALSE_ALARM).all()


def test_each_theory_shows_its_own_numbers(setting):
    problem, sgd = setting
    table = compare(problem, sgd, chains=64)
    assert table.theories[0] == "exact"
    for theory, row in zip(table.theories, table.stationary, strict=True):
        law = stationary_moments(problem, sgd, theory=theory)
        np.testing.assert_allclose(row[[3, 4]], [law.excess_loss, law.excess_risk])


def test_the_step_is_near_the_limit(setting):
    table = compare(*setting, chains=64)
    np.testing.assert_allclose(table.exact[:2], table.stationary[0, :2], rtol=1e-3)


def test_an_unstable_setting_says_so():
    table = compare(LinearRegression.gaussian([1.0]), SGD(lr=3.0), chains=64)
    assert table.status is MomentsStatus.UNSTABLE
    assert table.steps == 8
    assert np.isfinite(table.exact).all()


def test_it_prints_a_table_and_comes_back_from_json(setting):
    table = compare(*setting, chains=64)
    lines = repr(table).splitlines()
    assert len({len(line) for line in lines[2 : 2 + len(QUANTITIES)]}) == 1
    assert Comparison.from_dict(table.to_dict()).to_dict() == table.to_dict()


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_spread_that_is_infinite_is_not_estimated(momentum):
    problem = LinearRegression.gaussian([1.0])
    for finite in (True, False):
        lr = moment_threshold(problem, SGD(lr=0.1, momentum=momentum), 4).value * (
            1.1 - 0.2 * finite
        )
        table = compare(problem, SGD(lr=lr, momentum=momentum), chains=64)
        assert np.isfinite(table.standard_error).all() == finite
        assert ("± inf" in str(table)) != finite


@pytest.mark.parametrize("chains", [1, 2.5])
def test_too_few_chains_are_refused(setting, chains):
    with pytest.raises(ValueError, match="chains"):
        compare(*setting, chains=chains)


def test_epochs_are_refused():
    with pytest.raises(ValueError, match=r"sgd\.sampling = 'epoch'"):
        compare(SETTINGS["data"][0], SGD(lr=0.05, sampling="epoch"))
