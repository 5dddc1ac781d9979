r"""Two or three uneven Gaussian features without momentum: the transfer operator on directions.

h(s) is the spectral radius of P_s F(u) = E F(A u) on functions that are homogeneous of degree s, with a positive F,
even in each coordinate along the eigenvectors of H. Where the condition number k is large F has features of sizes from
1 to 1/k and may vary by many orders of magnitude, so that it is written

    F(u) = (sum_i q_i u_i^2)^{s/2} f(omega),        F(e_1) = ... = F(e_d) / q_d^{s/2}        (balanced),

with f a polynomial in coordinates that are even on the logarithmic scale of p = u_2^2 / u_1^2: with log e = 2 L,

    omega = log[(1 + e p) / (1 + p / e)] / (2 L) - 1  in [-1, 1],

and for d = 3 another of u_3^2 / (u_1^2 + u_2^2). Collocation gives f; for any positive F

    inf P_s F / F  <=  h(s)  <=  sup P_s F / F        (Collatz, Wielandt),

and the bounds are those extremes over points between the nodes, by a finer rule, stretched by a quarter. In the same
way rho lies between the extremes of E log(|A u| / |u|) + E g(A u) - g(u) for any g: that of the Poisson equation is
nearly constant.
"""

import dataclasses
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eig

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.theory.tails import quadrature
from linsgd.theory.tails.images import GaussianStep
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

WORST = 100.0  # condition number
LARGEST_ORDER = 200.0
LARGEST_IN_SPACE = 6.0  # exponent beyond which three axes need more polynomials than are tried
_ROUGH = {2: (16, 1.0), 3: (7, 1.7)}  # polynomials on each axis and the step of the rule, to balance and to search
_LEVELS = {
    2: ((24, 0.6), (48, 0.5), (80, 0.4)),
    3: ((10, 1.6), (14, 1.4), (20, 1.3)),
}
_GOAL = {2: 1e-8, 3: 1e-6}  # width of the bounds at which the level is enough
_GOAL_RHO = {2: 1e-8, 3: 1e-5}
_FINER = 0.85
_TRUSTED = 1.01  # ratios that spread more may hide points where f is negative
_NOTHING = Interval(float("nan"), -np.inf, np.inf)


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    uneven = setting.spectrum.max() > WORST * (1 + 1e-9) * setting.spectrum.min()
    if not (setting.gaussian and setting.dimension in (2, 3)) or uneven:
        return f"two or three Gaussian features of condition number at most {WORST:g}"
    if setting.momentum:
        return "momentum 0"
    if setting.dimension == 3 and not _upper(setting) <= LARGEST_IN_SPACE:
        return f"an exponent of at most {LARGEST_IN_SPACE:g} for three features"
    return ""


