r"""Batches of one Student-t feature: the law of the sum S of b squares, and of log|a - c S|.

Each square has mean 1. The density g of v = log S has a smooth logarithm with straight ends, of
slopes b / 2 and -dof / 2. Two independent sums, of densities g and g', add up to one of density

    int g(v + log x) g'(v + log(1 - x)) dw,      x = 1 / (1 + e^{-w}),

where the trapezoidal rule converges geometrically: b is reached by doubling and adding one.
Interpolated is log g less the outline (b/2) v - (b + dof)/2 log(1 + e^v / (dof - 2)), which has the
same ends and is exact for one square.

Moments are sums over Gauss's nodes between the points of the grid, and over nodes that crowd doubly
exponentially on either side of the zero of a - c S; beyond the last point log g is straight and the
integral known. The error is the difference to a grid with fewer points.
"""

import functools
import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy.interpolate import PPoly, make_interp_spline

from linsgd.domains import FloatArray
from linsgd.theory.tails.one_feature.factor import Factor, Pareto
from linsgd.theory.tails.one_feature.tanh_sinh import tanh_sinh

LARGEST_ORDER = 1e6
GAUSSIAN = 1e15  # degrees of freedom from which on features are Gaussian to rounding error
_STEP = 0.016  # of the grid: the error is then a few units of rounding
_ROUGH = 1.75  # times the steps: the law whose difference is the error
_STRAIGHT = 36.0  # from the bulk to where an end is straight to rounding error
_STRIDE = 6  # of the first look at an integrand
_NEGLIGIBLE = 50.0  # below the largest logarithm of an integrand
_PANEL = 0.24  # largest length of a panel, in units of the grid's variable
_FINEST = 3.0  # panel beyond the bulk, in standard deviations of a tilted law
_GAUSS, _TANH_SINH = 16, (4.2, 0.02)  # rules of panels without and with a kink at an end


