"""A density in time."""

from dataclasses import dataclass

from linsgd.domains import FloatArray
from linsgd.result import Result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Evolution(Result):
    """A density in time.

    Attributes
    ----------
    x : ndarray (M,)
        Centers of the cells.
    times : ndarray (K,)
        As given.
    density : ndarray (K, M)
        Cell averages, per unit of x.
    error : ndarray (K,)
        Estimated integral of the absolute error, from cells of twice the width.
    """

    x: FloatArray
    times: FloatArray
    density: FloatArray
    error: FloatArray
