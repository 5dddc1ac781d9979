"""Moments in time, predicted and measured, and the learning rates at which they exist."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.axes import INK, axes, clean
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.plot.regimes import SHADES
from linsgd.plot.style import EXACT, THEORIES
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.result import Moments
from linsgd.theory.stability.thresholds import stability

Quantity: TypeAlias = Literal[
    "excess_loss", "excess_risk", "position_variance", "velocity_variance"
]
WORDS = {
    "excess_loss": "excess loss",
    "excess_risk": "excess risk",
    "position_variance": "Var w of each mode",
    "velocity_variance": "Var v of each mode",
}
REGIONS = ("mean and variance exist", "infinite variance", "the mean diverges")


@runtime_checkable
class Measured(Protocol):
    """The part of an `Ensemble` that is drawn."""

    steps: IntArray

    def value(self, name: str) -> FloatArray:
        """Return an average."""
        ...

    def interval(self, name: str, confidence: float) -> tuple[FloatArray, FloatArray]:
        """Return its confidence interval."""
        ...


def moments(
    laws: Moments | Mapping[str, Moments],
    quantity: Quantity = "excess_loss",
    ax: Axes | None = None,
) -> Axes:
    """Draw a moment against the number of steps.

    Parameters
    ----------
    laws : Moments or mapping of str to Moments
        Results of `linsgd.moments` at several steps, and their names in the legend.
    quantity : {"excess_loss", "excess_risk", "position_variance", "velocity_variance"}
        What is drawn; variances have a curve for each mode.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Logarithmic in both directions; steps at which the moment is 0 or infinite are left out.

    Raises
    ------
    ValueError
        If an argument lies outside its domain.

    See Also
    --------
    against_simulation : The same with the simulated averages.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.1], optimum=[1.0, 1.0])
    >>> sgd = linsgd.SGD(lr=0.1, batch_size=4, momentum=0.9)
    >>> names = ("exact", "langevin")
    >>> laws = {name: linsgd.moments(problem, sgd, [1, 10, 100], theory=name) for name in names}
    >>> ax = linsgd.plot.moments(laws)
    """
    ax = axes(ax)
    domains.choice("quantity", quantity, get_args(Quantity))
    for name, law in _named(laws).items():
        style = THEORIES.get(name, EXACT)
        steps = np.asarray(law.steps)
        values = _by_step(getattr(law, quantity), steps)
        shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
        for mode, curve in enumerate(shown.T):
            label = name if mode == 0 else None
            ax.plot(steps, curve, **style.line() | {"label": label})
    ax.set(xscale="log", yscale="log", xlabel="steps  $k$", ylabel=WORDS[quantity])
    ax.legend(frameon=False)
    return clean(ax)


def against_simulation(
    laws: Moments | Mapping[str, Moments],
    run: Measured,
    quantity: Quantity = "excess_loss",
    confidence: float = 0.99,
    ax: Axes | None = None,
) -> Axes:
    """Draw predictions in time with the averages of a simulation.

    Parameters
    ----------
    laws, quantity, ax
        As in `moments`.
    run : Ensemble
        A result of `linsgd.simulate` at several steps.
    confidence : float
        Of the interval of each average, in (0, 1).

    Returns
    -------
    Axes
        The curves of `moments`; points with confidence intervals are the simulation.

    Raises
    ------
    ValueError
        If an argument lies outside its domain.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.1], optimum=[1.0, 1.0])
    >>> sgd, steps = linsgd.SGD(lr=0.1, batch_size=4), [1, 3, 10, 30]
    >>> run = linsgd.simulate(problem, sgd, steps, chains=256)
    >>> ax = linsgd.plot.against_simulation(linsgd.moments(problem, sgd, steps), run)
    """
    if not isinstance(run, Measured):
        domains.refuse_type("run", run, "a result of linsgd.simulate")
    ax = moments(laws, quantity, ax)
    values = _by_step(run.value(quantity), run.steps)
    ends = run.interval(quantity, confidence)
    lower, upper = (_by_step(end, run.steps) for end in ends)
    for mode in range(values.shape[1]):
        mean = values[:, mode]
        reach = np.stack([mean - lower[:, mode], upper[:, mode] - mean])
        label = f"simulated, {100 * confidence:g} % intervals" if mode == 0 else None
        ax.errorbar(run.steps, mean, reach, fmt="o", color=INK, markersize=3.5, label=label)
    ax.legend(frameon=False)
    return ax


def stability_map(
    problem: LinearRegression,
    sgd: SGD,
    batch_size: ArrayLike = (1, 2, 4, 8, 16, 32, 64, 128, 256),
    ax: Axes | None = None,
) -> Axes:
    """Draw the learning rates at which mean and variance exist, against the batch size.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        Its momentum, weight decay and sampling are kept; lr and batch size are not used.
    batch_size : array_like of int (n,)
        At least two, increasing.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Logarithmic in both directions. The lines are `lr_mean_square` and `lr_mean`.

    Raises
    ------
    ValueError
        If an argument lies outside its domain, as in `linsgd.stability`.

    See Also
    --------
    linsgd.stability : The thresholds of one batch size.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.5, 0.1])
    >>> ax = linsgd.plot.stability_map(problem, linsgd.SGD(lr=0.1, momentum=0.9))
    """
    accept(problem, sgd)
    ax = axes(ax)
    sizes = domains.step_list("batch_size", batch_size)
    if len(sizes) < 2 or (np.diff(sizes) <= 0).any():
        domains.refuse("batch_size", batch_size, "at least two increasing integers")
    found = [stability(problem, replace(sgd, batch_size=int(size))) for size in sizes]
    square = np.array([each.lr_mean_square for each in found])
    mean = np.array([each.lr_mean for each in found])
    bottom, top = square.min() / 10, 3 * mean.max()
    edges = [np.full(len(sizes), bottom), square, mean, np.full(len(sizes), top)]
    regions = zip(REGIONS, SHADES[1:], itertools.pairwise(edges), strict=True)
    for label, shade, (below, above) in regions:
        ax.fill_between(sizes, below, above, color=shade, linewidth=0, label=label)
    ax.plot(sizes, square, **EXACT.line() | {"label": None})
    ax.plot(sizes, mean, color=INK)
    ax.set(xscale="log", yscale="log", xlabel="batch size", ylabel="learning rate")
    ax.set(xlim=(sizes[0], sizes[-1]), ylim=(bottom, top))
    ax.legend(loc="lower right")
    return clean(ax)


def _named(laws: Moments | Mapping[str, Moments]) -> Mapping[str, Moments]:
    """Return the laws by name; one alone is called by its order."""
    given: Any = laws
    if isinstance(given, Moments):
        given = {"exact" if given.order == "exact" else f"up to {given.order}": given}
    if not isinstance(given, Mapping) or not given:
        domains.refuse_type("laws", laws, "a result of linsgd.moments, or several by name")
    for name, law in given.items():
        if not isinstance(law, Moments) or not isinstance(law.steps, np.ndarray):
            domains.refuse(f"laws[{name!r}]", law, "results of linsgd.moments at several steps")
    return dict(given)


def _by_step(values: FloatArray, steps: IntArray) -> FloatArray:
    """Return an average at several steps as (steps, modes)."""
    found: FloatArray = np.asarray(values, dtype=float).reshape(len(steps), -1)
    return found
