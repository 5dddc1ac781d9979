r"""Laws of the factors of a schedule: the factor of every step, and stretches of equal factors.

A law answers for any steps at once. It also cuts the steps into consecutive stretches, with their
common factor or None where it varies, so that predictions can pass over equal factors without
walking.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray

MOST_STRETCHES = 1000  # of equal factors that are kept apart; more of them are walked
SHORT = 24  # factors that a printed form repeats


class Stretch(NamedTuple):
    """Steps start <= k < stop, with their common factor or None where it varies."""

    start: int
    stop: int
    factor: float | None


class FactorLaw(Protocol):
    """Factors of every step."""

    def factors(self, steps: IntArray) -> FloatArray:
        """Return the factors at the steps (K,)."""

    def stretches(self, stop: int) -> Iterator[Stretch]:
        """Yield consecutive stretches that tile 0 <= k < stop."""


@dataclass(frozen=True, slots=True, repr=False)
class Constant:
    """One factor for ever."""

    factor: float

    def __repr__(self) -> str:
        return f"Schedule.constant({self.factor})"

    def factors(self, steps: IntArray) -> FloatArray:
        """Return the factors at the steps (K,)."""
        return np.full(steps.shape, self.factor)

    def stretches(self, stop: int) -> Iterator[Stretch]:
        """Yield stretches that tile 0 <= k < stop.

        Yields
        ------
        Stretch
            The next steps.
        """
        yield Stretch(0, stop, self.factor)


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """A straight line from `start` to `final` in `steps` steps, then `final`."""

    steps: int
    start: float
    final: float

    def __repr__(self) -> str:
        return f"Schedule.linear({self.steps}, {self.final}, {self.start})"

    def factors(self, steps: IntArray) -> FloatArray:
        """Return the factors at the steps (K,)."""
        done = np.minimum(steps / self.steps, 1.0)
        return np.asarray(self.start + (self.final - self.start) * done)

    def stretches(self, stop: int) -> Iterator[Stretch]:
        """Yield stretches that tile 0 <= k < stop.

        Yields
        ------
        Stretch
            The next steps.
        """
        yield from _varying(self.steps, stop, self.final)


@dataclass(frozen=True, slots=True, repr=False)
class Cosine:
    """Half a cosine from 1 to `final` in `steps` steps, then `final`."""

    steps: int
    final: float

    def __repr__(self) -> str:
        return f"Schedule.cosine({self.steps}, {self.final})"

    def factors(self, steps: IntArray) -> FloatArray:
        """Return the factors at the steps (K,)."""
        done = np.minimum(steps / self.steps, 1.0)
        return np.asarray(self.final + (1 - self.final) * (1 + np.cos(math.pi * done)) / 2)

    def stretches(self, stop: int) -> Iterator[Stretch]:
        """Yield stretches that tile 0 <= k < stop.

        Yields
        ------
        Stretch
            The next steps.
        """
        yield from _varying(self.steps, stop, self.final)


@dataclass(frozen=True, slots=True, repr=False)
class Stairs:
    """gamma^(whole periods of `every` steps)."""

    every: int
    gamma: float

    def __repr__(self) -> str:
        return f"Schedule.step({self.every}, {self.gamma})"

    def factors(self, steps: IntArray) -> FloatArray:
        """Return the factors at the steps (K,)."""
        return np.asarray(self.gamma ** (steps // self.every))

    def stretches(self, stop: int) -> Iterator[Stretch]:
        """Yield stretches that tile 0 <= k < stop.

        Yields
        ------
        Stretch
            The next steps.
        """
        if stop > MOST_STRETCHES * self.every:
            yield Stretch(0, stop, None)
            return
        for start in range(0, stop, self.every):
            factor = self.gamma ** (start // self.every)
            yield Stretch(start, min(start + self.every, stop), factor)


@dataclass(frozen=True, slots=True, repr=False)
class Power:
    """(1 + k/scale)^-exponent."""

    exponent: float
    scale: float

    def __repr__(self) -> str:
        return f"Schedule.power({self.exponent}, {self.scale})"

    def factors(self, steps: IntArray) -> FloatArray:
        """Return the factors at the steps (K,)."""
        return np.asarray((1 + steps / self.scale) ** -self.exponent)

    def stretches(self, stop: int) -> Iterator[Stretch]:
        """Yield stretches that tile 0 <= k < stop.

        Yields
        ------
        Stretch
            The next steps.
        """
        yield Stretch(0, stop, None)


@dataclass(frozen=True, slots=True, repr=False)
class Listed:
    """One factor a step; refused beyond its end."""

    values: tuple[float, ...]

    def __repr__(self) -> str:
        if len(self.values) > SHORT:
            return f"<Schedule.from_factors of {len(self.values)} factors>"
        return f"Schedule.from_factors({list(self.values)})"

    def factors(self, steps: IntArray) -> FloatArray:
        """Return the factors at the steps (K,)."""
        if steps.size and steps.max() >= len(self.values):
            domains.refuse("steps", int(steps.max()) + 1, f"at most {len(self.values)}, the length")
        return np.array(self.values)[steps]

    def stretches(self, stop: int) -> Iterator[Stretch]:
        """Yield stretches that tile 0 <= k < stop.

        Yields
        ------
        Stretch
            The next steps.
        """
        if stop > len(self.values):
            domains.refuse("steps", stop, f"at most {len(self.values)}, the schedule's length")
        values = np.array(self.values[:stop])
        changes = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), stop]
        if len(changes) > MOST_STRETCHES:
            yield Stretch(0, stop, None)
            return
        for first, last in itertools.pairwise(changes):
            yield Stretch(first, last, self.values[first])


def _varying(steps: int, stop: int, final: float) -> Iterator[Stretch]:
    yield Stretch(0, min(steps, stop), None)
    if stop > steps:
        yield Stretch(steps, stop, final)
