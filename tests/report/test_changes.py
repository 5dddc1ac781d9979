"""What a report says of an earlier one, and its numbers as a table."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from matplotlib.figure import Figure

import linsgd
from linsgd.campaigns.validate import _is_asked
from linsgd.judge.verdict import Outcome
from linsgd.report.changes import Difference, changes, earlier_claims
from linsgd.report.page import page
from linsgd.report.text import heading


def claims_of(report):
    return report.to_dict()["claims"]


def differences(found):
    return [(change.claim, change.difference) for change in found]


def test_a_report_does_not_differ_from_itself(every_kind):
    assert changes(claims_of(every_kind), claims_of(every_kind)) == ()


def test_claims_come_and_go(make_report, make_verdict):
    one, two = make_verdict(id="mine/one"), make_verdict(id="mine/two")
    found = changes(claims_of(make_report(one)), claims_of(make_report(two)))
    assert differences(found) == [("mine/two", Difference.NEW), ("mine/one", Difference.GONE)]


def test_another_verdict_is_said_alone(make_report, make_verdict, make_component):
    before = make_report(make_verdict())
    moved = make_component(estimate=9.0)
    after = make_report(make_verdict(outcome=Outcome.REFUTED, components=(moved,)))
    (change,) = changes(claims_of(before), claims_of(after))
    assert change.difference is Difference.VERDICT
    assert change.text == "confirmed, now refuted"


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"prediction": 2.0 * (1 + 1e-8)}, Difference.PREDICTION),
        ({"prediction": 2.0 * (1 + 1e-12)}, None),
        ({"name": "E v²"}, Difference.PREDICTION),
        ({"estimate": 2.01 + 0.03}, Difference.MEASUREMENT),
        ({"estimate": 2.01 + 0.015}, None),
    ],
)
def test_numbers_differ_beyond_rounding_and_intervals_if_disjoint(
    make_report, make_verdict, make_component, changed, difference
):
    before, after = (
        claims_of(make_report(make_verdict(components=(make_component(**c),))))
        for c in ({}, changed)
    )
    found = [change.difference for change in changes(before, after)]
    assert found == ([] if difference is None else [difference])


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"claims": [{"id": 1}]}'])
def test_what_is_no_report_is_refused_by_name(tmp_path, text):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(ValueError, match=r"against = .*report.json that linsgd wrote"):
        earlier_claims(tmp_path)
    with pytest.raises(ValueError, match=r"against = .*cannot be read"):
        earlier_claims(tmp_path / "none.json")


def test_page_and_text_say_what_changed(make_report, make_verdict, tmp_path):
    report = make_report(make_verdict(id="mine/<b>"))
    report.save(tmp_path)
    since = changes(earlier_claims(tmp_path), claims_of(make_report(make_verdict(id="mine/two"))))
    compared = dataclasses.replace(
        make_report(make_verdict(id="mine/two")), against="old/<i>", changes=since
    )
    document = json.loads(json.dumps(compared.to_dict()))
    assert "Changed since old/<i>: 2" in heading(document)
    assert "    mine/<b> on gaussian: gone" in heading(document)
    html = page(document)
    assert '<th scope="row">mine/&lt;b&gt; on gaussian</th>' in html  # gone: no card to link to
    assert '<a href="#mine/two@gaussian">mine/two on gaussian</a></th>' in html
    assert "old/&lt;i&gt;" in html
    assert "<i>" not in html
    assert type(compared).from_dict(document) == compared


def test_every_number_is_in_the_table(every_kind, tmp_path):
    every_kind.save(tmp_path)
    with open(tmp_path / "report.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    parts = [(v, c) for v in every_kind.claims for c in v.components]
    assert len(rows) == len(parts)
    for row, (verdict, component) in zip(rows, parts, strict=True):
        assert (row["id"], row["component"]) == (verdict.id, component.name)
        assert row["verdict"] == verdict.outcome
        for key in ("prediction", "estimate", "lower", "upper", "acceptance_upper"):
            assert float(row[key]) == pytest.approx(getattr(component, key), rel=0, nan_ok=True)
    pytest.importorskip("pandas")
    assert list(every_kind.to_dataframe()["component"]) == [row["component"] for row in rows]


def test_the_picture_has_a_point_for_every_simulated_claim(every_kind):
    ax = every_kind.plot(Figure().add_subplot())
    points = np.concatenate([np.ma.getdata(c.get_offsets()) for c in ax.collections])
    margins = [claim.margin for claim in every_kind.claims]
    drawn = points[np.isfinite(points[:, 0]), 0]
    np.testing.assert_allclose(np.sort(drawn), np.sort([max(m, -1.5) for m in margins if m == m]))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["kunin_2024", "linsgd"]


def test_a_claim_that_was_not_asked_for_is_not_gone(tmp_path, make_report, make_verdict):
    name = "linsgd/first_step_is_undampened"
    others = ("linsgd/dropped", "kunin_2024/mean_path", name)
    earlier = [make_verdict(id=other, problem="gaussian") for other in others]
    elsewhere = make_verdict(id=name, problem="diabetes")
    make_report(*earlier, elsewhere).save(tmp_path)
    report = linsgd.validate(name, problem="gaussian", against=tmp_path)
    assert [change.claim for change in report.changes] == [name]
    whole = dataclasses.replace(report, papers="linsgd", problem=None)
    asked = [_is_asked(claim, whole) for claim in claims_of(make_report(*earlier, elsewhere))]
    assert asked == [True, False, True, True]
    everything = dataclasses.replace(whole, papers="all")
    assert all(_is_asked(claim, everything) for claim in claims_of(make_report(*earlier)))
