"""The steps of `linsgd.SignSGD` and `linsgd.Lion`."""

from typing import Any, ClassVar, NamedTuple

import numpy as np

from linsgd.jit import Array
from linsgd.montecarlo.updates.update import Update
from linsgd.optimizers.sign import Lion, SignSGD


class _SignSGD(NamedTuple):
    lr: Any


class SignSGDUpdate(_SignSGD, Update):
    """The step of sign descent; it keeps nothing."""

    elementwise: ClassVar[bool] = True

    @classmethod
    def of(cls, sgd: SignSGD, fresh: bool, dtype: Any) -> "SignSGDUpdate":
        """Return the update of an optimizer."""
        return cls(dtype(sgd.lr))

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k: v' = -sign(g), w' = w + lr v'."""
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                V[i, j] = -np.sign(G[i, j])
                W[i, j] += update.lr * V[i, j]


class _Lion(NamedTuple):
    lr: Any
    beta_1: Any
    beta_2: Any


class LionUpdate(_Lion, Update):
    """Lion's step; the running mean of the gradient."""

    slots: ClassVar[int] = 1
    elementwise: ClassVar[bool] = True

    @classmethod
    def of(cls, sgd: Lion, fresh: bool, dtype: Any) -> "LionUpdate":
        """Return the update of an optimizer."""
        return cls(dtype(sgd.lr), dtype(sgd.betas[0]), dtype(sgd.betas[1]))

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k."""
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                g = G[i, j]
                mean = M[0, i, j]
                V[i, j] = -np.sign(update.beta_1 * mean + (1 - update.beta_1) * g)
                W[i, j] += update.lr * V[i, j]
                M[0, i, j] = update.beta_2 * mean + (1 - update.beta_2) * g
