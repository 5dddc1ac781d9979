"""The report as one self-contained page: a pure function of report.json, without network and without JavaScript.

Every text is escaped; the only markup that comes from a report is its formulas, which are checked
to be MathML.
"""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from linsgd.report import digits, gauge
from linsgd.report.figure import sources
from linsgd.report.mathml import formula
from linsgd.report.summary import KINDS, SYMBOLS, by_kind, error_bound, headline, tally

TEMPLATES = Environment(
    loader=PackageLoader("linsgd.report", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals.update(symbols=SYMBOLS, kinds=KINDS)
TEMPLATES.filters.update(share=digits.share, quantities=digits.quantities, margin=digits.margin)


def page(document: Mapping[str, Any]) -> str:
    """Return index.html for the content of report.json."""
    claims = document["claims"]
    verdict, sentence = headline(claims)
    papers = [
        {
            "id": paper,
            "name": name(paper),
            "count": tally(group),
            "claims": [_row(claim) for claim in group],
        }
        for paper, group in (
            (paper, list(group)) for paper, group in groupby(claims, key=lambda c: c["paper"])
        )
    ]
    return TEMPLATES.get_template("page.html.j2").render(
        document=document,
        verdict=verdict,
        sentence=sentence,
        papers=papers,
        tallies=by_kind(claims),
        error_bound=error_bound(claims),
    )


def name(paper: str) -> str:
    """Return the name of a paper from its id, which names one author, or both.

    Examples
    --------
    >>> [name(paper) for paper in ("kunin_2024", "hodgkinson_mahoney_2021", "linsgd")]
    ['Kunin et al. (2024)', 'Hodgkinson and Mahoney (2021)', 'New in linsgd']
    """
    *authors, year = paper.split("_")
    if not authors:
        return f"New in {paper}"
    first, *second = (author.capitalize() for author in authors)
    return f"{first} {f'and {second[0]}' if second else 'et al.'} ({year})"


def _row(claim: Mapping[str, Any]) -> dict[str, Any]:
    """Return a claim with what its row shows beside its own fields."""
    components = gauge.decisive(claim)
    light, dark = sources(claim)
    return {
        **claim,
        "anchor": f"{claim['id']}@{claim['problem']}".replace(" ", "-"),
        "mathml": formula(claim["formula_mathml"]),
        "components": components,
        "gauge": _gauge(components[0]),
        "count": tally([claim]),
        "light": light,
        "dark": dark,
    }


def _gauge(component: Mapping[str, Any]) -> dict[str, float]:
    """Return the percentages at which a bar from -2 to 2 acceptance half-widths shows band and interval."""
    lower, upper, estimate, left, right = (
        25.0 * (2.0 + min(max(gauge.position(component, float(component[key])), -2.0), 2.0))
        for key in ("lower", "upper", "estimate", "acceptance_lower", "acceptance_upper")
    )
    return {
        "lower": lower,
        "width": upper - lower,
        "estimate": estimate,
        "left": left,
        "band": right - left,
    }
