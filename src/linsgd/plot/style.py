"""What all pictures share: one colour and line a theory, told apart in grey too, and axes when none are given."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLORS = {"exact": "#20252b", "langevin": "#c8553d", "diffusion": "#2f7f8f"}
LINES: dict[str, Any] = {"exact": "-", "langevin": (0, (5, 2)), "diffusion": (0, (1.5, 1.5))}
LABELS = {"exact": "exact", "langevin": "Langevin", "diffusion": "first-order diffusion"}
INK = "#5b6570"


def axes(ax: Axes | None, width: float = 6.0, height: float = 4.2) -> Axes:
    """Return `ax`, or new axes of a figure that belongs to no window."""
    return (
        ax
        if ax is not None
        else Figure(figsize=(width, height), layout="constrained").add_subplot()
    )


def clean(ax: Axes) -> Axes:
    """Take away what carries no information."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(color=INK, labelcolor=INK)
    return ax
