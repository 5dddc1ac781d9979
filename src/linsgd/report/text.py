"""The report as text: the counts, and three lines a claim."""

from collections.abc import Mapping
from typing import Any

from linsgd.report.digits import margin, quantities, share
from linsgd.report.gauge import components as components_of
from linsgd.report.gauge import nearest
from linsgd.report.summary import SYMBOLS, by_kind, error_bound, headline, tally


def text(document: Mapping[str, Any]) -> str:
    """Return report.txt for the content of report.json."""
    return "\n".join([heading(document), *map(paragraph, document["claims"])])


def heading(document: Mapping[str, Any]) -> str:
    """Return the summary of the whole report."""
    claims = document["claims"]
    verdict, sentence = headline(claims)
    lines = [f"{SYMBOLS[verdict]} {sentence}", ""]
    lines += [
        f"{kind:<10}  {count.confirmed} confirmed, {count.refuted} refuted, "
        f"{count.undecided} undecided; {count.killed} of {count.mutants} mutants killed"
        for kind, count in by_kind(claims).items()
    ]
    bound = share(error_bound(claims))
    lines.append(f"The probability that any simulated verdict is wrong is at most {bound}.")
    if document["left_out"]:
        names = ", ".join(document["left_out"])
        lines.append(f"Not judged, as these data do not tell them from a mutant: {names}.")
    lines.append("")
    return "\n".join(lines)


def paragraph(claim: Mapping[str, Any]) -> str:
    """Return verdict, statement and the numbers of one claim in three lines."""
    components = components_of(claim)
    component = components[nearest(claim)]
    says = quantities(component)
    more = f" (the nearest to its edge of {len(components)})" if len(components) > 1 else ""
    count = tally([claim])
    return (
        f"{SYMBOLS[claim['verdict']]} {claim['verdict']:<9}  {claim['id']} on {claim['problem']}\n"
        f"    {claim['statement']}\n"
        f"    {component['name']}{more}: predicted {says['predicted']} "
        f"(accepted {says['accepted']}), measured {says['measured']} ({says['interval']}); "
        f"margin {margin(claim['margin'])}, {count.killed} of {count.mutants} mutants killed\n"
    )
