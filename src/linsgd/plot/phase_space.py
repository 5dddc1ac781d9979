"""One mode of phase space: the mean path with the theory's band, and the modified loss."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.axes import INK, axes, clean
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.plot.style import EXACT, LANGEVIN
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.langevin.process import UnderdampedLangevin, langevin
from linsgd.theory.moments import moments
from linsgd.theory.oscillation import oscillation
from linsgd.theory.result import Moments, Start

BAND_COLOR = "#f7e3dd"
BAND = math.sqrt(-2 * math.log(0.32))  # radius, in standard deviations, of the 68 % ellipse
RELAXATIONS = 4.0  # relaxation times of the mode in a portrait of no given length
SHORTEST, LONGEST = 20, 2000  # steps of such a portrait
FINE = 8  # points of the Langevin path per step
ARROWS = 16.5  # arrows of the current inside this squared radius, four standard deviations


def phase_portrait(
    problem: LinearRegression,
    sgd: SGD,
    steps: int | None = None,
    start: Start = None,
    mode: int = 0,
    trajectories: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean path in the (w, v) plane of one eigenvector of H, by the SDE and exactly.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        The optimizer, without Nesterov's update.
    steps : int, optional
        Length of the path, >= 1; by default four relaxation times of the mode, in [20, 2000].
    start : None, (w, v) or Moments
        As in `linsgd.moments`.
    mode : int
        Index into ``problem.eigenvalues``.
    trajectories : array_like (n, K, 2), optional
        Positions and velocities along the mode of simulated chains, drawn as they are.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        The shaded band holds 68 % of the Langevin law at each step; dots are the algorithm's exact
        mean.

    Raises
    ------
    ValueError
        If an argument lies outside its domain.

    See Also
    --------
    modified_loss : The stationary density in the same plane.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.02], optimum=[1.0, 1.0])
    >>> ax = linsgd.plot.phase_portrait(problem, linsgd.SGD(lr=0.1, batch_size=8, momentum=0.9))
    """
    ax = axes(ax)
    mode = _mode(problem, mode)
    last = _length(problem, sgd, mode) if steps is None else steps
    times = np.arange(domains.integer("steps", last, "[1, inf)") + 1)
    exact = moments(problem, sgd, times, start)
    if trajectories is not None:
        for chain in np.asarray(trajectories, dtype=np.float64):
            ax.plot(*chain.T, color=INK, alpha=0.35, linewidth=0.7, zorder=1)
    process = langevin(problem, sgd)
    x, v, covariances = _langevin_path(process, problem, start, mode, last)
    for point in zip(x, v, covariances, strict=True):
        ax.add_patch(_ellipse(*point))
    ax.plot(x, v, zorder=3, **LANGEVIN.line())
    dots: dict[str, Any] = {"color": EXACT.color, "markersize": 4, "label": EXACT.label}
    ax.plot(*_along(problem, exact, mode), ".", zorder=4, **dots)
    first: dict[str, Any] = {"color": EXACT.color, "markersize": 7, "markerfacecolor": "white"}
    ax.plot(x[0], v[0], "o", zorder=5, **first)
    ax.set(xlabel="position  $w$", ylabel="velocity  $v$", title=_title(problem, sgd, mode))
    ax.autoscale_view()
    ax.legend(frameon=False)
    return clean(ax)


def modified_loss(
    problem: LinearRegression, sgd: SGD, mode: int = 0, ax: Axes | None = None
) -> Axes:
    """Draw the modified loss in the (w, v) plane of one eigenvector, and the stationary current.

    Parameters
    ----------
    problem : LinearRegression
        The problem, with noise along the mode.
    sgd : SGD
        The optimizer, without Nesterov's update.
    mode : int
        Index into ``problem.eigenvalues``.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Contours at 1, 2, 3 and 4 standard deviations; arrows in units of the mode's own standard
        deviations.

    Raises
    ------
    ValueError
        If an argument lies outside its domain, or the mode has no finite noise.

    See Also
    --------
    linsgd.symbolic.modified_loss : Its derivation.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.02])
    >>> ax = linsgd.plot.modified_loss(problem, linsgd.SGD(lr=0.1, batch_size=8, momentum=0.9))
    """
    ax = axes(ax, 5.4, 4.6)
    mode = _mode(problem, mode)
    process = langevin(problem, sgd)
    variances = process.modes.stationary_variance()[:, mode]
    deviations = np.sqrt(variances[[0, 2]])
    if not (np.isfinite(deviations).all() and deviations.all()):
        domains.refuse("mode", mode, "modes of finite noise")
    axis = _axis(problem, mode)
    _draw_radius(ax, process, axis, deviations)
    _draw_current(ax, process, axis, deviations, mode)
    ax.set(xlabel="position  $w$", ylabel="velocity  $v$", title=_title(problem, sgd, mode))
    return clean(ax)


