"""The appearance that figures of theories share: one colour, line and label for each.

The lines of the theories differ in dash as well as in colour, so that they are told apart in grey.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from linsgd import domains
from linsgd.optimizers.sgd import SGD
from linsgd.theory.theories import TheoryName
from linsgd.theory.theories import theories as answering


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
