r"""Schedules of a hyperparameter: step k uses value * factor(k), as torch's LambdaLR does.

A schedule is a law of factors. Laws multiply (``warmup * decay``) and follow one another
(``warmup.then(100, decay)``, torch's SequentialLR: the second counts its steps from 0). Stretches
of equal factors are kept apart, so that predictions can pass over them without walking.
"""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray

MOST_STRETCHES = 1000  # of equal factors that are kept apart; more of them are walked

SHORT = 24  # factors that a printed form repeats


class Stretch(NamedTuple):
    """Steps start <= k < stop, with their common factor or None where it varies."""

    start: int
    stop: int
    factor: float | None


class Schedule(ABC):
    """Factors of a learning rate or a batch size, step by step.

    Made by its class methods; ``a * b`` multiplies factors, ``a.then(steps, b)`` joins schedules.

    See Also
    --------
    risk_curve : The exact risk under a schedule.

    Examples
    --------
    >>> import linsgd
    >>> schedule = linsgd.Schedule.warmup(4) * linsgd.Schedule.cosine(8)
    >>> schedule(range(4))
    array([0.        , 0.24048494, 0.4267767 , 0.51850629])
    """

    def __call__(self, steps: ArrayLike) -> FloatArray:
        """Return the factors (K,) at steps k (K,), each at least 0."""
        return self.factors(domains.step_list("steps", np.asarray(steps)))

    def __mul__(self, other: "Schedule") -> "Schedule":
        """Return the schedule whose factors are the products."""
        if not isinstance(other, Schedule):
            return NotImplemented
        return _Product(self, other)

    def then(self, steps: int, following: "Schedule") -> "Schedule":
        """Return this schedule for `steps` steps, then the following one from its own step 0."""
        if not isinstance(following, Schedule):
            domains.refuse_type("following", following, "a Schedule")
        return _Sequence(self, domains.integer("steps", steps, "[0, inf)"), following)

    @abstractmethod
    def factors(self, steps: IntArray) -> FloatArray:
        """Return the factors at the steps (K,)."""

    @abstractmethod
    def stretches(self, stop: int) -> Iterator[Stretch]:
        """Yield consecutive stretches that tile 0 <= k < stop."""

    @staticmethod
    def constant(factor: float = 1.0) -> "Schedule":
        """Return one factor for ever.

        Parameters
        ----------
        factor : float
            In [0, inf).
        """
        return _Constant(domains.real("factor", factor, "[0, inf)"))

    @staticmethod
    def warmup(steps: int, start: float = 0.0) -> "Schedule":
        """Return a linear rise from `start` to 1 in `steps` steps, then 1 (torch's LinearLR).

        Parameters
        ----------
        steps : int
            At least 1.
        start : float
            The factor at step 0, in [0, inf).
        """
        return Schedule.linear(steps, 1.0, start)

    @staticmethod
    def linear(steps: int, final: float = 0.0, start: float = 1.0) -> "Schedule":
        """Return a straight line from `start` at step 0 to `final` at step `steps`, then `final`.

        Parameters
        ----------
        steps : int
            At least 1.
        final, start : float
            Factors, in [0, inf).
        """
        return _Line(
            domains.integer("steps", steps, "[1, inf)"),
            domains.real("start", start, "[0, inf)"),
            domains.real("final", final, "[0, inf)"),
        )

    @staticmethod
    def cosine(steps: int, final: float = 0.0) -> "Schedule":
        r"""Return :math:`f + (1 - f)(1 + \cos(\pi k / K))/2` up to step K, then f.

        Parameters
        ----------
        steps : int
            K, at least 1. torch's CosineAnnealingLR rises again beyond K; this schedule stays.
        final : float
            f, in [0, inf): eta_min / lr in torch.
        """
        final = domains.real("final", final, "[0, inf)")
        return _Cosine(domains.integer("steps", steps, "[1, inf)"), final)

    @staticmethod
    def step(every: int, gamma: float = 0.1) -> "Schedule":
        """Return gamma^(number of whole periods of `every` steps), as torch's StepLR.

        Parameters
        ----------
        every : int
            At least 1.
        gamma : float
            In (0, inf).
        """
        every = domains.integer("every", every, "[1, inf)")
        return _Steps(every, domains.real("gamma", gamma, "(0, inf)"))

    @staticmethod
    def power(exponent: float, scale: float = 1.0) -> "Schedule":
        r"""Return :math:`(1 + k / \text{scale})^{-\text{exponent}}`.

        Parameters
        ----------
        exponent : float
            In (-inf, inf); 1/2 and 1 are the classical decreasing steps.
        scale : float
            In steps, in (0, inf).
        """
        return _Power(domains.real("exponent", exponent), domains.real("scale", scale, "(0, inf)"))

    @staticmethod
    def wsd(warmup: int, stable: int, decay: int, final: float = 0.0) -> "Schedule":
        """Return linear warmup, a constant stretch and linear decay to `final`, in steps.

        Parameters
        ----------
        warmup, stable, decay : int
            Lengths; the first two at least 0, the last at least 1.
        final : float
            The last factor, in [0, inf).
        """
        warmup = domains.integer("warmup", warmup, "[0, inf)")
        stable = domains.integer("stable", stable, "[0, inf)")
        falling = Schedule.constant().then(stable, Schedule.linear(decay, final))
        return Schedule.warmup(warmup).then(warmup, falling) if warmup else falling

    @staticmethod
    def from_factors(factors: ArrayLike) -> "Schedule":
        """Return the schedule with these factors (K,), one a step; it ends after K steps.

        Parameters
        ----------
        factors : array_like (K,)
            Each in [0, inf).
        """
        values = domains.array("factors", factors, (None,))
        if values.min() < 0:
            i = int(values.argmin())
            domains.refuse(f"factors[{i}]", float(values[i]), "[0, inf)")
        return _Listed(tuple(values.tolist()))


