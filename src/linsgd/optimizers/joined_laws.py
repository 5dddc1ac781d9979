"""Products of laws of factors, laws that follow one another, and the stretches that laws share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.factor_laws import FactorLaw, Stretch


@dataclass(frozen=True, slots=True, repr=False)
class Product:
    """The product of two laws."""

    first: FactorLaw
    second: FactorLaw

    def __repr__(self) -> str:
        return f"{self.first!r} * {self.second!r}"

    def factors(self, steps: IntArray) -> FloatArray:
        """Return the factors at the steps (K,)."""
        return self.first.factors(steps) * self.second.factors(steps)

    def stretches(self, stop: int) -> Iterator[Stretch]:
        """Yield stretches that tile 0 <= k < stop.

        Yields
        ------
        Stretch
            The next steps.
        """
        for start, end, (one, other) in common_stretches([self.first, self.second], stop):
            factor = None if one is None or other is None else one * other
            yield Stretch(start, end, factor)


@dataclass(frozen=True, slots=True, repr=False)
class Following:
    """The first law for `steps` steps, then the second from its own step 0."""

    first: FactorLaw
    steps: int
    second: FactorLaw

    def __repr__(self) -> str:
        return f"({self.first!r}).then({self.steps}, {self.second!r})"

    def factors(self, steps: IntArray) -> FloatArray:
        """Return the factors at the steps (K,)."""
        found = np.empty(steps.shape)
        early = steps < self.steps
        found[early] = self.first.factors(steps[early])
        found[~early] = self.second.factors(steps[~early] - self.steps)
        return found

    def stretches(self, stop: int) -> Iterator[Stretch]:
        """Yield stretches that tile 0 <= k < stop.

        Yields
        ------
        Stretch
            The next steps.
        """
        if self.steps:
            yield from self.first.stretches(min(stop, self.steps))
        if stop > self.steps:
            for start, end, factor in self.second.stretches(stop - self.steps):
                yield Stretch(self.steps + start, self.steps + end, factor)


def common_stretches(
    schedules: Sequence[FactorLaw], stop: int
) -> Iterator[tuple[int, int, tuple[float | None, ...]]]:
    """Yield the common stretches of several schedules.

    Yields
    ------
    tuple
        Start, stop, and the factor of each schedule or None where it varies.
    """
    walks = [schedule.stretches(stop) for schedule in schedules]
    current = [next(walk) for walk in walks]
    start = 0
    while start < stop:
        end = min(stretch.stop for stretch in current)
        yield start, end, tuple(stretch.factor for stretch in current)
        start = end
        if start < stop:
            current = [
                next(walk) if stretch.stop == start else stretch
                for stretch, walk in zip(current, walks, strict=True)
            ]
