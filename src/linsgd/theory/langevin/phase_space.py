r"""Mean and covariance of the Langevin modes in phase space, stationary and from any start.

With the propagator E = exp(-A t) of each mode (`linsgd.theory.langevin.propagator`; x the position
from the centre, y = lr v, time in steps),

    m(t) = E m(0),        C(t) = E C(0) E' + N(t),        N(t) = int_0^t E_y(s) q E_y(s)' ds,

E_y the second column of E. For uncorrelated noise N is the propagator's closed form, and at
stationarity

    Var y = q / (4 u),        Var x = Var y / z,        Cov(x, y) = 0.

For noise q_ij between modes of different stiffness there is, with G = 2 u,

    Var y_ij = (q_ij / 2 G) / (1 + (z_i - z_j)^2 / (2 G^2 (z_i + z_j))),
    Var x_ij = 2 Var y_ij / (z_i + z_j),        Cov(x_i, y_j) = Var y_ij (z_i - z_j) / (G (z_i + z_j)),

the solution of the three Lyapunov equations of a pair; in time N is integrated by Gauss-Legendre
quadrature over a time in which nothing oscillates, and doubled, N(2t) = N(t) + E(t) N(t) E(t)',
which adds only positive matrices.
"""

from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.langevin.propagator import Flow, Times, flow

NODES, WEIGHTS = (values / 2 for values in np.polynomial.legendre.leggauss(10))
NODES = NODES + 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """The modes of an underdamped Langevin equation, times in steps.

    Attributes
    ----------
    lr : float
        Turns v into the displacement a step y = lr v.
    damping : float
        u, the same for all modes.
    stiffness : ndarray (d,)
        z of each mode, >= 0.
    intensity : ndarray (d,) or (d, d)
        q: the covariance that the noise adds to y in a step; (d,) where modes do not share noise.
    """

    lr: float
    damping: float
    stiffness: FloatArray
    intensity: FloatArray

    def flow(self, t: Times) -> Flow:
        """Return the propagator (K, d) at times (K,)."""
        return flow(np.asarray(t, dtype=np.float64)[:, None], self.damping, self.stiffness)

    @property
    def own_intensity(self) -> FloatArray:
        """The diagonal of q (d,)."""
        return self.intensity if self.intensity.ndim == 1 else np.diagonal(self.intensity)

    def mean(self, e: Flow, start: FloatArray) -> FloatArray:
        """Return the means of x and v (K, 2, d) after the flow `e`, from those of `start` (2, d)."""
        x, v = start
        return np.stack(
            [e.R * x + self.lr * e.S * v, e.V * v - self.stiffness / self.lr * e.S * x], axis=1
        )

    def variance(self, e: Flow, start: FloatArray) -> FloatArray:
        """Return Var x, Cov(x, v) and Var v of each mode (K, 3, d) after the flow `e`, from `start` (3, d)."""
        noise = self._own_noise(e)
        return carried(self._columns(e), start) + noise if start.any() else noise

    def blocks(self, e: Flow, start: FloatArray) -> FloatArray:
        """Return Cov(x, x), Cov(x, v) and Cov(v, v) (K, 3, d, d) after the flow `e`, from `start` (3, d, d)."""
        if self.intensity.ndim == 1:
            return carried_blocks(self._columns(e), start) + _diagonal(self._own_noise(e))
        return carried_blocks(self._columns(e), start) + np.stack(
            [self._noise_blocks(t) for t in e.t.ravel()]
        )

    def stationary_variance(self) -> FloatArray:
        """Return the stationary Var x, Cov(x, v) and Var v of each mode (3, d); inf for a free mode with noise."""
        u, z, q = self.damping, self.stiffness, self.own_intensity
        if self.intensity.ndim == 2:
            return np.diagonal(self.stationary_blocks(), axis1=-2, axis2=-1).copy()
        return self._scaled(
            _over(q / (4 * u), z), np.where(z > 0, 0.0, q / (8 * u**2)), q / (4 * u)
        )

    def stationary_blocks(self) -> FloatArray:
        """Return the stationary Cov(x, x), Cov(x, v) and Cov(v, v) (3, d, d)."""
        if self.intensity.ndim == 1:
            return _diagonal(self.stationary_variance())
        G, z = 2 * self.damping, self.stiffness
        total, gap = z[:, None] + z, z[:, None] - z
        V = self.intensity / (2 * G) / (1 + mismatch(z, self.damping))
        cross = np.where(total > 0, V * gap / (G * np.where(total > 0, total, 1.0)), V / G)
        return self._scaled(2 * _over(V, total), cross, V)

    def _noise_blocks(self, t: float) -> FloatArray:
        fastest = max(self.damping, float(np.sqrt(self.stiffness.max())))
        doublings = max(0, int(np.ceil(np.log2(max(2 * fastest * t, 1.0)))))
        short = t / 2.0**doublings
        nodes = self.flow(short * NODES)
        kick = np.stack([self.lr * nodes.S, nodes.V], axis=1)
        N = short * np.einsum(
            "n,nai,nbj,ij->abij", WEIGHTS, kick, kick, self.intensity / self.lr**2
        )
        noise = np.stack([N[0, 0], N[0, 1], N[1, 1]])
        for halving in range(doublings, 0, -1):
            noise = (
                noise
                + carried_blocks(self._columns(self.flow(np.array([t / 2.0**halving]))), noise)[0]
            )
        return noise

    def _columns(self, e: Flow) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        return e.R, self.lr * e.S, -self.stiffness / self.lr * e.S, e.V

    def _own_noise(self, e: Flow) -> FloatArray:
        parts, q = (e.position_noise(), e.S**2 / 2, e.velocity_noise()), self.own_intensity
        units = (1.0, self.lr, self.lr**2)
        return np.stack(
            [_times(q / unit, part) for unit, part in zip(units, parts, strict=True)], axis=1
        )

    def _scaled(self, xx: FloatArray, xy: FloatArray, yy: FloatArray) -> FloatArray:
        """Stack covariances of (x, y), with v in the place of y."""
        return np.stack([xx, xy / self.lr, yy / self.lr**2])


