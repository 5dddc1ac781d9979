r"""Random bits: one stream a chain, 64 chains side by side in the lanes of the processor.

A tile is 64 consecutive chains. Its streams are a flat array S of 4 x 64 words, word i of lane j at
S[64 i + j], so that a loop over lanes is one vector operation. Chains in float64 have xoshiro256++
on words of 64 bits; chains in float32 have xoshiro128++ on words of 32, of which a vector holds as
many as of their floats. The state of chain c is SplitMix64's output from mix(mix(seed) + c); mix is
a bijection of 64 bits, so within an ensemble no two streams start alike and none is zero.

Source: Blackman and Vigna, ACM TOMS 47 (2021); Steele, Lea and Flood, OOPSLA 2014.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.extending import overload

from linsgd.jit import INLINED, Words, inlined, kernel
from linsgd.variates import LANES, bits

_U, _W = np.uint64, np.uint32
_GOLDEN = _U(0x9E3779B97F4A7C15)


@inlined
def _mix(z: Any) -> Any:
    z = (z ^ (z >> _U(30))) * _U(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> _U(27))) * _U(0x94D049BB133111EB)
    return z ^ (z >> _U(31))


@kernel
def _split_mix(seed: Any, tile: int, outputs: int) -> Words:
    """Return SplitMix64's first outputs (outputs, 64) for each chain of a tile."""
    words = np.empty((outputs, LANES), np.uint64)
    for j in range(LANES):
        state = _mix(_mix(seed + _GOLDEN) + _U(tile * LANES + j))
        for i in range(outputs):
            state += _GOLDEN
            words[i, j] = _mix(state)
    return words


def seed_streams(seed: int, tile: int, dtype: Any) -> Words:
    """Return the streams S (256,) of the 64 chains of `tile` for variates of a precision."""
    if dtype == np.float64:
        return _split_mix(_U(seed), tile, 4).ravel()
    words = _split_mix(_U(seed), tile, 2)
    return np.concatenate([words.astype(_W), (words >> _U(32)).astype(_W)]).ravel()


@inlined
def _step(s0: Any, s1: Any, s2: Any, s3: Any) -> tuple[Any, Any, Any, Any, Any]:
    total = s0 + s3
    result = ((total << _U(23)) | (total >> _U(41))) + s0
    t = s1 << _U(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    return result, s0, s1, s2 ^ t, (s3 << _U(45)) | (s3 >> _U(19))


@inlined
def _step_32(s0: Any, s1: Any, s2: Any, s3: Any) -> tuple[Any, Any, Any, Any, Any]:
    total = _W(s0 + s3)  # Numba widens every operation on words of 32 bits
    result = _W(_W((total << _W(7)) | (total >> _W(25))) + s0)
    t = _W(s1 << _W(9))
    s2 = _W(s2 ^ s0)
    s3 = _W(s3 ^ s1)
    s1 = _W(s1 ^ s2)
    s0 = _W(s0 ^ s3)
    return result, s0, s1, _W(s2 ^ t), _W((s3 << _W(11)) | (s3 >> _W(21)))


@inlined
def two_words(S: Words, j: int) -> tuple[Any, Any]:
    """Return the next two words of lane `j` of streams of 64-bit words."""
    a, s0, s1, s2, s3 = _step(S[j], S[LANES + j], S[2 * LANES + j], S[3 * LANES + j])
    b, S[j], S[LANES + j], S[2 * LANES + j], S[3 * LANES + j] = _step(s0, s1, s2, s3)
    return a, b


@inlined
def two_words_32(S: Words, j: int) -> tuple[Any, Any]:
    """Return the next two words of lane `j` of streams of 32-bit words."""
    a, s0, s1, s2, s3 = _step_32(S[j], S[LANES + j], S[2 * LANES + j], S[3 * LANES + j])
    b, S[j], S[LANES + j], S[2 * LANES + j], S[3 * LANES + j] = _step_32(s0, s1, s2, s3)
    return a, b


@inlined
def _draw(S: Words, j: int) -> Any:
    bits, S[j], S[LANES + j], S[2 * LANES + j], S[3 * LANES + j] = _step(
        S[j], S[LANES + j], S[2 * LANES + j], S[3 * LANES + j]
    )
    return bits


@inlined
def _draw_32(S: Words, j: int) -> Any:
    high, low = two_words_32(S, j)
    return (_U(high) << _U(32)) | _U(low)


def implement_by_width(
    declared: Callable[[Words, int], Any],
    wide: Callable[[Words, int], Any],
    narrow: Callable[[Words, int], Any],
) -> None:
    """Implement a function of streams and a lane by `wide` on words of 64 bits, `narrow` on 32."""

    @overload(declared, strict=False, jit_options=INLINED)
    def choose(S: Any, j: Any) -> Any:
        if S.dtype == numba.uint32:
            return lambda S, j: narrow(S, j)
        return lambda S, j: wide(S, j)


implement_by_width(bits, _draw, _draw_32)
