"""SGD whose hyperparameters follow schedules: step k uses lr * factor(k)."""

from dataclasses import dataclass, replace

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.schedule import Schedule
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression


@dataclass(frozen=True, slots=True, eq=False)
class ScheduledSGD:
    """`SGD` with the learning rate, the momentum and the batch size of every step.

    Attributes
    ----------
    sgd : SGD
        The optimizer at a factor of 1.
    lrs, momenta : ndarray (K,)
        The learning rate and the momentum of each step.
    batch_sizes : ndarray (K,) of int
        Samples of each step.
    """

    sgd: SGD
    lrs: FloatArray
    momenta: FloatArray
    batch_sizes: IntArray

    @classmethod
    def of(
        cls,
        sgd: SGD,
        schedule: Schedule | None,
        momentum_schedule: Schedule | None,
        batch_schedule: Schedule | None,
        steps: int,
    ) -> "ScheduledSGD":
        """Return the optimizer over a number of steps; None is a constant schedule."""
        domains.exact_type("sgd", sgd, (SGD,))
        named = {
            "schedule": schedule,
            "momentum_schedule": momentum_schedule,
            "batch_schedule": batch_schedule,
        }
        for name, given in named.items():
            if given is not None and not isinstance(given, Schedule):
                domains.refuse_type(name, given, "a Schedule")
        every = np.arange(steps)
        constant = Schedule.constant()
        momenta = sgd.momentum * (momentum_schedule or constant).factors(every)
        wrong = (momenta <= 0) | (momenta >= 1)
        if momentum_schedule is not None and wrong.any():
            k = int(wrong.argmax())
            domain = "(0, 1) under a momentum schedule"
            domains.refuse(f"momentum at step {k}", float(momenta[k]), domain)
        lrs = sgd.lr * (schedule or constant).factors(every)
        sizes = sgd.batch_size * (batch_schedule or constant).factors(every)
        if batch_schedule is not None and sgd.sampling != "independent":
            domains.refuse("sampling", sgd.sampling, "'independent' under a batch schedule")
        return cls(sgd, lrs, momenta, _whole(sizes))

    @property
    def batch_size(self) -> int:
        """Samples a step at a factor of 1."""
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
        largest = int(self.batch_sizes.max(initial=self.batch_size))
        replace(self.sgd, batch_size=largest).check(problem)


def _whole(sizes: FloatArray) -> IntArray:
    """Return the batch sizes as whole numbers; refuse others."""
    whole = np.rint(sizes)
    wrong = (np.abs(sizes - whole) > 1e-9 * sizes) | (sizes < 1)
    if wrong.any():
        k = int(wrong.argmax())
        domains.refuse(f"batch size at step {k}", float(sizes[k]), "1, 2, 3, ...")
    return whole.astype(np.int64)
