r"""Two or three uneven Gaussian features without momentum: the transfer operator on directions.

h(s) is the spectral radius of P_s F(u) = E F(A u) on functions that are homogeneous of degree s,
with a positive F, even in each coordinate along the eigenvectors of H. Where the condition number k
is large F has features of sizes from 1 to 1/k and may vary by many orders of magnitude, so that it
is written

    F(u) = (sum_i q_i u_i^2)^{s/2} f(omega),       F(e_1) = ... = F(e_d) / q_d^{s/2}  (balanced),

with f a polynomial in the coordinates of `linsgd.theory.tails.sphere.directions`. Three axes are
balanced as the planes of the first with each of the others are. Collocation gives f; for any
positive F

    inf P_s F / F  <=  h(s)  <=  sup P_s F / F        (Collatz, Wielandt),

and h(s) is the mean of that ratio by the positive weights F dn, n the left eigenmeasure. So log
h(s) is at most as far from any number as the mean distance of log P_s F / F from it: the bounds are
twice that, over points between the nodes, by a finer rule and the weights of collocation there. In
the same way rho is the mean, by the stationary law of directions, of E log(|A u| / |u|) + E g(A u)
- g(u) for any g: that of the Poisson equation makes it nearly constant.
"""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import eig
from scipy.sparse.linalg import eigs

from linsgd.blocks import map_threads
from linsgd.domains import FloatArray
from linsgd.theory.tails.convexity import newton_step
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.result import ANY_POSITIVE, UNKNOWN, Interval
from linsgd.theory.tails.sample_budget import UNLIMITED, SampleBudget
from linsgd.theory.tails.setting import Setting
from linsgd.theory.tails.sphere.directions import Directions, basis
from linsgd.theory.tails.sphere.one_step_quadrature import GaussianStep
from linsgd.theory.tails.sphere.quadrature_kernels import sums

WORST = 100.0  # condition number
LARGEST_ORDER = {2: 200.0, 3: 100.0}
_SMALLEST_ORDER = 1e-4


class Level(NamedTuple):
    """Polynomials on each axis, and the step of the rule."""

    degree: int
    coarse: float


_ROUGH = {2: Level(16, 1.0), 3: Level(10, 1.7)}  # to balance and to search
_LEVELS = {
    2: (Level(24, 0.6), Level(48, 0.5), Level(80, 0.4)),
    3: (
        Level(10, 1.8),
        Level(14, 1.6),
        Level(20, 1.4),
        Level(24, 1.1),
        Level(28, 1.1),
        Level(36, 1.1),
    ),
}
_MORE = {2: 5.0, 3: 10.0}  # units of the order that need one more polynomial
_GOAL = {2: 1e-8, 3: 2e-6}  # width of the bounds at which the level is enough
_FINER = 0.85  # the step of the rule for the bounds, over that for the fit
_TRUSTED = 1.01  # ratios that spread more may hide points where f is negative
_LEAST = 0.03  # of f on an axis, over its largest, that is believed when balancing
_BALANCED = 0.7  # least f on an axis, over its largest, that is balanced enough
_BALANCINGS, _REBALANCINGS = 12, 8
_SEARCH, _CLOSE = 40, 1e-3  # Newton's steps, and a relative last one
_STUCK = 1.5  # factor by which a level must narrow the bounds to be followed by a finer one
_DENSE = 100  # unknowns beyond which one eigenvalue is sought instead of all
# Squares of the stationary law of small steps are as (h / (1 - h))^0.58 for a largest eigenvalue 1:
# a fit over condition numbers 2 to 100. Other powers cost polynomials, not accuracy.
_POWER = 0.58

