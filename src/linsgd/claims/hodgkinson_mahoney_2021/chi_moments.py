r"""Moments of SGD on one Gaussian feature by adaptive quadrature, code that no prediction uses.

One step multiplies by A = a - lr chi2_b / b, a = 1 - lr weight_decay. With chi2_b = z^2, whose root
z has a density proportional to z^{b-1} e^{-z^2/2},

    h(s) = E|A|^s,

is integrated by QUADPACK on both sides of the kink A = 0. The exponent is bounded by two signs of
log h, which is convex with log h(0) = 0.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import gammaln

from linsgd.domains import FloatArray

_REACH = 12.0  # in z, beyond the peak of the integrand
_ERROR = 1e-7  # relative, far above that of the quadrature


@dataclass(frozen=True, slots=True)
class Step:
    """The factor A of one feature of variance 1."""

    lr: float
    batch: int = 1
    decay: float = 0.0

    def mean(self, f: Callable[[float], float], order: float) -> float:
        """Return E f(A) for an f that grows like |A|^order and may have a kink at A = 0."""
        a, c, b = 1 - self.lr * self.decay, self.lr / self.batch, self.batch
        log_norm = (b / 2 - 1) * math.log(2) + float(gammaln(b / 2))
        peak = math.sqrt(max(b - 1 + 2 * order, 0.0))

        def integrand(z: float) -> float:
            return f(a - c * z * z) * math.exp((b - 1) * math.log(z) - z * z / 2 - log_norm)

        kink = math.sqrt(a / c)
        ends = sorted({0.0, kink, peak, kink + peak + _REACH})
        return sum(
            quad(integrand, *part, epsabs=0, epsrel=1e-11, limit=200)[0]
            for part in itertools.pairwise(ends)
        )

    def log_moment(self, s: float) -> float:
        """Return log h(s)."""
        return math.log(self.mean(lambda A: abs(A) ** s, s))

    def exponent(self) -> FloatArray:
        """Return bounds (2,) on the root of log h."""
        return bounded_root(self.log_moment)

    def slope_in_decay(self) -> float:
        """Return d alpha / d weight_decay = -(dh / d weight_decay) / (dh / ds) at s = alpha.

        dh/ds = E|A|^s log|A|, and dA / d weight_decay = -lr makes
        dh / d weight_decay = -lr s E|A|^(s-1) sign(A).
        """
        alpha = float(self.exponent().mean())
        in_order = self.mean(lambda A: abs(A) ** alpha * math.log(abs(A)) if A else 0.0, alpha)
        in_factor = self.mean(lambda A: math.copysign(abs(A) ** (alpha - 1), A), alpha)
        return self.lr * alpha * in_factor / in_order


def bounded_root(log_growth: Callable[[float], float]) -> FloatArray:
    """Return bounds (2,) on the positive root of a convex function that leaves 0 downwards."""
    high = 1.0
    while log_growth(high) < 0:
        high *= 2
    low = high / 2
    while log_growth(low) > 0:
        low /= 2
    root = float(brentq(lambda s: log_growth(s) / s, low, high, rtol=1e-12))
    lower, upper = root * (1 - _ERROR), root * (1 + _ERROR)
    proved = log_growth(lower) < 0 < log_growth(upper)
    return np.array([lower, upper] if proved else [0.0, math.inf])
