"""The step of `linsgd.SGD` on the chains of a tile, with one learning rate or one a step."""

from typing import Any, ClassVar, NamedTuple

from linsgd.jit import Array, inlined
from linsgd.montecarlo.updates.update import Update
from linsgd.optimizers.scheduled_sgd import ScheduledSGD
from linsgd.optimizers.sgd import SGD


@inlined
def gradient_weight(update: Any, k: int) -> Any:
    """Return the weight of a new gradient in the buffer at step number k."""
    return update.weights[1] if k > 0 else update.weights[0]


class _Numbers(NamedTuple):
    """The optimizer's numbers in the precision of the chains.

    `weights` are those of a new gradient in the buffer: at the first step, which a fresh optimizer
    makes undampened, and after it.
    """

    lr: Any
    momentum: Any
    weights: tuple[Any, Any]
    nesterov: bool


class SGDUpdate(_Numbers, Update):
    """SGD's step; v = -buf is all its state."""

    rotates: ClassVar[bool] = True
    elementwise: ClassVar[bool] = True

    @classmethod
    def of(cls, sgd: SGD, fresh: bool, dtype: Any) -> "SGDUpdate":
        """Return the update of `sgd`, started fresh or going on."""
        weights = (dtype(1.0 if fresh else sgd.gradient_weight), dtype(sgd.gradient_weight))
        return cls(dtype(sgd.lr), dtype(sgd.momentum), weights, sgd.nesterov)

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k: v' = momentum v - weight g, w' = w + lr v', or Nesterov's w'."""
        weight = gradient_weight(update, k)
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                w, g = W[i, j], G[i, j]
                v = update.momentum * V[i, j] - weight * g
                W[i, j] = w + update.lr * (update.momentum * v - g if update.nesterov else v)
                V[i, j] = v


class _ScheduledNumbers(NamedTuple):
    """The numbers of SGD, with the learning rate and the momentum of every step."""

    lrs: Array
    momenta: Array
    weights: tuple[Any, Any]
    nesterov: bool


class ScheduledSGDUpdate(_ScheduledNumbers, Update):
    """SGD's step under a schedule; v = -buf is all its state."""

    rotates: ClassVar[bool] = True
    elementwise: ClassVar[bool] = True

    @classmethod
    def of(cls, sgd: ScheduledSGD, fresh: bool, dtype: Any) -> "ScheduledSGDUpdate":
        """Return the update of `sgd`, started fresh or going on."""
        plain = SGDUpdate.of(sgd.sgd, fresh, dtype)
        lrs, momenta = sgd.lrs.astype(dtype), sgd.momenta.astype(dtype)
        return cls(lrs, momenta, plain.weights, plain.nesterov)

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k as `SGDUpdate` does, with its learning rate and momentum."""
        # the loop is written twice: a function of both made small kernels 8 % slower
        lr, momentum, weight = update.lrs[k], update.momenta[k], gradient_weight(update, k)
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                w, g = W[i, j], G[i, j]
                v = momentum * V[i, j] - weight * g
                W[i, j] = w + lr * (momentum * v - g if update.nesterov else v)
                V[i, j] = v
