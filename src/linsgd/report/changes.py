"""The differences between a report and an earlier one."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from linsgd import domains
from linsgd.result import Result

RELATIVE = 1e-9  # difference of two predictions from which they are not the same

Claim = Mapping[str, Any]


class Difference(StrEnum):
    """How a claim differs from the one of an earlier report."""

    VERDICT = "another verdict"
    PREDICTION = "another prediction"
    MEASUREMENT = "disjoint intervals"  # of the two measurements of one component
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Change(Result):
    """One difference between two reports.

    Attributes
    ----------
    claim, problem : str
        What it is about.
    difference : Difference
        In what it consists.
    text : str
        The two verdicts or numbers; empty for a claim that is new or gone.
    """

    claim: str
    problem: str
    difference: Difference
    text: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)


def earlier_claims(path: str | os.PathLike[str]) -> list[Claim]:
    """Return the claims of the report.json at a path, or in the folder at a path.

    Raises
    ------
    ValueError
        If there is none that linsgd wrote.
    """
    file = Path(path) / "report.json" if Path(path).is_dir() else Path(path)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        claims: list[Claim] = document["claims"]
        for claim in claims:
            _subject(claim), claim["verdict"], _numbers(claim)
    except OSError as error:
        raise ValueError(f"against = {str(path)!r} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError):
        domains.refuse("against", str(path), "a report.json that linsgd wrote, or its folder")
    return claims


def changes(earlier: Sequence[Claim], now: Sequence[Claim]) -> tuple[Change, ...]:
    """Return how the claims of a report differ from those of an earlier one.

    Parameters
    ----------
    earlier, now : sequence of mapping
        The `claims` of the two files report.json.

    Returns
    -------
    tuple of Change
        In the order of `now`, those that are gone at the end. Of a claim with another verdict the
        numbers are not compared.
    """
    before = {_subject(claim): claim for claim in earlier}
    after = {_subject(claim): claim for claim in now}
    found = []
    for subject, claim in after.items():
        if subject not in before:
            found.append(_change(subject, Difference.NEW))
        else:
            found += _differences(subject, before[subject], claim)
    gone = [_change(subject, Difference.GONE) for subject in before if subject not in after]
    return (*found, *gone)


def _subject(claim: Claim) -> tuple[str, str]:
    return str(claim["id"]), str(claim["problem"])


def _change(subject: tuple[str, str], difference: Difference, text: str = "") -> Change:
    claim, problem = subject
    return Change(claim=claim, problem=problem, difference=difference, text=text)


def _differences(subject: tuple[str, str], before: Claim, after: Claim) -> list[Change]:
    """Return the differences of one claim that both reports judge."""
    if before["verdict"] != after["verdict"]:
        text = f"{before['verdict']}, now {after['verdict']}"
        return [_change(subject, Difference.VERDICT, text)]
    old, new = _numbers(before), _numbers(after)
    if list(old) != list(new):
        text = f"{len(old)} components, now {len(new)}, or of other names"
        return [_change(subject, Difference.PREDICTION, text)]
    found = []
    for name, (was, was_lower, was_upper) in old.items():
        value, lower, upper = new[name]
        if not math.isclose(was, value, rel_tol=RELATIVE, abs_tol=0.0) and was == was:
            text = f"{name}: {was:.9g}, now {value:.9g}"
            found.append(_change(subject, Difference.PREDICTION, text))
        elif was_upper < lower or upper < was_lower:
            text = f"{name}: [{was_lower:.4g}, {was_upper:.4g}], now [{lower:.4g}, {upper:.4g}]"
            found.append(_change(subject, Difference.MEASUREMENT, text))
    return found


def _numbers(claim: Claim) -> dict[str, tuple[float, float, float]]:
    """Return prediction, lower and upper end of the measurement of each component."""
    pairs = zip(claim["prediction"], claim["measurement"], strict=True)
    return {
        str(p["name"]): (float(p["value"]), float(m["lower"]), float(m["upper"])) for p, m in pairs
    }
