"""The part of an optimizer that a simulation reads; its update has the step and the state."""

from typing import Protocol

from linsgd.problems.linear_regression import LinearRegression


class Optimizer(Protocol):
    """An optimizer that draws a minibatch at every step."""

    @property
    def batch_size(self) -> int:
        """Samples a step."""

    @property
    def weight_decay(self) -> float:
        """The L2 coefficient of the loss, whose gradient the update is given."""

    @property
    def replacement(self) -> bool | None:
        """Whether a row of finite data may come twice in one batch."""

    @property
    def sampling(self) -> str:
        """Whether batches are "independent" or those of a reshuffled "epoch"."""

    def check(self, problem: LinearRegression) -> None:
        """Raise ValueError if the batches cannot be drawn from `problem`."""


def loss_decay(optimizer: Optimizer) -> float:
    """Return the L2 coefficient of the loss whose gradient the step is given.

    That is 0 for a decoupled decay, which shrinks the weights beside the gradient's step.
    """
    return 0.0 if getattr(optimizer, "decoupled", False) else optimizer.weight_decay
