"""Statistics of the normal generator, in the very function by which the kernels draw samples.

`test_replay` shows that the chains are made of these draws. Statistics are z-values under
independence, each within 6.5; chi-squared and Kolmogorov-Smirnov tests reject below p = 1e-10.
Fewer than 100 statistics a test and fewer than 20 tests make false alarms rarer than 3e-7."""

import numpy as np
import pytest
from scipy import special, stats

import linsgd
from linsgd.montecarlo.random import streams
from linsgd.montecarlo.random.laws import Samples

from .kernels import draw_samples, gamma_variates, logarithms, logarithms_32, two_numbers

D = 63  # with the label noise 64 normal variates a sample


def draws(dtype, tiles, samples, seed=0):
    """Normal variates (tiles, 2 * samples * 64, 64) of the streams of `tiles` tiles."""
    problem = linsgd.LinearRegression.gaussian(np.ones(D))
    law = Samples.of(problem, np.dtype(dtype).type)
    Z = np.empty((tiles, samples, 2 * D + 2, 64), dtype)
    C = np.ones((2, 64), dtype)
    for t in range(tiles):
        S = streams.seed_streams(seed, t, np.dtype(dtype))
        for s in range(samples):
            draw_samples(law, S, Z[t, s], C, 2, D)
    return Z.reshape(tiles, -1, 64).astype(np.float64)


class Battery:
    """Running sums of a battery of statistics over arrays of draws (tiles, rows, 64)."""

    def __init__(self):
        self.n, self.counts, self.sums, self.pairs = 0, np.zeros(4096), np.zeros(6), {}

    def add(self, z):
        self.n += z.size
        self.counts += np.bincount((4096 * special.ndtr(z.ravel())).astype(int), minlength=4096)
        power = np.ones_like(z)
        for p in range(6):
            power *= z
            self.sums[p] += power.sum()
        square = (z * z - 1) / np.sqrt(2)
        for kind, x in {"": z, ", squares": square}.items():
            self.couple("lanes" + kind, x[:, :, :-1], x[:, :, 1:])
            self.couple("distant lanes" + kind, x[:, :, :32], x[:, :, 32:])
            self.couple("tiles" + kind, x[:-1], x[1:])
            self.couple("sine and cosine" + kind, x[:, ::2], x[:, 1::2])
            self.couple("next pair" + kind, x[:, :-2], x[:, 2:])
            self.couple("next sample" + kind, x[:, :-64], x[:, 64:])

    def couple(self, name, a, b):
        total, n = self.pairs.get(name, (0.0, 0))
        self.pairs[name] = total + np.einsum("tij,tij->", a, b), n + a.size

    def z_values(self):
        mean = np.array([0, 1, 0, 3, 0, 15])
        variance = np.array([1, 2, 15, 96, 945, 10395 - 225])
        moments = (self.sums / self.n - mean) / np.sqrt(variance / self.n)
        named = {f"moment {p + 1}": z for p, z in enumerate(moments)}
        return named | {name: total / np.sqrt(n) for name, (total, n) in self.pairs.items()}

    def p_values(self):
        chi_squared = stats.chisquare(self.counts).pvalue
        distance = np.abs(np.cumsum(self.counts) / self.n - np.arange(1, 4097) / 4096).max()
        return chi_squared, special.kolmogorov(np.sqrt(self.n) * distance)

    def passes(self):
        return max(map(abs, self.z_values().values())) < 6.5 and min(self.p_values()) > 1e-10


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_normal_variates(dtype):
    battery = Battery()
    battery.add(draws(dtype, tiles=8, samples=100))
    assert battery.passes(), (battery.z_values(), battery.p_values())


@pytest.mark.nightly
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_thousand_million_normal_variates(dtype):
    battery = Battery()
    for seed in range(160):
        battery.add(draws(dtype, tiles=8, samples=100, seed=seed))
    assert battery.n > 10**9
    assert battery.passes(), (battery.z_values(), battery.p_values())


