r"""Random variates in the lanes of a tile, made of the bits of its chains' streams.

Normal variates come in pairs by Box and Muller, r (cos a, sin a) with r^2 = -2 ln u: u on a grid of
2^-52 in (0, 1], hence |z| <= 8.49. In float32 u is on a grid of 2^-31, hence |z| <= 6.56: the
normal tail is cut at probability 5e-11. The angle is pi/2 (t - 1/2) turned by a random quarter.
log, sin and cos are polynomials, since calls to libm do not vectorise: with f = (m - 1)/(m + 1), ln
m = 2 atanh f, |f| <= 0.172; sin and cos by Taylor up to pi/4.

Gamma variates are Marsaglia and Tsang's (ACM TOMS 26, 2000), with U^(1/a) for a shape a < 1.

Source: Box and Muller, Ann. Math. Stat. 29 (1958).
"""

import math
from typing import Any

import numpy as np

from linsgd.jit import Array, Words, implement, inlined, kernel
from linsgd.montecarlo.random.streams import implement_by_width, two_words, two_words_32
from linsgd.variates import LANES, bits, fill_normals, gamma, log, normals, unit

_U = np.uint64
_ONE = _U(0x3FF0000000000000)  # the bits of 1.0
_ROOT_HALF = _U(0x3FE6A09E667F3BCD)  # the bits of sqrt(1/2)
_MAGIC = _U(0x4330000000000000)  # the bits of 2^52
_L2 = math.log(2.0)
_PI = math.pi
_F = np.float32
_F_ROOT_HALF = np.int32(0x3F3504F3)
_F_L2 = _F(math.log(2.0))
_F_QUARTER = _F(math.pi / 2)


@implement(unit)
def _unit(word: Any) -> Any:
    return 2.0 - _U((word >> _U(12)) | _ONE).view(np.float64)


@implement(log)
def _log(u: Any) -> Any:
    bits = np.float64(u).view(np.uint64)
    exponent = (bits - _ROOT_HALF + _ONE) >> _U(52)
    m = _U(bits - (exponent << _U(52)) + _ONE).view(np.float64)
    k = _U(exponent | _MAGIC).view(np.float64) - 4503599627371519.0  # 2^52 + 1023
    f = (m - 1.0) / (m + 1.0)
    s = f * f
    p = 2.0 / 17 + s * (2.0 / 19 + s * (2.0 / 21))
    p = 2.0 / 11 + s * (2.0 / 13 + s * (2.0 / 15 + s * p))
    p = 2.0 / 3 + s * (2.0 / 5 + s * (2.0 / 7 + s * (2.0 / 9 + s * p)))
    return k * _L2 + (2.0 * f + f * s * p)


@inlined
def normal_pair(a: Any, b: Any) -> tuple[Any, Any]:
    """Return two standard normal float64 variates made of 128 random bits."""
    r = math.sqrt(-2.0 * log(unit(a)))
    x = (_U((b >> _U(12)) | _ONE).view(np.float64) - 1.5) * (0.5 * _PI)
    s = x * x
    p = 1.0 / 362880 + s * (-1.0 / 39916800 + s * (1.0 / 6227020800))
    sine = x + x * s * (-1.0 / 6 + s * (1.0 / 120 + s * (-1.0 / 5040 + s * p)))
    p = 1.0 / 40320 + s * (-1.0 / 3628800 + s * (1.0 / 479001600 + s * (-1.0 / 87178291200)))
    cosine = 1.0 + s * (-0.5 + s * (1.0 / 24 + s * (-1.0 / 720 + s * p)))
    r = _U(np.float64(r).view(np.uint64) ^ ((b & _U(2)) << _U(62))).view(np.float64)
    turned = (b & _U(1)) != 0
    return r * (-sine if turned else cosine), r * (cosine if turned else sine)


@inlined
def _log32(u: Any) -> Any:
    bits = np.float32(u).view(np.int32)
    k = np.int32(np.int32(bits - _F_ROOT_HALF) >> np.int32(23))
    m = np.int32(bits - np.int32(k << np.int32(23))).view(np.float32)
    f = (m - _F(1)) / (m + _F(1))
    s = f * f
    return np.float32(k) * _F_L2 + (
        _F(2) * f + f * s * (_F(2 / 3) + s * (_F(2 / 5) + s * _F(2 / 7)))
    )


@inlined
def normal_pair_32(a: Any, b: Any) -> tuple[Any, Any]:
    """Return two standard normal float32 variates made of two words of 32 random bits."""
    a = np.float32(np.int32(a >> np.uint32(1)) | np.int32(1)) * _F(2.0**-31)
    r = np.float32(math.sqrt(_F(-2) * _log32(a)))
    x = (
        np.uint32((b >> np.uint32(9)) | np.uint32(0x3F800000)).view(np.float32) - _F(1.5)
    ) * _F_QUARTER
    s = x * x
    sine = x + x * s * (_F(-1 / 6) + s * (_F(1 / 120) + s * (_F(-1 / 5040) + s * _F(1 / 362880))))
    cosine = _F(1) + s * (_F(-0.5) + s * (_F(1 / 24) + s * (_F(-1 / 720) + s * _F(1 / 40320))))
    r = np.uint32(r.view(np.uint32) ^ np.uint32((b & np.uint32(2)) << np.uint32(30))).view(
        np.float32
    )
    turned = np.uint32(b & np.uint32(1)) != np.uint32(0)
    return r * (-sine if turned else cosine), r * (cosine if turned else sine)


@inlined
def _normals(S: Words, j: int) -> tuple[Any, Any]:
    a, b = two_words(S, j)
    return normal_pair(a, b)


@inlined
def _normals_32(S: Words, j: int) -> tuple[Any, Any]:
    a, b = two_words_32(S, j)
    return normal_pair_32(a, b)


@kernel
def _fill_normals(S: Words, Z: Array, rows: int) -> None:
    for i in range(0, rows, 2):
        for j in range(LANES):
            Z[i, j], Z[i + 1, j] = normals(S, j)


@kernel
def _gamma(S: Words, j: int, shape: Any) -> Any:
    d = (shape if shape >= 1.0 else shape + 1.0) - 1.0 / 3.0
    while True:
        a = bits(S, j)
        z, _ = normal_pair(a, bits(S, j))
        root = 1.0 + z / math.sqrt(9.0 * d)
        v = root * root * root
        u = unit(bits(S, j))
        if v > 0.0 and log(u) < 0.5 * z * z + d * (1.0 - v + log(v)):
            break
    if shape < 1.0:
        return d * v * math.exp(log(unit(bits(S, j))) / shape)
    return d * v


implement_by_width(normals, _normals, _normals_32)


@implement(fill_normals)
def _call_fill_normals(S: Words, Z: Array, rows: int) -> None:
    _fill_normals(S, Z, rows)


@implement(gamma)
def _call_gamma(S: Words, j: int, shape: Any) -> Any:
    return _gamma(S, j, shape)
