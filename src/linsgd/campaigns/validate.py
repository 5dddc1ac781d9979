"""The main job: judge the claims, and write the report."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

from linsgd import domains
from linsgd.blocks import accept_calls
from linsgd.campaigns.circumstances import circumstances
from linsgd.claims.paper import Paper
from linsgd.claims.registry import NAMED, PAPERS, Asked, Selection, select
from linsgd.judge.claim import Claim
from linsgd.judge.judge import Effort, foreseen, judge, work
from linsgd.judge.statement import Statement
from linsgd.judge.verdict import Verdict
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.table import Table
from linsgd.references import bibliography
from linsgd.report.changes import changes, earlier_claims
from linsgd.report.record import Report, writable
from linsgd.result import environment

Progress = Callable[[int, int], None]
Pair = tuple[Any, str]
AGAIN = "linsgd-again"  # holds a folder for each repeated verdict, apart from the whole report


def validate(
    papers: Asked = "all",
    effort: Effort = "quick",
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    data: LinearRegression | Table | Pair | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    problem: str | None = None,
    overwrite: bool = False,
    announce: Callable[[str], None] | None = None,
    against: str | os.PathLike[str] | None = None,
) -> Report:
    """Judge the claims and write the report.

    Parameters
    ----------
    papers : str, Paper, or sequence of them
        Whose claims to judge: "all", names of papers or of single claims, or papers of one's own
        (`linsgd.claims.paper.Paper`).
    effort : {"quick", "full"}
        The budget in steps x features: the core claims with a small one, or all claims with what
        they take.
    seed : int
        At least 0; the same seed gives the same verdicts.
    folder : path, optional
        Where index.html, report.json, report.csv and report.txt go. Finished blocks of the
        simulation are kept in its folder ``blocks``: an interrupted validation, started again, goes
        on from there.
    data : LinearRegression, Table or tuple (source, target), optional
        A data set of one's own to judge the exact predictions on: a problem made by
        `LinearRegression.from_data`, or a table (a CSV or Parquet file, or a data frame) and the
        column of its labels; a `linsgd.Table` also says how it is read.
    executor : concurrent.futures.Executor, optional
        Where blocks of chains run; by default threads on all cores.
    progress : callable, optional
        Called with (claims judged, claims).
    problem : str, optional
        Judge only what is claimed of this problem, such as "diabetes".
    overwrite : bool
        Whether verdicts of an earlier report in `folder` that this validation does not renew may be
        lost.
    announce : callable, optional
        Called once the claims are made, with the work in steps times features and the ids of those
        claims that the effort cannot or may not decide; then with the id of a claim and its number
        of chains before these are simulated.
    against : path, optional
        The report.json of an earlier validation, or its folder: the report says what has changed of
        the papers and the problem asked for.

    Returns
    -------
    Report
        The verdicts in `.claims`; `.exit_code` is 0 unless the exact theory failed or left an
        identity undecided.

    Raises
    ------
    ValueError
        If an argument lies outside its domain, the folder cannot be written or holds verdicts that
        would be lost; before any work.
    ModuleNotFoundError
        If an extra is missing, before any work.
    """
    started = time.monotonic()
    domains.integer("seed", seed, "[0, inf)")
    accept_calls(executor, progress)
    data = _given(data)
    earlier = None if against is None else earlier_claims(against)
    selection = select(papers, effort, data.read() if isinstance(data, Table) else data, problem)
    chosen = selection.claims
    if not chosen:
        domains.refuse("papers", papers, f"names of claims that apply to {_about(data, problem)}")
    renewed = None if overwrite else {(claim.id, claim.problem, _name(data)) for claim in chosen}
    place = None if folder is None else writable(folder, renewed)
    blocks = place and place / "blocks"
    if announce is not None:
        announce(_work(chosen, effort))
    verdicts = judge(chosen, seed, effort, executor, blocks, progress, announce)
    papers_by_name = {paper.name: paper for paper in selection.papers}
    found = {(verdict.id, verdict.problem): verdict for verdict in verdicts}
    report = Report(
        claims=tuple(
            _reproducible(found[c.id, c.problem], papers_by_name[c.paper], data, effort, seed)
            for c in chosen
        ),
        provenance=environment() | circumstances(started, data),
        papers=_names(papers),
        effort=effort,
        seed=seed,
        data=_name(data),
        problem=problem,
        left_out={name.partition(" ")[0]: why for name, why in selection.left_out.items()},
        statements=_statements(selection),
        bibtex=bibliography(p.reference for p in selection.papers if p.reference is not None),
    )
    if earlier is not None:
        again = [claim for claim in earlier if _is_asked(claim, report)]
        since = changes(again, report.to_dict()["claims"])
        report = replace(report, against=str(against), changes=since)
    if place is not None:
        report.save(place, overwrite)
    return report


def _is_asked(earlier: Mapping[str, Any], report: Report) -> bool:
    """Say whether a report was to judge an earlier report's claim, which is gone if it does not.

    It was if it judges all papers or another claim of its paper; single claims name themselves.
    """
    names = set(report.papers.split(","))
    judged = {verdict.id for verdict in report.claims}
    papers = {verdict.paper for verdict in report.claims}
    if names <= judged:
        named = earlier["id"] in names
    else:
        named = "all" in names or earlier["id"].partition("/")[0] in papers
    return named and report.problem in (None, earlier["problem"])


def _work(chosen: Sequence[Claim], effort: Effort) -> str:
    """Return what is to be done, and what the effort cannot or may not decide."""
    least, most = work(chosen, effort)
    budget = f"{len(chosen)} claims, {least:.1e} to {most:.1e} steps x features"
    beyond, doubtful = map(", ".join, foreseen(chosen, effort))
    said = [budget, beyond and f"Cannot be decided at this effort: {beyond}"]
    said += [doubtful and f"May stay undecided at this effort: {doubtful}"]
    return "\n".join(filter(None, said))


def _statements(selection: Selection) -> tuple[Statement, ...]:
    """Return the statements on which a chosen claim bears."""
    names = {claim.id for claim in selection.claims}
    return tuple(
        statement
        for paper in selection.papers
        for statement in paper.statements
        if not names.isdisjoint(statement.claims)
    )


def _given(data: Any) -> LinearRegression | Table | None:
    """Return the data, a pair of a source and a target as a table read without any option."""
    if isinstance(data, tuple) and len(data) == 2 and isinstance(data[1], str):
        return Table(source=data[0], target=data[1])
    if data is not None and type(data) not in (LinearRegression, Table):
        domains.refuse_type(
            "data",
            data,
            "a problem made by LinearRegression.from_data, a linsgd.Table, or a pair (source, "
            "target column) such as a CSV file and a name",
        )
    checked: LinearRegression | Table | None = data
    return checked


def _about(data: LinearRegression | Table | None, problem: str | None) -> str:
    return "these data" if data is not None else problem or "any problem that ships"


def _names(papers: Asked) -> str:
    """Return the papers asked for, separated by commas."""
    each = papers if isinstance(papers, list | tuple) else [papers]
    return ",".join(paper.name if isinstance(paper, Paper) else str(paper) for paper in each)


def _name(data: LinearRegression | Table | None) -> str | None:
    if isinstance(data, Table):
        return ", ".join([data.name, f"target {data.target}", *data.options()])
    return None if data is None else f"{data.dimension} features given in Python"


def _reproducible(
    verdict: Verdict,
    paper: Paper,
    data: LinearRegression | Table | None,
    effort: str,
    seed: int,
) -> Verdict:
    """Add the line that reaches a verdict again, in a folder of its own."""
    shipped = (*PAPERS, *NAMED)
    known = paper in shipped or paper.file is not None  # to the command line
    file = data if isinstance(data, Table) and data.is_file else None
    if not known or (data is not None and file is None):
        asked = repr(verdict.id) if paper in shipped else verdict.paper
        options = f"problem={verdict.problem!r}, effort={effort!r}, seed={seed}"
        options += ", data=data" if data is not None else ""
        return replace(verdict, command=f"linsgd.validate({asked}, {options})")
    words = ["linsgd", "validate", *([paper.file] if paper.file is not None else [])]
    words += ["--claim", verdict.id, "--problem", verdict.problem]
    words += ["--effort", effort, "--seed", str(seed), "--out"]
    words += [f"{AGAIN}/{verdict.id}-{verdict.problem}"]
    if file is not None:
        words += ["--data", str(file.source), "--target", file.target, *file.options()]
    return replace(verdict, command=shlex.join(words))
