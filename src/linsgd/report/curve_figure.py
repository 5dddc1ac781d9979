"""The figure of a curve in its own units: prediction, mutants as lines, measured intervals.

Probabilities stand on logarithmic axes, and so does what spans a wide range. The ordinate holds all
predictions, accepted sets and intervals, and the mutants that lie within `FAR` times their range;
the legend says of the others that they lie beyond. Each line has a panel, on common scales.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from linsgd.report import digits, gauge
from linsgd.report.canvas import LIGHT, WIDTH, axes_in, blank, style, svg
from linsgd.report.curves import ANY, Curve, Line

WIDE_X, WIDE_Y = 5.0, 30.0  # ratio of the largest to the smallest value from which an axis is log
FAR = 3.0
MOST_LINES = 4
MOST_TICKS = 6  # abscissas that are all written, if they are NEAR of the axis apart
NEAR = 0.1
LEFT, RIGHT, ABOVE, AXIS, ROW = 0.62, 0.16, 0.34, 0.5, 0.19  # inches; a row of the legend
PLOT, PANEL, BETWEEN, ACROSS = 2.3, 1.4, 0.6, 0.3  # height of one plot, of a panel; gaps
EDGE = 0.1  # inches left of title and legend
LETTERS = 74  # in a line of the legend
DASHES = ((0, (1, 1.4)), (0, (5, 2)), (0, (6, 1.5, 1, 1.5)), (0, (2, 1, 2, 4)))  # of mutants

Component = Mapping[str, Any]


def curve_figure(claim: Mapping[str, Any], curve: Curve) -> str:
    """Draw one curve of a claim of report.json as an SVG in light colours."""
    lines = _spread(curve.lines)
    components = gauge.components(claim)
    shown = [components[i] for line in lines for i in line.components]
    rivals = [
        [float(mutant["prediction"][i]) for line in lines for i in line.components]
        for mutant in claim["mutants"]
    ]
    log = _is_log(curve, shown)
    limits = _limits(shown, rivals, log)
    entries = _entries(claim["mutants"], rivals, limits)
    legend = ROW * (2 + sum(1 + entry.count("\n") for entry in entries))
    with style(f"{claim['id']} {curve.quantity}"):
        canvas, panels = _panels(AXIS + legend, len(lines))
        for axes, line in zip(panels, lines, strict=True):
            axes.set_yscale("log" if log else "linear")
            axes.set_ylim(*limits)
            _mark_ordinate(axes, log)
            _mark_abscissa(axes, curve)
            _draw(axes, claim, components, line)
            if line.label:
                axes.set_title(f"{ANY} {line.label}", fontsize=8, pad=3, color=LIGHT["muted"])
        _write(canvas, curve, entries, legend, len(curve.lines) - len(lines))
        return svg(canvas)


def _spread(lines: Sequence[Line]) -> Sequence[Line]:
    """Return all lines, or `MOST_LINES` of them that are spread over all."""
    if len(lines) <= MOST_LINES:
        return lines
    step = (len(lines) - 1) / (MOST_LINES - 1)
    return [lines[round(i * step)] for i in range(MOST_LINES)]


def _is_log(curve: Curve, shown: Sequence[Component]) -> bool:
    """Say whether the ordinate is logarithmic."""
    values = [float(component["value"]) for component in shown]
    wide = _is_survival(curve) or max(values) > WIDE_Y * min(values)
    return min(values) > 0 and wide


def _is_survival(curve: Curve) -> bool:
    return curve.quantity.startswith("P(")


def _limits(
    shown: Sequence[Component], rivals: Sequence[Sequence[float]], log: bool
) -> tuple[float, float]:
    """Return the ends of the ordinate."""
    own = [float(component["value"]) for component in shown]
    own += [y for component in shown for y in _measured(component)]
    own += [y for component in shown for y in digits.accepted_bounds(component)]
    points = _on_scale(own, log)
    low, high = min(points), max(points)
    reach = FAR * (high - low or abs(high) or 1.0)
    others = _on_scale([y for rival in rivals for y in rival], log)
    near = [y for y in others if low - reach <= y <= high + reach]
    least, most = min([low, *near]), max([high, *near])
    pad = 0.06 * (most - least or 1.0)
    ends = least - pad, most + pad
    return (10 ** ends[0], 10 ** ends[1]) if log else ends


def _on_scale(values: Sequence[float], log: bool) -> list[float]:
    """Return the finite values, or the logarithms of the finite positive ones."""
    finite = [y for y in values if math.isfinite(y)]
    return [math.log10(y) for y in finite if y > 0] if log else finite


def _entries(
    mutants: Sequence[Mapping[str, Any]],
    rivals: Sequence[Sequence[float]],
    limits: tuple[float, float],
) -> list[str]:
    """Return what the legend says of the mutants."""
    entries = []
    for mutant, values in zip(mutants, rivals, strict=True):
        seen = any(limits[0] <= y <= limits[1] for y in values)
        text = f"mutant: {mutant['name']}{'' if seen else ' (beyond the axis)'}"
        entries.append(textwrap.fill(text, LETTERS))
    return entries


def _panels(below: float, count: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with one plot, or with two panels a row."""
    whole = WIDTH - LEFT - RIGHT
    if count == 1:
        canvas = blank(below + PLOT + ABOVE)
        return canvas, [axes_in(canvas, LEFT, below, whole, PLOT)]
    rows, width, step = math.ceil(count / 2), (whole - ACROSS) / 2, PANEL + BETWEEN
    canvas = blank(below + rows * step - BETWEEN + 2 * ABOVE)
    panels = []
    for i in range(count):
        place = LEFT + (i % 2) * (width + ACROSS), below + (rows - 1 - i // 2) * step
        axes = axes_in(canvas, *place, width, PANEL)
        axes.tick_params(labelleft=i % 2 == 0)
        panels.append(axes)
    return canvas, panels


def _mark_abscissa(axes: Axes, curve: Curve) -> None:
    """Choose scale and ticks of the abscissa."""
    at = sorted({x for line in curve.lines for x in line.at})
    log = at[0] > 0 and (_is_survival(curve) or at[-1] > WIDE_X * at[0])
    axes.set_xscale("log" if log else "linear")
    places = [math.log(x) for x in at] if log else at
    near = NEAR * (places[-1] - places[0]) * (2 if len(curve.lines) > 1 else 1)
    if len(at) <= MOST_TICKS:
        kept = [0]
        for i, place in enumerate(places):
            if place - places[kept[-1]] > near:
                kept.append(i)
        axes.xaxis.set_major_locator(FixedLocator([at[i] for i in kept]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def _mark_ordinate(axes: Axes, log: bool) -> None:
    """Write the ticks of a logarithmic ordinate as plain numbers."""
    if log:
        low, high = axes.get_ylim()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))


def _draw(
    axes: Axes, claim: Mapping[str, Any], components: Sequence[Component], line: Line
) -> None:
    """Draw the accepted set, the prediction, the mutants and the measurement along one line."""
    bottom, top = axes.get_ylim()
    points = [components[i] for i in line.components]
    accepted = [digits.accepted_bounds(point) for point in points]
    low = [min(max(least, bottom), top) for least, _ in accepted]
    high = [max(min(most, top), bottom) for _, most in accepted]
    axes.fill_between(line.at, low, high, color=LIGHT["band"], lw=0, zorder=0)
    axes.plot(line.at, [float(point["value"]) for point in points], color=LIGHT["edge"], lw=1.3)
    for number, mutant in enumerate(claim["mutants"]):
        wrong = [float(mutant["prediction"][i]) for i in line.components]
        axes.plot(line.at, wrong, color=LIGHT["mutant"], lw=1.1, ls=DASHES[number % len(DASHES)])
    estimates, lower, upper = zip(*map(_measured, points), strict=True)
    ends = [max(y, bottom) for y in lower], [min(y, top) for y in upper]
    axes.vlines(line.at, *ends, color=LIGHT["mark"], lw=2.2)
    axes.plot(line.at, estimates, "o", color=LIGHT["mark"], ms=4)


def _measured(component: Component) -> tuple[float, float, float]:
    """Return the estimate and the ends of its interval."""
    return float(component["estimate"]), float(component["lower"]), float(component["upper"])


def _write(
    canvas: Figure, curve: Curve, entries: Sequence[str], height: float, left_out: int
) -> None:
    """Write the quantity above, the abscissa and the legend, of a height in inches, below."""
    across, up = canvas.get_size_inches()
    ink, muted = LIGHT["ink"], LIGHT["muted"]
    canvas.text(EDGE / across, 1 - 0.06 / up, curve.quantity, color=ink, va="top", fontsize=9)
    more = f" ({left_out} more lines are not drawn)" if left_out else ""
    middle = (LEFT + (across - LEFT - RIGHT) / 2) / across
    legend_top = height / up
    canvas.text(middle, legend_top + 0.1 / up, curve.over + more, color=muted, ha="center")
    legend = canvas.legend(
        *_legend(entries),
        loc="upper left",
        bbox_to_anchor=(EDGE / across, legend_top),
        borderaxespad=0.0,
        borderpad=0.0,
        labelspacing=0.35,
        handlelength=2.6,
        frameon=False,
        fontsize=8,
    )
    for text in legend.get_texts():
        text.set_color(ink)


def _legend(entries: Sequence[str]) -> tuple[list[Any], list[str]]:
    """Return the handles and the texts of the legend."""
    band, edge, mark = LIGHT["band"], LIGHT["edge"], LIGHT["mark"]
    handles: list[Any] = [
        (Patch(color=band, lw=0), Line2D([], [], color=edge, lw=1.3)),
        Line2D([], [], color=mark, lw=2.2, marker="o", ms=4),
    ]
    for number in range(len(entries)):
        dashes = DASHES[number % len(DASHES)]
        handles.append(Line2D([], [], color=LIGHT["mutant"], lw=1.1, ls=dashes))
    return handles, ["predicted, and what is accepted", "measured, with its interval", *entries]
