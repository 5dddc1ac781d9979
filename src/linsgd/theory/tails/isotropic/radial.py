r"""Moments of the factor R by which one step stretches a vector when the features are isotropic Gaussian.

For x ~ N(0, I_d), a batch of b and A = a I - c sum_{i<=b} x_i x_i', the length of A u does not
depend on the direction of u, so that products factor and one variable decides everything:

    R^2 = |A u|^2 / |u|^2 = (a - c X)^2 + c^2 X Y,      X ~ chi2_b,  Y ~ chi2_{d-1} independent,

    Lyapunov exponent E log R,        spectral function h(s) = E R^s.

The density of (log X, log Y) is entire and decays at both ends, so the trapezoidal rule converges
geometrically once the line of the kink R = 0, at X = a / c, is sent to infinity: left of it X =
(a/c) / (1 + e^-t), right of it X = (a/c) (1 + e^t). A sinh map about the peak resolves its width
and skims the tails. Near s = 0 and near h = 1 the number wanted is h - 1 = E expm1(s log R), with
log R = log1p(R^2 - 1) / 2 and R^2 - 1 formed without cancellation; weights are normalised by the
same rule.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray
from linsgd.theory.tails.isotropic.chi_square import (
    DEPTH,
    log_density,
    log_mass,
    log_nodes,
    log_sum,
    sinh_nodes,
)

Window = tuple[
    str, tuple[float, float], float, float
]  # side of the kink, ends in t, peak, largest Y

LARGEST_ORDER = 1e6  # moments E R^s are computed for s up to here
_GRID, _SHRUNK = (
    160,
    0.8,
)  # points of a scan, and the share of its window that is not worth another scan
_JOINT_ORDER = 30.0  # above it h(s) and its normalisation are summed on separate nodes


@dataclass(frozen=True, slots=True, eq=False)
class Quadrature:
    """Nodes of a law: log R, the log weights, d log(density) / d log c (each (n,)), and the log mass of the weights."""

    log_r: FloatArray
    log_weight: FloatArray
    score: FloatArray
    log_mass: float

    def log_moment(self, s: float) -> tuple[float, float]:
        """Return log E R^s and its derivative in s, which at s = 0 is the Lyapunov exponent."""
        exponent = self.log_weight + s * self.log_r
        top = float(exponent.max())
        tilted = np.exp(exponent - top)
        total = float(tilted.sum())
        slope = float(tilted @ self.log_r) / total
        log_h = float(np.log(total)) + top - self.log_mass
        if s > _JOINT_ORDER or abs(log_h) > 0.5:
            return log_h, slope
        x = s * self.log_r
        weight = np.exp(self.log_weight - self.log_mass)
        near = np.where(
            x < 1, weight * np.expm1(np.minimum(x, 1)), np.exp(exponent - self.log_mass) - weight
        )
        return float(np.log1p(near.sum())), slope

    def sensitivity(self, s: float) -> float:
        """Return d log E R^s / d log c at constant a; at s = 0 the derivative of the Lyapunov exponent."""
        exponent = self.log_weight + s * self.log_r
        tilted = np.exp(exponent - exponent.max())
        return float(tilted @ (self.score if s else self.score * self.log_r)) / float(tilted.sum())


def _may_exceed(profile: FloatArray, level: float) -> NDArray[np.bool_]:
    """Return which points are above the level, or beside a peak between the points that may be."""
    above: NDArray[np.bool_] = profile > level
    middle, rise, fall = profile[1:-1], np.diff(profile)[:-1], np.diff(profile)[1:]
    peaks = np.flatnonzero((rise >= 0) & (fall <= 0) & (rise - fall > 0))
    hidden = (rise + fall)[peaks] ** 2 / (8 * (rise - fall)[peaks])
    above[1 + peaks[middle[peaks] + 2 * hidden + (rise - fall)[peaks] / 8 > level]] = True
    return above


def _runs(chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and last index of the runs of chosen points, each with its neighbours."""
    wide = chosen.copy()
    wide[1:] |= chosen[:-1]
    wide[:-1] |= chosen[1:]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wide.view(np.int8), [0]])))
    return [(int(first), int(last) - 1) for first, last in edges.reshape(-1, 2)]


