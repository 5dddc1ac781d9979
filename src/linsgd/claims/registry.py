"""Which claims there are, by paper, and on which problems they are made.

Two problems ship: four correlated Gaussian features, and the diabetes data. On a user's own data
the same claims are built with learning rates from `linsgd.stability`; one that those data cannot
tell from its mutants is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from linsgd import domains
from linsgd.claims import hodgkinson_mahoney_2021, kunin_2024, subjects, wu_2021
from linsgd.claims import linsgd as new
from linsgd.claims.entry import Entry
from linsgd.claims.subjects import Subject
from linsgd.judge.acceptance import Inapplicable
from linsgd.judge.claim import Claim
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.printing import latex, mathml

PAPERS: Mapping[str, tuple[Entry, ...]] = MappingProxyType(
    {
        "kunin_2024": kunin_2024.ENTRIES,
        "hodgkinson_mahoney_2021": hodgkinson_mahoney_2021.ENTRIES,
        "wu_2021": wu_2021.ENTRIES,
        "linsgd": new.ENTRIES,
    }
)


def claims(
    papers: str | Sequence[str] = "all", effort: str = "quick", data: LinearRegression | None = None
) -> tuple[Claim, ...]:
    """Build the claims of some papers.

    Parameters
    ----------
    papers : str or sequence of str
        "all", or names of papers or of single claims (``"kunin_2024/mean_path"``).
    effort : {"quick", "full"}
        "quick" builds the core claims only, unless a claim is named.
    data : LinearRegression, optional
        A finite data set: the claims are then made about it instead of the problems that ship.

    Returns
    -------
    tuple of Claim
        By paper, then by claim, then by problem.

    Raises
    ------
    ValueError
        If a name is unknown or `data` is not a finite data set.
    ModuleNotFoundError
        If scikit-learn is missing, which brings the diabetes data.

    Examples
    --------
    >>> [claim.problem for claim in claims("kunin_2024/stationary_position_variance")]
    ['gaussian', 'diabetes']
    """
    domains.choice("effort", effort, ("quick", "full"))
    chosen = _chosen(papers, effort)
    about = (subjects.gaussian(), subjects.diabetes()) if data is None else (_own(data),)
    return tuple(
        claim
        for paper, entry in chosen
        for claim in _build(paper, entry, about, skip=data is not None)
    )


def ids(papers: str | Sequence[str] = "all", effort: str = "quick") -> tuple[str, ...]:
    """Return the ids of the claims that `claims` builds, or leaves out on a user's own data."""
    return tuple(f"{paper}/{entry.name}" for paper, entry in _chosen(papers, effort))


def _own(data: LinearRegression) -> Subject:
    subject = Subject("data", data)
    if not subject.finite:
        domains.refuse("data", data.features, "problems made by LinearRegression.from_data")
    return subject


def _chosen(papers: str | Sequence[str], effort: str) -> list[tuple[str, Entry]]:
    known = [(paper, entry) for paper, entries in PAPERS.items() for entry in entries]
    names = {paper for paper, _ in known} | {f"{paper}/{entry.name}" for paper, entry in known}
    wanted = list(papers) if isinstance(papers, list | tuple) else [papers]
    for name in wanted:
        domains.choice("papers", name, ("all", *sorted(names)))
    return [
        (paper, entry)
        for paper, entry in known
        if f"{paper}/{entry.name}" in wanted
        or ({"all", paper} & set(wanted) and (entry.core or effort == "full"))
    ]


def _build(paper: str, entry: Entry, about: Sequence[Subject], *, skip: bool) -> Iterator[Claim]:
    for subject in about:
        if (entry.data_only and not subject.finite) or (entry.law_only and subject.finite):
            continue
        try:
            claim = entry.build(subject)
            yield replace(claim, latex=latex(claim.formula), mathml=mathml(claim.formula))
        except Inapplicable:
            if not skip:
                raise