def mismatch(stiffness: FloatArray, damping: float) -> FloatArray:
    """Return (z_i - z_j)^2 / (2 G^2 (z_i + z_j)) (d, d), which is 0 between modes of equal stiffness."""
    total, gap = stiffness[:, None] + stiffness, stiffness[:, None] - stiffness
    return np.divide(gap**2, 8 * damping**2 * total, out=np.zeros_like(gap), where=total > 0)


def carried(columns: tuple[FloatArray, ...], start: FloatArray) -> FloatArray:
    """Return E C E' (K, 3, d) of each mode, the entries of E (K, d) row by row, C (3, d)."""
    xx, xv, vx, vv = columns
    X, C, V = start
    return np.stack(
        [
            xx**2 * X + 2 * xx * xv * C + xv**2 * V,
            xx * vx * X + (xx * vv + xv * vx) * C + xv * vv * V,
            vx**2 * X + 2 * vx * vv * C + vv**2 * V,
        ],
        axis=1,
    )


def carried_blocks(columns: tuple[FloatArray, ...], start: FloatArray) -> FloatArray:
    """Return E C E' (K, 3, d, d) of each pair of modes, the entries of E (K, d) row by row, C (3, d, d)."""
    E = np.array([columns[:2], columns[2:]])
    P = np.array([[start[0], start[1]], [np.swapaxes(start[1], -1, -2), start[2]]])
    carried = np.einsum("acki,cdij,bdkj->abkij", E, P, E)
    return np.stack([carried[0, 0], carried[0, 1], carried[1, 1]], axis=1)


def _diagonal(values: FloatArray) -> FloatArray:
    return values[..., None] * np.eye(values.shape[-1])


def _times(q: FloatArray, response: FloatArray) -> FloatArray:
    """Return q times a response; infinite noise that has not acted yet, or of no mode, is no noise."""
    shape = np.broadcast_shapes(q.shape, response.shape)
    return np.multiply(q, response, out=np.zeros(shape), where=(q > 0) & (response != 0))


def _over(q: FloatArray, z: FloatArray) -> FloatArray:
    return np.divide(q, z, out=np.where(q != 0, np.copysign(np.inf, q), 0.0), where=z > 0)
