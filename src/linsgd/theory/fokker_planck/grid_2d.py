r"""A two-dimensional diffusion as a Markov chain on a grid, with positive rates for any D.

The density follows dp/dt = div(F p + D grad p) with F = grad L + (1 - a) div D. Selling's offsets
e_k carry one-dimensional fluxes of Scharfetter and Gummel: between the points x and x + e

    rate up = rho B(z),   rate down = rho B(-z),   B(z) = z/(e^z - 1),   z = int_x^(x+e) D^-1 F dx,

with the weight rho of the offset averaged over both. Where D^-1 F is a gradient, its potential's
exponential is stationary to rounding; otherwise the error is of the second order in the spacing.

Where a jump of length s crosses the border of a target at theta s, the chain ends there: with the
shares theta and theta' of the jumps forth and back along an offset (1 where none is cut) the rates
of leaving x along it are (Shortley and Weller)

    rho B(z_theta)/(theta (theta + theta')/2),   rho B(z')/(theta' (theta + theta')/2).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array, diags_array

from linsgd.domains import FloatArray
from linsgd.theory.fokker_planck.regions_2d import Region, crossings
from linsgd.theory.fokker_planck.selling import offset_weights

STEP = 1e-3  # of differences, over the width of the domain: fourth order, 1e-12 relative
GAUSS = (np.array([-np.sqrt(0.6), 0.0, np.sqrt(0.6)]) + 1) / 2, np.array([5.0, 8.0, 5.0]) / 18

Loss = Callable[[FloatArray, FloatArray], FloatArray]
Matrix = Callable[[FloatArray, FloatArray], FloatArray]  # (...) -> (..., 2, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Jumps along one offset: from the points with index `start` to those with index `end`.

    Attributes
    ----------
    start, end : ndarray (E,)
        Flat indices.
    up, down : ndarray (E,)
        Rates from start to end and back.
    jump : tuple of float
        From start to end.
    weight_start, weight_end : ndarray (E,)
        rho at both points.
    """

    start: Any
    end: Any
    up: FloatArray
    down: FloatArray
    jump: tuple[float, float]
    weight_start: FloatArray
    weight_end: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Grid2D:
    """Points of a rectangle and the rates of jumps between them.

    Attributes
    ----------
    x, y : ndarray (M,), (N,)
        Coordinates; point i N + j is (x_i, y_j).
    edges : list of Edges
        One an offset.
    band : int
        Largest difference of two indices that a jump joins.
    force : _Force
        What the rates follow from.
    """

    x: FloatArray
    y: FloatArray
    edges: list[Edges]
    band: int
    force: "_Force"

    @classmethod
    def of(
        cls, loss: Loss, matrix: Matrix, weight: float, x: FloatArray, y: FloatArray
    ) -> "Grid2D":
        """Return the chain; `weight` is 1 - a."""
        spacing = np.array([x[1] - x[0], y[1] - y[0]])
        X, Y = np.meshgrid(x, y, indexing="ij")
        D = matrix(X, Y)
        weights = offset_weights(D / np.multiply.outer(spacing, spacing))
        force = _Force(loss, matrix, weight, (STEP * np.ptp(x), STEP * np.ptp(y)))
        index = np.arange(X.size).reshape(X.shape)
        edges, band = [], 0
        for (e, f), rho in weights.items():
            first, second = _shifted(e, f)
            mean = (rho[first] + rho[second]) / 2
            used = mean > 0
            jump = (e * spacing[0], f * spacing[1])
            z = force.work((X[first][used], Y[first][used]), jump)
            rate = mean[used]
            edges.append(
                Edges(
                    start=index[first][used],
                    end=index[second][used],
                    up=rate * _bernoulli(z),
                    down=rate * (_bernoulli(z) + z),
                    jump=jump,
                    weight_start=rho[first][used],
                    weight_end=rho[second][used],
                )
            )
            band = max(band, e * y.size + f)
        return cls(x, y, edges, band, force)

    @property
    def size(self) -> int:
        """Number of points."""
        return int(self.x.size * self.y.size)

    def generator(self) -> Any:
        """Return the sparse generator (size, size) that acts on laws."""
        leaving = np.zeros(self.size)
        rows, columns, values = [], [], []
        for edge in self.edges:
            leaving[edge.start] += edge.up
            leaving[edge.end] += edge.down
            rows += [edge.end, edge.start]
            columns += [edge.start, edge.end]
            values += [edge.up, edge.down]
        entries = (np.concatenate(rows), np.concatenate(columns))
        jumps = csr_array((np.concatenate(values), entries), shape=(self.size, self.size))
        return jumps - diags_array(leaving)

    def rates(self) -> FloatArray:
        """Return the rates from point n to n + k - band at [n, k] (size, 2 band + 1)."""
        found = np.zeros((self.size, 2 * self.band + 1))
        for edge in self.edges:
            jump = edge.end - edge.start
            found[edge.start, self.band + jump] += edge.up
            found[edge.end, self.band - jump] += edge.down
        return found

    def rates_until(self, region: Region, dead: Any) -> FloatArray:
        """Return the rates (size, 2 band + 1) of the chain that ends at the border of a region.

        `dead` is the mask (size,) of the points inside.
        """
        found = np.zeros((self.size, 2 * self.band + 1))
        for edge in self.edges:
            forth = self._cut(edge, region, dead, back=False)
            back = self._cut(edge, region, dead, back=True)
            share_forth, share_back = np.ones(self.size), np.ones(self.size)
            share_forth[edge.start], share_back[edge.end] = forth[0], back[0]
            width = (share_forth + share_back) / 2
            jump = edge.end - edge.start
            found[edge.start, self.band + jump] += forth[1] / width[edge.start]
            found[edge.end, self.band - jump] += back[1] / width[edge.end]
        return found

    def _cut(
        self, edge: Edges, region: Region, dead: Any, back: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Return the shares (E,) of jumps up to the border, and rho B(z)/share along them."""
        start, end = (edge.end, edge.start) if back else (edge.start, edge.end)
        sign = -1.0 if back else 1.0
        dx, dy = sign * edge.jump[0], sign * edge.jump[1]
        weight, other = edge.weight_start, edge.weight_end
        if back:
            weight, other = other, weight
        share, rate = np.ones(start.size), (edge.down if back else edge.up).copy()
        cut = ~dead[start] & dead[end]
        i, j = np.divmod(start[cut], self.y.size)
        place = (self.x[i], self.y[j])
        share[cut] = crossings(region, place, (dx, dy), first=False)
        z = self.force.work(place, (share[cut] * dx, share[cut] * dy))
        middle = weight[cut] + (other - weight)[cut] * share[cut] / 2
        rate[cut] = middle * _bernoulli(z) / share[cut]
        return share, rate


def _bernoulli(z: FloatArray) -> FloatArray:
    """Return z/(e^z - 1)."""
    values: FloatArray = np.where(z == 0, 1.0, z / np.where(z == 0, 1.0, np.expm1(z)))
    return values


def _shifted(e: int, f: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the slices of the points that an offset e >= 0, f joins."""
    first = (slice(None, -e or None), slice(max(-f, 0), -f if f > 0 else None))
    second = (slice(e, None), slice(max(f, 0), f if f < 0 else None))
    return first, second


@dataclass(frozen=True, slots=True, eq=False)
class _Force:
    """D^-1 F along edges, by differences of the fourth order."""

    loss: Loss
    matrix: Matrix
    weight: float
    steps: tuple[float, float]

    def work(self, start: tuple[FloatArray, FloatArray], jump: tuple[Any, Any]) -> FloatArray:
        """Return the integral of D^-1 F from the starts (E,) over the jumps."""
        total = np.zeros(start[0].shape)
        for t, share in zip(*GAUSS, strict=True):
            x, y = start[0] + t * jump[0], start[1] + t * jump[1]
            force = np.stack(self._slopes(self.loss, x, y), axis=-1)
            D = self.matrix(x, y)
            if self.weight:
                along_x, along_y = self._slopes(self.matrix, x, y)
                force = force + self.weight * (along_x[..., 0, :] + along_y[..., 1, :])
            determinant = D[..., 0, 0] * D[..., 1, 1] - D[..., 0, 1] ** 2
            # D^-1 F . jump
            first = D[..., 1, 1] * force[..., 0] - D[..., 0, 1] * force[..., 1]
            second = D[..., 0, 0] * force[..., 1] - D[..., 0, 1] * force[..., 0]
            total += share * (first * jump[0] + second * jump[1]) / determinant
        return total

    def _slopes(
        self, function: Callable[[FloatArray, FloatArray], FloatArray], x: FloatArray, y: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the partial derivatives (f(-2) - 8 f(-1) + 8 f(1) - f(2))/12."""
        slopes = []
        for dx, dy in ((self.steps[0], 0.0), (0.0, self.steps[1])):
            near = function(x + dx, y + dy) - function(x - dx, y - dy)
            far = function(x + 2 * dx, y + 2 * dy) - function(x - 2 * dx, y - 2 * dy)
            slopes.append((8 * near - far) / (12 * (dx + dy)))
        return slopes[0], slopes[1]
