"""The one way linsgd compiles a kernel.

`kernel` releases the GIL, so that threads over blocks of chains scale, and caches its machine code. Division follows
NumPy (no exception, so that loops vectorise). Contraction to fused multiply-add is the only freedom given to the
compiler where numbers are drawn: reassociation would break the exact constants of the normal generator.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Words = NDArray[np.uint64]
Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a loop over arrays."""
    compiled = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})(function)
    return cast(Function, compiled)


def summing(function: Function) -> Function:
    """Compile a loop whose sums may be taken in any order; for one machine code it is always the same."""
    options = {"contract", "reassoc"}
    return cast(Function, numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=options)(function))


def inlined(function: Function) -> Function:
    """Compile a scalar helper into the loops that call it."""
    return cast(Function, numba.njit(forceinline=True, error_model="numpy", fastmath={"contract"})(function))
