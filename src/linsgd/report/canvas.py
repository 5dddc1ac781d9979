"""A figure as an SVG of equal bytes for equal content, in light and in dark colours."""

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 5.4  # inches
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
NOTHING: dict[str, None] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
SUPERFLUOUS = (
    (re.compile(r"(<g) id=\"[^\"]*\""), r"\1"),  # nothing refers to a group
    (re.compile(r"(<text [^>]*?)font-family: [^;\"]*; "), r"\1"),  # said once, at the root
    (re.compile(r"(<text [^>]*?) transform=\"rotate\(-0 [^\"]*\""), r"\1"),
    (re.compile(r">\s+<"), "><"),
    (re.compile(r"\s*\n\s*"), " "),  # between the points of a path
    (re.compile(r"<g>(<use [^>]*/>)</g>"), r"\1"),
)


@contextmanager
def style(salt: str) -> Iterator[None]:
    """Draw inside with the report's fonts; the ids of the SVG are hashed with the salt."""
    with matplotlib.rc_context(
        {
            "svg.hashsalt": salt,
            "svg.fonttype": "none",
            "font.size": 9,
            "font.sans-serif": FONTS,
            "text.parse_math": False,  # a $ in a name is a $
        }
    ):
        yield


def blank(height: float) -> Figure:
    """Return a figure of a height in inches, without a ground."""
    canvas = Figure(figsize=(WIDTH, height))
    canvas.patch.set_alpha(0.0)
    return canvas


def axes_in(canvas: Figure, left: float, below: float, width: float, height: float) -> Axes:
    """Return axes at a place given in inches, without a ground, with only the lower spine."""
    across, up = canvas.get_size_inches()
    axes = canvas.add_axes((left / across, below / up, width / across, height / up))
    axes.patch.set_alpha(0.0)
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.spines["bottom"].set_color(LIGHT["muted"])
    axes.tick_params(colors=LIGHT["muted"], which="both")
    axes.xaxis.label.set_color(LIGHT["muted"])
    return axes


def svg(canvas: Figure) -> str:
    """Return a figure as an SVG without a date and without what a browser does not need."""
    file = io.StringIO()
    canvas.savefig(file, format="svg", metadata=NOTHING)
    text = file.getvalue()
    families = ", ".join((*FONTS, "sans-serif"))
    text = text[text.index("<svg") :].replace("<svg", f'<svg font-family="{families}"', 1)
    for superfluous, kept in SUPERFLUOUS:
        text = superfluous.sub(kept, text)
    return text


def in_both_colours(light: str) -> tuple[str, str]:
    """Return an SVG in light colours as data URIs, in light and in dark colours."""
    dark = light
    for name, colour in LIGHT.items():
        dark = dark.replace(colour, DARK[name])
    return _uri(light), _uri(dark)


def _uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
