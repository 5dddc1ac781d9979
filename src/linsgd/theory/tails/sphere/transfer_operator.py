r"""Two or three uneven Gaussian features without momentum: the transfer operator on directions.

h(s) is the spectral radius of P_s F(u) = E F(A u) on functions that are homogeneous of degree s,
with a positive F, even in each coordinate along the eigenvectors of H. Where the condition number k
is large F has features of sizes from 1 to 1/k and may vary by many orders of magnitude, so that it
is written

    F(u) = (sum_i q_i u_i^2)^{s/2} f(omega),        F(e_1) = ... = F(e_d) / q_d^{s/2}        (balanced),

with f a polynomial in the coordinates of `linsgd.theory.tails.sphere.transfer_operator.directions`.
Three axes are balanced as the planes of the first with each of the others are. Collocation gives f;
for any positive F

    inf P_s F / F  <=  h(s)  <=  sup P_s F / F        (Collatz, Wielandt),

and h(s) is the mean of that ratio by the positive weights F dn, n the left eigenmeasure. So log
h(s) is further from any number than the mean distance of log P_s F / F from it at most: the bounds
are twice that, over points between the nodes, by a finer rule and the weights of collocation there.
In the same way rho is the mean, by the stationary law of directions, of E log(|A u| / |u|) + E g(A
u) - g(u) for any g: that of the Poisson equation makes it nearly constant.
"""

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eig
from scipy.sparse.linalg import eigs

from linsgd.blocks import available_cores
from linsgd.domains import FloatArray
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.result import UNKNOWN, UNKNOWN_ORDER, Interval
from linsgd.theory.tails.setting import Setting
from linsgd.theory.tails.sphere.directions import Directions, basis
from linsgd.theory.tails.sphere.image_kernels import sums
from linsgd.theory.tails.sphere.images import GaussianStep

