"""Consequences of the convexity of log h, which is 0 at 0.

Between two orders log h lies below their chord, and beyond them above its extension; tangents lie
below.
"""

import itertools
import math
from collections.abc import Mapping

from linsgd.theory.tails.result import Interval

_ROUNDING = 2.0**-50  # rounding of a chord, relatively
_ROOT = 2.0**-49  # rounding of a chord's root, relatively


def on_lines(points: Mapping[float, Interval], s: float) -> Interval:
    """Return bounds on log h(s) from the chords of neighbouring orders and their extensions.

    Parameters
    ----------
    points : mapping
        From orders, in increasing order, to log h.
    s : float
        Another order.

    Returns
    -------
    Interval
        Bounds without a value.
    """
    lower, upper = -math.inf, math.inf
    for (s0, f0), (s1, f1) in itertools.pairwise(points.items()):
        # the line through two points at s is (1 - share) f0 + share f1
        share = (s - s0) / (s1 - s0)
        parts = ((1 - share, f0), (share, f1))
        rounding = _ROUNDING * sum(abs(part) * max(-f.lower, f.upper) for part, f in parts)
        if 0 < share < 1:
            upper = sum(part * f.upper for part, f in parts) + rounding
        else:
            line = sum(part * (f.lower if part > 0 else f.upper) for part, f in parts)
            lower = max(lower, line - rounding)
    return Interval.between(lower, upper)


def bracket(moments: Mapping[float, Interval]) -> tuple[float, float]:
    """Return bounds on the root alpha of a convex log h with log h(0) = 0 and negative slope there.

    Parameters
    ----------
    moments : mapping
        From orders to log h.

    Returns
    -------
    lower, upper : float
        The bounds.

    Examples
    --------
    >>> found = bracket({2.0: Interval.about(-1.0, 0.0), 4.0: Interval.about(1.0, 0.0)})
    >>> [round(x, 12) for x in found]
    [3.0, 4.0]
    """
    ordered = sorted(moments)
    negative = [s for s in ordered if moments[s].upper <= 0]
    positive = [s for s in ordered if moments[s].lower >= 0]
    lower, upper = max(negative, default=0.0), min(positive, default=math.inf)
    # log h is below the chord from the last negative order to the next
    beyond = [s for s in ordered if moments[s].upper > 0]
    if negative and beyond:
        root = _root(lower, moments[lower].upper, beyond[0], moments[beyond[0]].upper)
        lower = root * (1 - _ROOT)
    # and above the extensions of chords: of the first two positive orders to the left,
    if len(positive) > 1:
        first, second = positive[:2]
        root = _root(first, moments[first].lower, second, moments[second].lower)
        upper = min(upper, max(lower, root * (1 + _ROOT)))
    # of the last two negative orders to the right
    rising = [s for s in ordered if moments[s].lower <= 0][-2:]
    if len(rising) > 1 and moments[rising[1]].lower > moments[rising[0]].upper:
        first, second = rising
        root = _root(first, moments[first].upper, second, moments[second].lower)
        upper = min(upper, root * (1 + _ROOT))
    return lower, upper


def _root(s0: float, f0: float, s1: float, f1: float) -> float:
    """Return where the line through two points vanishes."""
    return s1 - f1 * (s1 - s0) / (f1 - f0)


def newton_step(s: float, log_h: Interval, slope: float) -> Interval:
    """Return the root of log h near s, with what its bounds and its curvature leave open.

    The second derivative of log h is taken as of the order of slope / s; the step is cut to a tenth
    of s.
    """
    move = log_h.value / slope
    curved = 2 * move**2 / s
    lower = s - log_h.upper / slope - curved
    upper = s - log_h.lower / slope + curved
    return Interval(min(max(s - move, 0.9 * s), 1.1 * s), lower, upper)
