r"""A measure on a long spectrum, replaced by Gauss rules on panels.

The risk depends on the spectrum through sums sum_i w_i f(h_i), where f is the product of one-step
factors: smooth in h on panels [a, b] that are narrow against the distance from h = 0, from the edge
of stability and, with momentum, from the oscillating modes. The measure of each panel is replaced
by its own Gauss rule of n nodes, which is exact for polynomials of degree 2n - 1 and keeps weights
positive, so that no sum changes its sign.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import eigh_tridiagonal

from linsgd.domains import FloatArray
from linsgd.jit import summing

OCTAVE = 2.0  # b/a of a panel, at most
MANY = 1000  # points of a panel from which moments are as accurate as Lanczos, and cheaper


@dataclass(frozen=True, slots=True)
class Panels:
    """Where panels must be narrow.

    Attributes
    ----------
    edge : float
        The curvature above which the mean of a mode diverges, at the largest learning rate.
    oscillation : float
        (1 - momentum)/sqrt(lr): a panel at a is narrower than this times sqrt(2 a).
    """

    edge: float
    oscillation: float

    def end(self, low: float) -> float:
        """Return the end b of the panel that begins at `low` > 0."""
        widths = [
            (OCTAVE - 1) * low,
            self.oscillation * np.sqrt(2 * low),
            (self.edge - low) / 2 if low < self.edge else 0.0,
        ]
        return float(low + min(widths))


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """Weights w (J,) of either sign at nodes h (J,)."""

    nodes: FloatArray
    weights: FloatArray


def gauss_rule(x: FloatArray, w: FloatArray, n: int) -> Measure:
    """Return the Gauss rule of n nodes of a discrete measure with weights w >= 0 at ascending x.

    A measure on at most n points is returned as it is.
    """
    if x.size <= n:
        return Measure(x, w)
    mass = float(w.sum())
    center = (x[0] + x[-1]) / 2
    half = (x[-1] - x[0]) / 2
    if half == 0:
        return Measure(x[:1], np.array([mass]))
    t = (x - center) / half
    jacobi = _jacobi_by_moments if x.size > MANY else _jacobi_by_lanczos
    diagonal, off = jacobi(t, w / mass, n)
    nodes, vectors = eigh_tridiagonal(diagonal, off)
    return Measure(center + half * nodes, mass * vectors[0] ** 2)


def _jacobi_by_lanczos(t: FloatArray, w: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Return the Jacobi matrix of a measure of mass 1: Lanczos, reorthogonalised in full."""
    basis = np.zeros((n, t.size))
    diagonal = np.zeros(n)
    off = np.zeros(n)
    vector = np.sqrt(w)
    for k in range(n):
        basis[k] = vector
        moved = t * vector
        diagonal[k] = moved @ vector
        for _ in range(2):
            moved -= (basis[: k + 1] @ moved) @ basis[: k + 1]
        off[k] = np.linalg.norm(moved)
        if off[k] < 1e-13:  # fewer distinct points than n
            return diagonal[: k + 1], off[:k]
        vector = moved / off[k]
    return diagonal, off[:-1]


