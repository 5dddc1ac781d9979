"""Functions of an angle in [0, pi), written by polynomials of degree 5 on six neighbouring nodes of any grid."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from linsgd.blocks import available_cores
from linsgd.domains import FloatArray

NEGLIGIBLE = 1e-14  # probability of the nodes of a rule that may be left out
_EVEN = 32  # nodes before the grid is refined
_TESTED = np.array([0.3, 0.7])  # points of every interval
_SHORTEST = 1e-12  # interval that is halved
_SAME = 3  # digits of an angle up to which directions are the same node

_STENCIL = 6
_HALF = _STENCIL // 2

Function = TypeVar("Function", bound=Callable[..., Any])
Images = Callable[
    [FloatArray], tuple[FloatArray, FloatArray]
]  # of u (2,): vectors (K, 2) and their weights (K,)


def _compiled(function: Function) -> Function:
    return cast(Function, numba.njit(nogil=True, cache=True, error_model="numpy")(function))


@_compiled
def _add(
    vectors: FloatArray,
    weights: FloatArray,
    s: float,
    nodes: FloatArray,
    scales: FloatArray,
    rows: FloatArray,
) -> None:
    """Add the sum of weights |v|^s F(v), in terms of F on the nodes, to rows[0], and times log|v| to rows[1]."""
    n = nodes.size - _STENCIL
    share = np.empty(_STENCIL)
    for k in range(weights.size):
        size = np.hypot(vectors[k, 0], vectors[k, 1])
        if size == 0.0:
            rows[1] -= np.inf if s == 0.0 and weights[k] > NEGLIGIBLE else 0.0
            continue
        growth = np.log(size)
        weight = weights[k] * np.exp(s * growth)
        angle = np.arctan2(vectors[k, 1], vectors[k, 0]) % np.pi
        first = min(max(np.searchsorted(nodes, angle, side="right") - _HALF, 0), n)
        total = 0.0
        for m in range(_STENCIL):
            gap = angle - nodes[first + m]
            if abs(gap) < 1e-15:
                share[:] = 0.0
                share[m] = total = 1.0
                break
            share[m] = scales[first, m] / gap
            total += share[m]
        for m in range(_STENCIL):
            at, part = (first + m - _HALF) % n, weight * share[m] / total
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
        angles = np.concatenate([sharp, np.arange(_EVEN) * np.pi / _EVEN])
        kept = np.unique(np.round(angles, _SAME), return_index=True)[1]
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
        """Return the grid with the marked intervals (n,) halved, and any that would be far longer than the next."""
        lengths = self.lengths
        marked = marked & (lengths > _SHORTEST)
        while True:
            new = np.where(marked, lengths / 2, lengths)
            long = ~marked & (new > 2.5 * np.minimum(np.roll(new, 1), np.roll(new, -1)))
            if not long.any():
                break
            marked = marked | long
        if not marked.any():
            return self
        finer = Grid(
            np.sort(np.concatenate([self.nodes, (self.nodes + lengths / 2)[marked] % np.pi]))
        )
        return finer.halved(np.zeros(finer.nodes.size, dtype=bool))

    def rows(self, angles: FloatArray, images: Images, s: float) -> FloatArray:
        """Return sum_v |v|^s F(v) over the images at `angles` (m,), and that with log|v|: (2, m, n)."""
        nodes = np.concatenate(
            [self.nodes[-_HALF:] - np.pi, self.nodes, self.nodes[:_HALF] + np.pi]
        )
        scales, found = _scales(nodes), np.zeros((angles.size, 2, self.nodes.size))

        def fill(part: FloatArray, rows: FloatArray) -> None:
            for angle, row in zip(part, rows, strict=True):
                _add(*images(np.array([np.cos(angle), np.sin(angle)])), s, nodes, scales, row)

        pieces = 4 * available_cores()
        with ThreadPoolExecutor(available_cores()) as pool:
            list(pool.map(fill, np.array_split(angles, pieces), np.array_split(found, pieces)))
        both: FloatArray = np.moveaxis(found, 1, 0)
        return both

    def values(self, angles: FloatArray) -> FloatArray:
        """Return F at `angles` in terms of F on the nodes: (m, n)."""
        one = np.ones(1)
        values: FloatArray = self.rows(angles, lambda u: (u[None, :], one), 0.0)[0]
        return values


def _scales(nodes: FloatArray) -> FloatArray:
    """Return the barycentric weights of every six neighbours (n + 1, 6)."""
    six = np.lib.stride_tricks.sliding_window_view(nodes, _STENCIL)
    gaps = (six[:, :, None] - six[:, None, :]) * (4 / (six[:, -1] - six[:, 0]))[:, None, None]
    scales: FloatArray = 1 / (gaps + np.eye(_STENCIL)).prod(axis=2)
    return scales
