"""Where a measurement lies with respect to what was accepted beforehand, in units of the acceptance half-width.

The acceptance set [a, b] is mapped to [-1, 1]; a half-line [a, inf) to [-1, inf) with the
prediction at 0.
"""

import math
from collections.abc import Mapping
from typing import Any


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
    return (
        (float(x) - centre) / half
        if half > 0
        else math.copysign(math.inf, float(x) - centre) * (x != centre)
    )


def margin(component: Mapping[str, Any]) -> float:
    """Return the distance of the confidence set from the nearest edge of the acceptance set; negative outside."""
    low, high = (position(component, float(component[key])) for key in ("lower", "upper"))
    below = low + 1 if math.isfinite(float(component["acceptance_lower"])) else math.inf
    above = 1 - high if math.isfinite(float(component["acceptance_upper"])) else math.inf
    return min(below, above)


def decisive(claim: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the components of a claim, each prediction with its measurement, the one nearest to its edge first."""
    pairs = zip(claim["prediction"], claim["measurement"], strict=True)
    return sorted(({**prediction, **measured} for prediction, measured in pairs), key=margin)
