"""The command line: what it prints and writes, and its exit codes."""

import dataclasses
import json
import os
import re
import shlex
import subprocess
import sys

import pytest

import linsgd
from linsgd import campaigns
from linsgd.claims import problems
from linsgd.cli import RUNS, main
from linsgd.cli.parser import EXAMPLES, THEORIES, parser

SETTING = ["--spectrum", "1,0.5", "--lr", "0.1", "--batch-size", "4", "--momentum", "0.5"]
CLAIM = ["--claim", "linsgd/first_step_is_undampened", "--problem", "gaussian"]


OWN_CLAIMS = """
import numpy as np
import sympy

import linsgd
from linsgd.claims import Paper, at_steps
from linsgd.judge import Acceptance, Draft, Source

mine = Paper("mine", citation="A conjecture")


@mine.claim(on="law")
def variance(named):
    sgd = linsgd.SGD(lr=0.1, batch_size=8)
    case = at_steps(named, sgd, [1], (named.problem.optimum, np.zeros(4)))
    variance = 0.01 * named.problem.noise_variance * named.problem.eigenvalues / 8
    return Draft(
        statement="One step from the minimum spreads the weights.",
        source=Source.NEW,
        formula=sympy.Symbol("V"),
        regime=case.regime,
        components=case.names("Var w"),
        prediction=variance,
        acceptance=Acceptance.interval(variance, 0.1 * variance, "a tenth"),
        mutants={"a factor 2": 2 * variance, "a factor 1/2": variance / 2},
        evidence=case.simulation(case.squares(case.position)),
    )
"""


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

    def test_the_mean_moves_to_the_optimum(self, run):
        code, output, _ = run(
            "predict",
            "--spectrum",
            "1",
            "--optimum",
            "3",
            *["--lr", "0.5", "--steps", "1,2"],
            "--json",
        )
        assert code == 0
        assert json.loads(output)["moments"]["mean"] == [[1.5], [2.25]]

    def test_reshuffled_epochs_have_a_stationary_law_and_no_threshold(self, run, table):
        command = ["predict", "--data", table, "--target", "y", "--sampling", "epoch"]
        code, output, note = run(*command, "--lr", "0.1", "--batch-size", "2", "--json")
        assert (code, list(json.loads(output))) == (0, ["stationary"])
        assert "no exact threshold is known for epochs" in note

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


def test_simulate_prints_a_line_for_each_coordinate(run):
    _, output, _ = run("simulate", *SETTING, "--steps", "20", "--chains", "256")
    first, head, *lines = output.splitlines()
    assert first == "256 chains after 20 steps, seed 0: ok"
    assert head.split() == [
        "coordinate",
        "E",
        "w",
        "Var",
        "w",
        "E",
        "v",
        "Var",
        "v",
        "Cov(w,",
        "v)",
    ]
    assert [line.split()[0] for line in lines] == ["1", "2"]
    assert all(line.count("±") == 5 for line in lines)
    names = run(
        "simulate", "--spectrum", ",".join(["1"] * 14), *["--steps", "2", "--chains", "128"]
    )
    assert names[1].splitlines()[-1] == "... and 2 more; --json prints all"


def test_an_interrupted_simulation_shows_what_it_has_and_exits_130(run, monkeypatch):
    whole = linsgd.simulate(linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.1), 5, 128)
    part = dataclasses.replace(whole, status=type(whole.status)("interrupted"))
    monkeypatch.setattr(linsgd, "simulate", lambda *arguments, **options: part)
    code, output, complaint = run("simulate", "--spectrum", "1", "--steps", "5")
    assert code == 130
    assert output.startswith("128 chains after 5 steps, seed 0: interrupted")
    assert complaint.endswith("linsgd simulate: interrupted\n")


def test_an_interrupted_comparison_exits_130(run, monkeypatch):
    whole = linsgd.compare(linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.1), chains=128)
    assert not whole.interrupted
    part = dataclasses.replace(whole, interrupted=True)
    monkeypatch.setattr(linsgd, "compare", lambda *arguments, **options: part)
    code, _, complaint = run("compare", "--spectrum", "1")
    assert code == 130
    assert complaint.endswith("linsgd compare: interrupted\n")


