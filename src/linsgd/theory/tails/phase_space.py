r"""Isotropic Gaussian features with momentum, any dimension: the transfer operator on the disc of Gram matrices.

One step acts on (w, v) in R^d x R^d by M = M0 + M1 H_b, 2 x 2 matrices with the batch's H_b in place of a number. Only
the Gram matrix of (w, v) matters, and up to scale it is a point (x, y) of the unit disc,

    G = [[1 + x, y], [y, 1 - x]] / 2      (the boundary: w parallel to v; all there is for d = 1),

in coordinates adapted by the quadratic form Q with E M'Q M = h(2) Q: without them high orders are lost. With
H_b w = [C w + sqrt(C) |w| (n e + sqrt(K) e')] / b for C ~ chi2_b, n ~ N(0, 1), K ~ chi2_{d-2}, the next Gram matrix
is linear in G, so that P_s f = E |M u|^s f(M u) preserves polynomials for even s and is smooth for all s: M is
invertible and no kink arises. Collocation on disc polynomials then gives the positive eigenfunction f, and

    min P_s f / f  <=  h(s)  <=  max P_s f / f      (Collatz, Wielandt)

holds for any positive f: the bounds are those extremes over other points, integrated by a finer rule, so that they
see the error of the basis and of the rule both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.optimize import brentq

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.theory.tails.chi_square import gauss_rule, log_mass, log_nodes
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

ComplexArray = NDArray[np.complex128]

LARGEST_ORDER = 64.0
_CIRCLE_DEGREES = (12, 24, 48, 96)
_DISC_DEGREES = (4, 8, 12, 16)
_TRUSTED = 1.01  # ratios that spread more may hide points where f is negative
_GOAL = 1e-8  # width of the bounds on log h at which the degree is enough


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
        log_c, log_weight = log_nodes(b / 2, max(order, 0.0), b + 2 * max(order, 0.0), 1.3 / fineness)
        log_weight -= log_mass(b / 2)
        matters = log_weight + order * np.maximum(log_c - np.log(b + 2.0), 0) > -36
        points = int((16 + order / 2) * fineness)
        n, weight_n = hermegauss(points) if d > 1 else (np.zeros(1), np.ones(1))
        K, weight_k = gauss_rule(d - 2, points // 2) if d > 2 else (np.zeros(1), np.ones(1))
        axes = np.meshgrid(np.exp(log_c[matters]), n, K, indexing="ij")
        weight = np.exp(log_weight[matters, None, None]) * (weight_n / weight_n.sum())[:, None] * weight_k
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
    log_second: float

    @classmethod
    def of(cls, setting: Setting) -> "PhaseStep":
        """Return the step of heavy ball or Nesterov, features scaled to variance 1."""
        d, b, beta = setting.dimension, setting.batch, setting.momentum
        variance = float(setting.spectrum.mean())
        lr, decay = setting.lr * variance, setting.decay / variance
        velocity, push = np.array([-lr * decay, beta]), -lr
        memory = np.array([0.0, beta]) if setting.nesterov else np.zeros(2)
        ahead = 1 + beta if setting.nesterov else 1.0
        M0 = np.array([np.array([1.0, 0.0]) + ahead * velocity - memory, velocity])
        M1 = np.array([[ahead * push, 0.0], [push, 0.0]])
        Q, h2 = _adapted_form(M0, M1, 1 + (d + 1) / b)
        root = np.linalg.cholesky(Q).T
        back = np.linalg.inv(root)
        return cls(d, b, root @ M0 @ back, root @ M1[:, 0], back[0], float(np.log(h2)))

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

    def log_spectral(self, s: float, degree: int) -> Interval:
        """Return log h(s) with its Collatz-Wielandt bounds."""
        detail = degree / 8 if self.d == 1 else 1.0  # the rule must resolve the polynomials along its only axis
        rule, finer = (Rule.of(self.d, self.b, s, fineness * detail) for fineness in (1.0, 1.3))
        points = _rings(degree, self.d)
        basis = np.array([self._polynomials(degree, np.array([z], dtype=np.complex128), np.ones(1)) for z in points])
        applied = np.array([self._apply(s, degree, z, rule) for z in points])
        values, vectors = np.linalg.eig(np.linalg.lstsq(basis, applied, rcond=None)[0])
        top = values.real.argmax()
        f = vectors[:, top].real
        f = f * np.sign((basis @ f).sum())
        ratios = []
        for z in _rings(degree + 1, self.d, turn=0.31)[::2]:
            at = float(self._polynomials(degree, np.array([z], dtype=np.complex128), np.ones(1)) @ f)
            if at <= 0:
                return Interval(float("nan"), -np.inf, np.inf)
            ratios.append(float(self._apply(s, degree, z, finer) @ f) / at)
        if min(ratios) <= 0 or max(ratios) > _TRUSTED * min(ratios):
            return Interval(float("nan"), -np.inf, np.inf)
        lower, upper = np.log(min(ratios)) - 1e-12, np.log(max(ratios)) + 1e-12
        return Interval(float(np.clip(np.log(values[top].real), lower, upper)), float(lower), float(upper))

    def _apply(self, s: float, degree: int, z: complex, rule: Rule) -> FloatArray:
        log_growth, image = self.image(z.real, z.imag, rule)
        return self._polynomials(degree, image, rule.weight * np.exp(s * log_growth))

    def _polynomials(self, degree: int, z: ComplexArray, weight: FloatArray) -> FloatArray:
        """Return the weighted sums over z of r^k cos(k t) T_j(2r^2 - 1) and its sine twin, k + 2j <= degree."""
        powers = np.empty((degree + 1, z.size), dtype=complex)
        powers[0] = weight
        for k in range(degree):
            np.multiply(powers[k], z, out=powers[k + 1])
        chebyshev = np.ones((degree // 2 + 1 if self.d > 1 else 1, z.size))
        argument = 2 * (z.real**2 + z.imag**2) - 1
        for j in range(len(chebyshev) - 1):
            chebyshev[j + 1] = argument * chebyshev[j] * (2 if j else 1) - (chebyshev[j - 1] if j else 0)
        sums = chebyshev @ powers.real.T + 1j * (chebyshev @ powers.imag.T)
        j, k = np.indices(sums.shape)
        return np.concatenate([sums.real[k + 2 * j <= degree], sums.imag[(k + 2 * j <= degree) & (k > 0)]])


def _adapted_form(M0: FloatArray, M1: FloatArray, second: float) -> tuple[FloatArray, float]:
    """Return the positive Q with E M'QM = h(2) Q, where E H_b = 1 and E H_b^2 = `second`, and h(2)."""

    def pull_back(A: FloatArray, B: FloatArray) -> FloatArray:
        return np.kron(A.T, B.T).astype(np.float64)

    operator = pull_back(M0, M0) + pull_back(M0, M1) + pull_back(M1, M0) + second * pull_back(M1, M1)
    values, vectors = np.linalg.eig(operator)
    top = values.real.argmax()
    Q = vectors[:, top].real.reshape(2, 2)
    symmetric: FloatArray = (Q + Q.T) / (Q[0, 0] + Q[1, 1])
    return symmetric, float(values[top].real)


