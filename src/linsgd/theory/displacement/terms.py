r"""Mean-squared displacement mode by mode, from second moments at the start, and its sum over many modes.

x is the position from the minimum at the start, y = lr v, z the stiffness, q the noise a step; S,
V, T, X, Y are those of `linsgd.theory.langevin.propagator`, U and T of
`linsgd.theory.recurrence.heavy_ball`. Over k steps

langevin    Delta = S y - z T x + noise of variance q X,    dy = V y - z S x + noise of variance q Y,
            and T' = S, S' = V, X' = S^2; from stationarity E Delta^2 = 2 Var(y) T
diffusion   Delta = -theta phi(theta, k) x + noise of variance q phi(2 theta, k),    phi(r, t) = (1 - e^{-r t}) / r
exact       from stationarity, for any unbiased noise and without Nesterov, E Delta^2 = Var(y) ((1 + momentum) T_k -
            momentum U_k), whose central difference in k is Var(y) (2 (1 + momentum) - z) U_k / 2

Measures carry a factor z (theta) with E x^2, which keeps them finite as it goes to 0.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from linsgd.blocks import available_cores
from linsgd.domains import FloatArray, IntArray
from linsgd.theory.displacement.compression import Region, compress
from linsgd.theory.langevin.propagator import blocks, decayed, flow
from linsgd.theory.recurrence.heavy_ball import powers

# for steps (B, 1), stiffnesses lr (1 - dampening) h (J,) and measures (m, J), the terms (B, J) of the mean square of
# the displacement, of that over one more step, and of the slope of the first in k
Terms = Callable[[IntArray, FloatArray, FloatArray], tuple[FloatArray, FloatArray, FloatArray]]


def summed(
    terms: Terms, stiffness: FloatArray, measures: FloatArray, decays: Region, k: IntArray
) -> FloatArray:
    """Return the three sums over modes (3, K) at steps `k` (K,), to relative 1e-10.

    Parameters
    ----------
    terms : callable
        Of one theory.
    stiffness : ndarray (d,)
        Of the modes.
    measures : ndarray (m, d)
        Second moments of the modes.
    decays : callable
        The theory's region for `linsgd.theory.displacement.compression`.
    k : ndarray of int (K,)
        Steps.
    """
    if not np.isfinite(measures).all():
        return np.stack(
            [np.full(k.shape, np.inf), np.full(k.shape, np.inf), np.full(k.shape, np.nan)]
        )
    nodes = compress(stiffness, measures, decays)

    def at(block: IntArray) -> FloatArray:
        return np.stack(
            [part.sum(axis=-1) for part in terms(block[:, None], nodes.stiffness, nodes.weights)]
        )

    with ThreadPoolExecutor(available_cores()) as pool:
        return np.concatenate(list(pool.map(at, blocks(k, nodes.stiffness.size))), axis=1)


def langevin_terms(momentum: float) -> Terms:
    """Return the terms of the Langevin equation; measures E y^2, E x y, z E x^2 and q."""

    def terms(
        k: IntArray, x: FloatArray, measures: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        e = flow(k, (1 - momentum) / (1 + momentum), 2 * x / (1 + momentum))
        (yy, xy, zxx, q), z, S, V, T = measures, e.z, e.S, e.V, e.kick_integral()
        return (
            yy * S**2 - 2 * xy * z * S * T + zxx * z * T**2 + q * e.position_noise(),
            yy * V**2 - 2 * xy * z * S * V + zxx * z * S**2 + q * e.velocity_noise(),
            2 * (yy * S * V - xy * z * (S**2 + T * V) + zxx * z * T * S) + q * S**2,
        )

    return terms


def stationary_langevin_terms(momentum: float) -> Terms:
    """Return the terms of the Langevin equation from stationarity; measure Var y."""

    def terms(
        k: IntArray, x: FloatArray, measures: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        e = flow(k, (1 - momentum) / (1 + momentum), 2 * x / (1 + momentum))
        yy = np.broadcast_to(measures[0], e.S.shape)
        return 2 * yy * e.kick_integral(), yy, 2 * yy * e.S

    return terms


def diffusion_terms(momentum: float) -> Terms:
    """Return the terms of the first-order diffusion; measures theta E x^2 and q."""

    def terms(
        k: IntArray, x: FloatArray, measures: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        theta, t = x / (1 - momentum), k.astype(np.float64)
        (pull, q), left, noise = measures, np.exp(-theta * t), decayed(2 * theta, t)
        once, noise_once = decayed(theta, np.ones(1)), decayed(2 * theta, np.ones(1))
        return (
            pull * theta * decayed(theta, t) ** 2 + q * noise,
            (pull * left**2 + q * theta * noise) * theta * once**2 + q * noise_once,
            2 * pull * theta * decayed(theta, t) * left + q * left**2,
        )

    return terms


def exact_stationary_terms(momentum: float) -> Terms:
    """Return the terms of the algorithm from stationarity; measure Var y."""

    def terms(
        k: IntArray, x: FloatArray, measures: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        power = powers(k, momentum, x)
        yy = np.broadcast_to(measures[0], power.U.shape)
        travelled = (1 + momentum) * power.kick_sum() - momentum * power.U
        return yy * travelled, yy, yy * (1 + momentum - x / 2) * power.U

    return terms
