"""The steps of RMSprop, Adagrad, Adam, AdamW and NAdam, in torch's order of operations."""

from typing import Any, ClassVar, NamedTuple

import numpy as np

from linsgd.jit import Array
from linsgd.montecarlo.updates.update import Update
from linsgd.optimizers.adaptive import Adagrad, Adam, NAdam, RMSprop
from linsgd.optimizers.decoupled import AdamW


class _RMSprop(NamedTuple):
    lr: Any
    alpha: Any
    fresh_share: Any
    eps: Any
    momentum: Any
    centered: bool


class RMSpropUpdate(_RMSprop, Update):
    """RMSprop's step; mean square, mean gradient and the buffer of the momentum."""

    slots: ClassVar[int] = 3
    elementwise: ClassVar[bool] = True

    @classmethod
    def of(cls, sgd: RMSprop, fresh: bool, dtype: Any) -> "RMSpropUpdate":
        """Return the update of an optimizer."""
        return cls(
            lr=dtype(sgd.lr),
            alpha=dtype(sgd.alpha),
            fresh_share=dtype(1 - sgd.alpha),
            eps=dtype(sgd.eps),
            momentum=dtype(sgd.momentum),
            centered=sgd.centered,
        )

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k."""
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                g = G[i, j]
                square = M[0, i, j] * update.alpha + update.fresh_share * g * g
                M[0, i, j] = square
                if update.centered:
                    mean = M[1, i, j] + (g - M[1, i, j]) * update.fresh_share
                    M[1, i, j] = mean
                    square -= mean * mean
                buffer = M[2, i, j] * update.momentum + g / (np.sqrt(square) + update.eps)
                M[2, i, j] = buffer
                W[i, j] -= update.lr * buffer
                V[i, j] = -buffer


class _Adagrad(NamedTuple):
    lr: Any
    lr_decay: Any
    eps: Any


class AdagradUpdate(_Adagrad, Update):
    """Adagrad's step; the sum of squared gradients."""

    slots: ClassVar[int] = 1
    elementwise: ClassVar[bool] = True

    @classmethod
    def of(cls, sgd: Adagrad, fresh: bool, dtype: Any) -> "AdagradUpdate":
        """Return the update of an optimizer."""
        return cls(dtype(sgd.lr), dtype(sgd.lr_decay), dtype(sgd.eps))

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k."""
        lr = update.lr / (1 + k * update.lr_decay)
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                g = G[i, j]
                M[0, i, j] += g * g
                move = lr * (g / (np.sqrt(M[0, i, j]) + update.eps))
                W[i, j] -= move
                V[i, j] = -move / update.lr


def _numbers_of_adam(sgd: Adam, dtype: Any) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Return lr, both betas, the shares of a new gradient in both means, and eps."""
    first, second = (dtype(beta) for beta in sgd.betas)
    shares = [dtype(1 - beta) for beta in sgd.betas]
    return dtype(sgd.lr), first, second, shares[0], shares[1], dtype(sgd.eps)


class _Adam(NamedTuple):
    lr: Any
    beta_1: Any
    beta_2: Any
    share_1: Any
    share_2: Any
    eps: Any


class AdamUpdate(_Adam, Update):
    """Adam's step; mean and mean square of the gradient."""

    slots: ClassVar[int] = 2
    elementwise: ClassVar[bool] = True

    @classmethod
    def of(cls, sgd: Adam, fresh: bool, dtype: Any) -> "AdamUpdate":
        """Return the update of an optimizer."""
        return cls(*_numbers_of_adam(sgd, dtype))

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k."""
        size = 1 / (1 - update.beta_1 ** (k + 1))
        root = np.sqrt(1 - update.beta_2 ** (k + 1))
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                g = G[i, j]
                mean = M[0, i, j] + (g - M[0, i, j]) * update.share_1
                square = M[1, i, j] * update.beta_2 + update.share_2 * g * g
                M[0, i, j] = mean
                M[1, i, j] = square
                move = mean / (np.sqrt(square) / root + update.eps)
                W[i, j] -= update.lr * size * move
                V[i, j] = -size * move


class _AdamW(NamedTuple):
    lr: Any
    beta_1: Any
    beta_2: Any
    share_1: Any
    share_2: Any
    eps: Any
    kept: Any
    origin: Any


class AdamWUpdate(_AdamW, Update):
    """AdamW's step; mean and mean square of the gradient."""

    slots: ClassVar[int] = 2
    given: ClassVar[tuple[str, ...]] = ("origin",)

    @classmethod
    def of(cls, sgd: AdamW, fresh: bool, dtype: Any) -> "AdamWUpdate":
        """Return the update of an optimizer."""
        kept = dtype(1 - sgd.lr * sgd.weight_decay)
        return cls(*_numbers_of_adam(sgd, dtype), kept, None)

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k: w <- kept w, then Adam's step; w = W + origin."""
        size = 1 / (1 - update.beta_1 ** (k + 1))
        root = np.sqrt(1 - update.beta_2 ** (k + 1))
        for i in range(W.shape[0]):
            lost = (1 - update.kept) * update.origin[i]
            for j in range(W.shape[1]):
                g = G[i, j]
                before = W[i, j]
                mean = M[0, i, j] + (g - M[0, i, j]) * update.share_1
                square = M[1, i, j] * update.beta_2 + update.share_2 * g * g
                M[0, i, j] = mean
                M[1, i, j] = square
                move = mean / (np.sqrt(square) / root + update.eps)
                W[i, j] = before * update.kept - lost - update.lr * size * move
                V[i, j] = (W[i, j] - before) / update.lr


class _NAdam(NamedTuple):
    lr: Any
    beta_1: Any
    beta_2: Any
    share_1: Any
    share_2: Any
    eps: Any
    decay: Any


class NAdamUpdate(_NAdam, Update):
    """NAdam's step; mean and mean square of the gradient, and the product of all mu."""

    slots: ClassVar[int] = 3
    elementwise: ClassVar[bool] = True

    @classmethod
    def of(cls, sgd: NAdam, fresh: bool, dtype: Any) -> "NAdamUpdate":
        """Return the update of an optimizer."""
        return cls(*_numbers_of_adam(sgd, dtype), dtype(sgd.momentum_decay))

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k."""
        bias = 1 - update.beta_2 ** (k + 1)
        mu = update.beta_1 * (1 - 0.5 * 0.96 ** ((k + 1) * update.decay))
        following = update.beta_1 * (1 - 0.5 * 0.96 ** ((k + 2) * update.decay))
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                g = G[i, j]
                product = mu if k == 0 else M[2, i, j] * mu
                mean = M[0, i, j] + (g - M[0, i, j]) * update.share_1
                square = M[1, i, j] * update.beta_2 + update.share_2 * g * g
                M[0, i, j] = mean
                M[1, i, j] = square
                M[2, i, j] = product
                root = np.sqrt(square / bias) + update.eps
                move = g / root * ((1 - mu) / (1 - product))
                move += mean / root * (following / (1 - product * following))
                W[i, j] -= update.lr * move
                V[i, j] = -move
