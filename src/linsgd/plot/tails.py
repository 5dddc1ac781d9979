"""Tails: an estimated exponent over thresholds, and survival functions, measured and predicted.

Figures import predictions only. The classes of measured results are described here by the
attributes that are drawn.
"""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.axes import INK, axes, clean
from linsgd.domains import FloatArray, IntArray
from linsgd.plot.style import DIFFUSION, EXACT, LANGEVIN
from linsgd.theory.tails.tail_constant.tail_constant import TailProbability

BAND_COLOR = "#cfe0e4"
POINTS: dict[str, Any] = {"fmt": "o", "markersize": 4, "capsize": 3}
STANDARD_ERRORS = 2  # of the error bars of an ensemble


@runtime_checkable
class EstimatedExponent(Protocol):
    """A `TailIndex` of `linsgd.estimate.tail_index`."""

    value: float
    lower: float
    upper: float
    confidence: float
    points: int
    path_points: IntArray
    path_values: FloatArray
    path_lower: FloatArray
    path_upper: FloatArray


@runtime_checkable
class MeasuredTail(Protocol):
    """A `RareEvents` of `linsgd.rare_events`."""

    thresholds: FloatArray
    probability: FloatArray
    lower: FloatArray
    upper: FloatArray
    confidence: float


@runtime_checkable
class Averages(Protocol):
    """An `Ensemble` of `linsgd.simulate`."""

    def value(self, name: str) -> FloatArray:
        """Return a recorded average."""

    def standard_error(self, name: str) -> FloatArray:
        """Return its standard error."""


