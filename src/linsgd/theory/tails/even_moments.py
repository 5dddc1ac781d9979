r"""The second and fourth moments of the products, exactly, for Gaussian features of any covariance; no momentum.

On polynomials in p_i = u_i^2, along the eigenvectors of H = diag(h), the operator f -> E f(A u) acts exactly. Given
C ~ chi2_b the vector A u is Gaussian (a batch of b features is one chi-square and one normal vector):

    mean_i = m_i u_i,                               m_i = a - c C h_i,
    Cov_ij = v h_i (delta_ij q - h_j u_i u_j),      v = c^2 C,      q = sum_k h_k p_k,

so that with r_i = m_i^2 - v h_i^2 and t_i = v h_i

    E[(Au)_i^2 | C]           = r_i p_i + t_i q,
    E[(Au)_i^2 (Au)_j^2 | C]  = (r_i p_i + t_i q)(r_j p_j + t_j q) + 2 [(v h_i h_j)^2 - 2 v m_i h_i m_j h_j] p_i p_j
                                + delta_ij (2 t_i^2 q^2 + 4 r_i t_i p_i q).

h(2) and h(4) are the spectral radii of these two actions on coefficients: the first is the top root mu of
sum_i h_i E t_i / (mu - E r_i) = 1. Where the eigenvector is positive its componentwise ratios enclose the radius
(Collatz, Wielandt). log h is convex and log h(0) = 0, so that chords and their extensions bracket alpha.
"""

from collections.abc import Mapping

import numpy as np
from scipy.optimize import brentq
from scipy.sparse.linalg import LinearOperator, eigs

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.theory.tails.chi_square import gauss_rule
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

LARGEST_DIMENSION = 1000  # of the fourth moment, which acts on (d, d) matrices
_ROUNDING = 1e-13


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    if not setting.gaussian:
        return "Gaussian features"
    return "momentum 0" if setting.momentum else ""


def log_second(setting: Setting) -> Interval:
    """Return log h(2), in O(d)."""
    a, step, b = setting.shrinkage, setting.lr * setting.spectrum, setting.batch
    own = -setting.lr * setting.decay * (1 + a) - 2 * a * step + step**2 * (1 + 1 / b)  # E r_i - 1
    shared = step**2 / b
    top = float(own.max())
    excess = float(shared[own.argmax()]), float(shared.sum())

    def secular(rise: float) -> float:
        return float(np.sum(shared / (top - own + rise))) - 1

    rise = (
        excess[0]
        if setting.dimension == 1
        else float(brentq(secular, excess[0] / 2, excess[1] * 2, xtol=1e-300, rtol=4 * np.finfo(float).eps))
    )
    return Interval.about(float(np.log1p(top + rise)), _ROUNDING * float(np.abs(own).max() + excess[1]))


def log_fourth(setting: Setting) -> Interval:
    """Return log h(4), by Arnoldi iteration on the symmetric coefficient matrices."""
    d = setting.dimension
    action = LinearOperator(
        (d * d, d * d), matvec=lambda C: _fourth(setting, C.reshape(d, d)).ravel(), dtype=np.float64
    )
    start = np.ones(d * d)
    if d > 1:
        start = np.abs(np.real(eigs(action, k=1, which="LM", v0=start, tol=1e-14)[1][:, 0]))
    C = start.reshape(d, d)
    C = (C + C.T) / 2
    ratios = _fourth(setting, C) / np.maximum(C, 1e-300)
    weights = C / C.sum()
    lower, upper = float(ratios.min()), float(ratios.max())
    return Interval(float(np.log((weights * ratios).sum())), np.log(lower) - _ROUNDING, np.log(upper) + _ROUNDING)


def _fourth(setting: Setting, C: FloatArray) -> FloatArray:
    """Return the coefficients of E f(A u) for f = p'C p, C symmetric (d, d)."""
    h, c = setting.spectrum, setting.lr / setting.batch
    image = np.zeros_like(C)
    for x, weight in zip(*gauss_rule(setting.batch, 3), strict=True):
        m, v = setting.shrinkage - c * x * h, c * c * x
        r, t = m * m - v * h * h, v * h
        single = r * (C @ t) + 2 * np.diag(C) * r * t
        squares = t @ C @ t + 2 * np.diag(C) @ (t * t)
        pairs = np.outer(r, r) + 2 * (v * np.outer(h, h)) ** 2 - 4 * v * np.outer(m * h, m * h)
        image += weight * (C * pairs + np.outer(single, h) + np.outer(h, single) + squares * np.outer(h, h))
    return image


def log_moments(setting: Setting) -> dict[float, Interval]:
    """Return log h at the even orders that this dimension allows."""
    moments = {2.0: log_second(setting)}
    if setting.dimension <= LARGEST_DIMENSION:
        moments[4.0] = log_fourth(setting)
    return moments


def bracket(moments: Mapping[float, Interval]) -> tuple[float, float]:
    """Return bounds on the root alpha of a convex log h with log h(0) = 0 and negative slope there.

    Examples
    --------
    >>> bracket({2.0: Interval.about(-1.0, 0.0), 4.0: Interval.about(1.0, 0.0)})
    (3.0, 4.0)
    """
    orders = sorted(moments)
    below = [s for s in orders if moments[s].upper <= 0]
    above = [s for s in orders if moments[s].lower >= 0]
    lower, upper = max(below, default=0.0), min(above, default=float("inf"))
    if below and above:
        lower = max(lower, _root(lower, moments[lower].upper, upper, moments[upper].upper))
    if len(above) > 1:  # the extension of a chord is below the curve
        upper = min(upper, max(lower, _root(above[0], moments[above[0]].lower, above[1], moments[above[1]].upper)))
    if len(below) > 1 and moments[below[-1]].lower > moments[below[-2]].upper:
        upper = min(upper, _root(below[-2], moments[below[-2]].upper, below[-1], moments[below[-1]].lower))
    return lower, upper


def _root(s0: float, f0: float, s1: float, f1: float) -> float:
    """Return where the line through two points vanishes."""
    return s1 - f1 * (s1 - s0) / (f1 - f0)


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return what Jensen's inequality says of rho: at most log h(2) / 2."""
    upper = log_second(setting).upper / 2
    return Interval(float("nan"), -np.inf, upper)


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(2) or log h(4)."""
    moments = log_moments(setting)
    return moments[s] if s in moments else domains.refuse("s", s, f"one of {sorted(moments)} with 'even_moments'")


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the bracket of alpha; its value is known where one of the moments is 1 to rounding error."""
    moments = log_moments(setting)
    for s, log_h in moments.items():
        if log_h.lower <= 0 <= log_h.upper:
            return Interval(s, s, s)
    return Interval(float("nan"), *bracket(moments))