def _upper(setting: Setting) -> float:
    """Return the exponent of the feature of largest variance alone, which the others make smaller; 1 where none is."""
    alone = dataclasses.replace(setting, spectrum=setting.spectrum[[setting.spectrum.argmax()]])
    return quadrature.exponent(alone).value if quadrature.lyapunov(alone).upper < 0 else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What collocation found: log h(s), its slope in s, the coefficients of f, and their setting."""

    s: float
    norm: FloatArray
    degree: int
    log_h: float
    slope: float
    f: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Sphere:
    """The transfer operator of one step."""

    step: GaussianStep

    @property
    def d(self) -> int:
        """The number of features."""
        return self.step.spectrum.size

    def spans(self, s: float) -> FloatArray:
        """Return the L of each axis of omega (d - 1, 1): where F of order `s` has its features, as it was found."""
        share = 0.5 + 0.3 * s / (100 + s)
        ranges = -np.log(self.step.spectrum[1:]) * np.array([share, 0.7 * share])[: self.d - 1]
        spans: FloatArray = np.maximum(ranges, 0.01)[:, None]
        return spans

    def coordinates(self, squared: FloatArray, s: float) -> FloatArray:
        """Return omega (d - 1, n) of squares (n, d)."""
        below = np.cumsum(squared, axis=1)[:, :-1].T + 1e-300
        above, L = squared[:, 1:].T, self.spans(s)
        rise = np.log1p(2 * np.sinh(2 * L) * above / (below + np.exp(-2 * L) * above))
        omega: FloatArray = np.clip(rise / (2 * L) - 1, -1, 1)
        return omega

    def points(self, omega: FloatArray, s: float) -> FloatArray:
        """Return unit vectors (n, d) of omega (d - 1, n)."""
        L = self.spans(s)
        above = np.expm1(2 * L * (omega + 1))
        below = np.maximum(2 * np.sinh(2 * L) - np.exp(-2 * L) * above, 0)
        share = above / (above + below)
        left = np.ones_like(share[0])
        columns = []
        for part in share[::-1]:
            columns.append(left * part)
            left = left * (1 - part)
        unit: FloatArray = np.sqrt(np.array([left, *columns[::-1]]).T)
        return unit

    def fit(self, s: float, norm: FloatArray, degree: int, coarse: float) -> Fit:
        """Return f by collocation at Chebyshev's points, and the slope by the left eigenvector."""
        omega = self._nodes(degree)
        basis = _basis(omega, degree)
        applied, grown = self._rows(omega, s, norm, degree, coarse, slopes=True)
        values, left, right = eig(np.linalg.solve(basis, applied), left=True)
        top = values.real.argmax()
        h, f, dual = values[top].real, right[:, top].real, left[:, top].real
        slope = dual @ np.linalg.solve(basis, grown @ f) / (dual @ f) / h
        on_nodes = basis @ f
        return Fit(
            s, norm, degree, float(np.log(max(h, 1e-300))), float(slope), f / on_nodes[np.abs(on_nodes).argmax()]
        )

    def balanced(self, s: float, norm: FloatArray) -> Fit:
        """Return a rough fit whose norm makes f equal on the axes."""
        degree, coarse = _ROUGH[self.d]
        degree += int(s / (5 if self.d == 2 else 10))
        axes = 2 * np.eye(self.d)[1:] - 1
        for _ in range(12):
            found = self.fit(s, norm, degree, coarse)
            on_axes = _basis(axes, degree) @ found.f
            share = np.maximum(on_axes / on_axes.max(), 1e-6)
            norm = norm * (share / share[0]) ** (2 / max(s, 0.5))
            if share.min() > 0.7:
                break
        return dataclasses.replace(found, norm=norm)

    def ratios(self, fit: Fit, coarse: float) -> Interval:
        """Return the extremes of log P_s F / F over points between the nodes, stretched."""
        omega = self._between(fit.degree)
        here = _basis(omega, fit.degree) @ fit.f
        there = self._rows(omega, fit.s, fit.norm, fit.degree, coarse)[0] @ fit.f
        if here.min() <= 0 or there.min() <= 0:
            return _NOTHING
        ratios = np.log(there / here)
        return _stretched(fit.log_h, ratios) if np.ptp(ratios) < np.log(_TRUSTED) else _NOTHING

    def log_spectral(self, s: float) -> Interval:
        """Return log h(s)."""
        norm = self.balanced(s, np.sqrt(self.step.spectrum)).norm
        return self._refined(
            lambda degree, coarse: self.ratios(self.fit(s, norm, degree, coarse), _FINER * coarse), _GOAL[self.d]
        )

    def lyapunov(self) -> Interval:
        """Return rho."""
        norm = np.ones(self.d)

        def attempt(degree: int, coarse: float) -> Interval:
            nodes, between = self._nodes(degree), self._between(degree)
            applied, grown = self._rows(nodes, 0.0, norm, degree, coarse)
            system = _basis(nodes, degree) - applied
            system[:, 0] = 1
            g = np.linalg.solve(system, grown)
            applied, grown = self._rows(between, 0.0, norm, degree, _FINER * coarse)
            return _stretched(float(g[0]), grown + (applied - _basis(between, degree))[:, 1:] @ g[1:])

        return self._refined(attempt, _GOAL_RHO[self.d])

    def exponent(self, start: float) -> Interval:
        """Return the root of log h by Newton's steps from `start`, which is best on its right."""
        s, norm = start, self.step.spectrum
        for _ in range(40):
            rough = self.balanced(s, norm)
            new = s - rough.log_h / rough.slope if rough.slope > 0 else 2 * s
            move, s, norm = abs(new - s), float(np.clip(new, s / 4, 2 * s)), rough.norm
            if not 1e-4 < s <= LARGEST_ORDER:
                return Interval(float("nan"), 0.0, 4 * s) if s < 1 else _NOWHERE
            if move < 1e-3 * s:
                break

        def attempt(degree: int, coarse: float) -> Interval:
            nonlocal s
            fit = self.fit(s, norm, degree, coarse)
            log_h = self.ratios(fit, _FINER * coarse)
            if not fit.slope > 0 or log_h.value != log_h.value:
                return _NOTHING
            move = fit.log_h / fit.slope
            curved = 2 * move**2 / s  # log h is convex, with a second derivative of the order of slope / s
            lower, upper = s - log_h.upper / fit.slope - curved, s - log_h.lower / fit.slope + curved
            s = float(np.clip(s - move, 0.9 * s, 1.1 * s))
            return Interval(s, lower, upper)

        found = self._refined(attempt, _GOAL[self.d])
        return found if 0 < found.lower <= found.value <= found.upper else _NOWHERE

    def _refined(self, attempt: Callable[[int, float], Interval], goal: float) -> Interval:
        """Return the narrowest interval, trying ever finer levels while that helps."""
        found, least = _NOTHING, np.inf
        for degree, coarse in _LEVELS[self.d]:
            new = attempt(degree, coarse)
            width = new.upper - new.lower
            stuck = least / 2 < width < 100 * goal
            if width < least:
                found, least = new, width
            if width < goal or stuck:
                break
        return found

    def _nodes(self, degree: int) -> FloatArray:
        """Return Chebyshev's points, omega (d - 1, n)."""
        return self._grid(np.cos((np.arange(degree) + 0.5) * np.pi / degree))

    def _between(self, degree: int) -> FloatArray:
        """Return the points between them where errors peak, and the ends."""
        return self._grid(np.cos(np.arange(degree + 1) * np.pi / degree))

    def _grid(self, axis: FloatArray) -> FloatArray:
        return np.array([part.ravel() for part in np.meshgrid(*[axis] * (self.d - 1), indexing="ij")])

    def _rows(
        self, omega: FloatArray, s: float, norm: FloatArray, degree: int, coarse: float, *, slopes: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return E |A u|^s T(A u) at each point for every T of the basis; also times log |A u|, or that for T = 1."""

        def row(u: FloatArray) -> tuple[FloatArray, FloatArray]:
            nodes = self.step.images(u, s, norm, coarse)
            weight = np.exp(nodes.log_weight + s * nodes.growth)
            first, *others = (_chebyshev(axis, degree) for axis in self.coordinates(nodes.squared, s))
            second = others[0] if others else np.ones((1, weight.size))
            grown = weight * nodes.growth
            return (first @ (second * weight).T).ravel(), (
                first @ (second * grown).T
            ).ravel() if slopes else grown.sum()

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            applied, grown = zip(*pool.map(row, self.points(omega, s)), strict=True)
        return np.array(applied), np.array(grown)


_NOWHERE = Interval(float("nan"), 0.0, np.inf)


def _chebyshev(x: FloatArray, degree: int) -> FloatArray:
    """Return T_0 ... T_{degree-1} of x (n,), (degree, n)."""
    values = np.ones((degree, x.size))
    values[1] = x
    for k in range(2, degree):
        values[k] = 2 * x * values[k - 1] - values[k - 2]
    return values


def _basis(omega: FloatArray, degree: int) -> FloatArray:
    """Return products of Chebyshev polynomials at omega (d - 1, n): (n, degree^(d - 1))."""
    first, *others = (_chebyshev(axis, degree) for axis in omega)
    return np.einsum("in,jn->nij", first, others[0]).reshape(omega.shape[1], -1) if others else first.T


def _stretched(value: float, ratios: FloatArray) -> Interval:
    """Return the extremes of ratios, stretched by a quarter of their range and by rounding."""
    beyond = float(np.ptp(ratios)) / 4 + 1e-13
    lower, upper = float(ratios.min()) - beyond, float(ratios.max()) + beyond
    return Interval(float(np.clip(value, lower, upper)), lower, upper)


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s)."""
    domains.real("s", s, f"[-0.5, {LARGEST_ORDER:g}]")
    return Sphere(GaussianStep.of(setting)).log_spectral(s)


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return rho."""
    return Sphere(GaussianStep.of(setting)).lyapunov()


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log h, searched from the exponent of the feature of largest variance alone."""
    start = _upper(setting)
    if not start <= LARGEST_ORDER:
        return _NOWHERE
    return Sphere(GaussianStep.of(setting)).exponent(start)
