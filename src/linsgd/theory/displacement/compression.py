r"""A long spectrum replaced by few nodes, for sums over modes of functions of time.

A sum over modes sum_l w_l f(x_l, t), with f(., t) analytic in the stiffness x, is computed on
panels [a, b] that tile the spectrum: f is interpolated at the n Chebyshev points of each panel, so
that

    sum_l w_l f(x_l, t) = sum_j W_j f(X_j, t) + error,        W_j = sum_l w_l L_j(x_l),

with L_j the Lagrange polynomials. If |f| <= M inside the ellipse with foci a and b and semi-axes
summing to r (b - a) / 2, the error is at most 4 M r^-n / (r - 1) for each unit of weight
(Trefethen, Approximation Theory and Approximation Practice, theorem 8.2). That holds for every t at
once where the ellipse stays among the stiffnesses whose modes decay: for the Langevin equation
inside the parabola Re x >= (Im x / 2u)^2, whose boundary has a purely imaginary rate. So the panels
get wide as sqrt(x) where modes oscillate, are in geometric progression where they do not, and their
number does not depend on how many modes or times there are; for spectra that reach the edge of
stability it grows as 1 / (1 - momentum), some 1,000 nodes at momentum 0.9. For
x = lr (1 - dampening) kappa the parabola is

    Re x >= (1 + momentum) (Im x)^2 / (2 (1 - momentum)^2);

the algorithm's own modes decay inside an ellipse that osculates it,

    ((Re x - 1 - momentum) / (1 + momentum))^2 + (Im x / (1 - momentum))^2 <= 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray

ERROR = 1e-10  # relative, of the sums over few nodes
NODES = 20  # n
RADIUS = 3.6  # r: the bound is then below 2e-11 M
# the ellipse of a panel [a, a + width] reaches down to a + width/2 - (r + 1/r) width/4, which is
# positive up to width = 2.13 a: where modes do not oscillate the first narrower panel is taken
WIDEST = 2.2
SHRINK = 0.8  # of a panel whose ellipse leaves the region, until it fits
NARROWEST = 1e-13  # relative: modes so close are one
# Chebyshev points of the first kind on [-1, 1], and their barycentric weights (Trefethen, ch. 5)
_ANGLES = np.pi * (np.arange(NODES) + 0.5) / NODES
POINTS = np.cos(_ANGLES)
BARYCENTRIC = (-1.0) ** np.arange(NODES) * np.sin(_ANGLES)
# the upper half of the ellipse for a panel of width 1 around 0: (r e^{i t} + e^{-i t} / r) / 4
_CIRCLE = np.linspace(0, np.pi, 33)
ELLIPSE = (RADIUS * np.exp(1j * _CIRCLE) + np.exp(-1j * _CIRCLE) / RADIUS) / 4


@dataclass(frozen=True, slots=True, eq=False)
class Compressed:
    """Nodes that stand for a spectrum, and the weights of several measures on it.

    Attributes
    ----------
    stiffness : ndarray (J,)
        X.
    weights : ndarray (m, J)
        W of each measure.
    """

    stiffness: FloatArray
    weights: FloatArray


Region = Callable[[FloatArray, FloatArray], NDArray[np.bool_]]


def parabola(momentum: float) -> Region:
    """Return whether modes of stiffness x + iy decay in the Langevin equation."""
    slope = (1 + momentum) / (2 * (1 - momentum) ** 2)
    return lambda x, y: x >= slope * y**2


def ellipse(momentum: float) -> Region:
    """Return whether modes of stiffness x + iy decay in the algorithm."""
    # the semi-axes
    width = 1 + momentum
    height = 1 - momentum
    return lambda x, y: (x / width - 1) ** 2 + (y / height) ** 2 <= 1


def half_plane(x: FloatArray, y: FloatArray) -> NDArray[np.bool_]:
    """Return whether modes of stiffness x + iy decay in the first-order diffusion."""
    return (x >= 0) & np.isfinite(y)


def compress(stiffness: FloatArray, weights: FloatArray, decays: Region) -> Compressed:
    """Return nodes and weights whose sums over modes agree to 1e-10 at every time.

    Parameters
    ----------
    stiffness : ndarray (d,)
        z = lr (1 - dampening) kappa of each mode, >= 0.
    weights : ndarray (m, d)
        Of the modes in each of m measures.
    decays : callable
        `parabola` or `ellipse`: where the panels' ellipses have to stay.

    Returns
    -------
    Compressed
        At most `NODES` nodes a panel; panels of fewer modes, and modes where the mean does not
        decay, are kept.
    """
    order = np.argsort(stiffness, kind="stable")
    x = stiffness[order]
    w = weights[:, order]
    nodes, sums, first = [], [], 0
    while first < x.size:
        end = x[first] + _width(x[first], decays)
        last = int(np.searchsorted(x, end, side="right"))
        panel_nodes, panel_sums = _panel(x[first:last], w[:, first:last])
        nodes.append(panel_nodes)
        sums.append(panel_sums)
        first = last
    return Compressed(np.concatenate(nodes), np.concatenate(sums, axis=1))


def _width(low: float, decays: Region) -> float:
    """Return the width of the panel that starts at `low`: its ellipse lies where modes decay."""
    width = WIDEST * low
    while width > NARROWEST * low:
        around = low + width / 2 + width * ELLIPSE.real
        if decays(around, width * ELLIPSE.imag).all():
            break
        width *= SHRINK
    return width


def _panel(x: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return nodes (J,) and weights (m, J) of one panel: W_j = sum_l w_l L_j(x_l), barycentric."""
    if x.size <= NODES:
        return x, w
    center = (x[-1] + x[0]) / 2
    half = (x[-1] - x[0]) / 2
    if half <= 1e-14 * center:
        return np.array([center]), w.sum(axis=1, keepdims=True)
    # L_j(x) = (b_j / (x - X_j)) / sum_i b_i / (x - X_i), 1 at x = X_j
    gap = (x[:, None] - center) / half - POINTS
    hit = gap == 0
    ratio = np.divide(BARYCENTRIC, gap, out=np.zeros_like(gap), where=~hit)
    between = ratio / ratio.sum(axis=1, keepdims=True)
    lagrange = np.where(hit.any(axis=1, keepdims=True), hit, between)
    return center + half * POINTS, w @ lagrange
