r"""Moments of the factor R by which one step stretches a vector, for isotropic Gaussian features.

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
from typing import NamedTuple

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

LARGEST_ORDER = 1e6  # moments E R^s are computed for s up to here
_GRID = 160  # points of a scan for what matters
_SHRUNK = 0.8  # share of its window that is not worth another scan
_JOINT_ORDER = 30.0  # above it h(s) and its normalisation are summed on separate nodes
_CANCELS = 0.5  # |log h| below which h - 1 is summed by expm1
_NO_Y = (np.array([-np.inf]), np.zeros(1))  # log Y and its log weight for d = 1


class Window(NamedTuple):
    """A range of t that matters.

    Attributes
    ----------
    side : str
        Of the kink: "left", "right", or "whole" where there is none.
    ends : tuple of float
        Of the range.
    centre : float
        Where the integrand peaks.
    largest_y : float
        The largest Y that matters in it.
    """

    side: str
    ends: tuple[float, float]
    centre: float
    largest_y: float


class BatchNodes(NamedTuple):
    """Nodes of X.

    Attributes
    ----------
    log_x, distance, log_weight : ndarray (n,)
        log X, a - c X, and the log weights.
    largest_y : float
        The largest Y that matters.
    """

    log_x: FloatArray
    distance: FloatArray
    log_weight: FloatArray
    largest_y: float


@dataclass(frozen=True, slots=True, eq=False)
class Quadrature:
    """Nodes of the law of R.

    Attributes
    ----------
    log_r, log_weight, score : ndarray (n,)
        log R, the log weights, and d log(density) / d log c.
    log_mass : float
        Log of the integral of the density, by which the weights are to be normalised.
    """

    log_r: FloatArray
    log_weight: FloatArray
    score: FloatArray
    log_mass: float

    def log_moment(self, s: float) -> tuple[float, float]:
        """Return log E R^s and its derivative in s, which at s = 0 is the Lyapunov exponent."""
        log_terms = self.log_weight + s * self.log_r
        top = float(log_terms.max())
        tilted = np.exp(log_terms - top)
        total = float(tilted.sum())
        slope = float(tilted @ self.log_r) / total
        log_h = float(np.log(total)) + top - self.log_mass
        if s > _JOINT_ORDER or abs(log_h) > _CANCELS:
            return log_h, slope
        # h - 1 = E expm1(s log R); expm1 would overflow where R is large
        x = s * self.log_r
        weight = np.exp(self.log_weight - self.log_mass)
        small = weight * np.expm1(np.minimum(x, 1))
        large = np.exp(log_terms - self.log_mass) - weight
        change = np.where(x < 1, small, large).sum()
        return float(np.log1p(change)), slope

    def sensitivity(self, s: float) -> float:
        """Return d log E R^s / d log c at constant a; at s = 0 that of the Lyapunov exponent."""
        log_terms = self.log_weight + s * self.log_r
        tilted = np.exp(log_terms - log_terms.max())
        change = self.score if s else self.score * self.log_r
        return float(tilted @ change) / float(tilted.sum())


@dataclass(frozen=True, slots=True)
class RadialLaw:
    """The law of R for dimension d, batch b, shrinkage a and step c = lr * variance / b."""

    d: int
    b: int
    a: float
    c: float

    def log_moment(self, s: float, coarse: float = 1.0) -> tuple[float, float]:
        """Return log E R^s and its derivative in s.

        `coarse` = 2 takes half the nodes each way, for half the digits.
        """
        return self.quadrature(s, coarse).log_moment(s)

    def near_edge_exponent(self) -> float:
        """Return -2 rho / Var log R, the exponent if log R were Gaussian; inf where R is constant.

        It is right near the edge of stability.
        """
        nodes = self.quadrature(0.0)
        _, rho = nodes.log_moment(0.0)
        weight = np.exp(nodes.log_weight - nodes.log_mass)
        variance = float(weight @ (nodes.log_r - rho) ** 2)
        return -2 * rho / variance if variance else math.inf

    @lru_cache(maxsize=4)  # noqa: B019 # rho and the start of Newton's method share their nodes
    def quadrature(self, s: float, coarse: float = 1.0) -> Quadrature:
        """Return nodes that serve the moment of order `s`, and those near it."""
        joint = s <= _JOINT_ORDER
        # X ~ chi2_{2m}, Y ~ chi2_{2k}
        m = self.b / 2
        k = (self.d - 1) / 2
        orders = (0.0, s) if s > 0 and joint else (s,)
        log_x, distance, weight_x, largest_y = self.batch_nodes(orders, coarse)
        log_y, weight_y = _NO_Y
        if k:
            log_y, weight_y = log_nodes(k, s / 2, largest_y, coarse)
        # all pairs of nodes (X, Y)
        X = np.exp(log_x)[:, None]
        Y = np.exp(log_y)
        log_r = self._log_r(X, Y, distance[:, None])
        log_weight = weight_x[:, None] + weight_y
        # nodes that matter to E R^s, and for small orders to E 1
        tilted = log_weight + s * log_r
        kept = (tilted > -DEPTH) | (tilted > tilted.max() - DEPTH)
        if joint:
            kept |= log_weight > -DEPTH
            mass = log_sum(weight_x) + log_sum(weight_y)
        else:
            mass = log_mass(m) + (log_mass(k) if k else 0.0)
        # d log(density) / d log c of X and Y at fixed c X and c Y
        score = (X - self.b) / 2 + (Y - (self.d - 1)) / 2
        return Quadrature(log_r[kept], log_weight[kept], score[kept], mass)

    def _log_r(self, X: FloatArray, Y: FloatArray, distance: FloatArray) -> FloatArray:
        """Return log R, R^2 = (a - c X)^2 + c^2 X Y; near 1 from R^2 - 1, without cancellation."""
        a, c = self.a, self.c
        squared = distance * distance + c**2 * X * Y
        # R^2 - 1 = a^2 - 1 + c X (c (X + Y) - 2 a)
        excess = (a - 1) * (a + 1) + c * X * (c * (X + Y) - 2 * a)
        small = np.log(np.maximum(squared, 1e-300))
        near_one = np.log1p(np.maximum(excess, -0.75))
        log_r: FloatArray = 0.5 * np.where(squared < 0.5, small, near_one)
        return log_r

    def batch_nodes(
        self, orders: tuple[float, ...], coarse: float, *, joined: bool = False
    ) -> BatchNodes:
        """Return nodes of X for moments of increasing orders.

        `joined` leaves no gap between what matters to one moment and to another.
        """
        width = 1 / np.sqrt(self.b / 2 + orders[-1] + 4)
        windows = self._windows(orders, width)
        parts = []
        for side, ends, centre, _ in _joined(windows) if joined else windows:
            t, log_step = sinh_nodes(centre, width, ends, coarse)
            log_x, distance, log_density = self._side(side, t)
            parts.append((log_x, distance, log_density + log_step))
        log_x, distance, log_weight = map(np.concatenate, zip(*parts, strict=True))
        largest_y = max(window.largest_y for window in windows)
        return BatchNodes(log_x, distance, log_weight, largest_y)

    def _windows(self, orders: tuple[float, ...], width: float) -> list[Window]:
        """Return the windows that matter.

        Grids zoom in until a scan does not narrow them any more. The largest value on a grid is a
        lower bound of the highest peak, and twice the rise that a parabola through a local maximum
        shows is an upper bound of that peak: nothing is dropped that might matter.
        """
        windows = [Window(side, ends, 0.0, 0.0) for side, ends in self._sides(orders[-1]).items()]
        zooming = True
        while zooming:
            scans = [self._scan(window, orders) for window in windows]
            highest = np.max([scan.profiles.max(axis=1) for scan in scans], axis=0)
            windows, zooming = [], False
            for scan in scans:
                runs = scan.runs(highest - DEPTH)
                windows += [scan.window(first, last) for first, last in runs]
                points = sum(last - first for first, last in runs)
                wide = bool(scan.t[1] - scan.t[0] > width / 2)
                zooming |= wide and points < _SHRUNK * _GRID
        return windows

    def _scan(self, window: Window, orders: tuple[float, ...]) -> "_Scan":
        """Return the profiles of all orders on a grid of a window."""
        t = np.linspace(*window.ends, _GRID)
        found = [self._profile(window.side, t, s) for s in orders]
        profiles = np.array([profile for profile, _ in found])
        _, best_y = found[-1]
        return _Scan(window.side, t, profiles, best_y)

    def _sides(self, s: float) -> dict[str, tuple[float, float]]:
        """Return each side of the kink with all of t that may matter."""
        m = self.b / 2
        low = -60 - 2 * DEPTH / m
        high = np.log(2 * (m + s)) + 5
        if self.a <= 0:
            return {"whole": (low, high)}
        beyond = max(0.0, float(np.log(self.c / self.a)))
        return {"left": (low, DEPTH), "right": (-DEPTH, high + beyond)}

    def _side(self, side: str, t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return log X, a - c X and the log density of t on one side of the kink, each (n,).

        Left of the kink X = (a/c) / (1 + e^-t), right of it X = (a/c) (1 + e^t); else X = e^t.
        """
        if side == "whole":
            log_x = t
            distance = self.a - self.c * np.exp(t)
            log_jacobian = np.zeros_like(t)
        elif side == "left":
            log_jacobian = -np.logaddexp(0, t)
            log_x = np.log(self.a / self.c) - np.logaddexp(0, -t)
            distance = self.a * np.exp(log_jacobian)
        else:
            log_jacobian = -np.logaddexp(0, -t)
            log_x = np.log(self.a / self.c) + np.logaddexp(0, t)
            distance = -self.a * np.exp(t)
        return log_x, distance, log_density(self.b / 2, log_x) + log_jacobian

    def _profile(self, side: str, t: FloatArray, s: float) -> tuple[FloatArray, FloatArray]:
        """Return at each t the largest log integrand of R^s over Y, and the Y of that maximum."""
        log_x, distance, density = self._side(side, t)
        k = (self.d - 1) / 2
        if not k:
            log_r = np.log(np.maximum(np.abs(distance), 1e-300))
            return density + s * log_r, np.zeros_like(distance)
        # the maximum over Y of (s/2) log(p^2 + q Y) + k log Y - Y/2, p = a - c X, q = c^2 X,
        # solves q Y^2 / 2 = linear Y + k p^2
        squared = distance * distance
        q = self.c**2 * np.exp(log_x)
        linear = q * (k + s / 2) - squared / 2
        root = np.sqrt(linear**2 + 2 * q * k * distance * distance)
        direct = (linear + root) / q
        conjugate = 2 * k * distance * distance / np.maximum(root - linear, 1e-300)
        best_y = np.where(linear > 0, direct, conjugate)
        log_r = 0.5 * np.log(np.maximum(squared + q * best_y, 1e-300))
        penalty = log_density(k, np.log(np.maximum(best_y, 1e-300)))
        return density + s * log_r + penalty, best_y


