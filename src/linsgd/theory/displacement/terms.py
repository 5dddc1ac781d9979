r"""Mean-squared displacement mode by mode, from second moments at the start, summed over modes.

x is the position from the minimum at the start, y = lr v, z = lr (1 - dampening) kappa, w2 the
squared frequency and q the noise a step. S, V, T, X, Y are those of
`linsgd.theory.langevin.propagator`, U and T of `linsgd.theory.recurrence.heavy_ball`. Over k steps

langevin    Delta = S y - w2 T x + noise of variance q X,
            dy = V y - w2 S x + noise of variance q Y,
            T' = S, S' = V, X' = S^2; from stationarity E Delta^2 = 2 Var(y) T
diffusion   Delta = -theta phi(theta, k) x + noise of variance q phi(2 theta, k),
            phi(r, t) = (1 - e^{-r t}) / r
exact       from stationarity, for any unbiased noise and without Nesterov,
            E Delta^2 = Var(y) ((1 + momentum) T_k - momentum U_k), whose central difference in k is
            Var(y) (2 (1 + momentum) - z) U_k / 2

Measures carry a factor w2 (theta) with E x^2, which keeps them finite as it goes to 0.
"""

from collections.abc import Callable

import numpy as np

from linsgd.blocks import map_threads
from linsgd.domains import FloatArray, IntArray
from linsgd.theory.displacement.compression import Region, compress
from linsgd.theory.langevin.propagator import blocks, decayed, sgd_propagator
from linsgd.theory.recurrence.heavy_ball import powers
from linsgd.theory.result import MomentsStatus

# the terms (B, J) of the mean square of the displacement, of that over one more step, and of the
# slope of the first in k
Sums = tuple[FloatArray, FloatArray, FloatArray]
# status, relative error, and the three sums over modes (3, K)
Answer = tuple[MomentsStatus, float, FloatArray]
# of steps (B, 1), stiffnesses z (J,) and measures (m, J)
Terms = Callable[[IntArray, FloatArray, FloatArray], Sums]


def summed(
    terms: Terms, stiffness: FloatArray, measures: FloatArray, decays: Region, k: IntArray
) -> FloatArray:
    """Return the three sums over modes (3, K) at steps `k` (K,), to relative 1e-10.

    Parameters
    ----------
    terms : callable
        Of one theory.
    stiffness : ndarray (d,)
        z of the modes.
    measures : ndarray (m, d)
        Second moments of the modes.
    decays : callable
        The theory's region for `linsgd.theory.displacement.compression`.
    k : ndarray of int (K,)
        Steps.
    """
    if not np.isfinite(measures).all():
        infinite = np.full(k.shape, np.inf)
        undefined = np.full(k.shape, np.nan)
        return np.stack([infinite, infinite, undefined])
    nodes = compress(stiffness, measures, decays)

    def at(block: IntArray) -> FloatArray:
        parts = terms(block[:, None], nodes.stiffness, nodes.weights)
        return np.stack([part.sum(axis=-1) for part in parts])

    sums = map_threads(at, blocks(k, nodes.stiffness.size))
    return np.concatenate(sums, axis=1)


def langevin_terms(momentum: float) -> Terms:
    """Return the terms of the Langevin equation; measures E y^2, E x y, w2 E x^2 and q."""

    def terms(k: IntArray, z: FloatArray, measures: FloatArray) -> Sums:
        """Return E (S y - w2 T x)^2, E (V y - w2 S x)^2 and the first's slope, with noise."""
        e = sgd_propagator(k, momentum, z)
        yy, xy, wxx, q = measures
        w2 = e.w2
        S = e.S
        V = e.V
        T = e.cumulative_response()
        # E (S y - w2 T x)^2
        crossed = 2 * xy * w2 * S * T
        far = yy * S**2 - crossed + wxx * w2 * T**2
        # E (V y - w2 S x)^2
        crossed = 2 * xy * w2 * S * V
        step = yy * V**2 - crossed + wxx * w2 * S**2
        # the derivative of the first in k, by T' = S and S' = V
        crossed = xy * w2 * (S**2 + T * V)
        slope = 2 * (yy * S * V - crossed + wxx * w2 * T * S)
        return (
            far + q * e.position_noise(),
            step + q * e.velocity_noise(),
            slope + q * S**2,
        )

    return terms


def stationary_langevin_terms(momentum: float) -> Terms:
    """Return the terms of the Langevin equation from stationarity; measure Var y."""

    def terms(k: IntArray, z: FloatArray, measures: FloatArray) -> Sums:
        e = sgd_propagator(k, momentum, z)
        yy = np.broadcast_to(measures[0], e.S.shape)
        return 2 * yy * e.cumulative_response(), yy, 2 * yy * e.S

    return terms


def diffusion_terms(momentum: float) -> Terms:
    """Return the terms of the first-order diffusion; measures theta E x^2 and q."""

    def terms(k: IntArray, z: FloatArray, measures: FloatArray) -> Sums:
        """Return theta E x^2 phi(k)^2 of k steps, the same of one step, and the first's slope."""
        theta = z / (1 - momentum)
        t = k.astype(np.float64)
        one = np.ones(1)
        confined, q = measures
        left = np.exp(-theta * t)
        phi = decayed(theta, t)
        phi_noise = decayed(2 * theta, t)
        once = decayed(theta, one)
        once_noise = decayed(2 * theta, one)
        # the second moment at k, times theta
        at_k = confined * left**2 + q * theta * phi_noise
        far = confined * theta * phi**2 + q * phi_noise
        step = at_k * theta * once**2 + q * once_noise
        slope = 2 * confined * theta * phi * left + q * left**2
        return far, step, slope

    return terms


def exact_stationary_terms(momentum: float) -> Terms:
    """Return the terms of the algorithm from stationarity; measure Var y."""

    def terms(k: IntArray, z: FloatArray, measures: FloatArray) -> Sums:
        """Return (1 + m) T - m U, 1 and the first's slope, in units of Var y; T sums U."""
        power = powers(k, momentum, z)
        U, T = power.U, power.cumulative_response()
        yy = np.broadcast_to(measures[0], U.shape)
        far = (1 + momentum) * T - momentum * U
        slope = yy * (1 + momentum - z / 2) * U
        return yy * far, yy, slope

    return terms