WORST = 100.0  # condition number
LARGEST_ORDER = {2: 200.0, 3: 100.0}
_ROUGH = {
    2: (16, 1.0),
    3: (10, 1.7),
}  # polynomials on each axis and the step of the rule, to balance and to search
_LEVELS = {
    2: ((24, 0.6), (48, 0.5), (80, 0.4)),
    3: ((10, 1.8), (14, 1.6), (20, 1.4), (24, 1.1), (28, 1.1), (36, 1.1)),
}
_GOAL = {
    2: 1e-8,
    3: 2e-6,
}  # width of the bounds at which the level is enough; of three axes relative to the order
_FINER = 0.85  # the step of the rule for the bounds, over that for the fit
_TRUSTED = 1.01  # ratios that spread more may hide points where f is negative
_LEAST = 0.03  # of f on an axis, over its largest, that is believed when balancing
_DENSE = 100  # unknowns beyond which one eigenvalue is sought instead of all
Matrices = tuple[FloatArray, FloatArray]


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    uneven = setting.spectrum.max() > WORST * (1 + 1e-9) * setting.spectrum.min()
    if not (setting.gaussian and setting.dimension in (2, 3)) or uneven:
        return f"two or three Gaussian features of condition number at most {WORST:g}"
    return "momentum 0" if setting.momentum else ""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What collocation found: log h(s), its slope in s, the coefficients of f, and their setting."""

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
        return Sphere(dataclasses.replace(self.step, spectrum=self.step.spectrum[sorted(axes)]))

    def directions(self, norm: FloatArray, s: float) -> Directions:
        """Return the coordinates for functions of order `s`."""
        return Directions.of(self.step.spectrum, norm, s)

    def fit(self, s: float, norm: FloatArray, degree: int, coarse: float) -> Fit:
        """Return f by collocation at Chebyshev's points, and the slope by the left eigenvector."""
        omega = self.directions(norm, s).nodes(degree)
        step, grown = self._step(omega, s, norm, degree, coarse)
        (h, values), (_, dual) = _top(step), _top(step.T)
        values = values / values[np.abs(values).argmax()]
        f = np.linalg.solve(basis(omega, degree), values)
        slope = float(dual @ grown @ f / (dual @ values) / h)
        return Fit(s, norm, degree, float(np.log(max(h, 1e-300))), slope, f)

    def balanced(self, s: float, norm: FloatArray) -> Fit:
        """Return a rough fit whose norm makes f nearly equal on the axes."""
        degree, coarse = _ROUGH[self.d]
        degree += int(s / (5 if self.d == 2 else 10))
        for _ in range(12):
            found = self.fit(s, norm, degree, coarse)
            share = np.maximum(found.on_axes(), _LEAST)
            norm = norm * (share / share[0]) ** (2 / max(s, 0.5))
            if share.min() > 0.7:
                break
        return dataclasses.replace(found, norm=norm)

    def norm(self, s: float) -> FloatArray:
        """Return the norm that balances F of order `s`: of three axes the best of those that planes suggest."""
        if self.d == 2:
            return self.balanced(s, np.sqrt(self.step.spectrum)).norm
        norms = [self._about(s, axis) for axis in range(3)]
        near = self.near(s)
        norms += [] if isinstance(near, Interval) else [near[1]]
        best = max(norms, key=lambda norm: float(self.fit(s, norm, *_ROUGH[3]).on_axes().min()))
        for _ in range(8):  # planes mislead where another mode of space takes over
            share = np.maximum(self.fit(s, best, *_LEVELS[3][2]).on_axes(), _LEAST)
            if share.min() > _LEAST:
                break
            best = best * (share / share[0]) ** (2 / max(s, 0.5))
        return best

    def _about(self, s: float, axis: int) -> FloatArray:
        """Return the norm whose ratios to one axis are those in the planes of that axis."""
        norm = np.ones(3)
        for other in {0, 1, 2} - {axis}:
            first, second = self.plane(axis, other).norm(s)
            norm[other] = second / first if other > axis else first / second
        ratios: FloatArray = norm / norm[0]
        return ratios

    def ratios(self, fit: Fit, coarse: float) -> Interval:
        """Return log h(s) from log P_s F / F at points between the nodes."""
        omega = self.directions(fit.norm, fit.s).between(fit.degree)
        here = fit.at(omega)
        step, _ = self._step(omega, fit.s, fit.norm, fit.degree + 1, coarse)
        there = step @ here
        if here.min() <= 0 or there.min() <= 0:
            return UNKNOWN
        ratios = np.log(there / here)
        return (
            _averaged(ratios, _top(step.T)[1] * here)
            if np.ptp(ratios) < np.log(_TRUSTED)
            else UNKNOWN
        )

    def log_spectral(self, s: float) -> Interval:
        """Return log h(s)."""
        norm = self.norm(s)
        return self._refined(
            lambda degree, coarse: self.ratios(self.fit(s, norm, degree, coarse), _FINER * coarse),
            max(s, 1.0),
        )

    def lyapunov(self, levels: int = 3) -> Interval:
        """Return rho from at most so many levels."""
        apart = self.step.spectrum / (1 - self.step.spectrum + 1e-300)
        norm = (
            np.minimum(1, 4 * self.step.c * apart) ** 0.58
        )  # about the squares of small steps' stationary law
        chart = self.directions(norm, 0.0)

        def attempt(degree: int, coarse: float) -> Interval:
            nodes, between = chart.nodes(degree), chart.between(degree)
            applied, grown = self._rows(nodes, 0.0, norm, degree, coarse)
            system = basis(nodes, degree) - applied
            system[:, 0] = 1
            g = np.linalg.solve(system, grown[:, 0])
            step, grown = self._step(between, 0.0, norm, degree + 1, _FINER * coarse)
            g = basis(between, degree)[:, 1:] @ g[1:]
            return _averaged(grown[:, 0] + step @ g - g, _top(step.T)[1])

        return self._refined(attempt, 1.0, levels)

    def near(self, start: float) -> tuple[float, FloatArray] | Interval:
        """Return the root of log h roughly, by Newton's steps from `start`, best on its right, and the norm there."""
        s, norm = start, self.step.spectrum
        if self.d == 3:
            roots = []
            for axis in (1, 2):
                near = self.plane(0, axis).near(start)
                if isinstance(near, Interval):
                    return near
                roots.append(near)
            s, norm = min(s for s, _ in roots), np.array([1.0, *(norm[1] for _, norm in roots)])
        for _ in range(40):
            rough = self.balanced(s, norm)
            new = s - rough.log_h / rough.slope if rough.slope > 0 else 2 * s
            move, s, norm = abs(new - s), float(np.clip(new, s / 4, 2 * s)), rough.norm
            if not 1e-4 < s <= LARGEST_ORDER[self.d]:
                return Interval(float("nan"), 0.0, 4 * s) if s < 1 else UNKNOWN_ORDER
            if move < 1e-3 * s:
                return s, norm
        return UNKNOWN_ORDER

    def exponent(self, start: float) -> Interval:
        """Return the root of log h."""
        near = self.near(start)
        if isinstance(near, Interval):
            return near
        s, norm = near

        def attempt(degree: int, coarse: float) -> Interval:
            nonlocal s
            fit = self.fit(s, norm, degree, coarse)
            log_h = self.ratios(fit, _FINER * coarse)
            if not fit.slope > 0 or log_h.value != log_h.value:
                return UNKNOWN
            move = log_h.value / fit.slope
            curved = (
                2 * move**2 / s
            )  # log h is convex, with a second derivative of the order of slope / s
            lower, upper = (
                s - log_h.upper / fit.slope - curved,
                s - log_h.lower / fit.slope + curved,
            )
            s = float(np.clip(s - move, 0.9 * s, 1.1 * s))
            return Interval(s, lower, upper)

        found = self._refined(attempt, max(s, 1.0))
        return found if 0 < found.lower <= found.value <= found.upper else UNKNOWN_ORDER

    def _refined(
        self, attempt: Callable[[int, float], Interval], scale: float, levels: int = 6
    ) -> Interval:
        """Return the narrowest interval, trying ever finer levels while that helps."""
        found, least, goal = UNKNOWN, np.inf, _GOAL[self.d] * (scale if self.d == 3 else 1)
        for degree, coarse in _LEVELS[self.d][:levels]:
            new = attempt(degree, coarse)
            width = new.upper - new.lower
            stuck = least / 1.5 < width < np.inf
            if width < least:
                found, least = new, width
            if width < goal or stuck:
                break
        return found

    def _step(
        self, omega: FloatArray, s: float, norm: FloatArray, degree: int, coarse: float
    ) -> Matrices:
        """Return what takes f on a grid to P_s F / |u|^s there, (n, n), and the rows of growth."""
        applied, grown = self._rows(omega, s, norm, degree, coarse)
        return np.asarray(
            np.linalg.solve(basis(omega, degree).T, applied.T).T, dtype=np.float64
        ), grown

    def _rows(
        self, omega: FloatArray, s: float, norm: FloatArray, degree: int, coarse: float
    ) -> Matrices:
        """Return E |A u|^s T(A u) at each point for every T of the basis, also times log |A u|."""
        chart = self.directions(norm, s)

        def row(u: FloatArray) -> Matrices:
            nodes = self.step.images(u, s, norm, coarse)
            weight = np.exp(nodes.log_weight + s * nodes.growth)
            return sums(chart.coordinates(nodes.squared), weight, weight * nodes.growth, degree)

        with ThreadPoolExecutor(available_cores()) as pool:
            applied, grown = zip(*pool.map(row, chart.points(omega)), strict=True)
        return np.array(applied), np.array(grown)


