"""The atlas against closed forms of one feature, and its boundaries against bisection by hand."""

import json

import matplotlib as mpl
import numpy as np
import pytest

import linsgd
from linsgd import SGD, LinearRegression
from linsgd.cli import main
from linsgd.cli.parser import QUANTITIES
from linsgd.compare import atlas

mpl.use("Agg")
PROBLEM = LinearRegression.gaussian([1.0])
LR = np.geomspace(0.003, 1.5, 40)


@pytest.fixture(scope="module")
def found():
    return linsgd.atlas(PROBLEM, LR, [1, 8, 64], [0.0, 0.9])


def test_errors_are_those_of_the_closed_forms(found):
    # without momentum Var w = lr s/(2 - lr (1 + 2/b)), s = 1/b; first-order diffusion: lr s/2
    exact = LR[:, None] / (2 - LR[:, None] * (1 + 2 / found.batch_size)) / found.batch_size
    error = np.abs(LR[:, None] / 2 / found.batch_size - exact) / exact
    stable = LR[:, None] * (1 + 2 / found.batch_size) < 2
    row = found.error[found.theories.index("diffusion"), :, :, 0]
    assert row[stable] == pytest.approx(error[stable], rel=1e-9)
    assert np.isinf(row[~stable]).all()
    assert found.threshold[:, 0] == pytest.approx(2 / (1 + 2 / found.batch_size), rel=1e-9)


def test_boundaries_are_where_the_error_is_the_tolerance(found):
    # lr (1 + 2/b)/2 = tolerance
    expected = 2 * 0.05 / (1 + 2 / found.batch_size)
    assert found.boundary("diffusion")[:, 0] == pytest.approx(expected, rel=1e-3)
    for b, limit in zip(found.batch_size.tolist(), expected, strict=True):
        exact = linsgd.find_boundary(PROBLEM, SGD(lr=0.1, batch_size=b), "diffusion")
        assert exact.lr == pytest.approx(limit, rel=3e-6)
        assert exact.share == pytest.approx(0.05, rel=3e-6)


def test_a_theory_of_ones_own_is_judged_beside_the_others():
    def mine(problem, sgd):
        return sgd.lr / (2 - sgd.lr) / sgd.batch_size * np.ones(1)

    found = linsgd.atlas(PROBLEM, LR, 64, theories={"mine": mine})
    assert found.theories[-1] == "mine"
    assert (found.boundary("mine") > 5 * found.boundary("diffusion")).all()
    limit = linsgd.find_boundary(PROBLEM, SGD(lr=0.1, batch_size=64), mine)
    assert found.boundary("mine")[0, 0] == pytest.approx(limit.lr, rel=0.01)


def test_a_theory_without_the_quantity_has_no_error():
    found = linsgd.atlas(PROBLEM, [0.01, 0.1], quantity="velocity_variance")
    assert np.isnan(found.error[found.theories.index("diffusion")]).all()
    assert "holds nowhere" in repr(found)


@pytest.mark.parametrize("quantity", ["squared_speed", "excess_risk", "relaxation_rate"])
def test_errors_vanish_with_the_learning_rate(quantity):
    problem = LinearRegression.gaussian([1.0, 0.3])
    found = linsgd.atlas(problem, [1e-4, 1e-3, 1e-2], 4, 0.9, quantity)
    errors = found.error[found.theories.index("langevin"), :, 0, 0]
    assert (np.diff(errors) > 0).all()
    assert errors[0] < 2e-3


def test_results_go_to_frames_and_figures(found):
    frame = found.to_dataframe()
    assert len(frame) == found.error.size
    inside = frame[(frame.theory == "langevin") & (frame.batch_size == 8) & (frame.momentum == 0.9)]
    index = found.theories.index("langevin")
    assert inside.error.to_numpy() == pytest.approx(found.error[index, :, 1, 1], nan_ok=True)
    ax = found.plot("langevin", 0.9)
    assert ax.get_xlabel() == "learning rate"
    assert "Atlas" in found._repr_html_()


def test_the_table_of_the_terminal_and_its_files(tmp_path, capsys):
    files = ["--figure", str(tmp_path / "a.svg"), "--csv", str(tmp_path / "a.csv")]
    options = ["atlas", "--spectrum", "1", "--batch-size", "8,64", "--lr", "0.01,0.1,1", *files]
    assert main(options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "position_variance is within 5 %" in lines[0]
    assert lines[1].split()[-2:] == ["langevin", "diffusion"]
    assert float(lines[2].split()[-1]) == pytest.approx(0.08, rel=0.02)
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 1 + 2 * 3 * 2
    assert main(["atlas", "--spectrum", "1", "--lr", "0.01", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)["atlas"]
    assert linsgd.Atlas.from_dict(document | {"schema": linsgd.result.SCHEMA}).tolerance == 0.05


def test_the_command_line_knows_the_quantities():
    assert atlas.QUANTITIES == QUANTITIES


def test_spot_checks_agree_with_simulation(found):
    assert all(check.agrees for check in found.spot_check(PROBLEM, points=2))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"lr": []}, "lr = "),
        ({"lr": [0.1, -1.0]}, "lr = -1.0"),
        ({"lr": 0.1, "batch_size": 1.5}, "batch_size = "),
        ({"lr": 0.1, "momentum": 1.0}, "momentum = 1.0"),
        ({"lr": 0.1, "tolerance": 0}, "tolerance = 0"),
        ({"lr": 0.1, "quantity": "speed"}, "quantity = 'speed'"),
        ({"lr": 0.1, "theories": {"exact": lambda p, s: 1.0}}, "theories = 'exact'"),
        ({"lr": 0.1, "theories": {"mine": 1.0}}, r"theories\['mine'\] = 1.0"),
    ],
)
def test_bad_values_are_refused(options, named):
    with pytest.raises(ValueError, match=named):
        linsgd.atlas(PROBLEM, **options)


def test_without_learning_rates_every_row_of_the_grid_has_its_boundary():
    problem = LinearRegression.gaussian([1.0, 0.5, 0.1])
    found = linsgd.atlas(problem, batch_size=[1, 256], momentum=[0.0, 0.9])
    limits = found.boundary("langevin")
    assert np.isfinite(limits).all()
    exact = linsgd.find_boundary(problem, SGD(lr=1.0, batch_size=1, momentum=0.9), "langevin").lr
    assert limits[0, 1] == pytest.approx(exact, rel=0.02)
