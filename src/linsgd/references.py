"""The papers behind results and claims, and how to cite them."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version

from linsgd import domains


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A publication.

    Attributes
    ----------
    key : str
        Of the BibTeX entry.
    authors : tuple of str
        "Given names Surname", in order.
    title : str
        As printed.
    venue : str
        Journal with volume, or conference; empty for a preprint.
    year : int
        Of publication.
    arxiv : str
        Number of the preprint; empty if there is none.

    Examples
    --------
    >>> print(YAIDA_2019)
    Yaida: Fluctuation-dissipation ... gradient descent. ICLR, 2019 (arXiv:1810.00004)
    """

    key: str
    authors: tuple[str, ...]
    title: str
    year: int
    venue: str = ""
    arxiv: str = ""

    def __str__(self) -> str:
        surnames = ", ".join(author.rpartition(" ")[2] for author in self.authors)
        place = f"{self.venue}, {self.year}" if self.venue else f"{self.year}"
        preprint = f" (arXiv:{self.arxiv})" if self.arxiv else ""
        return f"{surnames}: {self.title}. {place}{preprint}"

    def bibtex(self) -> str:
        """Return the BibTeX entry."""
        fields = {
            "author": " and ".join(self.authors),
            "title": f"{{{self.title}}}",
            "howpublished": self.venue,
            "year": str(self.year),
            "eprint": self.arxiv,
            "archiveprefix": "arXiv" if self.arxiv else "",
        }
        lines = [f"  {name} = {{{text}}}," for name, text in fields.items() if text]
        return "\n".join([f"@misc{{{self.key},", *lines, "}"])


LINSGD = Reference(
    key="linsgd",
    authors=("The linsgd developers",),
    title="linsgd: theories of stochastic gradient descent, checked on linear models",
    venue=f"Software, version {version('linsgd')}",
    year=2026,
)
KUNIN_2024 = Reference(
    key="kunin2024limiting",
    authors=(
        "Daniel Kunin",
        "Javier Sagastuy-Brena",
        "Lauren Gillespie",
        "Eshed Margalit",
        "Hidenori Tanaka",
        "Surya Ganguli",
        "Daniel L. K. Yamins",
    ),
    title=(
        "The limiting dynamics of SGD: modified loss, phase-space oscillations, and anomalous "
        "diffusion"
    ),
    venue="Neural Computation 36",
    year=2024,
    arxiv="2107.09133",
)
YAIDA_2019 = Reference(
    key="yaida2019fluctuation",
    authors=("Sho Yaida",),
    title="Fluctuation-dissipation relations for stochastic gradient descent",
    venue="ICLR",
    year=2019,
    arxiv="1810.00004",
)
HODGKINSON_MAHONEY_2021 = Reference(
    key="hodgkinson2021multiplicative",
    authors=("Liam Hodgkinson", "Michael W. Mahoney"),
    title="Multiplicative noise and heavy tails in stochastic optimization",
    venue="ICML",
    year=2021,
    arxiv="2006.06293",
)
SIMSEKLI_2019 = Reference(
    key="simsekli2019tail",
    authors=("Umut Simsekli", "Levent Sagun", "Mert Gurbuzbalaban"),
    title="A tail-index analysis of stochastic gradient noise in deep neural networks",
    venue="ICML",
    year=2019,
    arxiv="1901.06053",
)
WU_2021 = Reference(
    key="wu2021revisiting",
    authors=("Yixin Wu", "Rui Luo", "Chen Zhang", "Jun Wang", "Yaodong Yang"),
    title="Revisiting the characteristics of stochastic gradient noise and dynamics",
    year=2021,
    arxiv="2109.09833",
)
ZIYIN_2022 = Reference(
    key="ziyin2022strength",
    authors=("Liu Ziyin", "Kangqiao Liu", "Takashi Mori", "Masahito Ueda"),
    title="Strength of minibatch noise in SGD",
    venue="ICLR",
    year=2022,
    arxiv="2102.05375",
)
DAI_ZHU_2020 = Reference(
    key="dai2020large",
    authors=("Xiaowu Dai", "Yuhua Zhu"),
    title="On large batch training and sharp minima: a Fokker-Planck perspective",
    venue="Journal of Statistical Theory and Practice 14",
    year=2020,
    arxiv="2112.00987",
)
KESTEN_1973 = Reference(
    key="kesten1973random",
    authors=("Harry Kesten",),
    title="Random difference equations and renewal theory for products of random matrices",
    venue="Acta Mathematica 131",
    year=1973,
)
GOLDIE_1991 = Reference(
    key="goldie1991implicit",
    authors=("Charles M. Goldie",),
    title="Implicit renewal theory and tails of solutions of random equations",
    venue="Annals of Applied Probability 1",
    year=1991,
)
PAQUETTE_2024 = Reference(
    key="paquette2024phases",
    authors=("Elliot Paquette", "Courtney Paquette", "Lechao Xiao", "Jeffrey Pennington"),
    title="4+3 phases of compute-optimal neural scaling laws",
    venue="NeurIPS",
    year=2024,
    arxiv="2405.15074",
)
KOUTROUVELIS_1980 = Reference(
    key="koutrouvelis1980regression",
    authors=("Ioannis A. Koutrouvelis",),
    title="Regression-type estimation of the parameters of stable laws",
    venue="Journal of the American Statistical Association 75",
    year=1980,
)
MOHAMMADI_2015 = Reference(
    key="mohammadi2015estimating",
    authors=("Mohammad Mohammadi", "Adel Mohammadpour", "Hiroaki Ogata"),
    title="On estimating the tail index and the spectral measure of multivariate alpha-stable "
    "distributions",
    venue="Metrika 78",
    year=2015,
)
HILL_1975 = Reference(
    key="hill1975simple",
    authors=("Bruce M. Hill",),
    title="A simple general approach to inference about the tail of a distribution",
    venue="Annals of Statistics 3",
    year=1975,
)


def citation(result: object) -> str:
    """Return the BibTeX of linsgd and of the papers behind a result.

    Parameters
    ----------
    result : Result
        What a public call of linsgd returned; of a report, the papers whose claims it judges.

    Returns
    -------
    str
        BibTeX entries, separated by empty lines.

    Raises
    ------
    ValueError
        If `result` is no result of linsgd.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.5])
    >>> exponent = linsgd.tail_exponent(problem, linsgd.SGD(lr=0.5))
    >>> entries = linsgd.citation(exponent)
    >>> [line for line in entries.splitlines() if line.startswith("@")]
    ['@misc{linsgd,', '@misc{kesten1973random,', '@misc{hodgkinson2021multiplicative,']
    """
    if isinstance(written := getattr(result, "bibtex", None), str):
        return written
    references = getattr(result, "references", None)
    if references is None:
        domains.refuse_type("result", result, "a result of linsgd")
    return bibliography(references)


def bibliography(references: Iterable[Reference]) -> str:
    """Return the BibTeX of linsgd and of some publications, separated by empty lines."""
    return "\n\n".join(reference.bibtex() for reference in (LINSGD, *references))
