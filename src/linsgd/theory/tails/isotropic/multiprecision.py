r"""One Gaussian feature without momentum, to any precision, with mpmath.

With z = a / (2c), c = lr * variance / b and m = b / 2, for a > 0,

    h(s) = E|a - c chi2_b|^s
         = a^s z^m e^-z Gamma(s+1) [ M(s+1, m+s+1, z) / Gamma(m+s+1) + U(s+1, m+s+1, z) / Gamma(m) ]

with Kummer's M and Tricomi's U; for a < 0 it is |a|^s |z|^m U(m, m+s+1, |z|). U is evaluated from
its Laplace integral, split about the peak: mpmath 1.3's own `hyperu` loses all digits at the
parameters of small learning rates. The Lyapunov exponent is h'(0).
"""

import mpmath

from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

DIGITS = 40


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    return "one feature" if setting.dimension > 1 else quadrature.covers(setting)


def tricomi(alpha: mpmath.mpf, beta: mpmath.mpf, z: mpmath.mpf) -> mpmath.mpf:
    """Return Gamma(alpha) U(alpha, beta, z), the integral of e^{-zt} t^{alpha-1} (1+t)^{beta-alpha-1} over t > 0."""
    p, q = alpha - 1, beta - alpha - 1
    lean = p + q - z
    peak = (lean + mpmath.sqrt(lean**2 + 4 * z * abs(p))) / (2 * z) if p > 0 else mpmath.mpf(1) / z
    width = 1 / mpmath.sqrt(1 + max(p, 0) + abs(q))
    bends = [peak * mpmath.exp(k * width) for k in (-24, -12, -6, -3, 0, 3, 6, 12, 24)]
    return mpmath.quad(lambda t: mpmath.exp(-z * t) * t**p * (1 + t) ** q, [0, *bends, mpmath.inf])


def moment(a: mpmath.mpf, c: mpmath.mpf, b: int, s: mpmath.mpf) -> mpmath.mpf:
    """Return E|a - c chi2_b|^s for s > -1."""
    m = mpmath.mpf(b) / 2
    if a == 0:
        return (2 * c) ** s * mpmath.gamma(m + s) / mpmath.gamma(m)
    z = a / (2 * c)
    if a < 0:
        return (-a) ** s * (-z) ** m * tricomi(m, m + s + 1, -z) / mpmath.gamma(m)
    below = mpmath.gamma(s + 1) * mpmath.hyp1f1(s + 1, m + s + 1, z) / mpmath.gamma(m + s + 1)
    above = tricomi(s + 1, m + s + 1, z) / mpmath.gamma(m)
    return a**s * z**m * mpmath.exp(-z) * (below + above)


def log_moment(setting: Setting, s: mpmath.mpf) -> mpmath.mpf:
    """Return log h(s), at the working precision, for the doubles that the setting holds."""
    lr, decay, variance = (
        mpmath.mpf(float(x)) for x in (setting.lr, setting.decay, setting.spectrum[0])
    )
    return mpmath.log(moment(1 - lr * decay, lr * variance / setting.batch, setting.batch, s))


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return E log|A|."""
    with mpmath.workdps(DIGITS):
        step = mpmath.mpf(10) ** (-DIGITS // 3)
        slope = (log_moment(setting, step) - log_moment(setting, -step)) / (2 * step)
        return _rounded(slope)


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s)."""
    with mpmath.workdps(DIGITS):
        return _rounded(log_moment(setting, mpmath.mpf(s)))


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of h(s) = 1 by the secant method from the double-precision root."""
    start = quadrature.exponent(setting)
    if start.value != start.value:
        return start
    with mpmath.workdps(DIGITS):
        s0, s1 = mpmath.mpf(start.value), mpmath.mpf(start.value) * (1 + mpmath.mpf(10) ** -10)
        f0, f1 = (log_moment(setting, s) for s in (s0, s1))
        for _ in range(4):
            if f1 == f0 or abs(f1) < mpmath.mpf(10) ** (4 - DIGITS):
                break
            s0, f0, s1 = s1, f1, s1 - f1 * (s1 - s0) / (f1 - f0)
            f1 = log_moment(setting, s1)
        return _rounded(s1)


def _rounded(value: mpmath.mpf) -> Interval:
    """Return the nearest double, with the rounding of that as the error."""
    return Interval.about(float(value), abs(float(value)) * 2.0**-52)
