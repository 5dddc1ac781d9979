r"""Mean and covariance of the Langevin modes in phase space, stationary and from any start.

With the propagator E = exp(-A t) of each mode (`linsgd.theory.langevin.propagator`; x the position
from the centre, y = lr v, time in steps),

    m(t) = E m(0),        C(t) = E C(0) E' + N(t),        N(t) = int_0^t E_y(s) q E_y(s)' ds,

where E_y is the second column of E. For uncorrelated noise N is the propagator's closed form, and
at stationarity

    Var y = q / (4 u),        Var x = Var y / w2,        Cov(x, y) = 0.

For noise q_ij between modes of different squared frequency there is, with G = 2 u and
k_ij = (w2_i - w2_j)^2 / (2 G^2 (w2_i + w2_j)),

    Var y_ij = (q_ij / 2 G) / (1 + k_ij),        Var x_ij = 2 Var y_ij / (w2_i + w2_j),
    Cov(x_i, y_j) = Var y_ij (w2_i - w2_j) / (G (w2_i + w2_j)),

the solution of the three Lyapunov equations of a pair. In time N is integrated by Gauss-Legendre
quadrature over a time in which nothing oscillates, and doubled,

    N(2t) = N(t) + E(t) N(t) E(t)',

which adds only positive matrices.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.initial_state import diagonal_matrices
from linsgd.theory.langevin.propagator import (
    Propagator,
    Times,
    damping_rate,
    propagator,
    squared_frequency,
)

# Gauss-Legendre points and weights on [0, 1]: 10 of them integrate over a time of at most 1/2 in
# units of the fastest rate to rounding
_GAUSS_NODES, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(10)
NODES = _GAUSS_NODES / 2 + 0.5
WEIGHTS = _GAUSS_WEIGHTS / 2


class StepMatrix(NamedTuple):
    """The entries of E for (w, v), each (K, d): w from w, w from v, v from w, v from v."""

    ww: FloatArray
    wv: FloatArray
    vw: FloatArray
    vv: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """The modes of an underdamped Langevin equation, times in steps.

    Attributes
    ----------
    lr : float
        Turns v into the displacement a step y = lr v.
    damping : float
        u, the same for all modes.
    w2 : ndarray (d,)
        Squared frequency of each mode, >= 0.
    intensity : ndarray (d,) or (d, d)
        q: the covariance that the noise adds to y in a step; (d,) where modes do not share noise.
    """

    lr: float
    damping: float
    w2: FloatArray
    intensity: FloatArray

    @classmethod
    def of(
        cls,
        lr: float,
        momentum: float,
        gradient_weight: float,
        curvature: FloatArray,
        noise: FloatArray,
    ) -> "Modes":
        """Return the modes of SGD for curvatures (d,) and minibatch noise (d,) or (d, d)."""
        kick = 2 * gradient_weight * lr / (1 + momentum)
        w2 = squared_frequency(lr * gradient_weight * curvature, momentum)
        return cls(lr, damping_rate(momentum), w2, kick**2 * noise)

    def propagator(self, t: Times) -> Propagator:
        """Return the propagator (K, d) at times (K,)."""
        times = np.asarray(t, dtype=np.float64)
        return propagator(times[:, None], self.damping, self.w2)

    @property
    def own_intensity(self) -> FloatArray:
        """The diagonal of q (d,)."""
        q = self.intensity
        return q if q.ndim == 1 else np.diagonal(q)

    def mean(self, e: Propagator, start: FloatArray) -> FloatArray:
        """Return the means of x and v (K, 2, d), from those of `start` (2, d)."""
        x, v = start
        E = self._step_matrix(e)
        position = E.ww * x + E.wv * v
        velocity = E.vw * x + E.vv * v
        return np.stack([position, velocity], axis=1)

    def variance(self, e: Propagator, start: FloatArray) -> FloatArray:
        """Return Var x, Cov(x, v), Var v of each mode (K, 3, d), from `start` (3, d)."""
        noise = self._own_noise(e)
        if not start.any():
            return noise
        return propagate_covariance(self._step_matrix(e), start) + noise

    def blocks(self, e: Propagator, start: FloatArray) -> FloatArray:
        """Return Cov(x, x), Cov(x, v), Cov(v, v) (K, 3, d, d), from `start` (3, d, d)."""
        moved = propagate_covariance_blocks(self._step_matrix(e), start)
        if self.intensity.ndim == 1:
            return moved + diagonal_matrices(self._own_noise(e))
        noise = [self._noise_blocks(t) for t in e.t.ravel()]
        return moved + np.stack(noise)

    def stationary_variance(self) -> FloatArray:
        """Return the stationary Var x, Cov(x, v), Var v of each mode (3, d).

        Var x is inf for a free mode with noise.
        """
        u = self.damping
        w2 = self.w2
        q = self.own_intensity
        if self.intensity.ndim == 2:
            return np.diagonal(self.stationary_blocks(), axis1=-2, axis2=-1).copy()
        yy = q / (4 * u)
        xx = _over(yy, w2)
        # a free mode diffuses: Cov(x, y) -> q / (8 u^2)
        xy = np.where(w2 > 0, 0.0, q / (8 * u**2))
        return self._scaled(xx, xy, yy)

    def stationary_blocks(self) -> FloatArray:
        """Return the stationary Cov(x, x), Cov(x, v), Cov(v, v) (3, d, d)."""
        if self.intensity.ndim == 1:
            return diagonal_matrices(self.stationary_variance())
        G = 2 * self.damping
        w2 = self.w2
        total = w2[:, None] + w2
        gap = w2[:, None] - w2
        yy = self.intensity / (2 * G) / (1 + mismatch(w2, self.damping))
        xx = 2 * _over(yy, total)
        confined = total > 0
        denominator = G * np.where(confined, total, 1.0)
        xy = np.where(confined, yy * gap / denominator, yy / G)
        return self._scaled(xx, xy, yy)

    def _noise_blocks(self, t: float) -> FloatArray:
        """Return N(t) (3, d, d) for noise between modes, by quadrature and doubling."""
        fastest = max(self.damping, float(np.sqrt(self.w2.max())))
        halves = max(2 * fastest * t, 1.0)  # the time in units of 1 / (2 fastest)
        doublings = max(0, int(np.ceil(np.log2(halves))))
        short = t / 2.0**doublings
        # N(short) = int E_y q E_y', with q in units of v
        nodes = self.propagator(short * NODES)
        E_y = np.stack([self.lr * nodes.S, nodes.V], axis=1)
        q = self.intensity / self.lr**2
        N = short * np.einsum("n,nai,nbj,ij->abij", WEIGHTS, E_y, E_y, q)
        noise = np.stack([N[0, 0], N[0, 1], N[1, 1]])
        # N(2t) = N(t) + E(t) N(t) E(t)'
        for halving in range(doublings, 0, -1):
            half_time = np.array([t / 2.0**halving])
            E = self._step_matrix(self.propagator(half_time))
            noise = noise + propagate_covariance_blocks(E, noise)[0]
        return noise

    def _step_matrix(self, e: Propagator) -> StepMatrix:
        """Return exp(-A t) of (x, y) in the coordinates (w, v), y = lr v."""
        lr = self.lr
        return StepMatrix(ww=e.R, wv=lr * e.S, vw=-self.w2 / lr * e.S, vv=e.V)

    def _own_noise(self, e: Propagator) -> FloatArray:
        """Return N (K, 3, d) of each mode by itself, for (w, v)."""
        lr, q = self.lr, self.own_intensity
        ww = _times(q, e.position_noise())
        wv = _times(q / lr, e.S**2 / 2)
        vv = _times(q / lr**2, e.velocity_noise())
        return np.stack([ww, wv, vv], axis=1)

    def _scaled(self, xx: FloatArray, xy: FloatArray, yy: FloatArray) -> FloatArray:
        """Stack covariances of (x, y) as those of (x, v)."""
        lr = self.lr
        return np.stack([xx, xy / lr, yy / lr**2])


def mismatch(w2: FloatArray, damping: float) -> FloatArray:
    """Return k_ij (d, d) of the module's docstring: 0 between modes of equal frequency."""
    total = w2[:, None] + w2
    gap = w2[:, None] - w2
    scale = 8 * damping**2 * total  # 2 G^2 (w2_i + w2_j)
    return np.divide(gap**2, scale, out=np.zeros_like(gap), where=total > 0)


