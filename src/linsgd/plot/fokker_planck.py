"""Figures of Fokker-Planck equations: densities, gaps against the batch, wells and their rates."""

import itertools
from collections.abc import Mapping

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.axes import INK, axes, clean
from linsgd.domains import FloatArray
from linsgd.theory.fokker_planck import Diffusion1D, Evolution, LogNumber, PhaseSpaceDensity

LEVELS = 12  # of the contours of a density in phase space
COLOURS = "viridis"
POINTS = 2001  # of a potential
HEADROOM = 0.35  # above the highest barrier, over the range of the potential


def density_evolution(path: Evolution, ax: Axes | None = None) -> Axes:
    """Draw a density at its times, early ones dark and late ones light.

    Parameters
    ----------
    path : Evolution
        Of `linsgd.fokker_planck.Diffusion1D.evolve`.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        A curve each time.

    Raises
    ------
    ValueError
        If `path` is anything else.

    Examples
    --------
    >>> import numpy as np
    >>> import linsgd
    >>> well = linsgd.fokker_planck.Diffusion1D(lambda x: x**2, 1.0, (-6, 6))
    >>> path = well.evolve(lambda x: np.exp(-((x - 2) ** 2)), [0, 0.2, 1], cells=100)
    >>> ax = linsgd.plot.density_evolution(path)
    """
    domains.exact_type("path", path, (Evolution,))
    ax = axes(ax)
    shades = np.linspace(0.1, 0.85, path.times.size)
    colours = [_colour(shade) for shade in shades]
    for time, density, colour in zip(path.times, path.density, colours, strict=True):
        ax.plot(path.x, density, color=colour, label=f"t = {time:g}")
    ax.set(xlabel="x", ylabel="density")
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, labelcolor=INK)
    return clean(ax)


def phase_density(found: PhaseSpaceDensity, frame: int = -1, ax: Axes | None = None) -> Axes:
    """Draw a density in phase space as filled contours, position across and velocity up.

    Parameters
    ----------
    found : PhaseSpaceDensity
        Of `linsgd.fokker_planck.Kinetic1D`.
    frame : int
        Index of the time; the last one by default.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Contours at equal steps up to the largest density.

    Raises
    ------
    ValueError
        If `found` is anything else or has no such frame.

    Examples
    --------
    >>> import numpy as np
    >>> import linsgd
    >>> process = linsgd.fokker_planck.Kinetic1D(lambda x: x**2, 1.0, 1.0, (-6, 6), 40, 16)
    >>> found = process.stationary_density(np.linspace(-3, 3, 40), np.linspace(-4, 4, 40))
    >>> ax = linsgd.plot.phase_density(found)
    """
    domains.exact_type("found", found, (PhaseSpaceDensity,))
    count = found.times.size
    frame = domains.integer("frame", frame, f"[{-count}, {count - 1}]")
    ax = axes(ax)
    density = np.maximum(found.density[frame], 0.0)
    levels = np.linspace(0, float(density.max()), LEVELS + 1)[1:]
    ax.contourf(found.x, found.v, density, levels=[0.0, *levels], cmap=COLOURS)
    ax.set(xlabel="position x", ylabel="velocity v")
    return clean(ax)


def gaps_by_batch(gaps: Mapping[int, LogNumber], ax: Axes | None = None) -> Axes:
    """Draw spectral gaps against the batch size, from their logarithms.

    Parameters
    ----------
    gaps : mapping of int to LogNumber
        The gap at each batch size; unresolved ones are left out.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        log10 of the gap, which may lie far below the smallest float.

    Raises
    ------
    ValueError
        If `gaps` holds anything else.

    Examples
    --------
    >>> import linsgd
    >>> wells = {
    ...     b: linsgd.fokker_planck.Diffusion1D(lambda x: (x**2 - 1) ** 2, 0.2 / b, (-3, 3))
    ...     for b in (1, 2, 4)
    ... }
    >>> ax = linsgd.plot.gaps_by_batch({b: well.spectral_gap() for b, well in wells.items()})
    """
    sizes, logs = [], []
    for size, gap in gaps.items():
        size = domains.integer("gaps: batch size", size, "[1, inf)")
        domains.exact_type(f"gaps[{size}]", gap, (LogNumber,))
        if np.isfinite(gap.log):
            sizes.append(size)
            logs.append(gap.log / np.log(10))
    ax = axes(ax)
    ax.plot(sizes, logs, "o-", color=INK, markersize=4)
    ax.set(xscale="log", xlabel="batch size", ylabel="log10 of the spectral gap")
    return clean(ax)


