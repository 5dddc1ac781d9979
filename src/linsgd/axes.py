"""Axes to draw on, and the appearance that all figures share."""

from matplotlib.axes import Axes

from linsgd import domains

INK = "#5b6570"


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
