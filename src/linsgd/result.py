"""The base of every result: a frozen record with a status and its provenance.

Concrete results are frozen, slotted, keyword-only dataclasses beside the function that returns
them. They print themselves, compare by value and convert to JSON data and back.
"""

import dataclasses
import functools
import html
import importlib.metadata
import math
import platform
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from linsgd.references import Reference

SCHEMA = 2  # of `to_dict`: nested results carry neither schema nor provenance of their own
_SHOWN = 6  # numbers of an array that are printed one by one
_DIGITS = 12  # of a value beside its error, at most
_LEAST = -307  # decimal exponent of the smallest normal number
_PLAIN = (-4, 7)  # decimal exponents of numbers that are printed without an exponent

Value = TypeVar("Value")


class Status(StrEnum):
    """Base of the enums that qualify a number; each result documents the one it uses."""


class Guarantee(StrEnum):
    """How far an interval [lower, upper] can be relied on."""

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
    """A frozen result with read-only arrays and plain numbers.

    Two results of one type are equal if all their fields but `provenance` are; nan equals nan.

    Attributes
    ----------
    provenance : mapping
        What may differ between equal runs: versions, machine, time.
    references : tuple of Reference
        The papers behind results of this type; `linsgd.citation` prints them.
    """

    references: ClassVar[tuple[Reference, ...]] = ()
    provenance: Mapping[str, Any] = field(default_factory=environment)

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray) and value.ndim > 0:
                view = value.view()
                view.flags.writeable = False
                object.__setattr__(self, f.name, view)
            elif isinstance(value, np.ndarray | np.generic):
                object.__setattr__(self, f.name, value.item())

    def rows(self) -> list[tuple[str, str]]:
        """Return (label, text) pairs for the printed form; fields that are None are left out."""
        rows = []
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if f.repr and f.name != "provenance" and value is not None:
                rows.append((f.name, summary(value)))
        return rows

    def __repr__(self) -> str:
        rows = self.rows()
        width = max((len(label) for label, _ in rows), default=0)
        lines = [type(self).__name__]
        for label, text in rows:
            lines.append(f"  {label:<{width}}  {text}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<tr><th scope="row">{html.escape(a)}</th><td>{html.escape(b)}</td></tr>'
            for a, b in self.rows()
        )
        return f"<table><caption>{type(self).__name__}</caption>{cells}</table>"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        for f in dataclasses.fields(self):
            own, others = getattr(self, f.name), getattr(other, f.name)
            if f.name != "provenance" and encode(own) != encode(others):
                return False
        return True

    def __hash__(self) -> int:
        return hash(repr(self))  # equal results print alike

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data: arrays as nested lists, non-finite numbers as strings.

        Nested results are written without provenance: it is that of the outer result.
        """
        data = {"type": type(self).__name__, "schema": SCHEMA}
        for f in dataclasses.fields(self):
            data[f.name] = encode(getattr(self, f.name))
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild the result that `to_dict` wrote.

        Raises
        ------
        ValueError
            If `data` is of another type or schema.
        """
        if data.get("type") != cls.__name__ or data.get("schema") != SCHEMA:
            raise ValueError(
                f"data = type {data.get('type')!r}, schema {data.get('schema')!r} is outside its "
                f"domain: type {cls.__name__!r}, schema {SCHEMA}"
            )
        hints = typing.get_type_hints(cls)
        shared = data["provenance"]
        values = {}
        for f in dataclasses.fields(cls):
            if f.name in data or _is_required(f):
                values[f.name] = decode(hints[f.name], data[f.name], shared)
        return cls(**values)


def _is_required(f: dataclasses.Field[Any]) -> bool:
    """Return whether a field has no default: a file of before it was added may lack the others."""
    none = dataclasses.MISSING
    return f.default is none and f.default_factory is none


