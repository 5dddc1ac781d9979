r"""Independent minibatch gradients at fixed weights, and what is read off them.

A gradient is minus the first velocity of the simulated algorithm from the given weights, so that
its law is measured by the kernels of SGD themselves. One chain holds one gradient for each entry of
a list of batch sizes.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from linsgd.claims.experiment import SGDChains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FrozenGradients:
    """Chains of independent minibatch gradients at one w.

    Attributes
    ----------
    problem : LinearRegression
        Whose gradients.
    w : ndarray (d,)
        The weights.
    batch_sizes : tuple of int
        One gradient a chain for each.
    replacement : bool
        How rows of a data set are drawn.
    """

    problem: LinearRegression
    w: FloatArray
    batch_sizes: tuple[int, ...]
    replacement: bool = True

    @property
    def cost(self) -> int:
        """Drawn rows times features of a chain."""
        return sum(self.batch_sizes) * self.problem.dimension

    def fingerprint(self) -> str:
        """Return a hash of what is drawn."""
        parts = [self._steps(size).fingerprint() for size in sorted(set(self.batch_sizes))]
        text = f"gradients {self.batch_sizes} of {' '.join(parts)}"
        return hashlib.sha256(text.encode()).hexdigest()

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Return gradients (len(batch_sizes), len(chains), d)."""
        drawn = np.empty((len(self.batch_sizes), len(chains), self.problem.dimension))
        for i, size in enumerate(sorted(set(self.batch_sizes))):
            places = [k for k, own in enumerate(self.batch_sizes) if own == size]
            numbers = range(chains.start * len(places), chains.stop * len(places))
            states = self._steps(size).sample(numbers, (seed + i) % 2**64)
            gradients = -states[0, :, self.problem.dimension :]
            drawn[places] = gradients.reshape(len(chains), len(places), -1).swapaxes(0, 1)
        return drawn

    def _steps(self, size: int) -> SGDChains:
        """Return the chains whose first step draws the gradients of one batch size."""
        sgd = SGD(lr=1.0, batch_size=size, replacement=self.replacement)
        rest = np.zeros(self.problem.dimension)
        return SGDChains(problem=self.problem, sgd=sgd, steps=(1,), start=(self.w, rest))


@dataclass(frozen=True, slots=True, eq=False)
class Powers:
    """((g - mean)'u)^order / scale (n, m) of the gradients of some places.

    Attributes
    ----------
    mean : ndarray (d,)
        The full gradient.
    directions : ndarray (d, m)
        A direction u for each component.
    scales : ndarray (m,)
        What the power is divided by.
    order : int
        The power.
    places : tuple of int (m,)
        Which of a chain's gradients each component reads.
    """

    mean: FloatArray
    directions: FloatArray
    scales: FloatArray
    order: int
    places: tuple[int, ...]

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        columns = [
            (states[place] - self.mean) @ direction
            for place, direction in zip(self.places, self.directions.T, strict=True)
        ]
        powers: FloatArray = np.stack(columns, axis=1) ** self.order / self.scales
        return powers


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """|g'u| (n, m) of the gradients of some places, as in `Powers`."""

    directions: FloatArray
    places: tuple[int, ...]

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        columns = [
            np.abs(states[place] @ direction)
            for place, direction in zip(self.places, self.directions.T, strict=True)
        ]
        return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class SquaredSum:
    """(sum over the snapshots of (z - centre)'direction)^2 / scale (n, 1)."""

    centre: FloatArray
    direction: FloatArray
    scale: float

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observable of each chain (n, 1)."""
        total = ((states - self.centre) @ self.direction).sum(axis=0)
        squares: FloatArray = total[:, None] ** 2 / self.scale
        return squares


@dataclass(frozen=True, slots=True, eq=False)
class SquaredNorm:
    """|W'g|^(2 order) / scale (n, 1) of a chain's first gradient, W (d, r)."""

    whitening: FloatArray
    order: int = 1
    scale: float = 1.0

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observable of each chain (n, 1)."""
        squares = ((states[0] @ self.whitening) ** 2).sum(axis=1, keepdims=True)
        powers: FloatArray = squares**self.order / self.scale
        return powers


@dataclass(frozen=True, slots=True, eq=False)
class OverDraws:
    """The block estimate of 1/alpha (n, m) of u'x over ranges of a chain's draws.

    One component a direction and a range: (log|sum of m draws| - mean log|draw|)/log m.

    Attributes
    ----------
    directions : ndarray (d, m)
        A direction for each component.
    ranges : tuple of (int, int) (m,)
        The first draw and one past the last.
    """

    directions: FloatArray
    ranges: tuple[tuple[int, int], ...]

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        columns = [
            block_inverse(states[first:last] @ direction, 0)
            for (first, last), direction in zip(self.ranges, self.directions.T, strict=True)
        ]
        return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class OverCoordinates:
    """The published recipe: blocks of `width` successive coordinates of one draw (n, m).

    Attributes
    ----------
    width : int
        Coordinates in a block; what is left over is not used.
    places : tuple of int (m,)
        Which of a chain's draws each component reads.
    added : float
        Inside every logarithm.
    """

    width: int
    places: tuple[int, ...]
    added: float = 0.0

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        columns = []
        for place in self.places:
            draws = states[place]
            used = draws[:, : draws.shape[1] // self.width * self.width]
            blocks = used.reshape(len(draws), -1, self.width)
            columns.append(block_inverse(blocks, 2, self.added).mean(axis=1))
        return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True)
class OverBatches:
    """The mean over coordinates (n, 1) of the estimate over a chain's draws.

    Attributes
    ----------
    added : float
        Inside every logarithm.
    """

    added: float

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observable of each chain (n, 1)."""
        found: FloatArray = block_inverse(states, 0, self.added).mean(axis=1, keepdims=True)
        return found


def block_inverse(x: FloatArray, axis: int, added: float = 0.0) -> FloatArray:
    """Return (log|sum x| - mean log|x|)/log m along an axis of length m."""
    sums = np.log(np.abs(x.sum(axis=axis)) + added)
    singles = np.log(np.abs(x) + added).mean(axis=axis)
    inverse: FloatArray = (sums - singles) / np.log(x.shape[axis])
    return inverse
