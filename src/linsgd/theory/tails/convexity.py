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
    lower = -math.inf
    upper = math.inf
    for (s0, f0), (s1, f1) in itertools.pairwise(points.items()):
        # the line through two points at s is (1 - share) f0 + share f1
        share = (s - s0) / (s1 - s0)
        parts = ((1 - share, f0), (share, f1))
        size = sum(abs(part) * max(-f.lower, f.upper) for part, f in parts)
        rounding = _ROUNDING * size
        if 0 < share < 1:
            chord = sum(part * f.upper for part, f in parts)
            upper = chord + rounding
        else:
            extension = sum(part * (f.lower if part > 0 else f.upper) for part, f in parts)
            lower = max(lower, extension - rounding)
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
    upper_of = {s: moments[s].upper for s in ordered}
    lower_of = {s: moments[s].lower for s in ordered}
    negative = [s for s in ordered if upper_of[s] <= 0]
    positive = [s for s in ordered if lower_of[s] >= 0]
    lower = max(negative, default=0.0)
    upper = min(positive, default=math.inf)
    # log h is below the chord from the last negative order to the next
    beyond = [s for s in ordered if upper_of[s] > 0]
    if negative and beyond:
        root = _root(lower, upper_of[lower], beyond[0], upper_of[beyond[0]])
        lower = root * (1 - _ROOT)
    # and above the extensions of chords: of the first two positive orders to the left,
    if len(positive) > 1:
        first, second = positive[:2]
        root = _root(first, lower_of[first], second, lower_of[second])
        upper = min(upper, max(lower, root * (1 + _ROOT)))
    # of the last two negative orders to the right
    not_positive = [s for s in ordered if lower_of[s] <= 0]
    if len(not_positive) > 1:
        first, second = not_positive[-2:]
        if lower_of[second] > upper_of[first]:
            root = _root(first, upper_of[first], second, lower_of[second])
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
    value = min(max(s - move, 0.9 * s), 1.1 * s)
    lower = s - log_h.upper / slope - curved
    upper = s - log_h.lower / slope + curved
    return Interval(value, lower, upper)
