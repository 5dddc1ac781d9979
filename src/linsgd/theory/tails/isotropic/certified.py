r"""Enclosures for one Gaussian feature without momentum, by ball arithmetic (python-flint, Arb).

h(s) is the closed form of `linsgd.theory.tails.isotropic.mpmath`, with Kummer's and Tricomi's
functions as balls, which enclose every rounding, at the exact values of the doubles that were
given. log h is convex with log h(0) = 0. So h(s) < 1 and h(t) > 1 for 0 < s < t prove that alpha
lies between them, and for every s in (0, 1)

    -log h(-s) / s  <=  rho  <=  log h(s) / s.
"""

import importlib.util
import math
from collections.abc import Callable
from typing import Any

from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.isotropic.radial import LARGEST_ORDER
from linsgd.theory.tails.result import ANY_POSITIVE, UNKNOWN, Interval
from linsgd.theory.tails.sample_budget import UNLIMITED, SampleBudget
from linsgd.theory.tails.setting import Setting

_PRECISIONS = (128, 256, 512, 1024, 2048, 4096)  # bits
_LARGEST_ENCLOSED = 1e4  # exponents beyond it take more bits than are computed in seconds
_RUNGS = 40  # halvings of the largest order
_NEAR_ZERO = 2.0**-44  # the s of the bounds on rho
_NARROW, _NARROW_RHO = 1e-15, 1e-10  # widths at which the precision is enough


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if the method applies."""
    needs = "one feature" if setting.dimension > 1 else quadrature.covers(setting)
    if needs or importlib.util.find_spec("flint"):
        return needs
    return "python-flint: pip install 'linsgd[certified]'"


def log_moment(setting: Setting, s: float) -> Any:
    """Return a ball that holds log h(s), at the working precision; s is taken exactly."""
    from flint import arb

    order = arb(s)
    m = arb(setting.batch) / 2
    lr = arb(setting.step_size)
    decay = arb(setting.decay)
    a = 1 - lr * decay
    c = lr * arb(float(setting.spectrum[0])) / setting.batch
    if a == 0:  # (2c)^s Gamma(m + s) / Gamma(m)
        return order * (2 * c).log() + (m + order).lgamma() - m.lgamma()
    z = abs(a) / (2 * c)
    second = m + order + 1  # parameter of M and U
    if not a > 0:  # |a|^s z^m U(m, m + s + 1, z)
        U = z.hypgeom_u(m, second)
        return order * abs(a).log() + m * z.log() + U.log()
    # a^s z^m e^-z Gamma(s + 1) [M / Gamma(m + s + 1) + U / Gamma(m)]
    M = z.hypgeom_1f1(order + 1, second)
    U = z.hypgeom_u(order + 1, second)
    total = M * second.rgamma() + U * m.rgamma()
    log_power = order * a.log() + m * z.log() - z
    return log_power + (order + 1).lgamma() + total.log()


def _ends(ball: Any) -> tuple[float, float]:
    """Return doubles below and above everything in a ball; infinite where it is the whole line."""
    if not ball.is_finite():
        return -math.inf, math.inf
    lower = float(ball.lower())
    upper = float(ball.upper())
    return math.nextafter(lower, -math.inf), math.nextafter(upper, math.inf)


def _refined(attempt: Callable[[], Interval], good: Callable[[Interval], bool]) -> Interval:
    """Return the first attempt that is good as the precision rises, or the last."""
    from flint import ctx

    before, found = ctx.prec, UNKNOWN
    try:
        for ctx.prec in _PRECISIONS:
            found = attempt()
            if good(found):
                break
    finally:
        ctx.prec = before
    return found


def log_spectral(setting: Setting, s: float, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return an enclosure of log h(s)."""

    def attempt() -> Interval:
        lower, upper = _ends(log_moment(setting, s))
        return Interval((lower + upper) / 2, lower, upper)

    def narrow(found: Interval) -> bool:
        return found.upper - found.lower <= _NARROW * (1 + abs(found.value))

    return _refined(attempt, narrow)


def lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return an enclosure of rho."""

    def attempt() -> Interval:
        below = -log_moment(setting, -_NEAR_ZERO) / _NEAR_ZERO
        above = log_moment(setting, _NEAR_ZERO) / _NEAR_ZERO
        lower = _ends(below)[0]
        upper = _ends(above)[1]
        return Interval((lower + upper) / 2, lower, upper)

    return _refined(attempt, lambda found: found.upper - found.lower < _NARROW_RHO)


def exponent(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return an enclosure of alpha about the root of quadrature, proved by two signs of log h.

    Where these cannot be had, as beyond 10^4, [s, inf] from the sign at one s.
    """
    guess = quadrature.exponent(setting)
    if not guess.value <= _LARGEST_ENCLOSED:
        return _from_below(setting)
    error = max((guess.upper - guess.lower) / 2, 4 * math.ulp(guess.value))
    around = Interval.about(guess.value, error)

    def attempt() -> Interval:
        below = log_moment(setting, around.lower) < 0
        above = below and log_moment(setting, around.upper) > 0
        return around if above else ANY_POSITIVE

    found = _refined(attempt, lambda found: found.resolved)
    return found if found.resolved else _from_below(setting)


def _from_below(setting: Setting) -> Interval:
    """Return [s, inf] for the largest s of a ladder at which h < 1 is proved."""
    ladder = [LARGEST_ORDER / 2**k for k in range(_RUNGS)]

    def attempt() -> Interval:
        proved = (s for s in ladder if log_moment(setting, s) < 0)
        return Interval.between(next(proved, 0.0), math.inf)

    return _refined(attempt, lambda found: found.lower > 0)