def _draw_radius(
    ax: Axes, process: UnderdampedLangevin, axis: FloatArray, deviations: FloatArray
) -> None:
    """Draw contours of the distance from the centre in standard deviations, sqrt(2 Phi / T)."""
    x, v, w, u = _plane(process, axis, deviations, 121)
    radius = np.sqrt(2 * process.modified_loss(w, u) / process.temperature)
    position = x + float(process.center @ axis)
    shades: dict[str, Any] = {"levels": range(7), "cmap": "bone_r", "vmax": 9, "alpha": 0.8}
    ax.contourf(position, v, radius, **shades)
    ax.contour(position, v, radius, levels=[1, 2, 3, 4], colors=INK, linewidths=0.8)


def _draw_current(
    ax: Axes, process: UnderdampedLangevin, axis: FloatArray, deviations: FloatArray, mode: int
) -> None:
    """Draw the stationary current as arrows in units of the mode's standard deviations."""
    x, v, w, u = _plane(process, axis, deviations, 11)
    position = x + float(process.center @ axis)
    current = process.current(w, u).reshape(*x.shape, 2, -1) @ axis
    square = (x / deviations[0]) ** 2 + (v / deviations[1]) ** 2
    inside = square < ARROWS
    heads = (current[inside] / deviations).T
    # an arrow as long as the axes are wide is the current at 42 standard deviations
    scale = 42 * process.rotation[mode]
    arrows: dict[str, Any] = {"color": LANGEVIN.color, "width": 0.006, "scale": scale}
    ax.quiver(position[inside], v[inside], *heads, **arrows)


def _mode(problem: LinearRegression, mode: int) -> int:
    """Check a problem and the index of one of its modes."""
    domains.exact_type("problem", problem, (LinearRegression,))
    return domains.integer("mode", mode, f"[0, {problem.dimension})")


def _length(problem: LinearRegression, sgd: SGD, mode: int) -> int:
    """Return the steps of a few relaxation times of the mode's exact mean."""
    damping = float(oscillation(problem, sgd).damping[mode])
    wanted = RELAXATIONS / damping if damping > 0 else math.inf
    length = min(max(wanted, SHORTEST), LONGEST)
    return round(length)


def _langevin_path(
    process: UnderdampedLangevin, problem: LinearRegression, start: Start, mode: int, last: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return position and velocity (K,) of the Langevin mean, and (Var x, Cov, Var v) (K, 3)."""
    fine = np.linspace(0, last, FINE * last + 1)
    begin = process.initial_state(start)
    propagator = process.modes.propagator(fine)
    means = process.modes.mean(propagator, begin.mean)
    variances = process.modes.variance(propagator, begin.modes)
    x, v = means[:, :, mode].T
    center = problem.to_eigenbasis(process.center)[mode]
    return x + center, v, variances[..., mode]


def _axis(problem: LinearRegression, mode: int) -> FloatArray:
    """Return the eigenvector (d,) of a mode."""
    axis: FloatArray = problem.from_eigenbasis(np.eye(problem.dimension)[mode])
    return axis


def _plane(
    process: UnderdampedLangevin, axis: FloatArray, deviations: FloatArray, points: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return a grid of (x, v) out to 4.2 standard deviations, and its (w, v) in d dimensions."""
    grid = np.linspace(-4.2, 4.2, points)
    x, v = np.meshgrid(grid * deviations[0], grid * deviations[1])
    w = process.center + x[..., None] * axis
    return x, v, w, v[..., None] * axis


def _along(problem: LinearRegression, law: Moments, mode: int) -> FloatArray:
    """Return the mean path (2, K) in the plane of the mode."""
    position = problem.to_eigenbasis(law.mean)[:, mode]
    velocity = problem.to_eigenbasis(law.velocity_mean)[:, mode]
    return np.stack([position, velocity])


def _ellipse(x: float, v: float, covariance: FloatArray) -> Ellipse:
    """Return the 68 % ellipse of a Gaussian law around (x, v), covariance (Var x, Cov, Var v)."""
    xx, xv, vv = covariance
    variances, axes_of_law = np.linalg.eigh([[xx, xv], [xv, vv]])
    width, height = 2 * BAND * np.sqrt(np.maximum(variances, 0.0))
    x_part, v_part = axes_of_law[:, 0]  # the direction of the width
    angle = float(np.degrees(np.arctan2(v_part, x_part)))
    colors: dict[str, Any] = {"facecolor": BAND_COLOR, "edgecolor": BAND_COLOR}
    return Ellipse((x, v), width, height, angle=angle, zorder=0.5, **colors)


def _title(problem: LinearRegression, sgd: SGD, mode: int) -> str:
    """Name lr (h + weight_decay) and the momentum."""
    curvature = problem.eigenvalues[mode] + sgd.weight_decay
    product = sgd.lr * curvature
    return rf"$\eta h_\lambda$ = {product:.3g}, $\beta$ = {sgd.momentum:g}"
