"""Figures show the numbers they claim to show, are drawn where told, and change nothing else."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import linsgd
from linsgd import plot

PROBLEM = linsgd.LinearRegression.gaussian([1.0, 0.05], noise_std=0.5, optimum=[0.5, -1.0])
ROTATED = linsgd.LinearRegression.gaussian([[1.0, 0.4], [0.4, 0.5]], optimum=[0.5, -1.0])
SGD = linsgd.SGD(lr=0.1, batch_size=8, momentum=0.9)
STEPS = [1, 3, 10, 300, 1000]
TAIL = linsgd.estimate.tail_index(np.arange(1.0, 1001.0))
RARE = linsgd.rare_events(PROBLEM, SGD, [0.1, 1.0], steps=10, settling=10, walkers=4, replicas=2)

RECORD = linsgd.Exceedance(lowest=-3, highest=1, after=5)
RUN = linsgd.simulate(PROBLEM, SGD, 10, chains=128, record=RECORD)

PICTURES = {
    "phase_portrait": lambda ax: plot.phase_portrait(PROBLEM, SGD, 30, ax=ax),
    "modified_loss": lambda ax: plot.modified_loss(PROBLEM, SGD, ax=ax),
    "displacement": lambda ax: plot.displacement(PROBLEM, SGD, STEPS, ax=ax),
    "exponent": lambda ax: plot.exponent(PROBLEM, SGD, STEPS, ax=ax),
    "regime_diagram": lambda ax: plot.regime_diagram(ax=ax),
    "error_map": lambda ax: plot.error_map(ax=ax),
    "threshold_path": lambda ax: plot.threshold_path(TAIL, ax=ax),
    "survival": lambda ax: plot.survival(RARE, ax=ax),
}


@pytest.mark.cases(4)
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_drawn_where_it_is_told_and_touches_nothing_else(name):
    before, axes = dict(mpl.rcParams), Figure().add_subplot()
    assert PICTURES[name](axes) is axes
    own = PICTURES[name](None)
    assert isinstance(own, Axes)
    assert own.figure is not axes.figure
    own.figure.canvas.draw()
    assert dict(mpl.rcParams) == before


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


@pytest.mark.parametrize("name", PICTURES)
def test_a_figure_of_its_own_is_one_that_notebooks_show(name):
    own = PICTURES[name](None)
    assert pyplot.fignum_exists(own.figure.number)
    assert pyplot.get_fignums() == [own.figure.number]


def test_pyplot_is_imported_only_for_a_figure_of_its_own():
    code = (
        "import sys, linsgd; from matplotlib.figure import Figure\n"
        "problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.1)\n"
        "linsgd.plot.displacement(problem, sgd, [1, 2], ax=Figure().add_subplot())\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("ax", [np.array([Figure().add_subplot()]), Figure(), "axes"])
def test_what_is_no_axes_is_refused(name, ax):
    with pytest.raises(ValueError, match=r"^ax = .* is outside its domain: None or one Axes"):
        PICTURES[name](ax)


@pytest.mark.parametrize("problem", [PROBLEM, ROTATED])
def test_portrait_shows_the_exact_mean_and_the_langevin_path(problem):
    ax = plot.phase_portrait(problem, SGD, 20, mode=1)
    lines = {line.get_label(): line.get_xydata() for line in ax.get_lines()}
    for label, theory, stride in (("exact", "exact", 1), ("Langevin", "langevin", 8)):
        law = linsgd.moments(problem, SGD, np.arange(21), theory=theory)
        path = [problem.to_eigenbasis(part)[:, 1] for part in (law.mean, law.velocity_mean)]
        np.testing.assert_allclose(
            lines[label][::stride], np.transpose(path), rtol=1e-12, atol=1e-12
        )


def test_portrait_draws_the_trajectories_it_is_given():
    chains = np.random.default_rng(0).normal(size=(3, 21, 2))
    ax = plot.phase_portrait(PROBLEM, SGD, 20, trajectories=chains)
    np.testing.assert_array_equal([line.get_xydata() for line in ax.get_lines()[:3]], chains)


def test_modified_loss_arrows_turn_clockwise():
    ax = plot.modified_loss(ROTATED, SGD, mode=1)
    (arrows,) = [artist for artist in ax.collections if hasattr(artist, "U")]
    center = ROTATED.to_eigenbasis(ROTATED.optimum)[1]
    x, v = arrows.X - center, arrows.Y
    assert np.all(x * arrows.V - v * arrows.U <= 1e-12)
    assert np.any(x * arrows.V - v * arrows.U < -1e-3)


@pytest.mark.parametrize(
    ("picture", "field"), [(plot.displacement, "global_msd"), (plot.exponent, "exponent")]
)
def test_displacement_pictures_show_each_theory(picture, field):
    ax = picture(PROBLEM, SGD, STEPS, theories=("exact", "langevin"))
    lines = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
    np.testing.assert_array_equal(
        lines["exact"], getattr(linsgd.displacement(PROBLEM, SGD, STEPS), field)
    )
    langevin = linsgd.displacement(PROBLEM, SGD, STEPS, theory="langevin")
    np.testing.assert_array_equal(lines["Langevin"], getattr(langevin, field))


@pytest.mark.parametrize("picture", [plot.displacement, plot.exponent])
class TestDisplacementArguments:
    def test_one_theory_by_its_name(self, picture):
        ax = picture(PROBLEM, SGD, STEPS, theories="diffusion")
        assert [line.get_label() for line in curves(ax)] == ["first-order diffusion"]

    def test_by_default_the_theories_that_cover_the_optimizer(self, picture):
        nesterov = linsgd.SGD(lr=0.1, batch_size=8, momentum=0.9, nesterov=True)
        assert [line.get_label() for line in curves(picture(PROBLEM, nesterov, STEPS))] == ["exact"]
        assert len(curves(picture(PROBLEM, SGD, STEPS))) == 3
        with pytest.raises(ValueError, match="nesterov = True"):
            picture(PROBLEM, nesterov, STEPS, theories=["langevin"])

    def test_results_are_drawn_as_they_are(self, picture):
        results = [
            linsgd.displacement(PROBLEM, SGD, STEPS, theory=t) for t in ("exact", "langevin")
        ]
        given, computed = picture(results), picture(PROBLEM, SGD, STEPS)
        for line, same in zip(curves(given), curves(computed)[:2], strict=True):
            np.testing.assert_array_equal(line.get_xydata(), same.get_xydata())
            assert line.get_color() == same.get_color()
        assert len(curves(picture(results[0]))) == 1


def curves(ax):
    """The lines of the legend."""
    return [line for line in ax.get_lines() if not line.get_label().startswith("_")]


def test_numbers_along_the_displacement_are_local_exponents():
    steps = np.unique(np.geomspace(1, 1e4, 60).astype(int))
    ax = plot.displacement(PROBLEM, SGD, steps)
    path = linsgd.displacement(PROBLEM, SGD, steps)
    assert ax.get_legend().get_title().get_text() == "numbers: local exponent"
    assert len(ax.texts) == 5
    for text in ax.texts:
        (where,) = np.flatnonzero(path.steps == text.xy[0])
        assert text.get_text() == f"{path.exponent[where]:.2f}"
    assert min(text.xy[0] for text in ax.texts) > 2  # the first keeps clear of the axis


def test_negative_exponents_stay_inside_the_axes():
    far = (np.zeros(2), np.array([3.0, 3.0]))
    problem = linsgd.LinearRegression.gaussian([1.0, 0.5], noise_std=0.1)
    path = linsgd.displacement(problem, SGD, np.arange(1, 100), start=far)
    assert np.nanmin(path.exponent) < -0.5
    assert plot.exponent(path).get_ylim()[0] < np.nanmin(path.exponent)
    assert plot.exponent(PROBLEM, SGD, STEPS, theories="exact").get_ylim()[0] == 0


def test_the_bound_is_drawn_where_the_momentum_is_known():
    path = linsgd.displacement(PROBLEM, SGD, STEPS)
    assert not plot.exponent(path).collections
    assert len(plot.exponent(path, SGD).collections) == 1


@pytest.mark.cases(1)
@pytest.mark.parametrize(("mode", "length"), [(0, 76), (1, 350)])
def test_a_portrait_of_no_given_length_shows_four_relaxation_times(mode, length, monkeypatch):
    # one ellipse a step, as drawing them is the cost
    monkeypatch.setattr(linsgd.plot.phase_space, "FINE", 1)
    problem = linsgd.LinearRegression.gaussian([1.0, 0.01])
    damping = linsgd.oscillation(problem, SGD).damping[mode]
    ax = plot.phase_portrait(problem, SGD, mode=mode)
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert lines["exact"].get_xydata().shape == (1 + round(4 / damping), 2)
    assert round(4 / damping) == pytest.approx(length, rel=0.1)


def test_survival_of_a_prediction_alone():
    problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=2 / 3)
    predicted = linsgd.tail_probability(problem, sgd, [10.0, 100.0])
    ax = plot.survival(predicted)
    np.testing.assert_array_equal(ax.get_lines()[0].get_ydata(), predicted.value)
    assert not ax.containers


def test_survival_of_an_ensemble():
    ax = plot.survival(RUN, thresholds=RECORD.thresholds)
    (bar,) = ax.containers
    share, error = RUN.value("exceedance"), RUN.standard_error("exceedance")
    reached = share > 0
    assert bar.lines[0].get_ydata().tolist() == share[reached].tolist()
    ends = np.array(bar.lines[2][0].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends[:, 1] - ends[:, 0], 4 * error[reached], atol=1e-15)


def test_threshold_path_shows_the_path_its_interval_and_the_exact_exponent():
    found = linsgd.estimate.tail_index(np.random.default_rng(0).pareto(2.0, 10_000) + 1)
    ax = plot.threshold_path(found, alpha=2.0)
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_array_equal(
        lines["estimate"].get_xydata(), np.transpose([found.path_points, found.path_values])
    )
    assert set(lines["exact"].get_ydata()) == {2.0}
    (band,) = [artist for artist in ax.collections if artist.get_label() == "95 % interval"]
    drawn = band.get_paths()[0].vertices[:, 1]
    ends = np.array([*found.path_lower, *found.path_upper])
    assert set(ends[np.isfinite(ends)]) <= set(drawn)
    assert np.isinf(ends).any()
    assert max(drawn) > ax.get_ylim()[1]  # an interval without end
    (bar,) = ax.containers
    assert bar.lines[0].get_xydata().tolist() == [[found.points, found.value]]


@pytest.mark.parametrize("sample", [np.ones(1000), np.random.default_rng(0).normal(size=1000)])
@pytest.mark.parametrize("method", ["hill", "moments"])
def test_threshold_path_without_an_end_is_drawn(sample, method):
    plot.threshold_path(linsgd.estimate.tail_index(sample, method)).figure.canvas.draw()


def test_threshold_path_of_too_few_values_is_empty():
    ax = plot.threshold_path(linsgd.estimate.tail_index([1.0, 2.0]))
    assert not ax.containers
    ax.figure.canvas.draw()


def test_survival_shows_what_was_reached_and_what_is_predicted():
    problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=2 / 3)
    t = [10.0, 100.0, 1e60]  # the last beyond reach
    seen = linsgd.rare_events(problem, sgd, t, steps=20, settling=20, walkers=20, replicas=2)
    predicted = linsgd.tail_probability(problem, sgd, t)
    ax = plot.survival(seen, predicted)
    (bar,) = ax.containers
    assert seen.probability[2] == 0
    assert bar.lines[0].get_ydata().tolist() == seen.probability[:2].tolist()
    assert bar.lines[2][0].get_segments()[1].tolist() == [
        [100.0, seen.lower[1]],
        [100.0, seen.upper[1]],
    ]
    np.testing.assert_array_equal(ax.get_lines()[0].get_ydata(), predicted.value)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


@pytest.mark.parametrize(
    "quantity", ["position_variance", "velocity_variance", "damping", "frequency"]
)
def test_error_map_is_the_error(quantity):
    mesh = plot.error_map(quantity).collections[0]
    corners = mesh.get_coordinates()
    momentum = (corners[:-1, 0, 1] + corners[1:, 0, 1]) / 2
    row = int(np.argmin(np.abs(momentum - 0.9)))
    product = np.geomspace(1e-3, 3.9, 300)[200]
    problem, sgd = (
        linsgd.LinearRegression.gaussian([product]),
        linsgd.SGD(lr=1.0, momentum=momentum[row]),
    )
    exact, langevin = (linsgd.oscillation(problem, sgd, theory) for theory in ("exact", "langevin"))
    expected = {
        "position_variance": product / (2 * (1 + momentum[row])),
        "velocity_variance": product / (2 * (1 + momentum[row])),
        "damping": abs(langevin.damping[0] / exact.damping[0] - 1),
        "frequency": abs(langevin.frequency[0] / exact.frequency[0] - 1),
    }[quantity]
    assert mesh.get_array()[row, 200] == pytest.approx(expected, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: plot.error_map("charm"), "quantity"),
        (lambda: plot.error_map("variance"), "quantity"),
        (lambda: plot.displacement(PROBLEM, SGD, STEPS, theories="exakt"), "theories = 'exakt'"),
        (lambda: plot.displacement(PROBLEM, SGD), "steps = None"),
        (lambda: plot.displacement(PROBLEM), "sgd = None"),
        (lambda: plot.displacement("path"), "problem = 'path' of type str"),
        (lambda: plot.displacement([]), "problem = "),
        (lambda: plot.exponent(SGD), "problem = SGD"),
        (lambda: plot.survival(TAIL), "seen = "),
        (lambda: plot.survival(RARE, RARE), "predicted = "),
        (lambda: plot.survival(RUN), "thresholds = None"),
        (lambda: plot.survival(RUN, thresholds=[1.0]), "thresholds = "),
        (lambda: plot.threshold_path(RARE), "found = "),
        (lambda: plot.phase_portrait(None, SGD), "problem = None"),
        (lambda: plot.phase_portrait(PROBLEM, SGD, 10, mode=2), "mode"),
        (lambda: plot.phase_portrait(PROBLEM, SGD, 0), "steps"),
        (lambda: plot.threshold_path(TAIL, alpha=0.0), "alpha = 0"),
        (
            lambda: plot.modified_loss(linsgd.LinearRegression.gaussian([1.0, 0.0]), SGD, mode=1),
            "mode",
        ),
    ],
)
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()