@dataclass(frozen=True, slots=True, eq=False)
class _Scan:
    """Log integrands on a grid t (n,): profiles (orders, n) and the Y of the last one's maxima."""

    side: str
    t: FloatArray
    profiles: FloatArray
    best_y: FloatArray

    def runs(self, levels: FloatArray) -> list[tuple[int, int]]:
        """Return first and last index of the runs of points that may exceed the levels (orders,).

        Each run includes its neighbours.
        """
        pairs = zip(self.profiles, levels, strict=True)
        chosen = np.any([_may_exceed(profile, level) for profile, level in pairs], axis=0)
        wide = chosen.copy()
        wide[1:] |= chosen[:-1]
        wide[:-1] |= chosen[1:]
        # a run begins where 0 changes to 1 and ends where 1 changes to 0
        padded = np.concatenate([[0], wide.view(np.int8), [0]])
        edges = np.flatnonzero(np.diff(padded)).reshape(-1, 2)
        return [(int(first), int(end) - 1) for first, end in edges]

    def window(self, first: int, last: int) -> Window:
        """Return the window of a run of points."""
        run = slice(first, last + 1)
        peak = first + int(self.profiles[-1][run].argmax())
        largest_y = float(self.best_y[run].max())
        ends = (float(self.t[first]), float(self.t[last]))
        return Window(self.side, ends, float(self.t[peak]), largest_y)


def _may_exceed(profile: FloatArray, level: float) -> NDArray[np.bool_]:
    """Return which points are above the level, or beside a peak between points that may be."""
    above: NDArray[np.bool_] = profile > level
    differences = np.diff(profile)
    middle = profile[1:-1]
    rise = differences[:-1]
    fall = differences[1:]
    bend = rise - fall
    peaks = np.flatnonzero((rise >= 0) & (fall <= 0) & (bend > 0))
    # the vertex of the parabola through three points is (rise + fall)^2 / (8 bend) higher
    hidden = (rise + fall)[peaks] ** 2 / (8 * bend[peaks])
    highest = middle[peaks] + 2 * hidden + bend[peaks] / 8
    above[1 + peaks[highest > level]] = True
    return above


def _joined(windows: list[Window]) -> list[Window]:
    """Return one window on each side of the kink."""
    sides: dict[str, Window] = {}
    for window in windows:
        before = sides.get(window.side, window)
        low = min(window.ends[0], before.ends[0])
        high = max(window.ends[1], before.ends[1])
        largest_y = max(window.largest_y, before.largest_y)
        sides[window.side] = window._replace(ends=(low, high), largest_y=largest_y)
    return list(sides.values())
