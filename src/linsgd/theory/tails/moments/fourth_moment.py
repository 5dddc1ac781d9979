r"""The fourth moment of the products with momentum, Gaussian features of any covariance.

One step acts on the modes x_i = (w_i, y_i) of the eigendirections of H = diag(h), y being what the
last displacement adds to w, and adds c (H_b w)_i. With p(x) = (w^2, w y, y^2), e = (1, 0, 0), g_i =
lr h_i / b and C the batch's chi2_b energy, Wick's theorem as in
`linsgd.theory.tails.moments.even_forms` gives the mean after a step of the quartic form sum_ij
p(x_i)'F_ij p(x_j), whose coefficients become

    L_ij'F_ij + (g_i e f_j' + f_i e' g_j) / 2,
    L_ij = sum_kl E_kl g_i^k g_j^l N_k x N_l                       (x of Kronecker),
    f_j = E[C R_j]'s_j + E[C^2] / 2 sum_k g_k p(c)'s_k g_j e,
    R_j = N_0 + 2 g_j C N_1 + g_j^2 (C^2 - C) N_2,
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

from linsgd.domains import FloatArray, IntArray
from linsgd.theory.tails.moments.second_moment import step_matrices
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

LARGEST = 200  # distinct eigenvalues of H
_ROUNDING = 1e-12  # of log h(4), beside what rounding in L moves it by
_UNIT = 2.0**-52
_SAFETY = 10.0  # over the effect of one random rounding of L
_FINEST = 1e-15  # rise above the largest eigenvalue of an L, over the size of L, that is resolved
_INDEFINITE = 1e-6  # of a form, relatively: more is not rounding


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if h(4) is known."""
    few = setting.isotropic or np.unique(setting.spectrum).size <= LARGEST
    if setting.gaussian and few:
        return ""
    return f"Gaussian features, at most {LARGEST} distinct variances"


