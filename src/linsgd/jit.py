"""The one way linsgd compiles a kernel.

`kernel` releases the GIL, so that threads over blocks of chains scale, and caches its machine code.
Division follows NumPy (no exception, so that loops vectorise). Contraction to fused multiply-add is
the only freedom given to the compiler where numbers are drawn: reassociation would break the exact
constants of the normal generator.

Numba's own cache stamp is that of the function's file and misses changes in the helpers compiled
into it. Here it covers every source that can be: this module, problems and the function's own
top-level package below linsgd.

Code that a law or an optimizer brings is a static function of a NamedTuple, its record; `method`
calls it, and the type of the record selects it when a kernel is compiled.
"""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.extending import overload
from numpy.typing import NDArray

Array = NDArray[Any]
Words = NDArray[np.uint64]
Function = TypeVar("Function", bound=Callable[..., Any])

COMPILES = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

_PACKAGE = __name__.partition(".")[0]
INLINED: Any = {"forceinline": True, "error_model": "numpy", "fastmath": {"contract"}}


def kernel(function: Function) -> Function:
    """Compile a loop over arrays."""
    return _compile(function, {"contract"})


def summing(function: Function) -> Function:
    """Compile a loop whose sums may be reordered; one machine code always sums in one order."""
    return _compile(function, {"contract", "reassoc"})


def inlined(function: Function) -> Function:
    """Compile a helper into the kernels that call it."""
    return cast(Function, numba.njit(**INLINED)(function))


def method(name: str) -> Callable[..., Any]:
    """Return a function for kernels that calls the static function `name` of its first argument.

    That argument is a record, a NamedTuple whose class holds the function.
    """

    def call(record: Any, *arguments: Any) -> Any:
        return getattr(type(record), name)(record, *arguments)

    @overload(call, strict=False, jit_options=INLINED)
    def choose(record: Any, *arguments: Any) -> Any:
        return getattr(record.instance_class, name)

    return call


def implement(declared: Callable[..., Any]) -> Callable[[Function], Function]:
    """Return a decorator: kernels inline the decorated function where they call `declared`."""

    def register(function: Function) -> Function:
        overload(declared, strict=False, jit_options=INLINED)(lambda *arguments: function)
        return function

    return register


def specialised(compiled: Function, *records: object) -> Function:
    """Return the kernel for calls with `records`: without a cache if one is a user's own.

    The stamp of the cache does not cover sources outside linsgd.
    """
    if all(_room(type(record).__module__) for record in records):
        return compiled
    return cast(Function, _uncached(compiled))


@functools.cache
def sources(*rooms: str) -> str:
    """Return the SHA-256 of this module and of all modules of some top-level packages of linsgd."""
    here = Path(__file__)
    files = [file for room in rooms for file in sorted((here.parent / room).rglob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in [here, *files])).hexdigest()


def _room(module: str) -> str | None:
    """Return the top-level package of linsgd that a module belongs to; None for one outside."""
    parts = module.split(".")
    return parts[1] if parts[0] == _PACKAGE and len(parts) > 1 else None


def _compile(function: Function, freedom: set[str]) -> Function:
    compiled: Any = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=freedom)(
        function
    )
    if COMPILES:
        # A cache of another version is not even unpickled: it may name records that are gone.
        file = compiled._cache._cache_file
        file._version = f"{file._version} {sources('problems', _room(function.__module__) or '')}"
    return cast(Function, compiled)


@functools.cache
def _uncached(compiled: Any) -> Any:
    freedom = compiled.targetoptions["fastmath"]
    return numba.njit(nogil=True, error_model="numpy", fastmath=freedom)(compiled.py_func)
