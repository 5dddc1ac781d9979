"""The plane of (lr h, momentum): the regimes of a mode, and the Langevin equation's errors."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm

from linsgd import domains
from linsgd.axes import INK, axes, clean
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.plot.style import EXACT, LANGEVIN
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.oscillation import Oscillation, oscillation
from linsgd.theory.relaxation import Regime

REGIMES = (Regime.OVERDAMPED, Regime.UNDERDAMPED, Regime.ALTERNATING)
SHADES = ("#f2efe6", "#cfe0e4", "#e8cfc7", "#8b929a")  # of the regimes, and of instability
NAMES: tuple[
    tuple[float, float, float, dict[str, Any]], ...
] = (  # position, rotation in degrees, and appearance of the names of the regions
    (1e-3, 0.45, 0, {"s": "overdamped", "color": INK}),
    (0.35, 0.72, 0, {"s": "underdamped", "color": INK}),
    (1.72, 0.03, 72, {"s": "alternating", "color": INK, "fontsize": "x-small"}),
    (3.1, 0.2, 68, {"s": "unstable", "color": "white"}),
)
LABELS = {"xlabel": r"$\eta h_\lambda$", "ylabel": r"momentum  $\beta$", "xscale": "log"}


def regime_diagram(ax: Axes | None = None) -> Axes:
    """Draw the exact regimes of a mode over lr h and momentum, and the Langevin threshold.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Logarithmic in lr h, with h the eigenvalue of the regularised Hessian.

    Raises
    ------
    ValueError
        If `ax` is not an Axes.

    Notes
    -----
    A mode oscillates above lr h = (1 - sqrt(momentum))^2, in the Langevin equation above
    (1 - momentum)^2 / (2 (1 + momentum)); it is unstable above 2 (1 + momentum).

    See Also
    --------
    linsgd.oscillation : Regime, frequency and damping of each mode.

    Examples
    --------
    >>> import linsgd
    >>> ax = linsgd.plot.regime_diagram()
    """
    ax = axes(ax, 6.4, 4.4)
    product = np.geomspace(1e-4, 4.2, 500)
    momentum = np.linspace(0, 0.995, 300)
    kind = _regions(product, momentum)
    shades: dict[str, Any] = {
        "cmap": ListedColormap(SHADES),
        "vmin": -0.5,
        "vmax": 3.5,
        "rasterized": True,
    }
    ax.pcolormesh(product, momentum, kind, **shades)
    exact = (1 - np.sqrt(momentum)) ** 2
    equation = (1 - momentum) ** 2 / (2 * (1 + momentum))
    ax.plot(exact, momentum, **EXACT.line() | {"label": r"$(1 - \sqrt{\beta})^2$"})
    ax.plot(equation, momentum, **LANGEVIN.line() | {"label": r"$(1-\beta)^2 / 2(1+\beta)$"})
    for x, y, rotation, appearance in NAMES:
        ax.text(x, y, rotation=rotation, ha="center", **appearance)
    ax.set(xlim=(1e-4, 4.2), ylim=(0, 0.995), **LABELS)
    ax.legend(frameon=False, loc="lower left", title="oscillates above (exact; Langevin)")
    return clean(ax)


def _regions(product: FloatArray, momentum: FloatArray) -> IntArray:
    """Return the index into `SHADES` at each point (momenta, products)."""
    problem = LinearRegression.gaussian(product)
    rows = []
    for m in momentum:
        modes = oscillation(problem, SGD(lr=1.0, momentum=float(m)))
        rows.append(modes.regime)
    regimes = np.stack(rows)
    # critical points lie on the boundary of the underdamped region
    kind = np.full(regimes.shape, REGIMES.index(Regime.UNDERDAMPED))
    for index, regime in enumerate(REGIMES):
        kind[regimes == regime.value] = index
    unstable = product > 2 * (1 + momentum[:, None])
    return np.where(unstable, len(REGIMES), kind)


def error_map(quantity: str = "position_variance", ax: Axes | None = None) -> Axes:
    """Draw the relative error of the Langevin equation over lr h and momentum.

    Parameters
    ----------
    quantity : {"position_variance", "velocity_variance", "damping", "frequency"}
        The stationary variances at additive noise, whose errors are equal; the slowest rate per
        step; the frequency of modes that oscillate in both.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Colour on a logarithmic scale; white where there is nothing to compare.

    Raises
    ------
    ValueError
        If `quantity` is another or `ax` is not an Axes.

    See Also
    --------
    linsgd.symbolic.lr_expansion : The errors as series in the learning rate.

    Examples
    --------
    >>> import linsgd
    >>> ax = linsgd.plot.error_map("damping")
    """
    error = _ERRORS[domains.choice("quantity", quantity, tuple(_ERRORS))]
    ax = axes(ax, 6.4, 4.4)
    product = np.geomspace(1e-3, 3.9, 300)
    momentum = np.linspace(0.005, 0.995, 200)
    stable = product < 2 * (1 + momentum[:, None])
    values = np.where(stable, error(product, momentum), np.nan)
    colors: dict[str, Any] = {"norm": LogNorm(1e-4, 1), "cmap": "magma_r", "rasterized": True}
    mesh = ax.pcolormesh(product, momentum, values, shading="nearest", **colors)
    contours: dict[str, Any] = {"levels": [1e-2, 1e-1], "colors": "white", "linewidths": 0.9}
    levels = ax.contour(product, momentum, values, **contours)
    ax.clabel(levels, fmt=lambda level: f"{100 * level:g} %", fontsize="small")
    label = f"relative error of the {quantity.replace('_', ' ')}"
    ax.figure.colorbar(mesh, ax=ax, label=label, extend="both")
    oscillates_above = (1 - np.sqrt(momentum)) ** 2
    ax.plot(oscillates_above, momentum, color=INK, linewidth=0.9)
    ax.set(xlim=(1e-3, 3.9), ylim=(0.005, 0.995), **LABELS)
    return clean(ax)


def _variance_error(product: FloatArray, momentum: FloatArray) -> FloatArray:
    """Return lr h / (2 (1 + momentum)), the error of both stationary variances."""
    return product / (2 * (1 + momentum[:, None]))


def _compared(
    read: Callable[[Oscillation], FloatArray], product: FloatArray, momentum: FloatArray
) -> FloatArray:
    """Return |Langevin / exact - 1| of a rate (momenta, products); nan where the exact one is 0."""
    problem = LinearRegression.gaussian(product)
    errors = np.full((momentum.size, product.size), np.nan)
    for row, m in zip(errors, momentum, strict=True):
        sgd = SGD(lr=1.0, momentum=float(m))
        exact = read(oscillation(problem, sgd, "exact"))
        equation = read(oscillation(problem, sgd, "langevin"))
        np.divide(equation - exact, exact, out=row, where=exact > 0)
    relative: FloatArray = np.abs(errors)
    return relative


def _damping_error(product: FloatArray, momentum: FloatArray) -> FloatArray:
    """Return the error of the slowest rate."""
    return _compared(lambda found: found.damping, product, momentum)


def _frequency_error(product: FloatArray, momentum: FloatArray) -> FloatArray:
    """Return the error of the frequency; nan where a mode does not oscillate in both."""
    return _compared(_underdamped_frequency, product, momentum)


def _underdamped_frequency(found: Oscillation) -> FloatArray:
    """Return the frequency of modes that oscillate, else nan."""
    oscillates = found.regime == Regime.UNDERDAMPED
    return np.where(oscillates, found.frequency, np.nan)


_ERRORS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "position_variance": _variance_error,
    "velocity_variance": _variance_error,
    "damping": _damping_error,
    "frequency": _frequency_error,
}
