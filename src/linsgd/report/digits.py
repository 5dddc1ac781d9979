"""Numbers as a reader wants them: to two digits of their interval, large and small ones with an exponent."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def written(values: Sequence[float], resolution: float) -> list[str]:
    """Return texts of `values` in one common format, to two digits of `resolution` (0 or inf: six digits).

    Examples
    --------
    >>> written([0.123456, 0.12, math.inf], 0.0034)
    ['0.1235', '0.1200', '∞']
    >>> written([1.23456e-7, 0.0], 2e-9)
    ['1.235×10⁻⁷', '0.000×10⁻⁷']
    """
    finite = [abs(value) for value in values if math.isfinite(value)]
    leading = _order(max(finite, default=0.0))
    last = _order(resolution) - 1 if 0 < resolution < math.inf else leading - 5
    last = max(min(last, leading), leading - 11)
    exponent = leading if leading < -3 or leading > 5 else 0
    return [_one(value, exponent, max(exponent - last, 0)) for value in values]


def quantities(component: Mapping[str, Any]) -> dict[str, str]:
    """Return prediction, acceptance set, estimate and interval of one component of a claim as texts.

    Examples
    --------
    >>> accepted = {"value": 2.0, "acceptance_lower": 1.9, "acceptance_upper": 2.1}
    >>> quantities(accepted | {"estimate": 2.0123, "lower": 1.99, "upper": 2.03})
    {'predicted': '2.000', 'accepted': '1.900 to 2.100', 'measured': '2.012', 'interval': '1.990 to
    2.030'}
    """
    keys = ("value", "acceptance_lower", "acceptance_upper", "estimate", "lower", "upper")
    numbers = {key: float(component[key]) for key in keys}
    texts = dict(
        zip(
            keys,
            written([*numbers.values()], (numbers["upper"] - numbers["lower"]) / 2),
            strict=True,
        )
    )
    accepted = _range(texts["acceptance_lower"], texts["acceptance_upper"])
    if math.isinf(numbers["acceptance_upper"]):
        accepted = f"above {texts['acceptance_lower']}"
    elif math.isinf(numbers["acceptance_lower"]):
        accepted = f"below {texts['acceptance_upper']}"
    interval = _range(texts["lower"], texts["upper"])
    return {
        "predicted": texts["value"],
        "accepted": accepted,
        "measured": texts["estimate"],
        "interval": interval,
    }


def margin(value: float | str) -> str:
    """Return a margin to two places; a far one, whose size says nothing more, in three digits.

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
    return f"{mantissa}×10{str(exponent).translate(SUPERSCRIPTS)}" if exponent else mantissa


def _power(text: str) -> str:
    mantissa, exponent = text.split("e")
    return f"{mantissa.removesuffix('.0').replace('-', '−')}×10{str(int(exponent)).translate(SUPERSCRIPTS)}"
