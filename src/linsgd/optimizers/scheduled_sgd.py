"""SGD whose learning rate follows a schedule: step k uses lr * factor(k)."""

from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.schedule import Schedule
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression


@dataclass(frozen=True, slots=True, eq=False)
class ScheduledSGD:
    """`SGD` with the learning rate of every step.

    Attributes
    ----------
    sgd : SGD
        The optimizer at a factor of 1.
    lrs : ndarray (K,)
        The learning rate of each step.
    """

    sgd: SGD
    lrs: FloatArray

    @classmethod
    def of(cls, sgd: SGD, schedule: Schedule, steps: int) -> "ScheduledSGD":
        """Return the optimizer over a number of steps."""
        domains.exact_type("sgd", sgd, (SGD,))
        if not isinstance(schedule, Schedule):
            domains.refuse_type("schedule", schedule, "a Schedule")
        return cls(sgd, sgd.lr * schedule.factors(np.arange(steps)))

    @property
    def batch_size(self) -> int:
        """Samples a step."""
        return self.sgd.batch_size

    @property
    def weight_decay(self) -> float:
        """The L2 coefficient of the loss."""
        return self.sgd.weight_decay

    @property
    def replacement(self) -> bool | None:
        """Whether a row of finite data may come twice in one batch."""
        return self.sgd.replacement

    @property
    def sampling(self) -> str:
        """How batches are drawn."""
        return self.sgd.sampling

    def check(self, problem: LinearRegression) -> None:
        """Raise ValueError if the batches cannot be drawn from `problem`."""
        self.sgd.check(problem)
