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
ROLES = {
    "identity": "the exact theory against its measurement",
    "statement": "approximations, where they hold and where they fail",
}


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


def by_role(claims: Iterable[Claim]) -> dict[str, Tally]:
    """Count identities of the exact theory and approximations separately."""
    claims = list(claims)
    return {r: tally(claim for claim in claims if role(claim) == r) for r in ROLES}


def role(claim: Claim) -> str:
    """Return "statement" for an approximation, "identity" for the exact theory itself."""
    return "identity" if claim.get("approximation_error") is None else "statement"


def is_finding(claim: Claim) -> bool:
    """Say whether a claim is an approximation that fails, as the exact theory predicts."""
    return role(claim) == "statement" and float(claim["approximation_error"]) > 1


def failure(claim: Claim) -> str:
    """Return by how much an approximation fails, in words; empty where it holds.

    Examples
    --------
    >>> failure({"approximation_error": 4.44}), failure({"approximation_error": 0.3})
    ('fails here, by 4.44 times its tolerance', '')
    """
    if not is_finding(claim):
        return ""
    return f"fails here, by {float(claim['approximation_error']):.3g} times its tolerance"


def standing(statement: Mapping[str, Any], claims: Iterable[Claim]) -> str:
    """Return how far a statement of a paper holds, from the verdicts of its claims.

    Parameters
    ----------
    statement : mapping
        An item of report.json's `statements`.
    claims : iterable of mapping
        Verdicts that bear on it.

    Returns
    -------
    str
        "contradicted" or "undecided" if a claim is refuted or undecided, "fails here" if one is an
        approximation beyond its tolerance; else what the statement says of itself.

    Examples
    --------
    >>> claims = [{"verdict": "confirmed", "mutants": []}, {"verdict": "undecided", "mutants": []}]
    >>> standing({"holds": "fails"}, claims[:1]), standing({"holds": "fails"}, claims)
    ('fails', 'undecided')
    """
    claims = list(claims)
    outcomes = {claim["verdict"] for claim in claims}
    if "refuted" in outcomes:
        return "contradicted"
    if "undecided" in outcomes:
        return "undecided"
    return "fails here" if any(map(is_finding, claims)) else str(statement["holds"])


def announced(claims: Iterable[Claim]) -> int:
    """Count the undecided claims of which the judge said that the effort cannot decide them."""
    return sum(claim["verdict"] == "undecided" and bool(claim.get("note")) for claim in claims)


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
    claims = list(claims)
    count = tally(claims)
    alive = count.mutants - count.killed
    fail = sum(map(is_finding, claims))
    if count.confirmed == count.claims and not alive:
        many = f"All {count.claims} claims came out as expected"
        found = f"; {fail} of them: an approximation fails, as predicted" if fail else ""
        return "confirmed", (many if count.claims != 1 else "As expected") + found
    numbers = {name: getattr(count, name) for name in ("refuted", "undecided", "confirmed")}
    parts = [f"{number} {name}" for name, number in numbers.items() if number]
    if alive:
        parts.append(f"{alive} of {count.mutants} mutants alive")
    return "refuted" if count.refuted else "undecided", ", ".join(parts)
