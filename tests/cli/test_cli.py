"""The command line: what it prints, what it writes, and its exit codes."""

import json
import subprocess
import sys

import pytest

import linsgd
from linsgd import campaigns
from linsgd.cli import main

SETTING = ["--spectrum", "1,0.5", "--lr", "0.1", "--batch-size", "4", "--momentum", "0.5"]
CLAIM = ["--claim", "linsgd/first_step_is_undampened", "--problem", "gaussian"]


@pytest.fixture
def run(capsys):
    """Run a command; return its exit code, output and complaint."""

    def run(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b,y\n1,0,1\n0,2,1\n1,1,0\n-1,1,3\n0.5,-1,2\n2,0.3,-1\n")
    return path


class TestPredict:
    def test_the_numbers_are_the_librarys(self, run):
        code, output, _ = run("predict", *SETTING, "--json")
        problem, sgd = (
            linsgd.LinearRegression.gaussian([1.0, 0.5]),
            linsgd.SGD(lr=0.1, batch_size=4, momentum=0.5),
        )
        results = json.loads(output)
        assert code == 0
        assert results["stationary"] == json.loads(
            json.dumps(linsgd.stationary_moments(problem, sgd).to_dict())
        )
        assert results["stability"]["lr_mean"] == linsgd.stability(problem, sgd).lr_mean

    def test_steps_give_a_path(self, run):
        code, output, _ = run("predict", *SETTING, "--steps", "1,10,100", "--json")
        assert code == 0
        assert json.loads(output)["moments"]["steps"] == [1, 10, 100]

    def test_text_names_the_numbers(self, run):
        code, output, _ = run("predict", *SETTING)
        assert code == 0
        assert "lr_mean_square" in output
        assert "excess_loss" in output

    def test_a_table_of_ones_own(self, run, table):
        code, output, _ = run("predict", "--data", table, "--target", "y", "--lr", "0.1")
        assert code == 0
        assert "excess_risk" in output


def test_simulate_says_the_same_twice(run):
    command = ["simulate", *SETTING, "--steps", "20", "--chains", "128", "--seed", "3", "--json"]
    (code, first, _), (_, second, _) = run(*command), run(*command)
    assert code == 0
    one, other = json.loads(first)["ensemble"], json.loads(second)["ensemble"]
    assert {**one, "provenance": 0} == {**other, "provenance": 0}


def test_compare_puts_theories_beside_the_simulation(run):
    code, output, _ = run("compare", *SETTING, "--chains", "512")
    assert code == 0
    for word in ("exact", "langevin", "diffusion", "simulated", "excess_loss", "±"):
        assert word in output


class TestValidate:
    def test_it_writes_the_folder_and_says_where_the_page_is(self, run, tmp_path):
        code, output, complaint = run("validate", *CLAIM, "--out", tmp_path / "report")
        assert (code, complaint) == (0, "")
        assert output.startswith("✓ As expected")
        assert f"The page is {tmp_path / 'report' / 'index.html'}" in output
        document = json.loads((tmp_path / "report" / "report.json").read_text())
        (claim,) = document["claims"]
        assert (claim["id"], claim["problem"], claim["verdict"]) == (
            CLAIM[1],
            "gaussian",
            "confirmed",
        )
        assert claim["mutants"]
        assert (document["effort"], document["seed"], document["problem"]) == (
            "quick",
            0,
            "gaussian",
        )
        assert {"date", "seconds", "cores", "numba"} <= document["provenance"].keys()

    def test_the_command_of_a_verdict_reproduces_it(self, run, tmp_path):
        run("validate", *CLAIM, "--seed", "5", "--out", tmp_path / "one")
        (claim,) = json.loads((tmp_path / "one" / "report.json").read_text())["claims"]
        program, *command = claim["command"].split()
        assert program == "linsgd"
        run(*command, "--out", tmp_path / "two")
        (again,) = json.loads((tmp_path / "two" / "report.json").read_text())["claims"]
        assert again == claim

    def test_a_table_of_ones_own_is_judged(self, run, tmp_path, table):
        command = ["--claim", CLAIM[1], "--data", table, "--target", "y"]
        code, _, complaint = run("validate", *command, "--out", tmp_path / "report")
        assert code in (0, 3), complaint
        document = json.loads((tmp_path / "report" / "report.json").read_text())
        assert document["data"] == "table.csv, target y"
        assert f"--data {table} --target y" in document["claims"][0]["command"]

    def test_a_campaign_of_ones_own(self, run, tmp_path):
        campaign = tmp_path / "mine.toml"
        campaign.write_text(
            'effort = "quick"\npapers = "linsgd/first_step_is_undampened"\nseed = 11\n'
        )
        code, _, _ = run(
            "validate",
            "--campaign",
            campaign,
            "--problem",
            "gaussian",
            "--out",
            tmp_path / "report",
        )
        document = json.loads((tmp_path / "report" / "report.json").read_text())
        assert (code, document["seed"], len(document["claims"])) == (0, 11, 1)


class TestUsage:
    """Exit code 2, one line that says what to do, and nothing written."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["predict", "--spectrum", "1", "--lr", "-1"], "lr = -1.0 is outside its domain"),
            (["predict", "--spectrum", "1,x", "--lr", "1"], "'1,x' is not a list of numbers"),
            (
                ["predict", "--spectrum", "1", "--lr", "1", "--steps", "1.5"],
                "'1.5' is not a list of whole numbers",
            ),
            (["predict", "--lr", "0.1"], "one of --spectrum and --data"),
            (["predict", "--lr", "0.1", "--data", "x.csv"], "--data and --target go together"),
            (["predict", "--lr", "0.1", "--data", "absent.csv", "--target", "y"], "absent.csv"),
            (
                ["predict", "--spectrum", "1", "--lr", "0.1", "--momentun", "0.9"],
                "unrecognized arguments: --momentun",
            ),
            (["predict", "--spectrum", "1", "--lr", "0.1", "--nesterov"], "momentum in (0, 1)"),
            (
                ["predict", "--spectrum", "1", "--lr", "0.1", "--without-replacement"],
                "finite data set",
            ),
            (["validate", "--effort", "huge"], "invalid choice: 'huge'"),
            (["validate", "--eff", "quick"], "unrecognized arguments: --eff"),
            (
                ["validate", "--papers", "nobody_1999"],
                "papers = 'nobody_1999' is outside its domain",
            ),
            (["validate", "--problem", "iris"], "problem = 'iris' is outside its domain"),
            (["validate", "--claim", "linsgd/nothing"], "'linsgd/nothing' is outside its domain"),
            (["validate", "--campaign", "huge"], "campaign = 'huge' is outside its domain"),
            (["validate", "--campaign", "absent.toml"], "campaign = 'absent.toml' cannot be read"),
            (["validate", "--seed", "-1"], "seed = -1 is outside its domain"),
            (["validate", "--target", "y"], "--data and --target go together"),
            ([], "required: COMMAND"),
        ],
    )
    def test_a_bad_argument(self, run, tmp_path, monkeypatch, arguments, message):
        monkeypatch.chdir(tmp_path)
        code, output, complaint = run(*arguments)
        assert (code, output) == (2, "")
        assert message in complaint
        assert not list(tmp_path.rglob("report.json"))

    def test_a_bad_cell(self, run, tmp_path, table):
        table.write_text("a,y\n1,2\nred,4\n")
        code, _, complaint = run(
            "validate", "--data", table, "--target", "y", "--out", tmp_path / "report"
        )
        assert code == 2
        assert "line 3, column 'a': 'red' is not a finite number" in complaint

    def test_a_folder_that_cannot_be_written_before_any_work(self, run, tmp_path):
        (tmp_path / "file").write_text("in the way")
        code, _, complaint = run("validate", *CLAIM, "--out", tmp_path / "file")
        assert code == 2
        assert "cannot be written to" in complaint

    def test_a_missing_extra(self, run, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
        code, _, complaint = run("validate", "--out", tmp_path / "report")
        assert code == 2
        assert "pip install 'linsgd[data]'" in complaint

    @pytest.mark.parametrize(
        ("setting", "message"),
        [
            ('efort = "quick"', "key of mine.toml = 'efort'"),
            ("papers = 3", "papers in mine.toml = 3"),
            ('seed = "x"', "seed = 'x'"),
            ("seed =", "cannot be read"),
        ],
    )
    def test_a_campaign_that_makes_no_sense(self, run, tmp_path, setting, message):
        campaign = tmp_path / "mine.toml"
        campaign.write_text(setting + "\n")
        code, _, complaint = run(
            "validate", *CLAIM, "--campaign", campaign, "--out", tmp_path / "report"
        )
        assert code == 2
        assert message in complaint


@pytest.mark.parametrize("name", campaigns.SHIPPED)
def test_a_shipped_campaign_has_the_effort_of_its_name(name):
    assert campaigns.campaign(name)["effort"] == name


def test_the_module_is_the_command():
    command = [sys.executable, "-m", "linsgd", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith(
        "linsgd 0."
    )


def test_a_reader_that_stops_early_is_no_error():
    command = f"{sys.executable} -m linsgd predict --spectrum {','.join(['1'] * 2000)} --lr 0.0001 --json | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout == "{\n"
    assert done.stderr == ""
