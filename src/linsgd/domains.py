"""Argument domains: every bad value is refused by one sentence that names it.

A domain is written as in mathematics, ``"(0, inf)"`` or ``"[0, 1)"``; the same text bounds the
value and appears in the error.
"""

import difflib
import operator
import reprlib
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LARGEST_MATRIX = 20_000

MOST_OPTIONS = 12  # that an error names one by one

LARGEST = 1e75
"""Above it a fourth power, which every second moment of SGD needs, is out of a double's range."""


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 160


def shown(value: object) -> str:
    """Return the repr of a value on one line, long ones and long collections abridged."""
    if isinstance(value, int) and abs(value) >= 10**40:
        return f"an integer of {value.bit_length()} bits"
    return " ".join(_SHORT.repr(value).split())


def type_name(kind: type) -> str:
    """Return the name of a type with its top-level package, such as "linsgd.SGD"."""
    package = kind.__module__.partition(".")[0]
    return kind.__qualname__ if package == "builtins" else f"{package}.{kind.__qualname__}"


def refuse(name: str, value: object, domain: str) -> NoReturn:
    """Raise the ValueError that names an argument, its value and its domain."""
    raise ValueError(f"{name} = {shown(value)} is outside its domain: {domain}")


def refuse_type(name: str, value: object, accepted: str) -> NoReturn:
    """Raise the ValueError that names an argument, its value, its type and what is accepted."""
    found = f"{shown(value)} of type {type_name(type(value))}"
    raise ValueError(f"{name} = {found} is outside its domain: {accepted}")


def exact_type(name: str, value: object, kinds: tuple[type, ...]) -> None:
    """Refuse a value whose type is not one of `kinds`; a subclass is refused too."""
    if type(value) not in kinds:
        names = [type_name(kind) for kind in kinds]
        if len(names) > MOST_OPTIONS:  # the package is named once
            names[1:] = [kind.__qualname__ for kind in kinds[1:]]
        listed = " or ".join(names) if len(names) < 4 else f"one of {', '.join(names)}"
        refuse_type(name, value, f"exactly of type {listed}")


def _inside(value: float, domain: str) -> bool:
    """Return whether a value lies in an interval written as "[0, 1)"."""
    opening, bounds, closing = domain[0], domain[1:-1], domain[-1]
    lower, upper = map(float, bounds.split(","))
    above = value >= lower if opening == "[" else value > lower
    below = value <= upper if closing == "]" else value < upper
    return above and below


def real(name: str, value: Any, domain: str = "(-inf, inf)") -> float:
    """Return `value` as a float inside `domain`."""
    try:
        number = np.asarray(value)
    except ValueError:
        refuse(name, value, f"a real number in {domain}")
    if number.ndim > 0 or number.dtype.kind not in "iuf":
        refuse(name, value, f"a real number in {domain}")
    if not _inside(float(number), domain):
        refuse(name, value, domain)
    return float(number)


def integer(name: str, value: Any, domain: str = "(-inf, inf)") -> int:
    """Return `value` as an int inside `domain`; a bool or a float is refused."""
    try:
        number = operator.index(value)
    except TypeError:
        refuse(name, value, f"an integer in {domain}")
    if isinstance(value, bool | np.bool_) or not _inside(number, domain):
        refuse(name, value, f"an integer in {domain}")
    return number


def boolean(name: str, value: Any) -> bool:
    """Return `value` as a bool."""
    if not isinstance(value, bool | np.bool_):
        refuse(name, value, "True or False")
    return bool(value)


def choice(name: str, value: Any, options: Sequence[str]) -> str:
    """Return `value` if it is one of `options`."""
    if not isinstance(value, str) or value not in options:
        refuse(name, value, _one_of(value, options))
    return value


def _one_of(value: object, options: Sequence[str]) -> str:
    """Name the options, or of a long list those that resemble the value."""
    if len(options) <= MOST_OPTIONS:
        return "one of " + ", ".join(map(repr, options))
    near = difflib.get_close_matches(str(value), options)
    hint = "; did you mean " + " or ".join(map(repr, near)) if near else ""
    return f"one of {len(options)} names{hint}"


