"""The plane of (lr h, momentum): regimes of a mode, and what the Langevin equation costs there."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.plot.style import COLORS, INK, LINES, axes, clean
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.langevin.oscillation import Oscillation, Regime, oscillation

REGIMES = (Regime.OVERDAMPED, Regime.UNDERDAMPED, Regime.ALTERNATING)
SHADES = ("#f2efe6", "#cfe0e4", "#e8cfc7", "#8b929a")


def regime_diagram(ax: Axes | None = None) -> Axes:
    """Draw the exact regimes of a mode over lr h and momentum, with the Langevin threshold across them.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Logarithmic in lr h.
    """
    ax = axes(ax, 6.4, 4.4)
    product, momentum = np.geomspace(1e-4, 4.2, 500), np.linspace(0, 0.995, 300)
    problem = LinearRegression.gaussian(product)
    found = np.stack(
        [oscillation(problem, SGD(lr=1.0, momentum=float(m))).regime for m in momentum]
    )
    kind = np.select(
        [found == regime.value for regime in REGIMES], range(len(REGIMES)), 1
    )  # critical: on the line
    kind = np.where(product > 2 * (1 + momentum[:, None]), len(REGIMES), kind)
    ax.pcolormesh(
        product, momentum, kind, cmap=ListedColormap(SHADES), vmin=-0.5, vmax=3.5, rasterized=True
    )
    ax.plot(
        (1 - np.sqrt(momentum)) ** 2,
        momentum,
        color=COLORS["exact"],
        label=r"$(1 - \sqrt{\beta})^2$",
    )
    threshold = (1 - momentum) ** 2 / (2 * (1 + momentum))
    ax.plot(
        threshold,
        momentum,
        color=COLORS["langevin"],
        linestyle=LINES["langevin"],
        label=r"$(1-\beta)^2 / 2(1+\beta)$",
    )
    for x, y, text in ((1e-3, 0.45, "overdamped"), (0.35, 0.72, "underdamped")):
        ax.text(x, y, text, ha="center", color=INK)
    ax.text(1.72, 0.03, "alternating", rotation=72, ha="center", color=INK, fontsize="x-small")
    ax.text(3.1, 0.2, "unstable", rotation=68, ha="center", color="white")
    ax.set(
        xscale="log",
        xlim=(1e-4, 4.2),
        ylim=(0, 0.995),
        xlabel=r"$\eta h$",
        ylabel=r"momentum  $\beta$",
    )
    ax.legend(frameon=False, loc="lower left", title="oscillates above (exact; Langevin)")
    return clean(ax)


def error_map(quantity: str = "variance", ax: Axes | None = None) -> Axes:
    """Draw the relative error of the Langevin equation against the algorithm over lr h and momentum.

    Parameters
    ----------
    quantity : {"variance", "damping", "frequency"}
        The stationary variances at additive noise; the slowest rate a step; the frequency of modes
        that oscillate in both.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Colour on a logarithmic scale; white where there is nothing to compare.
    """
    error = _ERRORS[domains.choice("quantity", quantity, tuple(_ERRORS))]
    ax = axes(ax, 6.4, 4.4)
    product, momentum = np.geomspace(1e-3, 3.9, 300), np.linspace(0.005, 0.995, 200)
    values = error(product, momentum)
    values = np.where(product < 2 * (1 + momentum[:, None]), values, np.nan)
    mesh = ax.pcolormesh(
        product,
        momentum,
        values,
        norm=LogNorm(1e-4, 1),
        cmap="magma_r",
        rasterized=True,
        shading="nearest",
    )
    levels = ax.contour(
        product, momentum, values, levels=[1e-2, 1e-1], colors="white", linewidths=0.9
    )
    ax.clabel(levels, fmt=lambda level: f"{100 * level:g} %", fontsize="small")
    ax.figure.colorbar(mesh, ax=ax, label=f"relative error of the {quantity}", extend="both")
    ax.plot((1 - np.sqrt(momentum)) ** 2, momentum, color=INK, linewidth=0.9)
    ax.set(
        xscale="log",
        xlim=(1e-3, 3.9),
        ylim=(0.005, 0.995),
        xlabel=r"$\eta h$",
        ylabel=r"momentum  $\beta$",
    )
    return clean(ax)


def _relative(
    read: Callable[[Oscillation], FloatArray],
) -> Callable[[FloatArray, FloatArray], FloatArray]:
    def errors(product: FloatArray, momentum: FloatArray) -> FloatArray:
        problem, rows = LinearRegression.gaussian(product), []
        for m in momentum:
            exact, langevin = (
                read(oscillation(problem, SGD(lr=1.0, momentum=float(m)), name)) for name in _BOTH
            )
            rows.append(
                np.divide(langevin - exact, exact, out=np.full_like(exact, np.nan), where=exact > 0)
            )
        return np.abs(rows)

    return errors


_BOTH = ("exact", "langevin")


def _variance_error(product: FloatArray, momentum: FloatArray) -> FloatArray:
    return product / (2 * (1 + momentum[:, None]))


def _ringing(found: Oscillation) -> FloatArray:
    return np.where(found.regime == Regime.UNDERDAMPED, found.frequency, np.nan)


_ERRORS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "variance": _variance_error,
    "damping": _relative(lambda found: found.damping),
    "frequency": _relative(_ringing),
}
