"""A validation report: the verdicts, the request behind them, and the folder that holds them.

report.json is the source of truth; the page and the text are pure functions of it. What may differ
between equal runs stands under its `provenance`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from linsgd import domains
from linsgd.files import make_writable, write_whole
from linsgd.judge.statement import Statement
from linsgd.judge.verdict import Outcome, Role, Verdict
from linsgd.report.changes import Change
from linsgd.report.numbers import ACCEPTED, MEASURED, as_csv, records
from linsgd.report.overview import overview
from linsgd.report.page import page
from linsgd.report.text import text
from linsgd.result import SCHEMA, Result, encode

ASKED = (
    "papers",
    "effort",
    "seed",
    "data",
    "problem",
    "left_out",
    "statements",
    "bibtex",
    "against",
    "changes",
)
BOUNDS = (*ACCEPTED, "support_lower", "support_upper")

Subject = tuple[str, str, str | None]  # claim, problem, and the user's data if any


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Report(Result):
    """The verdicts of one validation.

    Attributes
    ----------
    claims : tuple of Verdict
        In the order in which they were asked for.
    papers, effort, seed, data, problem
        The request: names separated by commas or "all", "quick" or "full", the seed, the name of
        the user's data or None, the one problem that was judged or None for all of them.
    left_out : mapping of str to str
        Claims that do not apply to the user's data, and why; they were not judged.
    statements : tuple of Statement
        What the papers state; those that a judged claim bears on.
    bibtex : str
        How to cite linsgd and the papers.
    against : str or None
        Where the earlier report is with which this one was compared.
    changes : tuple of Change
        What differs from it.

    See Also
    --------
    linsgd.validate : Judges the claims and returns their report.
    """

    claims: tuple[Verdict, ...]
    papers: str
    effort: str
    seed: int
    data: str | None
    problem: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    statements: tuple[Statement, ...] = ()
    bibtex: str = ""
    against: str | None = None
    changes: tuple[Change, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, 1 or 3.

        1: a claim is refuted, hence the exact theory failed, of which every acceptance set follows.
        3: an identity is undecided or one of its mutants alive, although nothing was said of that
        before the effort was spent; or no claim at all was decided. 0: else; an approximation that
        fails as the exact theory predicts does not change it.
        """
        if any(verdict.outcome is Outcome.REFUTED for verdict in self.claims):
            return 1
        open_ = any(
            verdict.role is Role.IDENTITY and not (verdict.as_expected or verdict.note)
            for verdict in self.claims
        )
        decided = any(verdict.outcome is not Outcome.UNDECIDED for verdict in self.claims)
        return 3 if open_ or not decided else 0

    def rows(self) -> list[tuple[str, str]]:
        """Return (claim, verdict) pairs for the printed form."""
        return [
            (f"{verdict.id} on {verdict.problem}", str(verdict.outcome)) for verdict in self.claims
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the content of report.json."""
        asked = {name: encode(getattr(self, name)) for name in ASKED}
        head = {"type": "Report", "schema": SCHEMA, "provenance": encode(self.provenance)}
        return {**head, **asked, "claims": [_from_verdict(verdict) for verdict in self.claims]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild the report that `to_dict` wrote."""
        claims = [_to_verdict(claim) for claim in data["claims"]]
        # a bare super() refers to the class before slots=True replaced it
        return super(Report, cls).from_dict({**data, "claims": claims})

    def plot(self, ax: Any = None) -> Any:
        """Draw the margin of every claim, a line a paper.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        Axes
            Claims that were not simulated have no point.
        """
        return overview(self.to_dict(), ax)

    def to_dataframe(self) -> Any:
        """Return all numbers as a pandas DataFrame, one row a component; needs pandas."""
        import pandas

        return pandas.DataFrame(list(records(self.to_dict())))

    def save(self, folder: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write index.html, report.txt, report.csv and report.json, each replaced as a whole.

        Parameters
        ----------
        folder : path
            Made where it is missing.
        overwrite : bool
            Whether verdicts of an earlier report in the folder that this one does not renew may be
            lost.

        Raises
        ------
        ValueError
            If the folder cannot be written to, or holds verdicts that would be lost.
        """
        subjects = {(verdict.id, verdict.problem, self.data) for verdict in self.claims}
        folder = writable(folder, None if overwrite else subjects)
        document = self.to_dict()
        data = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        contents = {
            "index.html": page(document),
            "report.txt": text(document),
            "report.csv": as_csv(document),
            "report.json": data,
        }
        for name, content in contents.items():
            write_whole(folder / name, content.encode())


def writable(folder: str | os.PathLike[str], renewed: Collection[Subject] | None = None) -> Path:
    """Make a folder for a report and return it.

    Parameters
    ----------
    folder : path
        Made where it is missing.
    renewed : collection of (claim, problem, data), optional
        What the new report is about. An earlier report in the folder must not be about anything
        else. None: an earlier report may be lost.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        If nothing can be written there, or verdicts of an earlier report would be lost.
    """
    path = Path(folder)
    if renewed is not None:
        _refuse_loss(path, renewed)
    try:
        return make_writable(path)
    except OSError as error:
        message = (
            f"folder = {str(folder)!r} cannot be written to ({error.strerror}); name another one"
        )
        raise ValueError(message) from error


def _refuse_loss(folder: Path, renewed: Collection[Subject]) -> None:
    """Raise the ValueError that says which verdicts of an earlier report would be lost."""
    try:
        document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        earlier = {(c["id"], c["problem"], document["data"]) for c in document["claims"]}
    except OSError:
        return  # there is none
    except (ValueError, KeyError, TypeError):
        domains.refuse(
            "folder",
            str(folder),
            (
                "folders without a report.json that linsgd did not write; name "
                "another one or overwrite"
            ),
        )
    lost = sorted(f"{claim} on {problem}" for claim, problem, _ in earlier - set(renewed))
    if lost:
        raise ValueError(
            f"folder = {str(folder)!r} holds {len(lost)} verdicts that this report would lose, "
            f"such as {lost[0]}; name another folder or overwrite them"
        )


def _from_verdict(verdict: Verdict) -> dict[str, Any]:
    """Return one item of report.json's `claims`."""
    claim = encode(verdict)
    components, mutants = claim.pop("components"), claim.pop("mutants")
    del claim["type"]
    return {
        **claim,
        "verdict": claim.pop("outcome"),
        "as_expected": verdict.as_expected,
        "role": str(verdict.role),
        "finding": verdict.is_finding,
        "prediction": [
            {"name": c["name"], "value": c["prediction"]} | {key: c[key] for key in BOUNDS}
            for c in components
        ],
        "measurement": [
            {"name": c["name"]} | {key: c[key] for key in MEASURED} for c in components
        ],
        "mutants": [
            {key: mutant[key] for key in ("name", "prediction", "killed")} for mutant in mutants
        ],
    }


def _to_verdict(claim: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a verdict from an item of report.json's `claims`."""
    pairs = zip(claim["prediction"], claim["measurement"], strict=True)
    components = [
        {"type": "Component", "prediction": p["value"], "provenance": {}, **p, **m}
        for p, m in pairs
    ]
    mutants = [{"type": "Mutant", "provenance": {}, **mutant} for mutant in claim["mutants"]]
    return {
        **claim,
        "type": "Verdict",
        "outcome": claim["verdict"],
        "components": components,
        "mutants": mutants,
    }
