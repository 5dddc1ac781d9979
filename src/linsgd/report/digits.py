"""Numbers as text: to two digits of their interval, large and small ones with an exponent."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FINEST = 1e-3  # of the acceptance half-width: smaller digits decide nothing
MOST_DIGITS = 12


def written(values: Sequence[float], resolution: float) -> list[str]:
    """Return texts of `values` in one common format, to two digits of `resolution`.

    A resolution of 0 or inf stands for six digits of the largest value. Zero is written as 0, and
    so is what rounds to zero in a format with an exponent.

    Examples
    --------
    >>> written([0.123456, 0.12, math.inf], 0.0034)
    ['0.1235', '0.1200', '∞']
    >>> written([1.23456e-7, 0.0], 2e-9)
    ['1.235×10⁻⁷', '0']
    """
    finite = [abs(value) for value in values if math.isfinite(value)]
    leading = _order(max(finite, default=0.0))
    last = _order(resolution) - 1 if 0 < resolution < math.inf else leading - 5
    last = max(min(last, leading), leading - MOST_DIGITS + 1)
    exponent = leading if leading < -3 or leading > 5 else 0
    return [_one(value, exponent, max(exponent - last, 0)) for value in values]


def quantities(component: Mapping[str, Any]) -> dict[str, str]:
    """Return prediction, accepted values, estimate and interval of one component as texts.

    Accepted values end where the quantity does: those of a probability at 0 and 1.

    Examples
    --------
    >>> accepted = {"value": 0.99, "acceptance_lower": 0.97, "acceptance_upper": 1.01}
    >>> support = {"support_lower": 0.0, "support_upper": 1.0}
    >>> quantities(accepted | support | {"estimate": 0.98123, "lower": 0.978, "upper": 0.985})
    {'predicted': '0.9900', 'accepted': '0.9700 to 1.0000', 'measured': '0.9812', 'interval':
    '0.9780 to 0.9850'}
    """
    keys = ("value", "estimate", "lower", "upper")
    low, high = accepted_bounds(component)
    numbers = [low, high, *(float(component[key]) for key in keys)]
    least, most, *texts = written(numbers, resolution(component))
    predicted, measured, lower, upper = texts
    accepted = _range(least, most)
    if math.isinf(high):
        accepted = f"above {least}"
    elif math.isinf(low):
        accepted = f"below {most}"
    return {
        "predicted": predicted,
        "accepted": accepted,
        "measured": measured,
        "interval": _range(lower, upper),
    }


def accepted_bounds(component: Mapping[str, Any]) -> tuple[float, float]:
    """Return the ends of the acceptance set within the values that the quantity can take."""
    low = max(float(component["acceptance_lower"]), float(component["support_lower"]))
    return low, min(float(component["acceptance_upper"]), float(component["support_upper"]))


def resolution(component: Mapping[str, Any]) -> float:
    """Return the half-width of the measured interval, but at least `FINEST` of the accepted one."""
    half, accepted = (
        (float(component[upper]) - float(component[lower])) / 2
        for lower, upper in (("lower", "upper"), ("acceptance_lower", "acceptance_upper"))
    )
    return max(half, FINEST * accepted) if math.isfinite(accepted) else half


def margin(value: float | str) -> str:
    """Return a margin to two places, and in three digits with an exponent beyond 100,000.

    Examples
    --------
    >>> margin(0.123456), margin(-0.0001), margin(-123456.0)
    ('0.12', '0.00', '−1.23×10⁵')
    """
    number = float(value)
    if math.isinf(number):
        return _one(number, 0, 2)
    return f"{number:z.2f}".replace("-", "−") if abs(number) < 1e5 else _power(f"{number:.2e}")


def share(value: float) -> str:
    """Return a small probability or a relative width as a percentage or a power of ten.

    Examples
    --------
    >>> share(0.02), share(0.0004), share(0.00001)
    ('2 %', '4×10⁻⁴', '10⁻⁵')
    """
    return (
        f"{100 * value:.3g} %"
        if value == 0 or abs(value) >= 0.001
        else _power(f"{value:.1e}").removeprefix("1×")
    )


def moment(text: str) -> str:
    """Return a date in ISO 8601 as a reader writes it.

    Examples
    --------
    >>> moment("2026-11-30T18:07:44+00:00")
    '30 November 2026, 18:07 UTC'
    """
    date = datetime.fromisoformat(text).astimezone(UTC)
    return f"{date.day} {date:%B %Y, %H:%M} UTC"


def duration(seconds: float) -> str:
    """Return a duration in hours, minutes and seconds, the two largest units that it has.

    Examples
    --------
    >>> duration(53.62), duration(312.4), duration(7440)
    ('53.6 s', '5 min 12 s', '2 h 4 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _range(lower: str, upper: str) -> str:
    """Write the common exponent of two numbers once."""
    (low, _, power), (high, _, other) = lower.partition("×"), upper.partition("×")
    return f"({low} to {high})×{power}" if power and power == other else f"{lower} to {upper}"


def _order(value: float) -> int:
    return math.floor(math.log10(value) + 1e-9) if value > 0 else 0


def _one(value: float, exponent: int, places: int) -> str:
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    mantissa = f"{value / 10.0**exponent:z.{places}f}".replace("-", "−")
    if value == 0 or (exponent and not mantissa.strip("0.")):
        return "0"
    return f"{mantissa}×10{str(exponent).translate(SUPERSCRIPTS)}" if exponent else mantissa


def _power(text: str) -> str:
    mantissa, exponent = text.split("e")
    mantissa = mantissa.removesuffix(".0").replace("-", "−")
    return f"{mantissa}×10{str(int(exponent)).translate(SUPERSCRIPTS)}"
