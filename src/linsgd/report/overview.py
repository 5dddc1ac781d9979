"""One picture of a report: the margin of every claim, by paper."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from linsgd.axes import INK, axes, clean
from linsgd.report.summary import SYMBOLS

COLOURS = {"confirmed": "#1d6b4f", "refuted": "#a3222f", "undecided": "#b07d0a"}
MARKERS = {"confirmed": "o", "refuted": "X", "undecided": "D"}
LEFT = -1.5  # margins below it are drawn there
SPREAD = 0.35  # of the claims of a paper about its line


def overview(document: Mapping[str, Any], ax: Any = None) -> Any:
    """Draw the margins of all claims.

    Parameters
    ----------
    document : mapping
        The content of report.json.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        A line for each paper; claims that were not simulated have no margin and no point.
    """
    claims = document["claims"]
    papers = list(dict.fromkeys(claim["paper"] for claim in claims))
    ax = axes(ax, 7.0, 1.2 + 0.55 * len(papers))
    lines = np.array([papers.index(claim["paper"]) for claim in claims], dtype=float)
    for line in range(len(papers)):
        own = lines == line
        lines[own] += np.linspace(-SPREAD, SPREAD, own.sum()) if own.sum() > 1 else 0.0
    margins = np.array([float(claim["margin"]) for claim in claims])
    verdicts = np.array([claim["verdict"] for claim in claims])
    for verdict, symbol in SYMBOLS.items():
        own = verdicts == verdict
        label = f"{symbol} {verdict} ({own.sum()})"
        style = {"color": COLOURS[verdict], "marker": MARKERS[verdict], "label": label}
        ax.scatter(np.maximum(margins[own], LEFT), lines[own], s=14, **style)
    ax.axvline(0.0, color=INK, linewidth=0.8)
    ax.set_yticks(range(len(papers)), papers)
    ax.invert_yaxis()
    ax.set(xlabel="margin: 0 at the edge of the accepted set, 1 at its centre")
    ax.legend(frameon=False, loc="upper right")
    return clean(ax)
