r"""Mean exit times of a well by adaptive multilevel splitting.

The way from the start (xi = 0) to the target (xi = 1) has M levels. A chain that is set back to the
start at every exit makes cycles: it leaves {xi < level m} after it was in {xi <= 0}. With c the
mean length of a cycle and p the probability that one reaches the target before {xi <= 0}, the mean
exit time from the start is c/p, exactly, however rare exits are (both averaged over the stationary
law of cycles).

p is estimated from N walkers that begin where N cycles began (Cerou and Guyader 2007). Each runs
until {xi <= 0} or the target; those whose highest level is the least are replaced by copies of
others, from the step on at which these passed that level, and run again. With K walkers replaced,
p is multiplied by 1 - K/N; the estimate is unbiased for every N (Brehier, Gazeau, Goudenege,
Lelievre, Rousset 2016: all walkers at the least level must be replaced, and the copies begin at
the first state beyond it). The relative variance is about -log(p)/N for one replica; independent
replicas give the interval.
"""

import math
from typing import Any

import numpy as np

from linsgd.jit import Array, Words, inlined, kernel
from linsgd.montecarlo.potentials.walk import advance, progress
from linsgd.variates import bits, unit


@inlined
def _put(x: Array, v: Array, start: Array) -> None:
    """Set a chain back to the start, at rest."""
    for i in range(x.size):
        x[i], v[i] = start[i], 0.0


@inlined
def _run(
    chain: Any,
    way: Any,
    S: Words,
    j: int,
    x: Array,
    v: Array,
    g: Array,
    levels: Array,
    states: Array,
    M: int,
    count: int,
    limit: int,
) -> tuple[int, int]:
    """Run a walker until xi <= 0 or the target, writing each new highest level with its state.

    Returns the number of entries and the steps taken.
    """
    d = x.size
    highest, steps = levels[count - 1], 0
    while highest < M and steps < limit:
        advance(chain, S, j, x, v, g)
        steps += 1
        xi = progress(way, x)
        if not xi > 0.0:
            break
        level = min(int(xi * M), M)
        if level > highest:
            highest = level
            levels[count] = level
            for i in range(d):
                states[count, i], states[count, d + i] = x[i], v[i]
            count += 1
    return count, steps


@kernel
def spread(chain: Any, way: Any, S: Words, j: int, start: Array, steps: int) -> float:
    """Return the standard deviation of xi on `steps` steps from the start, set back at exits."""
    d = start.size
    x, v, g = np.empty(d), np.empty(d), np.empty(d)
    _put(x, v, start)
    total, squares = 0.0, 0.0
    for _ in range(steps):
        advance(chain, S, j, x, v, g)
        xi = progress(way, x)
        if not xi < 1.0:
            _put(x, v, start)
            xi = 0.0
        total += xi
        squares += xi * xi
    return math.sqrt(max(squares / steps - (total / steps) ** 2, 0.0))


@kernel
def cycles(
    chain: Any,
    way: Any,
    S: Words,
    j: int,
    start: Array,
    first: float,
    settling: int,
    entries: Array,
    limit: int,
) -> int:
    """Write the states (N, 2 d) at which N cycles begin, xi >= first; return their total length.

    0 if they take more than `limit` steps.
    """
    d, N = start.size, entries.shape[0]
    x, v, g = np.empty(d), np.empty(d), np.empty(d)
    _put(x, v, start)
    inside, begun, seen, length = True, False, 0, 0
    for step in range(limit):
        advance(chain, S, j, x, v, g)
        xi = progress(way, x)
        length += 1
        entered = inside and xi >= first
        if entered:
            inside = False
            if begun:
                for i in range(d):
                    entries[seen, i], entries[seen, d + i] = x[i], v[i]
                seen += 1
            elif step >= settling:
                begun, length = True, 0
            if seen == N:
                return length
        if xi >= 1.0:
            _put(x, v, start)
            inside = True
        elif xi <= 0.0:
            inside = True
    return 0


@kernel
def split(
    chain: Any,
    way: Any,
    S: Words,
    j: int,
    entries: Array,
    levels: Array,
    states: Array,
    counts: Array,
    limit: int,
) -> tuple[float, int]:
    """Return an unbiased estimate of the probability p, and the steps taken; -1 beyond `limit`.

    levels (N, M + 2), states (N, M + 2, 2 d) and counts (N,) are working space: the highest levels
    of each walker so far, with the state at which each was reached.
    """
    N, d = entries.shape[0], entries.shape[1] // 2
    M = states.shape[1] - 2
    x, v, g = np.empty(d), np.empty(d), np.empty(d)
    fresh = np.arange(N)  # the walkers to run on, of which the first `many`
    many, taken, log_p = N, 0, 0.0
    for n in range(N):
        for i in range(d):
            x[i] = entries[n, i]
            states[n, 0, i], states[n, 0, d + i] = entries[n, i], entries[n, d + i]
        levels[n, 0] = min(int(progress(way, x) * M), M)
        counts[n] = 1
    while taken < limit:
        for place in range(many):
            n = fresh[place]
            last = counts[n] - 1
            for i in range(d):
                x[i], v[i] = states[n, last, i], states[n, last, d + i]
            own = levels[n], states[n]
            counts[n], steps = _run(chain, way, S, j, x, v, g, *own, M, counts[n], limit)
            taken += steps
        least, many = _least(levels, counts, M)
        if least >= M:
            return np.exp(log_p), taken
        if many == N:
            return 0.0, taken
        log_p += np.log1p(-many / N)
        _replace(S, j, levels, states, counts, least, fresh)
    return -1.0, taken


@inlined
def _least(levels: Array, counts: Array, M: int) -> tuple[int, int]:
    """Return the least of the walkers' highest levels, and how many have it."""
    least, killed = M + 1, 0
    for n in range(counts.size):
        highest = levels[n, counts[n] - 1]
        if highest < least:
            least, killed = highest, 0
        if highest == least:
            killed += 1
    return least, killed


@inlined
def _replace(
    S: Words, j: int, levels: Array, states: Array, counts: Array, least: int, fresh: Array
) -> None:
    """Replace every walker at the least level by the beginning of another's path.

    That is the path up to the first state beyond the level. The replaced walkers are written to
    `fresh`.
    """
    N = counts.size
    alive = np.empty(N, np.int64)
    many, dead = 0, 0
    for n in range(N):
        if levels[n, counts[n] - 1] > least:
            alive[many] = n
            many += 1
        else:
            fresh[dead] = n
            dead += 1
    for place in range(dead):
        n = fresh[place]
        other = alive[int(np.ceil(unit(bits(S, j)) * many)) - 1]
        k = 0
        while levels[other, k] <= least:
            k += 1
        for entry in range(k + 1):
            levels[n, entry] = levels[other, entry]
            for i in range(states.shape[2]):
                states[n, entry, i] = states[other, entry, i]
        counts[n] = k + 1
