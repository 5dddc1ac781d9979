"""Which components of a claim are points of a curve, from their names.

Components whose names are alike but for their numbers are values of one quantity: "P(|w| > 5)" and
"P(|w| > 20)" are two points of a survival curve, "Var w, mode of eigenvalue 0.5" is the variance of
one mode. The last number that varies is the abscissa; another one that varies tells the lines of a
family apart, as the mode does in "E w, mode of eigenvalue 0.5, step 6". A digit that belongs to a
word, as in "g_0", is no number.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

NUMBER = re.compile(r"(?<![\w.^])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w^])")
FEWEST = 3  # points of a line
HOLE = "\0"  # stands for a number in a template; no name contains it
ANY = "…"  # stands in a title for the number that tells the lines apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Some components along one abscissa.

    Attributes
    ----------
    label : str
        The number that tells it from the other lines; empty if it is alone.
    at : tuple of float
        Abscissas in ascending order.
    components : tuple of int
        The number of the component at each.
    """

    label: str
    at: tuple[float, ...]
    components: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A quantity over an abscissa, in one or several lines.

    Attributes
    ----------
    quantity, over : str
        What the axes show.
    lines : tuple of Line
        In the order of their first components.
    """

    quantity: str
    over: str
    lines: tuple[Line, ...]


def curves(names: Sequence[str]) -> list[Curve]:
    """Return the curves that components of these names are points of.

    Examples
    --------
    >>> (curve,) = curves(["P(|w| > 5)", "P(|w| > 50)", "P(|w| > 20)"])
    >>> curve.quantity, curve.over, curve.lines[0].at, curve.lines[0].components
    ('P(|w| > x)', 'x', (5.0, 20.0, 50.0), (0, 2, 1))
    >>> (curve,) = curves([f"E w, mode {i}, step {k}" for k in (1, 2, 4) for i in (0, 1)])
    >>> curve.quantity, curve.over, [line.label for line in curve.lines]
    ('E w, mode …', 'step', ['0', '1'])
    >>> curves(["Var w", "Var v", "Cov(w, v)"])
    []
    """
    families: dict[str, list[int]] = {}
    for component, name in enumerate(names):
        families.setdefault(NUMBER.sub(HOLE, name), []).append(component)
    found = (_curve(template, names, members) for template, members in families.items())
    return [curve for curve in found if curve is not None]


def _curve(template: str, names: Sequence[str], members: Sequence[int]) -> Curve | None:
    """Return the curve of components of one template; None if their numbers make no lines."""
    numbers = {member: NUMBER.findall(names[member]) for member in members}
    places = range(template.count(HOLE))
    varying = [place for place in places if len({row[place] for row in numbers.values()}) > 1]
    if len(varying) not in (1, 2):
        return None
    lines = _lines(numbers, varying)
    if any(len(set(line.at)) != len(line.at) or len(line.at) < FEWEST for line in lines):
        return None
    fixed = numbers[members[0]]
    shown = [ANY if place in varying else fixed[place] for place in places]
    shown[varying[-1]] = HOLE
    quantity, over = _axes(*_filled(template, shown).split(HOLE))
    return Curve(quantity=quantity, over=over, lines=tuple(lines))


def _lines(numbers: dict[int, list[str]], varying: Sequence[int]) -> list[Line]:
    """Return the components of each line in the order of their abscissas."""
    abscissa, labels = varying[-1], varying[:-1]
    groups: dict[str, list[tuple[float, int]]] = {}
    for component, row in numbers.items():
        label = row[labels[0]] if labels else ""
        groups.setdefault(label, []).append((float(row[abscissa]), component))
    lines = []
    for label, points in groups.items():
        at, components = zip(*sorted(points), strict=True)
        lines.append(Line(label=label, at=at, components=components))
    return lines


def _filled(template: str, texts: Sequence[str]) -> str:
    """Return a template with a text in each hole."""
    first, *rest = template.split(HOLE)
    return first + "".join(text + part for text, part in zip(texts, rest, strict=True))


def _axes(before: str, after: str) -> tuple[str, str]:
    """Return quantity and abscissa from the words before and after the abscissa's number.

    Examples
    --------
    >>> _axes("Var w, mode of eigenvalue ", ""), _axes("exponent at a = ", "")
    (('Var w', 'mode of eigenvalue'), ('exponent', 'a'))
    >>> _axes("P(|w| > 1), ", " steps"), _axes("P(|w| > ", ")")
    (('P(|w| > 1)', 'steps'), ('P(|w| > x)', 'x'))
    """
    words = re.fullmatch(r"(.+)(?:, | at )([^,]+?)(?: =)? ", before)
    if words and not after:
        return words[1], words[2]
    if before.endswith(", ") and after.strip():
        return before.removesuffix(", "), after.strip()
    return f"{before}x{after}", "x"
