"""What the page, the text and the figures say; and that no text of a claim becomes markup."""

import math
import re
from xml.etree import ElementTree

import pytest

from linsgd.report import digits, gauge, summary
from linsgd.report.figure import figure, sources
from linsgd.report.mathml import formula
from linsgd.report.page import page
from linsgd.report.text import text

HOSTILE = '<script>alert("no")</script>'


def test_one_row_a_claim_and_every_verdict_in_words(every_kind):
    html = page(every_kind.to_dict())
    assert html.count('<details class="claim ') == 5
    for chip in ("✓ confirmed", "✕ refuted", "? undecided"):
        assert f'<span class="chip">{chip}</span>' in html


def test_equal_reports_give_equal_bytes(every_kind):
    assert page(every_kind.to_dict()) == page(every_kind.to_dict())


def test_the_page_asks_for_nothing(every_kind):
    html = page(every_kind.to_dict())
    loaded = r'src="(?!data:)|<link rel="\w+" href="(?!data:)|url\(|@import'
    assert re.findall(loaded, html) == []
    addresses = re.findall(r'href="([^"#]+)', html)
    assert {address for address in addresses if address != "data:,"} == {
        "report.csv",
        "report.json",
    }
    assert "<script" not in html


@pytest.mark.parametrize(
    "field",
    [
        "statement",
        "citation",
        "source",
        "regime",
        "reason",
        "command",
        "problem",
        "id",
        "paper",
        "formula",
    ],
)
def test_no_text_becomes_markup(make_report, make_verdict, field):
    html = page(make_report(make_verdict(**{field: HOSTILE, "formula_mathml": ""})).to_dict())
    assert "<script" not in html
    assert "&lt;script&gt;alert(" in html


def test_a_mathml_with_anything_else_in_it_is_refused_and_the_formula_shown_as_text(
    make_report, make_verdict
):
    html = page(
        make_report(
            make_verdict(formula=r"\eta < 2", formula_mathml=f"<mi>x</mi>{HOSTILE}")
        ).to_dict()
    )
    assert "<script" not in html
    assert r'<code class="formula">\eta &lt; 2</code>' in html


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "x",
        "<mi>",
        "<mi>x</mi>text<b>y</b>",
        "<mtext><img src='x'/></mtext>",
        "<svg/>",
        "<annotation-xml/>",
        "&no;",
    ],
)
def test_what_is_no_mathml_is_refused(bad):
    assert formula(bad) is None


def test_attributes_that_are_not_presentation_are_dropped():
    assert formula('<mi onclick="x()" href="y" mathvariant="bold">a</mi>') == (
        '<math display="block"><mi mathvariant="bold">a</mi></math>'
    )


def test_a_hyphen_is_set_as_a_minus():
    assert (
        formula("<mo>-</mo><mi>x-y</mi>")
        == '<math display="block"><mo>\u2212</mo><mi>x-y</mi></math>'
    )


def test_fences_that_browsers_forgot_are_spelled_out():
    assert formula('<mfenced open="[" close="]"><mi>a</mi></mfenced>') == (
        '<math display="block"><mrow><mo>[</mo><mi>a</mi><mo>]</mo></mrow></math>'
    )


def test_figures_are_the_same_bytes_each_time_and_differ_in_colour_only(every_kind):
    for claim in every_kind.to_dict()["claims"]:
        assert figure(claim) == figure(claim)
        ElementTree.fromstring(figure(claim))
        light, dark = sources(claim)
        assert light != dark
        assert len(light) == len(dark)


def test_a_figure_survives_any_text(make_report, make_verdict):
    (claim,) = make_report(make_verdict(id="$x_ <&")).to_dict()["claims"]
    claim["prediction"][0]["name"] = claim["measurement"][0]["name"] = r"$\frac{ < & 100%"
    assert r"$\frac{ &lt; &amp; 100%" in figure(claim)


