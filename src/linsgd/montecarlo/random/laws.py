"""The laws of features and label noise as kernels draw them: rows of 64 lanes, standardised.

Normal, sign and uniform features are independent along the principal axes; an elliptical Student-t
sample is a normal vector times sqrt((dof - 2) / chi2_dof), one factor for the whole sample.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from linsgd.jit import Array, Words, kernel
from linsgd.montecarlo.random.streams import LANES, draw
from linsgd.montecarlo.random.variates import fill_normal, gamma, log, unit
from linsgd.problems.labels import LabelNoise, StudentNoise

GAUSSIAN, RADEMACHER, UNIFORM, LAPLACE, STUDENT = range(5)
CODES = {
    "gaussian": GAUSSIAN,
    "rademacher": RADEMACHER,
    "uniform": UNIFORM,
    "laplace": LAPLACE,
    "student": STUDENT,
}

_U = np.uint64
_SIGN, _ONE = _U(1 << 63), _U(0x3FF0000000000000)
_ROOT_3, _ROOT_HALF = math.sqrt(3.0), math.sqrt(0.5)


class Noise(NamedTuple):
    """A label-noise law for a kernel: its code, degrees of freedom and the factor from its textbook form."""

    law: int
    dof: float
    scale: Any

    @classmethod
    def of(cls, law: LabelNoise, noise_std: float, dtype: Any) -> "Noise":
        """Return `noise_std` times the standardised `law`."""
        if isinstance(law, StudentNoise):
            return cls(STUDENT, law.dof, dtype(noise_std * law.scale))
        return cls(CODES[law.name], 0.0, dtype(noise_std))


@kernel
def fill_signs(S: Words, Z: Array, rows: int) -> None:
    """Write independent signs to the first rows of Z (any, 64)."""
    for i in range(rows):
        for j in range(LANES):
            Z[i, j] = _U((draw(S, j) & _SIGN) | _ONE).view(np.float64)


@kernel
def fill_uniform(S: Words, Z: Array, rows: int) -> None:
    """Write uniform variates of unit variance to the first rows of Z (any, 64)."""
    for i in range(rows):
        for j in range(LANES):
            Z[i, j] = (2.0 * unit(draw(S, j)) - 1.0) * _ROOT_3


@kernel
def fill_laplace(S: Words, Z: Array, rows: int) -> None:
    """Write double-exponential variates of unit variance to the first rows of Z (any, 64)."""
    for i in range(rows):
        for j in range(LANES):
            bits = draw(S, j)
            size = -_ROOT_HALF * log(unit(bits))
            Z[i, j] = size if bits & _U(1) != _U(0) else -size


@kernel
def divide_by_chi(S: Words, Z: Array, rows: int, dof: Any, numerator: Any) -> None:
    """Multiply each row of Z by sqrt(numerator / chi2_dof), a fresh factor for each entry."""
    for i in range(rows):
        for j in range(LANES):
            Z[i, j] *= math.sqrt(numerator / (2.0 * gamma(S, j, 0.5 * dof)))


@kernel
def fill_noise(S: Words, noise: Noise, E: Array, rows: int) -> None:
    """Write the textbook form of the noise law to the first rows of E (an even number, 64)."""
    if noise.law == RADEMACHER:
        fill_signs(S, E, rows)
    elif noise.law == LAPLACE:
        fill_laplace(S, E, rows)
    else:
        fill_normal(S, E, rows + rows % 2)
        if noise.law == STUDENT:
            divide_by_chi(S, E, rows, noise.dof, noise.dof)
