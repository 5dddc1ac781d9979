"""One mode of phase space: the mean path with the theory's band, and the modified loss with its current."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.plot.style import COLORS, INK, LABELS, LINES, axes, clean
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.langevin.process import langevin
from linsgd.theory.moments import Moments, Start, moments

BAND_COLOR = "#f7e3dd"
BAND = 1.52  # radius, in standard deviations, of the ellipse that holds 68 % of a Gaussian law in the plane


def phase_portrait(
    problem: LinearRegression,
    sgd: SGD,
    steps: int,
    start: Start = None,
    mode: int = 0,
    trajectories: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the path of the mean in the (w, v) plane of one eigenvector of H, by the SDE and exactly.

    Parameters
    ----------
    problem, sgd
        What is learned and how.
    steps : int
        Length of the path, >= 1.
    start : None, (w, v) or Moments
        As in `linsgd.moments`.
    mode : int
        Index into ``problem.eigenvalues``.
    trajectories : array_like (n, K, 2), optional
        Positions and velocities along the mode of simulated chains, drawn as they are.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        The shaded band holds 68 % of the Langevin law at each step; dots are the algorithm's exact
        mean.
    """
    accept(problem, sgd)
    ax, mode = axes(ax), _mode(problem, mode)
    times = np.arange(domains.integer("steps", steps, "[1, inf)") + 1)
    exact = moments(problem, sgd, times, start)
    for chain in () if trajectories is None else np.asarray(trajectories, dtype=np.float64):
        ax.plot(*chain.T, color=INK, alpha=0.35, linewidth=0.7, zorder=1)
    process, fine = langevin(problem, sgd), np.linspace(0, steps, 8 * steps + 1)
    mean, covariance = process.start(start)
    modes = covariance if covariance.ndim == 2 else np.diagonal(covariance, axis1=-2, axis2=-1)
    flow = process.modes.flow(fine)
    x, v = process.modes.mean(flow, mean)[:, :, mode].T
    x = x + problem.to_eigenbasis(process.center)[mode]
    for point in zip(x, v, process.modes.variance(flow, modes)[..., mode], strict=True):
        ax.add_patch(_ellipse(*point))
    ax.plot(
        x,
        v,
        color=COLORS["langevin"],
        linestyle=LINES["langevin"],
        label=LABELS["langevin"],
        zorder=3,
    )
    ax.plot(
        *_along(problem, exact, mode),
        ".",
        color=COLORS["exact"],
        markersize=4,
        label=LABELS["exact"],
        zorder=4,
    )
    ax.plot(x[0], v[0], "o", color=COLORS["exact"], markersize=7, markerfacecolor="white", zorder=5)
    ax.set(xlabel="position  $w$", ylabel="velocity  $v$", title=_title(problem, sgd, mode))
    ax.autoscale_view()
    ax.legend(frameon=False)
    return clean(ax)


def modified_loss(
    problem: LinearRegression, sgd: SGD, mode: int = 0, ax: Axes | None = None
) -> Axes:
    """Draw contours of the modified loss in the (w, v) plane of one eigenvector, and the stationary current along them.

    Parameters
    ----------
    problem, sgd
        What is learned and how, with noise along the mode.
    mode : int
        Index into ``problem.eigenvalues``.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Contours at 1, 2, 3 and 4 standard deviations; arrows in units of the mode's own standard
        deviations.
    """
    accept(problem, sgd)
    ax, mode = axes(ax, 5.4, 4.6), _mode(problem, mode)
    process = langevin(problem, sgd)
    deviations = np.sqrt(process.modes.stationary_variance()[[0, 2], mode])
    if not (np.isfinite(deviations).all() and deviations.all()):
        domains.refuse("mode", mode, "modes of finite noise")
    axis = (
        np.eye(problem.dimension)[mode]
        if problem.eigenvectors is None
        else problem.eigenvectors[:, mode]
    )
    center = float(process.center @ axis)

    def plane(points: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        grid = np.linspace(-4.2, 4.2, points)
        x, v = np.meshgrid(grid * deviations[0], grid * deviations[1])
        return x, v, process.center + x[..., None] * axis, v[..., None] * axis

    x, v, w, u = plane(121)
    radius = np.sqrt(2 * process.modified_loss(w, u) / process.temperature)
    ax.contourf(x + center, v, radius, levels=range(7), cmap="bone_r", vmax=9, alpha=0.8)
    ax.contour(x + center, v, radius, levels=[1, 2, 3, 4], colors=INK, linewidths=0.8)
    x, v, w, u = plane(11)
    current = process.current(w, u).reshape(*x.shape, 2, -1) @ axis
    step = process.rotation[mode]
    inside = (x / deviations[0]) ** 2 + (v / deviations[1]) ** 2 < 16.5
    ax.quiver(
        *((x + center)[inside], v[inside], *(current[inside] / deviations).T),
        color=COLORS["langevin"],
        width=0.006,
        scale=42 * step,
    )
    ax.set(xlabel="position  $w$", ylabel="velocity  $v$", title=_title(problem, sgd, mode))
    return clean(ax)


def _mode(problem: LinearRegression, mode: int) -> int:
    return domains.integer("mode", mode, f"[0, {problem.dimension})")


def _along(problem: LinearRegression, law: Moments, mode: int) -> FloatArray:
    """Return the mean path (2, K) in the plane of the mode."""
    return np.stack(
        [problem.to_eigenbasis(part)[:, mode] for part in (law.mean, law.velocity_mean)]
    )


def _ellipse(x: float, v: float, covariance: FloatArray) -> Ellipse:
    """Return the ellipse of 68 % of a Gaussian law around (x, v), covariance (Var x, Cov, Var v)."""
    xx, xv, vv = covariance
    lengths, directions = np.linalg.eigh([[xx, xv], [xv, vv]])
    width, height = 2 * BAND * np.sqrt(np.maximum(lengths, 0.0))
    angle = float(np.degrees(np.arctan2(directions[1, 0], directions[0, 0])))
    return Ellipse(
        (x, v), width, height, angle=angle, facecolor=BAND_COLOR, edgecolor=BAND_COLOR, zorder=0.5
    )


def _title(problem: LinearRegression, sgd: SGD, mode: int) -> str:
    product = sgd.lr * (problem.eigenvalues[mode] + sgd.weight_decay)
    return rf"$\eta h$ = {product:.3g}, $\beta$ = {sgd.momentum:g}"