def test_the_page_says_how_to_make_all_of_it_again(every_kind):
    html = page({**every_kind.to_dict(), "problem": "gaussian", "data": "table.csv, target y"})
    command = (
        "linsgd validate --papers all --effort quick --seed 0 --problem gaussian --data "
        "FILE.csv --target COLUMN --out linsgd-report"
    )
    assert f"<pre><code>{command}</code></pre>" in html


def test_what_was_left_out_is_said(make_report, make_verdict):
    why = "the rows are <few>"
    document = make_report(make_verdict(), left_out={"linsgd/<shy>": why}).to_dict()
    assert "<code>linsgd/&lt;shy&gt;</code>: the rows are &lt;few&gt;" in page(document)
    assert f"    linsgd/<shy>: {why}\n" in text(document)
    assert "Not judged" not in page(make_report(make_verdict()).to_dict())


def test_a_finding_is_shown_as_one_and_not_as_a_refutation(make_report, make_verdict):
    document = make_report(
        make_verdict(), make_verdict(id="kunin_2024/limit", approximation_error=5.2)
    ).to_dict()
    fails = "fails here, by 5.2 times its tolerance"
    html, lines = page(document), text(document)
    assert html.count(f'<span class="tag finding">{fails}</span>') == 1
    assert f"confirmed  kunin_2024/limit on gaussian: {fails}\n" in lines
    assert "Approximations that fail here, as the exact theory predicts: 1." in lines
    assert lines.startswith("✓ All 2 claims came out as expected; 1 of them: an approximation")
    assert "identity    1 confirmed" in lines
    assert "statement   1 confirmed" in lines
    held = page(make_report(make_verdict(approximation_error=0.5)).to_dict())
    assert "tag finding" not in held


def test_what_was_said_beforehand_is_shown(make_report, make_verdict):
    note = "too noisy for this effort: it takes 9e+09 chains, the effort buys 524,288"
    document = make_report(
        make_verdict(), make_verdict(id="a/b", outcome="undecided", chains=0, note=note)
    ).to_dict()
    assert f"Not simulated: {note}." in page(document)
    assert f"Not simulated: {note}." in text(document)
    assert "Said to be beyond this effort before it was spent: 1." in text(document)
    assert "beyond this effort" not in text(make_report(make_verdict()).to_dict())


def test_a_paper_begins_with_how_far_its_statements_hold(every_kind, make_report, make_verdict):
    html, lines = page(every_kind.to_dict()), text(every_kind.to_dict())
    first, refuted, undecided = re.findall(
        r'<tr>\s*<th scope="row">Positions.*?</tr>', html, re.DOTALL
    )
    assert 'holds-to-first-order-in-lr">holds to first order in lr</span>' in first
    assert "within a tenth at a fiftieth of the threshold" in first
    assert 'href="#kunin_2024/stationary_position_variance@gaussian"' in first
    assert "1 more not judged here" in first
    assert ">contradicted</span>" in refuted
    assert ">undecided</span>" in undecided
    assert "within a tenth" not in refuted + undecided
    assert '<span class="chip contradicted">1 × contradicted</span>' in html
    assert "<small>1 × holds to first order in lr, 1 × contradicted; 3 claims judged, 2 as" in html
    assert "3 statements of the papers:" in html
    assert "statements of the papers" not in page(make_report(make_verdict()).to_dict())
    assert "    contradicted: Positions and velocities" in lines


def test_an_approximation_beyond_its_tolerance_makes_its_statement_fail_here(
    make_report, make_verdict, make_statement
):
    beyond = make_verdict(approximation_error=5.2)
    html = page(make_report(beyond, statements=(make_statement(),)).to_dict())
    assert '<span class="chip fails-here">1 × fails here</span>' in html


def test_a_citation_leads_to_the_paper(make_report, make_verdict, make_statement):
    cited = make_verdict(citation="<b>A</b>, 2021 (arXiv:2107.09133)")
    html = page(make_report(cited, statements=(make_statement(),)).to_dict())
    link = '&lt;b&gt;A&lt;/b&gt;, 2021 (<a href="https://arxiv.org/abs/2107.09133">arXiv:2107.09133'
    assert html.count(link) == 2


