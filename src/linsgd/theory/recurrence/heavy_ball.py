r"""Powers of the step matrix of one mode of SGD with momentum, in every regime and at every step.

The mean of a mode obeys y' = momentum y - z x, x' = x + y' with z = lr (1 - dampening) kappa. Let
U_k be the response of x after k steps to a unit kick of y',

    U_{k+1} = (1 + momentum - z) U_k - momentum U_{k-1},    U_0 = 0, U_1 = 1.

The k-th power of the step matrix is [[P, momentum U], [-z U, Q]] with P = C + D U, Q = C - D U,
where C is half the sum of the k-th powers of the two roots and D = (1 - momentum - z) / 2. The
cumulative response is T_k = U_1 + ... + U_k = (1 - P_k) / z. The discriminant factors,

    Delta = ((1 - sqrt(momentum))^2 - z) ((1 + sqrt(momentum))^2 - z),

so that the roots are accurate at both edges of the oscillating band. Real roots are 1 - r1 and
1 - r2 with r1 r2 = z and r1 + r2 = 1 - momentum + z. Above the band the roots are negative and U_k
alternates: U_k(z) = (-1)^{k-1} times the response whose trace 1 + momentum - z has the other sign.
Where (1 - momentum + z) k and sqrt(z) k are below 1/2, T_k is the Newton series
sum_m C(k+1, m+1) h_{m-1}, with h_m the complete homogeneous polynomials of -r1 and -r2.
"""

from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray, IntArray

NEWTON = 0.5  # in units of the fastest rate: the Newton series is used below it
TERMS = 20  # of the Newton series; 0.5^20 / 20! is far below the machine precision
SMALLEST_ROOT = 1e-304  # a smaller root is taken as 0: its powers underflow


@dataclass(frozen=True, slots=True)
class StepMatrixPowers:
    """P, U and Q of the module's docstring, with their step k, momentum and stiffness z.

    Attributes
    ----------
    k : ndarray of int
        Steps.
    momentum : float
        Of the optimizer.
    z : ndarray
        lr (1 - dampening) kappa; k and z broadcast to the shape of P, U and Q.
    P, U, Q : ndarray
        Position after a unit position, position after a unit kick, velocity after a unit velocity.
    """

    k: IntArray
    momentum: float
    z: FloatArray
    P: FloatArray
    U: FloatArray
    Q: FloatArray

    def cumulative_response(self) -> FloatArray:
        """Return T_k = U_1 + ... + U_k = (1 - P_k) / z, to relative accuracy."""
        m = self.momentum
        z = self.z
        shape = self.P.shape
        total = 1 - m + z  # r1 + r2
        gap = discriminant(m, z)
        # real roots near 1: T = (sum_j (1 - r1)^j - (1 - r2) U) / r2, without the division by z
        slow = (gap >= 0) & (m + 1 - z > 0)
        root = np.sqrt(np.maximum(gap, 0.0))
        r2 = np.where(slow, (total + root) / 2, 1.0)
        r1 = np.where(slow, z / r2, 0.0)
        near = (_geometric_sum(r1, self.k) - (1 - r2) * self.U) / r2
        # else T = (1 - P) / z
        positive = np.broadcast_to(z > 0, shape)
        far = np.divide(1 - self.P, z, out=np.zeros_like(self.P), where=positive)
        sums: FloatArray = np.where(slow, near, far)
        fastest = np.maximum(total, np.sqrt(z))
        small = fastest * self.k < NEWTON
        if small.any():
            k = np.broadcast_to(self.k, shape)[small]
            e1 = np.broadcast_to(total, shape)[small]
            e2 = np.broadcast_to(z, shape)[small]
            sums[small] = _newton_series(k, e1, e2)
        return sums


def powers(k: IntArray, momentum: float, z: FloatArray) -> StepMatrixPowers:
    """Return the k-th power of the step matrix of modes.

    Parameters
    ----------
    k : ndarray of int
        Steps, >= 0; broadcasts with `z`.
    momentum : float
        In [0, 1).
    z : ndarray
        lr (1 - dampening) kappa, in [0, 2 (1 + momentum)].

    Returns
    -------
    StepMatrixPowers
        P, U and Q, accurate to a few rounding errors of their amplitude times 1 + the phase.

    Examples
    --------
    >>> powers(np.array([1, 2]), 0.5, np.array([0.1])).U  # 1, then 1 + momentum - z
    array([1. , 1.4])
    """
    k = np.asarray(k)
    z = np.asarray(z, dtype=np.float64)
    shape = np.broadcast_shapes(k.shape, z.shape)
    C, U = np.empty((2, *shape))
    steps = np.broadcast_to(k, shape)
    stiffness = np.broadcast_to(z, shape)
    under = np.broadcast_to(discriminant(momentum, z) < 0, shape)
    for mask, branch in ((under, _oscillating), (~under, _real)):
        if mask.any():
            found = branch(steps[mask], momentum, stiffness[mask])
            C[mask], U[mask] = found
    D = (1 - momentum - z) / 2
    return StepMatrixPowers(k, momentum, z, P=C + D * U, U=U, Q=C - D * U)


def band(momentum: float) -> tuple[float, float]:
    """Return the stiffnesses (1 -+ sqrt(momentum))^2 between which a mode oscillates."""
    root = float(np.sqrt(momentum))
    one_minus_root = (1 - momentum) / (1 + root)
    return one_minus_root**2, (1 + root) ** 2


