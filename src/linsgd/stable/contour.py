r"""Symmetric stable density, survival function and derivative in alpha by contour integrals.

With the characteristic function exp(-|t|^alpha), for x >= 0,

    f(x)         =  1/pi Re int_C exp(i x t - t^alpha) dt,
    P(X > x)     =  1/2 - phi/pi - 1/pi Im int_C exp(i x t - t^alpha) dt/t,
    df/dalpha(x) = -1/pi Re int_C t^alpha log(t) exp(i x t - t^alpha) dt,

over any path C that leaves 0 at an angle phi and ends at infinity in the right half plane, where
the integrand decays. Each range of alpha has a path on which nothing cancels, so that small values
keep their relative accuracy:

- alpha <= 3/4: the imaginary axis t = i s. With c = cos(pi alpha/2), d = sin(pi alpha/2),
  exp(i x t - t^alpha) = exp(-x s - c s^alpha - i d s^alpha), so that
  f(x) = 1/pi int exp(-x s - c s^alpha) sin(d s^alpha) ds.
- 3/4 < alpha < 1.35: the ray t = s e^{i phi} with tan(phi) = x, on which Cauchy's law has a
  constant phase, (1 - i x) e^{i phi} = R = sqrt(1 + x^2). With E = t^{alpha - 1} - 1 and
  sigma = R s, f(x) = 1/(pi R) int e^{-sigma} {1/R + Re e^{i phi} (exp(-s e^{i phi} E) - 1)} dsigma.
- alpha >= 1.35: up the imaginary axis to i S, the saddle of -x s + |c| s^alpha, and from there
  parallel to the real axis. The first leg carries the power-law tail, in proportion to
  d = sin(pi (2 - alpha)/2), the second the Gaussian centre.

Integrals over a half line use s = scale exp(w - e^{-w}), those over an interval
s = S/(1 + exp(-pi sinh w)), with the trapezoidal rule in w: both converge double exponentially
(Takahasi, Mori 1974).

Relative error, for 0.3 <= alpha <= 2 and x <= 1e12: below 5e-13 (against mpmath; see the tests).
"""

import math

from linsgd.domains import FloatArray
from linsgd.jit import inlined, kernel

Three = tuple[float, float, float]  # a term or an integral of each of the three functions

SMALLEST_ALPHA = 0.3
LARGEST_X = 1e12
RELATIVE_ERROR = 1e-12

# limits of the paths and steps of the rules with which the comparison with mpmath (tests/stable)
# stays below RELATIVE_ERROR
_AXIS, _SADDLE = 0.75, 1.35  # the values of alpha at which the path changes
_PEAK = 0.5  # x up to which exp(i x t) hardly turns where t^alpha is of order one
_STEP, _FINER = 0.1, 0.0625  # of the trapezoidal rules on a half line and on an interval
_FIRST = -45  # w = -4.5: s = exp(-4.5 - e^4.5) of the scale
_LAST_FINER = 52  # w = 3.25: s differs from the end of the interval by e^{-40} of its length
_DECAY = 60.0  # an exponent beyond which terms are dropped: e^{-60} = 9e-27
_HALF_PI = math.pi / 2


@inlined
def _turned(alpha: float) -> tuple[float, float]:
    """Return cos(pi alpha/2) and sin(pi alpha/2), the latter with full accuracy near alpha = 2."""
    if alpha > 1:
        angle = _HALF_PI * (2 - alpha)
        return -math.cos(angle), math.sin(angle)
    return math.cos(_HALF_PI * alpha), math.sin(_HALF_PI * alpha)


@inlined
def _on_axis(x: float, alpha: float, c: float, d: float, s: float) -> Three:
    """Return the integrands in s on t = i s: of f, of the survival function and of df/dalpha."""
    log_s = math.log(s)
    power = math.exp(alpha * log_s)
    size = math.exp(-x * s - c * power)
    sine = math.sin(d * power)
    cosine = math.cos(d * power)
    # t^alpha log t = power (c + i d)(log s + i pi/2) = power (real + i imaginary)
    real = c * log_s - d * _HALF_PI
    imaginary = d * log_s + c * _HALF_PI
    density = size * sine
    slope = size * power * (imaginary * cosine - real * sine)
    return density, density / s, slope


@kernel
def _half_axis(x: float, alpha: float, top: float, scale: float) -> Three:
    """Integrate over the imaginary axis to i top, where the integrand has become negligible."""
    c, d = _turned(alpha)
    density, survival, slope = 0.0, 0.0, 0.0
    last = int(math.log(top / scale) / _STEP)
    for k in range(_FIRST, last + 2):
        # s = scale exp(w - e^{-w}), ds = s (1 + e^{-w}) dw
        shrink = math.exp(-k * _STEP)
        s = scale * math.exp(k * _STEP - shrink)
        weight = _STEP * s * (1 + shrink)
        f, tail, change = _on_axis(x, alpha, c, d, s)
        density += weight * f
        survival += weight * tail
        slope += weight * change
    return density, survival, slope


