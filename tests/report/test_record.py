"""report.json is the source of truth: whole, versioned, and enough to write the page and the text
again.
"""

import dataclasses
import json
import os

import pytest

from linsgd.judge.verdict import Mutant, Outcome
from linsgd.report.page import page
from linsgd.report.record import Report, writable
from linsgd.report.text import text

FILES = ["index.html", "report.csv", "report.json", "report.txt"]


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
        for mutant in claim["mutants"]:
            assert len(mutant["prediction"]) == len(claim["prediction"])
            assert all(isinstance(value, float) for value in mutant["prediction"])
        assert all(mutant.keys() >= {"name", "killed"} for mutant in claim["mutants"])
        assert [part["name"] for part in claim["prediction"]] == [
            part["name"] for part in claim["measurement"]
        ]


def test_a_report_comes_back_from_its_file(every_kind, tmp_path):
    every_kind.save(tmp_path)
    document = json.loads((tmp_path / "report.json").read_text())
    again = Report.from_dict(document)
    assert again.to_dict() == document == every_kind.to_dict()
    assert again.left_out == {}
    assert again.claims[3].components[0].acceptance_upper == float("inf")


def test_a_report_of_before_a_field_was_added_comes_back(every_kind):
    document = every_kind.to_dict()
    older = {key: document[key] for key in document if key not in ("against", "changes", "bibtex")}
    assert Report.from_dict(older).claims == every_kind.claims
    del older["claims"]
    with pytest.raises(KeyError):
        Report.from_dict(older)


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


def test_a_report_does_not_take_the_place_of_verdicts_that_it_does_not_renew(
    every_kind, make_report, make_verdict, tmp_path
):
    every_kind.save(tmp_path)
    whole = (tmp_path / "report.json").read_bytes()
    one = make_report(make_verdict())
    with pytest.raises(ValueError, match=r"holds 4 verdicts .*such as kunin_2024/isotropic_vel"):
        one.save(tmp_path)
    assert (tmp_path / "report.json").read_bytes() == whole
    one.save(tmp_path, overwrite=True)
    every_kind.save(tmp_path)  # a report that renews all that is there needs no leave
    assert (tmp_path / "report.json").read_bytes() == whole


def test_a_report_on_other_data_is_kept(every_kind, tmp_path):
    dataclasses.replace(every_kind, data="one.csv, target y").save(tmp_path)
    with pytest.raises(ValueError, match="holds 5 verdicts"):
        dataclasses.replace(every_kind, data="two.csv, target y").save(tmp_path)


def test_a_report_json_of_another_program_is_kept(every_kind, tmp_path):
    (tmp_path / "report.json").write_text('{"coverage": 1}')
    with pytest.raises(ValueError, match="folder = "):
        every_kind.save(tmp_path)


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
    mutants = (Mutant(name="a factor 2 lost", prediction=(1.0,), killed=killed),)
    report = make_report(*(make_verdict(outcome=outcome, mutants=mutants) for outcome in outcomes))
    assert report.exit_code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outcome": Outcome.UNDECIDED, "note": "too noisy for this effort"}, 0),
        ({"outcome": Outcome.UNDECIDED, "approximation_error": 0.2}, 0),
        ({"outcome": Outcome.CONFIRMED, "approximation_error": 7.0}, 0),
        ({"outcome": Outcome.UNDECIDED}, 3),
        ({"outcome": Outcome.REFUTED, "approximation_error": 7.0}, 1),
    ],
)
def test_the_exit_code_follows_the_identities(make_report, make_verdict, changes, code):
    alive = (Mutant(name="a factor 2 lost", prediction=(1.0,), killed=False),)
    mutants = alive if changes["outcome"] is Outcome.UNDECIDED else ()
    other = make_verdict(id="kunin_2024/other", mutants=mutants, **changes)
    assert make_report(make_verdict(), other).exit_code == code


def test_a_report_in_which_nothing_was_decided_does_not_succeed(make_report, make_verdict):
    unjudged = make_verdict(outcome=Outcome.UNDECIDED, note="too skewed for any effort")
    assert make_report(unjudged).exit_code == 3


def test_an_approximation_that_fails_is_a_finding_in_the_document(make_report, make_verdict):
    claims = make_report(
        make_verdict(), make_verdict(approximation_error=0.9), make_verdict(approximation_error=1.1)
    ).to_dict()["claims"]
    assert [(claim["role"], claim["finding"]) for claim in claims] == [
        ("identity", False),
        ("statement", False),
        ("statement", True),
    ]


def test_the_printed_report_names_every_claim(every_kind):
    assert all(verdict.id in repr(every_kind) for verdict in every_kind.claims)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_files_have_the_permissions_of_any_new_file(every_kind, tmp_path):
    every_kind.save(tmp_path)
    (tmp_path / "plain").touch()
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1
