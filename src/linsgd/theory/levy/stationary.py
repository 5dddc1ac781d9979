r"""SGD on a quadratic with additive stable noise: the exact stationary scale, with momentum.

In a mode of curvature kappa = h + weight_decay the state z = (w, v) obeys z' = A z + c S with
independent S of law S(alpha)S(sigma_b) (`linsgd.theory.recurrence.recurrence`). In the stationary
law w is the sum of the S with the weights psi_j = (A^j c)_w, hence S(alpha)S(s) with

    s^alpha = sigma_b^alpha sum_j |psi_j|^alpha,

and likewise v. Without momentum it is the geometric series (lr sigma_b)^alpha/(1 - |1 - lr
kappa|^alpha). With it the series is summed until the larger root of A dominates, and the rest is
geometric. As lr -> 0 it tends to the scale of the Levy equation,

    s^alpha = e^{alpha - 1} sigma_b^alpha/(alpha kappa),    e = lr (1 - dampening)/(1 - momentum).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.result import Guarantee, Result
from linsgd.stable import Stable
from linsgd.theory.levy.noise import driven, effective_lr
from linsgd.theory.recurrence.recurrence import Coefficients
from linsgd.theory.result import MomentsStatus

NEGLIGIBLE = 1e-17  # of the smaller root's share, or of the rest of a series
MOST_TERMS = 1 << 24
ROUNDING = 1e-13


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class StationaryScale(Result):
    """The stationary stable law of every mode.

    Attributes
    ----------
    status : MomentsStatus
        "ok", or "unstable" where a mode's mean diverges; its scales are then inf.
    alpha : float
        Index of the laws.
    position_scale, velocity_scale : ndarray (d,)
        Of w and v of each mode.
    equation_scale : ndarray (d,)
        Of w by the Levy equation, the limit of small lr.
    error : float
        Estimated relative error of the first two.
    guarantee : Guarantee
        "numerical".
    """

    status: MomentsStatus
    alpha: float
    position_scale: FloatArray
    velocity_scale: FloatArray
    equation_scale: FloatArray
    error: float
    guarantee: Guarantee = Guarantee.NUMERICAL


def stationary_scale(curvature: ArrayLike, sgd: SGD, noise: Stable) -> StationaryScale:
    r"""Return the stationary scale of SGD on a quadratic with additive stable gradient noise.

    Parameters
    ----------
    curvature : array_like (d,)
        Eigenvalues of the Hessian; positive, together with the weight decay.
    sgd : SGD
        The optimizer, with any momentum, dampening and Nesterov.
    noise : Stable
        Of one sample's gradient along each eigenvector, independent of the weights.

    Returns
    -------
    StationaryScale
        Exact scales of w and v, and that of the Levy equation.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or the series has more than 16 million terms.

    Notes
    -----
    Without momentum, with :math:`\kappa = h + \lambda`,

    .. math:: s^\alpha = \frac{(\eta \sigma b^{1/\alpha - 1})^\alpha}{1 - |1 - \eta \kappa|^\alpha}
        \to \frac{\eta^{\alpha - 1} \sigma^\alpha b^{1 - \alpha}}{\alpha \kappa}
        \qquad (\eta \to 0).

    References
    ----------
    The linear stable recursion is classical (Samorodnitsky, Taqqu, Stable Non-Gaussian Random
    Processes, 1994); its momentum form here is ours.

    Examples
    --------
    >>> import linsgd
    >>> found = linsgd.levy.stationary_scale([1.0], linsgd.SGD(lr=0.1), linsgd.Stable(1.5))
    >>> found.position_scale.round(6), found.equation_scale.round(6)
    (array([0.360356]), array([0.35422]))
    """
    law = driven(sgd, noise)
    kappa = domains.array("curvature", curvature, (None,)) + sgd.weight_decay
    if kappa.min() <= 0:
        i = int(kappa.argmin())
        refused = "positive values: a flat direction has no stationary law"
        domains.refuse(f"curvature[{i}] + weight_decay", float(kappa[i]), refused)
    coefficients = Coefficients.of(sgd)
    stable = kappa < coefficients.largest_stable_curvature()
    scales, error = np.full((2, kappa.size), np.inf), ROUNDING
    for i in map(int, np.flatnonzero(stable)):
        total, terms = _response_sums(coefficients, float(kappa[i]), law.alpha)
        scales[:, i] = law.scale * total ** (1 / law.alpha)
        error = max(error, terms * np.finfo(float).eps)
    lr = effective_lr(sgd)
    return StationaryScale(
        status=MomentsStatus.OK if stable.all() else MomentsStatus.UNSTABLE,
        alpha=law.alpha,
        position_scale=scales[0],
        velocity_scale=scales[1],
        equation_scale=law.scale * lr * (law.alpha * lr * kappa) ** (-1 / law.alpha),
        error=error,
    )


def _response_sums(
    coefficients: Coefficients, kappa: float, alpha: float
) -> tuple[FloatArray, int]:
    """Return sum_j |A^j c|^alpha of w and v (2,), and how many terms were summed."""
    curvature = np.array([kappa])
    A, c = coefficients.mode_matrix(curvature)[0], coefficients.noise_vector()
    log_decay, log_ratio = _log_roots(coefficients, kappa)
    # sum until the smaller root is negligible, or else until the series is
    needed = math.log(NEGLIGIBLE) / max(log_ratio, -1e300) if log_ratio < 0 else math.inf
    settled = math.log(NEGLIGIBLE) / (alpha * log_decay)
    terms = min(needed, settled) + 3
    if terms > MOST_TERMS:
        domains.refuse("momentum", coefficients.momentum, "series of at most 16 million terms")
    responses, step = c[None], A
    while len(responses) < terms:
        responses = np.concatenate([responses, responses @ step.T])
        step = step @ step
    powers = np.abs(responses) ** alpha
    rest = powers[-1] / -math.expm1(alpha * log_decay)
    total: FloatArray = powers[:-1].sum(axis=0) + rest
    return total, len(responses)


def _log_roots(coefficients: Coefficients, kappa: float) -> tuple[float, float]:
    """Return log|r1| of the larger root of A, and log|r2/r1|, 0 for a complex pair.

    The roots of A - I solve x^2 - t x + p = 0 with t its trace and p = lr (1 - dampening) kappa
    its determinant, which keeps the small root of a slow mode accurate.
    """
    change = coefficients.mode_change(np.array([kappa]))[0]
    t, p = float(np.trace(change)), coefficients.lr * coefficients.gradient_weight * kappa
    square = t * t - 4 * p
    if square < 0:
        # |r|^2 = det A = 1 + t + p
        return 0.5 * math.log1p(t + p), 0.0
    far = (t - math.sqrt(square)) / 2
    logs = [_log_distance(p / far), _log_distance(far)]
    return max(logs), -abs(logs[0] - logs[1])


def _log_distance(x: float) -> float:
    """Return log|1 + x|, of -inf as the logarithm of the least number."""
    return math.log1p(x) if x > -1 else math.log(max(abs(1 + x), 1e-300))
