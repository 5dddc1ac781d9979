"""Under which circumstances a report says that it was made."""

import hashlib
import time

import numpy as np

import linsgd
from linsgd.campaigns import circumstances
from linsgd.campaigns.circumstances import commit, cpu, digest, versions

X, Y = np.array([[1.0, 2.0], [3.0, 5.0], [-1.0, 0.5]]), np.array([1.0, 0.0, 2.0])
OF_ARRAYS = hashlib.sha256(b"".join(np.array(row, "<f8").tobytes() for row in (*X, Y))).hexdigest()


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("a,y\n1,2\n2,3\n4,4\n")
    table = linsgd.Table(source=file, target="y")
    assert digest(table) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_digest_of_arrays_does_not_depend_on_their_layout():
    problem = linsgd.LinearRegression.from_data(np.asfortranarray(X), Y)
    assert digest(problem) == OF_ARRAYS
    other = linsgd.LinearRegression.from_data(X, Y + 1e-9)
    assert digest(other) != OF_ARRAYS


def test_only_installed_packages_have_a_version():
    assert versions(["numpy", "no-such-package-of-linsgd"]) == {"numpy": np.__version__}


def test_the_processor_is_named_from_what_the_system_says(tmp_path, monkeypatch):
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Abacus 9000 @ 1 Hz\n")
    monkeypatch.setattr(circumstances, "CPU_INFO", info)
    assert cpu() == "Abacus 9000 @ 1 Hz"
    info.write_text("nothing of the kind\n")
    assert isinstance(cpu(), str)


def test_without_git_no_commit_is_named(monkeypatch):
    monkeypatch.setattr(circumstances.shutil, "which", lambda name: None)
    assert commit() == ""


def test_what_is_unknown_is_left_out_and_a_short_run_has_its_duration():
    made = circumstances.circumstances(time.monotonic(), None)
    assert made["seconds"] < 1
    assert "data_sha256" not in made
    assert all(value not in (None, "") for value in made.values())
