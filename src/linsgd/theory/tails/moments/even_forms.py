r"""The action of one step on forms of degree 1, 2, 3 in p_i = u_i^2.

Gaussian features of any covariance, no momentum. Along the eigenvectors of H = diag(h), with C the
batch's chi2_b energy along H^{1/2} u, c = lr / b, a = 1 - lr decay, the vector A u is Gaussian
given C (a batch of b features is one chi-square and one normal vector):

    mean_i = m_i u_i,                       m_i = a - g_i C,        g_i = c h_i,
    Cov_ij = c^2 C h_i (delta_ij q - h_j u_i u_j),                  q = sum_k h_k p_k.

With r_i = m_i^2 - g_i^2 C, t_i = c g_i and W_ij = 2 g_i^2 g_j^2 C^2 - 4 g_i g_j C m_i m_j, Wick's
theorem gives E f(A u) for f = sum_i F_i p_i, sum_ij F_ij p_i p_j and sum_ijk F_ijk p_i p_j p_k, F
symmetric, as

    sum_i E[r_i] F_i p_i + q E[C] sum_i t_i F_i;

    sum_ij E[r_i r_j + W_ij] F_ij p_i p_j + q sum_i E[C r_i] (2 (Ft)_i + 4 t_i F_ii) p_i
      + q^2 E[C^2] (t'Ft + 2 sum_i t_i^2 F_ii);

    sum_ijk E[r_i r_j r_k + 3 W_ij r_k - 8 g_i^2 g_j^2 g_k^2 C^3 + 24 g_i g_j g_k^2 C^2 m_i m_j]
    F_ijk p_i p_j p_k
      + q sum_ij E[C (r_i r_j + W_ij)] (3 (Ft)_ij + 12 t_i F_iij) p_i p_j + q^2 sum_i E[C^2 r_i] (3
      (Ftt)_i + 6 sum_k t_k^2 F_kki + 12 t_i sum_k t_k F_iik + 24 t_i^2 F_iii) p_i + q^3 E[C^3]
      (Fttt + 6 sum_ik t_i^2 t_k F_iik + 8 sum_i t_i^3 F_iii),

polynomials in C whose means are known. The classes below return the new coefficients less a^order
times the old ones, which cancel in h - 1. With `sign` = 1 in place of -1 every term is replaced by
its size: that sum, times the rounding error of a chain of operations, bounds the error of the
result.
"""

import math
from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.tails.setting import Setting


