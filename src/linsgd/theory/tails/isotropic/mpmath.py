r"""One Gaussian feature without momentum, in arbitrary precision, with mpmath.

With z = a / (2c), c = lr * variance / b and m = b / 2, for a > 0,

    h(s) = E|a - c chi2_b|^s
         = a^s z^m e^-z Gamma(s+1) [ M(s+1, m+s+1, z) / Gamma(m+s+1) + U(s+1, m+s+1, z) / Gamma(m) ]

with Kummer's M and Tricomi's U; for a < 0 it is |a|^s |z|^m U(m, m+s+1, |z|). U is evaluated from
its Laplace integral, split about the peak: mpmath 1.3's own `hyperu` loses all digits at the
parameters of small learning rates. The Lyapunov exponent is h'(0).
"""

import mpmath

from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.result import ZERO, Interval
from linsgd.theory.tails.sample_budget import UNLIMITED, SampleBudget
from linsgd.theory.tails.setting import Setting

DIGITS = 40
_BENDS = (-24, -12, -6, -3, 0, 3, 6, 12, 24)  # ends of panels, in widths of the log integrand
_SECANTS = 4  # from 12 digits to 40


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if the method applies."""
    return "one feature" if setting.dimension > 1 else quadrature.covers(setting)


def tricomi(alpha: mpmath.mpf, beta: mpmath.mpf, z: mpmath.mpf) -> mpmath.mpf:
    """Return Gamma(alpha) U(alpha, beta, z).

    It is the integral of e^{-zt} t^{alpha-1} (1+t)^{beta-alpha-1} over t > 0.
    """
    p = alpha - 1
    q = beta - alpha - 1

    def integrand(t: mpmath.mpf) -> mpmath.mpf:
        return mpmath.exp(-z * t) * t**p * (1 + t) ** q

    # the peak of the integrand solves z t^2 = (p + q - z) t + p
    linear = p + q - z
    peak = mpmath.mpf(1) / z
    if p > 0:
        root = mpmath.sqrt(linear**2 + 4 * z * abs(p))
        peak = (linear + root) / (2 * z)
    width = 1 / mpmath.sqrt(1 + max(p, 0) + abs(q))
    panels = [peak * mpmath.exp(k * width) for k in _BENDS]
    return mpmath.quad(integrand, [0, *panels, mpmath.inf])


def moment(a: mpmath.mpf, c: mpmath.mpf, b: int, s: mpmath.mpf) -> mpmath.mpf:
    """Return E|a - c chi2_b|^s for s > -1."""
    m = mpmath.mpf(b) / 2
    if a == 0:
        return (2 * c) ** s * mpmath.gamma(m + s) / mpmath.gamma(m)
    z = a / (2 * c)
    if a < 0:
        U = tricomi(m, m + s + 1, -z)
        return (-a) ** s * (-z) ** m * U / mpmath.gamma(m)
    # the integrals over chi2_b below and above the zero at a / c
    M = mpmath.hyp1f1(s + 1, m + s + 1, z)
    U = tricomi(s + 1, m + s + 1, z)
    below = mpmath.gamma(s + 1) * M / mpmath.gamma(m + s + 1)
    above = U / mpmath.gamma(m)
    return a**s * z**m * mpmath.exp(-z) * (below + above)


def log_moment(setting: Setting, s: mpmath.mpf) -> mpmath.mpf:
    """Return log h(s), at the working precision, for the doubles that the setting holds."""
    lr = mpmath.mpf(float(setting.step_size))
    decay = mpmath.mpf(float(setting.decay))
    variance = mpmath.mpf(float(setting.spectrum[0]))
    a = 1 - lr * decay
    c = lr * variance / setting.batch
    return mpmath.log(moment(a, c, setting.batch, s))


def lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return E log|A|, the slope of log h at 0 by a difference of half the digits."""
    with mpmath.workdps(DIGITS):
        step = mpmath.mpf(10) ** (-DIGITS // 3)
        rise = log_moment(setting, step) - log_moment(setting, -step)
        return _rounded(rise / (2 * step))


def log_spectral(setting: Setting, s: float, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return log h(s)."""
    if s == 0:
        return ZERO
    with mpmath.workdps(DIGITS):
        return _rounded(log_moment(setting, mpmath.mpf(s)))


def exponent(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return the root of h(s) = 1 by the secant method from the double-precision root."""
    start = quadrature.exponent(setting)
    if not start.resolved:
        return start
    with mpmath.workdps(DIGITS):
        enough = mpmath.mpf(10) ** (4 - DIGITS)
        s0 = mpmath.mpf(start.value)
        s1 = s0 * (1 + mpmath.mpf(10) ** -10)
        f0 = log_moment(setting, s0)
        f1 = log_moment(setting, s1)
        for _ in range(_SECANTS):
            if f1 == f0 or abs(f1) < enough:
                break
            s2 = s1 - f1 * (s1 - s0) / (f1 - f0)
            s0, f0 = s1, f1
            s1, f1 = s2, log_moment(setting, s2)
        return _rounded(s1)


def _rounded(value: mpmath.mpf) -> Interval:
    """Return the nearest double, with its rounding as the error."""
    return Interval.about(float(value), abs(float(value)) * 2.0**-52)
