"""The base of every result: a frozen record with a status and its provenance, that reads, prints and round-trips.

Concrete results are frozen, slotted, keyword-only dataclasses beside the function that returns
them.
"""

import dataclasses
import functools
import html
import importlib.metadata
import math
import platform
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import numpy as np

SCHEMA = 1


class Status(StrEnum):
    """Base of the enums whose value is said beside a number; each result says which it uses."""


class Guarantee(StrEnum):
    """What an interval [lower, upper] is worth."""

    RIGOROUS = "rigorous"  # an enclosure: rounding and truncation are bounded
    NUMERICAL = "numerical"  # from refinement or a condition number, not a proof
    STATISTICAL = "statistical"  # a confidence interval, at the confidence that the result states


def environment() -> dict[str, str]:
    """Return the versions and the machine under which a number was made."""
    return dict(_environment())


@functools.cache
def _environment() -> Mapping[str, str]:
    versions = {
        name: importlib.metadata.version(name) for name in ("linsgd", "numpy", "scipy", "numba")
    }
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
    }
    return types.MappingProxyType(machine | versions)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Result:
    """A frozen result; arrays are read-only, numbers plain, `provenance` holds what may differ between equal runs."""

    provenance: Mapping[str, Any] = field(default_factory=environment)

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                view = value.view()
                view.flags.writeable = False
                object.__setattr__(self, f.name, view)
            elif isinstance(value, np.generic):
                object.__setattr__(self, f.name, value.item())

    def rows(self) -> list[tuple[str, str]]:
        """Return what the printed form shows: (label, text) pairs."""
        shown = (f for f in dataclasses.fields(self) if f.repr and f.name != "provenance")
        return [(f.name, summary(getattr(self, f.name))) for f in shown]

    def __repr__(self) -> str:
        width = max((len(label) for label, _ in self.rows()), default=0)
        return "\n".join(
            [type(self).__name__, *(f"  {label:<{width}}  {text}" for label, text in self.rows())]
        )

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th>{html.escape(a)}</th><td>{html.escape(b)}</td></tr>" for a, b in self.rows()
        )
        return f"<table><caption>{type(self).__name__}</caption>{cells}</table>"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data: arrays as nested lists, non-finite numbers as strings."""
        values = {f.name: encode(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return {"type": type(self).__name__, "schema": SCHEMA, **values}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild the result that `to_dict` wrote."""
        if data.get("type") != cls.__name__ or data.get("schema") != SCHEMA:
            raise ValueError(
                f"data = type {data.get('type')!r}, schema {data.get('schema')!r} is outside its domain: "
                f"type {cls.__name__!r}, schema {SCHEMA}"
            )
        hints = typing.get_type_hints(cls)
        return cls(**{f.name: decode(hints[f.name], data[f.name]) for f in dataclasses.fields(cls)})


def encode(value: Any) -> Any:
    """Turn a field into plain JSON data."""
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, np.ndarray | np.generic):
        return encode(value.tolist())
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [encode(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, StrEnum) else value


def decode(hint: Any, value: Any) -> Any:
    """Turn plain JSON data back into a field annotated with `hint`."""
    options = typing.get_args(hint)
    origin = typing.get_origin(hint)
    alias = getattr(
        origin, "__value__", None
    )  # NumPy's NDArray is a `type` statement from Python 3.12 on
    if alias is not None:
        return decode(alias[options], value)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        return decode(next(option for option in options if option is not type(None)), value)
    if origin is np.ndarray:
        return _array(hint, value)
    if origin is tuple:
        each = options[:1] * len(value) if options[-1:] == (Ellipsis,) else options
        return tuple(decode(h, v) for h, v in zip(each, value, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {k: decode(options[1], v) for k, v in value.items()}
    if isinstance(hint, type) and issubclass(hint, Result):
        return hint.from_dict(value)
    return hint(value) if isinstance(hint, type) and issubclass(hint, StrEnum | float) else value


def _array(hint: Any, value: Any) -> Any:
    dtype = typing.get_args(typing.get_args(hint)[1])[0]
    array = np.array(value, dtype=object)
    return array.astype(dtype)


def summary(value: Any) -> str:
    """Return a short text of a field: a number to six digits, an array by its shape and range."""
    if isinstance(value, Result):
        return ", ".join(f"{label} {text}" for label, text in value.rows())
    if isinstance(value, np.ndarray) and value.size > 6:
        finite = value[np.isfinite(value)]
        span = f", {finite.min():.6g} to {finite.max():.6g}" if finite.size else ""
        return f"array {value.shape}{span}"
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=6, separator=", ").replace("\n", "")
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def rounded(value: float, error: float) -> str:
    """Return a value and its error rounded together, to two digits of the error.

    Examples
    --------
    >>> rounded(3.14159, 0.0026)
    '3.1416 ± 0.0026'
    >>> rounded(12345.6, 120.0)
    '12350 ± 120'
    >>> rounded(float("inf"), 0.0)
    'inf'
    >>> rounded(2.0134, float("inf"))
    '2.01 ± inf'
    """
    if math.isfinite(value) and math.isinf(error):
        return f"{value:.3g} ± inf"
    if not (math.isfinite(value) and math.isfinite(error)) or error == 0:
        return f"{value:.12g}"
    digits = 1 - math.floor(math.log10(error))
    if digits > 8 and abs(value) < 1e-3:
        return f"{value:.6e} ± {error:.1e}"
    places = max(digits, 0)
    return f"{round(value, digits):.{places}f} ± {round(error, digits):.{places}f}"
