r"""The mean growth K of |W|^alpha a step where h(alpha) = 1, by a Poisson equation.

Isotropic Gaussian features and Gaussian label noise.

With r = |W - w*| in units of noise / sqrt(variance), c = lr variance / b, a = 1 - lr weight_decay
and given the independent X ~ chi2_b, Y ~ chi2_{d-1}, n ~ N(0, 1), one step is a Markov chain on [0,
inf):

    r'^2 = (a r - c X r - c sqrt(X) n)^2 + c^2 X Y (r^2 + 1).

There is one smooth function psi ~ r^alpha, up to constants, and one number with E[psi(r') | r] =
psi(r) + K (Poisson's equation), and K = E[|A W + B|^alpha - |A W|^alpha] under the stationary law,
since psi - r^alpha = O(r^{alpha - 2}) integrates to nothing. With e^{2u} = 1 + r^2 / scale^2 it is
found in the form

    psi = scale^alpha (e^{alpha u} + K' u / rho + e^{beta u} q(u)),

beta = max(1, alpha - 1), or 0 if alpha <= 1, and rho the Lyapunov exponent: the rest, q, decays to
a constant at least like e^{-u}, and is a polynomial in the variable y that takes [0, REACH] to [-1,
1] and crowds at u = 0, found by collocation. Beyond REACH, q is constant: there the law has mass
e^{-alpha REACH}, and the error is of order e^{-2 REACH}, or e^{-(1 + alpha) REACH} if d = 1.

For large alpha the scale is such that K' = K / scale^alpha is of order 1, or psi would lose its
digits. With eps = e^{-u} and kappa^2 = 1 - eps^2 the ratio e^{2u'} / e^{2u} is eps^2 + (kappa (a -
c X) - eps c sqrt(X) n / scale)^2 + c^2 X Y (kappa^2 + eps^2 / scale^2): nothing overflows, and its
difference from R^2 = (a - c X)^2 + c^2 X Y is formed without cancellation.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linsgd.blocks import map_threads
from linsgd.domains import FloatArray
from linsgd.theory.tails.isotropic.chi_square import log_nodes, log_sum
from linsgd.theory.tails.isotropic.radial import RadialLaw
from linsgd.theory.tails.result import Interval

LARGEST_EXPONENT = 150.0  # beyond it rounding errors exceed the result, at great cost
REACH, _HALF = 24.0, 1.0  # the largest u, and the u that half the points are below


class Level(NamedTuple):
    """The degree of q, the coarseness of the quadrature, and minus the log weight left out."""

    degree: int
    coarse: float
    depth: float

    def steeper(self, alpha: float) -> "Level":
        """Return the level that large exponents need."""
        return Level(self.degree + int(alpha / 4), self.coarse, self.depth + alpha / 5)


_LEVELS = {  # by the least d
    1: (Level(32, 1.5, 23.0), Level(44, 1.0, 26.0)),
    2: (Level(20, 2.0, 22.0), Level(28, 1.6, 25.0)),
    5: (Level(20, 1.7, 22.0), Level(28, 1.4, 25.0)),
}
_NOISE_STEP = {False: 0.25, True: 0.4}  # of n at coarseness 1, for d = 1 and d > 1
_NOISE_REACH = 7.0  # of n, and sqrt(alpha) more
_ATTEMPTS, _STEEP = 4, 10.0  # to balance the scale, above this alpha
_BALANCED = 5.0  # log size of K' that will do
_OTHER = 1.02  # scale of the second level over the first
_TILTS = np.linspace(0, 1, 5)  # shares of alpha: orders of the moments that the nodes serve
_LEAST_SCALE = 0.65  # of scale^2: psi is not flatter near 0, whatever the noise


@dataclass(frozen=True, slots=True, eq=False)
class RadialStep:
    """Nodes of one step of r.

    Attributes
    ----------
    along, push, across, log_weight : ndarray (n,)
        a - c X, c sqrt(X) n / scale, c^2 X Y and log weights.
    scale : float
        That of u.
    """

    along: FloatArray
    push: FloatArray
    across: FloatArray
    log_weight: FloatArray
    scale: float

    @classmethod
    def of(cls, law: RadialLaw, alpha: float, scale: float, level: Level) -> "RadialStep":
        """Return the nodes that matter to moments up to `alpha`, near or far from the optimum."""
        k = (law.d - 1) / 2
        orders = tuple(alpha * _TILTS)
        batch = law.batch_nodes(orders, level.coarse, joined=True)
        log_y = np.array([-np.inf])
        weight_y = np.zeros(1)
        if k:
            log_y, weight_y = log_nodes(k, alpha / 2, batch.largest_y, level.coarse)
        n = _midpoints(_NOISE_STEP[law.d > 1] * level.coarse, _NOISE_REACH + math.sqrt(alpha))
        # all combinations of X, Y and n, each law normalised by its own rule
        log_weight = np.zeros(1)
        for part in (batch.log_weight[:, None, None], weight_y[:, None], -n * n / 2):
            log_weight = log_weight + (part - log_sum(part.ravel()))
        # a - c X, c sqrt(X) n / scale and c^2 X Y
        X = np.exp(batch.log_x)[:, None, None]
        along = batch.distance[:, None, None]
        push = law.c * np.sqrt(X) * n / scale
        across = law.c**2 * X * np.exp(log_y)[:, None]
        # squared ratios r'/r far from the optimum, near it, and between
        pushed = push**2 + across / scale**2
        ratios = (along**2 + across, pushed, 1 + pushed)
        kept = _kept(log_weight, ratios, orders, level.depth)
        return cls(
            along=np.broadcast_to(along, kept.shape)[kept],
            push=np.broadcast_to(push, kept.shape)[kept],
            across=np.broadcast_to(across, kept.shape)[kept],
            log_weight=log_weight[kept],
            scale=scale,
        )

    def moved(self, u: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return log R^2, by how much 2 (u' - u) exceeds it, and u' - u, each (n,).

        e^{2 (u' - u)} = (kappa along - eps push)^2 + across (kappa^2 + eps^2 / scale^2) + eps^2.
        """
        along, across = self.along, self.across
        eps = np.exp(-u)
        kappa = np.sqrt(-np.expm1(-2 * u))
        push = eps * self.push
        shorter = self.scale**-2 - 1
        squared = along**2 + across  # R^2
        new = (kappa * along - push) ** 2 + eps**2 + across * (1 + eps**2 * shorter)
        # new - R^2, with kappa^2 = 1 - eps^2
        constant = eps**2 * (1 - along**2 + across * shorter)
        excess = constant - 2 * kappa * along * push + push**2
        # log(new / R^2), by the excess where that is small
        log_squared = np.log(squared)
        log_new = np.log(new)
        near = np.abs(excess) < squared / 2
        small = np.log1p(np.where(near, excess, 0) / squared)
        log_ratio = np.where(near, small, log_new - log_squared)
        return log_squared, log_ratio, log_new / 2


