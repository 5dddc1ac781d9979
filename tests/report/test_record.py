"""report.json is the source of truth: whole, versioned, and enough to write the page and the text again."""

import json
import os

import pytest

from linsgd.judge.verdict import Mutant, Outcome
from linsgd.report.page import page
from linsgd.report.record import Report, writable
from linsgd.report.text import text

FILES = ["index.html", "report.json", "report.txt"]


def test_the_document_holds_what_is_promised(every_kind):
    document = every_kind.to_dict()
    assert {"schema", "provenance", "claims"} <= document.keys()
    for claim in document["claims"]:
        assert {
            "id",
            "paper",
            "kind",
            "problem",
            "statement",
            "verdict",
            "prediction",
            "measurement",
        } <= claim.keys()
        assert all(mutant.keys() >= {"name", "killed"} for mutant in claim["mutants"])
        assert [part["name"] for part in claim["prediction"]] == [
            part["name"] for part in claim["measurement"]
        ]


def test_a_report_comes_back_from_its_file(every_kind, tmp_path):
    every_kind.save(tmp_path)
    document = json.loads((tmp_path / "report.json").read_text())
    again = Report.from_dict(document)
    assert again.to_dict() == document == every_kind.to_dict()
    assert isinstance(again.left_out, tuple)
    assert again.claims[3].components[0].acceptance_upper == float("inf")


def test_page_and_text_are_functions_of_the_file(every_kind, tmp_path):
    every_kind.save(tmp_path)
    document = json.loads((tmp_path / "report.json").read_text())
    assert page(document) == (tmp_path / "index.html").read_text()
    assert text(document) == (tmp_path / "report.txt").read_text()


def test_only_whole_files_stand_in_the_folder(
    every_kind, make_report, make_verdict, tmp_path, monkeypatch
):
    make_report(make_verdict()).save(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        every_kind.save(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before


def test_a_new_report_takes_the_place_of_the_old_one_at_once(every_kind, tmp_path):
    every_kind.save(tmp_path)
    readers = [(tmp_path / name).open() for name in FILES]
    every_kind.save(tmp_path)
    for reader in readers:  # whoever has the old file open goes on to read the old file
        with reader:
            assert os.fstat(reader.fileno()).st_nlink == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"folder = .*file.* cannot be written"):
        writable(tmp_path / "file")
    with pytest.raises(ValueError, match="folder"):
        writable("/proc/linsgd-report")


def test_another_schema_is_refused(every_kind):
    with pytest.raises(ValueError, match="schema 99"):
        Report.from_dict({**every_kind.to_dict(), "schema": 99})


@pytest.mark.parametrize(
    ("outcomes", "killed", "code"),
    [
        ([Outcome.CONFIRMED, Outcome.CONFIRMED], True, 0),
        ([Outcome.CONFIRMED, Outcome.REFUTED], True, 1),
        ([Outcome.UNDECIDED, Outcome.REFUTED], False, 1),
        ([Outcome.CONFIRMED, Outcome.UNDECIDED], True, 3),
        ([Outcome.CONFIRMED, Outcome.CONFIRMED], False, 3),
    ],
)
def test_the_exit_code_says_the_worst(make_report, make_verdict, outcomes, killed, code):
    mutants = (Mutant(name="a factor 2 lost", prediction="[1.0]", killed=killed),)
    report = make_report(*(make_verdict(outcome=outcome, mutants=mutants) for outcome in outcomes))
    assert report.exit_code == code


def test_the_printed_report_names_every_claim(every_kind):
    assert all(verdict.id in repr(every_kind) for verdict in every_kind.claims)
