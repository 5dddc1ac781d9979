r"""Batches of one Student-t feature: the law of the sum S of their squares, each of mean 1, and that of log|a - c S|.

The density g of v = log S has a smooth logarithm with straight ends, of slopes b / 2 and -dof / 2.
Two independent sums, of densities g and g', add up to one of density

    int g(v + log x) g'(v + log(1 - x)) dw,      x = 1 / (1 + e^{-w}),

where the trapezoidal rule converges geometrically: b is reached by doubling and adding one.
Interpolated is log g less the outline (b/2) v - (b + dof)/2 log(1 + e^v / (dof - 2)), which has the
same ends and is exact for one square.

Moments are sums over Gauss's nodes between the points of the grid, and over nodes that crowd doubly
exponentially on either side of the zero of a - c S; beyond the last point log g is straight and the
integral known. A grid with fewer points tells the error.
"""

import functools
import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.interpolate import PPoly, make_interp_spline

from linsgd.domains import FloatArray
from linsgd.theory.tails.one_feature.factor import Factor, Pareto
from linsgd.theory.tails.one_feature.tanh_sinh import crowded

LARGEST_ORDER = 1e6
_STEP = 0.016
_ROUGH = 1.75  # times the steps: tells the error
_STRAIGHT = 36.0  # from the bulk to where an end is straight to rounding error
GAUSSIAN = 1e15  # degrees of freedom from which on features are Gaussian to rounding error
_STRIDE = 6  # of the first look at an integrand
_NEGLIGIBLE = 50.0  # below the largest logarithm of an integrand


class Nodes(NamedTuple):
    """Nodes of log S and how far they are from a zero (n,), the logs of their probabilities, and that beyond `end`."""

    v: FloatArray
    apart: FloatArray
    log_weight: FloatArray
    end: float
    log_beyond: float