Matrices = tuple[FloatArray, FloatArray]


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if the method applies."""
    uneven = setting.spectrum.max() > WORST * (1 + 1e-9) * setting.spectrum.min()
    if not (setting.gaussian and setting.dimension in (2, 3)) or uneven:
        return f"two or three Gaussian features of condition number at most {WORST:g}"
    return "momentum 0" if setting.momentum else ""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The result of collocation.

    Attributes
    ----------
    s, norm, degree : float, ndarray (d,), int
        The order, q, and the polynomials on each axis.
    log_h, slope : float
        log h(s) and its slope in s.
    f : ndarray
        The coefficients.
    """

    s: float
    norm: FloatArray
    degree: int
    log_h: float
    slope: float
    f: FloatArray

    def at(self, omega: FloatArray) -> FloatArray:
        """Return f (n,) at coordinates (d - 1, n)."""
        return basis(omega, self.degree) @ self.f

    def on_axes(self) -> FloatArray:
        """Return f (d,) on the axes, over its largest value there."""
        values = self.at(2 * np.eye(self.norm.size)[1:] - 1)
        share: FloatArray = values / values.max()
        return share

    def rebalanced(self) -> FloatArray:
        """Return the norm in which this f would be equal on the axes."""
        share = np.maximum(self.on_axes(), _LEAST)
        norm: FloatArray = self.norm * (share / share[0]) ** (2 / max(self.s, 0.5))
        return norm