def _jacobi_by_moments(t: FloatArray, w: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Return the Jacobi matrix of a measure on many points of [-1, 1] of mass 1.

    Wheeler's algorithm on the moments of the monic Chebyshev polynomials, of which
    t q_k = q_(k+1) + b_k q_(k-1), b_1 = 1/2 and b_k = 1/4 from there on.
    """
    moments = np.zeros(2 * n)
    _chebyshev_moments(t, w, moments)
    moments[1:] *= 2.0 ** -np.arange(2 * n - 1.0)
    b = np.full(2 * n, 0.25)
    b[:2] = 0.0, 0.5
    diagonal = np.zeros(n)
    squares = np.zeros(n)
    before = np.zeros(2 * n)
    now = moments
    diagonal[0] = moments[1] / moments[0]
    squares[0] = moments[0]
    for k in range(1, n):
        after = np.zeros(2 * n)
        last = 2 * n - k
        inner = slice(k, last)
        after[inner] = (
            now[k + 1 : last + 1]
            - diagonal[k - 1] * now[inner]
            - squares[k - 1] * before[inner]
            + b[inner] * now[k - 1 : last - 1]
        )
        after_ratio = after[k + 1] / after[k]
        now_ratio = now[k] / now[k - 1]
        diagonal[k] = after_ratio - now_ratio
        squares[k] = after[k] / now[k - 1]
        before, now = now, after
    return diagonal, np.sqrt(squares[1:])


@summing
def _chebyshev_moments(t: Any, w: Any, moments: Any) -> None:
    """Fill in sum_i w_i T_k(t_i) of the Chebyshev polynomials T_k."""
    for i in range(t.size):
        last, now = 1.0, t[i]
        moments[0] += w[i]
        for k in range(1, moments.size):
            moments[k] += w[i] * now
            last, now = now, 2 * t[i] * now - last


def compressed(h: FloatArray, w: FloatArray, panels: Panels, n: int) -> Measure:
    """Return a measure on few nodes for weights w (d,) at ascending h (d,), h > 0.

    Weights of either sign are compressed apart.
    """
    if w.size and w.min() < 0 < w.max():
        parts = [compressed(h, np.where(w > 0, w, 0.0), panels, n)]
        negative = compressed(h, np.where(w < 0, -w, 0.0), panels, n)
        parts.append(Measure(negative.nodes, -negative.weights))
        return joined(parts)
    if w.size and w.min() < 0:
        positive = compressed(h, -w, panels, n)
        return Measure(positive.nodes, -positive.weights)
    here = w > 0
    h = h[here]
    w = w[here]
    parts, first = [], 0
    while first < h.size:
        last = int(np.searchsorted(h, panels.end(float(h[first])), side="right"))
        last = max(last, first + 1)
        parts.append(gauss_rule(h[first:last], w[first:last], n))
        first = last
    return joined(parts)


def joined(measures: list[Measure]) -> Measure:
    """Return the sum of measures."""
    if not measures:
        return Measure(np.zeros(0), np.zeros(0))
    nodes = np.concatenate([m.nodes for m in measures])
    weights = np.concatenate([m.weights for m in measures])
    return Measure(nodes, weights)


def power_tail(
    first: float,
    exponent: float,
    weight: float,
    slowest: float,
    last: float = np.inf,
    n: int = 10,
) -> Measure:
    r"""Return sum_{J < j <= V} j^-weight delta(j^-exponent) as a measure, J = first, V = last.

    The sum is the integral from J + 1/2 to V + 1/2 (midpoint rule of Euler and Maclaurin; the next
    term is smaller by (weight/J)^2/24), with n Gauss-Legendre nodes on each octave of h. Modes
    softer than `slowest` do not move: they are one node at h = 0 with all that is left.
    """
    points, shares = np.polynomial.legendre.leggauss(n)
    start = first + 0.5
    end = last + 0.5
    parts = []
    ratio = 2.0 ** (1 / exponent)
    while start < end and start**-exponent > slowest:
        octave = np.log(min(ratio, end / start))
        # j = start e^s, 0 <= s <= octave
        j = start * np.exp(octave * (points + 1) / 2)
        mass = octave / 2 * shares * j ** (1 - weight)
        parts.append(Measure(j**-exponent, mass))
        start *= ratio
    if start < end:
        rest = _power_integral(start, end, weight)
        parts.append(Measure(np.zeros(1), np.array([rest])))
    return joined(parts)


def _power_integral(start: float, end: float, weight: float) -> float:
    """Return the integral of j^-weight from `start` to `end`."""
    if weight == 1:
        return float(np.log(end / start))
    left = end ** (1 - weight) if np.isfinite(end) else 0.0
    return float((start ** (1 - weight) - left) / (weight - 1))