def _top(matrix: FloatArray) -> tuple[float, FloatArray]:
    """Return the eigenvalue of largest real part and its vector."""
    if len(matrix) > _DENSE:
        values, vectors = eigs(matrix, k=1, which="LR", v0=matrix[:, 0], tol=1e-14)
    else:
        values, vectors = eig(matrix)
    top = values.real.argmax()
    return float(values[top].real), vectors[:, top].real


def _averaged(values: FloatArray, weights: FloatArray) -> Interval:
    """Return the mean, with twice the mean distance from it and rounding as bounds."""
    weights = weights / weights.sum()
    mean = float(weights @ values)
    error = 2 * float(np.abs(weights) @ np.abs(values - mean)) + 1e-13
    return Interval(mean, mean - error, mean + error)


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s), where s is not too large for the polynomials."""
    if s > LARGEST_ORDER[setting.dimension]:
        return UNKNOWN
    return Sphere(GaussianStep.of(setting)).log_spectral(s)


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return rho."""
    return Sphere(GaussianStep.of(setting)).lyapunov()


def rough_lyapunov(setting: Setting) -> float:
    """Return rho by the fewest polynomials."""
    return Sphere(GaussianStep.of(setting)).lyapunov(levels=1).value


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log h, searched from the exponent of the feature of largest variance alone."""
    alone = dataclasses.replace(setting, spectrum=setting.spectrum[[setting.spectrum.argmax()]])
    start = quadrature.exponent(alone).value if quadrature.lyapunov(alone).upper < 0 else 1.0
    return (
        Sphere(GaussianStep.of(setting)).exponent(start)
        if start <= LARGEST_ORDER[setting.dimension]
        else UNKNOWN_ORDER
    )
