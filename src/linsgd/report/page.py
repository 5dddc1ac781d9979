"""The report as one self-contained page: a pure function of report.json.

The page needs neither a network nor JavaScript. Every text is escaped; the only markup that comes
from a report is its formulas, which are checked to be MathML.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from linsgd.report import digits, gauge
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
TEMPLATES.filters.update(share=digits.share, quantities=digits.quantities, margin=digits.margin)


def page(document: Mapping[str, Any]) -> str:
    """Return index.html for the content of report.json."""
    claims = document["claims"]
    verdict, sentence = headline(claims)
    groups = [(paper, list(group)) for paper, group in groupby(claims, key=lambda c: c["paper"])]
    papers = [
        {
            "id": paper,
            "name": name(paper),
            "count": tally(group),
            "claims": [_card(claim) for claim in group],
        }
        for paper, group in groups
    ]
    return TEMPLATES.get_template("page.html.j2").render(
        document=document,
        verdict=verdict,
        sentence=sentence,
        papers=papers,
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
            pairs.append((key, str(value)))
    return pairs


def _card(claim: Mapping[str, Any]) -> dict[str, Any]:
    """Return a claim with what its card shows beside its own fields."""
    components, nearest = gauge.components(claim), gauge.nearest(claim)
    light, dark = sources(claim)
    return {
        **claim,
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
    }


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
