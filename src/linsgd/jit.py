"""The one way linsgd compiles a kernel.

`kernel` releases the GIL, so that threads over blocks of chains scale, and caches its machine code.
Division follows NumPy (no exception, so that loops vectorise). Contraction to fused multiply-add is
the only freedom given to the compiler where numbers are drawn: reassociation would break the exact
constants of the normal generator.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Words = NDArray[np.uint64]
Function = TypeVar("Function", bound=Callable[..., Any])

SOURCES = hashlib.sha256(
    b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.rglob("*.py")))
).hexdigest()


def kernel(function: Function) -> Function:
    """Compile a loop over arrays."""
    return _compile(function, {"contract"})


def summing(function: Function) -> Function:
    """Compile a loop whose sums may be taken in any order, one for each machine code."""
    return _compile(function, {"contract", "reassoc"})


def inlined(function: Function) -> Function:
    """Compile a helper into the kernels that call it."""
    return cast(
        Function, numba.njit(forceinline=True, error_model="numpy", fastmath={"contract"})(function)
    )


def _compile(function: Function, freedom: set[str]) -> Function:
    compiled: Any = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=freedom)(
        function
    )
    with suppress(AttributeError):  # without compilation (NUMBA_DISABLE_JIT) there is no cache
        # Numba's stamp is that of the function's own file, and so misses changes in the helpers
        # compiled into it.
        compiled._cache._cache_file._source_stamp = SOURCES
    return cast(Function, compiled)
