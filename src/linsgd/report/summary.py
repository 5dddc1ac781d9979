"""What a whole report says: counts, one sentence, and the chance that any of its verdicts is wrong.

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
    """How a set of claims came out."""

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
    """Count each kind apart: a numerical claim is no Monte Carlo evidence."""
    claims = list(claims)
    return {kind: tally(claim for claim in claims if claim["kind"] == kind) for kind in KINDS}


def error_bound(claims: Iterable[Claim]) -> float:
    """Return the union bound on the chance that any verdict is wrong."""
    return float(sum(claim["alpha"] for claim in claims))


def headline(claims: Iterable[Claim]) -> tuple[str, str]:
    """Return the verdict that a whole report stands for, and a sentence."""
    count = tally(claims)
    of = f"of {count.claims} claims"
    if count.refuted:
        return "refuted", f"{count.refuted} {of} {'is' if count.refuted == 1 else 'are'} refuted"
    if count.undecided:
        return (
            "undecided",
            f"{count.undecided} {of} {'is' if count.undecided == 1 else 'are'} undecided",
        )
    if count.killed < count.mutants:
        alive = count.mutants - count.killed
        return (
            "undecided",
            f"{alive} of {count.mutants} mutants {'is' if alive == 1 else 'are'} alive",
        )
    return (
        "confirmed",
        f"All {count.claims} claims came out as expected" if count.claims != 1 else "As expected",
    )