def propagate_covariance(E: StepMatrix, start: FloatArray) -> FloatArray:
    """Return E C E' (K, 3, d) of each mode, for C (3, d)."""
    X, C, V = start
    ww, wv, vw, vv = E
    # A [[X, C], [C, V]] A', A = [[ww, wv], [vw, vv]]
    position = ww**2 * X + 2 * ww * wv * C + wv**2 * V
    mixed = ww * vv + wv * vw
    cross = ww * vw * X + mixed * C + wv * vv * V
    velocity = vw**2 * X + 2 * vw * vv * C + vv**2 * V
    return np.stack([position, cross, velocity], axis=1)


def propagate_covariance_blocks(E: StepMatrix, start: FloatArray) -> FloatArray:
    """Return E_i C_ij E_j' (K, 3, d, d) of each pair of modes, for C (3, d, d)."""
    X, C, V = start
    full = np.array([[X, C], [np.swapaxes(C, -1, -2), V]])
    step = np.array([[E.ww, E.wv], [E.vw, E.vv]])
    moved = np.einsum("acki,cdij,bdkj->abkij", step, full, step)
    return np.stack([moved[0, 0], moved[0, 1], moved[1, 1]], axis=1)


def _times(q: FloatArray, response: FloatArray) -> FloatArray:
    """Return q times a response, with inf * 0 taken as 0."""
    shape = np.broadcast_shapes(q.shape, response.shape)
    nonzero = (q > 0) & (response != 0)
    return np.multiply(q, response, out=np.zeros(shape), where=nonzero)


def _over(q: FloatArray, w2: FloatArray) -> FloatArray:
    """Return q / w2, with the sign of q times inf where w2 is 0, and 0 where both are."""
    unbounded = np.where(q != 0, np.copysign(np.inf, q), 0.0)
    return np.divide(q, w2, out=unbounded, where=w2 > 0)