def _kept(
    log_weight: FloatArray, ratios: Iterable[FloatArray], orders: Iterable[float], depth: float
) -> NDArray[np.bool_]:
    """Return the nodes that matter to a moment of a squared ratio, of the orders given."""
    kept = np.zeros(log_weight.shape, bool)
    for ratio in ratios:
        log_ratio = np.log(np.maximum(ratio, 1e-300))
        for s in orders:
            tilted = log_weight + s / 2 * log_ratio
            kept |= tilted > tilted.max() - depth
    return kept


def _midpoints(gap: float, reach: float) -> FloatArray:
    """Return points `gap` apart from -reach to reach, symmetric about 0 without it."""
    positive = gap * (np.arange(np.ceil(reach / gap)) + 0.5)
    return np.concatenate([-positive[::-1], positive])


def growth(law: RadialLaw, alpha: float) -> tuple[float, Interval]:
    """Return a scale, and K / scale^alpha.

    Its error is the distance of two levels of all approximations, at two scales.
    """
    levels = _LEVELS[max(d for d in _LEVELS if d <= law.d)]
    coarse, fine = (level.steeper(alpha) for level in levels)
    scale = _scale(law)
    for _ in range(_ATTEMPTS):
        first = _solved(law, alpha, coarse, scale)
        unbalanced = math.log(abs(first)) if first else 0.0
        if alpha < _STEEP or not abs(unbalanced) > _BALANCED:
            break
        scale *= math.exp(unbalanced / alpha)
    second = _OTHER**alpha * _solved(law, alpha, fine, _OTHER * scale)
    return scale, Interval.about(second, abs(second - first))


