"""The hyperparameters of every step of a run: an optimizer and its schedules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.joined_laws import common_stretches
from linsgd.optimizers.schedule import Schedule
from linsgd.optimizers.sgd import SGD
from linsgd.theory.recurrence.recurrence import Coefficients

LOOKS = 10_000  # steps of a varying stretch at which its hyperparameters are checked


@dataclass(frozen=True, slots=True)
class Schedules:
    """Factors of the hyperparameters, None for a constant one.

    Attributes
    ----------
    lr, batch, momentum : Schedule, optional
        Factors of the learning rate, of the batch size and of the momentum.
    """

    lr: Schedule | None = None
    batch: Schedule | None = None
    momentum: Schedule | None = None

    def checked(self) -> list[Schedule]:
        """Return the three schedules, after a check of their types."""
        given = {
            "schedule": self.lr,
            "batch_schedule": self.batch,
            "momentum_schedule": self.momentum,
        }
        for name, value in given.items():
            if value is not None and not isinstance(value, Schedule):
                domains.refuse_type(name, value, "a Schedule")
        return [each or Schedule.constant() for each in given.values()]


@dataclass(frozen=True, slots=True)
class Run:
    """The optimizer and its schedules over a number of steps.

    Attributes
    ----------
    sgd : SGD
        The hyperparameters at a factor of 1.
    schedules : list of Schedule
        Of the learning rate, of the batch size and of the momentum.
    steps : int
        Their number.
    fresh : bool
        Whether the first step is that of a fresh optimizer, whose buffer is the whole gradient.
    """

    sgd: SGD
    schedules: list[Schedule]
    steps: int
    fresh: bool = True

    @classmethod
    def of(cls, sgd: SGD, schedules: Schedules, steps: int, fresh: bool = True) -> Run:
        """Check the schedules over the steps and return the run."""
        run = cls(sgd, schedules.checked(), steps, fresh)
        run._check_batches()
        if schedules.momentum is not None:
            run._check_momentum()
        return run

    @property
    def first_is_undampened(self) -> bool:
        """Whether the first step differs from the following ones."""
        return self.fresh and self.sgd.gradient_weight != 1

    @property
    def is_constant(self) -> bool:
        """Whether all steps have the factors 1."""
        return all(each == Schedule.constant() for each in self.schedules)

    def stretches(self) -> Iterator[tuple[int, int, bool]]:
        """Yield stretches of steps.

        Yields
        ------
        tuple
            Start, stop and whether the hyperparameters are constant.
        """
        if self.steps == 0:
            return
        for start, stop, factors in common_stretches(self.schedules, self.steps):
            constant = None not in factors
            begin = start
            if self.first_is_undampened and start == 0:
                yield 0, 1, constant
                begin = 1
            if begin < stop:
                yield begin, stop, constant

    def lr(self, steps: IntArray) -> FloatArray:
        """Return the learning rates (K,) of the steps."""
        return self.sgd.lr * self.schedules[0].factors(steps)

    def batch_size(self, steps: IntArray) -> FloatArray:
        """Return the batch sizes (K,) of the steps."""
        return self.sgd.batch_size * self.schedules[1].factors(steps)

    def momentum(self, steps: IntArray) -> FloatArray:
        """Return the momenta (K,) of the steps."""
        return self.sgd.momentum * self.schedules[2].factors(steps)

    def coefficients(self, step: int) -> Coefficients:
        """Return the scalars of one step."""
        at = np.array([step])
        a = 1.0 if self.first_is_undampened and step == 0 else self.sgd.gradient_weight
        return Coefficients(
            lr=float(self.lr(at)[0]),
            momentum=float(self.momentum(at)[0]),
            gradient_weight=a,
            nesterov=self.sgd.nesterov,
        )

    def updates(self, steps: IntArray) -> FloatArray:
        """Return c_w, c_v, A_wv and A_vv of each step (K, 4), as in `Coefficients`."""
        lr = self.lr(steps)
        m = self.momentum(steps)
        a = np.full(len(steps), self.sgd.gradient_weight)
        if self.first_is_undampened:
            a[steps == 0] = 1.0
        if self.sgd.nesterov:
            return np.column_stack([-lr * (1 + m), -a, lr * (m * m), m])
        return np.column_stack([-lr * a, -a, lr * m, m])

    def looks(self) -> IntArray:
        """Return steps that meet every constant stretch, and many of those that vary."""
        looked = [
            np.unique(np.linspace(start, stop - 1, 1 if constant else LOOKS).astype(np.int64))
            for start, stop, constant in self.stretches()
        ]
        return np.concatenate(looked) if looked else np.zeros(1, dtype=np.int64)

    def _check_batches(self) -> None:
        """Refuse batch sizes that are not whole."""
        steps = self.looks()
        sizes = self.batch_size(steps)
        fractional = np.abs(sizes - np.rint(sizes)) > 1e-9 * sizes
        wrong = fractional | (sizes < 1)
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            domains.refuse(f"batch size at step {steps[i]}", float(sizes[i]), "1, 2, 3, ...")

    def _check_momentum(self) -> None:
        """Refuse momenta outside (0, 1): torch keeps a stale buffer at momentum 0."""
        steps = self.looks()
        momenta = self.momentum(steps)
        wrong = (momenta <= 0) | (momenta >= 1)
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            domain = "(0, 1) under a momentum schedule"
            domains.refuse(f"momentum at step {steps[i]}", float(momenta[i]), domain)