def discriminant(momentum: float, z: FloatArray) -> FloatArray:
    """Return Delta = (1 + momentum - z)^2 - 4 momentum: negative where the mode oscillates."""
    lower, upper = band(momentum)
    gap: FloatArray = (lower - z) * (upper - z)
    return gap


def roots(momentum: float, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the log modulus of the larger root and its angle in [0, pi].

    The logarithm is -inf at momentum 0 and z = 1, where both roots vanish.
    """
    gap = discriminant(momentum, z)
    with np.errstate(divide="ignore"):
        log_complex = np.log(momentum) / 2
    log_large = np.where(gap < 0, log_complex, _log_large(momentum, z))
    both_vanish = (momentum == 0) & (z == 1)
    log_large = np.where(both_vanish, -np.inf, log_large)
    # the roots are (trace +- i imaginary) / 2
    trace = 1 + momentum - z
    imaginary = np.sqrt(np.maximum(-gap, 0.0))
    return log_large, np.arctan2(imaginary, trace)


def _oscillating(k: IntArray, momentum: float, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return C and U for complex roots sqrt(momentum) e^{+- i angle}."""
    trace = 1 + momentum - z
    # folded to [0, pi/2], so that its sine is accurate
    angle = np.arctan2(np.sqrt(-discriminant(momentum, z)), np.abs(trace))
    phase = k * angle
    # C = momentum^{k/2} cos(k angle), U = momentum^{(k-1)/2} sin(k angle) / sin(angle)
    envelope = np.exp(k * (np.log(momentum) / 2))
    amplitude = np.sqrt(momentum) * np.sin(angle)
    U = envelope * np.sin(phase) / amplitude
    sign = _alternation(trace, k)
    kick_sign = np.where(trace < 0, -sign, sign)
    return sign * envelope * np.cos(phase), kick_sign * U


def _real(k: IntArray, momentum: float, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return C and U for real roots, from the larger root l and the ratio q of the two.

    U_k = l^{k-1} (1 + q + ... + q^{k-1}) and C = l^k (1 + q^k) / 2.
    """
    trace = 1 + momentum - z
    gap = _real_gap(momentum, z)
    log_large = _log_large(momentum, z)
    with np.errstate(divide="ignore"):  # at momentum 0 the other root is 0: log q = -inf
        log_ratio = np.log1p(-np.minimum(gap * np.exp(-log_large), 1.0))
    # 1 - q^k, and (1 - q^k) / (1 - q), which is k at q = 1
    decay = np.maximum(k, 1) * log_ratio
    lost = np.where(k > 0, -np.expm1(decay), 0.0)
    count = k.astype(np.float64)
    np.divide(lost, -np.expm1(log_ratio), out=count, where=log_ratio < 0)

    sign = _alternation(trace, k)
    C = sign * np.exp(k * log_large) * (1 - lost / 2)
    kick_sign = np.where(trace < 0, -sign, sign)
    growth = np.exp(np.maximum(k - 1, 0) * log_large)
    U = kick_sign * growth * count
    return C, U


def _log_large(momentum: float, z: FloatArray) -> FloatArray:
    """Return the logarithm of the modulus of the larger of two real roots."""
    trace = 1 + momentum - z
    gap = _real_gap(momentum, z)
    # the root 1 - r1 with r1 = 2 z / (1 - momentum + z + gap), accurate as r1 -> 0
    r1 = np.where(trace > 0, 2 * z / (1 - momentum + z + gap), 1.0)
    near_one = np.log1p(-np.minimum(r1, 0.5))
    modulus = (np.abs(trace) + gap) / 2
    far = np.log(np.maximum(modulus, SMALLEST_ROOT))
    return np.where(r1 < 0.5, near_one, far)


def _real_gap(momentum: float, z: FloatArray) -> FloatArray:
    """Return the distance sqrt(Delta) of two real roots, 0 where the mode oscillates."""
    gap: FloatArray = np.sqrt(np.maximum(discriminant(momentum, z), 0.0))
    return gap


def _alternation(trace: FloatArray, k: IntArray) -> FloatArray:
    """Return (-1)^k where the trace is negative, else 1."""
    negative = (trace < 0) & (k % 2 == 1)
    return np.where(negative, -1.0, 1.0)


def _geometric_sum(rate: FloatArray, k: IntArray) -> FloatArray:
    """Return the sum of (1 - rate)^j over 0 <= j < k, which is k at rate 0."""
    with np.errstate(divide="ignore"):
        log_ratio = np.log1p(-np.minimum(rate, 1.0))
        lost = -np.expm1(np.maximum(k, 1) * log_ratio)
    sums = np.broadcast_to(k, lost.shape).astype(np.float64)
    np.divide(lost, rate, out=sums, where=rate > 0)
    return np.where(k > 0, sums, 0.0)


def _newton_series(k: IntArray, e1: FloatArray, e2: FloatArray) -> FloatArray:
    """Return T_k = sum_m C(k+1, m+1) h_{m-1} for e1 = r1 + r2 and e2 = r1 r2."""
    binomial = k * (k + 1) / 2
    # h_{m-2} and h_{m-1}
    older = np.zeros_like(e1)
    old = np.ones_like(e1)
    total = binomial * old
    for m in range(1, TERMS):
        binomial = binomial * (k - m) / (m + 2)
        older, old = old, -e1 * old - e2 * older
        total = total + binomial * old
    return total
