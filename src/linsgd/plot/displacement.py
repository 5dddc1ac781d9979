"""Displacement of the weights on logarithmic axes, and its local exponent."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.axes import INK, axes, clean
from linsgd.optimizers.sgd import SGD
from linsgd.plot.style import EXACT, THEORIES, theory_names
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.mean_squared_displacement import Displacement, exponent_bound
from linsgd.theory.mean_squared_displacement import displacement as predict
from linsgd.theory.result import Start

NUMBERS = 5  # local exponents written along a line
TOP = 2.05  # of the axis of exponents: a little above the ballistic 2


def displacement(
    problem: LinearRegression | Displacement | Sequence[Displacement],
    sgd: SGD | None = None,
    steps: ArrayLike | None = None,
    start: Start = "stationary",
    theories: str | Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean squared displacement against the number of steps.

    Parameters
    ----------
    problem : LinearRegression, Displacement or sequence of Displacement
        The problem; or results of `linsgd.displacement`, which are drawn as they are.
    sgd, steps, start
        As in `linsgd.displacement`; without effect on results.
    theories : str or sequence of str, optional
        Of a problem: "exact", "langevin", "diffusion"; by default all that cover the optimizer.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        E|w_{s+k} - w_s|^2 against k, logarithmic in both directions. The numbers along the first
        curve are its local exponents.

    Raises
    ------
    ValueError
        If an argument lies outside its domain, or a theory does not cover the optimizer.

    See Also
    --------
    exponent : The local exponent against the number of steps.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.1, 0.01])
    >>> sgd = linsgd.SGD(lr=0.05, batch_size=16, momentum=0.9)
    >>> ax = linsgd.plot.displacement(problem, sgd, [1, 10, 100, 1000], theories="exact")
    """
    ax = axes(ax)
    paths = _paths(problem, sgd, steps, start, theories)
    for path in paths:
        line = THEORIES[path.theory].line()
        ax.loglog(path.steps, path.global_msd, **line)
    _write_exponents(ax, paths[0])
    ax.set(xlabel="steps  $k$", ylabel=r"$E\,|w_{s+k} - w_s|^2$")
    ax.legend(frameon=False, loc="lower right", title="numbers: local exponent")
    return clean(ax)


def exponent(
    problem: LinearRegression | Displacement | Sequence[Displacement],
    sgd: SGD | None = None,
    steps: ArrayLike | None = None,
    start: Start = "stationary",
    theories: str | Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the local exponent of the displacement, and its bound from stationarity.

    Parameters
    ----------
    problem, sgd, steps, start, theories, ax
        As in `linsgd.plot.displacement`. The bound is drawn where `sgd` is given.

    Returns
    -------
    Axes
        d log E|w_{s+k} - w_s|^2 / d log k against k. The shaded region is out of reach of every
        stationary process of this momentum.

    Raises
    ------
    ValueError
        If an argument lies outside its domain, or a theory does not cover the optimizer.

    Notes
    -----
    The bound is 1 / (1 - tau / k) with tau = (1 + momentum) / (2 (1 - momentum)), from about
    k = 20 tau on.

    See Also
    --------
    displacement : The displacement itself.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.1, 0.01])
    >>> sgd = linsgd.SGD(lr=0.05, batch_size=16, momentum=0.9)
    >>> path = linsgd.displacement(problem, sgd, [1, 10, 100, 1000])
    >>> ax = linsgd.plot.exponent(path, sgd)
    """
    ax = axes(ax)
    paths = _paths(problem, sgd, steps, start, theories)
    for path in paths:
        line = THEORIES[path.theory].line()
        ax.semilogx(path.steps, path.exponent, **line)
    if sgd is not None:
        steps = paths[0].steps
        bound = exponent_bound(steps, sgd.momentum)
        shade: dict[str, Any] = {"color": INK, "alpha": 0.13, "linewidth": 0}
        ax.fill_between(steps, bound, TOP, label="only by drift", **shade)
    lowest = min(np.nanmin(path.exponent, initial=0.0) for path in paths)
    ax.set(xlabel="steps  $k$", ylabel="exponent  $c(k)$", ylim=(1.05 * lowest, TOP))
    ax.legend(frameon=False)
    return clean(ax)


def _paths(
    problem: LinearRegression | Displacement | Sequence[Displacement],
    sgd: SGD | None,
    steps: ArrayLike | None,
    start: Start,
    theories: str | Sequence[str] | None,
) -> list[Displacement]:
    """Return the results to draw: those that were given, or the predictions for a problem."""
    if type(problem) is LinearRegression:
        domains.exact_type("sgd", sgd, (SGD,))
        if sgd is None or steps is None:  # sgd is not: for the type checker
            domains.refuse("steps", steps, "a list of steps, where a problem is given")
        names = theory_names(theories, sgd)
        return [predict(problem, sgd, steps, start, name) for name in names]
    paths = [problem] if isinstance(problem, Displacement) else problem
    if not isinstance(paths, Sequence) or {type(path) for path in paths} != {Displacement}:
        accepted = "a linsgd.LinearRegression or results of displacement"
        domains.refuse_type("problem", problem, accepted)
    return list(paths)


def _write_exponents(ax: Axes, path: Displacement) -> None:
    """Write local exponents beside points that are evenly spread along the logarithmic axis."""
    logs = np.log(path.steps)
    length = logs[-1] - logs[0]
    wanted = logs[0] + np.linspace(0.1, 0.9, NUMBERS) * length
    distance = np.abs(logs[:, None] - wanted)
    for i in np.unique(distance.argmin(axis=0)):
        point = path.steps[i], path.global_msd[i]
        ax.plot(*point, "o", color=EXACT.color, markersize=4)
        ax.annotate(
            f"{path.exponent[i]:.2f}",
            point,
            (-6, 7),
            textcoords="offset points",
            ha="right",
            color=INK,
            fontsize="small",
        )
