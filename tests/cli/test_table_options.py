"""The command line on a table: how it is read, and a learning rate without guessing."""

import json

import pytest

import linsgd
from linsgd.cli import main
from linsgd.problems.table import read_table

TABLE = "size;colour;y\n1,5;red;2\n;blue;4\n3,5;blue;5\n4;red;3\n5,5;blue;9\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return str(path)


def run(capsys, *words):
    code = main(list(words))
    output = capsys.readouterr()
    return code, output.out, output.err


def test_a_table_needs_its_choices_said(capsys, table):
    code, _, error = run(capsys, "predict", "--data", table, "--target", "y")
    assert code == 2
    assert "--drop-missing" in error


def test_half_of_the_threshold_is_taken_and_said(capsys, table):
    options = ["--drop-missing", "--one-hot", "--standardize", "--intercept", "--json"]
    code, out, error = run(
        capsys, "predict", "--data", table, "--target", "y", "--batch-size", "2", *options
    )
    assert code == 0
    problem = read_table(
        table, "y", drop_missing=True, one_hot=True, standardize=True, intercept=True
    )
    edges = linsgd.stability(problem, linsgd.SGD(lr=1.0, batch_size=2))
    half = linsgd.SGD(lr=edges.lr_mean_square / 2, batch_size=2)
    law = linsgd.stationary_moments(problem, half)
    assert json.loads(out)["stationary"]["position_variance"] == law.position_variance.tolist()
    assert "4 rows, 3 features, rank 3, condition number" in error
    assert f"is 0.5 times lr_mean_square = {edges.lr_mean_square:.6g}" in error


@pytest.mark.parametrize("command", ["predict", "compare"])
def test_a_rate_far_beyond_says_by_how_much(capsys, command):
    words = [command, "--spectrum", "100,1", "--lr", "1"]
    code, _, error = run(capsys, *words, *(["--chains", "256"] if command == "compare" else []))
    assert code == 0
    edge = linsgd.stability(
        linsgd.LinearRegression.gaussian([100.0, 1.0]), linsgd.SGD(lr=1.0)
    ).lr_mean_square
    assert f"lr = 1 is {1 / edge:.3g} times lr_mean_square" in error


def test_a_multiple_is_of_the_thresholds_own_optimizer(capsys):
    words = ["--spectrum", "1", "--momentum", "0.9", "--lr", "0.1x"]
    _, _, error = run(capsys, "predict", *words)
    edge = linsgd.stability(
        linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=1.0, momentum=0.9)
    ).lr_mean_square
    assert f"lr = {0.1 * edge:.6g} is 0.1 times" in error


@pytest.mark.parametrize("rate", ["x", "fast", "0x", "-1x", "nan"])
def test_a_rate_that_is_none_is_refused(capsys, rate):
    code, _, error = run(capsys, "predict", "--spectrum", "1", f"--lr={rate}")
    assert code == 2
    assert "lr = " in error
    assert "outside its domain" in error or "neither a number nor a multiple" in error
