r"""Isotropic Gaussian features with momentum: the transfer operator on the disc of Gram matrices.

One step acts on (w, v) in R^d x R^d by M = M0 + M1 H_b, 2 x 2 matrices with the batch's H_b in
place of a number. Only the Gram matrix of (w, v) matters, and up to scale it is a point (x, y) of
the unit disc,

    G = [[1 + x, y], [y, 1 - x]] / 2      (the boundary: w parallel to v; all there is for d = 1),

in coordinates adapted by the form Q of `linsgd.theory.tails.moments.second_moment`: in others high
orders are not resolved. With H_b w = [C w + sqrt(C) |w| (n e + sqrt(K) e')] / b for C ~ chi2_b, n ~
N(0, 1), K ~ chi2_{d-2}, the next Gram matrix is linear in G, so that P_s f = E |M u|^s f(M u)
preserves polynomials for even s and is smooth for all s: M is invertible and no kink arises. Its
positive eigenfunction is found by collocation on disc polynomials.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

from linsgd.domains import FloatArray
from linsgd.theory.tails.isotropic.chi_square import gauss_rule, log_mass, log_nodes
from linsgd.theory.tails.moments import even_moments
from linsgd.theory.tails.moments.second_moment import SecondMoment, step_matrices
from linsgd.theory.tails.momentum import collocation
from linsgd.theory.tails.momentum.collocation import Rows
from linsgd.theory.tails.result import UNKNOWN, Interval
from linsgd.theory.tails.sample_budget import UNLIMITED, SampleBudget
from linsgd.theory.tails.setting import Setting

_GOAL = 1e-5  # relative width of the bounds on rho at which the degree is enough
_TRUSTED = 1e-2  # bounds on rho that are farther apart come without a value
_CHECK = 1e-3  # width of the bounds on log h that shows its sign
_BELOW, _ABOVE = 0.5, 1.25  # orders over alpha at which the signs of log h are checked
_DEPTH = 36.0  # -log of the weights that are left out
_FINER = 1.3  # fineness of the rule of the tested points
_TURN = 0.31  # of the tested points between the collocated ones, in units of their distance

ComplexArray = NDArray[np.complex128]


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if the method applies."""
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
        growth = max(order, 0.0)
        # C ~ chi2_b
        log_c, log_weight = log_nodes(b / 2, growth, b + 2 * growth, 1.3 / fineness)
        log_weight -= log_mass(b / 2)
        log_integrand = log_weight + order * np.maximum(log_c - np.log(b + 2.0), 0)
        kept = log_integrand > -_DEPTH
        C = np.exp(log_c[kept])
        C_weight = np.exp(log_weight[kept, None, None])
        # n ~ N(0, 1) and K ~ chi2_{d - 2}, where there are so many features
        n = K = np.zeros(1)
        n_weight = K_weight = np.ones(1)
        points = int((16 + order / 2) * fineness)
        if d > 1:
            n, n_weight = hermegauss(points)
        if d > 2:
            K, K_weight = gauss_rule(d - 2, points // 2)
        weight = C_weight * (n_weight / n_weight.sum())[:, None] * K_weight
        C, n, K = (axis.ravel() for axis in np.meshgrid(C, n, K, indexing="ij"))
        return cls(C, n, K, weight.ravel())


@dataclass(frozen=True, slots=True, eq=False)
class GramStep:
    """One step in adapted coordinates: u' = fixed u + column (H_b w), w = row u.

    Attributes
    ----------
    d, b : int
        Features and batch.
    fixed : ndarray (2, 2)
        The step without gradient.
    column, row : ndarray (2,)
        What a gradient adds, and the coordinates of w.
    """

    d: int
    b: int
    fixed: FloatArray
    column: FloatArray
    row: FloatArray

    @classmethod
    def of(cls, setting: Setting, log_radius: float) -> "GramStep":
        """Return the step in the adapted norm for h(s)^{2/s} near exp(log_radius).

        Features are scaled to variance 1.
        """
        fixed, push = step_matrices(setting)
        variance = float(setting.spectrum.mean())
        moment = SecondMoment.of(setting)
        assert moment is not None  # Gaussian features have moments of every order
        # |R u| is the norm of Q = R'R
        Q = moment.form(log_radius)[..., 0]
        R = np.linalg.cholesky(Q).T
        back = np.linalg.inv(R)
        return cls(
            d=setting.dimension,
            b=setting.batch,
            fixed=R @ fixed @ back,
            column=R @ push[:, 0] * variance,
            row=back[0],
        )

    def image(self, x: float, y: float, rule: Rule) -> tuple[FloatArray, ComplexArray]:
        """Return the image of a point of the disc for each node of the rule.

        Returns
        -------
        log_growth : ndarray (q,)
            log |M u|.
        point : ndarray (q,)
            Its x + iy.
        """
        C = rule.C
        n = rule.n
        K = rule.K
        b = self.b
        G = np.array([[1 + x, y], [y, 1 - x]]) / 2
        # u'H_b w = [C G row + sqrt(C) n sqrt(det G) row_perp] / b, each (2, q)
        root_det = np.sqrt(max(1 - x * x - y * y, 0.0)) / 2
        row_perp = np.array([-self.row[1], self.row[0]])
        along = np.outer(G @ self.row, C)
        across = np.outer(root_det * row_perp, np.sqrt(C) * n)
        overlap = (along + across) / b
        # |H_b w|^2 = |w|^2 C (C + n^2 + K) / b^2
        squared = self.row @ G @ self.row / b**2
        gradient = squared * C * (C + n**2 + K)
        # G' = fixed G fixed' + fixed overlap column' + its transpose + |H_b w|^2 column column'
        (xx, xy), (_, yy) = self.fixed @ G @ self.fixed.T
        p, q = self.column
        first, second = self.fixed @ overlap
        xx = xx + 2 * p * first + p * p * gradient
        yy = yy + 2 * q * second + q * q * gradient
        xy = xy + p * second + q * first + p * q * gradient
        # |M u|^2 = tr G', and the point is (G'_xx - G'_yy + 2 i G'_xy) / tr G'
        trace = xx + yy
        point = ((xx - yy) + 2j * xy) / trace
        return 0.5 * np.log(trace), point

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degrees of polynomials, to be tried in turn."""
        return (12, 24, 48, 96) if self.d == 1 else (4, 8, 12, 16)

    def log_spectral(self, s: float, degree: int) -> Interval:
        """Return log h(s) with its Collatz-Wielandt bounds."""
        return collocation.spectral_radius(*self._rows(s, degree))

    def lyapunov(self, degree: int) -> Interval:
        """Return rho with the bounds of the Poisson equation."""
        return collocation.poisson_solution(*self._rows(0.0, degree))

    def _rows(self, s: float, degree: int) -> tuple[Rows, Rows]:
        """Return the rows at the collocated points and, by a finer rule, at tested ones."""
        # for d = 1 the rule must resolve the polynomials along its only axis
        detail = degree / 8 if self.d == 1 else 1.0
        collocated = _rings(degree, self.d)
        tested = _rings(degree + 1, self.d, turn=_TURN)[::2]
        return (
            self._rows_at(collocated, s, degree, detail),
            self._rows_at(tested, s, degree, _FINER * detail),
        )

    def _rows_at(self, points: ComplexArray, s: float, degree: int, fineness: float) -> Rows:
        """Return the basis, P_s of it and the mean log growth at points of the disc."""
        rule = Rule.of(self.d, self.b, s, fineness)
        basis, applied, growth = [], [], []
        for z in points:
            here = np.array([z], dtype=np.complex128)
            basis.append(self._polynomials(degree, here, np.ones(1)))
            log_growth, image = self.image(z.real, z.imag, rule)
            weight = rule.weight * np.exp(s * log_growth)
            applied.append(self._polynomials(degree, image, weight))
            growth.append(float(rule.weight @ log_growth))
        return Rows(np.array(basis), np.array(applied), np.array(growth))

    def _polynomials(self, degree: int, z: ComplexArray, weight: FloatArray) -> FloatArray:
        """Return sum_q weight_q of the disc polynomials at z (q,).

        These are r^k cos(k t) T_j(2 r^2 - 1), k + 2j <= degree, and with the sine.
        """
        # weight z^k
        powers = np.empty((degree + 1, z.size), dtype=complex)
        powers[0] = weight
        for k in range(degree):
            np.multiply(powers[k], z, out=powers[k + 1])
        # T_j(2 r^2 - 1) by T_1 = x, T_{j+1} = 2 x T_j - T_{j-1}; 1 alone on the circle
        argument = 2 * (z.real**2 + z.imag**2) - 1
        number = degree // 2 + 1 if self.d > 1 else 1
        chebyshev = np.ones((number, z.size))
        for j in range(number - 1):
            before = chebyshev[j - 1] if j else 0
            factor = 2 if j else 1
            chebyshev[j + 1] = argument * chebyshev[j] * factor - before
        cosines = chebyshev @ powers.real.T
        sines = chebyshev @ powers.imag.T
        j, k = np.indices(cosines.shape)
        kept = k + 2 * j <= degree
        return np.concatenate([cosines[kept], sines[kept & (k > 0)]])


def _rings(degree: int, d: int, turn: float = 0.0) -> ComplexArray:
    """Return points of the disc that determine polynomials of `degree`; of the circle for d = 1."""
    around = 2 * degree + 2
    rings = degree // 2 + 1 if d > 1 else 1
    angles = 2 * np.pi * (np.arange(around) + turn) / around
    radii = np.cos(np.pi * np.arange(rings) / (2 * rings - 1))
    # every other ring is turned by half a step
    shift = np.pi / around * (np.arange(rings) % 2)
    directions = np.exp(1j * (angles + shift[:, None]))
    points: ComplexArray = (radii[:, None] * directions).ravel()
    return points


def log_spectral(setting: Setting, s: float, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return log h(s), where it is not resolved at first, in the norm suited to s."""
    if s > collocation.LARGEST_ORDER:
        return UNKNOWN
    step = GramStep.of(setting, 0.0)
    found = collocation.log_spectral(step, s)
    if found.resolved or s <= 2:
        return found
    guess = step.log_spectral(s, step.degrees[0])
    if not guess.resolved:
        return found
    return collocation.log_spectral(GramStep.of(setting, 2 * guess.value / s), s)


def lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return rho."""
    step = GramStep.of(setting, 0.0)
    for degree in step.degrees:
        found = step.lyapunov(degree)
        if found.width < _GOAL * abs(found.value):
            break
    return found if found.width < _TRUSTED else Interval.between(found.lower, found.upper)


def rough_lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> float:
    """Return rho by the second lowest degree."""
    step = GramStep.of(setting, 0.0)
    return step.lyapunov(step.degrees[1]).value


def exponent(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return the root of log h if it agrees with the even moments, else the bounds of both.

    It must lie within the bracket of the exact even moments, and log h must be negative at half of
    it and positive beyond it, more steeply: a root of another branch does not pass.
    """
    known = even_moments.exponent(setting)
    if known.resolved:
        return known
    step = GramStep.of(setting, 0.0)
    found = collocation.exponent(step)
    bracket = Interval.between(*found.within(known.lower, known.upper)[1:])
    if not (found.resolved and known.lower <= found.upper and found.lower <= known.upper):
        return bracket
    below = collocation.log_spectral(step, _BELOW * found.value, _CHECK)
    above = collocation.log_spectral(step, _ABOVE * found.value, _CHECK)
    steeper = above.upper / (_ABOVE - 1) >= -below.lower / (1 - _BELOW)
    return found if below.upper < 0 < above.lower and steeper else bracket
