"""A claim: a testable sentence with prediction, acceptance set, mutants and measurement."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from sympy import Basic

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.experiment import Experiment
from linsgd.judge.intervals import Premise
from linsgd.judge.observables import Observable
from linsgd.judge.verdict import Kind


class Source(StrEnum):
    """Whose statement a claim is."""

    PAPER = "the paper's statement as read"
    RECONSTRUCTED = "reconstructed"
    CONDITION = "its condition"
    LIMIT = "its limit"
    FOLLOW_UP = "a follow-up's statement"
    NEW = "new here"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Simulation:
    """Measured by Monte Carlo: per-chain observables (n, m) of an experiment.

    Attributes
    ----------
    experiment : Experiment
        The ensemble of chains.
    observable : Observable
        What one chain contributes.
    premise : Premise
        What is known of the observable's law before any chain is drawn; its interval rests on it.
    """

    experiment: Experiment
    observable: Observable
    premise: Premise


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Enclosure:
    """Computed: a function that returns lower and upper ends (m,) of each component."""

    enclose: Callable[[], tuple[FloatArray, FloatArray]]


class Runs(Protocol):
    """Whole runs that are too dear for ensembles, such as the training of a network, by seed."""

    @property
    def seeds(self) -> int:
        """How many runs there are, at least 3."""

    def fingerprint(self) -> str:
        """Return a text that is equal for two objects only if they run the same."""

    def measure(self, seed: int) -> Mapping[str, FloatArray]:
        """Make one run; return arrays by name."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Replicates:
    """Measured on a few whole runs: Student's interval of the mean over their seeds.

    The interval is exact for values that are normal over seeds, which no few runs can show; its
    error is therefore larger than that of an ensemble, and stated.

    Attributes
    ----------
    runs : Runs
        Claims whose runs have one fingerprint share them.
    observable : callable
        From the arrays of a run to its values (m,).
    error : float
        Allowed chance of a wrong verdict, shared by the components.
    """

    runs: Runs
    observable: Callable[[Mapping[str, FloatArray]], FloatArray]
    error: float = 1e-3


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Draft:
    """A claim as its author writes it; its paper adds the id and the citation.

    Attributes
    ----------
    statement : str
        One sentence in our own words.
    source : Source
        Whose statement it is.
    formula : sympy object
        What is printed.
    regime : str
        Where it holds, and what the interval of the measurement rests on.
    components : tuple of str
        One name a coordinate. Names alike but for their numbers, such as "P(|w| > 5)" and
        "P(|w| > 20)", are points of a curve in the report's figures.
    prediction : ndarray (m,)
        The value of each coordinate.
    acceptance : Acceptance
        What counts as agreement.
    mutants : mapping of str to ndarray (m,)
        At least two plausible wrong predictions, each clear of the acceptance set.
    evidence : Simulation, Replicates or Enclosure
        How it is measured.
    citation : str
        Authors, title, year; left out where it is that of the paper.
    approximation_error : float, optional
        Of a statement that approximates the exact law: its largest error on this problem, as the
        exact theory predicts it, over its tolerance. None for an identity of the exact law.
    off_centre : float
        Distance of the exact value from the prediction in units of the acceptance set, where an
        approximation is the prediction. It counts in what is said beforehand, not in the verdict.

    Raises
    ------
    ValueError
        If there are fewer than two mutants.
    Inapplicable
        If a mutant is too near, or the prediction outside the acceptance set, on this problem.
    """

    statement: str
    source: Source
    formula: Basic
    regime: str
    components: tuple[str, ...]
    prediction: FloatArray
    acceptance: Acceptance
    mutants: Mapping[str, FloatArray]
    evidence: Simulation | Replicates | Enclosure
    citation: str = ""
    approximation_error: float | None = None
    off_centre: float = 0.0

    def __post_init__(self) -> None:
        if len(self.mutants) < 2:
            domains.refuse("mutants", list(self.mutants), "at least two")
        for name, wrong in self.mutants.items():
            if not self.acceptance.is_clear_of(wrong):
                near = f"{self.acceptance.distance(wrong):.2f} units outside the acceptance set"
                raise Inapplicable(f"the mutant {name!r} lies only {near}")
        if not np.all(self.acceptance.contains(self.prediction, self.prediction)):
            raise Inapplicable("the prediction lies outside the acceptance set")

    @property
    def kind(self) -> Kind:
        """Simulation or numerical."""
        return Kind.NUMERICAL if isinstance(self.evidence, Enclosure) else Kind.SIMULATION


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Claim(Draft):
    """One testable sentence about one problem: a draft with its name and its formula in print.

    Attributes
    ----------
    id : str
        ``paper/name``.
    problem : str
        The problem's name.
    latex, mathml : str
        The formula in LaTeX and as a whole ``<math>`` element.
    """

    id: str
    problem: str
    latex: str
    mathml: str

    @property
    def paper(self) -> str:
        """The paper's name, the first half of the id."""
        return self.id.partition("/")[0]
