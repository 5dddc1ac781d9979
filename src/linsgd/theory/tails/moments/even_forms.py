r"""How one step acts on forms of degree 1, 2, 3 in p_i = u_i^2, for Gaussian features of any covariance; no momentum.

Along the eigenvectors of H = diag(h), with C the batch's chi2_b energy along H^{1/2} u, c = lr / b,
a = 1 - lr decay, the vector A u is Gaussian given C (a batch of b features is one chi-square and
one normal vector):

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

polynomials in C whose means are known. The coefficients that come back, less a^order times the old
ones, which cancel in h - 1, are what the classes below return. With `sign` = 1 in place of -1 every
term counts by its size: times the rounding error of a chain of operations, that bounds the error of
the result.
"""

import math
from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.tails.setting import Setting


@dataclass(frozen=True, slots=True, eq=False)
class Ingredients:
    """a, g, t, the coefficients of r (d, 3) and of g m (d, 2) by powers of C, and the sign of what is subtracted."""

    setting: Setting
    sign: int

    @property
    def a(self) -> float:
        """The shrinkage."""
        return self.setting.shrinkage if self.sign < 0 else abs(self.setting.shrinkage)

    @property
    def g(self) -> FloatArray:
        """The step along each axis per sample."""
        return self.setting.lr * self.setting.spectrum / self.setting.batch

    @property
    def t(self) -> FloatArray:
        """What C q adds to p."""
        return self.setting.lr / self.setting.batch * self.g

    @property
    def r(self) -> FloatArray:
        """Coefficients of r."""
        a, g = self.a, self.g
        return np.stack([np.full_like(g, a * a), self.sign * (2 * a * g + g * g), g * g], axis=1)

    @property
    def gm(self) -> FloatArray:
        """Coefficients of g m."""
        return np.stack([self.g * self.a, self.sign * self.g**2], axis=1)

    def moments(self, first: int, *lengths: int) -> FloatArray:
        """Return E C^{first + i + j + ...} (lengths), but 0 for E C^0, whose terms are those left out."""
        mean = [0.0] + [
            float(math.prod(self.setting.batch + 2 * i for i in range(k))) for k in range(1, 7)
        ]
        chosen: FloatArray = np.array(mean)[first + np.indices(lengths).sum(axis=0)]
        return chosen

    def singles(self, first: int) -> FloatArray:
        """Return E[C^first r_i]."""
        return self.r @ self.moments(first, 3)

    def pairs(self, first: int) -> FloatArray:
        """Return E[C^first (r_i r_j + W_ij)]."""
        own = self.r @ self.moments(first, 3, 3) @ self.r.T
        across = self.gm @ self.moments(first + 1, 2, 2) @ self.gm.T
        squares = self.g**2
        return (
            own
            + 2 * self.moments(first + 2)[()] * np.outer(squares, squares)
            + self.sign * 4 * across
        )

    def triples(self) -> FloatArray:
        """Return the factor of p_i p_j p_k F_ijk, symmetric."""
        r, gm, squares, sign = self.r, self.gm, self.g**2, self.sign
        own = np.einsum("ia,jb,kc,abc->ijk", r, r, r, self.moments(0, 3, 3, 3), optimize=True)
        own += sign * 8 * self.moments(3)[()] * np.einsum("i,j,k->ijk", squares, squares, squares)
        mixed = 2 * np.einsum("i,j,k->ijk", squares, squares, self.singles(2))
        mixed += (
            sign
            * 4
            * np.einsum("ia,jb,kc,abc->ijk", gm, gm, r, self.moments(1, 2, 2, 3), optimize=True)
        )
        mixed += 8 * np.einsum("ij,k->ijk", gm @ self.moments(2, 2, 2) @ gm.T, squares)
        symmetric: FloatArray = own + mixed + np.moveaxis(mixed, 2, 0) + np.moveaxis(mixed, 2, 1)
        return symmetric


class Second:
    """The action on sum_i F_i p_i."""

    order = 2

    def __init__(self, setting: Setting, sign: int = -1) -> None:
        part = Ingredients(setting, sign)
        self.h, self.t, self.own = setting.spectrum, part.t, part.singles(0)
        self.common = float(setting.batch)

    def __call__(self, F: FloatArray) -> FloatArray:
        """Return the new coefficients less a^2 times the old ones."""
        return self.own * F + self.h * (self.common * math.fsum(self.t * F))


class Fourth:
    """The action on sum_ij F_ij p_i p_j."""

    order = 4

    def __init__(self, setting: Setting, sign: int = -1) -> None:
        part = Ingredients(setting, sign)
        self.h, self.t = setting.spectrum, part.t
        self.own, self.single, self.common = part.pairs(0), part.singles(1), float(part.moments(2))

    def __call__(self, F: FloatArray) -> FloatArray:
        """Return the new coefficients less a^4 times the old ones."""
        t, h, diagonal = self.t, self.h, np.diagonal(F)
        linear = np.outer(self.single * (F @ t + 2 * t * diagonal), h)
        constant = self.common * (t @ F @ t + 2 * (t * t) @ diagonal)
        return self.own * F + linear + linear.T + constant * np.outer(h, h)

    def resolvent(self, level: float, E: FloatArray) -> FloatArray:
        """Return F with level F - self(F) = E: what is shared has d unknowns, (Ft)_i + 2 t_i F_ii."""
        t, h, G = self.t, self.h, 1 / (level - self.own)
        to_itself, fed = G @ (h * t), 2 * t * np.diagonal(G) * h
        system = h[:, None] * G * (t * self.single)
        system += np.diag(self.single * (to_itself + 2 * fed)) + self.common * np.outer(
            h * (to_itself + fed), t
        )
        F: FloatArray = G * E
        shared = np.linalg.solve(np.eye(h.size) - system, F @ t + 2 * t * np.diagonal(F))
        linear = np.outer(self.single * shared, h)
        F += G * (linear + linear.T + self.common * (t @ shared) * np.outer(h, h))
        return F


class Sixth:
    """The action on sum_ijk F_ijk p_i p_j p_k."""

    order = 6

    def __init__(self, setting: Setting, sign: int = -1) -> None:
        part = Ingredients(setting, sign)
        self.h, self.t, self.own = setting.spectrum, part.t, part.triples()
        self.pair, self.single, self.common = part.pairs(1), part.singles(2), float(part.moments(3))

    def __call__(self, F: FloatArray) -> FloatArray:
        """Return the new coefficients less a^6 times the old ones."""
        t, h = self.t, self.h
        twice, thrice = np.einsum("iij->ij", F), np.einsum("iii->i", F)
        reduced = F @ t
        doubled = t[:, None] * twice
        quadratic = self.pair * (3 * reduced + 6 * (doubled + doubled.T))
        linear = self.single * (
            3 * reduced @ t + 6 * (t * t) @ twice + 12 * t * (twice @ t) + 24 * t * t * thrice
        )
        constant = self.common * (t @ reduced @ t + 6 * (t * t) @ twice @ t + 8 * (t**3) @ thrice)
        beside = np.outer(linear, h) / 2
        outer = np.einsum(
            "ij,k->ijk", (quadratic + beside + beside.T + constant * np.outer(h, h)) / 3, h
        )
        image: FloatArray = (
            self.own * F + outer + np.moveaxis(outer, 2, 0) + np.moveaxis(outer, 2, 1)
        )
        return image


ACTIONS: dict[int, type[Second] | type[Fourth] | type[Sixth]] = {2: Second, 4: Fourth, 6: Sixth}
