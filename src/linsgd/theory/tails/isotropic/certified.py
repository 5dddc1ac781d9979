r"""One Gaussian feature without momentum, by proof: ball arithmetic encloses every rounding (python-flint, Arb).

h(s) is the closed form of `reference`, with Kummer's and Tricomi's functions as balls, at the exact
values of the doubles that were given. log h is convex with log h(0) = 0. So h(s) < 1 and h(t) > 1
for 0 < s < t prove that alpha lies between them, and for every s in (0, 1)

    -log h(-s) / s  <=  rho  <=  log h(s) / s.
"""

import importlib.util
import math
from collections.abc import Callable
from typing import Any

from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.isotropic.radial import LARGEST_ORDER
from linsgd.theory.tails.result import UNKNOWN, UNKNOWN_ORDER, Interval
from linsgd.theory.tails.setting import Setting

_PRECISIONS = (128, 256, 512, 1024, 2048, 4096)  # bits
_LARGEST_ENCLOSED = 1e4  # exponents beyond it would take more bits than there are seconds
_RUNGS = 40  # halvings of the largest order
_NEAR_ZERO = 2.0**-44  # the s of the bounds on rho


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    needs = "one feature" if setting.dimension > 1 else quadrature.covers(setting)
    if needs or importlib.util.find_spec("flint"):
        return needs
    return "python-flint: pip install 'linsgd[certified]'"


def log_moment(setting: Setting, s: float) -> Any:
    """Return a ball that holds log h(s), at the working precision; s is taken exactly."""
    from flint import arb

    order, half, one = arb(s), arb(setting.batch) / 2, arb(1)
    a = one - arb(setting.lr) * arb(setting.decay)
    c = arb(setting.lr) * arb(float(setting.spectrum[0])) / setting.batch
    if a == 0:
        return order * (2 * c).log() + (half + order).lgamma() - half.lgamma()
    z = abs(a) / (2 * c)
    if not a > 0:
        return order * abs(a).log() + half * z.log() + z.hypgeom_u(half, half + order + 1).log()
    below = z.hypgeom_1f1(order + 1, half + order + 1) * (half + order + 1).rgamma()
    above = z.hypgeom_u(order + 1, half + order + 1) * half.rgamma()
    return order * a.log() + half * z.log() - z + (order + 1).lgamma() + (below + above).log()


def _ends(ball: Any) -> tuple[float, float]:
    """Return doubles below and above everything in a ball; infinite where it knows nothing."""
    if not ball.is_finite():
        return -math.inf, math.inf
    lower, upper = float(ball.lower()), float(ball.upper())
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


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return an enclosure of log h(s)."""

    def attempt() -> Interval:
        lower, upper = _ends(log_moment(setting, s))
        return Interval((lower + upper) / 2, lower, upper)

    return _refined(
        attempt, lambda found: found.upper - found.lower <= 1e-15 * (1 + abs(found.value))
    )


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return an enclosure of rho."""

    def attempt() -> Interval:
        lower, upper = (
            -log_moment(setting, -_NEAR_ZERO) / _NEAR_ZERO,
            log_moment(setting, _NEAR_ZERO) / _NEAR_ZERO,
        )
        low, high = _ends(lower)[0], _ends(upper)[1]
        return Interval((low + high) / 2, low, high)

    return _refined(attempt, lambda found: found.upper - found.lower < 1e-10)


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return an enclosure of alpha about the root found by quadrature, proved by two signs of log h.

    Where these cannot be had, as beyond 10^4, [s, inf] from the sign at one s.
    """
    guess = quadrature.exponent(setting)
    if not guess.value <= _LARGEST_ENCLOSED:
        return _from_below(setting)
    width = max((guess.upper - guess.lower) / 2, 4 * math.ulp(guess.value))

    def attempt() -> Interval:
        lower, upper = guess.value - width, guess.value + width
        proved = log_moment(setting, lower) < 0 and log_moment(setting, upper) > 0
        return Interval(guess.value, lower, upper) if proved else UNKNOWN_ORDER

    found = _refined(attempt, lambda found: found.value == found.value)
    return found if found.value == found.value else _from_below(setting)


def _from_below(setting: Setting) -> Interval:
    """Return [s, inf] for the largest s of a ladder at which h < 1 is proved."""

    def attempt() -> Interval:
        ladder = (LARGEST_ORDER / 2**k for k in range(_RUNGS))
        return Interval(
            math.nan, next((s for s in ladder if log_moment(setting, s) < 0), 0.0), math.inf
        )

    return _refined(attempt, lambda found: found.lower > 0)
