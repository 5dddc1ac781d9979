"""The summary of a report: counts, one sentence, and the probability that a verdict is wrong.

Each simulated claim c is judged at its own error alpha_c, so the union bound over a report is the
sum of the alpha_c.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Claim = Mapping[str, Any]

SYMBOLS = {"confirmed": "✓", "refuted": "✕", "undecided": "?"}
KINDS = {"simulation": "theory against Monte Carlo", "numerical": "theory against theory"}


@dataclass(frozen=True, slots=True)
class Tally:
    """Number of claims by outcome, and of their mutants."""

    claims: int
    confirmed: int
    refuted: int
    undecided: int
    mutants: int
    killed: int


def tally(claims: Iterable[Claim]) -> Tally:
    """Count verdicts and mutants."""
    claims = list(claims)
    verdicts = [claim["verdict"] for claim in claims]
    killed = [mutant["killed"] for claim in claims for mutant in claim["mutants"]]
    counts = {verdict: verdicts.count(verdict) for verdict in SYMBOLS}
    return Tally(claims=len(claims), mutants=len(killed), killed=sum(killed), **counts)


def by_kind(claims: Iterable[Claim]) -> dict[str, Tally]:
    """Count each kind separately: a numerical claim is not Monte Carlo evidence."""
    claims = list(claims)
    return {kind: tally(claim for claim in claims if claim["kind"] == kind) for kind in KINDS}


def error_bound(claims: Iterable[Claim]) -> float:
    """Return the union bound on the probability that any verdict is wrong."""
    return float(sum(claim["alpha"] for claim in claims))


def headline(claims: Iterable[Claim]) -> tuple[str, str]:
    """Return the verdict that a whole report stands for, and a sentence that counts every outcome.

    Examples
    --------
    >>> verdicts = ["refuted", "undecided", "confirmed", "confirmed"]
    >>> headline({"verdict": verdict, "mutants": []} for verdict in verdicts)
    ('refuted', '1 refuted, 1 undecided, 2 confirmed')
    """
    count = tally(claims)
    alive = count.mutants - count.killed
    if count.confirmed == count.claims and not alive:
        many = f"All {count.claims} claims came out as expected"
        return "confirmed", many if count.claims != 1 else "As expected"
    numbers = {name: getattr(count, name) for name in ("refuted", "undecided", "confirmed")}
    parts = [f"{number} {name}" for name, number in numbers.items() if number]
    if alive:
        parts.append(f"{alive} of {count.mutants} mutants alive")
    return "refuted" if count.refuted else "undecided", ", ".join(parts)
