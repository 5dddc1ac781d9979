"""Writes a page for each paper: its statements, how far they hold, and the claims behind that.

The statements are those of `statements.py` in each paper's folder, the verdicts those kept."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

from linsgd.claims.registry import NAMED, PAPERS
from linsgd.report.page import ARXIV, name
from linsgd.report.summary import standing

REPORTS = ("full", "networks")  # folders of the kept reports
VALIDATION = Path(__file__).parents[1] / "validation"
MARKUP = re.compile(r"([\\*_|<>`$\[\]^~])")

INTRODUCTION = """\
The statements are in our own words; *{source}* says whose each is. How far one holds is what its
claims say: each claim is judged on its own, and a report shows its numbers. {tally}.

`linsgd validate --papers {paper}` judges the core claims, `--effort full` all of them. The last
column of the table at the end is what the reports kept with the source say, of {date} and later;
{missing}.
"""
INDEX = """\
# Papers

What each paper states, in our own words, how far it holds, and the claims that decide it. These
pages are written from the package when the documentation is built.

| paper | statements | hold | to first order in lr | hold only if | fail | claims |
|---|---|---|---|---|---|---|
{rows}

```{{toctree}}
:hidden:

{names}
```
"""


@cache
def kept_reports():
    """Return the contents of the kept reports."""
    return [json.loads((VALIDATION / each / "report.json").read_text()) for each in REPORTS]


def oldest():
    """Return the day of the oldest of the kept reports."""
    return min(report["provenance"]["date"] for report in kept_reports())[:10]


def kept_verdicts():
    """Return {claim: its verdicts} of the kept reports."""
    found = {}
    for report in kept_reports():
        for verdict in report["claims"]:
            found.setdefault(verdict["id"], []).append(verdict)
    return found


def write(folder):
    """Write the pages and their index."""
    folder.mkdir(exist_ok=True)
    papers, kept = (*PAPERS, *NAMED), kept_verdicts()
    for paper in papers:
        (folder / f"{paper.name}.md").write_text(page(paper, kept))
    (folder / "index.md").write_text(index(papers))


def index(papers):
    """Return the page that counts the statements of all papers."""
    rows = "\n".join(index_row(paper) for paper in papers)
    return INDEX.format(rows=rows, names="\n".join(paper.name for paper in papers))


def index_row(paper):
    """Return the counts of a paper's statements by how far they hold."""
    held = Counter(str(each.holds) for each in paper.statements)
    kinds = ("holds", "holds to first order in lr", "holds only if", "fails")
    counts = [len(paper.statements), *(held[kind] for kind in kinds), len(paper.entries)]
    return f"| [{name(paper.name)}]({paper.name}.md) | " + " | ".join(map(str, counts)) + " |"


def page(paper, kept):
    """Return the page of a paper."""
    held = Counter(str(each.holds) for each in paper.statements)
    sources = ", ".join(dict.fromkeys(str(each.source) for each in paper.statements))
    missing = sum(claim not in kept for claim in paper.entries)
    introduction = INTRODUCTION.format(
        source=sources,
        tally="; ".join(f"{count} × *{kind}*" for kind, count in held.items()),
        paper=paper.name,
        date=oldest(),
        missing=f"{missing} of {len(paper.entries)} claims are newer than those reports",
    )
    statements = "\n\n".join(statement(each, kept) for each in paper.statements)
    claims = "\n".join(claim_row(entry, kept) for entry in paper.entries.values())
    head = "| claim | measured | kept report |\n|---|---|---|"
    return (
        f"# {name(paper.name)}\n\n{linked(paper.citation)}\n\n{introduction}\n"
        f"## Statements\n\n{statements}\n\n## Claims\n\n{head}\n{claims}\n"
    )


def statement(each, kept):
    """Return one statement, how far it holds, and what decides it, as a definition."""
    judged = [verdict for claim in each.claims for verdict in kept.get(claim, ())]
    said = standing({"holds": str(each.holds)}, judged)
    differs = f" (kept report: {said})" if said != str(each.holds) else ""
    names = ", ".join(f"`{claim.partition('/')[2]}`" for claim in each.claims)
    extent = f": {plain(each.extent)}" if each.extent else ""
    return (
        f"{plain(each.text)}\n"
        f": **{each.holds}**{differs}{extent}. *{each.source}*\n\n"
        f"  Decided by {names}"
    )


def claim_row(entry, kept):
    """Return a claim with what it measures and its verdicts in the kept reports."""
    measured = plain(entry.make.__doc__.partition("\n")[0])
    problems = {}
    for verdict in kept.get(entry.id, ()):
        problems.setdefault(verdict["verdict"], []).append(verdict["problem"])
    outcomes = "; ".join(f"{each} on {', '.join(on)}" for each, on in problems.items())
    return f"| `{entry.id.partition('/')[2]}` | {measured} | {outcomes or 'newer'} |"


def plain(text):
    """Return a sentence without a meaning in Markdown."""
    return MARKUP.sub(r"\\\1", text)


def linked(citation):
    """Return a citation with a link to its preprint."""
    return ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", plain(citation))
