"""The report as one self-contained page: a pure function of report.json.

The page needs neither a network nor JavaScript. Every text is escaped; the only markup that comes
from a report is its formulas, which are checked to be MathML.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from linsgd.report import digits, gauge
from linsgd.report.canvas import in_both_colours
from linsgd.report.curve_figure import curve_figure
from linsgd.report.curves import curves
from linsgd.report.figure import sources
from linsgd.report.mathml import formula
from linsgd.report.summary import (
    KINDS,
    ROLES,
    SYMBOLS,
    announced,
    by_kind,
    by_role,
    error_bound,
    failure,
    headline,
    is_finding,
    standing,
    tally,
)

TEMPLATES = Environment(
    loader=PackageLoader("linsgd.report", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
NOTATION = (
    ("η", "learning rate"),
    ("β", "momentum"),
    ("τ", "dampening"),
    ("b", "batch size"),
    ("λ", "weight decay"),
    ("k", "step"),
    ("H", "covariance of the features, E xx'"),
    ("ρ", "eigenvalue of H"),
    ("h", "ρ + λ, curvature of the regularised loss"),
    ("σ", "standard deviation of the label noise"),
    ("σ_g", "standard deviation of the minibatch gradient"),
    ("w, v", "position and velocity, v = −(momentum buffer)"),
    ("α", "tail exponent"),
)
TEMPLATES.globals.update(symbols=SYMBOLS, kinds=KINDS, roles=ROLES, notation=NOTATION)
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
LABELS = {"cpu": "CPU", "data_sha256": "SHA-256 of the data"}  # of facts in the footer
SHARED = ("id", "statement", "formula", "kind", "role", "source")  # by the verdicts of a card
FILTERED = {"paper": "paper", "problem": "problem", "kind": "kind", "outcome": "verdict"}


def linked(citation: str) -> Markup:
    """Return a citation in which an arXiv number leads to the paper.

    Examples
    --------
    >>> print(linked("A & B 2021 (arXiv:2107.09133)"))
    A &amp; B 2021 (<a href="https://arxiv.org/abs/2107.09133">arXiv:2107.09133</a>)
    """
    link = r'<a href="https://arxiv.org/abs/\1">arXiv:\1</a>'
    return Markup(ARXIV.sub(link, str(escape(citation))))


def css(standing: str) -> str:
    """Return the class of a standing: its words, joined by hyphens."""
    return standing.replace(" ", "-")


TEMPLATES.filters.update(
    share=digits.share,
    quantities=digits.quantities,
    margin=digits.margin,
    linked=linked,
    css=css,
)


def page(document: Mapping[str, Any]) -> str:
    """Return index.html for the content of report.json."""
    claims = document["claims"]
    verdict, sentence = headline(claims)
    filters = {
        group: list(dict.fromkeys(claim[key] for claim in claims))
        for group, key in FILTERED.items()
    }
    papers = [
        _paper(paper, [_verdict(claim, filters) for claim in group], document)
        for paper, group in groupby(claims, key=lambda c: c["paper"])
    ]
    cards = [card for paper in papers for card in paper["cards"]]
    return TEMPLATES.get_template("page.html.j2").render(
        document=document,
        verdict=verdict,
        sentence=sentence,
        papers=papers,
        titles={paper["id"]: paper["name"] for paper in papers},
        filters=filters,
        card_filters={name: boxes for card in cards for name, boxes in card["filters"].items()},
        standings=sum((paper["standings"] for paper in papers), Counter()),
        tallies=by_kind(claims),
        tallies_by_role=by_role(claims),
        findings=sum(map(is_finding, claims)),
        announced=announced(claims),
        error_bound=error_bound(claims),
        unexpected=sum(not claim["as_expected"] for claim in claims),
        made_by_command=any(claim["command"] for claim in claims),
        facts=facts(document["provenance"]),
    )


def name(paper: str) -> str:
    """Return the heading of a paper from its id: its authors and year, or the id in words.

    Examples
    --------
    >>> [name(paper) for paper in ("kunin_2024", "hodgkinson_mahoney_2021", "linsgd", "my_own")]
    ['Kunin et al. (2024)', 'Hodgkinson and Mahoney (2021)', 'New in linsgd', 'My own']
    """
    *authors, year = paper.split("_")
    if paper == "linsgd":
        return "New in linsgd"
    if not (authors and year.isdecimal()):
        return paper.replace("_", " ")[:1].upper() + paper.replace("_", " ")[1:]
    first, *second = (author.capitalize() for author in authors)
    return f"{first} {f'and {second[0]}' if second else 'et al.'} ({year})"


def facts(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (label, text) pairs of how a report was made, with readable dates and durations.

    Examples
    --------
    >>> facts({"numpy": "2.4.6", "seconds": 312.4})
    [('numpy', '2.4.6'), ('duration', '5 min 12 s')]
    """
    pairs = []
    for key, value in provenance.items():
        if key == "date":
            pairs.append((key, digits.moment(value)))
        elif key == "seconds":
            pairs.append(("duration", digits.duration(value)))
        else:
            pairs.append((LABELS.get(key, key), str(value)))
    return pairs


