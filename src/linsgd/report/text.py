"""The report as text: the counts, and three lines a claim."""

from collections.abc import Mapping
from typing import Any

from linsgd.report.digits import margin, quantities, share
from linsgd.report.gauge import decisive
from linsgd.report.summary import SYMBOLS, by_kind, error_bound, headline, tally


def text(document: Mapping[str, Any]) -> str:
    """Return report.txt for the content of report.json."""
    return "\n".join([heading(document), *map(paragraph, document["claims"])])


def heading(document: Mapping[str, Any]) -> str:
    """Return what the report says as a whole."""
    claims = document["claims"]
    verdict, sentence = headline(claims)
    lines = [f"{SYMBOLS[verdict]} {sentence}", ""]
    lines += [
        f"{kind:<10}  {count.confirmed} confirmed, {count.refuted} refuted, {count.undecided} undecided; "
        f"{count.killed} of {count.mutants} mutants killed"
        for kind, count in by_kind(claims).items()
    ]
    lines.append(
        f"The chance that any simulated verdict is wrong is at most {share(error_bound(claims))}."
    )
    if document["left_out"]:
        lines.append(
            f"Not judged, as these data do not tell them from a mutant: {', '.join(document['left_out'])}."
        )
    lines.append("")
    return "\n".join(lines)


def paragraph(claim: Mapping[str, Any]) -> str:
    """Return what the report says of one claim."""
    nearest = decisive(claim)[0]
    says = quantities(nearest)
    more = (
        f", nearest its edge of {len(claim['prediction'])}" if len(claim["prediction"]) > 1 else ""
    )
    count = tally([claim])
    return (
        f"{SYMBOLS[claim['verdict']]} {claim['verdict']:<9}  {claim['id']} on {claim['problem']}\n"
        f"    {claim['statement']}\n"
        f"    {nearest['name']}{more}: predicted {says['predicted']} (accepted {says['accepted']}), "
        f"measured {says['measured']} ({says['interval']}); margin {margin(claim['margin'])}, "
        f"{count.killed} of {count.mutants} mutants killed\n"
    )
