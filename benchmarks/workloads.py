"""The workloads: each side is a function that runs it and returns how many samples x features it
went through.

M1: 4096 chains, 2000 steps, 16 features of variance 1/k, batch 4, momentum 0.9; the moments of (w,
v) at the end. M2: 100,000 chains, 10,000 steps, one feature, batch 1; a histogram of |w| at every
tenth step. M3: 2048 chains, 5000 steps on 442 rows of 10 features, batch 8 with replacement,
momentum 0.9; the moments at the end. linsgd makes all the steps. The rates of the others hardly
depend on their number: they make as many as fill some tenths of a second."""

import jax
import jax.numpy as jnp
import numpy as np

import linsgd
from linsgd.blocks import map_blocks
from linsgd.montecarlo.tiles import Tiles
from linsgd.montecarlo.walks.engine import walks

jax.config.update("jax_enable_x64", True)
VARIANCES = 1 / np.arange(1, 17)
DATA = np.random.default_rng(0).normal(size=(442, 10)), np.random.default_rng(1).normal(size=442)
M1 = linsgd.LinearRegression.gaussian(VARIANCES), linsgd.SGD(lr=0.05, batch_size=4, momentum=0.9)
M2 = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.5)
M3 = linsgd.LinearRegression.from_data(*DATA), linsgd.SGD(lr=0.05, batch_size=8, momentum=0.9)


def moments(states, numpy):
    return states.mean(axis=0), numpy.cov(states.T)


def m1_numpy(steps=20, chains=4096):
    rng, w, v = np.random.default_rng(0), np.zeros((chains, 16)), np.zeros((chains, 16))
    for _ in range(steps):
        x = rng.standard_normal((chains, 4, 16)) * np.sqrt(VARIANCES)
        residual = np.einsum("cbd,cd->cb", x, w) - rng.standard_normal((chains, 4))
        v = 0.9 * v - np.einsum("cbd,cb->cd", x, residual) / 4
        w = w + 0.05 * v
    moments(np.hstack([w, v]), np)
    return steps * chains * 16 * 4


def m2_numpy(steps=100, chains=100_000):
    rng, w, histogram = np.random.default_rng(0), np.zeros(chains), np.zeros(320)
    for k in range(steps):
        x, e = rng.standard_normal(chains), rng.standard_normal(chains)
        w = w - 0.5 * x * (x * w - e)
        if k % 10 == 9:
            histogram += np.bincount(
                np.clip(8 * (np.log2(np.abs(w)) + 10), 0, 319).astype(int), minlength=320
            )
    return steps * chains


def m3_numpy(steps=50, chains=2048):
    rng, (X, y) = np.random.default_rng(0), DATA
    w, v = np.zeros((chains, 10)), np.zeros((chains, 10))
    for _ in range(steps):
        rows = rng.integers(len(y), size=(chains, 8))
        x = X[rows]
        residual = np.einsum("cbd,cd->cb", x, w) - y[rows]
        v = 0.9 * v - np.einsum("cbd,cb->cd", x, residual) / 8
        w = w + 0.05 * v
    moments(np.hstack([w, v]), np)
    return steps * chains * 10 * 8


def m1_jax(dtype, steps=50, chains=4096):
    root = jnp.sqrt(jnp.asarray(VARIANCES, dtype))

    def step(state, key):
        w, v = state
        draws = jax.random.normal(key, (chains, 4, 17), dtype)
        x = draws[..., :16] * root
        residual = jnp.einsum("cbd,cd->cb", x, w) - draws[..., 16]
        v = 0.9 * v - jnp.einsum("cbd,cb->cd", x, residual) / 4
        return (w + 0.05 * v, v), None

    @jax.jit
    def run(key):
        start = (jnp.zeros((chains, 16), dtype),) * 2
        state, _ = jax.lax.scan(step, start, jax.random.split(key, steps))
        return moments(jnp.hstack(state), jnp)

    return timed(run, steps * chains * 16 * 4)


def m2_jax(dtype, steps=100, chains=100_000):
    def step(w, key):
        x, e = jax.random.normal(key, (2, chains), dtype)
        return w - 0.5 * x * (x * w - e), None

    def ten(state, keys):
        w, histogram = state
        w, _ = jax.lax.scan(step, w, keys)
        place = jnp.clip(8 * (jnp.log2(jnp.abs(w)) + 10), 0, 319).astype(int)
        return (w, histogram.at[place].add(1)), None

    @jax.jit
    def run(key):
        keys = jax.random.split(key, (steps // 10, 10))
        return jax.lax.scan(ten, (jnp.zeros(chains, dtype), jnp.zeros(320, int)), keys)[0]

    return timed(run, steps * chains)


def m3_jax(dtype, steps=200, chains=2048):
    X, y = (jnp.asarray(a, dtype) for a in DATA)

    def step(state, key):
        w, v = state
        rows = jax.random.randint(key, (chains, 8), 0, len(y))
        x = X[rows]
        residual = jnp.einsum("cbd,cd->cb", x, w) - y[rows]
        v = 0.9 * v - jnp.einsum("cbd,cb->cd", x, residual) / 8
        return (w + 0.05 * v, v), None

    @jax.jit
    def run(key):
        start = (jnp.zeros((chains, 10), dtype),) * 2
        state, _ = jax.lax.scan(step, start, jax.random.split(key, steps))
        return moments(jnp.hstack(state), jnp)

    return timed(run, steps * chains * 10 * 8)


def timed(run, amount):
    def side():
        jax.block_until_ready(run(jax.random.key(0)))
        return amount

    return side


def ours(problem, sgd, steps, chains, engine="full", dtype="float64", record=None):
    """All the work of `simulate`, without its refusal of float32 for tails."""
    described = walks(problem, sgd, 0, None, engine, dtype)
    record = record or (linsgd.StateMoments(),)
    tiles = Tiles(walks=described, record=record, at=np.array([steps]))
    blocks = [range(first, min(first + 256, chains)) for first in range(0, chains, 256)]

    def side():
        for _ in map_blocks(tiles, blocks, key=""):
            pass
        return steps * chains * problem.dimension * sgd.batch_size

    return side


def m1_ours(dtype, engine="full"):
    return ours(*M1, steps=2000, chains=4096, engine=engine, dtype=dtype)


def m2_ours(dtype):
    return ours(
        *M2, steps=10_000, chains=100_000, dtype=dtype, record=(linsgd.Exceedance(every=10),)
    )


def m3_ours(dtype):
    return ours(*M3, steps=5000, chains=2048, dtype=dtype)


def isotropic(engine):
    problem, sgd = (
        linsgd.LinearRegression.gaussian(np.ones(1000), optimum=np.ones(1000)),
        linsgd.SGD(1e-4, 8),
    )
    steps, chains = {"full": (20, 256), "radial": (2000, 1024)}[engine]
    record = (linsgd.Exceedance(lowest=0, highest=6, every=steps),)
    return ours(problem, sgd, steps=steps, chains=chains, engine=engine, record=record)