def threshold_path(
    found: EstimatedExponent, alpha: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw an estimated tail exponent against the number of largest values it is estimated from.

    Parameters
    ----------
    found : TailIndex
        Of `linsgd.estimate.tail_index`.
    alpha : float, optional
        The exact exponent, positive; drawn as a line.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        The band is the interval at each number of points, up to the top of the axes where it has no
        upper end; the error bar is the reported estimate. A sample with too few values has no path.

    Raises
    ------
    ValueError
        If `found` is no estimate or alpha is not positive.

    See Also
    --------
    survival : The survival function itself.

    Examples
    --------
    >>> import numpy as np
    >>> import linsgd
    >>> sample = np.random.default_rng(0).pareto(2.0, 10_000) + 1
    >>> ax = linsgd.plot.threshold_path(linsgd.estimate.tail_index(sample), alpha=2.0)
    """
    ax = axes(ax)
    if not isinstance(found, EstimatedExponent):
        domains.refuse_type("found", found, "a result of linsgd.estimate.tail_index")
    finite_lower = found.path_lower[np.isfinite(found.path_lower)]
    top = 3 * (max(finite_lower, default=0.0) or 1.0)
    unbounded = np.isinf(found.path_upper)
    upper = np.where(unbounded, 2 * top, found.path_upper)
    band: dict[str, Any] = {
        "color": BAND_COLOR,
        "linewidth": 0,
        "label": f"{100 * found.confidence:g} % interval",
    }
    ax.fill_between(found.path_points, found.path_lower, upper, **band)
    ax.plot(found.path_points, found.path_values, color=DIFFUSION.color, label="estimate")
    if np.isfinite([found.value, found.lower, found.upper]).all():
        below = found.value - found.lower
        above = found.upper - found.value
        label = f"reported, {found.points} points"
        ax.errorbar(found.points, found.value, [[below], [above]], color=INK, label=label, **POINTS)
    if alpha is not None:
        domains.real("alpha", alpha, "(0, inf)")
        ax.axhline(alpha, color=EXACT.color, linestyle="--", label="exact")
    ax.set(xscale="log", xlabel="largest values used", ylabel=r"exponent  $\alpha$", ylim=(0, top))
    ax.legend(frameon=False)
    return clean(ax)


def survival(
    seen: MeasuredTail | Averages | TailProbability,
    predicted: TailProbability | None = None,
    ax: Axes | None = None,
    thresholds: ArrayLike | None = None,
) -> Axes:
    """Draw tail probabilities, measured with their intervals and predicted as C t^-alpha.

    Parameters
    ----------
    seen : RareEvents, Ensemble or TailProbability
        Of `linsgd.rare_events`; of `linsgd.simulate` with an `Exceedance`; or a prediction alone.
    predicted : TailProbability, optional
        Of `linsgd.tail_probability`, at any increasing distances.
    ax : Axes, optional
        Where to draw; by default a new figure.
    thresholds : array_like (m,), optional
        Of the `Exceedance` that an ensemble recorded: its attribute `thresholds`.

    Returns
    -------
    Axes
        Logarithmic in both directions; thresholds that no chain exceeded are left out. The error
        bars of an ensemble are two standard errors.

    Raises
    ------
    ValueError
        If `seen` or `predicted` is no such result, or an ensemble lacks its thresholds.

    See Also
    --------
    threshold_path : An exponent estimated from a sample.

    Examples
    --------
    >>> import numpy as np
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=2 / 3)
    >>> record = linsgd.Exceedance(lowest=0, highest=4, after=50)
    >>> run = linsgd.simulate(problem, sgd, 100, record=record)
    >>> predicted = linsgd.tail_probability(problem, sgd, np.geomspace(1, 100, 20))
    >>> ax = linsgd.plot.survival(run, predicted, thresholds=record.thresholds)
    """
    ax = axes(ax)
    if predicted is not None:
        domains.exact_type("predicted", predicted, (TailProbability,))
        _draw_prediction(ax, predicted)
    if type(seen) is TailProbability:
        _draw_prediction(ax, seen)
    elif isinstance(seen, MeasuredTail):
        label = f"measured, {100 * seen.confidence:g} % interval"
        _draw_points(ax, seen.thresholds, seen.probability, seen.lower, seen.upper, label)
    elif isinstance(seen, Averages):
        _draw_ensemble(ax, seen, thresholds)
    else:
        domains.refuse_type("seen", seen, "a result of rare_events, simulate or tail_probability")
    ax.set(xscale="log", yscale="log", xlabel="distance  $t$", ylabel=r"$P(|w - w^*| > t)$")
    ax.legend(frameon=False)
    return clean(ax)


def _draw_prediction(ax: Axes, predicted: TailProbability) -> None:
    """Draw C t^-alpha and the band between its bounds."""
    label = rf"$C\,t^{{-\alpha}}$,  $\alpha$ = {predicted.exponent.value:.4g}"
    ax.plot(predicted.t, predicted.value, color=EXACT.color, label=label)
    band: dict[str, Any] = {"color": BAND_COLOR, "linewidth": 0, "zorder": 0}
    ax.fill_between(predicted.t, predicted.lower, predicted.upper, **band)


def _draw_ensemble(ax: Axes, run: Averages, thresholds: ArrayLike | None) -> None:
    """Draw the share of chains beyond each threshold, with its standard errors."""
    share = run.value("exceedance")
    if thresholds is None:
        domains.refuse("thresholds", None, "the thresholds of the Exceedance that was recorded")
    t = domains.array("thresholds", thresholds, (share.size,))
    width = STANDARD_ERRORS * run.standard_error("exceedance")
    label = f"measured, {STANDARD_ERRORS} standard errors"
    _draw_points(ax, t, share, share - width, share + width, label)


def _draw_points(
    ax: Axes,
    thresholds: FloatArray,
    probability: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    label: str,
) -> None:
    """Draw the probabilities above 0 with their intervals."""
    reached = probability > 0
    value = probability[reached]
    below = value - lower[reached]
    above = upper[reached] - value
    points: dict[str, Any] = {"color": LANGEVIN.color, "label": label, **POINTS}
    ax.errorbar(thresholds[reached], value, [below, above], **points)