def encode(value: Any) -> Any:
    """Turn a field into plain JSON data."""
    if isinstance(value, Result):
        inner = value.to_dict()
        return {key: inner[key] for key in inner if key not in ("schema", "provenance")}
    if isinstance(value, Deferred):
        return encode(value())
    if isinstance(value, np.ndarray | np.generic):
        return encode(value.tolist())
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [encode(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, StrEnum) else value


def decode(hint: Any, value: Any, provenance: Mapping[str, Any]) -> Any:
    """Turn plain JSON data back into a field annotated with `hint`.

    Parameters
    ----------
    hint : type or type alias
        The field's annotation.
    value : JSON data
        What `encode` made of the field.
    provenance : mapping
        Of the result whose field it is; nested results receive it.

    Returns
    -------
    object
        The field's value.
    """
    options = typing.get_args(hint)
    origin = typing.get_origin(hint)
    # NumPy's NDArray is a `type` statement from Python 3.12 on
    alias = getattr(origin, "__value__", None)
    if alias is not None:
        return decode(alias[options], value, provenance)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        some = next(o for o in options if o is not type(None))
        return decode(some, value, provenance)
    if origin is Deferred:
        return Deferred.of(decode(options[0], value, provenance))
    if origin is np.ndarray:
        return _array(hint, value)
    if origin is tuple:
        variadic = options[-1:] == (Ellipsis,)
        each = options[:1] * len(value) if variadic else options
        return tuple(decode(h, v, provenance) for h, v in zip(each, value, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {k: decode(options[1], v, provenance) for k, v in value.items()}
    if not isinstance(hint, type):
        return value
    if issubclass(hint, Result):
        return hint.from_dict({"schema": SCHEMA, "provenance": provenance, **value})
    return hint(value) if issubclass(hint, StrEnum | float) else value


def _array(hint: Any, value: Any) -> Any:
    """Return nested lists as an array of the annotated type, ndarray[shape, dtype[scalar]]."""
    _, dtype = typing.get_args(hint)
    (scalar,) = typing.get_args(dtype)
    array = np.array(value, dtype=object)
    return array.astype(scalar)


def summary(value: Any) -> str:
    """Return a short text of a field: a number to six digits, a long array by shape and range.

    Examples
    --------
    >>> summary(np.array([1.0, 0.5])), summary(np.append(np.zeros(6), np.inf))
    ('[1. , 0.5]', '7 numbers: 0 to 0, 1 inf')
    """
    if isinstance(value, Result):
        return ", ".join(f"{label} {text}" for label, text in value.rows())
    if isinstance(value, np.ndarray):
        return _array_summary(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _array_summary(array: np.ndarray[Any, Any]) -> str:
    """Return the text of an array; beyond `_SHOWN` numbers its shape, range and exceptions."""
    if array.size <= _SHOWN:
        return np.array2string(array, precision=6, separator=", ").replace("\n", "")
    shape = " x ".join(map(str, array.shape))
    parts = []
    if array.dtype.kind not in "iuf":
        for name, count in zip(*np.unique(array, return_counts=True), strict=True):
            parts.append(f"{count} {name}")
        return f"{shape} values: {', '.join(parts)}"
    finite = array[np.isfinite(array)]
    if finite.size:
        parts.append(f"{finite.min():.6g} to {finite.max():.6g}")
    exceptions = {"inf": array == np.inf, "-inf": array == -np.inf, "nan": np.isnan(array)}
    for name, where in exceptions.items():
        if where.any():
            parts.append(f"{where.sum()} {name}")
    return f"{shape} numbers: {', '.join(parts)}"


def rounded(value: float, error: float) -> str:
    """Return a value and its error rounded together, to two digits of the error.

    Examples
    --------
    >>> rounded(3.14159, 0.0026)
    '3.1416 ± 0.0026'
    >>> rounded(12345.6, 120.0)
    '12350 ± 120'
    >>> rounded(3.47e11, 3.8e10)
    '(3.47 ± 0.38)e+11'
    >>> rounded(float("inf"), 0.0)
    'inf'
    >>> rounded(2.0134, float("inf"))
    '2.01 ± inf'
    """
    if math.isfinite(value) and math.isinf(error):
        return f"{value:.3g} ± inf"
    finite = math.isfinite(value) and math.isfinite(error)
    if not finite or error == 0:
        return f"{value:.12g}"
    # decimal places of the first digit shown and of the error's second digit
    largest = max(abs(value), error)
    first = max(math.floor(math.log10(largest)), _LEAST)
    last = math.floor(math.log10(error)) - 1
    if first - last > _DIGITS:
        return f"{value:.{_DIGITS}g} ± {error:.1e}"
    if _PLAIN[0] <= first < _PLAIN[1]:
        places = max(-last, 0)
        value, error = round(value, -last), round(error, -last)
        return f"{value:.{places}f} ± {error:.{places}f}"
    scale, places = 10.0**first, first - last
    value, error = value / scale, error / scale
    return f"({value:.{places}f} ± {error:.{places}f})e{first:+03d}"


class Deferred(Generic[Value]):
    """The value of `function(*arguments)`, computed at the first call and kept.

    A field of a result holds one where a value costs much more than the rest and is not always
    asked for. It pickles if the function and its arguments do, and is written to JSON as its value.

    Examples
    --------
    >>> root = Deferred(math.sqrt, 2.0)
    >>> root.computed, root(), root.computed
    (False, 1.4142135623730951, True)
    """

    __slots__ = ("_arguments", "_function", "_values")

    def __init__(self, function: Callable[..., Value], *arguments: Any) -> None:
        self._function, self._arguments = function, arguments
        self._values: tuple[Value, ...] = ()

    @classmethod
    def of(cls, value: Value) -> "Deferred[Value]":
        """Return a value that is known already."""
        known = cls(_itself, value)
        known._values = (value,)
        return known

    @property
    def computed(self) -> bool:
        """Whether the value is known by now."""
        return bool(self._values)

    def __call__(self) -> Value:
        """Return the value."""
        if not self._values:
            self._values = (self._function(*self._arguments),)
        return self._values[0]


def _itself(value: Value) -> Value:
    return value