class Nodes(NamedTuple):
    """Nodes of log S.

    Attributes
    ----------
    v, apart, log_weight : ndarray (n,)
        Nodes, their distance from the zero of a - c S (exact near it), and log probabilities.
    end, log_beyond : float
        Where the straight end begins, and the log of its probability.
    """

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
        """The spacing of the grid; smaller for many dof, whose far tails begin abruptly."""
        return self.rough * _STEP * min(1.0, max(math.sqrt(200 / self.dof), 0.3))

    @property
    def centre(self) -> float:
        """Where the outline is largest."""
        return math.log(self.count * (self.dof - 2) / self.dof)

    def grid(self) -> tuple[FloatArray, FloatArray]:
        """Return points v (n,) from one straight end to the other and their trapezoidal weights.

        v = centre + width sinh(t), t uniform, with the standard deviation of the bulk as width.
        """
        b, dof = self.count, self.dof
        width = math.sqrt(2 / b * (b + dof) / dof)
        # distances from the centre to where the ends of log g are straight
        left = min(max(_STRAIGHT, 80 / b), 1500 / b + 5 * width)
        right = math.log(dof * (1 + b)) + _STRAIGHT
        first = -math.asinh(left / width)
        last = math.asinh(right / width)
        t = np.arange(first, last + self.step, self.step)
        v = self.centre + width * np.sinh(t)
        weight = width * np.cosh(t) * self.step
        return v, weight

    def outline(self, v: FloatArray) -> FloatArray:
        """Return the log density of the F law with the same ends, up to a constant."""
        b = self.count
        dof = self.dof
        z = v - self.centre
        bend = np.log1p(b / dof * np.exp(z)) - math.log1p(b / dof)
        return b / 2 * z - (b + dof) / 2 * bend

    def log_density(self, v: FloatArray) -> FloatArray:
        """Return log g."""
        assert self.residual is not None
        first, last = self.residual.x[[0, -1]]
        inside = np.clip(v, first, last)
        log_density: FloatArray = self.outline(v) + self.residual(inside)
        return log_density

    def edges(self, zero: float, order: float) -> FloatArray:
        """Return panels for integrands that grow like S^order, up to where e^zero is negligible."""
        points, _ = self.grid()
        coarse = points[:: round(_PANEL / self.step)]
        edges = np.append(coarse, max(coarse[-1] + 1, zero + 50))
        # right of the centre a tilt may move the bulk: panels of its width
        finest = _FINEST / math.sqrt(1 + min(self.dof / 2, order))
        needed = np.ceil(np.diff(edges) / finest)
        parts = np.where(edges[1:] > self.centre, needed, 1)
        pieces = [
            np.linspace(start, end, int(n), endpoint=False)
            for (start, end), n in zip(itertools.pairwise(edges), parts, strict=True)
        ]
        return np.concatenate([*pieces, edges[-1:]])

    def nodes(self, zero: float, order: float, kinks: tuple[float, ...] = ()) -> Nodes:
        """Return nodes for integrands with kinks.

        Parameters
        ----------
        zero : float
            A kink, from which the distance of the nodes is returned; -inf for none.
        order : float
            The integrands grow at most like S^order.
        kinks : tuple of float
            Further kinks.

        Returns
        -------
        Nodes
            Up to the straight end.
        """
        edges, beside_cut = self._cut_panels(zero, order, kinks)
        left = edges[:-1, None]
        right = edges[1:, None]
        smooth = _gauss_nodes(left[~beside_cut], right[~beside_cut], zero)
        crowded = _crowded_nodes(left[beside_cut], right[beside_cut], zero)
        v, apart, weight = (np.concatenate(pair) for pair in zip(smooth, crowded, strict=True))
        kept = weight > 0
        v = v[kept]
        apart = apart[kept]
        weight = weight[kept]
        log_weight = np.log(weight) + self.log_density(v)
        # beyond the end g falls as e^{-dof v / 2}
        end = edges[-1:]
        log_beyond = float(self.log_density(end)[0]) - math.log(self.dof / 2)
        return Nodes(v, apart, log_weight, float(end[0]), log_beyond)

    def _cut_panels(
        self, zero: float, order: float, kinks: tuple[float, ...]
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return edges of panels (k + 1,), the kinks among them, and which panels have one."""
        edges = self.edges(zero, order)
        cuts = np.unique([zero, *kinks])
        cuts = cuts[(edges[0] < cuts) & (cuts < edges[-1])]
        for cut in cuts:  # the panels beside a cut must not be short
            nearest = 1 + np.abs(edges[1:-1] - cut).argmin()
            edges = np.delete(edges, nearest)
        edges = np.union1d(edges, cuts)
        beside_cut = np.isin(edges[:-1], cuts) | np.isin(edges[1:], cuts)
        return edges, beside_cut

    def fitted(self, v: FloatArray, weight: FloatArray, log_density: FloatArray) -> "SquareSum":
        """Return the law interpolated from values on the grid, normalised."""
        log_mass = math.log(float(np.exp(log_density) @ weight))
        residual = log_density - log_mass - self.outline(v)
        spline = make_interp_spline(v, residual, k=7)
        return SquareSum(self.dof, self.count, self.rough, PPoly.from_spline(spline.tck))

    def __add__(self, other: "SquareSum") -> "SquareSum":
        """Return the law of the sum of two independent sums."""
        total = SquareSum(self.dof, self.count + other.count, self.rough)
        v, weight = total.grid()
        far = float(v[-1]) - math.log(total.count) + 10
        w, share = self._convolution_rule(other, far)

        def log_product(v: FloatArray, w: FloatArray) -> FloatArray:
            # log g(v + log x) + log g'(v + log(1 - x)), x = 1 / (1 + e^-w)
            mine = self.log_density(v - np.logaddexp(0, -w))
            others = other.log_density(v - np.logaddexp(0, w))
            product: FloatArray = mine + others
            return product

        # a first look at every sixth w shows where the integrand counts
        look = log_product(v[:, None], w[::_STRIDE])
        top = look.max(axis=1)
        counts = look > top[:, None] - _NEGLIGIBLE
        counts[:, 1:] |= counts[:, :-1]
        counts[:, :-1] |= counts[:, 1:]
        everywhere = np.repeat(counts, _STRIDE, axis=1)[:, : w.size]
        # the trapezoidal sum over these w, relative to the largest integrand of each v
        row, column = np.nonzero(everywhere)
        relative = np.exp(log_product(v[row], w[column]) - top[row])
        sums = np.bincount(row, relative * share[column])
        return total.fitted(v, weight, top + np.log(sums))

    def _convolution_rule(self, other: "SquareSum", far: float) -> tuple[FloatArray, FloatArray]:
        """Return nodes w (n,) and weights (n,) of the integral over x = 1 / (1 + e^-w).

        They reach to where either density, straight from `far` on, is negligible.
        """
        larger = max(self.count, other.count)
        step = self.rough * min(0.3, 0.7 / math.sqrt(larger))
        first = -math.ceil((far + 80 / self.count) / step)
        last = math.ceil((far + 80 / other.count) / step)
        w: FloatArray = step * np.arange(first, last, dtype=np.float64)
        share = np.full(w.size, step)
        if other is self:  # the integrand is even
            w, share = w[w >= 0], share[w >= 0] * 2
            share[0] /= 2
        return w, share


Weighted = tuple[FloatArray, FloatArray, FloatArray]


def _gauss_nodes(left: FloatArray, right: FloatArray, zero: float) -> Weighted:
    """Return Gauss's nodes, their distances from `zero` and weights on panels (k, 1)."""
    width = right - left
    x, share = leggauss(_GAUSS)
    v = left + width / 2 * (1 + x)
    return v.ravel(), (v - zero).ravel(), (width / 2 * share).ravel()


def _crowded_nodes(left: FloatArray, right: FloatArray, zero: float) -> Weighted:
    """Return nodes that crowd at the ends of panels (k, 1), distances exact beside `zero`."""
    width = right - left
    x, complement, share = tanh_sinh(*_TANH_SINH)
    v = left + width * x
    apart = np.where(left == zero, width * x, v - zero)
    apart = np.where(right == zero, -width * complement, apart)
    return v.ravel(), apart.ravel(), (width * share).ravel()


@functools.lru_cache(maxsize=32)
def square_sum(dof: float, count: int, rough: float = 1.0) -> SquareSum:
    """Return the law of the sum of `count` squares, by doubling and adding one."""
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
    zero = math.log(a / c) if a > 0 else -math.inf
    nodes = law.nodes(zero, LARGEST_ORDER)
    tail = Pareto(nodes.log_beyond, math.log(c) + nodes.end, law.dof / 2)
    log_size = _log_size(a, c, nodes.v, nodes.apart)
    return Factor(log_size, nodes.log_weight, tail, rougher)


def _log_size(a: float, c: float, v: FloatArray, apart: FloatArray) -> FloatArray:
    """Return log|a - c e^v| where v is `apart` from its zero, if it has one."""
    if a <= 0:
        log_a = math.log(-a) if a else -math.inf
        return np.logaddexp(log_a, math.log(c) + v)
    # |a - c e^v| = a |1 - e^apart| = a e^{max(apart, 0)} (1 - e^{-|apart|})
    shrunk = np.log(-np.expm1(-np.abs(apart)))
    size: FloatArray = math.log(a) + np.maximum(apart, 0.0) + shrunk
    return size
