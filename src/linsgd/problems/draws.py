"""Kernel code of laws: how a simulation draws features and label noise.

A law's `draws()` returns a record, a NamedTuple of numbers whose class derives from `Draws` and
holds the code. The code is plain Python over `linsgd.variates` and arrays with a column for each of
64 chains; Numba compiles it into the simulation.
"""

from typing import Any, NamedTuple

import numpy as np

from linsgd.variates import LANES, bits, fill_normals

_HIGHEST = np.uint64(1 << 63)


class Draws:
    """The base of records. Z and C are (rows, 64), S holds the streams of the 64 chains."""

    @staticmethod
    def fill(draws: Any, S: Any, Z: Any, rows: int) -> None:
        """Write independent coordinates to the first `rows` rows of Z, which has one row to spare.

        Those of features are white: mean 0 and variance 1. Those of a label noise are standardised
        but for the factor `scale` of its law.
        """
        raise NotImplementedError

    @staticmethod
    def factors(draws: Any, S: Any, C: Any, samples: int) -> None:
        """Write the common factor of each sample's coordinates to C (samples, 64) of ones."""


class _NoNumbers(NamedTuple):
    pass


class NormalDraws(_NoNumbers, Draws):
    """Standard normal coordinates."""

    @staticmethod
    def fill(draws: Any, S: Any, Z: Any, rows: int) -> None:
        """Write standard normals."""
        fill_normals(S, Z, rows)


class SignDraws(_NoNumbers, Draws):
    """Independent signs."""

    @staticmethod
    def fill(draws: Any, S: Any, Z: Any, rows: int) -> None:
        """Write -1 or +1 by the highest of 64 bits."""
        for i in range(rows):
            for j in range(LANES):
                Z[i, j] = -1.0 if bits(S, j) & _HIGHEST else 1.0