@dataclass(frozen=True, slots=True, eq=False)
class SquareSum:
    """The law of log S for `count` squares; `residual` is log g less the outline."""

    dof: float
    count: int
    rough: float = 1.0
    residual: PPoly | None = None

    @property
    def step(self) -> float:
        """The spacing of the grid; the far tails of many degrees of freedom begin abruptly."""
        return self.rough * _STEP * min(1.0, max(math.sqrt(200 / self.dof), 0.3))

    @property
    def centre(self) -> float:
        """Where the outline is highest."""
        return math.log(self.count * (self.dof - 2) / self.dof)

    def grid(self) -> tuple[FloatArray, FloatArray]:
        """Return points from one straight end to the other, crowded in the bulk, and their trapezoidal weights."""
        b, dof = self.count, self.dof
        width = math.sqrt(2 / b * (b + dof) / dof)
        left = min(max(_STRAIGHT, 80 / b), 1500 / b + 5 * width)
        right = math.log(dof * (1 + b)) + _STRAIGHT
        t = np.arange(-math.asinh(left / width), math.asinh(right / width) + self.step, self.step)
        return self.centre + width * np.sinh(t), width * np.cosh(t) * self.step

    def outline(self, v: FloatArray) -> FloatArray:
        """Return the logarithm of the density of the F law with the same ends, up to a constant."""
        b, dof, z = self.count, self.dof, v - self.centre
        return b / 2 * z - (b + dof) / 2 * (np.log1p(b / dof * np.exp(z)) - math.log1p(b / dof))

    def log_density(self, v: FloatArray) -> FloatArray:
        """Return log g."""
        assert self.residual is not None
        ends = self.residual.x[[0, -1]]
        log_density: FloatArray = self.outline(v) + self.residual(np.clip(v, *ends))
        return log_density

    def edges(self, zero: float, order: float) -> FloatArray:
        """Return panels that resolve the bulk and any tilt of it, up to where e^zero is nothing beside S."""
        grid = self.grid()[0][:: round(0.24 / self.step)]
        edges = np.append(grid, max(grid[-1] + 1, zero + 50))
        finest = 3 / math.sqrt(1 + min(self.dof / 2, order))
        parts = np.where(edges[1:] > self.centre, np.ceil(np.diff(edges) / finest), 1).astype(int)
        ends = zip(itertools.pairwise(edges), parts, strict=True)
        pieces = [np.linspace(start, end, n, endpoint=False) for (start, end), n in ends]
        return np.concatenate([*pieces, edges[-1:]])

    def nodes(self, zero: float, order: float, kinks: tuple[float, ...] = ()) -> Nodes:
        """Return nodes for integrands that grow like S^order at most, with kinks at `zero` and others, up to `end`."""
        edges, cuts = self.edges(zero, order), np.unique([zero, *kinks])
        cuts = cuts[(edges[0] < cuts) & (cuts < edges[-1])]
        for cut in cuts:  # the panels beyond must be far from a kink
            edges = np.delete(edges, 1 + np.abs(edges[1:-1] - cut).argmin())
        edges = np.union1d(edges, cuts)
        left, width = edges[:-1, None], np.diff(edges)[:, None]
        sharp = np.isin(edges[:-1], cuts) | np.isin(edges[1:], cuts)
        x, share = leggauss(16)
        near, far, crowd = crowded(4.2, 0.02)
        smooth, shrunk = (
            left[~sharp] + width[~sharp] / 2 * (1 + x),
            left[sharp] + width[sharp] * near,
        )
        exact = np.where(left[sharp] == zero, width[sharp] * near, shrunk - zero)
        exact = np.where(edges[1:, None][sharp] == zero, -width[sharp] * far, exact)
        v, apart = (
            np.concatenate([a.ravel(), b.ravel()])
            for a, b in ((smooth, shrunk), (smooth - zero, exact))
        )
        weight = np.concatenate(
            [(width[~sharp] / 2 * share).ravel(), (width[sharp] * crowd).ravel()]
        )
        there = weight > 0
        v, apart, log_weight = v[there], apart[there], np.log(weight[there])
        end = float(edges[-1])
        log_beyond = float(self.log_density(edges[-1:])[0]) - math.log(self.dof / 2)
        return Nodes(v, apart, log_weight + self.log_density(v), end, log_beyond)

    def fitted(self, v: FloatArray, weight: FloatArray, log_density: FloatArray) -> "SquareSum":
        """Return the law interpolated from values on the grid, normalised."""
        log_mass = math.log(float(np.exp(log_density) @ weight))
        spline = make_interp_spline(v, log_density - log_mass - self.outline(v), k=7)
        return SquareSum(self.dof, self.count, self.rough, PPoly.from_spline(spline.tck))

    def __add__(self, other: "SquareSum") -> "SquareSum":
        """Return the law of the sum of two independent sums."""
        total = SquareSum(self.dof, self.count + other.count, self.rough)
        v, weight = total.grid()
        step = self.rough * min(0.3, 0.7 / math.sqrt(max(self.count, other.count)))
        far = v[-1] - math.log(total.count) + 10
        w = step * np.arange(
            -math.ceil((far + 80 / self.count) / step), math.ceil((far + 80 / other.count) / step)
        )
        share = np.full(w.size, step)
        if other is self:  # the integrand is even
            w, share = w[w >= 0], share[w >= 0] * 2
            share[0] /= 2

        def log_product(v: FloatArray, w: FloatArray) -> FloatArray:
            product: FloatArray = self.log_density(v - np.logaddexp(0, -w)) + other.log_density(
                v - np.logaddexp(0, w)
            )
            return product

        look = log_product(v[:, None], w[::_STRIDE])
        top = look.max(axis=1)
        counts = look > top[:, None] - _NEGLIGIBLE
        counts[:, 1:] |= counts[:, :-1]
        counts[:, :-1] |= counts[:, 1:]
        row, column = np.nonzero(np.repeat(counts, _STRIDE, axis=1)[:, : w.size])
        terms = np.exp(log_product(v[row], w[column]) - top[row]) * share[column]
        return total.fitted(v, weight, top + np.log(np.bincount(row, terms)))


@functools.lru_cache(maxsize=32)
def square_sum(dof: float, count: int, rough: float = 1.0) -> SquareSum:
    """Return the law of the sum of `count` squares."""
    one = SquareSum(dof, 1, rough)
    v, weight = one.grid()
    total = one = one.fitted(v, weight, one.outline(v))
    for bit in f"{count:b}"[1:]:
        total = total + total
        total = total + one if bit == "1" else total
    return total


def student_factor(dof: float, count: int, a: float, c: float) -> Factor:
    """Return the law of log|a - c S|, c > 0."""
    dof = min(dof, GAUSSIAN)
    rougher = _factor(square_sum(dof, count, _ROUGH), a, c, None)
    return _factor(square_sum(dof, count), a, c, rougher)


def _factor(law: SquareSum, a: float, c: float, rougher: Factor | None) -> Factor:
    nodes = law.nodes(math.log(a / c) if a > 0 else -math.inf, LARGEST_ORDER)
    tail = Pareto(nodes.log_beyond, math.log(c) + nodes.end, law.dof / 2)
    return Factor(_log_size(a, c, nodes.v, nodes.apart), nodes.log_weight, tail, rougher)


def _log_size(a: float, c: float, v: FloatArray, apart: FloatArray) -> FloatArray:
    """Return log|a - c e^v| where v is `apart` from its zero, if it has one."""
    if a <= 0:
        return np.logaddexp(math.log(-a) if a else -math.inf, math.log(c) + v)
    size: FloatArray = math.log(a) + np.maximum(apart, 0.0) + np.log(-np.expm1(-np.abs(apart)))
    return size