@dataclass(frozen=True, slots=True, eq=False)
class StepPolynomials:
    """The polynomials in C of one step, or with `sign` = 1 those of the sizes of their terms."""

    setting: Setting
    sign: int

    @property
    def a(self) -> float:
        """The shrinkage a, or |a|."""
        return self.setting.shrinkage if self.sign < 0 else abs(self.setting.shrinkage)

    @property
    def g(self) -> FloatArray:
        """The step along each axis per sample, c h (d,)."""
        return self.setting.step_size * self.setting.spectrum / self.setting.batch

    @property
    def t(self) -> FloatArray:
        """The weights c g of C q in E p after the step (d,)."""
        return self.setting.step_size / self.setting.batch * self.g

    @property
    def r(self) -> FloatArray:
        """Coefficients (d, 3) of r = a^2 - (2 a g + g^2) C + g^2 C^2."""
        a, g = self.a, self.g
        constant = np.full_like(g, a * a)
        linear = self.sign * (2 * a * g + g * g)
        return np.stack([constant, linear, g * g], axis=1)

    @property
    def gm(self) -> FloatArray:
        """Coefficients (d, 2) of g m = g (a - g C)."""
        return np.stack([self.g * self.a, self.sign * self.g**2], axis=1)

    def moments(self, first: int, *lengths: int) -> FloatArray:
        """Return E C^{first + i + j + ...} (lengths), but 0 for E C^0.

        The terms of E C^0 are those that cancel in h - 1.
        """
        b = self.setting.batch
        # E C^k = b (b + 2) ... (b + 2 k - 2)
        positive = [float(math.prod(b + 2 * i for i in range(k))) for k in range(1, 7)]
        table = np.array([0.0, *positive])
        powers = first + np.indices(lengths).sum(axis=0)
        chosen: FloatArray = table[powers]
        return chosen

    def singles(self, first: int) -> FloatArray:
        """Return E[C^first r_i] (d,)."""
        return self.r @ self.moments(first, 3)

    def pairs(self, first: int) -> FloatArray:
        """Return E[C^first (r_i r_j + W_ij)] (d, d)."""
        squares = self.g**2
        own = self.r @ self.moments(first, 3, 3) @ self.r.T
        # W_ij = 2 g_i^2 g_j^2 C^2 - 4 g_i m_i g_j m_j C
        quadratic = 2 * self.moments(first + 2)[()] * np.outer(squares, squares)
        linear = self.gm @ self.moments(first + 1, 2, 2) @ self.gm.T
        return own + quadratic + self.sign * 4 * linear

    def triples(self) -> FloatArray:
        """Return the factor (d, d, d) of p_i p_j p_k F_ijk, symmetrised.

        E[r_i r_j r_k - 8 g_i^2 g_j^2 g_k^2 C^3] and, over the three choices of k,
        E[W_ij r_k + 8 g_i m_i g_j m_j g_k^2 C^2].
        """
        r = self.r
        gm = self.gm
        squares = self.g**2
        sign = self.sign
        cubes = np.einsum("i,j,k->ijk", squares, squares, squares)
        own = np.einsum("ia,jb,kc,abc->ijk", r, r, r, self.moments(0, 3, 3, 3), optimize=True)
        own += sign * 8 * self.moments(3)[()] * cubes
        # E[W_ij r_k], quadratic and linear part
        mixed = 2 * np.einsum("i,j,k->ijk", squares, squares, self.singles(2))
        moments = self.moments(1, 2, 2, 3)
        linear = np.einsum("ia,jb,kc,abc->ijk", gm, gm, r, moments, optimize=True)
        mixed += sign * 4 * linear
        # E[8 g_i m_i g_j m_j g_k^2 C^2]
        products = gm @ self.moments(2, 2, 2) @ gm.T
        mixed += 8 * np.einsum("ij,k->ijk", products, squares)
        symmetric: FloatArray = own + _over_axes(mixed)
        return symmetric


def _over_axes(F: FloatArray) -> FloatArray:
    """Return F_ijk + F_jki + F_kij of an F (d, d, d) that is symmetric in its first two indices."""
    total: FloatArray = F + np.moveaxis(F, 2, 0) + np.moveaxis(F, 2, 1)
    return total


class Second:
    """The action on sum_i F_i p_i."""

    order = 2

    def __init__(self, setting: Setting, sign: int = -1) -> None:
        step = StepPolynomials(setting, sign)
        self.h = setting.spectrum
        self.t = step.t
        self.own = step.singles(0)
        self.common = float(setting.batch)

    def __call__(self, F: FloatArray) -> FloatArray:
        """Return the new coefficients (d,) less a^2 times the old ones."""
        return self.own * F + self.h * (self.common * math.fsum(self.t * F))


