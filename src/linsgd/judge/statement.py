"""Statements of papers, how far they hold, and the claims that decide them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from linsgd.result import Result


class Holds(StrEnum):
    """How far a statement holds, if its claims come out as expected."""

    EXACTLY = "holds"
    FIRST_ORDER = "holds to first order in lr"
    CONDITION = "holds only if"
    FAILS = "fails"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Statement(Result):
    """One statement of a paper in our own words.

    Attributes
    ----------
    paper : str
        The paper's name.
    text : str
        The statement, one sentence.
    source : str
        Whose it is: a value of `linsgd.judge.claim.Source`.
    holds : Holds
        How far it holds, as the claims say.
    extent : str
        Completes `holds`: the condition, the error, or where it fails.
    claims : tuple of str
        Ids of the claims that decide it.
    """

    paper: str
    text: str
    source: str
    holds: Holds
    extent: str
    claims: tuple[str, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)