@dataclass(frozen=True, slots=True, eq=False)
class FourthMoment:
    """The action of one step on quartic forms, for D distinct eigenvalues.

    Attributes
    ----------
    g : ndarray (D,)
        lr h / b.
    own : ndarray (D, D, 9, 9)
        L'.
    forms : ndarray (D, D, 9, 3)
        From F to s: s_j = sum_k F_jk forms_jk.
    sources : ndarray (3D, 3D)
        From s to f.
    """

    g: FloatArray
    own: FloatArray
    forms: FloatArray
    sources: FloatArray

    @classmethod
    def of(cls, setting: Setting) -> "FourthMoment":
        """Return the action of a setting's step."""
        spectrum = setting.spectrum.mean(keepdims=True) if setting.isotropic else setting.spectrum
        h, counts = np.unique(spectrum, return_counts=True)
        counts = counts * (setting.dimension // spectrum.size)
        b = setting.batch
        g = setting.step_size * h / b
        m = [math.prod(b + 2 * i for i in range(k)) for k in range(5)]  # E C^k, exact
        N = _symmetrised_products(setting)
        c = _gradient_column(setting)
        return cls(
            g=g,
            own=_own(g, m, N),
            forms=_forms(g, counts, c),
            sources=_sources(g, counts, m, N, c),
        )

    def log_mu(self, least: float) -> Interval:
        """Return log h(4), given a lower bound of it.

        The error is that of rounding L. Where h(4) is so close to the largest eigenvalue of an L
        that rounding hides it, only bounds are returned.
        """
        first, second = np.triu_indices(self.g.size)
        radius = np.abs(np.linalg.eigvals(self.own[first, second])).max()
        floor = max(least, math.log(radius))
        size = float(np.abs(self.own).max() * np.exp(-floor))
        finest = _FINEST * max(1.0, size)
        low, high = self._crossing(floor, finest)
        unresolved = Interval.between(least, floor + high + _ROUNDING)
        if low <= finest:
            return unresolved
        rise = float(brentq(lambda rise: self._excess(floor + rise), low, high, xtol=1e-16))
        log_mu = floor + rise
        if not self._is_largest(log_mu):
            return unresolved
        slope = self._excess(log_mu + 0.01 * rise) / (0.01 * rise)
        shift = abs(self._rounded()._excess(log_mu)) / slope
        error = _ROUNDING * (1 + abs(log_mu)) + _SAFETY * shift
        return Interval(log_mu, max(least, log_mu - error), log_mu + error)

    def _rounded(self) -> "FourthMoment":
        """Return the action with every entry of L rounded up or down at random."""
        signs = np.random.default_rng(0).choice([-_UNIT, _UNIT], self.own.shape)
        return dataclasses.replace(self, own=self.own * (1 + signs))

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
        """Return 1/k - 1, k the spectral radius of s -> s; it rises with mu through 0 at h(4)."""
        radius = np.linalg.eigvals(self._reproduction(log_mu)).real.max()
        return 1 / float(radius) - 1

    def _reproduction(self, log_mu: float) -> FloatArray:
        """Return the matrix (3D, 3D) of s -> f -> F = (mu - L)^{-1} (g e f' + f e'g) / 2 -> s."""
        D = self.g.size
        level = math.exp(log_mu) * np.eye(9) - self.own.transpose(0, 1, 3, 2)
        # forms (mu - L)^{-1}: [j, k, a, b, m], (a, b) the entry of the source, m that of s_j
        solved = np.linalg.solve(level, self.forms).reshape(D, D, 3, 3, 3)
        # the sources g_j e f_k' have a = w^2, f_j e' g_k have b = w^2
        half = self.g / 2
        from_sources = np.einsum("j,jkbm->jmkb", half, solved[:, :, 0])
        to_itself = np.einsum("k,jkam->jma", half, solved[:, :, :, 0])
        modes = np.arange(D)
        from_sources[modes, :, modes] += to_itself
        product: FloatArray = from_sources.reshape(3 * D, 3 * D) @ self.sources
        return product

    def _is_largest(self, log_mu: float) -> bool:
        """Return whether the forms s are nowhere negative.

        Then no eigenvalue is larger (Krein, Rutman).
        """
        values, vectors = np.linalg.eig(self._reproduction(log_mu))
        leading = vectors[:, values.real.argmax()].real
        w, across, y = leading.reshape(-1, 3).T
        # w x^2 + across x y + y y^2 is definite where |(w - y, across)| <= |w + y|
        trace = w + y
        discriminant = np.hypot(w - y, across)
        definite = discriminant <= np.abs(trace) * (1 + _INDEFINITE)
        one_sign = abs(np.sign(trace).sum()) == w.size
        return bool(definite.all() and one_sign)


def _own(g: FloatArray, m: list[int], N: FloatArray) -> FloatArray:
    """Return L' (D, D, 9, 9), L_ij = sum_kl E_kl g_i^k g_j^l N_k x N_l."""
    # polynomials in the moments m_k = E C^k
    single = m[1]
    double = m[2] - m[1]
    mixed = 2 * m[3] - 6 * m[2]
    quadruple = m[4] - 6 * m[3] + 3 * m[2]
    E = np.array(
        [[1, 2 * single, double], [2 * single, 4 * double, mixed], [double, mixed, quadruple]],
        dtype=float,
    )
    powers = g[:, None] ** np.arange(3)
    own = np.einsum("ik,jl,kl,kba,ldc->ijacbd", powers, powers, E, N, N, optimize=True)
    flat: FloatArray = own.reshape(g.size, g.size, 9, 9)
    return flat


def _forms(g: FloatArray, counts: IntArray, c: FloatArray) -> FloatArray:
    """Return the map (D, D, 9, 3) of F to s_j = 2 sum_k g_k F_jk p(c) + 4 g_j F_jj(c, c)."""
    # of F_jk, (9, 3): F p(c), each eigenvalue as often as it occurs
    contraction = np.kron(np.eye(3), _square(c)[:, None])
    weight = np.multiply.outer(np.ones_like(g), 2 * g * counts)
    forms: FloatArray = weight[..., None, None] * contraction
    # of F_jj, (9, 3): c in one place of w^2, w y and y^2 of either p
    in_w2 = np.array([c[0], 0.0])
    in_wy = np.array([c[1], c[0]]) / 2
    in_y2 = np.array([0.0, c[1]])
    places = [in_w2, in_wy, in_y2]
    once = np.array([[_form(a, b) for b in places] for a in places]).reshape(9, 3)
    modes = np.arange(g.size)
    forms[modes, modes] += 4 * g[:, None, None] * once
    return forms


def _sources(
    g: FloatArray, counts: IntArray, m: list[int], N: FloatArray, c: FloatArray
) -> FloatArray:
    """Return the map (3D, 3D) of s to f_j = E[C R_j]'s_j + E[C^2]/2 sum_k g_k p(c)'s_k g_j e."""
    D = g.size
    modes = np.arange(D)
    sources = np.zeros((D, 3, D, 3))
    # E[C R_j], R_j = N_0 + 2 g_j C N_1 + g_j^2 (C^2 - C) N_2
    powers = g[:, None] ** np.arange(3)
    means = [m[1], 2 * m[2], m[3] - m[2]]
    sources[modes, :, modes] = np.einsum("jk,k,kba->jab", powers, means, N)
    # every g_k p(c)'s_k adds to the entry w^2 of f_j
    pairs = np.multiply.outer(g, g * counts)
    sources[:, 0] += m[2] / 2 * np.multiply.outer(pairs, _square(c))
    return sources.reshape(3 * D, 3 * D)


def _gradient_column(setting: Setting) -> FloatArray:
    """Return c (2,), what (H_b w)_i adds to x_i = (w_i, y_i), y what v adds to w."""
    fixed, push = step_matrices(setting)
    column: FloatArray = push[:, 0] / setting.step_size * [1.0, fixed[0, 1]]
    return column


def _symmetrised_products(setting: Setting) -> FloatArray:
    """Return N (3, 3, 3): of M x with M x, of M x with c w and of c w with c w."""
    fixed, _ = step_matrices(setting)
    memory = fixed[0, 1]
    M = np.array([[fixed[0, 0], 1.0], [fixed[1, 0] * memory, fixed[1, 1]]])
    gradient = np.outer(_gradient_column(setting), [1.0, 0.0])
    pairs = ((M, M), (M, gradient), (gradient, gradient))
    return np.array([_symmetrised(A, B) for A, B in pairs])


def _square(c: FloatArray) -> FloatArray:
    """Return p(c) = (w^2, w y, y^2)."""
    return np.array([c[0] ** 2, c[0] * c[1], c[1] ** 2])


def _form(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the coefficients in p(x) of (a.x) (b.x)."""
    return np.array([a[0] * b[0], a[0] * b[1] + a[1] * b[0], a[1] * b[1]])


def _symmetrised(A: FloatArray, B: FloatArray) -> FloatArray:
    """Return the matrix that takes p(x) to the symmetrised products of A x and B x."""
    across = (_form(A[0], B[1]) + _form(A[1], B[0])) / 2
    return np.array([_form(A[0], B[0]), across, _form(A[1], B[1])])
