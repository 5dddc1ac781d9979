"""The random numbers and the sampled steps that a tail computation may use, and its progress."""

import math
from dataclasses import dataclass, field

from linsgd.blocks import Progress


class BudgetSpentError(Exception):
    """The sampled steps that a computation may take are used up."""


@dataclass(slots=True, eq=False)
class SampleBudget:
    """A seed, a number of sampled steps, and how many of them are taken.

    A sampled step is the product of one random step of SGD and one vector, so that a budget is the
    same work on every machine.

    Attributes
    ----------
    seed : int
        Of the random numbers.
    steps : float
        Sampled steps that may be taken.
    progress : callable, optional
        Called with (steps taken, steps planned) as the work goes on; plans may change.
    """

    seed: int = 0
    steps: float = math.inf
    progress: Progress | None = None
    _taken: int = field(default=0, init=False)
    _planned: int = field(default=0, init=False)

    def plan(self, steps: int) -> None:
        """Expect `steps` further steps."""
        self._planned = self._taken + steps

    def take(self, steps: int) -> None:
        """Count steps that are taken now; raise `BudgetSpentError` if there are too many."""
        if self._taken + steps > self.steps:
            raise BudgetSpentError
        self._taken += steps
        self._planned = max(self._planned, self._taken)
        if self.progress is not None:
            self.progress(self._taken, self._planned)


UNLIMITED = SampleBudget()
