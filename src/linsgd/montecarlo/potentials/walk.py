r"""Chains of SGD on a potential, one after the other: v' = momentum v - g, x' = x + lr v'.

The way from a start to a target is measured by the progress

    xi(x) = (x - start)'(target - start)/|target - start|^2,

0 at the start and 1 at the target; an exit is the first step with xi >= 1.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numba
import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.jit import Array, Words, inlined, kernel, method, specialised
from linsgd.montecarlo.potentials.forces import BatchForce, GaussianForce, ScaledForce, StableForce
from linsgd.montecarlo.random import variates as variates  # implements the variates of kernels
from linsgd.montecarlo.random.streams import seed_streams
from linsgd.optimizers.sgd import SGD
from linsgd.problems.potentials import FiniteSum, Potential
from linsgd.stable import Stable
from linsgd.variates import LANES

Noise: TypeAlias = float | ArrayLike | Callable[..., Any] | Stable | None

_draw = method("draw")


class Chain(NamedTuple):
    """The numbers of a chain: its stochastic gradient, learning rate and momentum."""

    force: Any
    lr: Any
    momentum: Any


class Way(NamedTuple):
    """The progress from a start: origin (d,), and direction (d,) over its squared length."""

    origin: Any
    direction: Any


@inlined
def advance(chain: Any, S: Words, j: int, x: Array, v: Array, g: Array) -> None:
    """Make one step of a chain."""
    _draw(chain.force, S, j, x, g)
    for i in range(x.size):
        v[i] = chain.momentum * v[i] - g[i]
        x[i] += chain.lr * v[i]


@inlined
def progress(way: Any, x: Array) -> float:
    """Return xi(x)."""
    total = 0.0
    for i in range(x.size):
        total += (x[i] - way.origin[i]) * way.direction[i]
    return total


@kernel
def fill_states(chain: Any, S: Words, start: Array, at: Array, states: Array) -> None:
    """Write (x, v) of the 64 chains of a tile at increasing steps to states (K, 64, 2 d)."""
    d = start.size
    x, v, g = np.empty(d), np.empty(d), np.empty(d)
    for j in range(states.shape[1]):
        step = 0
        for i in range(d):
            x[i], v[i] = start[i], 0.0
        for k in range(at.size):
            while step < at[k]:
                advance(chain, S, j, x, v, g)
                step += 1
            for i in range(d):
                states[k, j, i], states[k, j, d + i] = x[i], v[i]


@kernel
def fill_exits(chain: Any, way: Any, S: Words, start: Array, limit: int, times: Array) -> None:
    """Write the step of the exit of each chain of a tile to times (64,), -1 if after `limit`."""
    d = start.size
    x, v, g = np.empty(d), np.empty(d), np.empty(d)
    for j in range(times.size):
        times[j] = -1
        for i in range(d):
            x[i], v[i] = start[i], 0.0
        for step in range(1, limit + 1):
            advance(chain, S, j, x, v, g)
            if progress(way, x) >= 1.0:
                times[j] = step
                break


def states_at(chain: Chain, start: FloatArray, steps: Any, chains: range, seed: int) -> FloatArray:
    """Return the states (x, v) of chains, a whole number of tiles, at steps (K, chains, 2 d)."""
    at = np.asarray(steps, dtype=np.int64)
    run = specialised(fill_states, *records(chain))
    found = np.empty((at.size, len(chains), 2 * start.size))
    for first in range(0, len(chains), LANES):
        tile = np.empty((at.size, LANES, 2 * start.size))
        run(chain, streams(seed, chains[first] // LANES), start, at, tile)
        found[:, first : first + LANES] = tile
    return found


def streams(seed: int, tile: int) -> Words:
    """Return the streams of a tile."""
    return seed_streams(seed, tile, np.float64)


def records(chain: Chain) -> tuple[Any, ...]:
    """Return the records whose code is compiled into a chain, for the cache of kernels."""
    return tuple(part for part in chain.force if isinstance(part, tuple))


def chain_of(potential: Potential, sgd: SGD, noise: Noise) -> Chain:
    """Return the numbers of a chain from what a public call is given.

    Raises
    ------
    ValueError
        If the potential, the optimizer or the noise is not covered.
    """
    if not isinstance(potential, Potential):
        domains.refuse_type("potential", potential, "one of linsgd.potentials")
    _accept_sgd(sgd)
    return Chain(_force(potential, sgd.batch_size, noise), sgd.lr, sgd.momentum)


def _accept_sgd(sgd: SGD) -> None:
    domains.exact_type("sgd", sgd, (SGD,))
    if sgd.nesterov:
        domains.refuse("nesterov", True, "False on a potential")
    for name in ("dampening", "weight_decay"):
        if getattr(sgd, name):
            domains.refuse(name, getattr(sgd, name), "0 on a potential, which holds every term")
    if sgd.sampling != "independent" or not sgd.replacement:
        given = f"{sgd.sampling!r}, replacement {sgd.replacement}"
        domains.refuse("sampling", given, "'independent' with replacement on a potential")


def _force(potential: Potential, b: int, noise: Noise) -> Any:
    """Return the stochastic gradient of a potential."""
    d = potential.dimension
    if noise is None:
        if not isinstance(potential, FiniteSum):
            domains.refuse("noise", None, "given, unless the potential is a FiniteSum")
        return BatchForce(potential.batch_code(b))
    if isinstance(noise, Stable):
        return StableForce(potential.code(), noise.alpha, noise.scale * b ** (1 / noise.alpha - 1))
    if callable(noise):
        return ScaledForce(potential.code(), _variance(noise, potential), b**-0.5)
    given = np.asarray(noise)
    spectrum = np.full(d, given) if given.ndim == 0 else given
    covariance = domains.covariance("noise", spectrum)
    if len(covariance) != d:
        domains.refuse("noise", f"array of shape {given.shape}", f"a covariance ({d}, {d})")
    matrix = np.diag(covariance) if covariance.ndim == 1 else covariance
    values, axes = np.linalg.eigh(matrix / b)
    return GaussianForce(potential.code(), axes * np.sqrt(np.maximum(values, 0.0)))


def _variance(noise: Callable[..., Any], potential: Potential) -> Any:
    """Return the kernel code of a variance C(x), or C(x, y)."""
    d = potential.dimension
    if d > 2:
        domains.refuse("noise", noise, "a number or a matrix on potentials of three dimensions")
    compiled = numba.njit(noise)
    try:
        compiled(*np.full(d, 0.5))
    except numba.core.errors.NumbaError as error:
        why = str(error).strip().splitlines()[0]
        domains.refuse("noise", f"a function that Numba refuses ({why})", "functions of numbers")
    return _VARIANCES[d - 1](compiled)


class _Function(NamedTuple):
    variance: Any  # compiled


class _OneVariance(_Function):
    @staticmethod
    def slope(record: Any, x: Any, g: Any) -> None:
        g[0] = record.variance(x[0])


class _TwoVariance(_Function):
    @staticmethod
    def slope(record: Any, x: Any, g: Any) -> None:
        g[0] = record.variance(x[0], x[1])


_VARIANCES: tuple[type[_Function], ...] = (_OneVariance, _TwoVariance)
for _record in _VARIANCES:
    _record.__module__ = "user"  # the code is the user's: a kernel made of it is not cached


def way_between(potential: Potential, start: ArrayLike, target: ArrayLike) -> Way:
    """Return the progress from a start to a target.

    Raises
    ------
    ValueError
        If they are no points of the potential, or equal.
    """
    d = potential.dimension
    origin = domains.array("start", np.atleast_1d(np.asarray(start)), (d,))
    end = domains.array("target", np.atleast_1d(np.asarray(target)), (d,))
    apart = end - origin
    length = float(apart @ apart)
    if length == 0:
        domains.refuse("target", target, "a point other than the start")
    return Way(np.array(origin), apart / length)
