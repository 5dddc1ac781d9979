"""The figure of a claim: what was accepted beforehand, what was measured, and where the mutants lie.

Equal claims give equal bytes: the SVG has no date, and the salt of its ids is the claim's own.
"""

import base64
import io
import math
from collections.abc import Mapping
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from linsgd.report import gauge

MOST_ROWS = 16
WIDTH, ROW, BELOW = 5.4, 0.36, 0.62  # inches: the figure, a row, the axis below
FONTS = ["DejaVu Sans", "Verdana", "Arial"]  # the first is what Matplotlib measures with
LIGHT = {
    "ink": "#1f2430",
    "muted": "#667085",
    "band": "#d9ece4",
    "edge": "#2f7d62",
    "mark": "#0b5cad",
    "mutant": "#a2492b",
}
DARK = {
    "ink": "#e6e8ee",
    "muted": "#98a2b3",
    "band": "#1f3b33",
    "edge": "#6cc5a4",
    "mark": "#7cb8ff",
    "mutant": "#f0a183",
}


def figure(claim: Mapping[str, Any]) -> str:
    """Draw one claim of report.json as an SVG in light colours."""
    components = gauge.decisive(claim)[:MOST_ROWS]
    draw = _draw_one if len(components) == 1 else _draw_many
    with matplotlib.rc_context(
        {
            "svg.hashsalt": claim["id"],
            "svg.fonttype": "none",
            "font.size": 9,
            "font.sans-serif": FONTS,
            "text.parse_math": False,  # a $ in a name is a $
        }
    ):
        canvas = Figure(figsize=(WIDTH, BELOW + ROW * _rows(claim, components)))
        canvas.patch.set_alpha(0.0)
        draw(_axes(canvas), claim, components)
        file = io.StringIO()
        canvas.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def sources(claim: Mapping[str, Any]) -> tuple[str, str]:
    """Return the figure as data URIs, in light and in dark colours."""
    light = figure(claim)
    dark = light
    for name, colour in LIGHT.items():
        dark = dark.replace(colour, DARK[name])
    return _uri(light), _uri(dark)


def _uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _rows(claim: Mapping[str, Any], components: list[dict[str, Any]]) -> int:
    return len(components) if len(components) > 1 else 1 + len(_mutants(claim))


def _axes(canvas: Figure) -> Axes:
    below = BELOW / canvas.get_figheight()
    axes = canvas.add_axes((0.02, below, 0.96, 1 - below))
    axes.patch.set_alpha(0.0)
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.spines["bottom"].set_color(LIGHT["muted"])
    axes.tick_params(axis="x", colors=LIGHT["muted"])
    axes.xaxis.label.set_color(LIGHT["muted"])
    return axes


def _draw_one(axes: Axes, claim: Mapping[str, Any], components: list[dict[str, Any]]) -> None:
    """Draw a scalar in its own units, with the mutants that predict a number."""
    (component,) = components
    centre, half = gauge.scale(component)
    measured = [float(component[key]) for key in ("estimate", "lower", "upper")]
    reach = max(3.0 * half, *(1.2 * abs(value - centre) for value in measured))
    _interval(axes, 0, *measured)
    mutants = _mutants(claim)
    for row, (_, value) in enumerate(mutants, start=1):
        _mutant(axes, row, value, centre, reach)
    _band(axes, component, centre, 2 * reach)
    axes.axvline(float(component["value"]), color=LIGHT["edge"], lw=1.0, ls=(0, (4, 2)))
    _labels(axes, ["measured", *(f"mutant: {name}" for name, _ in mutants)], component["name"])
    axes.set_xlim(centre - 1.06 * reach, centre + 1.06 * reach)


def _mutant(axes: Axes, row: int, value: float, centre: float, reach: float) -> None:
    """Mark a mutant, or at the edge of the figure the direction in which it lies."""
    side = 1 if value > centre else -1
    if abs(value - centre) <= reach:
        axes.plot(value, row, "x", color=LIGHT["mutant"], ms=6, mew=1.6)
        return
    edge = centre + side * reach
    axes.plot(edge, row, ">" if side > 0 else "<", color=LIGHT["mutant"], ms=6)
    label = axes.annotate(
        f"{value:.4g}", (edge, row), (-9 * side, 0), textcoords="offset points", va="center"
    )
    label.set(ha="right" if side > 0 else "left", color=LIGHT["mutant"])


def _draw_many(axes: Axes, claim: Mapping[str, Any], components: list[dict[str, Any]]) -> None:
    """Draw a vector's components on the common scale of their acceptance sets."""
    for row, component in enumerate(components):
        _interval(axes, row, *(_clipped(component, key) for key in ("estimate", "lower", "upper")))
    axes.axvspan(-1, 1, color=LIGHT["band"], zorder=0, lw=0)
    axes.axvline(0, color=LIGHT["edge"], lw=1.0, ls=(0, (4, 2)))
    omitted = len(claim["prediction"]) - len(components)
    more = f"\n({omitted} components farther from their edge are not drawn)" if omitted else ""
    _labels(
        axes,
        [component["name"] for component in components],
        f"units of the acceptance half-width{more}",
    )
    axes.set_xlim(-2.1, 2.1)


def _clipped(component: Mapping[str, Any], key: str) -> float:
    return min(max(gauge.position(component, float(component[key])), -2.0), 2.0)


def _band(axes: Axes, component: Mapping[str, Any], centre: float, reach: float) -> None:
    lower, upper = float(component["acceptance_lower"]), float(component["acceptance_upper"])
    axes.axvspan(
        max(lower, centre - reach), min(upper, centre + reach), color=LIGHT["band"], zorder=0, lw=0
    )


def _interval(axes: Axes, row: int, estimate: float, lower: float, upper: float) -> None:
    axes.plot([lower, upper], [row, row], color=LIGHT["mark"], lw=2.4, solid_capstyle="butt")
    axes.plot([lower, upper], [row, row], "|", color=LIGHT["mark"], ms=9, mew=1.6)
    axes.plot(estimate, row, "o", color=LIGHT["mark"], ms=5)


def _labels(axes: Axes, rows: list[str], below: str) -> None:
    """Write each row's name above its line, which leaves the whole width of a phone to the line."""
    for row, name in enumerate(rows):
        axes.text(
            0.0,
            row - 0.2,
            name,
            transform=axes.get_yaxis_transform(),
            va="bottom",
            color=LIGHT["ink"],
        )
    axes.set_yticks([])
    axes.set_ylim(len(rows) - 0.6, -0.75)
    axes.set_xlabel(below)


def _mutants(claim: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the mutants whose prediction is one number."""
    found = []
    for mutant in claim["mutants"]:
        try:
            value = float(mutant["prediction"].strip("[]"))
        except ValueError:
            continue
        if math.isfinite(value):
            found.append((mutant["name"], value))
    return found
