"""The figure of a claim: the values accepted beforehand, the measurement, and the mutants.

Equal claims give equal bytes: the SVG has no date, and the salt of its ids is the claim's own.
What lies outside the axis is an arrow at its end with the number beside it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.text import Text

from linsgd.report import digits, gauge
from linsgd.report.canvas import LIGHT, WIDTH, axes_in, blank, in_both_colours, style, svg

MOST_ROWS = 16
ROW, BELOW = 0.36, 0.62  # inches: a row, the axis below
SIDE = 0.02 * WIDTH  # margin on either side


def figure(claim: Mapping[str, Any]) -> str:
    """Draw one claim of report.json as an SVG in light colours."""
    components = _drawn(claim)
    rows = len(components) if len(claim["prediction"]) > 1 else 1 + len(claim["mutants"])
    with style(claim["id"]):
        canvas = blank(BELOW + ROW * rows)
        axes = axes_in(canvas, SIDE, BELOW, WIDTH - 2 * SIDE, ROW * rows)
        if len(claim["prediction"]) == 1:
            _draw_one(axes, claim, components[0])
        else:
            _draw_many(axes, claim, components)
        return svg(canvas)


def sources(claim: Mapping[str, Any]) -> tuple[str, str]:
    """Return the figure as data URIs, in light and in dark colours."""
    return in_both_colours(figure(claim))


def _drawn(claim: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the components that are drawn: all, or the nearest to their edge in the claim's order.

    Each has the key "nearest", true for the one nearest to its edge.
    """
    components, nearest = gauge.components(claim), gauge.nearest(claim)
    by_margin = sorted(range(len(components)), key=lambda i: gauge.margin(components[i]))
    kept = sorted(by_margin[:MOST_ROWS])
    return [{**components[i], "nearest": i == nearest} for i in kept]


def _draw_one(axes: Axes, claim: Mapping[str, Any], component: Mapping[str, Any]) -> None:
    """Draw a scalar in its own units, with what its mutants predict."""
    centre, half = gauge.scale(component)
    shown = (centre, half * max(3.0, 1.15 * gauge.reach(gauge.positions(component))))
    estimate, lower, upper = (float(component[key]) for key in ("estimate", "lower", "upper"))
    _interval(axes, 0, (estimate, lower, upper), shown)
    names = ["measured"]
    for row, mutant in enumerate(claim["mutants"], start=1):
        _point(axes, row, float(mutant["prediction"][0]), shown, "x", LIGHT["mutant"])
        names.append(f"mutant: {mutant['name']}")
    least, most = digits.accepted_bounds(component)
    axes.axvspan(
        max(least, centre - 2 * shown[1]),
        min(most, centre + 2 * shown[1]),
        color=LIGHT["band"],
        zorder=0,
        lw=0,
    )
    axes.axvline(float(component["value"]), color=LIGHT["edge"], lw=1.0, ls=(0, (4, 2)))
    _labels(axes, names, component["name"])
    axes.set_xlim(centre - 1.06 * shown[1], centre + 1.06 * shown[1])


def _draw_many(
    axes: Axes, claim: Mapping[str, Any], components: Sequence[Mapping[str, Any]]
) -> None:
    """Draw a vector's components on the common scale of their acceptance sets."""
    positions = [gauge.positions(component) for component in components]
    reach = gauge.reach(x for row in positions for x in row)
    for row, places in enumerate(positions):
        _interval(axes, row, places, (0.0, reach))
    axes.axvspan(-1, 1, color=LIGHT["band"], zorder=0, lw=0)
    axes.axvline(0, color=LIGHT["edge"], lw=1.0, ls=(0, (4, 2)))
    omitted = len(claim["prediction"]) - len(components)
    more = f"\n({omitted} components farther from their edge are not drawn)" if omitted else ""
    texts = _labels(
        axes,
        [component["name"] for component in components],
        f"units of the acceptance half-width{more}",
    )
    for text, component in zip(texts, components, strict=True):
        if component["nearest"]:
            text.set(text=f"{component['name']} (nearest to its edge)", weight="bold")
    axes.set_xlim(-1.06 * reach, 1.06 * reach)


def _interval(
    axes: Axes, row: int, measured: tuple[float, float, float], shown: tuple[float, float]
) -> None:
    """Draw (estimate, lower, upper); `shown` is the centre and the half-width of the axis."""
    (estimate, lower, upper), (centre, reach) = measured, shown
    ends = [min(max(end, centre - reach), centre + reach) for end in (lower, upper)]
    axes.plot(ends, [row, row], color=LIGHT["mark"], lw=2.4, solid_capstyle="butt")
    inside = [end for end in (lower, upper) if end in ends]
    axes.plot(inside, [row] * len(inside), "|", color=LIGHT["mark"], ms=9, mew=1.6)
    _point(axes, row, estimate, shown, "o", LIGHT["mark"])


def _point(
    axes: Axes, row: int, value: float, shown: tuple[float, float], mark: str, colour: str
) -> None:
    """Mark a value, or at the end of the axis the direction in which it lies, with its number."""
    centre, reach = shown
    if math.isnan(value):
        return
    if abs(value - centre) <= reach:
        axes.plot(value, row, mark, color=colour, ms=5 if mark == "o" else 6, mew=1.6)
        return
    side = 1 if value > centre else -1
    edge = centre + side * reach
    axes.plot(edge, row, ">" if side > 0 else "<", color=colour, ms=6)
    label = axes.annotate(
        f"{value:.4g}", (edge, row), (-9 * side, 0), textcoords="offset points", va="center"
    )
    label.set(ha="right" if side > 0 else "left", color=colour)


def _labels(axes: Axes, rows: list[str], below: str) -> list[Text]:
    """Write each row's name above its line, which leaves the whole width of a phone to the line."""
    names = []
    for row, name in enumerate(rows):
        names.append(axes.text(0.0, row - 0.2, name, transform=axes.get_yaxis_transform()))
        names[-1].set(va="bottom", color=LIGHT["ink"])
    axes.set_yticks([])
    axes.set_ylim(len(rows) - 0.6, -0.75)
    axes.set_xlabel(below)
    return names
