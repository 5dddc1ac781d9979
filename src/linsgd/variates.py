"""Random variates for the kernel code of laws: declarations only.

A law is simulated by compiled code that it brings itself. It is written in plain Python over these
functions, which draw from the stream of one of 64 chains side by side; `linsgd.montecarlo.random`
implements them when a kernel is compiled. They cannot be called from Python.
"""

from typing import Any, NoReturn

LANES = 64
"""Chains side by side: an array of a kernel has a column for each."""


def bits(S: Any, j: int) -> Any:
    """Return the next 64 random bits of chain `j`."""
    _only_compiled()


def unit(word: Any) -> Any:
    """Turn 64 bits into a uniform variate on the grid 2^-52 {1, ..., 2^52} in (0, 1]."""
    _only_compiled()


def log(u: Any) -> Any:
    """Natural logarithm of a positive normal float64, to 4e-16 relative; it vectorises."""
    _only_compiled()


def normals(S: Any, j: int) -> Any:
    """Return the next two standard normal variates of chain `j`."""
    _only_compiled()


def gamma(S: Any, j: int, shape: Any) -> Any:
    """Return a gamma variate of the given shape and unit scale of chain `j`."""
    _only_compiled()


def fill_normals(S: Any, Z: Any, rows: int) -> None:
    """Write standard normals to the first `rows` rows of Z (any, 64), and to one more if odd."""
    _only_compiled()


def _only_compiled() -> NoReturn:
    raise NotImplementedError("a random variate of a kernel exists in compiled code only")
