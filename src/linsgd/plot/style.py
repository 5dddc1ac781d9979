"""The appearance that all figures share: axes, and one colour, line and label for each theory.

The lines of the theories differ in dash as well as in colour, so that they are told apart in grey.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from linsgd import domains
from linsgd.optimizers.sgd import SGD
from linsgd.theory.theories import TheoryName
from linsgd.theory.theories import theories as answering

INK = "#5b6570"


@dataclass(frozen=True, slots=True)
class TheoryStyle:
    """How the curve of a theory is drawn."""

    color: str
    dashes: Any  # a line style of Matplotlib
    label: str

    def line(self) -> dict[str, Any]:
        """Return the keyword arguments of a curve with a label."""
        return {"color": self.color, "linestyle": self.dashes, "label": self.label}


THEORIES = {
    "exact": TheoryStyle("#20252b", "-", "exact"),
    "langevin": TheoryStyle("#c8553d", (0, (5, 2)), "Langevin"),
    "diffusion": TheoryStyle("#2f7f8f", (0, (1.5, 1.5)), "first-order diffusion"),
}
EXACT, LANGEVIN, DIFFUSION = THEORIES.values()


def theory_names(theories: str | Sequence[str] | None, sgd: SGD) -> tuple[TheoryName, ...]:
    """Return the names of the theories to draw; None: all that cover the optimizer."""
    known = answering("displacement")
    if theories is None:
        return known[:1] if sgd.nesterov else known
    given = (theories,) if isinstance(theories, str) else tuple(theories)
    names = []
    for name in given:
        index = known.index(domains.choice("theories", name, known))
        names.append(known[index])
    return tuple(names)


def axes(ax: Axes | None, width: float = 6.0, height: float = 4.2) -> Axes:
    """Return `ax`, or the axes of a new figure of pyplot, which notebooks show."""
    if ax is None:
        from matplotlib import pyplot

        return pyplot.subplots(figsize=(width, height), layout="constrained")[1]
    if not isinstance(ax, Axes):
        domains.refuse_type("ax", ax, "None or one Axes, such as an element of an array of them")
    return ax


def clean(ax: Axes) -> Axes:
    """Remove the upper and the right spine, and soften the ticks."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(color=INK, labelcolor=INK)
    return ax
