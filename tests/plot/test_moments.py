"""Moments in time and the map of stability: the curves are the numbers."""

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

import linsgd
from linsgd import plot

PROBLEM = linsgd.LinearRegression.gaussian([1.0, 0.2], optimum=[1.0, -1.0])
SGD = linsgd.SGD(lr=0.1, batch_size=4, momentum=0.8)
STEPS = [1, 3, 10, 40]
LAWS = {name: linsgd.moments(PROBLEM, SGD, STEPS, theory=name) for name in ("exact", "langevin")}
RUN = linsgd.simulate(PROBLEM, SGD, STEPS, chains=256)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def curves(ax):
    return [line.get_xydata() for line in ax.get_lines()]


@pytest.mark.parametrize("quantity", ["excess_loss", "excess_risk", "position_variance"])
def test_each_law_has_its_curve_for_each_mode(quantity):
    ax = plot.moments(LAWS, quantity)
    expected = [
        np.column_stack([STEPS, mode])
        for law in LAWS.values()
        for mode in getattr(law, quantity).reshape(4, -1).T
    ]
    np.testing.assert_array_equal(curves(ax), expected)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(LAWS)


def test_one_law_stands_for_itself_and_infinite_moments_leave_a_gap():
    wild = linsgd.moments(PROBLEM, linsgd.SGD(lr=1e70), [1, 2, 9])
    ax = plot.moments(wild)
    (curve,) = curves(ax)
    assert np.isnan(curve[-1, 1])
    assert ax.get_legend().get_texts()[0].get_text() == "exact"


def test_a_simulation_is_drawn_with_its_intervals():
    ax = plot.against_simulation(LAWS["exact"], RUN, "velocity_variance", confidence=0.9)
    lower, upper = RUN.interval("velocity_variance", 0.9)
    bars = [c for c in ax.collections if hasattr(c, "get_segments")]
    assert len(bars) == 2
    for mode, bar in enumerate(bars):
        ends = np.array(bar.get_segments())[:, :, 1]
        np.testing.assert_allclose(ends, np.column_stack([lower[:, mode], upper[:, mode]]))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: plot.moments(LAWS, "speed"), "quantity"),
        (lambda: plot.moments({}), "laws"),
        (lambda: plot.moments(RUN), "laws"),
        (lambda: plot.moments({"x": linsgd.stationary_moments(PROBLEM, SGD)}), "laws"),
        (lambda: plot.against_simulation(LAWS, LAWS["exact"]), "run"),
        (lambda: plot.stability_map(PROBLEM, SGD, [4]), "batch_size"),
        (lambda: plot.stability_map(PROBLEM, SGD, [4, 2]), "batch_size"),
        (lambda: plot.moments(LAWS, ax="axes"), "ax"),
    ],
)
def test_bad_arguments_are_named(call, named):
    with pytest.raises(ValueError, match=rf"^{named}"):
        call()


def test_the_map_shows_both_thresholds():
    ax = plot.stability_map(PROBLEM, SGD, [1, 8, 64], ax=Figure().add_subplot())
    square, mean = (curve[:, 1] for curve in curves(ax))
    for i, size in enumerate([1, 8, 64]):
        edges = linsgd.stability(PROBLEM, linsgd.SGD(lr=0.1, batch_size=size, momentum=0.8))
        assert (square[i], mean[i]) == (edges.lr_mean_square, edges.lr_mean)