def _joined(windows: list[Window]) -> list[Window]:
    """Return one window a side of the kink."""
    sides: dict[str, Window] = {}
    for side, (lo, hi), centre, farthest in windows:
        _, (first, last), _, reach = sides.get(side, (side, (lo, hi), centre, farthest))
        sides[side] = side, (min(lo, first), max(hi, last)), centre, max(farthest, reach)
    return list(sides.values())


@dataclass(frozen=True, slots=True)
class RadialLaw:
    """The law of R for dimension d, batch b, shrinkage a and step c = lr * variance / b."""

    d: int
    b: int
    a: float
    c: float

    def log_moment(self, s: float, coarse: float = 1.0) -> tuple[float, float]:
        """Return log E R^s and its derivative in s; `coarse` = 2 takes half the nodes each way, for half the digits."""
        return self.quadrature(s, coarse).log_moment(s)

    def near_edge_exponent(self) -> float:
        """Return -2 rho / Var log R, the exponent were log R Gaussian: right near the edge; inf where R is sure."""
        nodes = self.quadrature(0.0)
        mean = nodes.log_moment(0.0)[1]
        weight = np.exp(nodes.log_weight - nodes.log_mass)
        variance = float(weight @ (nodes.log_r - mean) ** 2)
        return -2 * mean / variance if variance else math.inf

    @lru_cache(maxsize=4)  # noqa: B019 # the Lyapunov exponent and the start of Newton's method share their nodes
    def quadrature(self, s: float, coarse: float = 1.0) -> Quadrature:
        """Return nodes that serve the moment of order `s`, and those near it."""
        m, k = self.b / 2, (self.d - 1) / 2
        log_x, distance, weight_x, reach = self.batch_nodes(
            (0.0, s) if 0 < s <= _JOINT_ORDER else (s,), coarse
        )
        log_y, weight_y = (
            log_nodes(k, s / 2, reach, coarse) if k else (np.array([-np.inf]), np.zeros(1))
        )
        X, Y, p = np.exp(log_x)[:, None], np.exp(log_y), distance[:, None]
        squared = p * p + self.c**2 * X * Y
        excess = (self.a - 1) * (self.a + 1) + self.c * X * (self.c * (X + Y) - 2 * self.a)
        log_r = 0.5 * np.where(
            squared < 0.5, np.log(np.maximum(squared, 1e-300)), np.log1p(np.maximum(excess, -0.75))
        )
        weight = weight_x[:, None] + weight_y
        kept = (weight + s * log_r > -DEPTH) | ((weight > -DEPTH) & (s <= _JOINT_ORDER))
        kept |= weight + s * log_r > (weight + s * log_r).max() - DEPTH
        mass = log_sum(weight_x) + log_sum(weight_y)
        if s > _JOINT_ORDER:
            mass = log_mass(m) + (log_mass(k) if k else 0.0)
        score = (X - self.b) / 2 + (Y - (self.d - 1)) / 2
        return Quadrature(log_r[kept], weight[kept], score[kept], mass)

    def batch_nodes(
        self, orders: tuple[float, ...], coarse: float, *, joined: bool = False
    ) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Return log X, a - c X, the log weights, and the largest Y that matters, for moments of increasing orders.

        `joined` leaves no gap between what matters to one moment and to another.
        """
        width = 1 / np.sqrt(self.b / 2 + orders[-1] + 4)
        parts, reach = [], 0.0
        windows = self._windows(orders, width)
        for side, window, centre, farthest in _joined(windows) if joined else windows:
            reach = max(reach, farthest)
            nodes, log_step = sinh_nodes(centre, width, window, coarse)
            log_x, distance, density = self._side(side, nodes)
            parts.append((log_x, distance, density + log_step))
        log_x, distance, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
        return log_x, distance, weight, reach

    def _windows(self, orders: tuple[float, ...], width: float) -> list[Window]:
        """Return the windows in t that matter, with their side of the kink, their peak and their largest Y.

        Grids zoom in. What one of them sees is a lower bound of the highest peak, and what a
        parabola through a local maximum promises, twice over, an upper bound of that peak: nothing
        is dropped that might matter.
        """
        segments = [(side, lo, hi) for side, (lo, hi) in self._sides(orders[-1]).items()]
        zooming = True
        while zooming:
            grids = [(side, np.linspace(lo, hi, _GRID)) for side, lo, hi in segments]
            profiles = [(side, t, [self._profile(side, t, s) for s in orders]) for side, t in grids]
            tops = [
                max(float(each[i][0].max()) for *_, each in profiles) for i in range(len(orders))
            ]
            found, zooming = [], False
            for side, t, each in profiles:
                matters = [
                    _may_exceed(profile, top - DEPTH)
                    for (profile, _), top in zip(each, tops, strict=True)
                ]
                log_tilted, best_y = each[-1]
                runs = _runs(np.any(matters, axis=0))
                zooming |= bool(
                    t[1] - t[0] > width / 2
                    and sum(last - first for first, last in runs) < _SHRUNK * _GRID
                )
                for first, last in runs:
                    peak = first + int(log_tilted[first : last + 1].argmax())
                    farthest = float(best_y[first : last + 1].max())
                    found.append(
                        (side, (float(t[first]), float(t[last])), float(t[peak]), farthest)
                    )
            segments = [(side, *window) for side, window, _, _ in found]
        return found

    def _sides(self, s: float) -> dict[str, tuple[float, float]]:
        """Return each side of the kink with all of t that may matter."""
        m = self.b / 2
        far = -60 - 2 * DEPTH / m
        top = np.log(2 * (m + s)) + 5
        if self.a <= 0:
            return {"whole": (far, top)}
        return {
            "left": (far, DEPTH),
            "right": (-DEPTH, top + max(0.0, float(np.log(self.c / self.a)))),
        }

    def _side(self, side: str, t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return log X, a - c X and the log density of t on one side of the kink."""
        if side == "whole":
            log_x, distance, log_jacobian = t, self.a - self.c * np.exp(t), np.zeros_like(t)
        elif side == "left":
            log_jacobian = -np.logaddexp(0, t)
            log_x, distance = (
                np.log(self.a / self.c) - np.logaddexp(0, -t),
                self.a * np.exp(log_jacobian),
            )
        else:
            log_jacobian = -np.logaddexp(0, -t)
            log_x, distance = np.log(self.a / self.c) + np.logaddexp(0, t), -self.a * np.exp(t)
        return log_x, distance, log_density(self.b / 2, log_x) + log_jacobian

    def _profile(self, side: str, t: FloatArray, s: float) -> tuple[FloatArray, FloatArray]:
        """Return at each t the largest log integrand of R^s over Y, and the Y where that is."""
        log_x, p, density = self._side(side, t)
        k = (self.d - 1) / 2
        if not k:
            log_r = np.log(np.maximum(np.abs(p), 1e-300))
            return density + s * log_r, np.zeros_like(p)
        q = self.c**2 * np.exp(log_x)
        linear = q * (k + s / 2) - p * p / 2  # the peak in Y solves q Y^2 / 2 = linear Y + k p^2
        root = np.sqrt(linear**2 + 2 * q * k * p * p)
        best_y = np.where(
            linear > 0, (linear + root) / q, 2 * k * p * p / np.maximum(root - linear, 1e-300)
        )
        log_r = 0.5 * np.log(np.maximum(p * p + q * best_y, 1e-300))
        penalty = log_density(k, np.log(np.maximum(best_y, 1e-300)))
        return density + s * log_r + penalty, best_y
