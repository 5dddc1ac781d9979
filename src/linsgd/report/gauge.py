"""Where a measurement lies relative to its acceptance set, in units of the acceptance half-width.

The acceptance set [a, b] is mapped to [-1, 1]; a half-line [a, inf) to [-1, inf) with the
prediction at 0. A figure shows at least `NARROW` and at most `WIDE` half-widths on either side of
the centre; what lies farther out is drawn as an arrow with its number.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

NARROW, WIDE = 2.0, 8.0
MARGIN = 1.05  # of a window over the farthest point in it


def components(claim: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the components of a claim in its own order, each prediction with its measurement."""
    pairs = zip(claim["prediction"], claim["measurement"], strict=True)
    return [{**prediction, **measured} for prediction, measured in pairs]


def nearest(claim: Mapping[str, Any]) -> int:
    """Return the index of the component whose confidence set is nearest to its edge."""
    margins = [margin(component) for component in components(claim)]
    return margins.index(min(margins))


def scale(component: Mapping[str, Any]) -> tuple[float, float]:
    """Return the centre and the half-width of the acceptance set of one component of a claim."""
    value, lower, upper = (
        float(component[key]) for key in ("value", "acceptance_lower", "acceptance_upper")
    )
    if math.isfinite(lower) and math.isfinite(upper):
        return (lower + upper) / 2, (upper - lower) / 2
    edge = lower if math.isfinite(lower) else upper
    half = abs(value - edge) if math.isfinite(value) and value != edge else abs(edge) or 1.0
    return (edge + half if math.isfinite(lower) else edge - half), half


def position(component: Mapping[str, Any], x: float) -> float:
    """Return `x` on the scale on which the acceptance set is [-1, 1]."""
    centre, half = scale(component)
    if half > 0:
        return (float(x) - centre) / half
    return math.copysign(math.inf, float(x) - centre) * (x != centre)


def positions(component: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return the estimate and the ends of its confidence set on that scale."""
    estimate, lower, upper = (
        position(component, float(component[key])) for key in ("estimate", "lower", "upper")
    )
    return estimate, lower, upper


def reach(points: Iterable[float]) -> float:
    """Return how many half-widths a figure of these points shows on either side of the centre.

    Examples
    --------
    >>> reach([0.5, -1.2]), reach([4.0, -1.0]), reach([1e6, float("inf")])
    (2.0, 4.2, 8.0)
    """
    farthest = max((abs(x) for x in points if math.isfinite(x)), default=0.0)
    return min(max(NARROW, MARGIN * farthest), WIDE)


def margin(component: Mapping[str, Any]) -> float:
    """Return the distance of the confidence set from the nearest edge; negative outside."""
    _, low, high = positions(component)
    below = low + 1 if math.isfinite(float(component["acceptance_lower"])) else math.inf
    above = 1 - high if math.isfinite(float(component["acceptance_upper"])) else math.inf
    return min(below, above)
