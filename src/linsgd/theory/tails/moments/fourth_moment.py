r"""The fourth moment of the products with momentum, Gaussian features of any covariance.

One step acts on the modes x_i = (w_i, y_i) of the eigendirections of H = diag(h), y being what the
last displacement adds to w, and adds c (H_b w)_i. With p(x) = (w^2, w y, y^2), e = (1, 0, 0), g_i =
lr h_i / b and C the batch's chi2_b energy, Wick's theorem as in
`linsgd.theory.tails.moments.even_forms` gives the mean after a step of the quartic form sum_ij
p(x_i)'F_ij p(x_j), whose coefficients become

    L_ij'F_ij + (g_i e f_j' + f_i e' g_j) / 2,         L_ij = sum_kl E_kl g_i^k g_j^l N_k x N_l      (x of Kronecker),
    f_j = E[C R_j]'s_j + E[C^2] / 2 sum_k g_k p(c)'s_k g_j e,      R_j = N_0 + 2 g_j C N_1 + g_j^2 (C^2 - C) N_2,
    s_j = 2 sum_k g_k F_jk p(c) + 4 g_j F_jj(c, c),

F_jj(c, c) standing for the form of x that F_jj is with c in one place of either p. N_0, N_1, N_2
turn p(x) into the symmetrised products of M x with M x, of M x with c w and of c w with c w, M
being the step without gradient, and E_kl are polynomials in the moments of C. Directions of equal
eigenvalue share their coefficients and are counted. h(4) = mu where the forms s, of which there are
few, reproduce themselves through F = (mu - L)^{-1} (...).
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from linsgd.domains import FloatArray
from linsgd.theory.tails.moments.second_moment import step_matrices
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

LARGEST = 200  # distinct eigenvalues of H
_ROUNDING = 1e-12
_UNIT = 2.0**-52
_SAFETY = 10.0
_FINEST = 1e-15  # distance from the largest eigenvalue of an L, over the size of L, below which it hides h(4)
_INDEFINITE = 1e-6  # of a form, relatively: more is not rounding


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    few = setting.isotropic or np.unique(setting.spectrum).size <= LARGEST
    return (
        ""
        if setting.gaussian and few
        else f"Gaussian features, at most {LARGEST} distinct variances"
    )


@dataclass(frozen=True, slots=True, eq=False)
class FourthMoment:
    """For D distinct eigenvalues: g (D,), L' (D, D, 9, 9), what s sees of F (D, D, 9, 3), and f of s (3D, 3D)."""

    g: FloatArray
    own: FloatArray
    seen: FloatArray
    fed: FloatArray

    @classmethod
    def of(cls, setting: Setting) -> "FourthMoment":
        """Return the action on forms."""
        spectrum = setting.spectrum.mean(keepdims=True) if setting.isotropic else setting.spectrum
        h, counts = np.unique(spectrum, return_counts=True)
        counts = counts * (setting.dimension // spectrum.size)
        g = setting.lr * h / setting.batch
        N, push, within = _products(setting)
        # E C^k, exact
        m = [math.prod(setting.batch + 2 * i for i in range(k)) for k in range(5)]
        mixed = 2 * m[3] - 6 * m[2]
        E = np.array(
            [
                [1, 2 * m[1], m[2] - m[1]],
                [2 * m[1], 4 * (m[2] - m[1]), mixed],
                [m[2] - m[1], mixed, m[4] - 6 * m[3] + 3 * m[2]],
            ],
            dtype=float,
        )
        powers = g[:, None] ** np.arange(3)
        own = np.einsum("ik,jl,kl,kba,ldc->ijacbd", powers, powers, E, N, N, optimize=True)
        seen = np.multiply.outer(np.ones_like(g), 2 * g * counts)[..., None, None] * np.kron(
            np.eye(3), push[:, None]
        )
        own_mode = np.arange(g.size)
        seen[own_mode, own_mode] += 4 * g[:, None, None] * within.reshape(9, 3)
        fed = np.zeros((g.size, 3, g.size, 3))
        fed[own_mode, :, own_mode] = np.einsum(
            "jk,k,kba->jab", powers, [m[1], 2 * m[2], m[3] - m[2]], N
        )
        fed[:, 0] += m[2] / 2 * np.multiply.outer(np.multiply.outer(g, g * counts), push)
        return cls(g, own.reshape(g.size, g.size, 9, 9), seen, fed.reshape(3 * g.size, 3 * g.size))

    def log_mu(self, least: float) -> Interval:
        """Return log h(4), which is at least `least`, with what rounding L may move it by; bounds only close to a L."""
        first, second = np.triu_indices(self.g.size)
        floor = max(least, math.log(np.abs(np.linalg.eigvals(self.own[first, second])).max()))
        finest = _FINEST * max(1.0, float(np.abs(self.own).max() * np.exp(-floor)))
        low, high = self._crossing(floor, finest)
        if low <= finest:
            return Interval(float("nan"), least, floor + high + _ROUNDING)
        rise = float(brentq(lambda rise: self._excess(floor + rise), low, high, xtol=1e-16))
        log_mu = floor + rise
        if not self._is_top(log_mu):
            return Interval(float("nan"), least, floor + high + _ROUNDING)
        signs = np.random.default_rng(0).choice([-_UNIT, _UNIT], self.own.shape)
        moved = dataclasses.replace(self, own=self.own * (1 + signs))._excess(log_mu)
        slope = self._excess(log_mu + 0.01 * rise) / (0.01 * rise)
        error = _ROUNDING * (1 + abs(log_mu)) + _SAFETY * abs(moved) / slope
        return Interval(log_mu, max(least, log_mu - error), log_mu + error)

    def _crossing(self, floor: float, finest: float) -> tuple[float, float]:
        """Return bounds on the rise of log h(4) above `floor`, searched from above to `finest`."""
        high = 1.0
        while self._excess(floor + high) < 0:
            high *= 4
        low = high / 8
        while low > finest and self._excess(floor + low) > 0:
            low, high = low / 8, low
        return low, high

    def _excess(self, log_mu: float) -> float:
        """Return 1/k - 1, k being the radius of what reproduces s: it rises with mu through 0 at h(4)."""
        return 1 / float(np.linalg.eigvals(self._reproduction(log_mu)).real.max()) - 1

    def _reproduction(self, log_mu: float) -> FloatArray:
        """Return the matrix (3D, 3D) that takes s to what is seen of (mu - L)^{-1} (g e f' + ...) / 2."""
        size, modes = self.g.size, np.arange(self.g.size)
        level = math.exp(log_mu) * np.eye(9) - self.own.transpose(0, 1, 3, 2)
        solved = np.linalg.solve(level, self.seen).reshape(size, size, 3, 3, 3)
        matrix = np.einsum("j,jkbm->jmkb", self.g / 2, solved[:, :, 0])
        matrix[modes, :, modes] += np.einsum("k,jkam->jma", self.g / 2, solved[:, :, :, 0])
        product: FloatArray = matrix.reshape(3 * size, 3 * size) @ self.fed
        return product

    def _is_top(self, log_mu: float) -> bool:
        """Whether the forms s of an eigenvalue are nowhere negative: then no other is larger (Krein, Rutman)."""
        values, vectors = np.linalg.eig(self._reproduction(log_mu))
        w, across, y = vectors[:, values.real.argmax()].real.reshape(-1, 3).T
        trace, discriminant = w + y, np.hypot(w - y, across)
        return bool(
            (discriminant <= np.abs(trace) * (1 + _INDEFINITE)).all()
            and abs(np.sign(trace).sum()) == w.size
        )


def _products(setting: Setting) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return N (3, 3, 3), p(c) (3,), and the forms (3, 3, 3) that monomials of p x p are with c in one place each."""
    fixed, push = step_matrices(setting)
    tie = fixed[0, 1]
    M = np.array([[fixed[0, 0], 1.0], [fixed[1, 0] * tie, fixed[1, 1]]])
    c = push[:, 0] / setting.lr * [1.0, tie]
    kick = np.outer(c, [1.0, 0.0])
    N = np.array([_symmetrised(a, b) for a, b in ((M, M), (M, kick), (kick, kick))])
    halves = [np.array([c[0], 0.0]), np.array([c[1], c[0]]) / 2, np.array([0.0, c[1]])]
    return (
        N,
        np.array([c[0] ** 2, c[0] * c[1], c[1] ** 2]),
        np.array([[_form(a, b) for b in halves] for a in halves]),
    )


def _form(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the coefficients in p(x) of (a.x) (b.x)."""
    return np.array([a[0] * b[0], a[0] * b[1] + a[1] * b[0], a[1] * b[1]])


def _symmetrised(A: FloatArray, B: FloatArray) -> FloatArray:
    """Return the matrix that takes p(x) to the symmetrised products of A x and B x."""
    return np.array(
        [_form(A[0], B[0]), (_form(A[0], B[1]) + _form(A[1], B[0])) / 2, _form(A[1], B[1])]
    )
