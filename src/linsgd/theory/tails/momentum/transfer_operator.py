r"""Isotropic Gaussian features with momentum, any dimension: the transfer operator on the disc of Gram matrices.

One step acts on (w, v) in R^d x R^d by M = M0 + M1 H_b, 2 x 2 matrices with the batch's H_b in
place of a number. Only the Gram matrix of (w, v) matters, and up to scale it is a point (x, y) of
the unit disc,

    G = [[1 + x, y], [y, 1 - x]] / 2      (the boundary: w parallel to v; all there is for d = 1),

in coordinates adapted by the form Q of `linsgd.theory.tails.moments.second_moment`: without it high
orders are lost. With H_b w = [C w + sqrt(C) |w| (n e + sqrt(K) e')] / b for C ~ chi2_b, n ~ N(0,
1), K ~ chi2_{d-2}, the next Gram matrix is linear in G, so that P_s f = E |M u|^s f(M u) preserves
polynomials for even s and is smooth for all s: M is invertible and no kink arises. Its positive
eigenfunction is found by collocation on disc polynomials.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

from linsgd.domains import FloatArray
from linsgd.theory.tails.isotropic.chi_square import gauss_rule, log_mass, log_nodes
from linsgd.theory.tails.moments import bracket as moment_bracket
from linsgd.theory.tails.moments.second_moment import SecondMoment, step_matrices
from linsgd.theory.tails.momentum import collocation
from linsgd.theory.tails.result import UNKNOWN, Interval
from linsgd.theory.tails.setting import Setting

_GOAL = 1e-5  # relative width of the bounds on rho at which the degree is enough
_TRUSTED = 1e-2  # bounds on rho that are farther apart come without a value
_CHECK = 1e-3  # width of the bounds on log h that shows its sign

ComplexArray = NDArray[np.complex128]
GrowingRows = tuple[FloatArray, FloatArray, FloatArray]


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    if not (setting.gaussian and setting.isotropic):
        return "isotropic Gaussian features"
    return "" if setting.momentum else "momentum > 0"


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Nodes of the random parts of one step: C, n and K (q,), and their weights (q,)."""

    C: FloatArray
    n: FloatArray
    K: FloatArray
    weight: FloatArray

    @classmethod
    def of(cls, d: int, b: int, order: float, fineness: float) -> "Rule":
        """Return a rule for integrands that grow like the `order`-th power of the step."""
        log_c, log_weight = log_nodes(
            b / 2, max(order, 0.0), b + 2 * max(order, 0.0), 1.3 / fineness
        )
        log_weight -= log_mass(b / 2)
        matters = log_weight + order * np.maximum(log_c - np.log(b + 2.0), 0) > -36
        points = int((16 + order / 2) * fineness)
        n, weight_n = hermegauss(points) if d > 1 else (np.zeros(1), np.ones(1))
        K, weight_k = gauss_rule(d - 2, points // 2) if d > 2 else (np.zeros(1), np.ones(1))
        axes = np.meshgrid(np.exp(log_c[matters]), n, K, indexing="ij")
        weight = (
            np.exp(log_weight[matters, None, None])
            * (weight_n / weight_n.sum())[:, None]
            * weight_k
        )
        C, n, K = (axis.ravel() for axis in axes)
        return cls(C, n, K, weight.ravel())


@dataclass(frozen=True, slots=True, eq=False)
class PhaseStep:
    """One step in adapted coordinates: u' = fixed u + column (H_b w), w = row u."""

    d: int
    b: int
    fixed: FloatArray
    column: FloatArray
    row: FloatArray

    @classmethod
    def of(cls, setting: Setting, log_radius: float) -> "PhaseStep":
        """Return the step in the norm for h(s)^{2/s} near exp(log_radius), features scaled to variance 1."""
        fixed, push = step_matrices(setting)
        variance = float(setting.spectrum.mean())
        moment = SecondMoment.of(setting)
        assert moment is not None  # Gaussian features have moments of every order
        root = np.linalg.cholesky(moment.form(log_radius)[..., 0]).T
        back = np.linalg.inv(root)
        return cls(
            setting.dimension,
            setting.batch,
            root @ fixed @ back,
            root @ push[:, 0] * variance,
            back[0],
        )

    def image(self, x: float, y: float, rule: Rule) -> tuple[FloatArray, ComplexArray]:
        """Return log |M u| and the image point x + iy for each node of the rule."""
        G = np.array([[1 + x, y], [y, 1 - x]]) / 2
        across = np.sqrt(max(1 - x * x - y * y, 0.0)) / 2 * np.array([-self.row[1], self.row[0]])
        along, squared = G @ self.row, self.row @ G @ self.row / self.b**2
        pull = (np.outer(along, rule.C) + np.outer(across, np.sqrt(rule.C) * rule.n)) / self.b
        cross = self.fixed @ pull
        length = squared * rule.C * (rule.C + rule.n**2 + rule.K)
        (aa, ab), (_, bb) = self.fixed @ G @ self.fixed.T
        p, q = self.column
        aa, bb = aa + 2 * p * cross[0] + p * p * length, bb + 2 * q * cross[1] + q * q * length
        ab = ab + p * cross[1] + q * cross[0] + p * q * length
        size = aa + bb
        return 0.5 * np.log(size), ((aa - bb) + 2j * ab) / size

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degrees of polynomials, to be tried in turn."""
        return (12, 24, 48, 96) if self.d == 1 else (4, 8, 12, 16)

    def log_spectral(self, s: float, degree: int) -> Interval:
        """Return log h(s) with its Collatz-Wielandt bounds."""
        collocated, tested = self._rows(s, degree)
        return collocation.enclosed(collocated[:2], tested[:2])

    def lyapunov(self, degree: int) -> Interval:
        """Return rho with the bounds of the Poisson equation."""
        return collocation.stationary(*self._rows(0.0, degree))

    def _rows(self, s: float, degree: int) -> tuple[GrowingRows, GrowingRows]:
        """Return the basis, P_s of it and the mean log growth at the points of collocation, and at others."""
        detail = (
            degree / 8 if self.d == 1 else 1.0
        )  # the rule must resolve the polynomials along its only axis
        unit = np.ones(1)

        def rows(points: ComplexArray, fineness: float) -> GrowingRows:
            rule = Rule.of(self.d, self.b, s, fineness * detail)
            basis = [
                self._polynomials(degree, np.array([z], dtype=np.complex128), unit) for z in points
            ]
            applied, growth = zip(*(self._apply(s, degree, z, rule) for z in points), strict=True)
            return np.array(basis), np.array(applied), np.array(growth)

        return rows(_rings(degree, self.d), 1.0), rows(
            _rings(degree + 1, self.d, turn=0.31)[::2], 1.3
        )

    def _apply(self, s: float, degree: int, z: complex, rule: Rule) -> tuple[FloatArray, float]:
        log_growth, image = self.image(z.real, z.imag, rule)
        applied = self._polynomials(degree, image, rule.weight * np.exp(s * log_growth))
        return applied, float(rule.weight @ log_growth)

    def _polynomials(self, degree: int, z: ComplexArray, weight: FloatArray) -> FloatArray:
        """Return the weighted sums over z of r^k cos(k t) T_j(2r^2 - 1) and its sine twin, k + 2j <= degree."""
        powers = np.empty((degree + 1, z.size), dtype=complex)
        powers[0] = weight
        for k in range(degree):
            np.multiply(powers[k], z, out=powers[k + 1])
        chebyshev = np.ones((degree // 2 + 1 if self.d > 1 else 1, z.size))
        argument = 2 * (z.real**2 + z.imag**2) - 1
        for j in range(len(chebyshev) - 1):
            chebyshev[j + 1] = argument * chebyshev[j] * (2 if j else 1) - (
                chebyshev[j - 1] if j else 0
            )
        sums = chebyshev @ powers.real.T + 1j * (chebyshev @ powers.imag.T)
        j, k = np.indices(sums.shape)
        return np.concatenate(
            [sums.real[k + 2 * j <= degree], sums.imag[(k + 2 * j <= degree) & (k > 0)]]
        )


def _rings(degree: int, d: int, turn: float = 0.0) -> ComplexArray:
    """Return points of the disc on which polynomials of `degree` are determined; of the circle for d = 1."""
    rings = degree // 2 + 1 if d > 1 else 1
    angles = 2 * np.pi * (np.arange(2 * degree + 2) + turn) / (2 * degree + 2)
    radii = np.cos(np.pi * np.arange(rings) / (2 * rings - 1))
    shift = np.pi / (2 * degree + 2) * (np.arange(rings) % 2)
    points: ComplexArray = (radii[:, None] * np.exp(1j * (angles + shift[:, None]))).ravel()
    return points


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s), in the norm that a first pass finds to be right for s."""
    if s > collocation.LARGEST_ORDER:
        return UNKNOWN
    first = PhaseStep.of(setting, 0.0)
    found = collocation.log_spectral(first, s)
    if found.value == found.value or s <= 2:
        return found
    guess = first.log_spectral(s, first.degrees[0]).value
    return (
        collocation.log_spectral(PhaseStep.of(setting, 2 * guess / s), s)
        if guess == guess
        else found
    )


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return rho."""
    step = PhaseStep.of(setting, 0.0)
    for degree in step.degrees:
        found = step.lyapunov(degree)
        if found.upper - found.lower < _GOAL * abs(found.value):
            break
    return (
        found
        if found.upper - found.lower < _TRUSTED
        else Interval(float("nan"), found.lower, found.upper)
    )


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log h, if it agrees with the exact moments, h(alpha/2) and h(1.25 alpha); else the bracket."""
    step = PhaseStep.of(setting, 0.0)
    value, lower, upper = known = moment_bracket.exponent(setting)
    if value == value:
        return known
    found = collocation.exponent(step)
    bracket = Interval(float("nan"), max(lower, found.lower), min(upper, found.upper))
    if found.value != found.value or not lower <= found.upper or not found.lower <= upper:
        return bracket
    below, above = (collocation.log_spectral(step, f * found.value, _CHECK) for f in (0.5, 1.25))
    steeper = above.upper / 0.25 >= -below.lower / 0.5
    return found if below.upper < 0 < above.lower and steeper else bracket