@dataclass(frozen=True, slots=True, eq=False)
class Sphere:
    """The transfer operator of one step."""

    step: GaussianStep

    @property
    def d(self) -> int:
        """The number of features."""
        return self.step.spectrum.size

    def plane(self, *axes: int) -> "Sphere":
        """Return the operator of two of the axes, the one of larger variance first."""
        spectrum = self.step.spectrum[sorted(axes)]
        return Sphere(dataclasses.replace(self.step, spectrum=spectrum))

    def directions(self, norm: FloatArray, s: float) -> Directions:
        """Return the coordinates for functions of order `s`."""
        return Directions.of(self.step.spectrum, norm, s)

    def fit(self, s: float, norm: FloatArray, level: Level) -> Fit:
        """Return f by collocation at Chebyshev's points, and the slope by the left eigenvector."""
        omega = self.directions(norm, s).nodes(level.degree)
        matrix, grown = self._on_grid(omega, s, norm, level)
        h, values = _leading(matrix)
        _, dual = _leading(matrix.T)
        values = values / values[np.abs(values).argmax()]
        f = np.linalg.solve(basis(omega, level.degree), values)
        # d log h / ds = (dual' grown f) / (dual' values) / h
        slope = float(dual @ grown @ f / (dual @ values) / h)
        log_h = math.log(max(h, 1e-300))
        return Fit(s, norm, level.degree, log_h, slope, f)

    def balanced(self, s: float, norm: FloatArray) -> Fit:
        """Return a rough fit whose norm makes f nearly equal on the axes."""
        rough = _ROUGH[self.d]
        level = Level(rough.degree + int(s / _MORE[self.d]), rough.coarse)
        for _ in range(_BALANCINGS):
            found = self.fit(s, norm, level)
            norm = found.rebalanced()
            if np.maximum(found.on_axes(), _LEAST).min() > _BALANCED:
                break
        return dataclasses.replace(found, norm=norm)

    def norm(self, s: float) -> FloatArray:
        """Return the norm that balances F of order `s`.

        Of three axes the best of those that planes suggest, improved where another mode of space is
        the leading one.
        """
        if self.d == 2:
            return self.balanced(s, np.sqrt(self.step.spectrum)).norm
        norms = [self._about(s, axis) for axis in range(3)]
        near = self.near(s)
        if not isinstance(near, Interval):
            norms.append(near[1])

        def least_on_axes(norm: FloatArray) -> float:
            return float(self.fit(s, norm, _ROUGH[3]).on_axes().min())

        best = max(norms, key=least_on_axes)
        for _ in range(_REBALANCINGS):
            found = self.fit(s, best, _LEVELS[3][2])
            if found.on_axes().min() > _LEAST:
                break
            best = found.rebalanced()
        return best

    def _about(self, s: float, axis: int) -> FloatArray:
        """Return the norm whose ratios to one axis are those in the planes of that axis."""
        norm = np.ones(3)
        for other in {0, 1, 2} - {axis}:
            first, second = self.plane(axis, other).norm(s)  # in the order of the axes
            norm[other] = second / first if other > axis else first / second
        ratios: FloatArray = norm / norm[0]
        return ratios

    def ratios(self, fit: Fit, coarse: float) -> Interval:
        """Return log h(s) from log P_s F / F at points between the nodes."""
        omega = self.directions(fit.norm, fit.s).between(fit.degree)
        here = fit.at(omega)
        matrix, _ = self._on_grid(omega, fit.s, fit.norm, Level(fit.degree + 1, coarse))
        there = matrix @ here
        if here.min() <= 0 or there.min() <= 0:
            return UNKNOWN
        ratios = np.log(there / here)
        if not np.ptp(ratios) < math.log(_TRUSTED):
            return UNKNOWN
        _, left = _leading(matrix.T)
        return _averaged(ratios, left * here)

    def log_spectral(self, s: float) -> Interval:
        """Return log h(s)."""
        norm = self.norm(s)

        def attempt(level: Level) -> Interval:
            return self.ratios(self.fit(s, norm, level), _FINER * level.coarse)

        return self._refined(attempt, max(s, 1.0))

    def lyapunov(self, levels: int = 3) -> Interval:
        """Return rho from at most so many levels."""
        h = self.step.spectrum
        # the squares of the stationary law of small steps, about (h / (1 - h))^_POWER
        squares = 4 * self.step.c * h / (1 - h + 1e-300)
        norm = np.minimum(1, squares) ** _POWER
        chart = self.directions(norm, 0.0)

        def attempt(level: Level) -> Interval:
            """Return rho by Poisson's equation on one level."""
            # E log|A u| = rho + g - P g at the nodes, for a g without constant
            nodes = chart.nodes(level.degree)
            applied, grown = self._rows(nodes, 0.0, norm, level)
            system = basis(nodes, level.degree) - applied
            system[:, 0] = 1
            solution = np.linalg.solve(system, grown[:, 0])
            g = solution[1:]
            # E log|A u| + P g - g between them, averaged by the stationary law
            between = chart.between(level.degree)
            finer = Level(level.degree + 1, _FINER * level.coarse)
            matrix, grown = self._on_grid(between, 0.0, norm, finer)
            here = basis(between, level.degree)[:, 1:] @ g
            there = matrix @ here
            _, stationary = _leading(matrix.T)
            return _averaged(grown[:, 0] + there - here, stationary)

        return self._refined(attempt, 1.0, levels)

    def near(self, start: float) -> tuple[float, FloatArray] | Interval:
        """Return the root of log h roughly and its norm, or what is known of it if that fails.

        By Newton's steps from `start`, best on the right of the root.
        """
        s, norm = start, self.step.spectrum
        if self.d == 3:
            # the smaller root and the norms of the planes of the first axis
            second = self.plane(0, 1).near(start)
            third = self.plane(0, 2).near(start)
            if isinstance(second, Interval):
                return second
            if isinstance(third, Interval):
                return third
            s = min(second[0], third[0])
            norm = np.array([1.0, second[1][1], third[1][1]])
        for _ in range(_SEARCH):
            rough = self.balanced(s, norm)
            new = s - rough.log_h / rough.slope if rough.slope > 0 else 2 * s
            move = abs(new - s)
            s = min(max(new, s / 4), 2 * s)
            norm = rough.norm
            if not _SMALLEST_ORDER < s <= LARGEST_ORDER[self.d]:
                return Interval.between(0.0, 4 * s) if s < 1 else ANY_POSITIVE
            if move < _CLOSE * s:
                return s, norm
        return ANY_POSITIVE

    def exponent(self, start: float) -> Interval:
        """Return the root of log h."""
        near = self.near(start)
        if isinstance(near, Interval):
            return near
        s, norm = near

        def attempt(level: Level) -> Interval:
            nonlocal s
            fit = self.fit(s, norm, level)
            log_h = self.ratios(fit, _FINER * level.coarse)
            if not (fit.slope > 0 and log_h.resolved):
                return UNKNOWN
            root = newton_step(s, log_h, fit.slope)
            s = root.value
            return root

        found = self._refined(attempt, max(s, 1.0))
        inside = 0 < found.lower <= found.value <= found.upper
        return found if inside else ANY_POSITIVE

    def _refined(
        self, attempt: Callable[[Level], Interval], scale: float, levels: int = 6
    ) -> Interval:
        """Return the narrowest interval, trying ever finer levels while that helps."""
        goal = _GOAL[self.d] * (scale if self.d == 3 else 1)
        found = UNKNOWN
        for level in _LEVELS[self.d][:levels]:
            new = attempt(level)
            stuck = found.width / _STUCK < new.width < math.inf
            found = new if new.width < found.width else found
            if new.width < goal or stuck:
                break
        return found

    def _on_grid(self, omega: FloatArray, s: float, norm: FloatArray, level: Level) -> Matrices:
        """Return the map of f on a grid (n,) to P_s F / |u|^s there, (n, n), and rows of growth."""
        applied, grown = self._rows(omega, s, norm, level)
        matrix = np.linalg.solve(basis(omega, level.degree).T, applied.T).T
        return np.asarray(matrix, dtype=np.float64), grown

    def _rows(self, omega: FloatArray, s: float, norm: FloatArray, level: Level) -> Matrices:
        """Return E |A u|^s T(A u) at each point for every T of the basis, also times log |A u|."""
        chart = self.directions(norm, s)

        def row(u: FloatArray) -> Matrices:
            nodes = self.step.nodes(u, s, norm, level.coarse)
            weight = np.exp(nodes.log_weight + s * nodes.growth)
            coordinates = chart.coordinates(nodes.squared)
            return sums(coordinates, weight, weight * nodes.growth, level.degree)

        rows = map_threads(row, chart.points(omega))
        applied = np.array([applied for applied, _ in rows])
        grown = np.array([grown for _, grown in rows])
        return applied, grown