@dataclass(frozen=True, slots=True, repr=False)
class _Constant(Schedule):
    factor: float

    def __repr__(self) -> str:
        return f"Schedule.constant({self.factor})"

    def factors(self, steps: IntArray) -> FloatArray:
        return np.full(steps.shape, self.factor)

    def stretches(self, stop: int) -> Iterator[Stretch]:
        yield Stretch(0, stop, self.factor)


@dataclass(frozen=True, slots=True, repr=False)
class _Line(Schedule):
    steps: int
    start: float
    final: float

    def __repr__(self) -> str:
        return f"Schedule.linear({self.steps}, {self.final}, {self.start})"

    def factors(self, steps: IntArray) -> FloatArray:
        done = np.minimum(steps / self.steps, 1.0)
        return np.asarray(self.start + (self.final - self.start) * done)

    def stretches(self, stop: int) -> Iterator[Stretch]:
        yield from _varying(self.steps, stop, self.final)


@dataclass(frozen=True, slots=True, repr=False)
class _Cosine(Schedule):
    steps: int
    final: float

    def __repr__(self) -> str:
        return f"Schedule.cosine({self.steps}, {self.final})"

    def factors(self, steps: IntArray) -> FloatArray:
        done = np.minimum(steps / self.steps, 1.0)
        return np.asarray(self.final + (1 - self.final) * (1 + np.cos(math.pi * done)) / 2)

    def stretches(self, stop: int) -> Iterator[Stretch]:
        yield from _varying(self.steps, stop, self.final)


@dataclass(frozen=True, slots=True, repr=False)
class _Steps(Schedule):
    every: int
    gamma: float

    def __repr__(self) -> str:
        return f"Schedule.step({self.every}, {self.gamma})"

    def factors(self, steps: IntArray) -> FloatArray:
        return np.asarray(self.gamma ** (steps // self.every))

    def stretches(self, stop: int) -> Iterator[Stretch]:
        if stop > MOST_STRETCHES * self.every:
            yield Stretch(0, stop, None)
            return
        for start in range(0, stop, self.every):
            factor = self.gamma ** (start // self.every)
            yield Stretch(start, min(start + self.every, stop), factor)


@dataclass(frozen=True, slots=True, repr=False)
class _Power(Schedule):
    exponent: float
    scale: float

    def __repr__(self) -> str:
        return f"Schedule.power({self.exponent}, {self.scale})"

    def factors(self, steps: IntArray) -> FloatArray:
        return np.asarray((1 + steps / self.scale) ** -self.exponent)

    def stretches(self, stop: int) -> Iterator[Stretch]:
        yield Stretch(0, stop, None)


@dataclass(frozen=True, slots=True, repr=False)
class _Listed(Schedule):
    values: tuple[float, ...]

    def __repr__(self) -> str:
        if len(self.values) > SHORT:
            return f"<Schedule.from_factors of {len(self.values)} factors>"
        return f"Schedule.from_factors({list(self.values)})"

    def factors(self, steps: IntArray) -> FloatArray:
        if steps.size and steps.max() >= len(self.values):
            domains.refuse("steps", int(steps.max()) + 1, f"at most {len(self.values)}, the length")
        return np.array(self.values)[steps]

    def stretches(self, stop: int) -> Iterator[Stretch]:
        if stop > len(self.values):
            domains.refuse("steps", stop, f"at most {len(self.values)}, the schedule's length")
        values = np.array(self.values[:stop])
        changes = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), stop]
        if len(changes) > MOST_STRETCHES:
            yield Stretch(0, stop, None)
            return
        for first, last in itertools.pairwise(changes):
            yield Stretch(first, last, self.values[first])


@dataclass(frozen=True, slots=True, repr=False)
class _Product(Schedule):
    first: Schedule
    second: Schedule

    def __repr__(self) -> str:
        return f"{self.first!r} * {self.second!r}"

    def factors(self, steps: IntArray) -> FloatArray:
        return self.first.factors(steps) * self.second.factors(steps)

    def stretches(self, stop: int) -> Iterator[Stretch]:
        for start, end, (one, other) in common_stretches([self.first, self.second], stop):
            factor = None if one is None or other is None else one * other
            yield Stretch(start, end, factor)


@dataclass(frozen=True, slots=True, repr=False)
class _Sequence(Schedule):
    first: Schedule
    steps: int
    second: Schedule

    def __repr__(self) -> str:
        return f"({self.first!r}).then({self.steps}, {self.second!r})"

    def factors(self, steps: IntArray) -> FloatArray:
        found = np.empty(steps.shape)
        early = steps < self.steps
        found[early] = self.first.factors(steps[early])
        found[~early] = self.second.factors(steps[~early] - self.steps)
        return found

    def stretches(self, stop: int) -> Iterator[Stretch]:
        if self.steps:
            yield from self.first.stretches(min(stop, self.steps))
        if stop > self.steps:
            for start, end, factor in self.second.stretches(stop - self.steps):
                yield Stretch(self.steps + start, self.steps + end, factor)


def _varying(steps: int, stop: int, final: float) -> Iterator[Stretch]:
    yield Stretch(0, min(steps, stop), None)
    if stop > steps:
        yield Stretch(steps, stop, final)


def common_stretches(
    schedules: list[Schedule], stop: int
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