def _paper(
    paper: str, verdicts: Sequence[Mapping[str, Any]], document: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the cards of a paper and the table of its statements."""
    statements = [
        _statement(statement, verdicts)
        for statement in document["statements"]
        if statement["paper"] == paper
    ]
    return {
        "id": paper,
        "name": name(paper),
        "count": tally(verdicts),
        "cards": _cards(verdicts),
        "statements": statements,
        "standings": Counter(statement["standing"] for statement in statements),
        "citation": Counter(verdict["citation"] for verdict in verdicts).most_common(1)[0][0],
    }


def _cards(verdicts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a card for each claim, with its verdicts on all problems.

    A claim whose words depend on the problem has a card for each wording.
    """
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for verdict in verdicts:
        groups.setdefault(tuple(verdict[key] for key in SHARED), []).append(verdict)
    return [_card(group) for group in groups.values()]


def _card(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the verdicts of one claim share, and the filters that hide them all."""
    numbers = [verdict["filters"] for verdict in verdicts]
    filters = {}
    for group in FILTERED:
        boxes = sorted({number[group] for number in numbers})
        name = f"card-{group}-{'-'.join(map(str, boxes))}"
        filters[name] = [f"{group}-{box}" for box in boxes]
    expected = all(verdict["as_expected"] for verdict in verdicts)
    return {
        **{key: verdicts[0][key] for key in (*SHARED, "mathml")},
        "verdicts": verdicts,
        "filters": filters,
        "classes": " ".join([*filters, *(["as-expected"] if expected else [])]),
    }


def _statement(
    statement: Mapping[str, Any], verdicts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a statement with its standing and the claims that were judged for it."""
    judged = [verdict for verdict in verdicts if verdict["id"] in statement["claims"]]
    by_claim: dict[str, list[Mapping[str, Any]]] = {}
    for verdict in judged:
        by_claim.setdefault(verdict["id"], []).append(verdict)
    said = standing(statement, judged)
    return {
        **statement,
        "standing": said,
        "extent": statement["extent"] if said == statement["holds"] else "",
        "judged": {
            claim.partition("/")[2].replace("_", " "): group for claim, group in by_claim.items()
        },
        "unjudged": len(statement["claims"]) - len(by_claim),
    }


def _verdict(claim: Mapping[str, Any], filters: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return a claim on one problem with what its row shows beside its own fields."""
    numbers = {group: filters[group].index(claim[FILTERED[group]]) + 1 for group in filters}
    components, nearest = gauge.components(claim), gauge.nearest(claim)
    light, dark = sources(claim)
    return {
        **claim,
        "filters": numbers,
        "classes": " ".join(f"{group}-{number}" for group, number in numbers.items()),
        "anchor": f"{claim['id']}@{claim['problem']}".replace(" ", "-"),
        "mathml": formula(claim["formula_mathml"]),
        "components": components,
        "nearest": nearest,
        "gauge": _gauge(components[nearest]),
        "count": tally([claim]),
        "failure": failure(claim),
        "mutants": [
            {**mutant, "predicts": _values(mutant["prediction"], components)}
            for mutant in claim["mutants"]
        ],
        "light": light,
        "dark": dark,
        "curves": _curves(claim),
    }


def _curves(claim: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the figures of a claim's curves; none where nothing was measured."""
    if claim["note"] and not claim["chains"]:
        return []
    drawn = []
    for curve in curves([component["name"] for component in claim["prediction"]]):
        light, dark = in_both_colours(curve_figure(claim, curve))
        alt = f"{curve.quantity} over {curve.over}: predicted, accepted, measured and mutants"
        drawn.append({"alt": alt, "light": light, "dark": dark})
    return drawn


def _values(prediction: Sequence[float], components: Sequence[Mapping[str, Any]]) -> str:
    """Return a mutant's prediction of each component, in the components' own digits."""
    pairs = zip(prediction, components, strict=True)
    return ", ".join(digits.written([float(x)], digits.resolution(c))[0] for x, c in pairs)


def _gauge(component: Mapping[str, Any]) -> dict[str, Any]:
    """Return the percentages at which a bar shows acceptance set, interval and estimate.

    An estimate beyond the bar is given as "beyond", its position in half-widths.
    """
    places = gauge.positions(component)
    reach = gauge.reach(places)
    bounds = (gauge.position(component, x) for x in digits.accepted_bounds(component))
    estimate, lower, upper, left, right = (
        50 * (1 + min(max(place, -reach), reach) / reach) if place == place else 50.0
        for place in (*places, *bounds)
    )
    return {
        "lower": lower,
        "width": upper - lower,
        "estimate": estimate,
        "left": left,
        "band": right - left,
        "beyond": f"{places[0]:.3g}".replace("-", "−") if abs(places[0]) > reach else "",
    }
