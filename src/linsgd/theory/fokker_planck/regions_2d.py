"""Regions of the plane, given by an indicator: where segments cross the border, and mass.

The border is found by bisection of the indicator along segments with one end on either side, so
that it need not run along points of a grid.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray

Region = Callable[[FloatArray, FloatArray], Any]

HALVINGS = 40  # of a segment: its border to 1e-12 of the length
ALIGNED = 1e-9  # of a spacing: a border that runs along points of the grid
CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))  # of a cell, in the order of its sides


def indicator(region: Region, x: FloatArray, y: FloatArray) -> Any:
    """Return whether points belong to a region, as a boolean array of their shape."""
    if not callable(region):
        domains.refuse_type("region", region, "a function of arrays x, y that returns booleans")
    inside = np.asarray(region(x, y))
    if inside.shape != x.shape or inside.dtype != bool:
        domains.refuse("region", region, "a function that returns a boolean array")
    return inside


def crossings(
    region: Region, start: tuple[FloatArray, FloatArray], jump: tuple[Any, Any], first: Any
) -> FloatArray:
    """Return the share (E,) of each jump at which it crosses the border.

    The starts (E,) lie inside where `first` is true, and the ends of the jumps on the other side.
    Within rounding of an end the indicator may say otherwise; then the border is at that end.
    """
    low, high = np.zeros(start[0].shape), np.ones(start[0].shape)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        there = indicator(region, start[0] + middle * jump[0], start[1] + middle * jump[1])
        same = there == first
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return high


def shares_of_cells(
    region: Region, x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return area and centroid of the part of each cell that lies in a region.

    Parameters
    ----------
    region : callable
        The indicator.
    x, y : ndarray (M,), (N,)
        Equally spaced; a cell lies between four points.

    Returns
    -------
    tuple of ndarray (M - 1, N - 1)
        The area over that of a cell, and the coordinates of the centroid in units of the cell,
        from its lower left corner. In a cell that the border crosses, the border is straight
        between its crossings of the sides: an error of the second order in the spacing.
    """
    X, Y = np.meshgrid(x, y, indexing="ij")
    inside = indicator(region, X, Y)
    corner = np.stack([_corner(inside, i, j) for i, j in CORNERS], axis=-1)
    area = corner.all(axis=-1).astype(float)
    center_x, center_y = np.full(area.shape, 0.5), np.full(area.shape, 0.5)
    cut = corner.any(axis=-1) & ~corner.all(axis=-1)
    if cut.any():
        place = np.stack([_corner(X, 0, 0)[cut], _corner(Y, 0, 0)[cut]])
        spacing = (x[1] - x[0], y[1] - y[0])
        polygons = _polygons(region, corner[cut], place, spacing)
        area[cut], center_x[cut], center_y[cut] = _moments(polygons)
    return area, center_x, center_y


def _corner(values: Any, i: int, j: int) -> Any:
    """Return the values at one corner of each cell (M - 1, N - 1)."""
    rows, columns = values.shape
    return values[i : rows - 1 + i, j : columns - 1 + j]


def _polygons(
    region: Region, corner: Any, place: FloatArray, spacing: tuple[float, float]
) -> FloatArray:
    """Return the parts (K, 8, 2) of cut cells, in units of the cell, as closed polygons.

    Around a cell come, in turn, each corner if it is inside and each crossing of the next side;
    what is absent repeats the vertex before it.
    """
    count = len(corner)
    vertices = np.full((count, 8, 2), np.nan)
    for k, (i, j) in enumerate(CORNERS):
        vertices[corner[:, k], 2 * k] = (i, j)
        then = (k + 1) % 4
        crossed = np.flatnonzero(corner[:, k] != corner[:, then])
        step = np.subtract(CORNERS[then], (i, j))
        start = place[0, crossed] + i * spacing[0], place[1, crossed] + j * spacing[1]
        jump = (step[0] * spacing[0], step[1] * spacing[1])
        share = crossings(region, start, jump, corner[crossed, k])
        vertices[crossed, 2 * k + 1] = (i, j) + share[:, None] * step
    for _ in range(2):  # the second turn fills the vertices before the first that is present
        for k in range(8):
            absent = np.isnan(vertices[:, k, 0])
            vertices[absent, k] = vertices[absent, k - 1]
    return vertices


def _moments(polygons: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return area and centroid of polygons (K, V, 2).

    A = sum c_k/2 and A (x, y) = sum (p_k + p_(k+1)) c_k/6, with c_k = p_k x p_(k+1).
    """
    following = np.roll(polygons, -1, axis=1)
    cross = polygons[..., 0] * following[..., 1] - following[..., 0] * polygons[..., 1]
    area = cross.sum(axis=1) / 2
    weighted = ((polygons + following) * cross[..., None]).sum(axis=1) / 6
    center = np.divide(weighted, area[:, None], out=polygons[:, 0].copy(), where=area[:, None] > 0)
    center = center.clip(0, 1)  # an area of the order of rounding leaves it undetermined
    return area, center[:, 0], center[:, 1]


def mass(region: Region, x: FloatArray, y: FloatArray, law: FloatArray) -> float:
    """Return the mass of a region under the weights (M, N) of the points.

    The density is bilinear in each cell; a cell's part counts with the density at its centroid.
    """
    area, along_x, along_y = shares_of_cells(region, x, y)
    weights = {
        (0, 0): (1 - along_x) * (1 - along_y),
        (1, 0): along_x * (1 - along_y),
        (1, 1): along_x * along_y,
        (0, 1): (1 - along_x) * along_y,
    }
    density = sum(weights[i, j] * _corner(law, i, j) for i, j in CORNERS)
    return float((area * density).sum())


def runs_along(region: Region, x: FloatArray, y: FloatArray) -> bool:
    """Return whether the border crosses the lines of a grid only at its points."""
    X, Y = np.meshgrid(x, y, indexing="ij")
    inside = indicator(region, X, Y)
    for axis, spacing in enumerate((x[1] - x[0], y[1] - y[0])):
        at = np.nonzero(np.diff(inside, axis=axis))
        jump = (spacing, 0.0) if axis == 0 else (0.0, spacing)
        share = crossings(region, (X[at], Y[at]), jump, inside[at])
        if not np.all(np.minimum(share, 1 - share) <= ALIGNED):
            return False
    return True
