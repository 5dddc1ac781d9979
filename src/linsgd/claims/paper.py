"""A paper: the claims that are made after one publication, or in one theory of a user's own.

A claim is a function from a problem to a `Draft`, registered by its paper's decorator, which adds
the id, the citation and the printed formula:

    mine = Paper("mine", citation="A conjecture")

    @mine.claim(on="law")
    def flat_variance(named: NamedProblem) -> Draft: ...

The function's name is the claim's name, so that an id cannot differ from it.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, overload

from linsgd import domains
from linsgd.claims.problems import NamedProblem
from linsgd.judge.claim import Claim, Draft, Source
from linsgd.judge.statement import Holds, Statement
from linsgd.references import Reference
from linsgd.symbolic.printing import latex, mathml

On = Literal["any", "law", "data", "networks"]
Build = Callable[[NamedProblem], Draft]
Make = Callable[[NamedProblem], Claim]

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered claim.

    Attributes
    ----------
    id : str
        ``paper/name``.
    make : callable
        Makes the claim about a problem.
    core : bool
        True if quick effort judges it.
    on : {"any", "law", "data", "networks"}
        The problems that it is made about.
    """

    id: str
    make: Make
    core: bool
    on: On


class Paper:
    """A source of claims; what `linsgd.validate` judges besides the papers that ship.

    Parameters
    ----------
    name : str
        First half of the claims' ids: small letters, digits and underscores, such as "kunin_2024".
    citation : str or Reference
        Authors, title, year.

    Attributes
    ----------
    reference : Reference or None
        The publication, if `citation` is one.
    file : str or None
        The Python file that defines the paper, if the command line read it from one.
    entries : dict of str to Entry
        The claims registered so far, by id, in the order of their definition.
    statements : list of Statement
        What the paper states, in the order of `state`.

    Raises
    ------
    ValueError
        If the name has other characters.

    Examples
    --------
    >>> mine = Paper("mine", citation="A conjecture")
    >>> mine
    Paper('mine', 0 claims)
    """

    def __init__(self, name: str, *, citation: str | Reference) -> None:
        if not _NAME.fullmatch(str(name)):
            domains.refuse("name", name, "small letters, digits and underscores, a letter first")
        self.name = name
        self.citation = str(citation)
        self.reference = citation if isinstance(citation, Reference) else None
        self.file: str | None = None
        self.entries: dict[str, Entry] = {}
        self.statements: list[Statement] = []

    def __repr__(self) -> str:
        """Name the paper and count its claims."""
        return f"Paper({self.name!r}, {len(self.entries)} claims)"

    @overload
    def claim(self, build: Build, /) -> Make: ...

    @overload
    def claim(self, /, *, core: bool = True, on: On = "any") -> Callable[[Build], Make]: ...

    def claim(
        self, build: Build | None = None, /, *, core: bool = True, on: On = "any"
    ) -> Make | Callable[[Build], Make]:
        """Register a claim: a decorator for a function from a problem to a draft.

        Parameters
        ----------
        build : callable
            From a `NamedProblem` to a `Draft`; raises `Inapplicable` where the claim says nothing.
            Its name is the claim's.
        core : bool
            Whether quick effort judges it.
        on : {"any", "law", "data", "networks"}
            The problems that it is made about: all, the Gaussian law only (also if it says the same
            of every problem), data sets only, or networks on scikit-learn's digits.

        Returns
        -------
        callable
            From a `NamedProblem` to the `Claim`.

        Raises
        ------
        ValueError
            If the paper has a claim of this name, or `on` is none of the four.
        """
        domains.choice("on", on, get_args(On))
        if build is None:
            return lambda build: self._register(build, core, on)
        return self._register(build, core, on)

    def only(self, name: str) -> "Paper":
        """Return the paper with a single claim.

        Parameters
        ----------
        name : str
            The claim's id.

        Raises
        ------
        ValueError
            If the paper has no such claim.
        """
        entry = self.entries[domains.choice("name", name, tuple(self.entries))]
        single = Paper(self.name, citation=self.reference or self.citation)
        single.file = self.file
        single.entries[name] = replace(entry, core=True)
        single.statements = [s for s in self.statements if name in s.claims]
        return single

    def state(
        self,
        text: str,
        holds: Holds,
        extent: str,
        *names: str,
        source: Source = Source.RECONSTRUCTED,
    ) -> None:
        """Add a statement of the paper to the table at the head of its claims.

        Parameters
        ----------
        text : str
            The statement in one sentence of our own.
        holds : Holds
            How far it holds if the claims come out as expected.
        extent : str
            Completes `holds`: the condition, the error, or where it fails.
        *names : str
            Names of the paper's claims that together decide the statement.
        source : Source
            Whose statement it is.

        Raises
        ------
        ValueError
            If no name is given, or the paper has no claim of that name.
        """
        ids = tuple(f"{self.name}/{name}" for name in names)
        if not ids or not self.entries.keys() >= set(ids):
            domains.refuse("names", names, f"one or more claims of {self.name}")
        statement = Statement(
            paper=self.name, text=text, source=source, holds=holds, extent=extent, claims=ids
        )
        self.statements.append(statement)

    def _register(self, build: Build, core: bool, on: On) -> Make:
        """Add an entry for a claim, and return the function that makes it."""
        name = f"{self.name}/{build.__name__}"
        if name in self.entries:
            domains.refuse("claim", name, "names that the paper does not have yet")

        @functools.wraps(build)
        def make(named: NamedProblem) -> Claim:
            draft = build(named)
            if not isinstance(draft, Draft):
                domains.refuse(f"what {name} returns", draft, "drafts of a claim")
            content: dict[str, Any] = {f.name: getattr(draft, f.name) for f in fields(Draft)}
            content["citation"] = draft.citation or self.citation
            return Claim(
                **content,
                id=name,
                problem=named.name,
                latex=latex(draft.formula),
                mathml=mathml(draft.formula),
            )

        self.entries[name] = Entry(name, make, core, on)
        return make
