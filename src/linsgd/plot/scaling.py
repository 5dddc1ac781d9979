"""Compute-optimal frontiers, phase diagrams of exponents, and best schedules."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from linsgd import domains
from linsgd.axes import INK, axes, clean
from linsgd.theory.risk.best_schedule import BestSchedule
from linsgd.theory.risk.compute_optimal import ComputeOptimal
from linsgd.theory.risk.frontier import RiskFrontier

MARKERS = "osD^vP*X<>"


def frontier(found: RiskFrontier, ax: Axes | None = None) -> Axes:
    """Draw the risk against compute for every dimension and batch size, and the frontier.

    Parameters
    ----------
    found : RiskFrontier
        Of `linsgd.risk_frontier`.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        A faint curve for each dimension and batch size, darker for more features.

    Raises
    ------
    ValueError
        If `found` is anything else.

    Examples
    --------
    >>> import linsgd
    >>> law = linsgd.PowerLaw(exponent=1.5, source=0.4)
    >>> found = linsgd.risk_frontier(law, linsgd.SGD(lr=0.2), [4, 16], [1, 4], [10, 100, 1000])
    >>> ax = linsgd.plot.frontier(found)
    """
    domains.exact_type("found", found, (RiskFrontier,))
    ax = axes(ax)
    for i, size in enumerate(found.dimensions):
        shade = 0.2 + 0.6 * i / max(len(found.dimensions) - 1, 1)
        for j, batch in enumerate(found.batch_sizes):
            compute = float(size * batch) * found.steps
            ax.plot(compute, found.risk[i, j], color="#2f7f8f", alpha=shade, linewidth=0.7)
    ax.plot(found.compute, found.least_risk, color="#20252b", linewidth=2, label="least risk")
    ax.set(xscale="log", yscale="log", xlabel="compute: features x batch x steps", ylabel="risk")
    ax.legend(frameon=False, labelcolor=INK)
    return clean(ax)


def phase_diagram(points: Sequence[ComputeOptimal], ax: Axes | None = None) -> Axes:
    """Draw the measured exponent of the compute-optimal risk over exponent and source.

    Parameters
    ----------
    points : sequence of ComputeOptimal
        Of `linsgd.compute_optimal`.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Colour is the measured exponent, the marker the pair of terms that is balanced.

    Raises
    ------
    ValueError
        If `points` holds anything else, or nothing.

    Examples
    --------
    >>> import linsgd
    >>> points = [linsgd.compute_optimal(a, 0.3, decades=10) for a in (1.2, 2.0)]
    >>> ax = linsgd.plot.phase_diagram(points)
    """
    if not points:
        domains.refuse("points", list(points), "at least one ComputeOptimal")
    for i, point in enumerate(points):
        domains.exact_type(f"points[{i}]", point, (ComputeOptimal,))
    ax = axes(ax)
    values = [point.risk_exponent for point in points]
    norm = Normalize(min(values), max(values))
    phases = sorted({point.phase for point in points})
    for marker, name in zip(MARKERS, phases, strict=False):
        inside = [point for point in points if point.phase == name]
        drawn = ax.scatter(
            [point.exponent for point in inside],
            [point.source for point in inside],
            c=[point.risk_exponent for point in inside],
            marker=marker,
            s=16,
            label=name,
            norm=norm,
        )
    figure = ax.get_figure()
    assert figure is not None
    figure.colorbar(drawn, ax=ax, label="d log risk / d log compute")
    ax.set(xlabel="exponent of the spectrum", ylabel="source")
    ax.legend(frameon=False, labelcolor=INK, fontsize="small")
    return clean(ax)


def learning_rates(best: BestSchedule, ax: Axes | None = None) -> Axes:
    """Draw the learning rates of the best schedule, each over its share of the steps.

    Parameters
    ----------
    best : BestSchedule
        Of `linsgd.best_schedule`.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        The learning rate on a logarithmic axis against the share of the budget.

    Raises
    ------
    ValueError
        If `best` is anything else.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.1], optimum=[1.0, 1.0])
    >>> best = linsgd.best_schedule(problem, linsgd.SGD(lr=0.5), steps=20, blocks=4)
    >>> ax = linsgd.plot.learning_rates(best)
    """
    domains.exact_type("best", best, (BestSchedule,))
    ax = axes(ax)
    ax.stairs(best.lr, np.linspace(0, 1, best.lr.size + 1), color="#20252b", baseline=None)
    ax.set(yscale="log", xlabel="share of the steps", ylabel="best learning rate")
    return clean(ax)
