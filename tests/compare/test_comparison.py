"""The comparison shows the theories' numbers, and a simulation that agrees with the exact law."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from linsgd import SGD, LinearRegression
from linsgd.compare.comparison import QUANTITIES, Comparison, compare
from linsgd.theory.escape import heavy_ball_rate
from linsgd.theory.mixing import mixing_rate
from linsgd.theory.moments import moments, stationary_moments
from linsgd.theory.result import MomentsStatus
from linsgd.theory.stability.moment_threshold import moment_threshold

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


def test_the_simulation_agrees_and_the_test_can_fail(setting):
    """Each of the three settings raises a false alarm with probability 1e-6."""
    table = compare(*setting)
    assert table.agrees is True
    np.testing.assert_allclose(table.z, (table.simulated - table.exact) / table.standard_error)
    assert dataclasses.replace(table, simulated=2 * table.simulated).agrees is False
    assert "agrees" in repr(table)


def test_executors_change_no_number(setting):
    with ThreadPoolExecutor(1) as executor:
        one = compare(*setting, chains=512, executor=executor)
    assert one == compare(*setting, chains=512)


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


def test_an_unstable_setting_says_by_how_much():
    table = compare(LinearRegression.gaussian([1.0]), SGD(lr=3.0), chains=64)
    assert table.status is MomentsStatus.UNSTABLE
    assert (table.steps, table.settled) == (8, False)
    assert np.isfinite(table.exact).all()
    assert np.isinf(table.stationary[0]).all()
    assert any("lr = 3 is 1.5 times lr_mean = 2" in remark for remark in table.remarks)


def test_a_far_too_large_lr_prints_short_cells_and_no_warning():
    table = compare(SETTINGS["data"][0], SGD(lr=1e9), chains=128)
    assert max(map(len, repr(table).split())) < 30


def test_what_has_not_settled_says_so():
    slow = LinearRegression.gaussian([1.0, 1e-6], optimum=[1.0, 1.0])
    table = compare(slow, SGD(lr=0.1, batch_size=8), chains=64)
    assert (table.steps, table.settled) == (2**14, False)
    assert any("not yet within 0.1 %" in remark for remark in table.remarks)


def test_data_without_noise_are_shown_as_zero():
    exact_line = LinearRegression.from_data([[1, 2], [2, 1], [0, 1]], [5, 4, 2])
    table = compare(exact_line, SGD(lr=0.1), chains=128)
    assert table.settled
    assert table.agrees
    assert "e-" not in repr(table)


def test_a_theory_that_does_not_cover_the_optimizer_is_named():
    table = compare(*SETTINGS["data"], chains=64)
    assert table.theories == ("exact",)
    assert {remark.partition(" ")[0] for remark in table.remarks} >= {"langevin", "diffusion"}


def test_the_html_table_has_a_cell_for_each_number(setting):
    table = compare(*setting, chains=64)
    html = ElementTree.fromstring(table._repr_html_())
    body = html.findall("tbody/tr")
    assert [len(row.findall("td")) for row in body[:5]] == [len(table.theories) + 3] * 5
    assert len(html.findall("thead/tr/th")) == len(table.theories) + 4


def test_it_prints_a_table_and_comes_back_from_json(setting):
    table = compare(*setting, chains=64)
    lines = repr(table).splitlines()
    assert len({len(line) for line in lines[1 : 2 + len(QUANTITIES)]}) == 1
    assert Comparison.from_dict(table.to_dict()) == table


def test_data_without_a_fourth_moment_say_so():
    heavy = LinearRegression.from_data([[1.0]] * 20 + [[6.0]], [1.0, -1.0] * 10 + [1.0])
    threshold = moment_threshold(heavy, SGD(lr=0.1), 2).value
    table = compare(heavy, SGD(lr=0.99 * threshold), chains=128)
    assert table.agrees is None
    assert any("no fourth moment" in remark for remark in table.remarks)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_spread_that_is_infinite_is_not_estimated(momentum):
    problem = LinearRegression.gaussian([1.0])
    for finite in (True, False):
        lr = moment_threshold(problem, SGD(lr=0.1, momentum=momentum), 4).value * (
            1.1 - 0.8 * finite
        )
        table = compare(problem, SGD(lr=lr, momentum=momentum), chains=128)
        assert np.isfinite(table.standard_error).all() == finite
        assert ("± inf" in str(table)) != finite


def test_one_tile_of_chains_has_no_standard_error(setting):
    table = compare(*setting, chains=64)
    assert table.agrees is None
    assert any("more than 64 chains" in remark for remark in table.remarks)


@pytest.mark.parametrize("chains", [1, 2.5])
def test_too_few_chains_are_refused(setting, chains):
    with pytest.raises(ValueError, match="chains"):
        compare(*setting, chains=chains)


def test_epochs_are_refused():
    with pytest.raises(ValueError, match=r"sgd\.sampling = 'epoch'"):
        compare(SETTINGS["data"][0], SGD(lr=0.05, sampling="epoch"))


@pytest.mark.parametrize(
    "sgd",
    [
        SGD(lr=0.1),
        SGD(lr=0.05, momentum=0.9),
        SGD(lr=0.05, momentum=0.3, dampening=0.3, weight_decay=0.2),
        SGD(lr=0.05, momentum=0.5, nesterov=True),
    ],
)
def test_mixing_rates_are_the_decay_of_each_theorys_mean(sgd):
    """By the size of the mean over 200 steps, against that over 400; whatever the batch."""
    problem = LinearRegression.gaussian([1.0, 0.3], optimum=[1.0, 2.0])
    table = compare(problem, sgd, chains=64)
    larger = compare(problem, dataclasses.replace(sgd, batch_size=64), chains=64)
    np.testing.assert_array_equal(table.mixing_rates, larger.mixing_rates)
    minimum = problem.solution(sgd.weight_decay)
    for theory, rate in zip(table.theories, table.mixing_rates, strict=True):
        steps = np.arange(41) * 2
        law = moments(problem, sgd, steps, theory=theory)
        sizes = np.linalg.norm(law.mean - minimum, axis=1)
        slope = np.polyfit(steps[20:], np.log(sizes[20:]), 1)[0]
        assert -slope == pytest.approx(rate, rel=0.1)  # an oscillation is averaged


def test_mixing_rates_of_heavy_balls():
    problem = LinearRegression.gaussian([1.0])
    sgd = SGD(lr=0.01, momentum=0.9)
    found = heavy_ball_rate(1.0, 0.01, 0.9)
    assert mixing_rate(problem, sgd) == pytest.approx(found.rate, rel=1e-12)
    assert mixing_rate(problem, SGD(lr=3.0)) < 0
    slow = LinearRegression.gaussian([1e-12])
    assert mixing_rate(slow, SGD(lr=0.1, momentum=0.9)) == pytest.approx(1e-12, rel=1e-9)


def test_a_theory_of_ones_own_stands_beside_the_others():
    problem, sgd = SETTINGS["momentum"]

    def doubled(problem, sgd):
        law = stationary_moments(problem, sgd)
        return {"excess_loss": 2 * law.excess_loss}

    table = compare(problem, sgd, chains=128, theories={"doubled": doubled})
    assert table.theories[-1] == "doubled"
    error = table.relative_error[-1]
    assert error[QUANTITIES.index("excess_loss")] == pytest.approx(1.0)
    assert np.isnan(error[[0, 1, 2, 4]]).all()
    assert table.within(0.5)["doubled"] is False
    assert table.within(0.5)["exact"] is True
    assert "doubled" in repr(table)
    assert "doubled nan" not in repr(table)
    assert table.within(1.1)["doubled"] is True


@pytest.mark.parametrize(
    ("theories", "message"),
    [
        ({"exact": lambda problem, sgd: {}}, "theories"),
        ({"mine": lambda problem, sgd: {"speed": 1.0}}, "a quantity of theory 'mine'"),
    ],
)
def test_bad_theories_are_named(theories, message):
    with pytest.raises(ValueError, match=message):
        compare(*SETTINGS["momentum"], chains=64, theories=theories)


def test_a_finite_theory_of_an_infinite_variance_is_not_within_any_tolerance():
    problem = LinearRegression.gaussian([1.0])
    table = compare(problem, SGD(lr=1.2), chains=64)
    assert table.status == "infinite_variance"
    assert table.within(1e9)["langevin"] is False


def test_a_comparison_is_a_table_and_a_picture():
    table = compare(*SETTINGS["momentum"], chains=256)
    ax = table.plot(Figure().add_subplot())
    drawn = {line.get_label(): line.get_xdata() for line in ax.get_lines()}
    np.testing.assert_array_equal(drawn["langevin"], table.relative_error[1])
    pytest.importorskip("pandas")
    frame = table.to_dataframe()
    assert list(frame.index) == list(QUANTITIES)
    np.testing.assert_array_equal(frame["simulated"], table.simulated)
    np.testing.assert_array_equal(frame["langevin, limit"], table.stationary[1])