@pytest.mark.parametrize("field", ["text", "extent", "source", "holds", "paper"])
def test_no_statement_becomes_markup(make_report, make_verdict, make_statement, field):
    document = make_report(make_verdict(), statements=(make_statement(),)).to_dict()
    document["statements"][0][field] = HOSTILE
    assert "<script" not in page(document)


def test_kinds_are_counted_apart(every_kind):
    tallies = summary.by_kind(every_kind.to_dict()["claims"])
    simulated, numerical = tallies["simulation"], tallies["numerical"]
    assert (simulated.claims, simulated.confirmed, simulated.refuted, simulated.undecided) == (
        4,
        2,
        1,
        1,
    )
    assert (numerical.claims, numerical.confirmed) == (1, 1)
    assert (simulated.mutants, simulated.killed) == (6, 5)


def test_the_error_bound_is_the_sum_over_claims(every_kind):
    assert math.isclose(summary.error_bound(every_kind.to_dict()["claims"]), 4e-5)


def test_the_text_has_every_claim_and_count(every_kind):
    lines = text(every_kind.to_dict())
    assert lines.startswith("✕ 1 refuted, 1 undecided, 3 confirmed, 1 of 8 mutants alive")
    assert "simulation  2 confirmed, 1 refuted, 1 undecided; 5 of 6 mutants killed" in lines
    assert all(f"{claim.id} on {claim.problem}" in lines for claim in every_kind.claims)


@pytest.mark.parametrize(
    ("outcomes", "heading"),
    [
        (["refuted", "undecided", "confirmed"], "1 refuted, 1 undecided, 1 confirmed"),
        (["refuted", "refuted"], "2 refuted"),
        (["undecided", "confirmed", "confirmed"], "1 undecided, 2 confirmed"),
        (["confirmed", "confirmed"], "All 2 claims came out as expected"),
    ],
)
def test_the_heading_counts_every_outcome(outcomes, heading):
    claims = [{"verdict": outcome, "mutants": [{"killed": True}]} for outcome in outcomes]
    assert summary.headline(claims) == (outcomes[0], heading)


def accepted(value, lower, upper, measured=(0.0, 0.0), support=(-math.inf, math.inf)):
    return {
        "value": value,
        "acceptance_lower": lower,
        "acceptance_upper": upper,
        "estimate": sum(measured) / 2,
        "lower": measured[0],
        "upper": measured[1],
        "support_lower": support[0],
        "support_upper": support[1],
    }


@pytest.mark.parametrize(
    ("component", "x", "position"),
    [
        (accepted(2.0, 1.5, 2.5), 2.0, 0.0),
        (accepted(2.0, 1.5, 2.5), 2.5, 1.0),
        (accepted(2.0, 1.5, math.inf), 1.5, -1.0),
        (accepted(2.0, 1.5, math.inf), 2.0, 0.0),
        (accepted(1.0, -math.inf, 1.5), 1.5, 1.0),
        (accepted(1.0, -math.inf, 1.5), 1.0, 0.0),
        (accepted(0.0, 0.0, math.inf), 0.0, -1.0),
    ],
)
def test_the_acceptance_set_is_the_unit_of_the_scale(component, x, position):
    assert math.isclose(gauge.position(component, x), position, abs_tol=1e-12)


def test_components_stand_in_their_own_order_and_the_nearest_to_its_edge_is_marked(every_kind):
    claim = every_kind.to_dict()["claims"][1]
    assert [c["name"] for c in gauge.components(claim)] == [f"mode {i}" for i in range(30)]
    assert gauge.nearest(claim) == 29
    html = page(every_kind.to_dict())
    names = re.findall(r'<tr( class="nearest")?><th scope="row">(mode \d+)', html)
    assert [name for _, name in names] == [f"mode {i}" for i in range(30)]
    assert [name for marked, name in names if marked] == ["mode 29"]
    shown = re.findall(r">(mode \d+)( \(nearest to its edge\))?<", figure(claim))
    assert shown == [(f"mode {i}", "") for i in range(14, 29)] + [
        ("mode 29", " (nearest to its edge)")
    ]