def test_compare_exits_1_if_the_simulation_contradicts_the_exact_law(run, monkeypatch):
    compare = linsgd.compare

    def wrong(*arguments, **options):
        right = compare(*arguments, **options)
        return dataclasses.replace(right, simulated=3 * right.simulated)

    monkeypatch.setattr(linsgd, "compare", wrong)
    code, output, _ = run("compare", *SETTING)
    assert code == 1
    assert re.search(r"agrees +no", output)


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

    def test_claims_of_ones_own_are_judged_and_made_again(self, run, tmp_path, monkeypatch):
        (tmp_path / "mine.py").write_text(OWN_CLAIMS)
        monkeypatch.chdir(tmp_path)
        code, _, complaint = run("validate", "mine.py", "--seed", "3", "--out", "one")
        assert code == 0, complaint
        (claim,) = json.loads((tmp_path / "one" / "report.json").read_text())["claims"]
        program, *command = claim["command"].split()
        assert (program, claim["id"]) == ("linsgd", "mine/variance")
        run(*command, "--out", "two")
        (again,) = json.loads((tmp_path / "two" / "report.json").read_text())["claims"]
        assert again == claim

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--claim", "mine/other"], "--claim = 'mine/other' is none of mine/variance"),
            (["--papers", "linsgd"], "either a file with claims of your own or --papers"),
        ],
    )
    def test_a_file_has_its_own_claims_only(self, run, tmp_path, arguments, message):
        (tmp_path / "mine.py").write_text(OWN_CLAIMS)
        code, _, complaint = run("validate", tmp_path / "mine.py", *arguments)
        assert code == 2
        assert message in complaint

    def test_a_file_without_a_paper_is_refused(self, run, tmp_path):
        (tmp_path / "mine.py").write_text("x = 1\n")
        code, _, complaint = run("validate", tmp_path / "mine.py")
        assert code == 2
        assert "Python files that define a Paper with a claim" in complaint

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
            (["predict", "--lr", "0.1"], "either by --spectrum or by --data and --target"),
            (["predict", "--spectrum", "1", "--intercept"], "--intercept need --data"),
            (["predict", "--lr", "0.1", "--data", "x.csv"], "--data and --target go together"),
            (
                ["predict", "--lr", "0.1", "--data", "absent.csv", "--target", "y"],
                "linsgd predict: absent.csv: No such file or directory",
            ),
            (
                ["predict", "--spectrum", "1", "--lr", "0.1", "--momentun", "0.9"],
                "unrecognized arguments: --momentun (did you mean --momentum?)",
            ),
            (["compare", "--frobnicate"], "usage: linsgd compare"),
            (["compare", "--sampling", "epoch"], "unrecognized arguments: --sampling"),
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
            (
                ["validate", "--claim", "linsgd/excess_los_curve"],
                "--claim = 'linsgd/excess_los_curve' is outside its domain: one of",
            ),
            (["validate", "--claim", "mean_path"], "did you mean 'kunin_2024/mean_path'"),
            (["validate", "--campaign", "huge"], "campaign = 'huge' is outside its domain"),
            (["validate", "--campaign", "absent.toml"], "campaign = 'absent.toml' cannot be read"),
            (["validate", "--seed", "-1"], "seed = -1 is outside its domain"),
            (["validate", "--target", "y"], "--data and --target go together"),
            (["claims", "no such thing"], "contains 'no such thing'"),
            ([], "usage: linsgd [-h]"),
            ([], "predict "),
            (["--loud"], "required: COMMAND"),
        ],
    )
    def test_a_bad_argument(self, run, tmp_path, monkeypatch, arguments, message):
        monkeypatch.chdir(tmp_path)
        code, output, complaint = run(*arguments)
        assert (code, output) == (2, "")
        assert message in complaint
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("option", ["--noise-std", "--optimum"])
    def test_what_belongs_to_a_spectrum_is_refused_beside_a_table(self, run, table, option):
        command = ["predict", "--data", table, "--target", "y", "--lr", "0.1"]
        code, _, complaint = run(*command, option, "1")
        assert code == 2
        assert f"{option} belongs to --spectrum" in complaint

    def test_a_report_that_would_lose_verdicts_is_kept(self, run, tmp_path):
        other = ["--claim", "linsgd/stationary_identities", "--problem", "gaussian"]
        assert run("validate", *CLAIM, "--out", tmp_path)[0] == 0
        page = (tmp_path / "index.html").read_bytes()
        code, _, complaint = run("validate", *other, "--out", tmp_path)
        assert code == 2
        assert "--out = " in complaint
        assert "name another folder or --overwrite them" in complaint
        assert (tmp_path / "index.html").read_bytes() == page
        assert run("validate", *other, "--out", tmp_path, "--overwrite")[0] == 0
        assert (tmp_path / "index.html").read_bytes() != page

    def test_a_bad_cell(self, run, tmp_path, table):
        table.write_text("a,y\n1,2\nred,4\n")
        code, _, complaint = run(
            "validate", "--data", table, "--target", "y", "--out", tmp_path / "report"
        )
        assert code == 2
        assert "line 3, column 'a': 'red' is not a finite number" in complaint

    @pytest.mark.parametrize(
        ("source", "named"),
        [
            ("x = 1\ny = 1 / 0\n", "line 2: ZeroDivisionError"),
            ("x = = 1\n", "line 1: SyntaxError"),
            ("import sys\nsys.exit(0)\n", "line 2: SystemExit"),
        ],
    )
    def test_claims_of_ones_own_that_do_not_run(self, run, tmp_path, source, named):
        file = tmp_path / "mine.py"
        file.write_text(source)
        code, output, complaint = run("validate", file)
        assert (code, output) == (2, "")
        assert f"file = '{file}' is outside its domain" in complaint
        assert named in complaint

    def test_a_folder_that_cannot_be_written_before_any_work(self, run, tmp_path):
        (tmp_path / "file").write_text("in the way")
        code, _, complaint = run("validate", *CLAIM, "--out", tmp_path / "file")
        assert code == 2
        assert "cannot be written to" in complaint

    def test_a_missing_extra(self, run, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
        problems.diabetes.cache_clear()  # another test may have loaded the data
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


@pytest.mark.parametrize("name", ["quick", "full"])
def test_a_shipped_campaign_has_the_effort_of_its_name(name):
    assert campaigns.campaign(name)["effort"] == name


def test_the_networks_are_a_campaign_of_their_own():
    assert set(campaigns.SHIPPED) == {"quick", "full", "networks"}
    assert campaigns.campaign("networks")["papers"] == "networks"


def test_papers_and_reports_are_cited(run, tmp_path):
    code, entries, _ = run("cite", "kunin_2024/mean_path")
    assert code == 0
    assert re.findall(r"@misc\{(\w+),", entries) == ["linsgd", "kunin2024limiting"]
    run("validate", *CLAIM, "--out", tmp_path)
    code, of_report, _ = run("cite", tmp_path / "report.json")
    assert (code, re.findall(r"@misc\{(\w+),", of_report)) == (0, ["linsgd"])
    code, _, complaint = run("cite", "nobody_2030")
    assert code == 2
    assert "'nobody_2030' is none of kunin_2024" in complaint


def test_claims_are_listed(run):
    code, output, _ = run("claims", "undampened")
    assert code == 0
    name, effort, *purpose = output.split()
    assert (name, effort) == ("linsgd/first_step_is_undampened", "quick")
    assert purpose


def test_each_option_has_a_help_text_and_each_command_an_example():
    commands = parser(RUNS)._subparsers._group_actions[0].choices
    assert set(commands) == set(EXAMPLES) == set(RUNS)
    for command in commands.values():
        assert [action.dest for action in command._actions if not action.help] == []


@pytest.mark.parametrize("command", EXAMPLES)
def test_the_example_of_a_command_is_understood(command):
    options, unknown = parser(RUNS).parse_known_args(shlex.split(EXAMPLES[command])[1:])
    assert (options.command, unknown) == (command, [])


def test_the_theories_are_those_of_the_library():
    assert linsgd.theories("moments") == THEORIES


def test_a_terminal_without_the_characters_loses_no_result(tmp_path):
    command = [sys.executable, "-m", "linsgd", "validate", *CLAIM, "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert done.stdout.decode("cp1252").startswith("\\u2713 As expected")


def test_help_loads_nothing_heavy():
    program = "import sys; sys.argv = ['linsgd', '--help']; import linsgd.cli as c\n"
    program += "try: c.main()\nexcept SystemExit: print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"numpy", "scipy", "sympy", "numba", "matplotlib"} & set(done.stdout.split())


def test_the_module_is_the_command():
    command = [sys.executable, "-m", "linsgd", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith(
        "linsgd 0."
    )


def test_a_reader_that_stops_early_is_no_error():
    spectrum = ",".join(["1"] * 2000)
    command = f"{sys.executable} -m linsgd predict --spectrum {spectrum} --lr 1e-4 --json | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout == "{\n"
    assert done.stderr == ""
