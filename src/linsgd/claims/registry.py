"""The claims that are judged, by paper, and the problems on which they are made.

Two problems ship: four correlated Gaussian features, and the diabetes data; claims about networks
are made on the digits. On a user's own data the same claims are built, but those about networks,
with learning rates from `linsgd.stability` and acceptance sets from the exact theory of those data;
one that does not apply to them is left out with the reason.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from linsgd import domains
from linsgd.claims.dai_zhu_2020 import dai_zhu
from linsgd.claims.hodgkinson_mahoney_2021 import hodgkinson_mahoney
from linsgd.claims.kunin_2024 import kunin
from linsgd.claims.linsgd import new
from linsgd.claims.networks import networks
from linsgd.claims.own import installed
from linsgd.claims.paper import Entry, Paper
from linsgd.claims.problems import NamedProblem, diabetes, digits, gaussian
from linsgd.claims.risk_curves import risk_curves
from linsgd.claims.simsekli_2019 import simsekli
from linsgd.claims.wu_2021 import wu
from linsgd.judge.acceptance import Inapplicable
from linsgd.judge.claim import Claim
from linsgd.judge.judge import Effort
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression

PAPERS = (kunin, hodgkinson_mahoney, simsekli, wu, dai_zhu, risk_curves, new)
NAMED = (networks,)  # judged only where they are named: they train networks for minutes

Problems = Mapping[str, Callable[[], NamedProblem]]
LAWS: Problems = MappingProxyType({"gaussian": gaussian})
DATA: Problems = MappingProxyType({"diabetes": diabetes})
NETWORKS: Problems = MappingProxyType({"digits": digits})

# root mean squares of features and labels whose sixth powers, over lr, stay within a double
SMALLEST_UNIT, LARGEST_UNIT = 1e-15, 1e15

Asked = str | Paper | Sequence[str | Paper]


@dataclass(frozen=True, slots=True)
class Selection:
    """Claims that were asked for.

    Attributes
    ----------
    claims : tuple of Claim
        Those that can be judged, by paper, then by claim, then by problem.
    left_out : mapping of str to str
        Why a claim says nothing on a problem, by ``id on problem``.
    papers : tuple of Paper
        Those that the claims are of.
    """

    claims: tuple[Claim, ...]
    left_out: Mapping[str, str]
    papers: tuple[Paper, ...]


def select(
    papers: Asked = "all",
    effort: Effort = "quick",
    data: LinearRegression | None = None,
    problem: str | None = None,
) -> Selection:
    """Build the claims of some papers.

    Parameters
    ----------
    papers : str, Paper, or sequence of them
        "all" that ship but "networks"; names of papers or of single claims
        (``"kunin_2024/mean_path"``), also of papers that installed packages declare; or papers of
        one's own.
    effort : {"quick", "full"}
        "quick" builds the core claims only, unless a claim is named.
    data : LinearRegression, optional
        A finite data set: the claims are then made about it instead of the problems that ship.
    problem : str, optional
        Build only what is claimed of this problem: "gaussian", "diabetes" or "digits"; "data" with
        `data`.

    Returns
    -------
    Selection
        The claims, and which of them say nothing here.

    Raises
    ------
    ValueError
        If a name is unknown or `data` is not a finite data set.
    ModuleNotFoundError
        If a claim is about the diabetes data and scikit-learn, which brings them, is missing.
    """
    chosen = _chosen(papers, effort)
    laws, tables = (LAWS, DATA) if data is None else ({}, _own(data))
    networks = NETWORKS if data is None else {}
    if problem is not None:
        domains.choice("problem", problem, (*laws, *tables, *networks))
    made: list[Claim] = []
    left_out: dict[str, str] = {}
    for _, entry in chosen:
        for name, load in _problems(entry, laws, tables, networks):
            if problem in (None, name):
                try:
                    made.append(entry.make(load()))
                except Inapplicable as reason:
                    left_out[f"{entry.id} on {name}"] = str(reason)
    used = {claim.paper for claim in made}
    papers_used = dict.fromkeys(paper for paper, _ in chosen if paper.name in used)
    return Selection(tuple(made), MappingProxyType(left_out), tuple(papers_used))


def claims(
    papers: Asked = "all",
    effort: Effort = "quick",
    data: LinearRegression | None = None,
    problem: str | None = None,
) -> tuple[Claim, ...]:
    """Return the claims of `select`, without those that say nothing.

    Examples
    --------
    >>> [claim.problem for claim in claims("kunin_2024/stationary_position_variance")]
    ['gaussian', 'diabetes']
    """
    return select(papers, effort, data, problem).claims


def _own(data: LinearRegression) -> Problems:
    domains.exact_type("data", data, (LinearRegression,))
    named = NamedProblem("data", data, own=True)
    if not named.finite:
        domains.refuse("data", data.features, "problems made by LinearRegression.from_data")
    sizes = {"features": np.sqrt(data.eigenvalues.sum()), "labels": _label_size(data)}
    for what, size in sizes.items():
        if size != 0 and not SMALLEST_UNIT <= size <= LARGEST_UNIT:
            domain = f"0, or in [{SMALLEST_UNIT:g}, {LARGEST_UNIT:g}]: give them in other units"
            domains.refuse(f"the root mean square of the {what}", float(size), domain)
    return {named.name: lambda: named}


def _label_size(data: LinearRegression) -> float:
    """Return the root mean square of the labels of a finite data set."""
    assert isinstance(data.features, FiniteData)
    return float(np.sqrt(np.mean(data.features.y**2)))


def _chosen(papers: Asked, effort: str) -> list[tuple[Paper, Entry]]:
    """Return the entries asked for with their papers, in the order of papers and definition."""
    domains.choice("effort", effort, ("quick", "full"))
    wanted = list(papers) if isinstance(papers, list | tuple) else [papers]
    known = {paper.name: paper for paper in (*PAPERS, *NAMED, *installed())}
    for paper in wanted:
        if isinstance(paper, Paper) and known.setdefault(paper.name, paper) is not paper:
            domains.refuse("papers", paper, "papers of different names")
    entries = [(paper, entry) for paper in known.values() for entry in paper.entries.values()]
    names = {*known, *(entry.id for _, entry in entries)}
    asked = {
        paper.name
        if isinstance(paper, Paper)
        else domains.choice("papers", paper, ("all", *sorted(names)))
        for paper in wanted
    }
    if "all" in asked:
        asked |= {paper.name for paper in PAPERS}
    return [
        (paper, entry)
        for paper, entry in entries
        if entry.id in asked or (paper.name in asked and (entry.core or effort == "full"))
    ]


def _problems(
    entry: Entry, laws: Problems, tables: Problems, networks: Problems
) -> list[tuple[str, Callable[[], NamedProblem]]]:
    """Return the names and loaders of the problems that a claim is made about."""
    if entry.on == "networks":
        return [*networks.items()]
    laws = laws if entry.on != "data" else {}
    tables = tables if entry.on != "law" else {}
    return [*laws.items(), *tables.items()]