def _rings(degree: int, d: int, turn: float = 0.0) -> ComplexArray:
    """Return points of the disc on which polynomials of `degree` are determined; of the circle for d = 1."""
    rings = degree // 2 + 1 if d > 1 else 1
    angles = 2 * np.pi * (np.arange(2 * degree + 2) + turn) / (2 * degree + 2)
    radii = np.cos(np.pi * np.arange(rings) / (2 * rings - 1))
    shift = np.pi / (2 * degree + 2) * (np.arange(rings) % 2)
    points: ComplexArray = (radii[:, None] * np.exp(1j * (angles + shift[:, None]))).ravel()
    return points


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s)."""
    return _refined(PhaseStep.of(setting), _checked_order(s))


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return rho by Richardson extrapolation of the odd part of log h, which is convex and vanishes at 0."""
    step = PhaseStep.of(setting)

    def slope(s: float) -> Interval:
        ahead, behind = _refined(step, s, 100 * _GOAL * s), _refined(step, -s, 100 * _GOAL * s)
        error = (ahead.upper - ahead.lower + behind.upper - behind.lower) / (2 * s)
        return Interval.about((ahead.value - behind.value) / (2 * s), error)

    near, far = slope(0.01), slope(0.02)
    value = (4 * near.value - far.value) / 3
    return Interval.about(value, 2 * near.upper - 2 * near.value + abs(near.value - value) / 10)


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log h, found with as few polynomials as know its sign, bounded with as many as it takes."""
    step = PhaseStep.of(setting)

    def rough(s: float) -> float:
        for degree in _degrees(step):
            found = step.log_spectral(s, degree)
            if found.lower > 0 or found.upper < 0:
                return found.value / s
        return float("nan")

    low, high = 0.0, 2.0
    while high <= LARGEST_ORDER and (value := rough(high)) < 0:
        low, high = high, 2 * high
    if high > LARGEST_ORDER or np.isnan(value):
        return Interval(float("nan"), low, float("inf"))
    while low == 0 and high > 1e-3:
        low, high = (high / 2, high) if rough(high / 2) < 0 else (0.0, high / 2)
    if low == 0:
        return Interval(float("nan"), 0.0, high)
    found = _polished(step, float(brentq(rough, low, high, rtol=1e-3)))
    return found if low < found.lower <= found.upper < high else Interval(float("nan"), low, high)


def _polished(step: PhaseStep, start: float) -> Interval:
    """Return the root near `start`, by secant steps with few polynomials and a last one with bounds."""
    few = _degrees(step)[1]
    before, at = start * 1.001, start
    earlier, value = (step.log_spectral(s, few).value for s in (before, at))
    for _ in range(3):
        slope = (value - earlier) / (at - before)
        before, earlier, at = at, value, at - value / slope
        value = step.log_spectral(at, few).value
        if abs(at - before) < 1e-5 * at:
            break
    found = _refined(step, at)
    return Interval(at - found.value / slope, at - found.upper / slope, at - found.lower / slope)


def _degrees(step: PhaseStep) -> tuple[int, ...]:
    return _CIRCLE_DEGREES if step.d == 1 else _DISC_DEGREES


def _refined(step: PhaseStep, s: float, goal: float = _GOAL) -> Interval:
    """Return log h(s) with the first degree whose bounds are within the goal, or with the last."""
    for degree in _degrees(step):
        found = step.log_spectral(s, degree)
        if found.upper - found.lower < goal:
            break
    return found


def _checked_order(s: float) -> float:
    return domains.real("s", s, f"[0, {LARGEST_ORDER:g}]")
