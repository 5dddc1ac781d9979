"""Verdicts: the outcome of a claim, its intervals, and the mutants that they exclude.

confirmed: the confidence set of the measurement lies inside the acceptance set. refuted: they are
disjoint. undecided: anything else. A mutant, a plausible wrong prediction, is killed when the same
confidence set refutes it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from linsgd.result import Result, Status


class Outcome(Status):
    """The outcome of a measurement for a claim."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


class Kind(StrEnum):
    """The kind of evidence behind a verdict; the two are counted apart."""

    SIMULATION = "simulation"  # theory against Monte Carlo
    NUMERICAL = "numerical"  # theory against theory, by enclosures


class Role(StrEnum):
    """The relation of a claim to the exact theory; the two are counted apart."""

    IDENTITY = "identity"  # the exact theory itself, against its measurement
    STATEMENT = "statement"  # an approximation, which holds or fails as the exact theory predicts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Component(Result):
    """One coordinate of a claim: prediction, acceptance set and measurement.

    Attributes
    ----------
    name : str
        What the coordinate is.
    prediction : float
        The predicted value.
    acceptance_lower, acceptance_upper : float
        The acceptance set; infinite on the open side of a half-line.
    estimate, lower, upper : float
        The measured value and its confidence interval, or the enclosure of a computed one.
    support_lower, support_upper : float
        The values that the quantity can take: 0 and 1 for a probability.
    """

    name: str
    prediction: float
    acceptance_lower: float
    acceptance_upper: float
    estimate: float
    lower: float
    upper: float
    support_lower: float = -math.inf
    support_upper: float = math.inf
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Mutant(Result):
    """One wrong prediction.

    Attributes
    ----------
    name : str
        What is wrong with it.
    prediction : tuple of float (m,)
        Its value of each component.
    killed : bool
        Whether the measurement refutes it.
    """

    name: str
    prediction: tuple[float, ...]
    killed: bool
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Verdict(Result):
    """The judgement of one claim on one problem.

    Attributes
    ----------
    id, paper, problem, statement, citation, source, regime, reason : str
        The claim's own words; `source` says whose statement it is, `reason` why the acceptance set
        has its width.
    kind : Kind
        Simulation or numerical.
    formula, formula_mathml : str
        LaTeX, and a whole ``<math>`` element.
    alpha : float
        The chance of a wrong verdict that was allowed: 0 for a numerical claim.
    chains, looks : int
        How many chains were bought, at how many looks; 0 also where the effort cannot decide.
    outcome : Outcome
        confirmed, refuted or undecided.
    components : tuple of Component
        One a coordinate.
    mutants : tuple of Mutant
        The wrong predictions.
    note : str
        Why the effort cannot decide the claim, said before any chain is drawn or before the looks
        that were left out; else empty.
    approximation_error : float or None
        Of an approximation: its largest error on this problem, as the exact theory predicts it,
        over its tolerance. None for an identity.
    margin : float
        Distance from the confidence set to the nearest edge of the acceptance set in units of the
        acceptance half-width, the smallest over components: 1 at best for an interval, negative
        where it sticks out.
    command : str
        One line that reproduces the verdict, written by the campaign that asked for it.
    """

    id: str
    paper: str
    kind: Kind
    problem: str
    statement: str
    citation: str
    source: str
    formula: str
    formula_mathml: str
    regime: str
    reason: str
    alpha: float
    chains: int
    looks: int
    outcome: Outcome
    components: tuple[Component, ...]
    mutants: tuple[Mutant, ...]
    margin: float
    note: str = ""
    approximation_error: float | None = None
    command: str = ""

    @property
    def role(self) -> Role:
        """An identity of the exact theory, or a statement that approximates it."""
        return Role.IDENTITY if self.approximation_error is None else Role.STATEMENT

    @property
    def is_finding(self) -> bool:
        """Whether an approximation fails on this problem, as the exact theory predicts."""
        return self.approximation_error is not None and self.approximation_error > 1

    @property
    def as_expected(self) -> bool:
        """Whether the claim is confirmed and every mutant killed."""
        return self.outcome is Outcome.CONFIRMED and all(mutant.killed for mutant in self.mutants)