def _scale(law: RadialLaw) -> float:
    """Return roughly the distance at which psi turns from its value at 0 to r^alpha.

    E r^2 = c^2 b d / (1 - h(2)) where that is finite, with h(2) and h(4) in the place of 1 - h(2)
    near and beyond the threshold. Any scale gives the same K: a bad one costs digits, which the
    two levels show.
    """
    second = math.exp(law.log_moment(2.0, 2.0)[0])
    fourth = math.exp(law.log_moment(4.0, 2.0)[0])
    lost = 1 - second
    spread = fourth - 2 * second + 1  # E (R^2 - 1)^2
    noise = law.c**2 * law.b * law.d
    return math.sqrt(_LEAST_SCALE + noise / math.hypot(lost, spread / 4))


def _solved(law: RadialLaw, alpha: float, level: Level, scale: float) -> float:
    """Return K' = K / scale^alpha by collocation at the Chebyshev extremes of q's degree.

    The equations are, for the coefficients of q and K',

        E e^{beta u'} q(u') - e^{beta u} q(u) + K' (E u' - u - rho) / rho
            = e^{alpha u} - E e^{alpha u'}.
    """
    step = RadialStep.of(law, alpha, scale, level)
    degree = level.degree
    beta = max(1.0, alpha - 1) if alpha > 1 else 0.0
    _, rho = law.log_moment(0.0)
    # y = cos(angle) is the extreme of T_degree, u its place on [0, REACH]
    angles = np.pi * np.arange(degree + 1) / degree
    y = np.cos(angles)
    u = _HALF * (1 + y) / (1 + 2 * _HALF / REACH - y)
    rows = np.array(map_threads(lambda each: _row(step, each, alpha, beta, rho, degree), u))
    matrix = rows[:, :-1]
    right = rows[:, -1]
    # T_k(y) of q(u); the nodes that were left out stay where they are
    here = np.cos(np.outer(angles, np.arange(degree + 1)))
    mass = np.exp(step.log_weight).sum()
    system = np.zeros((degree + 2, degree + 2))
    system[:-1] = matrix
    system[:-1, :-1] -= here * mass
    # q(0) = 0: psi is known up to a constant
    system[-1, :-1] = here[-1]
    solution = np.linalg.solve(system, np.append(right, 0))
    return float(solution[-1])


def _row(
    step: RadialStep, u: float, alpha: float, beta: float, rho: float, degree: int
) -> FloatArray:
    """Return one equation of the system (degree + 3,), over e^{beta u}.

    E e^{beta(u' - u)} T_k(y') for each k, the factor of K', and the right-hand side.
    """
    log_squared, log_ratio, rise = step.moved(u)
    weight = np.exp(step.log_weight)
    # e^{alpha (u' - u)} - R^alpha, by the larger of the two: E R^alpha = 1
    larger = np.maximum(log_ratio, 0) + log_squared
    size = np.exp(step.log_weight + alpha / 2 * larger)
    gained = -np.sign(log_ratio) * size * np.expm1(-alpha / 2 * np.abs(log_ratio))
    right = -math.exp((alpha - beta) * u) * float(gained.sum())
    # q at u', constant beyond REACH
    there = np.clip(u + rise, 0, REACH)
    y = (there * (1 + 2 * _HALF / REACH) - _HALF) / (there + _HALF)
    growth = np.exp(step.log_weight + beta * rise)
    values = _chebyshev_sums(np.clip(y, -1, 1), growth, degree)
    # the factor (E u' - u) / rho - 1 of K'
    mean_rise = float((weight * rise).sum())
    factor = (mean_rise / rho - 1) * math.exp(-beta * u)
    return np.array([*values, factor, right])


def _chebyshev_sums(y: FloatArray, weight: FloatArray, degree: int) -> list[float]:
    """Return the sums of weight T_k(y) for k = 0 ... degree, by T_{k+1} = 2 y T_k - T_{k-1}."""
    before, here = weight, weight * y
    double = 2 * y
    sums = [float(before.sum()), float(here.sum())]
    for _ in range(degree - 1):
        before, here = here, double * here - before
        sums.append(float(here.sum()))
    return sums