def _leading(matrix: FloatArray) -> tuple[float, FloatArray]:
    """Return the eigenvalue of largest real part and its eigenvector."""
    if len(matrix) > _DENSE:
        start = matrix[:, 0]
        values, vectors = eigs(matrix, k=1, which="LR", v0=start, tol=1e-14)
    else:
        values, vectors = eig(matrix)
    top = values.real.argmax()
    return float(values[top].real), vectors[:, top].real


def _averaged(values: FloatArray, weights: FloatArray) -> Interval:
    """Return the weighted mean, with twice the mean distance from it and rounding as bounds."""
    weights = weights / weights.sum()
    mean = float(weights @ values)
    distance = float(np.abs(weights) @ np.abs(values - mean))
    return Interval.about(mean, 2 * distance + 1e-13)


def log_spectral(setting: Setting, s: float, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return log h(s), where s is not too large for the polynomials."""
    if s > LARGEST_ORDER[setting.dimension]:
        return UNKNOWN
    return Sphere(GaussianStep.of(setting)).log_spectral(s)


def lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return rho."""
    return Sphere(GaussianStep.of(setting)).lyapunov()


def rough_lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> float:
    """Return rho by the fewest polynomials."""
    return Sphere(GaussianStep.of(setting)).lyapunov(levels=1).value


def exponent(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return the root of log h, searched from the exponent of the feature of largest variance."""
    largest = setting.spectrum[[setting.spectrum.argmax()]]
    alone = dataclasses.replace(setting, spectrum=largest)
    start = 1.0
    if quadrature.lyapunov(alone).upper < 0:
        start = quadrature.exponent(alone).value
    if not start <= LARGEST_ORDER[setting.dimension]:
        return ANY_POSITIVE
    return Sphere(GaussianStep.of(setting)).exponent(start)