@kernel
def _up_to(x: float, alpha: float, top: float) -> Three:
    """Integrate over the imaginary axis to i top, where the integrand has not vanished."""
    c, d = _turned(alpha)
    density, survival, slope = 0.0, 0.0, 0.0
    for k in range(-_LAST_FINER, _LAST_FINER + 1):
        # s = top / (1 + r) with r = exp(-pi sinh w), ds = s pi cosh(w) r / (1 + r) dw
        w = k * _FINER
        rest = math.exp(-math.pi * math.sinh(w))
        share = 1 / (1 + rest)
        s = top * share
        growth = _FINER * s * math.pi * math.cosh(w)
        weight = growth * rest * share
        f, tail, change = _on_axis(x, alpha, c, d, s)
        density += weight * f
        survival += weight * tail
        slope += weight * change
    return density, survival, slope


@kernel
def _across(x: float, alpha: float, height: float) -> Three:
    """Integrate over t = i height + u, 0 < u < infinity."""
    density, survival, slope = 0.0, 0.0, 0.0
    top = height + _DECAY ** (1 / alpha)
    last = int(math.log(top) / _STEP)
    for k in range(_FIRST, last + 2):
        shrink = math.exp(-k * _STEP)
        u = math.exp(k * _STEP - shrink)
        # log t = log_size + i angle and t^alpha = real + i imaginary
        square = u * u + height * height
        log_size = 0.5 * math.log(square)
        angle = math.atan2(height, u)
        power = math.exp(alpha * log_size)
        real = power * math.cos(alpha * angle)
        imaginary = power * math.sin(alpha * angle)
        # exp(i x t - t^alpha) du = size e^{i phase}
        size = _STEP * u * (1 + shrink) * math.exp(-x * height - real)
        phase = x * u - imaginary
        cosine = math.cos(phase)
        sine = math.sin(phase)
        density += size * cosine
        # Im e^{i phase}/(u + i height)
        survival -= size * (sine * u - cosine * height) / square
        # Re t^alpha log(t) e^{i phase}
        change_real = real * log_size - imaginary * angle
        change_imaginary = real * angle + imaginary * log_size
        slope -= size * (change_real * cosine - change_imaginary * sine)
    return density, survival, slope


@kernel
def _on_ray(x: float, alpha: float) -> Three:
    """Integrate along the ray of angle arctan(x)."""
    R = math.hypot(1.0, x)
    turn = complex(1.0, x) / R
    phi = math.atan(x)
    top = max(_DECAY, _DECAY ** (1 / alpha))
    density, survival, slope = 0.0, 0.0, 0.0
    last = int(math.log(top) / _STEP)
    for k in range(_FIRST, last + 2):
        shrink = math.exp(-k * _STEP)
        sigma = math.exp(k * _STEP - shrink)
        weight = _STEP * (1 + shrink) * math.exp(-sigma)
        s = sigma / R
        log_t = complex(math.log(s), phi)
        E = _expm1((alpha - 1) * log_t)
        change = _expm1(-s * turn * E)  # exp(-s e^{i phi} E) - 1
        turned = turn * change
        density += weight * sigma * (1 / R + turned.real)
        survival -= weight * change.imag
        # t^alpha log(t) dt e^{-sigma + ...} = s turn (1 + E) log(t) turn (1 + change)
        derivative = turn * turn * (1 + E) * log_t * (1 + change)
        slope -= weight * sigma * s * derivative.real
    return density / R, survival + math.atan2(1.0, x), slope / R


@inlined
def _expm1(z: complex) -> complex:
    """Return e^z - 1 without cancellation for small complex z."""
    half = math.sin(0.5 * z.imag)
    growth = math.expm1(z.real)
    size = growth + 1
    # e^x cos y - 1 = (e^x - 1) - 2 e^x sin(y/2)^2
    real = growth - 2 * size * half * half
    return complex(real, size * math.sin(z.imag))


@kernel
def evaluate(x: float, alpha: float) -> Three:
    """Return f(x), P(X > x) and df/dalpha (x) of the law of unit scale, for x >= 0."""
    c, d = _turned(alpha)
    if alpha <= _AXIS:
        # c s^alpha or x s reaches _DECAY
        top = (_DECAY / c) ** (1 / alpha)
        if x > 0:
            top = min(_DECAY / x, top)
        scale = 1 / (x + c ** (1 / alpha))
        density, survival, slope = _half_axis(x, alpha, top, scale)
    elif alpha < _SADDLE:
        density, survival, slope = _on_ray(x, alpha)
    elif x <= _PEAK:  # the real axis, which leaves 0 at angle 0
        density, survival, slope = _across(x, alpha, 0.0)
        survival = _HALF_PI + survival
    else:
        height = (x / (alpha * -c)) ** (1 / (alpha - 1))  # S
        # exp(-exponent) is the size of the integrand at the saddle, d that of the first leg
        exponent = x * height * (1 - 1 / alpha)
        if d > 0 and exponent > _DECAY - math.log(d):  # the second leg is negligible
            top = min(height, _DECAY / x)
            density, survival, slope = _half_axis(x, alpha, top, 1 / x)
        else:
            density, survival, slope = _across(x, alpha, height)
            first = _up_to(x, alpha, height)
            density += first[0]
            survival += first[1]
            slope += first[2]
    at_or_beyond = 0.5 if x == 0 else survival / math.pi
    return density / math.pi, at_or_beyond, slope / math.pi


@kernel
def evaluate_all(
    x: FloatArray, alpha: float, density: FloatArray, survival: FloatArray, slope: FloatArray
) -> None:
    """Fill the three arrays (n,) with `evaluate` at each x (n,)."""
    for i in range(x.size):
        density[i], survival[i], slope[i] = evaluate(x[i], alpha)
