"""Pictures of risk curves, frontiers, exponents and best schedules show their numbers."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import linsgd

LAW = linsgd.PowerLaw(exponent=1.5, source=0.4)


def test_a_frontier_shows_every_curve_and_the_least_risk():
    found = linsgd.risk_frontier(LAW, linsgd.SGD(lr=0.2), [4, 16], [1, 4, 8], [10, 100])
    ax = linsgd.plot.frontier(found, Figure().add_subplot())
    lines = ax.get_lines()
    assert len(lines) == 2 * 3 + 1
    assert lines[-1].get_ydata() == pytest.approx(found.least_risk)
    assert lines[5].get_xdata() == pytest.approx(16 * 8 * found.steps)


def test_a_phase_diagram_has_a_marker_a_phase():
    points = [linsgd.compute_optimal(2.0, c, decades=10) for c in (0.2, 0.8, 1.5)]
    ax = linsgd.plot.phase_diagram(points, Figure().add_subplot())
    drawn = np.concatenate([each.get_array() for each in ax.collections])
    assert sorted(drawn) == pytest.approx(sorted(p.risk_exponent for p in points))
    assert len(ax.collections) == len({p.phase for p in points}) == 3


def test_intervals_are_drawn_beside_curves():
    curve = linsgd.risk_curve(LAW, linsgd.SGD(lr=0.2), [1, 10])
    measured = {"run": ([1, 10], [2, 3], [4, 9])}
    ax = linsgd.plot.risk_curves({"exact": curve}, Figure().add_subplot(), measured)
    assert ax.containers[0][0].get_ydata() == pytest.approx([3, 6])
    assert "run" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_best_schedule_is_drawn_over_its_steps():
    best = linsgd.best_schedule(
        linsgd.LinearRegression.gaussian([1.0, 0.1], optimum=[1.0, 1.0]), linsgd.SGD(lr=0.5), 20, 4
    )
    (stairs,) = linsgd.plot.learning_rates(best, Figure().add_subplot()).patches
    assert stairs.get_data().values == pytest.approx(best.lr)


@pytest.mark.parametrize(
    ("draw", "named"),
    [
        (lambda: linsgd.plot.frontier(3), "found = 3"),
        (lambda: linsgd.plot.phase_diagram([]), "points = "),
        (lambda: linsgd.plot.phase_diagram([1]), r"points\[0\] = 1"),
        (lambda: linsgd.plot.learning_rates("x"), "best = "),
    ],
)
def test_other_objects_are_refused(draw, named):
    with pytest.raises(ValueError, match=named):
        draw()