def wells(process: Diffusion1D, minima: ArrayLike, ax: Axes | None = None) -> Axes:
    """Draw a potential with the occupation of its wells and the rates between neighbours.

    Parameters
    ----------
    process : Diffusion1D
        The diffusion.
    minima : array_like (M,)
        The minima of two or more wells, ascending and inside the domain.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        The potential; at each minimum the stationary probability of its well, which ends at the
        highest points between neighbours; over each barrier two arrows with one over the mean time
        from minimum to minimum, per unit of time.

    Raises
    ------
    ValueError
        If `process` is anything else, or the minima are not as stated.

    Examples
    --------
    >>> import linsgd
    >>> process = linsgd.fokker_planck.Diffusion1D(lambda x: (x**2 - 1) ** 2 + x / 9, 0.2, (-3, 3))
    >>> ax = linsgd.plot.wells(process, [-1, 1])
    """
    domains.exact_type("process", process, (Diffusion1D,))
    bottoms = domains.array("minima", minima, (None,))
    if bottoms.size < 2 or not np.all(np.diff([process.low, *bottoms, process.high]) > 0):
        inside = f"two or more ascending numbers in ({process.low:g}, {process.high:g})"
        domains.refuse("minima", bottoms, inside)
    tops = _tops(process, bottoms)
    ax = axes(ax)
    losses, heights = process.potential(bottoms), process.potential(tops)
    margin = (bottoms[-1] - bottoms[0]) / 3
    x = np.linspace(bottoms[0] - margin, bottoms[-1] + margin, POINTS)
    x = x[(x >= process.low) & (x <= process.high)]
    ax.plot(x, process.potential(x), color=INK)
    rise = HEADROOM * (heights.max() - losses.min())
    ends = [process.low, *tops, process.high]
    for i, bottom in enumerate(bottoms):
        share = process.occupation(ends[i], ends[i + 1])
        label = f"{100 * share.value:.3g} %"
        ax.annotate(label, (bottom, losses[i] - rise / 4), ha="center", va="top", color=INK)
    for i, height in enumerate(heights):
        for start, end, lift in ((i, i + 1, 0.75), (i + 1, i, 0.3)):
            time = process.mean_first_passage_time(bottoms[start], bottoms[end])
            _arrow(ax, bottoms[[start, end]], height + lift * rise, time)
    ax.set(xlabel="x", ylabel="potential")
    ax.set_ylim(losses.min() - rise, heights.max() + 1.2 * rise)
    return clean(ax)


def _tops(process: Diffusion1D, minima: FloatArray) -> FloatArray:
    """Return the highest points between neighbouring minima."""
    tops = []
    for low, high in itertools.pairwise(minima):
        x = np.linspace(low, high, POINTS)
        at = int(process.potential(x).argmax())
        if at in (0, POINTS - 1):
            domains.refuse("minima", minima, f"minima: no barrier between {low:g} and {high:g}")
        tops.append(x[at])
    return np.array(tops)


def _arrow(ax: Axes, ends: FloatArray, height: float, time: LogNumber) -> None:
    """Draw an arrow over the middle half between two minima, with its rate."""
    middle, half = ends.mean(), (ends[1] - ends[0]) / 4
    tail, head = (middle - half, height), (middle + half, height)
    ax.annotate("", head, tail, arrowprops={"arrowstyle": "->", "color": INK})
    power = -time.log / np.log(10)
    label = f"{1 / time.value:.3g}" if power > -4 else f"$10^{{{power:.2f}}}$"
    ax.annotate(label, (middle, height), ha="center", va="bottom", color=INK)


def _colour(shade: float) -> tuple[float, float, float, float]:
    colour: tuple[float, float, float, float] = colormaps[COLOURS](shade)
    return colour
