r"""Relaxation and stationary autocorrelation of the modes of the algorithm itself.

With z = lr (1 - dampening) kappa the mean of a mode follows the two roots g of

    g^2 - (1 + momentum - z) g + momentum = 0,      mode ~ g^k,

and its frequency and damping a step are the angle and minus the log modulus of the larger root:

  regime        z                                          damping                  frequency
  overdamped    z < (1 - sqrt(momentum))^2                 of the larger root       0
  underdamped   between the two                            -log(momentum)/2         of the root
  alternating   z > (1 + sqrt(momentum))^2                 of the larger root       pi

For any unbiased noise of finite variance and independent batches, stationarity of Var x and of
Cov(x, y), y the displacement of a step, gives Cov(x, y) = Var(y) / 2 and
Var(y) (1 + momentum) = 2 z Var(x). With the powers P, U, Q of
`linsgd.theory.recurrence.heavy_ball` the autocorrelations are then

    E x_k x_0 / Var x = P_k + (momentum z / (1 + momentum)) U_k,
    E v_k v_0 / Var v = Q_k - (z/2) U_k,        which sums to 0 over all k, positive and negative.
"""

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.theory.recurrence.heavy_ball import band, discriminant, powers, roots
from linsgd.theory.relaxation import ROUNDING, Regime, Relaxation, damped_regime


def relaxation(z: FloatArray, momentum: float) -> Relaxation:
    """Return how modes of stiffness z = lr (1 - dampening) kappa relax (d,)."""
    lower, upper = band(momentum)
    log_modulus, angle = roots(momentum, z)
    over = discriminant(momentum, z) >= 0
    alternating = over & (z > 1 + momentum)
    to_lower = np.abs(z - lower) / lower
    to_upper = np.abs(z - upper) / upper
    critical = np.minimum(to_lower, to_upper) <= ROUNDING
    regime = damped_regime(over, critical)
    real_angle = np.where(alternating, np.pi, 0.0)
    return Relaxation(
        regime=np.where(alternating & ~critical, Regime.ALTERNATING.value, regime),
        frequency=np.where(over, real_angle, angle),
        damping=-log_modulus,
        underdamped_above=lower,
        alternating_above=upper,
    )


def correlations(k: IntArray, momentum: float, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the position and velocity autocorrelations at lags `k` of modes of stiffness z."""
    if z.max() >= 2 * (1 + momentum):
        stable = f"[0, {2 * (1 + momentum):g}), where the mean converges"
        domains.refuse("lr (1 - dampening) (h + weight_decay)", float(z.max()), stable)
    power = powers(k, momentum, z)
    position = power.P + momentum * z / (1 + momentum) * power.U
    velocity = power.Q - z / 2 * power.U
    return position, velocity