def array(name: str, value: ArrayLike, shape: tuple[int | None, ...]) -> FloatArray:
    """Return `value` as a read-only float array within `LARGEST`.

    A length None in `shape` stands for any of at least 1.
    """
    expected = f"an array of finite numbers of shape {_shape_text(shape)}"
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        remedy = "arrays without masked entries: fill them, or drop their rows"
        refuse(name, "masked array", remedy)
    try:
        given = np.array(value)
    except (TypeError, ValueError):
        refuse(name, value, expected)
    if given.dtype.kind == "O" and given.ndim > 0:
        _all_numbers(name, given)
    elif given.dtype.kind not in "biuf":
        refuse(name, value, expected)
    try:
        numbers = given.astype(np.float64)
    except OverflowError:
        refuse(name, value, expected)
    if not _has_shape(numbers, shape):
        refuse(name, f"array of shape {numbers.shape}", expected)
    inside = np.abs(numbers) <= LARGEST
    if not inside.all():
        where = tuple(np.argwhere(~inside)[0].tolist())
        refuse(_entry(name, where), float(numbers[where]), f"[-{LARGEST:g}, {LARGEST:g}]")
    numbers.flags.writeable = False
    return numbers


def _has_shape(numbers: FloatArray, shape: tuple[int | None, ...]) -> bool:
    """Return whether each length is that of `shape`, or at least 1 where that is None."""
    if numbers.ndim != len(shape):
        return False
    for length, expected in zip(numbers.shape, shape, strict=True):
        if length == 0 or (expected and length != expected):
            return False
    return True


def _entry(name: str, where: tuple[int, ...]) -> str:
    """Name an entry of an array, such as "X[3, 0]"."""
    indices = ", ".join(map(str, where))
    return f"{name}[{indices}]"


def _all_numbers(name: str, cells: NDArray[np.object_]) -> None:
    """Refuse an array of Python objects, as frames of mixed columns give, that are not numbers."""
    for where, cell in np.ndenumerate(cells):
        if not isinstance(cell, int | float | np.bool_ | np.integer | np.floating):
            refuse(_entry(name, where), cell, "numbers; fill missing ones, or drop their rows")


def step_list(name: str, value: ArrayLike) -> IntArray:
    """Return `value` as a read-only array (K,) of step counts, each at least 0."""
    expected = "a list of whole numbers of steps, each in [0, 2**62]"
    try:
        steps = np.array(value)
    except ValueError:
        refuse(name, value, expected)
    if (
        steps.ndim != 1
        or steps.size == 0
        or steps.dtype.kind not in "iu"
        or steps.min() < 0
        or steps.max() > 2**62
    ):
        refuse(name, value, expected)
    steps = steps.astype(np.int64)
    steps.flags.writeable = False
    return steps


def covariance(name: str, value: ArrayLike) -> FloatArray:
    """Return `value` as a spectrum (d,) or a positive semidefinite matrix (d, d), not all zero."""
    try:
        spectrum = np.ndim(value) == 1
    except ValueError:
        refuse(name, value, "a spectrum (d,) or a square matrix (d, d)")
    numbers = array(name, value, (None,) if spectrum else (None, None))
    if numbers.ndim == 2 and numbers.shape[0] != numbers.shape[1]:
        refuse(name, f"array of shape {numbers.shape}", "a spectrum (d,) or a square matrix (d, d)")
    if not numbers.any():
        refuse(name, "all zeros", "at least one positive eigenvalue")
    if numbers.ndim == 2:
        _semidefinite(name, numbers)
    elif numbers.min() < 0:
        i = int(numbers.argmin())
        refuse(f"{name}[{i}]", float(numbers[i]), "[0, inf)")
    return numbers


def matrix_size(name: str, dimension: int) -> None:
    """Refuse a (d, d) matrix that is too large to be wanted."""
    if dimension > LARGEST_MATRIX:
        cost = f"{name} would take {8e-9 * dimension**2:.0f} GB; use the per-mode arrays"
        refuse("dimension", dimension, f"[1, {LARGEST_MATRIX}], as {cost}")


def _semidefinite(name: str, matrix: FloatArray) -> None:
    """Refuse a matrix that is not symmetric or has a negative eigenvalue, beyond rounding."""
    asymmetry = float(np.abs(matrix - matrix.T).max() / np.abs(matrix).max())
    if asymmetry > 1e-12:
        refuse(name, f"matrix with relative asymmetry {asymmetry:.2g}", "symmetric matrices")
    eigenvalues = np.linalg.eigvalsh(matrix)
    relative_rounding = max(len(matrix) * np.finfo(float).eps, 1e-12)
    lowest, largest = eigenvalues[0], eigenvalues[-1]
    if lowest < -relative_rounding * largest:
        given = f"matrix with eigenvalue {lowest:.6g}"
        refuse(name, given, "positive semidefinite matrices")


def _shape_text(shape: tuple[int | None, ...]) -> str:
    """Return a shape as Python writes it, "any" for a length that is free."""
    lengths = ", ".join("any" if n is None else str(n) for n in shape)
    comma = "," if len(shape) == 1 else ""
    return f"({lengths}{comma})"
