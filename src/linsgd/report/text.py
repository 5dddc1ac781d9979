"""The report as text: the counts, and three lines a claim."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from linsgd.report.digits import margin, quantities, share
from linsgd.report.gauge import components as components_of
from linsgd.report.gauge import nearest
from linsgd.report.summary import (
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
    lines += [
        f"{role:<10}  {count.confirmed} confirmed, {count.refuted} refuted, "
        f"{count.undecided} undecided"
        for role, count in by_role(claims).items()
    ]
    if fail := sum(map(is_finding, claims)):
        lines.append(f"Approximations that fail here, as the exact theory predicts: {fail}.")
    if unjudged := announced(claims):
        lines.append(f"Said to be beyond this effort before it was spent: {unjudged}.")
    bound = share(error_bound(claims))
    lines.append(f"The probability that any simulated verdict is wrong is at most {bound}.")
    lines += _statements(document)
    lines += _changes(document)
    if document["left_out"]:
        lines.append("Not judged on these data:")
        lines += [f"    {name}: {why}" for name, why in document["left_out"].items()]
    lines.append("")
    return "\n".join(lines)


def _changes(document: Mapping[str, Any]) -> list[str]:
    """Return what differs from an earlier report, a line a difference."""
    if document["against"] is None:
        return []
    head = f"Changed since {document['against']}: "
    if not document["changes"]:
        return [f"{head}nothing."]
    return [f"{head}{len(document['changes'])}", *map(_changed, document["changes"])]


def _changed(change: Mapping[str, Any]) -> str:
    said = f", {change['text']}" if change["text"] else ""
    return f"    {change['claim']} on {change['problem']}: {change['difference']}{said}"


def _statements(document: Mapping[str, Any]) -> list[str]:
    """Return how far the statements of each paper hold, a line a statement."""
    lines = []
    for paper, group in groupby(document["statements"], key=lambda s: s["paper"]):
        lines += ["", f"Statements of {paper}, and how far they hold:"]
        for statement in group:
            judged = [claim for claim in document["claims"] if claim["id"] in statement["claims"]]
            lines.append(f"    {standing(statement, judged)}: {statement['text']}")
    return lines


def paragraph(claim: Mapping[str, Any]) -> str:
    """Return verdict, statement and the numbers of one claim in three lines, and its note."""
    components = components_of(claim)
    component = components[nearest(claim)]
    says = quantities(component)
    more = f" (the nearest to its edge of {len(components)})" if len(components) > 1 else ""
    count = tally([claim])
    fails = f": {failure(claim)}" if failure(claim) else ""
    head = f"{SYMBOLS[claim['verdict']]} {claim['verdict']:<9}  {claim['id']} on {claim['problem']}"
    if claim["note"] and not claim["chains"]:
        return f"{head}\n    {claim['statement']}\n    Not simulated: {claim['note']}.\n"
    return (
        f"{head}{fails}\n"
        f"    {claim['statement']}\n"
        f"    {component['name']}{more}: predicted {says['predicted']} "
        f"(accepted {says['accepted']}), measured {says['measured']} ({says['interval']}); "
        f"margin {margin(claim['margin'])}, {count.killed} of {count.mutants} mutants killed\n"
        + (f"    {claim['note'].capitalize()}.\n" if claim["note"] else "")
    )
