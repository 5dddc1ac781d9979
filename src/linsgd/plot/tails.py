"""Tails: the exponent of a sample over thresholds, and measured survival functions beside predicted ones.

What is measured comes as results, whose classes figures do not import: they know predictions only.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from linsgd import domains
from linsgd.plot.style import COLORS, INK, axes, clean
from linsgd.theory.tails.tail_constant.tail_constant import TailProbability

BAND_COLOR = "#cfe0e4"
POINTS: dict[str, Any] = {"fmt": "o", "markersize": 4, "capsize": 3}


def threshold_path(found: Any, alpha: float | None = None, ax: Axes | None = None) -> Axes:
    """Draw the exponent against the number of the largest values it is estimated from.

    Parameters
    ----------
    found : TailIndex
        Of `linsgd.estimate.tail_index`.
    alpha : float, optional
        The exact exponent, positive; drawn as a line.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        The band holds the interval at each number of points, to the top where it has no end; the
        error bar is the estimate that was chosen. Without enough values for a path there is none.

    Raises
    ------
    ValueError
        If alpha is not positive.
    """
    ax = axes(ax)
    label = f"{100 * found.confidence:g} % interval"
    top = 3 * (max(found.path_lower[np.isfinite(found.path_lower)], default=0.0) or 1.0)
    upper = np.where(np.isinf(found.path_upper), 2 * top, found.path_upper)
    ax.fill_between(
        found.path_points, found.path_lower, upper, color=BAND_COLOR, linewidth=0, label=label
    )
    ax.plot(found.path_points, found.path_values, color=COLORS["diffusion"], label="estimate")
    if np.isfinite([found.value, found.lower, found.upper]).all():
        widths = [[found.value - found.lower], [found.upper - found.value]]
        label = f"chosen, {found.points} points"
        ax.errorbar([found.points], [found.value], widths, color=INK, label=label, **POINTS)
    if alpha is not None:
        ax.axhline(
            domains.real("alpha", alpha, "(0, inf)"),
            color=COLORS["exact"],
            linestyle="--",
            label="exact",
        )
    ax.set(xscale="log", xlabel="largest values used", ylabel=r"exponent  $\alpha$", ylim=(0, top))
    ax.legend(frameon=False)
    return clean(ax)


def survival(seen: Any, predicted: TailProbability | None = None, ax: Axes | None = None) -> Axes:
    """Draw measured tail probabilities with their intervals, and C t^-alpha.

    Parameters
    ----------
    seen : RareEvents
        Of `linsgd.rare_events`; thresholds that no walker came beyond are left out.
    predicted : TailProbability, optional
        Of `linsgd.tail_probability`, at any increasing distances.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Logarithmic in both directions.
    """
    ax = axes(ax)
    if predicted is not None:
        label = rf"$C\,t^{{-\alpha}}$,  $\alpha$ = {predicted.exponent.value:.4g}"
        ax.plot(predicted.t, predicted.value, color=COLORS["exact"], label=label)
        ax.fill_between(
            predicted.t, predicted.lower, predicted.upper, color=BAND_COLOR, linewidth=0, zorder=0
        )
    reached = seen.probability > 0
    value = seen.probability[reached]
    widths = [value - seen.lower[reached], seen.upper[reached] - value]
    label = f"measured, {100 * seen.confidence:g} % interval"
    ax.errorbar(
        seen.thresholds[reached], value, widths, color=COLORS["langevin"], label=label, **POINTS
    )
    ax.set(xscale="log", yscale="log", xlabel="distance  $t$", ylabel=r"$P(|w - w^*| > t)$")
    ax.legend(frameon=False)
    return clean(ax)
