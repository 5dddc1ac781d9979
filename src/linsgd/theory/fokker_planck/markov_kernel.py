r"""The discrete algorithm x' = x - lr L'(x) + noise as a Markov chain on a grid.

The transition density is summed over equally spaced points, which for Gaussian noise of standard
deviation s and spacing w errs by about exp(-2 pi^2 s^2/w^2): nothing, from s = 1.3 w on. Stationary
law and passage times are found by the elimination of Grassmann, Taksar and Heyman: states are
removed one by one, and the probability of leaving a state is the sum of its exits, never one minus
a number close to one. No subtraction occurs: passage times of 10^20 steps keep their digits.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.jit import kernel
from linsgd.theory.fokker_planck.log_number import LogNumber, log_number

POINTS = 600
RESOLVED = 1.3  # least s/w: exp(-2 pi^2 1.3^2) = 3e-15
ITERATIONS = 500
SETTLING = 10_000  # steps without noise


class MarkovKernel:
    r"""The chain x' = update(x) + std(x) z with standard normal z, on points of an interval.

    Parameters
    ----------
    update : callable
        The mean of the next position, vectorised: x - lr L'(x) for SGD.
    std : float or callable
        Standard deviation of the step's noise, positive: lr sqrt(C(x)/batch_size) for SGD.
    domain : tuple of float
        The interval (low, high), wide enough that steps beyond its ends are negligible: they are
        drawn again.
    points : int
        Number of equally spaced points, from 20 to 3000. Two coarse ones, 4/3 of the spacing, must
        be resolved by the noise.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or the points are too far apart for the noise.

    See Also
    --------
    Diffusion1D : The diffusion in its place.

    References
    ----------
    .. [1] W. K. Grassmann, M. I. Taksar, D. P. Heyman, "Regenerative analysis and steady state
       distributions for Markov chains", Operations Research 33 (1985).

    Examples
    --------
    >>> import linsgd
    >>> chain = linsgd.fokker_planck.MarkovKernel(
    ...     lambda x: x - 0.05 * (x**3 - x), 0.1, (-2.5, 2.5), points=200
    ... )
    >>> bool(100 < chain.mean_first_passage_time(-1.0, 1.0).value < 100_000)
    True
    """

    def __init__(
        self,
        update: Callable[[FloatArray], FloatArray],
        std: Any,
        domain: tuple[float, float],
        points: int = POINTS,
    ) -> None:
        try:
            low, high = domain
        except (TypeError, ValueError):
            domains.refuse("domain", domain, "a pair (low, high) of numbers")
        self.low = domains.real("domain[0]", low)
        self.high = domains.real("domain[1]", high, f"({self.low!r}, inf)")
        if not callable(update):
            domains.refuse_type("update", update, "a function of an array")
        points = domains.integer("points", points, "[20, 3000]")
        fixed = None if callable(std) else domains.real("std", std, "(0, inf)")
        scale = std if fixed is None else lambda x: np.full(x.shape, fixed)
        self._chains = [
            _Chain(update, scale, self.low, self.high, n) for n in (points, points * 3 // 4)
        ]

    def stationary_law(self) -> tuple[FloatArray, FloatArray]:
        """Return the points (M,) and the stationary density (M,) at them, per unit of x."""
        chain = self._chains[0]
        return chain.points, chain.stationary / chain.spacing

    def occupation(self, low: float, high: float) -> LogNumber:
        """Return the stationary probability of an interval, by the points inside it.

        Parameters
        ----------
        low, high : float
            Inside the domain, low < high.
        """
        low = domains.real("low", low, f"[{self.low!r}, {self.high!r}]")
        high = domains.real("high", high, f"({low!r}, {self.high!r}]")
        logs = [np.log(chain.between(chain.stationary, low, high)) for chain in self._chains]
        return log_number(*logs)

    def mean_first_passage_time(self, start: float, target: float) -> LogNumber:
        """Return the mean number of steps from a point until the chain passes another.

        Parameters
        ----------
        start, target : float
            Inside the domain, different. Passing means being at the target or beyond it.
        """
        inside = f"[{self.low!r}, {self.high!r}]"
        start = domains.real("start", start, inside)
        target = domains.real("target", target, inside)
        if start == target:
            domains.refuse("target", target, f"any point but the start {start}")
        return log_number(*(np.log(chain.passage(start, target)) for chain in self._chains))

    def spectral_gap(self) -> LogNumber:
        """Return 1 - |mu| for the second largest eigenvalue mu of the chain, per step.

        Notes
        -----
        For a chain whose second eigenvalue is real and positive, as in a double well.
        """
        return log_number(*(chain.log_gap() for chain in self._chains))


class _Chain:
    """Transition probabilities between the points at one resolution."""

    def __init__(self, update: Any, std: Any, low: float, high: float, count: int) -> None:
        self.points: FloatArray = np.linspace(low, high, count)
        self.spacing = (high - low) / (count - 1)
        shape = self.points.shape
        mean = np.broadcast_to(np.asarray(update(self.points), dtype=float), shape)
        scale = np.broadcast_to(np.asarray(std(self.points), dtype=float), shape)
        for name, values in (("update", mean), ("std", scale)):
            if not np.isfinite(values).all():
                at = float(self.points[~np.isfinite(values)][0])
                domains.refuse(f"{name}({at:.6g})", "not finite", "finite numbers on the domain")
        least = RESOLVED * self.spacing
        if scale.min() < least:
            known = f"[{least:.3g}, inf): more points resolve less noise"
            domains.refuse("std", float(scale.min()), known)
        self.mean = mean
        z = (self.points - mean[:, None]) / scale[:, None]
        density = np.exp(-(z**2) / 2)
        self.P = density / density.sum(axis=1, keepdims=True)

    @cached_property
    def stationary(self) -> FloatArray:
        """The stationary probabilities (M,)."""
        order = self.toward(self.rest)
        ordered = np.ascontiguousarray(self.P[np.ix_(order, order)])
        probabilities = np.empty(order.size)
        _stationary(ordered, probabilities)
        found = np.empty(order.size)
        found[order] = probabilities
        return found

    @property
    def rest(self) -> float:
        """Where the update without noise comes to rest, from the middle of the domain."""
        x = float(self.points[self.points.size // 2])
        for _ in range(SETTLING):
            x = float(np.interp(x, self.points, self.mean))
        return x

    def toward(self, goal: float) -> IntArray:
        """Return the points in the order of their distance from the goal.

        Elimination takes the last first: a far point leaves towards the goal, with a probability
        that does not underflow.
        """
        return np.argsort(np.abs(self.points - goal), kind="stable")

    def between(self, values: FloatArray, low: float, high: float) -> float:
        """Return the sum of values over the points in an interval."""
        return float(values[(self.points >= low) & (self.points <= high)].sum())

    def passage(self, start: float, target: float) -> float:
        """Return the mean number of steps from `start` until at or beyond `target`."""
        alive = self.points < target if start < target else self.points > target
        order = self.toward(target)
        order = order[alive[order]]
        times = _solved(_eliminated(self.P, order), np.ones(order.size))
        ascending = np.argsort(order)
        return float(np.interp(start, self.points[order][ascending], times[ascending]))

    def log_gap(self) -> float:
        """Return log of the gap by inverse iteration, killed at the most probable point."""
        probabilities = self.stationary
        order = self.toward(float(self.points[probabilities.argmax()]))[1:]
        factors = _eliminated(self.P, order)
        u = np.zeros(self.points.size)
        u[order] = _solved(factors, np.ones(order.size))
        u -= probabilities @ u
        before = 0.0
        for _ in range(ITERATIONS):
            u /= np.sqrt(probabilities @ u**2)
            image = np.zeros(u.size)
            # (I - P)^-1 on functions that vanish at the root, of mean-free u
            image[order] = _solved(factors, u[order])
            image -= probabilities @ image
            growth = float(probabilities @ (u * image))
            u = image
            if abs(growth - before) < 1e-14 * growth:
                break
            before = growth
        return float(-np.log(growth))


@kernel
def _stationary(P: Any, probabilities: Any) -> None:
    """Fill in the stationary law; overwrites P."""
    M = P.shape[0]
    for n in range(M - 1, 0, -1):
        leaving = 0.0
        for j in range(n):
            leaving += P[n, j]
        for i in range(n):
            P[i, n] /= leaving
        for i in range(n):
            share = P[i, n]
            if share > 0:
                for j in range(n):
                    P[i, j] += share * P[n, j]
    probabilities[0] = 1.0
    total = 1.0
    for n in range(1, M):
        weight = 0.0
        for i in range(n):
            weight += probabilities[i] * P[i, n]
        probabilities[n] = weight
        total += weight
    for n in range(M):
        probabilities[n] /= total


def _eliminated(P: FloatArray, order: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the factors of I - P on some states in this order, with the rates of leaving them."""
    inside = np.ascontiguousarray(P[np.ix_(order, order)])
    outside = np.ones(len(P), dtype=bool)
    outside[order] = False
    killed = P[order][:, outside].sum(axis=1)
    leaving = np.empty(len(inside))
    _eliminate(inside, killed, leaving)
    return inside, leaving


def _solved(factors: tuple[FloatArray, FloatArray], right: FloatArray) -> FloatArray:
    """Return (I - P)^-1 right on the states alive."""
    values = right.copy()
    _substitute(*factors, values)
    return values


@kernel
def _eliminate(P: Any, killed: Any, leaving: Any) -> None:
    """Eliminate the states from the last on; overwrites P and killed."""
    for n in range(P.shape[0] - 1, -1, -1):
        total = killed[n]
        for j in range(n):
            total += P[n, j]
        leaving[n] = total
        for i in range(n):
            share = P[i, n] / total
            if share > 0:
                killed[i] += share * killed[n]
                for j in range(n):
                    P[i, j] += share * P[n, j]


@kernel
def _substitute(P: Any, leaving: Any, values: Any) -> None:
    """Solve (I - P) u = values with the factors; overwrites values by u."""
    for n in range(P.shape[0] - 1, -1, -1):
        for i in range(n):
            values[i] += P[i, n] / leaving[n] * values[n]
    for n in range(P.shape[0]):
        total = values[n]
        for j in range(n):
            total += P[n, j] * values[j]
        values[n] = total / leaving[n]
