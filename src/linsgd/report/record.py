"""A validation report: verdicts, what was asked, and the folder that they are written to.

report.json is the source of truth; the page and the text are pure functions of it. What may differ
between equal runs stands under its `provenance`.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from linsgd.judge.verdict import Outcome, Verdict
from linsgd.report.page import page
from linsgd.report.text import text
from linsgd.result import SCHEMA, Result, encode

ASKED = ("papers", "effort", "seed", "data", "problem", "left_out")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Report(Result):
    """The verdicts of one validation.

    Attributes
    ----------
    claims : tuple of Verdict
        In the order in which they were asked for.
    papers, effort, seed, data, problem
        What was asked: names separated by commas or "all", "quick" or "full", the seed, the name of
        the user's data or None, the one problem that was judged or None for all of them.
    left_out : tuple of str
        Claims that the user's data cannot tell from their mutants, which were therefore not judged.
    """

    claims: tuple[Verdict, ...]
    papers: str
    effort: str
    seed: int
    data: str | None
    problem: str | None = None
    left_out: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0: all as expected; 1: a claim is refuted; 3: a claim is undecided or a mutant is alive."""
        if any(verdict.outcome is Outcome.REFUTED for verdict in self.claims):
            return 1
        return 0 if all(verdict.as_expected for verdict in self.claims) else 3

    def rows(self) -> list[tuple[str, str]]:
        """Return what the printed form shows: (claim, verdict) pairs."""
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
        # slots=True makes a second class, of which a bare super() does not know
        return super(Report, cls).from_dict({**data, "claims": claims})

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write index.html, report.txt and report.json; a file that is there is whole, the old one or the new one.

        Parameters
        ----------
        folder : path
            Made where it is missing.

        Raises
        ------
        ValueError
            If the folder cannot be written to.
        """
        folder = writable(folder)
        document = self.to_dict()
        _replace(folder / "index.html", page(document))
        _replace(folder / "report.txt", text(document))
        _replace(
            folder / "report.json",
            json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        )


def writable(folder: str | os.PathLike[str]) -> Path:
    """Make a folder and return it, or raise the ValueError that says why nothing can be written there."""
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        message = (
            f"folder = {str(folder)!r} cannot be written to ({error.strerror}); name another one"
        )
        raise ValueError(message) from error


def _replace(path: Path, content: str) -> None:
    """Write a whole file beside `path`, then rename it: a crash leaves the old one."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _from_verdict(verdict: Verdict) -> dict[str, Any]:
    claim = verdict.to_dict()
    for key in ("type", "schema", "provenance"):
        del claim[key]
    components = claim.pop("components")
    expected = {
        "value": "prediction",
        "acceptance_lower": "acceptance_lower",
        "acceptance_upper": "acceptance_upper",
    }
    prediction = [
        {"name": c["name"]} | {key: c[field] for key, field in expected.items()} for c in components
    ]
    measurement = [
        {key: c[key] for key in ("name", "estimate", "lower", "upper")} for c in components
    ]
    mutants = [
        {key: mutant[key] for key in ("name", "prediction", "killed")}
        for mutant in claim.pop("mutants")
    ]
    verdicts = {"verdict": claim.pop("outcome"), "as_expected": verdict.as_expected}
    return {
        **claim,
        **verdicts,
        "prediction": prediction,
        "measurement": measurement,
        "mutants": mutants,
    }


def _to_verdict(claim: Mapping[str, Any]) -> dict[str, Any]:
    def part(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": kind, "schema": SCHEMA, "provenance": {}, **values}

    pairs = zip(claim["prediction"], claim["measurement"], strict=True)
    components = [part("Component", {**p, **m, "prediction": p["value"]}) for p, m in pairs]
    mutants = [part("Mutant", mutant) for mutant in claim["mutants"]]
    return part(
        "Verdict",
        {**claim, "outcome": claim["verdict"], "components": components, "mutants": mutants},
    )
