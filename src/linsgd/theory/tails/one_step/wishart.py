r"""Gap probabilities of the eigenvalues of a white Wishart matrix, as Pfaffians.

The r eigenvalues l of a sum of n >= r products x x', x ~ N(0, I_r), have the joint density
proportional to prod_{i<j} |l_i - l_j| prod_i w(l_i), w(l) = l^{(n-r-1)/2} e^{-l/2}. For any set F
and monic polynomials q_i,

    P(every l_i in F)  is proportional to  Pf M,
    M_ij = int int_{F x F} sgn(l' - l) q_i(l) q_j(l') w(l) w(l') dl dl',

bordered by int_F q_i w dl where r is odd (de Bruijn 1955, Chiani 2017). With l = y^2 the integrands
are smooth: panels of
Gauss-Legendre nodes. Polynomials orthogonal on F itself (Arnoldi's process) keep the smallest of
these probabilities accurate relatively. The chance that some l_i is in G, the complement of F, is 1
- sqrt(det(I - M^-1 D)) with M of the whole line and D its part where l or l' is in G: accurate
relatively where it is small.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from linsgd.domains import FloatArray

_REACH = 9.5  # how far singular values are from their bulk, in standard deviations of one
_FADING = 10.0  # the weight falls by at most about exp(-10) on a panel

Intervals = list[tuple[float, float]]


@cache
def _legendre(n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Gauss's nodes (n,), weights (n,) and the integrals (n, n) from -1 to the nodes.

    int_{-1}^x P_k = (P_{k+1} - P_{k-1}) / (2k + 1), of the interpolant by Legendre polynomials.
    """
    nodes, weights = np.polynomial.legendre.leggauss(n)
    P = np.polynomial.legendre.legvander(nodes, n)
    k = np.arange(n)
    of_constant = nodes + 1
    of_others = (P[:, 2:] - P[:, :-2]) / (2 * k[1:] + 1)
    integrals = np.column_stack([of_constant, of_others])
    # coefficients (2k + 1) / 2 sum_i weight_i P_k(x_i) f(x_i)
    coefficients = (2 * k + 1) / 2 * P[:, :n] * weights[:, None]
    return nodes, weights, integrals @ coefficients.T


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """Functions of y on panels.

    Attributes
    ----------
    y, log_w : ndarray (k, m)
        Nodes, and the log weight function there.
    half : ndarray (k,)
        Half-widths of the panels.
    """

    y: FloatArray
    half: FloatArray
    log_w: FloatArray

    def basis(self, r: int) -> tuple[FloatArray, float]:
        """Return orthonormal polynomials in y^2 times w, by Arnoldi's process.

        Returns
        -------
        basis : ndarray (r, k, m)
            Values at the nodes.
        log_norms : float
            The sum of the log norms of the monic polynomials.
        """
        _, weights, _ = _legendre(self.y.shape[1])
        measure = np.sqrt(self.half[:, None] * weights).ravel()
        squares = self.y.ravel() ** 2
        top = float(self.log_w.max())
        # columns are the polynomials times w times the root of the measure
        columns = np.empty((r, measure.size))
        new = np.exp(self.log_w.ravel() - top) * measure
        log_norm, total = top, 0.0
        for i in range(r):
            before = columns[:i]
            for _ in range(2):  # orthogonalised twice
                new = new - before.T @ (before @ new)
            norm = float(np.linalg.norm(new))
            columns[i] = new / norm
            log_norm += np.log(norm)
            total += log_norm
            new = columns[i] * squares
        basis = (columns / measure).reshape(r, *self.y.shape)
        return basis, total

    def matrix(self, f: FloatArray, g: FloatArray) -> FloatArray:
        """Return int int sgn(y' - y) f_i(y) g_j(y') of functions (r, k, m), shape (r, r).

        = int (int_{y < y'} f_i - int_{y > y'} f_i) g_j(y') dy'.
        """
        r = len(f)
        _, weights, integrals = _legendre(self.y.shape[1])
        half = self.half[:, None]
        # int f_i over the panels before, up to each node, and over all
        on_panels = (f @ weights) * self.half
        before = np.cumsum(on_panels, axis=1) - on_panels
        up_to = before[..., None] + half * (f @ integrals.T)
        total = on_panels.sum(axis=1)[:, None, None]
        weighted = (2 * up_to - total) * (half * weights)
        skew: FloatArray = weighted.reshape(r, -1) @ g.reshape(r, -1).T
        return skew

    def bordered(self, skew: FloatArray, f: FloatArray) -> FloatArray:
        """Return the antisymmetric matrix, bordered to even size by the integrals of f."""
        skew = (skew - skew.T) / 2
        if len(f) % 2 == 0:
            return skew
        _, weights, _ = _legendre(self.y.shape[1])
        edge = ((f @ weights) @ self.half)[:, None]
        return np.block([[skew, edge], [-edge.T, np.zeros((1, 1))]])