class Fourth:
    """The action on sum_ij F_ij p_i p_j."""

    order = 4

    def __init__(self, setting: Setting, sign: int = -1) -> None:
        step = StepPolynomials(setting, sign)
        self.h = setting.spectrum
        self.t = step.t
        self.own = step.pairs(0)  # E[r_i r_j + W_ij]
        self.single = step.singles(1)  # E[C r_i]
        self.common = float(step.moments(2))  # E[C^2]

    def __call__(self, F: FloatArray) -> FloatArray:
        """Return the new coefficients (d, d) less a^4 times the old ones."""
        t = self.t
        h = self.h
        diagonal = np.diagonal(F)
        Ft = F @ t
        # q p_i E[C r_i] (2 (Ft)_i + 4 t_i F_ii), half of it in each of F_ij and F_ji
        linear = np.outer(self.single * (Ft + 2 * t * diagonal), h)
        # q^2 E[C^2] (t'Ft + 2 sum_i t_i^2 F_ii)
        constant = self.common * (t @ F @ t + 2 * (t * t) @ diagonal)
        return self.own * F + linear + linear.T + constant * np.outer(h, h)

    def resolvent(self, level: float, E: FloatArray) -> FloatArray:
        """Return F with level F - self(F) = E.

        With G = 1 / (level - own), F = G o (E + terms of the d unknowns x_i = (Ft)_i + 2 t_i F_ii).
        """
        t, h = self.t, self.h
        G = 1 / (level - self.own)
        # x - system x = x of G o E; a term l_i h_j + l_j h_i of F adds to x_i
        #     l_i (sum_j G_ij h_j t_j + 4 t_i G_ii h_i) + h_i sum_j G_ij t_j l_j
        through_own = G @ (h * t)
        through_diagonal = 2 * t * np.diagonal(G) * h
        system = h[:, None] * G * (t * self.single)
        system += np.diag(self.single * (through_own + 2 * through_diagonal))
        system += self.common * np.outer(h * (through_own + through_diagonal), t)
        F: FloatArray = G * E
        right = F @ t + 2 * t * np.diagonal(F)
        x = np.linalg.solve(np.eye(h.size) - system, right)
        linear = np.outer(self.single * x, h)
        constant = self.common * (t @ x)
        F += G * (linear + linear.T + constant * np.outer(h, h))
        return F


class Sixth:
    """The action on sum_ijk F_ijk p_i p_j p_k."""

    order = 6

    def __init__(self, setting: Setting, sign: int = -1) -> None:
        step = StepPolynomials(setting, sign)
        self.h = setting.spectrum
        self.t = step.t
        self.own = step.triples()  # E[r_i r_j r_k + ...]
        self.pair = step.pairs(1)  # E[C (r_i r_j + W_ij)]
        self.single = step.singles(2)  # E[C^2 r_i]
        self.common = float(step.moments(3))  # E[C^3]

    def __call__(self, F: FloatArray) -> FloatArray:
        """Return the new coefficients (d, d, d) less a^6 times the old ones."""
        t = self.t
        h = self.h
        squares = self.t * self.t
        Fiij = np.einsum("iij->ij", F)
        Fiii = np.einsum("iii->i", F)
        Ft = F @ t
        # q p_i p_j E[C (r_i r_j + W_ij)] (3 (Ft)_ij + 12 t_i F_iij), symmetrised
        doubled = t[:, None] * Fiij
        quadratic = self.pair * (3 * Ft + 6 * (doubled + doubled.T))
        # q^2 p_i E[C^2 r_i] (3 (Ftt)_i + 6 sum_k t_k^2 F_kki
        #     + 12 t_i sum_k t_k F_iik + 24 t_i^2 F_iii)
        linear = 3 * Ft @ t + 6 * squares @ Fiij
        linear += 12 * t * (Fiij @ t) + 24 * t * t * Fiii
        linear *= self.single
        # q^3 E[C^3] (Fttt + 6 sum_ik t_i^2 t_k F_iik + 8 sum_i t_i^3 F_iii)
        constant = t @ Ft @ t + 6 * squares @ Fiij @ t + 8 * (t**3) @ Fiii
        constant *= self.common
        # q = h'p: a third of each term in each place of h
        beside = np.outer(linear, h) / 2
        shared = (quadratic + beside + beside.T + constant * np.outer(h, h)) / 3
        return self.own * F + _over_axes(np.einsum("ij,k->ijk", shared, h))


ACTIONS: dict[int, type[Second] | type[Fourth] | type[Sixth]] = {2: Second, 4: Fourth, 6: Sixth}
