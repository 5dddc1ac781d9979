"""Displacement of the weights on logarithmic axes, and its local exponent."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.plot.style import COLORS, INK, LABELS, LINES, axes, clean
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.displacement.displacement import displacement as predict
from linsgd.theory.displacement.displacement import exponent_bound
from linsgd.theory.moments import THEORIES, Start


def displacement(
    problem: LinearRegression,
    sgd: SGD,
    steps: ArrayLike,
    start: Start = "stationary",
    theories: Sequence[str] = THEORIES,
    ax: Axes | None = None,
) -> Axes:
    """Draw E|w_{s+k} - w_s|^2 against k, with the local exponent of the first theory written along its line.

    Parameters
    ----------
    problem, sgd, steps, start
        As in `linsgd.displacement`.
    theories : sequence of str
        Which to draw.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Logarithmic in both directions.
    """
    accept(problem, sgd)
    ax = axes(ax)
    for name in theories:
        path = predict(problem, sgd, steps, start, name)
        ax.loglog(
            path.steps,
            path.global_msd,
            color=COLORS[name],
            linestyle=LINES[name],
            label=LABELS[name],
        )
        if name == theories[0]:
            for k in np.linspace(0.06, 0.9, 5) * (path.steps.size - 1):
                _annotate(ax, path.steps[int(k)], path.global_msd[int(k)], path.exponent[int(k)])
    ax.set(xlabel="steps  $k$", ylabel=r"$E\,|w_{s+k} - w_s|^2$")
    ax.legend(frameon=False, loc="lower right")
    return clean(ax)


def exponent(
    problem: LinearRegression,
    sgd: SGD,
    steps: ArrayLike,
    start: Start = "stationary",
    theories: Sequence[str] = THEORIES,
    ax: Axes | None = None,
) -> Axes:
    """Draw the local exponent of the displacement against k, and the bound on it from stationarity.

    Parameters
    ----------
    problem, sgd, steps, start, theories, ax
        As in `linsgd.plot.displacement`.

    Returns
    -------
    Axes
        The shaded region is out of reach of any stationary process of this momentum.
    """
    accept(problem, sgd)
    ax = axes(ax)
    for name in theories:
        path = predict(problem, sgd, steps, start, name)
        ax.semilogx(
            path.steps, path.exponent, color=COLORS[name], linestyle=LINES[name], label=LABELS[name]
        )
    bound = exponent_bound(steps, sgd.momentum)
    ax.fill_between(steps, bound, 2.05, color=INK, alpha=0.13, linewidth=0, label="only by drift")
    ax.set(xlabel="steps  $k$", ylabel="exponent  $c(k)$", ylim=(0, 2.05))
    ax.legend(frameon=False)
    return clean(ax)


def _annotate(ax: Axes, k: float, msd: float, slope: float) -> None:
    ax.plot(k, msd, "o", color=COLORS["exact"], markersize=4)
    ax.annotate(
        f"{slope:.2f}",
        (k, msd),
        (-6, 7),
        textcoords="offset points",
        ha="right",
        color=INK,
        fontsize="small",
    )