@dataclass(frozen=True, slots=True)
class WhiteWishart:
    """The singular values y = sqrt(l) of an (n, r) normal matrix, n >= r.

    `finer` adds nodes to each panel.
    """

    r: int
    n: int
    finer: int = 0

    def window(self) -> tuple[float, float]:
        """Return the y between which everything lies to rounding error."""
        middle = math.sqrt(self.n)
        spread = math.sqrt(self.r) + _REACH
        return max(0.0, middle - spread), middle + spread

    def beyond(self, y: float) -> float:
        """Return the y up to which the rest lies, given that some are above y."""
        return y + min(math.sqrt(self.r) + _REACH, (2 * self.r + 60) / max(y, 1.0))

    def panels(self, intervals: Intervals) -> Panels:
        """Return panels that fill the intervals."""
        edges = []
        for low, high in intervals:
            if high > low:
                number = math.ceil((high - low) / self._width(high))
                edges.append(np.linspace(low, high, number + 1))
        left = np.concatenate([each[:-1] for each in edges])[:, None]
        right = np.concatenate([each[1:] for each in edges])[:, None]
        middle = (left + right) / 2
        half = (right - left) / 2
        nodes, _, _ = _legendre(18 + math.isqrt(self.r) + self.finer)
        y = middle + half * nodes
        # w(l) dl with l = y^2, up to a constant
        log_w = (self.n - self.r) * np.log(y) - y * y / 2
        return Panels(y, half[:, 0], log_w)

    def _width(self, y: float) -> float:
        """Return the width of a panel up to y, on which integrands vary by a few factors of e."""
        return min(1.0, _FADING / max(1.0, y - (self.n - self.r) / y))

    def log_all_in(self, intervals: Intervals) -> float:
        """Return log P(every y in the union of the intervals) up to one constant of the law."""
        panels = self.panels(intervals)
        basis, log_norms = panels.basis(self.r)
        M = panels.bordered(panels.matrix(basis, basis), basis)
        _, log_determinant = np.linalg.slogdet(M)
        return log_norms + float(log_determinant) / 2

    def some_in(self, chosen: Intervals, others: Intervals) -> float:
        """Return P(some y in the chosen intervals); these and the others fill the window.

        1 - sqrt(det(I - M^-1 D)), from the eigenvalues of M^-1 D, which come in pairs.
        """
        panels = self.panels(sorted(chosen + others))
        basis, _ = panels.basis(self.r)
        inside = np.any([(low < panels.y) & (panels.y < high) for low, high in chosen], axis=0)
        there = basis * inside
        rest = basis * ~inside
        # M of the whole line, and D of the pairs of which one is there
        M = panels.bordered(panels.matrix(basis, basis), basis)
        with_one = panels.matrix(there, basis) + panels.matrix(rest, there)
        D = panels.bordered(with_one, there)
        eigenvalues = np.linalg.eigvals(np.linalg.solve(M, D))
        # log |1 - lambda|^2
        change = np.maximum(np.abs(eigenvalues) ** 2 - 2 * eigenvalues.real, -1.0)
        with np.errstate(divide="ignore"):  # log 0 where some y is there with certainty
            log_none = np.log1p(change).sum() / 4
        return float(-np.expm1(log_none))