BREAKS = {
    "scale": lambda z: 1.003 * z,
    "tail": lambda z: np.clip(z, -3.3, 3.3),
    "repeated lane": lambda z: 0.01 * np.roll(z, 1, axis=2) + np.sqrt(1 - 1e-4) * z,
    "one radius": lambda z: np.where(
        np.arange(z.shape[1])[:, None] % 2, z, np.sign(z) * abs(np.roll(z, -1, axis=1))
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_twin_a_broken_generator_is_seen(name):
    battery = Battery()
    battery.add(BREAKS[name](draws("float64", tiles=8, samples=100)))
    assert not battery.passes()


@pytest.mark.parametrize(("shape", "n"), [(0.3, 20000), (1.0, 20000), (7.5, 20000), (499.0, 20000)])
def test_gamma_variates(shape, n):
    S = streams.seed_streams(1, 0, np.float64)
    sample = np.empty(n)
    gamma_variates(S, shape, sample)
    assert stats.kstest(sample, stats.gamma(shape).cdf).pvalue > 1e-9
    assert stats.kstest(sample, stats.gamma(1.1 * shape).cdf).pvalue < 1e-9


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_streams_are_distinct(dtype):
    states = {
        streams.seed_streams(seed, t, dtype).tobytes() for seed in range(50) for t in range(50)
    }
    assert len(states) == 2500
    assert len(np.unique(streams.seed_streams(0, 0, dtype))) == 256


@pytest.mark.parametrize(
    ("dtype", "bits", "left", "shift", "right", "words"),
    [(np.float64, 64, 23, 17, 45, 1), (np.float32, 32, 7, 9, 11, 2)],
    ids=["xoshiro256++", "xoshiro128++"],
)
def test_the_streams_are_the_reference_algorithm(dtype, bits, left, shift, right, words):
    """Against Blackman and Vigna's algorithm in Python's integers; a draw of 64 bits is two words
    of 32.
    """
    S = streams.seed_streams(7, 3, dtype)
    s = [int(word) for word in S.reshape(4, 64)[:, 5]]
    rotate = lambda x, k: ((x << k) | (x >> (bits - k))) % 2**bits  # noqa: E731

    def word():
        result = (rotate((s[0] + s[3]) % 2**bits, left) + s[0]) % 2**bits
        t = (s[1] << shift) % 2**bits
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], right)
        return result

    def expected():
        return word() if words == 1 else word() << 32 | word()

    for _ in range(20):
        assert [int(x) for x in two_numbers(S, 5)] == [expected(), expected()]


def test_the_logarithm_is_exact_to_rounding():
    u = np.concatenate(
        [np.random.default_rng(0).random(10000), 2.0 ** -np.arange(53), [np.nextafter(1, 0)]]
    )
    ours = np.empty_like(u)
    logarithms(u, ours)
    assert np.allclose(ours, np.log(u), rtol=1e-15, atol=0)


def test_the_logarithm_of_float32_is_exact_to_rounding():
    """Each term of its series is needed: the last one left out makes 4e-6."""
    uniform = np.random.default_rng(0).random(20000)
    u = np.concatenate([uniform, 2.0 ** -np.arange(31), [1 - 2.0**-24]]).astype(np.float32)
    ours = np.empty_like(u)
    logarithms_32(u, ours)
    assert np.allclose(ours, np.log(u.astype(np.float64)), rtol=3e-7, atol=0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_largest_normal_variate_is_the_one_that_the_grid_allows(dtype):
    """sqrt(-2 ln u) at the smallest u: 8.49 of 2^-52, 6.56 of 2^-31."""
    bits = {"float64": 52, "float32": 31}[dtype]
    bound = np.sqrt(2 * bits * np.log(2))
    largest = np.abs(draws(dtype, tiles=8, samples=100)).max()
    assert 4.5 < largest <= bound * (1 + 1e-6)