def test_mutants_are_written_in_the_order_and_the_digits_of_the_components(every_kind):
    html = page(every_kind.to_dict())
    assert '<td class="wide" data-label="predicts">0.5000, 0.05000, 0.005000,' in html
    assert '<td class="wide" data-label="predicts">2.110</td>' in html


@pytest.mark.parametrize(
    ("estimate", "alone", "beside_another"),
    [(2.1, None, None), (2.3, None, None), (5.0, "5", "75"), (-1e6, "-1e+06", "-2.5e+07")],
)
def test_what_lies_beyond_the_axis_is_an_arrow_with_its_number(
    make_report, make_verdict, make_component, estimate, alone, beside_another
):
    far, near = make_component(estimate=estimate), make_component()
    for components, number in (((far,), alone), ((far, near), beside_another)):
        (claim,) = make_report(make_verdict(components=components, mutants=())).to_dict()["claims"]
        picture = figure(claim)
        assert (f">{number}<" in picture) == (number is not None)


def test_an_infinite_interval_is_drawn(make_report, make_verdict, make_component):
    endless = make_component(lower=-math.inf, upper=math.inf)
    report = make_report(make_verdict(components=(endless,)))
    assert "measured" in figure(report.to_dict()["claims"][0])
    assert "−∞ to ∞" in page(report.to_dict())


def test_accepted_values_end_where_the_quantity_does():
    says = digits.quantities(accepted(0.995, 0.985, 1.005, (0.99, 1.0), support=(0.0, 1.0)))
    assert says["accepted"] == "0.9850 to 1.0000"


def test_zero_is_written_as_zero():
    says = digits.quantities(accepted(0.0, -1e-6, 1e-6, (-1e-17, 1e-17)))
    assert says == {
        "predicted": "0",
        "accepted": "(−1.0000 to 1.0000)×10⁻⁶",
        "measured": "0",
        "interval": "0 to 0",
    }


def test_a_link_to_a_claim_leads_into_its_card(make_report, make_verdict):
    html = page(make_report(make_verdict(id="mine/flat", problem="my data")).to_dict())
    inside = html.partition('<div class="more">')[2]
    assert 'id="mine/flat@my-data"' in inside
    assert html.count('href="#mine/flat@my-data"') == 3  # in the strip, the row and the card
    assert html.count('id="mine/flat@my-data"') == 1


def test_claims_of_ones_own_have_their_heading_and_no_command_that_cannot_work(
    make_report, make_verdict
):
    html = page(make_report(make_verdict(id="mine/flat", paper="mine", command="")).to_dict())
    assert "<h2>Mine <small>" in html
    assert "Make it again" not in html
    assert "linsgd validate" not in html


def test_the_footer_is_for_readers(make_report, make_verdict):
    made = {"numpy": "2.4", "date": "2026-11-30T19:07:44+01:00", "seconds": 312.4, "cores": 2}
    made |= {"cpu": "<Abacus>", "data_sha256": "e3b0c442"}
    html = page(make_report(make_verdict()).to_dict() | {"provenance": {"linsgd": "0.1.0", **made}})
    assert "<dd>30 November 2026, 18:07 UTC</dd>" in html
    assert "<dt>duration</dt><dd>5 min 12 s</dd>" in html
    assert "<dt>CPU</dt><dd>&lt;Abacus&gt;</dd>" in html
    assert "<dt>SHA-256 of the data</dt><dd>e3b0c442</dd>" in html


@pytest.mark.parametrize(
    ("value", "resolution", "text"),
    [
        (1.0, 0.01, "1.000"),
        (-1234.5678, 0.2, "−1234.57"),
        (123456789.0, 1000.0, "1.234568×10⁸"),
        (0.0, 0.0, "0"),
        (0.0, 1e-9, "0"),
        (1e300, 1e-300, "1.00000000000×10³⁰⁰"),
        (math.nan, 0.1, "not a number"),
        (-math.inf, 0.1, "−∞"),
    ],
)
def test_numbers_carry_two_digits_of_their_interval(value, resolution, text):
    assert digits.written([value], resolution) == [text]
