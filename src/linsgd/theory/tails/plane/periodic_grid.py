"""Functions of an angle in [0, pi), by polynomials of degree 5 on six neighbouring nodes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linsgd.blocks import map_threads
from linsgd.domains import FloatArray
from linsgd.jit import kernel

NEGLIGIBLE = 1e-14  # probability of the nodes of a rule that may be left out
_EVEN = 32  # nodes before the grid is refined
_TESTED = np.array([0.3, 0.7])  # points of every interval
_SHORTEST = 1e-12  # interval that is halved
_STEEPEST = 2.5  # ratio of neighbouring intervals
_SAME = 3  # digits of an angle up to which directions are the same node
_STENCIL = 6
_HALF = _STENCIL // 2
_PARTS = 16  # of the angles, shared by threads
_AT_NODE = 1e-15  # distance from a node at which its value is taken

Images = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""From u (2,) to vectors (K, 2) and their weights (K,)."""


@kernel
def _add(
    vectors: FloatArray,
    weights: FloatArray,
    s: float,
    nodes: FloatArray,
    scales: FloatArray,
    rows: FloatArray,
) -> None:
    """Add sum_k weight_k |v_k|^s F(v_k) to rows[0], and with log|v_k| to rows[1].

    F is given by its values on the nodes: rows (2, n) are the coefficients of these. F(v) is the
    barycentric interpolation sum_m (scale_m / gap_m) F_m / sum_m (scale_m / gap_m).
    """
    n = nodes.size - _STENCIL
    share = np.empty(_STENCIL)
    for k in range(weights.size):
        size = np.hypot(vectors[k, 0], vectors[k, 1])
        if size == 0.0:
            if s == 0.0 and weights[k] > NEGLIGIBLE:
                rows[1] -= np.inf
            continue
        growth = np.log(size)
        weight = weights[k] * np.exp(s * growth)
        angle = np.arctan2(vectors[k, 1], vectors[k, 0]) % np.pi
        first = np.searchsorted(nodes, angle, side="right") - _HALF
        first = min(max(first, 0), n)
        total = 0.0
        for m in range(_STENCIL):
            gap = angle - nodes[first + m]
            if abs(gap) < _AT_NODE:
                share[:] = 0.0
                share[m] = total = 1.0
                break
            share[m] = scales[first, m] / gap
            total += share[m]
        for m in range(_STENCIL):
            at = (first + m - _HALF) % n
            part = weight * share[m] / total
            rows[0, at] += part
            rows[1, at] += part * growth


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Increasing nodes (n,) in [0, pi)."""

    nodes: FloatArray

    @classmethod
    def around(cls, directions: FloatArray) -> "Grid":
        """Return an even grid, and nodes at the directions (m, 2)."""
        sharp = np.arctan2(directions[:, 1], directions[:, 0]) % np.pi
        even = np.arange(_EVEN) * np.pi / _EVEN
        angles = np.concatenate([sharp, even])
        _, kept = np.unique(np.round(angles, _SAME), return_index=True)
        grid = cls(np.sort(angles[kept]))
        return grid.halved(np.zeros(kept.size, dtype=bool))

    @property
    def lengths(self) -> FloatArray:
        """Of the intervals (n,) that begin at the nodes."""
        return np.diff(self.nodes, append=self.nodes[0] + np.pi)

    @property
    def between(self) -> FloatArray:
        """Two points of every interval (2n,)."""
        points: FloatArray = (self.nodes[:, None] + self.lengths[:, None] * _TESTED).ravel()
        return points

    def halved(self, marked: NDArray[np.bool_]) -> "Grid":
        """Return the grid with the marked intervals (n,) halved.

        Intervals that are then far longer than the next are halved too.
        """
        lengths = self.lengths
        marked = marked & (lengths > _SHORTEST)
        while True:
            new = np.where(marked, lengths / 2, lengths)
            shorter_neighbour = np.minimum(np.roll(new, 1), np.roll(new, -1))
            long = ~marked & (new > _STEEPEST * shorter_neighbour)
            if not long.any():
                break
            marked = marked | long
        if not marked.any():
            return self
        middles = (self.nodes + lengths / 2)[marked] % np.pi
        finer = Grid(np.sort(np.concatenate([self.nodes, middles])))
        return finer.halved(np.zeros(finer.nodes.size, dtype=bool))

    def rows(self, angles: FloatArray, images: Images, s: float) -> FloatArray:
        """Return an operator on functions of the angle, as a matrix.

        Parameters
        ----------
        angles : ndarray (m,)
            Where it is evaluated.
        images : callable
            From a unit vector u to vectors v and their weights.
        s : float
            Order.

        Returns
        -------
        ndarray (2, m, n)
            sum_v weight |v|^s F(v) at each angle in terms of F on the nodes, and with log|v|.
        """
        nodes, scales = self._interpolation()

        def rows_of(part: FloatArray) -> FloatArray:
            found = np.zeros((part.size, 2, self.nodes.size))
            for angle, row in zip(part, found, strict=True):
                u = np.array([np.cos(angle), np.sin(angle)])
                vectors, weights = images(u)
                _add(vectors, weights, s, nodes, scales, row)
            return found

        parts = np.array_split(angles, min(_PARTS, angles.size))
        by_angle = np.concatenate(map_threads(rows_of, parts))
        rows: FloatArray = np.moveaxis(by_angle, 1, 0)
        return rows

    def values(self, angles: FloatArray) -> FloatArray:
        """Return F at `angles` (m,) in terms of F on the nodes: (m, n)."""
        nodes, scales = self._interpolation()
        directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        weight = np.ones(1)
        found = np.zeros((angles.size, 2, self.nodes.size))
        for u, row in zip(directions, found, strict=True):
            _add(u[None, :], weight, 0.0, nodes, scales, row)
        values: FloatArray = found[:, 0]
        return values

    def _interpolation(self) -> tuple[FloatArray, FloatArray]:
        """Return the nodes with three more at either end, and the weights of every six."""
        before = self.nodes[-_HALF:] - np.pi
        after = self.nodes[:_HALF] + np.pi
        nodes = np.concatenate([before, self.nodes, after])
        return nodes, _scales(nodes)


def _scales(nodes: FloatArray) -> FloatArray:
    """Return the barycentric weights 1 / prod_j (x_i - x_j) of every six neighbours (n + 1, 6).

    Distances are in units of a quarter of the stencil's length, so that nothing underflows.
    """
    stencils = np.lib.stride_tricks.sliding_window_view(nodes, _STENCIL)
    unit = (stencils[:, -1] - stencils[:, 0]) / 4
    gaps = (stencils[:, :, None] - stencils[:, None, :]) / unit[:, None, None]
    scales: FloatArray = 1 / (gaps + np.eye(_STENCIL)).prod(axis=2)
    return scales
