r"""Random numbers: one xoshiro256++ stream a chain, 64 chains side by side in the lanes of the processor.

A tile is 64 consecutive chains. Its streams are a flat array S of 4 x 64 words, word i of lane j at S[64 i + j], so
that a loop over lanes is one vector operation. The 256 bits of chain c start as four SplitMix64 outputs from
mix(mix(seed) + c); mix is a bijection of 64 bits, so within an ensemble no two streams start alike and none is zero.

Normal variates come in pairs by Box and Muller, r (cos a, sin a) with r^2 = -2 ln u: u on a grid of 2^-52 in (0, 1],
hence |z| <= 8.49. In float32 u is on a grid of 2^-31, hence |z| <= 6.56: the normal tail is cut at probability 5e-11.
The angle is pi/2 (t - 1/2) turned by a random quarter. log, sin and cos are polynomials, since calls to libm
do not vectorise: with f = (m - 1)/(m + 1), ln m = 2 atanh f, |f| <= 0.172; sin and cos by Taylor up to pi/4.

Gamma variates are Marsaglia and Tsang's (ACM TOMS 26, 2000), with U^(1/a) for a shape a < 1.

Source: Blackman and Vigna, ACM TOMS 47 (2021); Steele, Lea and Flood, OOPSLA 2014; Box and Muller, Ann. Math. Stat.
29 (1958).
"""

import math
from typing import Any

import numba
import numpy as np
from numba.extending import overload

from linsgd.montecarlo.jit import Array, Words, inlined, kernel

LANES = 64

_U = np.uint64
_GOLDEN = _U(0x9E3779B97F4A7C15)
_ONE = _U(0x3FF0000000000000)  # the bits of 1.0
_ROOT_HALF = _U(0x3FE6A09E667F3BCD)  # the bits of sqrt(1/2)
_MAGIC = _U(0x4330000000000000)  # the bits of 2^52
_L2, _PI = math.log(2.0), math.pi
_F = np.float32
_F_ROOT_HALF = np.int32(0x3F3504F3)
_F_L2, _F_QUARTER = _F(math.log(2.0)), _F(math.pi / 2)


@inlined
def _mix(z: Any) -> Any:
    z = (z ^ (z >> _U(30))) * _U(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> _U(27))) * _U(0x94D049BB133111EB)
    return z ^ (z >> _U(31))


@kernel
def seed_streams(seed: Any, tile: int) -> Words:
    """Return the streams S (256,) of the 64 chains of `tile`; `seed` is uint64."""
    S = np.empty(4 * LANES, np.uint64)
    for j in range(LANES):
        state = _mix(_mix(seed + _GOLDEN) + _U(tile * LANES + j))
        for i in range(4):
            state += _GOLDEN
            S[LANES * i + j] = _mix(state)
    return S


@inlined
def draw(S: Words, j: int) -> Any:
    """Return the next 64 random bits of lane `j`."""
    s0, s1, s2, s3 = S[j], S[LANES + j], S[2 * LANES + j], S[3 * LANES + j]
    total = s0 + s3
    result = ((total << _U(23)) | (total >> _U(41))) + s0
    t = s1 << _U(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = (s3 << _U(45)) | (s3 >> _U(19))
    S[j], S[LANES + j], S[2 * LANES + j], S[3 * LANES + j] = s0, s1, s2, s3
    return result


@inlined
def unit(bits: Any) -> Any:
    """Return a uniform variate on the grid 2^-52 {1, ..., 2^52} in (0, 1]."""
    return 2.0 - _U((bits >> _U(12)) | _ONE).view(np.float64)


@inlined
def log(u: Any) -> Any:
    """Natural logarithm of a positive normal float64, to 4e-16 relative."""
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
    return np.float32(k) * _F_L2 + (_F(2) * f + f * s * (_F(2 / 3) + s * (_F(2 / 5) + s * _F(2 / 7))))


@inlined
def normal_pair_float32(bits: Any) -> tuple[Any, Any]:
    """Return two standard normal float32 variates made of 64 random bits."""
    a = np.float32(np.int32(np.uint32(bits >> _U(33))) | np.int32(1)) * _F(2.0**-31)
    b = np.uint32(bits)
    r = np.float32(math.sqrt(_F(-2) * _log32(a)))
    x = (np.uint32((b >> np.uint32(9)) | np.uint32(0x3F800000)).view(np.float32) - _F(1.5)) * _F_QUARTER
    s = x * x
    sine = x + x * s * (_F(-1 / 6) + s * (_F(1 / 120) + s * (_F(-1 / 5040) + s * _F(1 / 362880))))
    cosine = _F(1) + s * (_F(-0.5) + s * (_F(1 / 24) + s * (_F(-1 / 720) + s * _F(1 / 40320))))
    r = np.uint32(r.view(np.uint32) ^ np.uint32((b & np.uint32(2)) << np.uint32(30))).view(np.float32)
    turned = np.uint32(b & np.uint32(1)) != np.uint32(0)
    return r * (-sine if turned else cosine), r * (cosine if turned else sine)


@kernel
def _fill_normal(S: Words, Z: Array, rows: int) -> None:
    for i in range(0, rows, 2):
        for j in range(LANES):
            a = draw(S, j)
            Z[i, j], Z[i + 1, j] = normal_pair(a, draw(S, j))


@kernel
def _fill_normal_float32(S: Words, Z: Array, rows: int) -> None:
    for i in range(0, rows, 2):
        for j in range(LANES):
            Z[i, j], Z[i + 1, j] = normal_pair_float32(draw(S, j))


def fill_normal(S: Words, Z: Array, rows: int) -> None:
    """Write standard normals to the first `rows` rows of Z (any, 64), an even number, in the precision of Z."""
    raise NotImplementedError("only for kernels")


@overload(fill_normal, strict=False)
def _choose_precision(S: Words, Z: Array, rows: int) -> Any:
    if Z.dtype == numba.float32:
        return lambda S, Z, rows: _fill_normal_float32(S, Z, rows)
    return lambda S, Z, rows: _fill_normal(S, Z, rows)


@kernel
def gamma(S: Words, j: int, shape: Any) -> Any:
    """Return one gamma variate of the given shape and unit scale from lane `j`."""
    d = (shape if shape >= 1.0 else shape + 1.0) - 1.0 / 3.0
    while True:
        a = draw(S, j)
        z, _ = normal_pair(a, draw(S, j))
        root = 1.0 + z / math.sqrt(9.0 * d)
        v = root * root * root
        u = unit(draw(S, j))
        if v > 0.0 and log(u) < 0.5 * z * z + d * (1.0 - v + log(v)):
            break
    if shape < 1.0:
        return d * v * math.exp(log(unit(draw(S, j))) / shape)
    return d * v
