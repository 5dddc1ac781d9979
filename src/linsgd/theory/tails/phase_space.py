r"""Isotropic Gaussian features with momentum, any dimension: the transfer operator on the disc of Gram matrices.

One step acts on (w, v) in R^d x R^d by M = M0 + M1 H_b, 2 x 2 matrices with the batch's H_b in place of a number. Only
the Gram matrix of (w, v) matters, and up to scale it is a point (x, y) of the unit disc,

    G = [[1 + x, y], [y, 1 - x]] / 2      (the boundary: w parallel to v; all there is for d = 1),

in coordinates adapted by the quadratic form Q with E M'Q M = h(2) Q: without them high orders are lost. With
H_b w = [C w + sqrt(C) |w| (n e + sqrt(K) e')] / b for C ~ chi2_b, n ~ N(0, 1), K ~ chi2_{d-2}, the next Gram matrix
is linear in G, so that P_s f = E |M u|^s f(M u) preserves polynomials for even s and is smooth for all s: M is
invertible and no kink arises. Its positive eigenfunction is found by collocation on disc polynomials.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

from linsgd.domains import FloatArray
from linsgd.theory.tails import collocation
from linsgd.theory.tails.chi_square import gauss_rule, log_mass, log_nodes
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

ComplexArray = NDArray[np.complex128]


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

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degrees of polynomials, to be tried in turn."""
        return (12, 24, 48, 96) if self.d == 1 else (4, 8, 12, 16)

    def log_spectral(self, s: float, degree: int) -> Interval:
        """Return log h(s) with its Collatz-Wielandt bounds."""
        detail = degree / 8 if self.d == 1 else 1.0  # the rule must resolve the polynomials along its only axis
        rule, finer = (Rule.of(self.d, self.b, s, fineness * detail) for fineness in (1.0, 1.3))
        unit = np.ones(1)

        def rows(points: ComplexArray, rule: Rule) -> tuple[FloatArray, FloatArray]:
            basis = [self._polynomials(degree, np.array([z], dtype=np.complex128), unit) for z in points]
            return np.array(basis), np.array([self._apply(s, degree, z, rule) for z in points])

        return collocation.enclosed(
            rows(_rings(degree, self.d), rule), rows(_rings(degree + 1, self.d, turn=0.31)[::2], finer)
        )

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
    return collocation.log_spectral(PhaseStep.of(setting), s)


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return rho."""
    return collocation.lyapunov(PhaseStep.of(setting))


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log h."""
    return collocation.exponent(PhaseStep.of(setting))
