r"""Averages over an ensemble from averages over its tiles, folded in tile order.

Tiles are independent replicates. If the average y_t over tile t has variance s^2 / n_t, with weight
n_t its number of chains (for unbiased covariances chains - 1), then

    mean = sum n_t y_t / sum n_t   and   error^2 = sum n_t (y_t - mean)^2 / ((T - 1) sum n_t)

are unbiased for E y and for the variance of the mean. Both are updated a tile at a time without
cancellation (West, Comm. ACM 22, 1979); the error of a single tile is infinite.
"""

from dataclasses import dataclass, field

import numpy as np

from linsgd.domains import FloatArray


@dataclass(slots=True)
class Fold:
    """A running weighted mean of arrays and the standard error of it."""

    tiles: int = 0
    weight: int = 0
    mean: FloatArray = field(default_factory=lambda: np.zeros(()))
    scatter: FloatArray = field(default_factory=lambda: np.zeros(()))

    def add(self, average: FloatArray, weight: int) -> None:
        """Add a tile."""
        if weight == 0:
            return
        self.tiles += 1
        self.weight += weight
        with np.errstate(over="ignore", invalid="ignore"):
            step = average - self.mean
            self.mean = self.mean + step * (weight / self.weight)
            self.scatter = self.scatter + weight * step * (average - self.mean)

    def error(self) -> FloatArray:
        """Return the standard error of the mean, inf while there is one tile."""
        if self.tiles < 2:
            return np.full(self.mean.shape, np.inf)
        return np.sqrt(self.scatter / ((self.tiles - 1) * self.weight))


@dataclass(slots=True)
class Kept:
    """The values of every chain, tile by tile."""

    tiles: list[FloatArray] = field(default_factory=list)

    def add(self, values: FloatArray) -> None:
        """Add the values (K, 64, ...) of a tile."""
        self.tiles.append(values)

    def chains(self, number: int) -> FloatArray:
        """Return the values (K, number, ...) of the first chains."""
        return np.concatenate(self.tiles, axis=1)[:, :number]
