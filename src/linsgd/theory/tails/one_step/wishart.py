r"""Gap probabilities of the eigenvalues of a white Wishart matrix, exactly: Pfaffians (de Bruijn 1955, Chiani 2017).

The r eigenvalues l of a sum of n >= r products x x', x ~ N(0, I_r), have the joint density
proportional to prod_{i<j} |l_i - l_j| prod_i w(l_i), w(l) = l^{(n-r-1)/2} e^{-l/2}. For any set F
and monic polynomials q_i,

    P(every l_i in F)  is proportional to  Pf M,    M_ij = int int_{F x F} sgn(l' - l) q_i(l) q_j(l') w(l) w(l') dl dl',

bordered by int_F q_i w dl where r is odd. With l = y^2 the integrands are smooth: panels of
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

_REACH = 9.5  # how far singular values stray from their bulk, in standard deviations of one
_FADING = 10.0  # the weight falls by at most about exp(-10) on a panel


@cache
def _legendre(n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return nodes, weights and the matrix of the integrals from -1 to the nodes."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    values = np.polynomial.legendre.legvander(nodes, n)
    degrees = np.arange(n)
    integrals = np.column_stack(
        [nodes + 1, (values[:, 2:] - values[:, :-2]) / (2 * degrees[1:] + 1)]
    )
    return nodes, weights, integrals @ ((2 * degrees + 1) / 2 * values[:, :n] * weights[:, None]).T


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """Functions of y on panels: the nodes y (k, m), the half-widths (k,), the log weight at the nodes."""

    y: FloatArray
    half: FloatArray
    log_w: FloatArray

    def basis(self, r: int) -> tuple[FloatArray, float]:
        """Return orthonormal polynomials in y^2 times w (r, k, m), and the sum of the log norms of the monic ones."""
        measure = np.sqrt(self.half[:, None] * _legendre(self.y.shape[1])[1]).ravel()
        top = float(self.log_w.max())
        columns = np.empty((r, measure.size))
        new, log_norm, total = np.exp(self.log_w.ravel() - top) * measure, top, 0.0
        for i in range(r):
            for _ in range(2):
                new = new - columns[:i].T @ (columns[:i] @ new)
            norm = float(np.linalg.norm(new))
            columns[i] = new / norm
            log_norm += np.log(norm)
            total += log_norm
            new = columns[i] * self.y.ravel() ** 2
        return (columns / measure).reshape(r, *self.y.shape), total

    def matrix(self, f: FloatArray, g: FloatArray) -> FloatArray:
        """Return int int sgn(y' - y) f_i(y) g_j(y'), antisymmetric in use."""
        _, weights, integrals = _legendre(self.y.shape[1])
        part = (f @ weights) * self.half
        before = np.cumsum(part, axis=1) - part
        up_to = before[..., None] + self.half[:, None] * (f @ integrals.T)
        centred = 2 * up_to - part.sum(axis=1)[:, None, None]
        r = len(f)
        skew: FloatArray = (centred * (self.half[:, None] * weights)).reshape(r, -1) @ g.reshape(
            r, -1
        ).T
        return skew

    def bordered(self, skew: FloatArray, f: FloatArray) -> FloatArray:
        """Return the antisymmetric matrix of even size."""
        skew = (skew - skew.T) / 2
        if len(f) % 2 == 0:
            return skew
        edge = ((f @ _legendre(self.y.shape[1])[1]) @ self.half)[:, None]
        return np.block([[skew, edge], [-edge.T, np.zeros((1, 1))]])


@dataclass(frozen=True, slots=True)
class WhiteWishart:
    """The singular values y = sqrt(l) of an (n, r) normal matrix, n >= r; `finer` adds nodes to each panel."""

    r: int
    n: int
    finer: int = 0

    def window(self) -> tuple[float, float]:
        """Return the y between which everything lies to rounding error."""
        middle, spread = math.sqrt(self.n), math.sqrt(self.r) + _REACH
        return max(0.0, middle - spread), middle + spread

    def beyond(self, y: float) -> float:
        """Return the y up to which those lie that are known to be above y."""
        return y + min(math.sqrt(self.r) + _REACH, (2 * self.r + 60) / max(y, 1.0))

    def panels(self, intervals: list[tuple[float, float]]) -> Panels:
        """Return panels that fill the intervals."""
        nodes = 18 + math.isqrt(self.r) + self.finer
        ends = [
            np.linspace(lo, hi, int(np.ceil((hi - lo) / self._width(hi))) + 1)
            for lo, hi in intervals
            if hi > lo
        ]
        left, right = (
            np.concatenate([e[side] for e in ends])[:, None] for side in (slice(-1), slice(1, None))
        )
        y = (left + right) / 2 + (right - left) / 2 * _legendre(nodes)[0]
        return Panels(y, (right - left)[:, 0] / 2, (self.n - self.r) * np.log(y) - y * y / 2)

    def _width(self, y: float) -> float:
        """Return the width of a panel up to y, on which no integrand turns or falls more than a few times."""
        return min(1.0, _FADING / max(1.0, y - (self.n - self.r) / y))

    def log_all_in(self, intervals: list[tuple[float, float]]) -> float:
        """Return log P(every y in the union of the intervals) up to one constant of the law."""
        panels = self.panels(intervals)
        basis, log_norms = panels.basis(self.r)
        return (
            log_norms
            + float(np.linalg.slogdet(panels.bordered(panels.matrix(basis, basis), basis))[1]) / 2
        )

    def some_in(
        self, chosen: list[tuple[float, float]], others: list[tuple[float, float]]
    ) -> float:
        """Return P(some y in the chosen intervals), where chosen and others fill the window together."""
        panels = self.panels(sorted(chosen + others))
        basis, _ = panels.basis(self.r)
        inside = np.any([(lo < panels.y) & (panels.y < hi) for lo, hi in chosen], axis=0)
        there, rest = basis * inside, basis * ~inside
        whole = panels.bordered(panels.matrix(basis, basis), basis)
        part = panels.bordered(panels.matrix(there, basis) + panels.matrix(rest, there), there)
        lost = np.linalg.eigvals(np.linalg.solve(whole, part))
        with np.errstate(divide="ignore"):  # log 0 where some y is there for certain
            return float(
                -np.expm1(np.log1p(np.maximum(np.abs(lost) ** 2 - 2 * lost.real, -1.0)).sum() / 4)
            )
